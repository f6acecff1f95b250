example_history <- function(params = list(), timing = NULL) {
  params <- utils::modifyList(list(
    batch_size = 32L, epochs = 3L, samples = 1234L, verbose = 0L, do_validation = TRUE,
    metrics = c("loss", "acc", "val_loss", "val_acc"), validation_samples = 400L
  ), params)
  new_history(params, list(
    val_loss = c(0.9, 0.7, 0.65), val_acc = c(0.5, 0.625, 0.75),
    loss = c(1, 0.5, 0.12345678), acc = c(0.4, 0.6, 0.8)
  ), timing)
}

test_that("print shows samples, settings and the last epoch", {
  expect_snapshot(example_history())
})

test_that("print of training by a generator tells how long the model waited for data", {
  timing <- timing_of(data.frame(
    epoch = 1:2, seconds = c(5, 5), steps = c(100L, 100L), wait = c(4, 0.3), source = c(6, 6),
    blocked = c(0, 4)
  ), elapsed = 12)
  params <- list(batch_size = NULL, samples = NULL, validation_samples = NULL, steps = 100L)
  expect_snapshot(example_history(params, timing))
})

test_that("print survives a run without epochs", {
  expect_output(print(new_history(list(epochs = 2L), list())), "no epoch")
})

test_that("large, small and missing values are printed without exponents", {
  expect_equal(
    format_values(c(loss = 123456.789, acc = 1e-5, val_loss = NA)),
    c("    loss: 123,500", "     acc: 0.00001", "val_loss: NA")
  )
})

test_that("the data frame has one row for each epoch and value, training first", {
  values <- as.data.frame(example_history())
  expect_named(values, c("epoch", "value", "metric", "data"))
  expect_equal(values$epoch, rep(1:3, 4))
  expect_equal(levels(values$metric), c("loss", "acc"))
  expect_equal(levels(values$data), c("training", "validation"))
  expect_equal(values$value[values$metric == "loss" & values$data == "validation"], c(0.9, 0.7, 0.65))
})

test_that("the data frame of a generator without validation has no duplicated rows", {
  history <- new_history(
    list(epochs = 2L, steps = 5L, do_validation = FALSE, metrics = c("loss", "val_loss")),
    list(loss = c(2, 1))
  )
  expect_equal(as.data.frame(history), data.frame(
    epoch = 1:2, value = c(2, 1), metric = factor(c("loss", "loss")),
    data = factor(c("training", "training"), levels = c("training", "validation"))
  ))
})

test_that("epochs that were not run are NA, and resumed training keeps its epoch numbers", {
  stopped <- new_history(list(epochs = 4L), list(loss = c(2, 1)))
  expect_equal(as.data.frame(stopped)$value, c(2, 1, NA, NA))
  resumed <- new_history(list(epochs = 4L, initial_epoch = 2L), list(loss = c(2, 1)))
  expect_equal(as.data.frame(resumed)$value, c(NA, NA, 2, 1))
})

test_that("the recorder aligns values that appear late or are missing", {
  recorder <- history_recorder(list(epochs = 3L))
  recorder$add(list(loss = 3))
  recorder$add(list(loss = 2, lr = 0.1))
  recorder$add(list(lr = 0.01))
  expect_equal(recorder$history()$metrics, list(loss = c(3, 2, NA), lr = c(NA, 0.1, 0.01)))
})

test_that("timing relates waiting to the time of the batches", {
  timer <- training_timer()
  timer$add(0L, list(steps = 10, wait_seconds = 1), 4, list(source_seconds = 3, blocked_seconds = 1))
  timer$add(1L, list(steps = 30, wait_seconds = 0), 4, list(source_seconds = 0, blocked_seconds = 0))
  timing <- timer$timing()
  expect_equal(timing$steps_per_second, 5)
  expect_equal(timing$wait_share, 1 / 8)
  expect_equal(timing$blocked_share, 1 / 4)
  expect_equal(timing$epochs$epoch, 1:2)
  expect_equal(timing$epochs$steps_per_second, c(2.5, 7.5))
  expect_equal(timing$epochs$blocked_share, c(0.25, NA))
  expect_gte(timing$seconds, 0)
})

test_that("timing of no epochs is NA, not an error", {
  timing <- training_timer()$timing()
  expect_true(is.na(timing$wait_share))
  expect_equal(nrow(timing$epochs), 0)
})

test_that("plots are drawn by both methods, also with missing values and one metric", {
  grDevices::pdf(NULL)
  withr::defer(grDevices::dev.off())
  history <- example_history(list(epochs = 5L))
  expect_null(plot(history, method = "base"))
  expect_null(plot(history, metrics = "loss", method = "base"))
  skip_if_not_installed("ggplot2")
  plot <- plot(history)
  expect_s3_class(plot, "ggplot")
  expect_silent(print(plot))
  expect_equal(nrow(plot(history, metrics = "acc")$data), 6)
})

test_that("twelve epochs get a smooth line, three do not", {
  skip_if_not_installed("ggplot2")
  geoms <- function(history, ...) {
    vapply(plot(history, ...)$layers, function(layer) class(layer$geom)[[1]], "")
  }
  long <- new_history(list(epochs = 12L), list(loss = 1 / 1:12))
  expect_true("GeomSmooth" %in% geoms(long))
  expect_false("GeomSmooth" %in% geoms(long, smooth = FALSE))
  expect_false("GeomSmooth" %in% geoms(example_history()))
})

test_that("an unknown metric in plot() names those there are", {
  expect_snapshot(plot(example_history(), metrics = "mae"), error = TRUE)
})
