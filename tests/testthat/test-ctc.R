# CTC: loss, gradient and decoding against tf_keras; the op itself is in helper-op-cases-ctc.R.

probabilities <- function(dim, step) {
  p <- exp(3 * waves(dim, step))
  p / as.vector(apply(p, 1:2, sum))
}
short <- probabilities(c(3, 8, 5), 0.7)
long <- probabilities(c(2, 30, 10), 0.37)
labels <- rbind(c(0, 1, 2), c(3, 3, 0), c(2, 0, 0))
steps <- cbind(c(8, 7, 5))
counts <- cbind(3:1)

test_that("cost and gradient agree with tf_keras", {
  expected <- golden("ctc", file = "core")
  y_pred <- k_variable(short)
  cost <- k_ctc_batch_cost(labels, y_pred, steps, counts)
  expect_golden(k_eval(cost), expected$cost)
  expect_golden(k_eval(k_gradients(k_sum(cost * cbind(1:3)), y_pred)[[1]]), expected$gradient, tolerance = 2e-5)
})

test_that("decoding finds what tf_keras finds", {
  check <- function(case, ...) {
    expected <- golden("ctc", case, file = "core")
    got <- k_ctc_decode(...)
    expect_length(got[[1]], length(expected$paths))
    for (i in seq_along(got[[1]])) {
      expect_equal(k_eval(got[[1]][[i]]), as_golden_array(expected$paths[[i]]), label = paste(case, i))
    }
    expect_golden(k_eval(got[[2]]), expected$scores, label = paste(case, "scores"))
  }
  check("greedy", short, steps)
  check("beam", short, as.vector(steps), greedy = FALSE, beam_width = 100, top_paths = 3)
  check("narrow", short, steps, greedy = FALSE, beam_width = 3, top_paths = 2)
  check("long_narrow", long, c(30, 21), greedy = FALSE, beam_width = 5, top_paths = 2)
  check("long", long, c(30, 21), greedy = FALSE, beam_width = 60)
})

test_that("results don't depend on the number of threads", {
  run <- function() {
    found <- k_ctc_decode(short, steps, greedy = FALSE, beam_width = 4)
    lapply(c(list(k_ctc_batch_cost(labels, short, steps, counts)), found[[1]], found[2]), k_eval)
  }
  old <- cpp_threads()
  on.exit(cpp_set_threads(old))
  cpp_set_threads(1L)
  one <- run()
  cpp_set_threads(2L)
  expect_identical(run(), one)
})

test_that("a model learns labels that are not aligned", {
  set.seed(5)
  y_pred <- layer_input(shape = c(6, 4))
  lengths <- layer_input(shape = 2)
  soft <- layer_dense(y_pred, 5, activation = "softmax")
  targets <- layer_input(shape = 3)
  cost <- layer_activation(layer_concatenate(list(layer_flatten(soft), targets, lengths)), function(x) {
    k_ctc_batch_cost(x[, 31:33], k_reshape(x[, 1:30], c(-1, 6, 5)), x[, 34, drop = FALSE], x[, 35, drop = FALSE])
  })
  model <- keras_model(list(y_pred, targets, lengths), cost)
  compile(model, optimizer_adam(0.05), function(y_true, y_pred) y_pred)
  x <- array(stats::rnorm(3 * 24), c(3, 6, 4))
  y <- rbind(c(0, 1, 2), c(3, 3, 0), c(1, 0, 0))
  history <- fit(model, list(x, y, cbind(6, c(3, 2, 1))), matrix(0, 3), epochs = 150, verbose = 0)
  expect_lt(utils::tail(history$metrics$loss, 1), 0.1 * history$metrics$loss[[1]])
  best <- k_function(y_pred, k_ctc_decode(soft, 6)[[1]][[1]])(x)
  expect_equal(best[, 1:3], rbind(c(0, 1, 2), c(3, 3, -1), c(1, -1, -1)))
})

test_that("long sequences are traced and run quickly", {
  input <- layer_input(shape = c(100, 30))
  labels <- layer_input(shape = 10)
  build <- function() {
    cost <- k_ctc_batch_cost(labels, k_softmax(input), 100, 10)
    k_function(list(input, labels), k_gradients(k_sum(cost), input))
  }
  time <- system.time(gradient <- build()(list(array(0, c(1, 100, 30)), matrix(0:9, 1)))[[1]])[["elapsed"]]
  # Half a second is asked for; a hundredth is usual.
  expect_lt(time, 0.5)
  expect_true(all(is.finite(gradient)))
})

test_that("labels become marked rather than sparse", {
  expect_equal(k_eval(k_ctc_label_dense_to_sparse(labels, 3:1)), rbind(c(0, 1, 2), c(3, 3, -1), c(2, -1, -1)))
})

test_that("mistakes are named", {
  expect_error(k_ctc_decode(short, steps, greedy = FALSE, beam_width = 2, top_paths = 3),
               "`top_paths` is 3, but a beam of width 2", class = "hornet_value_error")
  expect_error(k_ctc_batch_cost(labels, short[1:2, , ], steps, counts), "the labels must have shape \\(2, 3\\)",
               class = "hornet_shape_error")
  expect_error(k_ctc_batch_cost(labels, short, steps[1:2], counts), "the lengths of the inputs must have shape",
               class = "hornet_shape_error")
  y_pred <- k_variable(short)
  once <- k_gradients(k_sum(k_ctc_batch_cost(labels, y_pred, steps, counts)), y_pred)[[1]]
  expect_error(k_eval(k_gradients(k_sum(once), y_pred)[[1]]), "cannot be differentiated again")
})
