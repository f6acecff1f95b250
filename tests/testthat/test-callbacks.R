test_that("a callback alone need not be in a list", {
  callback <- callback_lambda()
  expect_identical(as_callbacks(callback), list(callback))
  expect_identical(as_callbacks(NULL), list())
})

test_that("what is not a callback is refused by its position", {
  expect_snapshot(error = TRUE, {
    as_callbacks(list(callback_lambda(), "stop"))
    as_callbacks(KerasCallback)
    as_callbacks(function(epoch, logs) NULL)
  })
})

test_that("callback_lambda() refuses what can't be called", {
  expect_snapshot(error = TRUE, {
    callback_lambda(on_epoch_end = "print")
    callback_lambda(on_train_begin = function(epoch, logs) NULL)
    callback_lambda(on_batch_end = function(a, b, c) NULL)
  })
})

test_that("functions get as many arguments as they take", {
  seen <- list()
  callback <- callback_lambda(
    on_epoch_begin = function() seen$none <<- TRUE,
    on_epoch_end = function(epoch) seen$one <<- epoch,
    on_batch_end = function(batch, logs) seen$two <<- list(batch, logs),
    on_train_begin = function(...) seen$all <<- list(...)
  )
  callback$on_epoch_begin(3, list())
  callback$on_epoch_end(4, list(loss = 1))
  callback$on_batch_end(5, list(loss = 2))
  callback$on_train_begin(list())
  expect_equal(seen, list(none = TRUE, one = 4, two = list(5, list(loss = 2)), all = list(list())))
})

test_that("only overridden methods count", {
  callback <- callback_lambda(on_epoch_end = function(epoch, logs) NULL)
  expect_true(overrides(callback, "on_epoch_end"))
  expect_false(overrides(callback, "on_batch_end"))
  Batches <- R6::R6Class("Batches",
    inherit = KerasCallback,
    public = list(on_batch_end = function(batch, logs = list()) 1)
  )
  expect_true(overrides(Batches$new(), "on_batch_end"))
  model <- new.env()
  expect_null(CallbackList$new(list(callback), list(), model)$batch_hooks("loss"))
  hooks <- CallbackList$new(list(callback, Batches$new()), list(), model)$batch_hooks("loss")
  expect_false(hooks$end(0, 8, 0.5))
  model$stop_training <- TRUE
  expect_true(hooks$end(1, 8, 0.5))
})

test_that("logs of a batch have its number, size and values", {
  logs <- NULL
  recorder <- callback_lambda(
    on_batch_begin = function(batch, logs) logs <<- list(batch, logs),
    on_batch_end = function(batch, l) logs <<- c(logs, list(batch, l))
  )
  hooks <- CallbackList$new(list(recorder), list(), new.env())$batch_hooks(c("loss", "acc"))
  hooks$begin(3, 16)
  hooks$end(3, 16, c(0.25, 0.5))
  expect_identical(logs, list(
    3L, list(batch = 3L, size = 16L),
    3L, list(batch = 3L, size = 16L, loss = 0.25, acc = 0.5)
  ))
})

test_that("later callbacks see what earlier ones add to the logs", {
  Adder <- R6::R6Class("Adder",
    inherit = KerasCallback,
    public = list(on_epoch_end = function(epoch, logs = list()) self$add_logs(lr = 0.1))
  )
  seen <- NULL
  callbacks <- CallbackList$new(
    list(Adder$new(), callback_lambda(on_epoch_end = function(epoch, logs) seen <<- logs)),
    list(), new.env()
  )
  expect_equal(callbacks$on_epoch_end(0, list(loss = 1)), list(loss = 1, lr = 0.1))
  expect_equal(seen, list(loss = 1, lr = 0.1))
})

test_that("slow batch callbacks are reported once", {
  clock <- callback_clock()
  warnings <- capture_warnings(for (i in 1:12) {
    clock$enter()
    environment(clock$enter)$entered <- now() - 0.2       # as if 0.2 s had passed inside
    clock$leave(complete = TRUE)
    environment(clock$enter)$left <- now()
  })
  expect_length(warnings, 1)
  expect_match(warnings, "0.20 s")
})

test_that("early stopping waits for `patience` epochs without improvement", {
  expect_equal(run_epochs(callback_early_stopping(), c(3, 2, 2, 1)), 3)
  expect_equal(run_epochs(callback_early_stopping(patience = 1), c(3, 2, 2, 1)), 3)
  expect_equal(run_epochs(callback_early_stopping(patience = 2), c(3, 2, 2, 1, 1, 1, 1)), 6)
  expect_equal(run_epochs(callback_early_stopping(min_delta = 0.5), c(3, 2, 1.6, 1)), 3)
  expect_equal(run_epochs(callback_early_stopping(min_delta = -0.5), c(3, 2, 1.6, 1)), 3)
})

test_that("early stopping knows that accuracy should rise", {
  rising <- callback_early_stopping(monitor = "val_acc")
  expect_equal(run_epochs(rising, c(0.1, 0.2, 0.15, 0.3), monitor = "val_acc"), 3)
  expect_equal(run_epochs(callback_early_stopping(monitor = "val_acc", mode = "min"), c(0.1, 0.2, 0.15),
                     monitor = "val_acc"), 2)
})

test_that("early stopping starts anew with each training, and from a baseline if told so", {
  callback <- callback_early_stopping()
  expect_equal(run_epochs(callback, c(1, 2)), 2)
  expect_equal(run_epochs(callback, c(3, 2, 1)), 3)
  expect_equal(run_epochs(callback_early_stopping(baseline = 0.5), c(1, 0.9)), 1)
})

test_that("early stopping tells the epoch at the end", {
  expect_output(run_epochs(callback_early_stopping(verbose = 1), c(1, 2)), "Epoch 00002: early stopping")
  expect_silent(run_epochs(callback_early_stopping(verbose = 1), c(2, 1)))
})

test_that("a value that the logs don't have is a warning that lists what they have", {
  expect_snapshot(run_epochs(callback_early_stopping(), 1, monitor = "loss"))
})

test_that("acc and accuracy are one", {
  expect_no_warning(run_epochs(callback_early_stopping("val_accuracy"), c(0.1, 0.2), monitor = "val_acc"))
})

test_that("the CSV log has sorted columns, epochs from 0 and CRLF, and is complete at any time", {
  file <- withr::local_tempfile(fileext = ".csv")
  logger <- callback_csv_logger(file)
  logger$set_context(list(), new.env())
  logger$on_train_begin()
  logger$on_epoch_end(0L, list(val_loss = 0.1, loss = 1 / 3, acc = 1))
  logger$on_epoch_end(1L, list(loss = NaN, acc = 1e-20, extra = 3))
  text <- readChar(file, file.size(file))
  expect_equal(text, paste0(
    "epoch,acc,loss,val_loss\r\n",
    "0,1,", format_exactly(1 / 3), ",0.1\r\n",
    "1,1e-20,NaN,NA\r\n"
  ))
  read <- utils::read.csv(file)
  expect_identical(read$loss, c(1 / 3, NaN))
  expect_equal(read$val_loss, c(0.1, NA))
})

test_that("an appended CSV log has one header", {
  file <- withr::local_tempfile(fileext = ".csv")
  for (run in 1:2) run_epochs(callback_csv_logger(file, separator = ";", append = TRUE), c(2, 1))
  expect_equal(readLines(file), c("epoch;val_loss", "0;2", "1;1", "0;2", "1;1"))
  run_epochs(callback_csv_logger(file), 5)
  expect_equal(readLines(file), c("epoch,val_loss", "0,5"))
})

test_that("arguments of callbacks are checked where they are made", {
  expect_snapshot(error = TRUE, {
    callback_early_stopping(monitor = 1)
    callback_early_stopping(patience = "two")
    callback_reduce_lr_on_plateau(factor = 1)
    callback_csv_logger(NULL)
    callback_learning_rate_scheduler(0.1)
    callback_progbar_logger("epochs")
  })
})
