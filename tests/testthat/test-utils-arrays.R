# Helpers for arrays: to_categorical(), normalize(), keras_array(), shape(), use_session_with_seed().

test_that("to_categorical() makes indicator vectors", {
  expect_equal(to_categorical(c(0, 2, 1)), diag(3)[c(1, 3, 2), ])
  expect_equal(to_categorical(c(0L, 1L), 4), diag(4)[1:2, ])
  # A column is as good as a vector; other arrays get an axis more.
  expect_equal(to_categorical(cbind(c(1, 0))), diag(2)[2:1, ])
  y <- matrix(c(0, 1, 2, 1, 0, 2), 2)
  expect_identical(dim(to_categorical(y)), c(2L, 3L, 3L))
  for (i in 1:2) for (j in 1:3) expect_equal(to_categorical(y)[i, j, ], diag(3)[y[i, j] + 1, ])
  expect_equal(to_categorical(factor(c("b", "a", "b"), levels = c("a", "b", "c"))), diag(3)[c(2, 1, 2), ])
  expect_identical(dim(to_categorical(3)), c(1L, 4L))
})

test_that("to_categorical() refuses what is no class", {
  expect_error(to_categorical(1:3, 3), "classes 0 to 2, got 3 in place 3\\.\nClasses count from 0",
               class = "hornet_value_error")
  expect_error(to_categorical(c(0, -1)), "got -1 in place 2", class = "hornet_value_error")
  expect_error(to_categorical(c(0, 0.5)), "`y` must be a whole number", class = "hornet_value_error")
  expect_error(to_categorical(c(0, NA)), class = "hornet_value_error")
})

test_that("normalize() divides by norms along an axis", {
  x <- rbind(c(3, 4), c(0, 0), c(-6, 8))
  expect_equal(normalize(x), rbind(c(0.6, 0.8), c(0, 0), c(-0.6, 0.8)))
  expect_equal(normalize(x, axis = 1), sweep(x, 2, sqrt(colSums(x^2)), "/"))
  expect_equal(normalize(x, order = 1), rbind(c(3, 4) / 7, c(0, 0), c(-6, 8) / 14))
  expect_equal(normalize(x, order = Inf), rbind(c(0.75, 1), c(0, 0), c(-0.75, 1)))
  expect_equal(normalize(c(3, 4)), c(0.6, 0.8))
  expect_equal(normalize(c(0, 0)), c(0, 0))
  a <- waves(c(2, 3, 4), 0.7)
  expect_equal(apply(normalize(a, axis = 2), c(1, 3), function(v) sum(v^2)), matrix(1, 2, 4))
  expect_error(normalize("a"), "must hold numbers", class = "hornet_value_error")
  expect_error(normalize(x, axis = 3), class = "hornet_shape_error")
})

test_that("keras_array() makes arrays of numbers, lists included", {
  expect_identical(keras_array(1:3), array(1:3))
  expect_identical(keras_array(matrix(c(TRUE, FALSE), 1)), matrix(c(TRUE, FALSE), 1))
  expect_null(keras_array(NULL))
  expect_identical(keras_array(c(1.7, -1.7), "int32"), array(c(1L, -1L)))
  expect_equal(keras_array(0.1, "float32"), array(0.1), tolerance = 1e-7)
  expect_false(identical(keras_array(0.1, "float32"), array(0.1)))
  expect_identical(keras_array(list(a = 1:2, b = list(diag(2)))), list(a = array(1:2), b = list(diag(2))))
  expect_identical(dim(keras_array(head(iris[1:4]))), c(6L, 4L))
  expect_equal(keras_array(k_constant(c(1, 2)) + 1), array(c(2, 3)))
  expect_error(keras_array("a"), "expected numbers", class = "hornet_value_error")
  expect_error(keras_array(layer_input(shape = 2)), class = "hornet_trace_error")
})

test_that("shape() is a shape wherever one is asked for", {
  expect_identical(shape(NULL, 28, 28), c(NA, 28L, 28L))
  expect_identical(shape(NA, 3), c(NA, 3L))
  expect_identical(shape(), integer())
  expect_identical(dim(layer_input(batch_shape = shape(NULL, 4, 2))), c(NA, 4L, 2L))
  expect_identical(dim(layer_input(shape = shape(4, 2))), c(NA, 4L, 2L))
  expect_error(shape(2.5), class = "hornet_value_error")
})

test_that("use_session_with_seed() makes runs reproducible", {
  run <- function(seed) {
    use_session_with_seed(seed, quiet = TRUE)
    model <- keras_model_sequential() %>%
      layer_dense(4, activation = "relu", input_shape = 3) %>%
      layer_dropout(0.5) %>%
      layer_dense(1)
    compile(model, "adam", "mse")
    loss <- fit(model, waves(c(20, 3), 0.7), waves(20, 0.3), epochs = 2, verbose = 0)$metrics$loss
    list(model$layers[[1]]$name, loss)
  }
  first <- run(42)
  expect_identical(first[[1]], "dense_1")
  expect_identical(run(42), first)
  expect_false(identical(run(43)[[2]], first[[2]]))
  expect_message(use_session_with_seed(1), "Set session seed to 1")
})

test_that("pad_sequences() pads and cuts at either end", {
  sequences <- list(1:3, 4, integer(), NULL, c(5, 6, 7, 8))
  expect_identical(pad_sequences(sequences), rbind(c(0L, 1:3), c(0L, 0L, 0L, 4L), 0L, 0L, 5:8))
  expect_identical(pad_sequences(sequences, padding = "post", value = -1),
                   rbind(c(1:3, -1L), c(4L, -1L, -1L, -1L), -1L, -1L, 5:8))
  expect_identical(pad_sequences(sequences, maxlen = 2), rbind(2:3, c(0L, 4L), 0L, 0L, 7:8))
  expect_identical(pad_sequences(sequences, maxlen = 2, truncating = "post", padding = "post"),
                   rbind(1:2, c(4L, 0L), 0L, 0L, 5:6))
  expect_identical(pad_sequences(list(c(0.5, 1.5)), maxlen = 3, dtype = "float32", value = 0.25),
                   rbind(c(0.25, 0.5, 1.5)))
  expect_error(pad_sequences(list(1, "a")), "got \"a\" in place 2", class = "hornet_value_error")
  expect_identical(pad_sequences(list(c(TRUE, NA), 1:3)), rbind(c(0L, 1L, NA), 1:3))
  expect_identical(pad_sequences(list(c(2^40, 1))), rbind(c(NA, 1L)))
  expect_identical(pad_sequences(list()), matrix(0L, 0, 0))
  expect_error(pad_sequences(list(NULL, diag(2), 1:2)), "in place 2 has (2,), that in place 3 ()", fixed = TRUE,
               class = "hornet_shape_error")
})

test_that("indicators and norms are those of Keras for all arguments", {
  for (case in golden("indicators", file = "sequences")) {
    expect_golden(to_categorical(as_golden_array(case$y), case$num_classes), case$indicators)
  }
  for (case in golden("norms", file = "sequences")) {
    shape <- unlist(case$shape)
    x <- waves(shape, 0.7)
    if (length(shape) == 2L) x[2, ] <- 0 else x[2, , ] <- 0
    order <- if (case$order == "inf") Inf else as.numeric(case$order)
    expect_golden(normalize(x, axis = case$axis, order = order), case$normalized,
                  label = sprintf("axis %d, order %s", case$axis, case$order))
  }
})

test_that("numbers that are no whole numbers of R are refused by name", {
  expect_error(to_categorical(c(0, 3e9)), "`y` must be a whole number of at most 2147483647, not 3e\\+09",
               class = "hornet_value_error")
  expect_error(text_tokenizer(num_words = Inf), "`num_words`.*not Inf", class = "hornet_value_error")
  expect_error(timeseries_generator(1:9, 1:9, 2, start_index = 1e10), "`start_index`", class = "hornet_value_error")
  expect_error(timeseries_generator(1:9, 1:9, .Machine$integer.max, start_index = .Machine$integer.max),
               "start_index \\+ length = 4294967294", class = "hornet_value_error")
})

test_that("normalize() takes gaps and order 0 as numpy does", {
  expect_equal(normalize(c(1, NA)), c(NA_real_, NA))
  expect_equal(normalize(c(3, 0, 4), order = 0), c(1.5, 0, 2))
})

test_that("pad_sequences() takes lists of numbers as vectors", {
  expect_identical(pad_sequences(list(list(1, 2), 3L, list())), rbind(1:2, c(0L, 3L), c(0L, 0L)))
})
