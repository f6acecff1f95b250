# Models whose inputs leave sizes open, beside the batch.

# The same weights in a model of known sizes.
expect_same_as <- function(model, known, x, ...) {
  set_weights(known, get_weights(model))
  expect_equal(predict(model, x), predict(known, x), tolerance = 1e-6, ...)
}

test_that("sequences of any length are trained on and predicted from, with the weights of known ones", {
  set.seed(1)
  make <- function(length) {
    keras_model_sequential() %>%
      layer_embedding(input_dim = 20, output_dim = 4, input_length = length) %>%
      layer_lstm(units = 3) %>%
      layer_dense(units = 1)
  }
  model <- make(NULL)
  x <- matrix(sample(0:19, 80, TRUE), 8)
  expect_same_as(model, make(10), x)
  expect_same_as(model, make(4), x[, 1:4])
  model %>% compile("adam", "mse", metrics = "mae")
  history <- model %>% fit(x, 1:8, epochs = 2, validation_split = 0.25, verbose = 0)
  expect_length(history$metrics$val_loss, 2)
  expect_named(evaluate(model, x[, 1:6], 1:8, verbose = 0), c("loss", "mean_absolute_error"))
  expect_type(train_on_batch(model, x[, 1:3], 1:8), "list")
  expect_identical(dim(predict_on_batch(model, x[1:2, ])), c(2L, 1L))
})

test_that("steps come out as they go in, through layers that change their number", {
  make <- function(length) {
    keras_model_sequential() %>%
      layer_gru(units = 3, return_sequences = TRUE, input_shape = list(length, 2)) %>%
      layer_conv_1d(filters = 4, kernel_size = 3) %>%
      layer_max_pooling_1d(2) %>%
      bidirectional(layer_simple_rnn(units = 2, return_sequences = TRUE)) %>%
      time_distributed(layer_dense(units = 3, activation = "softmax"))
  }
  model <- make(NULL)
  expect_identical(dim(model$output), c(NA, NA, 3L))
  expect_identical(model$output_shape, list(NULL, NULL, 3L))
  for (length in c(8, 13)) {
    x <- waves(c(3, length, 2), 0.7)
    expect_same_as(model, make(length), x)
    expect_identical(dim(predict(model, x))[[2]], as.integer((length - 2) %/% 2))
  }
  model %>% compile("adam", "sparse_categorical_crossentropy", metrics = "accuracy")
  fit(model, waves(c(4, 8, 2), 0.7), array(1, c(4, 3, 1)), epochs = 1, verbose = 0)
  expect_error(fit(model, waves(c(4, 8, 2), 0.7), array(1, c(4, 8, 1)), verbose = 0), class = "hornet_shape_error")
})

test_that("an encoder and a decoder may have lengths of their own", {
  encoder_input <- layer_input(shape = list(NULL, 3))
  decoder_input <- layer_input(shape = list(NULL, 2))
  encoded <- layer_lstm(encoder_input, units = 4, return_state = TRUE)
  decode <- layer_lstm(units = 4, return_sequences = TRUE)
  output <- decode(decoder_input, initial_state = encoded[2:3]) %>% layer_dense(units = 2)
  model <- keras_model(list(encoder_input, decoder_input), output)
  model %>% compile("adam", "mse")
  x <- waves(c(4, 7, 3), 0.7)
  y <- waves(c(4, 5, 2), 0.3)
  fit(model, list(x, y), y, epochs = 1, verbose = 0)
  expect_identical(dim(predict(model, list(x, y[, 1:2, ]))), c(4L, 2L, 2L))
})

test_that("images of any size go through convolutions", {
  input <- layer_input(shape = list(NULL, NULL, 3))
  output <- input %>%
    layer_conv_2d(filters = 4, kernel_size = 3, padding = "same") %>%
    layer_batch_normalization() %>%
    layer_max_pooling_2d() %>%
    layer_upsampling_2d() %>%
    layer_conv_2d(filters = 1, kernel_size = 3, activation = "sigmoid")
  model <- keras_model(input, output)
  expect_match(format(model), "(None, None, None, 4)", fixed = TRUE)
  expect_identical(dim(predict(model, waves(c(2, 10, 8, 3), 0.7))), c(2L, 8L, 6L, 1L))
  pooled <- keras_model(input, layer_dense(layer_global_max_pooling_2d(output), units = 2))
  expect_identical(dim(predict(pooled, waves(c(2, 12, 9, 3), 0.7))), c(2L, 2L))
  nested <- keras_model_sequential() %>% time_distributed(pooled, input_shape = list(NULL, 6, 6, 3))
  expect_identical(dim(predict(nested, waves(c(1, 4, 6, 6, 3), 0.7))), c(1L, 4L, 2L))
})

test_that("a generator's first batch says the sizes; another one is an error", {
  model <- keras_model_sequential() %>%
    layer_gru(units = 2, input_shape = list(NULL, 3)) %>%
    layer_dense(units = 1)
  model %>% compile("adam", "mse")
  calls <- 0
  generator <- function() {
    calls <<- calls + 1
    list(waves(c(4, 6, 3), 0.7), 1:4)
  }
  model %>% fit_generator(generator, steps_per_epoch = 3, epochs = 2, verbose = 0, validation_data = generator,
                          validation_steps = 1)
  expect_identical(calls, 8)
  expect_length(evaluate_generator(model, generator, steps = 2), 1)
  expect_identical(dim(predict_generator(model, generator, steps = 2)), c(8L, 1L))
  growing <- function() {
    calls <<- calls + 1
    list(waves(c(4, calls, 3), 0.7), 1:4)
  }
  expect_error(fit_generator(model, growing, steps_per_epoch = 3, verbose = 0), class = "hornet_shape_error")
})

test_that("prediction on other sizes in the middle of training disturbs nothing", {
  model <- keras_model_sequential() %>% layer_gru(units = 2, input_shape = list(NULL, 3)) %>% layer_dense(units = 1)
  model %>% compile("adam", "mse")
  shapes <- list()
  look <- callback_lambda(on_epoch_end = function(epoch, logs) {
    shapes[[epoch + 1]] <<- dim(predict(model, waves(c(2, 4 + epoch, 3), 0.3)))
  })
  x <- waves(c(8, 6, 3), 0.7)
  history <- fit(model, x, 1:8, epochs = 3, verbose = 0, callbacks = list(look), validation_data = list(x, 1:8))
  expect_length(history$metrics$val_loss, 3)
  expect_identical(shapes, rep(list(c(2L, 1L)), 3))
})

test_that("what was traced for other sizes is not kept for ever", {
  model <- keras_model_sequential() %>% layer_gru(units = 1, input_shape = list(NULL, 1))
  for (length in 1:30) predict(model, array(1, c(1, length, 1)))
  expect_lte(length(environment(model)$self$runtime$functions), 24L)
  expect_identical(dim(predict(model, array(1, c(1, 2, 1)))), c(1L, 1L))
})

test_that("what needs to know a size says so", {
  input <- layer_input(shape = list(NULL, 3), name = "steps")
  expect_error(input %>% layer_flatten() %>% layer_dense(units = 2, name = "d"),
               'layer "d": the shape \\(None, 2\\) of weight "kernel" depends on a size that is not known',
               class = "hornet_shape_error")
  expect_error(k_reshape(input, c(-1, 192)), "needs to know all sizes of its input.*\\(None, None, 3\\)",
               class = "hornet_shape_error")
  expect_error(layer_locally_connected_1d(input, filters = 2, kernel_size = 3), "not known",
               class = "hornet_shape_error")
  expect_error(input[, -1, ], "axis 2 is indexed by -1, but its size is not known", class = "hornet_shape_error")
  model <- keras_model(input, layer_gru(input, units = 2))
  expect_error(predict(model, matrix(1, 2, 3)), "steps", class = "hornet_shape_error")
})

test_that("operations between layers go along, as functions do", {
  input <- layer_input(shape = list(NULL, 3))
  scaled <- (2 * input + 1)[, , 1:2]
  expect_identical(dim(scaled), c(NA, NA, 2L))
  first <- scaled[, 1, ]
  f <- k_function(list(input), list(scaled, first, k_sum(input, axis = 2)))
  for (length in c(2, 5)) {
    x <- waves(c(3, length, 3), 0.7)
    values <- f(list(x))
    expect_equal(values[[1]], 2 * x[, , 1:2] + 1, tolerance = 1e-6)
    expect_equal(values[[2]], values[[1]][, 1, ])
    expect_equal(values[[3]], apply(x, c(1, 3), sum), tolerance = 1e-6)
  }
  model <- keras_model(input, layer_simple_rnn(scaled, units = 2))
  expect_identical(dim(predict(model, x)), c(3L, 2L))
})

test_that("open sizes are kept by configs and copies", {
  model <- keras_model_sequential() %>%
    layer_embedding(input_dim = 9, output_dim = 2) %>%
    layer_gru(units = 2)
  x <- matrix(c(1, 5, 3, 7, 8, 0), 2)
  for (again in list(clone_model(model), from_config(get_config(model)))) {
    expect_identical(dim(again$input), c(NA_integer_, NA_integer_))
    expect_same_as(model, again, x)
  }
  input <- layer_input(shape = list(NULL, 3))
  model <- keras_model(input, layer_gru(input, units = 2))
  expect_same_as(model, from_config(get_config(model)), waves(c(2, 4, 3), 0.7))
})

test_that("rows of the batch are taken by number", {
  input <- layer_input(shape = c(2, 3))
  f <- k_function(list(input), list(input[2, , ], input[c(1, 3), , 1],
                                    k_gradients(k_sum(k_square(input[2, , ])), input)[[1]]))
  x <- waves(c(3, 2, 3), 0.7)
  values <- f(list(x))
  expect_equal(values[[1]], x[2, , ], tolerance = 1e-6)
  expect_equal(values[[2]], x[c(1, 3), , 1], tolerance = 1e-6)
  expect_equal(values[[3]], 2 * x * c(0, 1, 0), tolerance = 1e-6)
  expect_error(f(list(x[1:2, , ])), "rows 3 to 3 of the batch are used, but it has only 2",
               class = "hornet_shape_error")
})
