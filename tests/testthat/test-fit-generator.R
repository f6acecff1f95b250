test_that("the signature is the reference's, further arguments follow", {
  expect_identical(
    names(formals(fit_generator))[1:12],
    c("object", "generator", "steps_per_epoch", "epochs", "verbose", "callbacks", "view_metrics",
      "validation_data", "validation_steps", "class_weight", "max_queue_size", "initial_epoch")
  )
  expect_identical(formals(fit_generator)$verbose, 1)
  expect_identical(formals(fit_generator)$max_queue_size, 10)
})

test_that("the generator is called steps x epochs times, whatever the queue", {
  for (queue in c(0, 1, 10)) {
    generator <- line_generator()
    line_model() %>% fit_generator(generator, 7, epochs = 3, verbose = 0, max_queue_size = queue)
    expect_equal(calls_of(generator), 21)
  }
  generator <- line_generator()
  line_model() %>% fit_generator(generator, 7, epochs = 5, initial_epoch = 3, verbose = 0)
  expect_equal(calls_of(generator), 14)
  expect_nothing_left()
})

test_that("training learns, and the model keeps its history", {
  model <- line_model(optimizer_sgd(lr = 0.1))
  history <- model %>% fit_generator(line_generator(32), 50, epochs = 4, verbose = 0)
  expect_s3_class(history, "keras_training_history")
  expect_named(history$metrics, "loss")
  expect_length(history$metrics$loss, 4)
  expect_lt(history$metrics$loss[[4]], history$metrics$loss[[1]] / 10)
  expect_identical(model$history, history)
  expect_equal(history$params$epochs, 4L)
  expect_equal(history$params$steps, 50L)
  expect_null(history$params$samples)
})

test_that("fit_generator() returns its history invisibly", {
  expect_invisible(line_model() %>% fit_generator(line_generator(), 2, verbose = 0))
})

test_that("fractions of steps are cut off, no step at all is an error", {
  generator <- line_generator()
  line_model() %>% fit_generator(generator, 1000 / 128, verbose = 0)
  expect_equal(calls_of(generator), 7)
  expect_snapshot(error = TRUE, {
    line_model() %>% fit_generator(line_generator(), 100 / 128, verbose = 0)
    line_model() %>% fit_generator(line_generator(), verbose = 0)
    line_model() %>% fit_generator(line_generator(), "ten", verbose = 0)
  })
})

test_that("epochs up to initial_epoch train nothing", {
  generator <- line_generator()
  seen <- character()
  callback <- callback_lambda(
    on_train_begin = function() seen <<- c(seen, "begin"),
    on_epoch_begin = function() seen <<- c(seen, "epoch"),
    on_train_end = function() seen <<- c(seen, "end")
  )
  history <- line_model() %>%
    fit_generator(generator, 5, epochs = 2, initial_epoch = 2, verbose = 0, callbacks = callback)
  expect_equal(calls_of(generator), 0)
  expect_equal(seen, c("begin", "end"))
  expect_length(history$metrics, 0)
  expect_nothing_left()
})

test_that("callbacks are called at exactly these moments", {
  seen <- character()
  note <- function(...) seen <<- c(seen, paste(...))
  generator <- function() {
    note("generator")
    unname(line_data(8))
  }
  callback <- callback_lambda(
    on_train_begin = function(logs) note("train begin", length(logs)),
    on_epoch_begin = function(epoch, logs) note("epoch begin", epoch, length(logs)),
    on_batch_begin = function(batch, logs) note("batch begin", batch, names(logs)),
    on_batch_end = function(batch, logs) note("batch end", batch, names(logs)),
    on_epoch_end = function(epoch, logs) note("epoch end", epoch, names(logs)),
    on_train_end = function(logs) note("train end", length(logs))
  )
  line_model(metrics = "mae") %>%
    fit_generator(generator, 1, epochs = 2, verbose = 0, callbacks = list(callback), workers = 0,
                  validation_data = line_generator(), validation_steps = 1)
  mae <- "mean_absolute_error"
  epoch <- function(i) {
    c(
      paste("epoch begin", i, 0), "generator",
      paste("batch begin 0", c("batch", "size")),
      paste("batch end 0", c("batch", "size", "loss", mae)),
      paste("epoch end", i, c("val_loss", paste0("val_", mae), "loss", mae))
    )
  }
  expect_equal(seen, c("train begin 0", epoch(0), epoch(1), "train end 0"))
})

test_that("logs of a batch are those of the batch, logs of an epoch weighted by rows", {
  batches <- list(line_data(10), line_data(4))
  i <- 0
  generator <- function() {
    i <<- i %% 2 + 1
    unname(batches[[i]])
  }
  losses <- sizes <- NULL
  callback <- callback_lambda(on_batch_end = function(batch, logs) {
    losses <<- c(losses, logs$loss)
    sizes <<- c(sizes, logs$size)
  })
  history <- line_model() %>% fit_generator(generator, 4, verbose = 0, callbacks = callback)
  expect_equal(sizes, c(10, 4, 10, 4))
  expect_equal(history$metrics$loss, sum(losses * sizes) / sum(sizes), tolerance = 1e-6)
})

test_that("NULL ends training with a warning, complete callbacks and the history so far", {
  seen <- character()
  callback <- callback_lambda(
    on_epoch_end = function(epoch) seen <<- c(seen, paste("epoch", epoch)),
    on_train_end = function() seen <<- c(seen, "end")
  )
  expect_snapshot({
    history <- line_model() %>%
      fit_generator(line_generator(last = 7), 5, epochs = 3, verbose = 0, callbacks = callback,
                    validation_data = line_generator(), validation_steps = 2)
  })
  expect_equal(seen, c("epoch 0", "epoch 1", "end"))
  expect_equal(lengths(history$metrics), c(val_loss = 2, loss = 2))
  expect_nothing_left()
})

test_that("data that end with an epoch leave no empty epoch", {
  expect_warning(
    history <- line_model() %>%
      fit_generator(line_generator(last = 10), 5, epochs = 3, verbose = 0),
    class = "hornet_end_of_data_warning"
  )
  expect_length(history$metrics$loss, 2)
})

test_that("no data at all is an error", {
  expect_snapshot(error = TRUE, {
    line_model() %>% fit_generator(function() NULL, 5, verbose = 0)
    line_model() %>% evaluate_generator(function() NULL, 5)
    line_model() %>% predict_generator(function() NULL, 5)
  })
  expect_nothing_left()
})

test_that("a validation function goes on where it stopped, with exact calls", {
  generator <- line_generator()
  history <- line_model() %>%
    fit_generator(line_generator(), 3, epochs = 4, verbose = 0,
                  validation_data = generator, validation_steps = 2.9)
  expect_equal(calls_of(generator), 8)
  expect_named(history$metrics, c("val_loss", "loss"))
  expect_equal(history$metrics$val_loss[[4]] < history$metrics$val_loss[[1]], TRUE)
})

test_that("validation that ends early is a warning, and training goes on", {
  expect_warning(
    history <- line_model() %>%
      fit_generator(line_generator(), 3, epochs = 3, verbose = 0,
                    validation_data = line_generator(last = 3), validation_steps = 2),
    "validation generator ran out of data after 1 of 2 steps"
  )
  expect_length(history$metrics$loss, 3)
  expect_equal(is.na(history$metrics$val_loss), c(FALSE, FALSE, TRUE))
})

test_that("validation arrays give what evaluate() gives, named or not, weighted or not", {
  data <- line_data(20)
  weights <- seq(0.1, 2, length.out = 20)
  check <- function(validation_data, ...) {
    model <- line_model()
    history <- model %>%
      fit_generator(line_generator(20), 3, verbose = 0, validation_data = validation_data)
    expect_equal(history$params$validation_samples, 20L)
    expect_equal(history$metrics$val_loss,
                 evaluate(model, data$x, data$y, verbose = 0, ...)[["loss"]], tolerance = 1e-6)
  }
  check(list(data$x, data$y))
  check(list(y = data$y, x = data$x))
  check(list(data$x, data$y, weights), sample_weight = weights)
})

test_that("validation data of other kinds are refused", {
  data <- line_data()
  fit_with <- function(...) line_model() %>% fit_generator(line_generator(), 2, verbose = 0, ...)
  expect_snapshot(error = TRUE, {
    fit_with(validation_data = data$x)
    fit_with(validation_data = list(data$x))
    fit_with(validation_data = line_generator())
    fit_with(validation_data = list(data$x, data$y[1:3]))
  })
})

test_that("class weights are sample weights by class", {
  x <- matrix(sin(1:60), ncol = 2)
  y <- rep(0:2, 10)
  class_model <- function() {
    model <- keras_model_sequential() %>%
      layer_dense(units = 3, activation = "softmax", input_shape = 2, name = "kind")
    model %>% compile(optimizer = "sgd", loss = "sparse_categorical_crossentropy")
    set_weights(model, list(matrix(cos(1:6), 2), c(0.1, 0, -0.1)))
    model
  }
  trained <- function(batch, ...) {
    model <- class_model()
    model %>% fit_generator(function() batch, 5, verbose = 0, ...)
    get_weights(model)
  }
  by_sample <- trained(list(x, y, c(1, 2, 0.5)[y + 1]))
  expect_equal(trained(list(x, y), class_weight = list("0" = 1, "1" = 2, "2" = 0.5)), by_sample)
  expect_equal(trained(list(x, y), class_weight = c("2" = 0.5, "1" = 2, "0" = 1)), by_sample)
  expect_equal(trained(list(x, y, c(1, 2, 0.5)[y + 1]), class_weight = list("0" = 9, "1" = 9, "2" = 9)),
               by_sample)
  expect_snapshot(error = TRUE, {
    trained(list(x, y), class_weight = list("0" = 1, "1" = 2))
    trained(list(x, y), class_weight = list(1, 2, 3))
    trained(list(x, y), class_weight = list(cat = 1, dog = 2))
    trained(list(x, y), class_weight = list("0" = "heavy"))
  })
})

test_that("class weights may be given for each output", {
  targets <- list(list(name = "a", dim = c(-1, 1)), list(name = "b", dim = c(-1, 3)))
  expect_equal(
    class_weight_vectors(list(b = c("0" = 1, "2" = 3)), targets), list(numeric(), c(1, NA, 3))
  )
  expect_equal(class_weight_vectors(list(a = list("1" = 2)), targets[1]), list(c(NA, 2)))
  expect_snapshot(class_weight_vectors(list("0" = 1), targets), error = TRUE)
  expect_snapshot(class_weight_vectors(list("0" = 1), list(list(name = "a", dim = c(-1, 4, 5)))),
                  error = TRUE)
})

test_that("a callback stops training within an epoch", {
  model <- line_model()
  seen <- character()
  callback <- callback_lambda(
    on_train_begin = function() model$stop_training <- TRUE,      # has no effect: too early
    on_batch_end = function(batch) if (batch == 2) model$stop_training <- TRUE,
    on_epoch_end = function(epoch, logs) seen <<- c(seen, names(logs)),
    on_train_end = function() seen <<- c(seen, "end")
  )
  generator <- line_generator()
  history <- model %>%
    fit_generator(generator, 10, epochs = 3, verbose = 0, callbacks = callback,
                  validation_data = line_generator(), validation_steps = 1)
  expect_equal(seen, c("loss", "end"))
  expect_named(history$metrics, "loss")
  expect_length(history$metrics$loss, 1)
  expect_lte(calls_of(generator), 3 + 10 + 2)
  expect_true(model$stop_training)
  expect_nothing_left()
})

test_that("stopping in the last step still validates, as in the reference", {
  model <- line_model()
  callback <- callback_lambda(on_batch_end = function(batch) if (batch == 4) model$stop_training <- TRUE)
  history <- model %>%
    fit_generator(line_generator(), 5, epochs = 3, verbose = 0, callbacks = callback,
                  validation_data = line_generator(), validation_steps = 1)
  expect_equal(lengths(history$metrics), c(val_loss = 1, loss = 1))
})

test_that("stop_training set at the start of an epoch stops after its first batch", {
  model <- line_model()
  callback <- callback_lambda(on_epoch_begin = function(epoch) if (epoch == 1) model$stop_training <- TRUE)
  generator <- line_generator()
  model %>% fit_generator(generator, 5, epochs = 3, verbose = 0, callbacks = callback, workers = 0)
  expect_equal(calls_of(generator), 6)
})

test_that("errors of generators and callbacks reach the caller as they are", {
  boom <- function() stop(structure(class = c("boom", "error", "condition"),
                                    list(message = "boom", call = NULL)))
  for (at in c(1, 2, 8)) {
    model <- line_model()
    generator <- line_generator()
    failing <- function() if (calls_of(generator) + 1 == at) boom() else generator()
    expect_error(model %>% fit_generator(failing, 3, epochs = 3, verbose = 0), class = "boom")
    expect_length(model$history$metrics$loss, (at - 1) %/% 3)
    expect_nothing_left()
  }
  hooks <- names(formals(callback_lambda))
  for (hook in hooks) {
    model <- line_model()
    callback <- do.call(callback_lambda, stats::setNames(list(boom), hook))
    expect_error(model %>% fit_generator(line_generator(), 3, verbose = 0, callbacks = callback),
                 class = "boom")
    expect_nothing_left()
    expect_length((model %>% fit_generator(line_generator(), 3, verbose = 0))$metrics$loss, 1)
  }
})

test_that("an interrupt carries the history, and the model stays usable", {
  model <- line_model()
  generator <- line_generator()
  interrupted <- function() {
    if (calls_of(generator) == 25) {
      tools::pskill(Sys.getpid(), tools::SIGINT)
      Sys.sleep(5)
    }
    generator()
  }
  condition <- tryCatch(
    model %>% fit_generator(interrupted, 10, epochs = 5, verbose = 0, max_queue_size = 1),
    interrupt = identity
  )
  expect_s3_class(condition, c("hornet_interrupt", "interrupt", "condition"), exact = TRUE)
  expect_length(condition$history$metrics$loss, 2)
  expect_match(conditionMessage(condition), "after 2 complete epochs")
  expect_equal(model$history$metrics, condition$history$metrics)
  expect_nothing_left()
  expect_length((model %>% fit_generator(generator, 3, verbose = 0))$metrics$loss, 1)
})

test_that("generators and callbacks may use the model, but not train it", {
  model <- line_model()
  data <- line_data(8)
  generator <- function() {
    predict(model, data$x)
    unname(data)
  }
  callback <- callback_lambda(
    on_batch_end = function(batch) if (batch == 1) evaluate_generator(model, line_generator(), 2),
    on_epoch_end = function(epoch) predict(model, data$x)
  )
  history <- model %>% fit_generator(generator, 5, epochs = 2, verbose = 0, callbacks = callback)
  expect_length(history$metrics$loss, 2)

  nested <- function() {
    model %>% fit_generator(line_generator(), 1, verbose = 0)
    unname(data)
  }
  expect_error(model %>% fit_generator(nested, 5, verbose = 0), "already being trained",
               class = "hornet_training_error")
  other <- line_model()
  nested <- function() {
    other %>% fit_generator(line_generator(), 1, verbose = 0)
    unname(data)
  }
  expect_length((model %>% fit_generator(nested, 5, verbose = 0))$metrics$loss, 1)
  expect_nothing_left()
})

test_that("set.seed() repeats a run, whatever is read ahead and whoever else draws numbers", {
  run <- function(queue) {
    set.seed(42)
    model <- line_model()
    generator <- function() {
      x <- matrix(rnorm(16), ncol = 2)
      list(x, rowSums(x))
    }
    drawn <- NULL
    callback <- callback_lambda(on_batch_end = function() drawn <<- c(drawn, runif(1)))
    history <- model %>%
      fit_generator(generator, 20, epochs = 2, verbose = 0, max_queue_size = queue,
                    callbacks = callback, validation_data = generator, validation_steps = 2)
    list(get_weights(model), history$metrics, drawn, runif(1))
  }
  expect_identical(run(0), run(10))
  expect_identical(run(3), run(10))
})

test_that("more than one worker is refused for an R function, with advice", {
  expect_snapshot(line_model() %>% fit_generator(line_generator(), 2, workers = 2), error = TRUE)
})

test_that("without reading ahead the generator is called when the model asks", {
  model <- line_model()
  seen <- character()
  generator <- function() {
    seen <<- c(seen, "generator")
    unname(line_data(8))
  }
  callback <- callback_lambda(on_batch_end = function() seen <<- c(seen, "batch"))
  model %>% fit_generator(generator, 3, verbose = 0, callbacks = callback, workers = 0)
  expect_equal(seen, rep(c("generator", "batch"), 3))
})

test_that("what is no generator is refused", {
  expect_snapshot(error = TRUE, {
    line_model() %>% fit_generator(list(1, 2), 2)
    line_model() %>% fit_generator(function(batch_size) NULL, 2)
    line_model() %>% fit_generator(line_model(), 2)
    fit_generator(list(), line_generator(), 2)
  })
})

test_that("evaluation by a generator is weighted by rows, prediction keeps their order", {
  model <- line_model(metrics = "mae")
  data <- line_data(14)
  at <- 0
  generator <- function() {
    rows <- if (at == 0) 1:10 else 11:14
    at <<- 1 - at
    list(data$x[rows, ], data$y[rows])
  }
  expect_equal(model %>% evaluate_generator(generator, 2),
               model %>% evaluate(data$x, data$y, verbose = 0), tolerance = 1e-6)
  expect_equal(model %>% predict_generator(generator, 2), predict(model, data$x))
  inputs_only <- function() list(generator()[[1]])
  expect_equal(model %>% predict_generator(inputs_only, 2), predict(model, data$x))
  expect_equal(model %>% predict_generator(function() generator()[[1]], 2), predict(model, data$x))
  expect_warning(model %>% evaluate_generator(line_generator(last = 2), 5),
                 "ran out of data after 2 of 5 steps")
})

test_that("the timing tells who waited for whom", {
  skip_if(tested_gpu >= 0L, "an emulated GPU is slower than any generator")
  data <- unname(line_data(8))
  slow <- function() {
    Sys.sleep(0.01)
    data
  }
  timing <- (line_model() %>% fit_generator(slow, 10, epochs = 2, verbose = 0))$timing
  expect_gt(timing$wait_share, 0.5)
  expect_equal(timing$epochs$epoch, 1:2)
  expect_equal(timing$epochs$steps, c(10L, 10L))

  slow_callback <- callback_lambda(on_batch_end = function() Sys.sleep(0.01))
  timing <- (line_model() %>%
    fit_generator(function() data, 20, verbose = 0, callbacks = slow_callback, max_queue_size = 2))$timing
  expect_gt(timing$blocked_share, 0.5)
  expect_lt(timing$wait_share, 0.5)
})

test_that("verbose 1 and 2 print Keras' lines, once an epoch where they can't be redrawn", {
  withr::local_envvar(R_CLI_DYNAMIC = "false")
  scrub <- function(lines) gsub("[0-9.]+s [0-9]+(s|ms|us)/step|(?<=- )[0-9]+s", "<time>",
                                gsub("[0-9]\\.[0-9]{4}(e-[0-9]+)?", "<value>", lines), perl = TRUE)
  expect_snapshot(transform = scrub, {
    history <- line_model() %>%
      fit_generator(line_generator(), 5, epochs = 2,
                    validation_data = line_generator(), validation_steps = 2)
    history <- line_model(metrics = "mae") %>% fit_generator(line_generator(), 5, verbose = 2)
  })
  withr::local_options(keras.fit_verbose = 0)
  expect_silent(line_model() %>% fit_generator(line_generator(), 5))
})

test_that("the bar shows the history's values, also for batches of different sizes", {
  withr::local_envvar(R_CLI_DYNAMIC = "false")
  sizes <- c(10, 10, 5)
  i <- 0
  generator <- function() {
    i <<- i + 1
    unname(line_data(sizes[[i]]))
  }
  output <- capture.output(history <- line_model() %>% fit_generator(generator, 3))
  expect_match(output[[2]], paste("loss:", format_value(history$metrics$loss)), fixed = TRUE)
})

test_that("a dynamic bar is redrawn within the width of the terminal", {
  withr::local_envvar(R_CLI_DYNAMIC = "true")
  withr::local_options(width = 60)
  data <- unname(line_data(8))
  slow <- function() {
    Sys.sleep(0.02)
    data
  }
  output <- capture.output(
    line_model(metrics = c("mae", "mse")) %>%
      fit_generator(slow, 20, validation_data = data)
  )
  states <- unlist(strsplit(output[-1], "\r"))
  expect_gt(length(states), 3)
  expect_true(all(nchar(states) < 60))
  expect_match(paste(output, collapse = ""), "val_mean_squared_error")
})

test_that("with view_metrics the history is drawn after each epoch", {
  pages <- function(...) {
    file <- tempfile(fileext = ".pdf")
    on.exit(unlink(file))
    grDevices::pdf(file, compress = FALSE)
    tryCatch(
      line_model() %>% fit_generator(line_generator(), 2, epochs = 3, verbose = 0, ...),
      finally = grDevices::dev.off()
    )
    sum(grepl("/Type /Page ", readLines(file, warn = FALSE), fixed = TRUE, useBytes = TRUE))
  }
  expect_equal(pages(view_metrics = TRUE), 3)
  expect_equal(pages(), 0)
})

test_that("view_metrics is resolved like the reference does", {
  withr::local_options(viewer = identity)
  withr::local_envvar(RSTUDIO = "1")
  expect_true(resolve_view_metrics("auto", 2, list("acc"), 1))
  expect_false(resolve_view_metrics("auto", 1, list("acc"), 1))
  expect_false(resolve_view_metrics("auto", 2, list(), 1))
  expect_false(resolve_view_metrics("auto", 2, list("acc"), 0))
  expect_true(resolve_view_metrics(TRUE, 1, list(), 0))
  expect_false(resolve_view_metrics(FALSE, 2, list("acc"), 1))
  withr::local_envvar(RSTUDIO = "")
  expect_false(resolve_view_metrics("auto", 2, list("acc"), 1))
  withr::local_envvar(RSTUDIO = "1")
  withr::local_options(viewer = NULL)
  expect_false(resolve_view_metrics("auto", 2, list("acc"), 1))
})

test_that("the learning rate follows a schedule, also with one argument", {
  model <- line_model()
  rates <- NULL
  watch <- callback_lambda(on_epoch_end = function() rates <<- c(rates, learning_rate(model)))
  start <- learning_rate(model)
  model %>% fit_generator(line_generator(), 2, epochs = 3, verbose = 0,
                          callbacks = list(callback_learning_rate_scheduler(function(epoch, lr) lr / 2), watch))
  expect_equal(rates, start / c(2, 4, 8), tolerance = 1e-6)
  model %>% fit_generator(line_generator(), 2, epochs = 2, verbose = 0,
                          callbacks = callback_learning_rate_scheduler(function(epoch) 0.5 + epoch))
  expect_equal(learning_rate(model), 1.5)
  model %>% fit_generator(line_generator(), 2, verbose = 0,
                          callbacks = callback_learning_rate_scheduler(function(epoch, base = 7) base))
  expect_equal(learning_rate(model), 7)
  expect_snapshot(error = TRUE, {
    model %>% fit_generator(line_generator(), 2, verbose = 0,
                            callbacks = callback_learning_rate_scheduler(function(epoch) "fast"))
  })
})

test_that("a learning rate of zero trains nothing", {
  model <- line_model()
  before <- get_weights(model)
  model %>% fit_generator(line_generator(), 3, verbose = 0,
                          callbacks = callback_learning_rate_scheduler(function(epoch) 0))
  expect_equal(get_weights(model), before)
})

test_that("a plateau cuts the learning rate after patience + 1 bad epochs, then every patience", {
  cuts <- function(callback, values) {
    model <- line_model()
    set_learning_rate(model, 1)
    rates <- NULL
    callback$set_context(list(), model)
    callback$on_train_begin()
    for (i in seq_along(values)) {
      callback$on_epoch_end(i - 1L, list(val_loss = values[[i]]))
      rates <- c(rates, learning_rate(model))
    }
    rates
  }
  expect_equal(cuts(callback_reduce_lr_on_plateau(factor = 0.5, patience = 2), rep(1, 8)),
               c(1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125))
  expect_equal(cuts(callback_reduce_lr_on_plateau(factor = 0.5, patience = 1), c(3, 2, 1, 0.5)),
               rep(1, 4))
  expect_equal(cuts(callback_reduce_lr_on_plateau(factor = 0.5, patience = 1, min_lr = 0.4), rep(1, 6)),
               c(1, 1, 0.5, 0.4, 0.4, 0.4), tolerance = 1e-6)
  expect_equal(cuts(callback_reduce_lr_on_plateau(factor = 0.5, patience = 1, cooldown = 2), rep(1, 7)),
               c(1, 1, 0.5, 0.5, 0.5, 0.25, 0.25))
})

test_that("a plateau callback adds lr to the history", {
  history <- line_model() %>%
    fit_generator(line_generator(), 2, epochs = 2, verbose = 0,
                  callbacks = callback_reduce_lr_on_plateau(monitor = "loss"))
  expect_named(history$metrics, c("loss", "lr"))
  expect_equal(history$metrics$lr, rep(0.01, 2), tolerance = 1e-6)
})

test_that("early stopping restores the best weights when asked", {
  model <- line_model()
  best <- NULL
  worsen <- callback_lambda(on_epoch_end = function(epoch) if (epoch == 0) best <<- get_weights(model))
  stopper <- callback_early_stopping("loss", mode = "max", patience = 2, restore_best_weights = TRUE)
  history <- model %>%
    fit_generator(line_generator(), 5, epochs = 9, verbose = 0, callbacks = list(worsen, stopper))
  expect_length(history$metrics$loss, 3)
  expect_equal(get_weights(model), best)
})

test_that("a loss that is not finite is reported once, and ends training if asked", {
  data <- unname(line_data(8))
  bad <- function() list(data[[1]] * NaN, data[[2]])
  model <- line_model()
  calls <- 0
  generator <- function() {
    calls <<- calls + 1
    if (calls == 8) bad() else data
  }
  expect_snapshot(history <- model %>% fit_generator(generator, 5, epochs = 4, verbose = 0))
  expect_length(history$metrics$loss, 4)

  calls <- 0
  expect_snapshot(history <- line_model() %>%
    fit_generator(generator, 5, epochs = 4, verbose = 0, callbacks = callback_terminate_on_naan()))
  expect_length(history$metrics$loss, 2)
})
