# Recurrent layers and wrappers against tf_keras (tools/golden/recurrent.py) and against their own
# traced loops.

sequence <- c(3, 4, 2)
state <- c(3, 3)
images <- c(2, 3, 5, 4, 2)
step_mask <- rbind(c(1, 1, 1, 1), c(0, 1, 0, 1), c(1, 1, 0, 0))

rnn <- function(...) layer_simple_rnn(units = 3, ...)
lstm <- function(...) layer_lstm(units = 3, ...)
gru <- function(...) layer_gru(units = 3, ...)

recurrent_case <- function(make, ..., masked = FALSE) {
  list(make = make, shapes = list(...), arguments = if (masked) list(mask = k_constant(step_mask)) else list())
}
recurrent_cases <- function() list(
  rnn = recurrent_case(function() rnn(), sequence),
  rnn_relu_sequences = recurrent_case(function() rnn(activation = "relu", return_sequences = TRUE), sequence),
  rnn_backwards_no_bias = recurrent_case(function() rnn(go_backwards = TRUE, use_bias = FALSE), sequence),
  rnn_softsign = recurrent_case(function() rnn(activation = "softsign", return_sequences = TRUE), sequence),
  rnn_states = recurrent_case(function() rnn(), sequence, state),
  rnn_masked = recurrent_case(function() rnn(return_sequences = TRUE), sequence, masked = TRUE),
  lstm = recurrent_case(function() lstm(), sequence),
  lstm_sigmoid = recurrent_case(function() lstm(recurrent_activation = "sigmoid"), sequence),
  lstm_sequences = recurrent_case(function() lstm(return_sequences = TRUE), sequence),
  lstm_backwards = recurrent_case(function() lstm(return_sequences = TRUE, go_backwards = TRUE), sequence),
  lstm_states = recurrent_case(function() lstm(return_sequences = TRUE), sequence, state, state),
  lstm_masked = recurrent_case(function() lstm(), sequence, masked = TRUE),
  lstm_masked_sequences = recurrent_case(function() lstm(return_sequences = TRUE), sequence, masked = TRUE),
  lstm_masked_backwards = recurrent_case(function() lstm(go_backwards = TRUE), sequence, masked = TRUE),
  gru = recurrent_case(function() gru(), sequence),
  gru_sequences = recurrent_case(
    function() gru(return_sequences = TRUE, recurrent_activation = "sigmoid"), sequence
  ),
  gru_backwards = recurrent_case(function() gru(go_backwards = TRUE), sequence),
  gru_no_bias = recurrent_case(function() gru(use_bias = FALSE), sequence),
  gru_states = recurrent_case(function() gru(), sequence, state),
  gru_masked = recurrent_case(function() gru(return_sequences = TRUE), sequence, masked = TRUE),
  gru_reset_after = recurrent_case(function() gru(reset_after = TRUE), sequence),
  gru_reset_after_masked = recurrent_case(
    function() gru(reset_after = TRUE, return_sequences = TRUE), sequence, masked = TRUE
  ),
  gru_reset_after_no_bias = recurrent_case(
    function() gru(reset_after = TRUE, use_bias = FALSE, go_backwards = TRUE), sequence
  ),
  bidirectional = recurrent_case(function() bidirectional(layer = lstm()), sequence),
  bidirectional_sequences = recurrent_case(
    function() bidirectional(layer = gru(return_sequences = TRUE)), sequence
  ),
  bidirectional_sum = recurrent_case(
    function() bidirectional(layer = rnn(return_sequences = TRUE), merge_mode = "sum"), sequence
  ),
  bidirectional_mul = recurrent_case(function() bidirectional(layer = rnn(), merge_mode = "mul"), sequence),
  bidirectional_ave = recurrent_case(
    function() bidirectional(layer = lstm(return_sequences = TRUE), merge_mode = "ave"), sequence
  ),
  bidirectional_masked = recurrent_case(
    function() bidirectional(layer = lstm(return_sequences = TRUE)), sequence, masked = TRUE
  ),
  time_distributed_dense = recurrent_case(
    function() time_distributed(layer = layer_dense(units = 3, activation = "tanh")), sequence
  ),
  time_distributed_conv = recurrent_case(
    function() time_distributed(layer = layer_conv_2d(filters = 2, kernel_size = 2)), images
  ),
  conv_lstm = recurrent_case(function() layer_conv_lstm_2d(filters = 2, kernel_size = 3), images),
  conv_lstm_sequences = recurrent_case(
    function() layer_conv_lstm_2d(filters = 2, kernel_size = c(2, 3), padding = "same", return_sequences = TRUE),
    images
  ),
  conv_lstm_strides = recurrent_case(
    function() layer_conv_lstm_2d(filters = 2, kernel_size = 2, strides = 2, go_backwards = TRUE), images
  )
)

test_that("recurrent layers agree with tf_keras, forward and backward", {
  cases <- recurrent_cases()
  expect_setequal(c(names(cases), "lstm_last_cell"), names(golden("layers", file = "recurrent")))
  for (name in names(cases)) {
    case <- cases[[name]]
    expect_layer("layers", name, make = case$make, shapes = case$shapes, arguments = case$arguments,
                 file = "recurrent")
  }
})

test_that("fused operations agree with the traced loop, in all ways of calling them", {
  set.seed(3)
  options <- expand.grid(
    layer = c("layer_simple_rnn", "layer_lstm", "layer_gru", "reset_after"), sequences = c(FALSE, TRUE),
    backwards = c(FALSE, TRUE), masked = c(FALSE, TRUE), stringsAsFactors = FALSE
  )
  input <- layer_input(batch_shape = c(5, 7, 4))
  x <- array(rnorm(140), c(5, 7, 4))
  mask <- k_constant(matrix(as.numeric(runif(35) > 0.4), 5))
  for (i in seq_len(nrow(options))) {
    o <- options[i, ]
    make <- function(unroll) {
      arguments <- list(units = 6, unroll = unroll, return_sequences = o$sequences, return_state = TRUE,
                        go_backwards = o$backwards, bias_initializer = "uniform")
      if (o$layer == "reset_after") do.call(layer_gru, c(arguments, reset_after = TRUE)) else {
        do.call(o$layer, arguments)
      }
    }
    fused <- make(FALSE)
    loop <- make(TRUE)
    run <- function(layer) {
      outputs <- if (o$masked) layer(input, mask = mask) else layer(input)
      if (identical(layer, loop)) set_weights(loop, get_weights(fused))
      loss <- Reduce(`+`, lapply(seq_along(outputs), function(k) {
        k_sum(outputs[[k]] * waves(dim(outputs[[k]]), 0.3 * k))
      }))
      k_function(list(input), c(outputs, k_gradients(loss, c(list(input), layer$weights))))(list(x))
    }
    one <- run(fused)
    expect_equal(run(loop), one, tolerance = 1e-5, label = paste(unlist(o), collapse = " "))
  }
})

test_that("dropout is the same at all steps, one mask a gate, and off outside of training", {
  input <- layer_input(shape = c(6, 4))
  x <- array(1, c(50, 6, 4))
  layer <- layer_simple_rnn(units = 4, activation = "linear", use_bias = FALSE, return_sequences = TRUE,
                            dropout = 0.5, kernel_initializer = "identity", recurrent_initializer = "zeros")
  expect_equal(k_function(input, layer(input))(x), x)
  y <- k_function(input, layer(input, training = TRUE))(x)
  expect_setequal(unique(as.vector(y)), c(0, 2))
  expect_true(all(apply(y, c(1, 3), function(v) length(unique(v))) == 1))

  # The state alone: the first step is undropped, the second drops it, and what is dropped once
  # is dropped again.
  layer <- layer_simple_rnn(units = 4, activation = "linear", use_bias = FALSE, return_sequences = TRUE,
                            recurrent_dropout = 0.5, kernel_initializer = "identity",
                            recurrent_initializer = "identity")
  first_only <- x * rep(c(1, 0, 0, 0, 0, 0), each = 50)
  y <- k_function(input, layer(input, training = TRUE))(first_only)
  expect_equal(y[, 1, ], matrix(1, 50, 4))
  expect_setequal(unique(as.vector(y[, 2, ])), c(0, 2))
  expect_equal(y[, 6, ], y[, 2, ]^5)

  # The fused op and the traced loop draw the same numbers from the same seed.
  set.seed(5)
  run <- function(unroll) {
    layer <- layer_lstm(units = 3, dropout = 0.3, recurrent_dropout = 0.4, unroll = unroll)
    y <- layer(input, training = TRUE)
    set_weights(layer, lapply(layer$weights, function(w) waves(as.integer(w$dims), 0.3)))
    f <- k_function(list(input), c(list(y), k_gradients(k_sum(y), layer$weights)))
    set.seed(6)
    f(list(x))
  }
  expect_equal(run(FALSE), run(TRUE), tolerance = 1e-5)
})

test_that("stateful layers go on from batch to batch, in every mode, until they are reset", {
  model <- keras_model_sequential() %>% layer_lstm(units = 3, stateful = TRUE, batch_input_shape = sequence)
  set_weights(model, lapply(seq_along(get_weights(model)), function(i) {
    waves(dim(get_weights(model)[[i]]), 0.37 + 0.1 * (i - 1), 0.5)
  }))
  x <- waves(sequence, 0.7)
  expected <- golden("stateful", file = "recurrent")
  expect_golden(predict(model, x), expected[[1]])
  expect_golden(predict_on_batch(model, x), expected[[2]])
  reset_states(model)
  expect_golden(predict(model, x), expected[[3]])

  # Training and evaluation move the states, too.
  model %>% compile("sgd", "mse")
  after <- function(run) {
    reset_states(model)
    run()
    predict(model, x)
  }
  once <- after(function() predict(model, x))
  expect_equal(after(function() evaluate(model, x, matrix(0, 3, 3), verbose = 0)), once, tolerance = 1e-6)
  model %>% compile(optimizer_sgd(lr = 0), "mse")
  expect_equal(after(function() train_on_batch(model, x, matrix(0, 3, 3))), once, tolerance = 1e-6)

  # A sequence in two halves is the sequence.
  halves <- keras_model_sequential() %>% layer_gru(units = 3, stateful = TRUE, batch_input_shape = c(3, 2, 2))
  whole <- keras_model_sequential() %>% layer_gru(units = 3, input_shape = c(4, 2))
  set_weights(whole, get_weights(halves))
  predict(halves, x[, 1:2, ])
  expect_equal(predict(halves, x[, 3:4, ]), predict(whole, x), tolerance = 1e-6)

  expect_error(layer_lstm(layer_input(shape = c(4, 2)), units = 3, stateful = TRUE, name = "s"),
               'layer "s" is stateful and needs a fixed batch size', class = "hornet_shape_error")
})

test_that("a fixed batch size is the default, and data have to be whole batches", {
  model <- keras_model_sequential() %>%
    layer_lstm(units = 2, stateful = TRUE, batch_input_shape = c(4, 3, 2)) %>%
    layer_dense(units = 1)
  model %>% compile("sgd", "mse")
  x <- waves(c(12, 3, 2), 0.7)
  expect_silent(fit(model, x, 1:12, epochs = 1, verbose = 0, shuffle = FALSE))
  expect_identical(dim(predict(model, x)), c(12L, 1L))
  expect_error(predict(model, x[1:10, , ]), "10 samples.*batches of 4", class = "hornet_shape_error")
  expect_error(fit(model, x, 1:12, batch_size = 6, verbose = 0), "batches of 4", class = "hornet_shape_error")
  expect_error(evaluate(model, x[1:2, , ], 1:2, verbose = 0), "batches of 4", class = "hornet_shape_error")
})

test_that("states are returned and taken", {
  input <- layer_input(batch_shape = sequence)
  layer <- layer_lstm(units = 3, return_state = TRUE)
  outputs <- layer(input)
  set_weights(layer, lapply(seq_along(layer$weights), function(i) {
    waves(as.integer(layer$weights[[i]]$dims), 0.37 + 0.1 * (i - 1), 0.5)
  }))
  values <- k_function(input, outputs)(waves(sequence, 0.7))
  expect_golden(values[[3]], golden("layers", "lstm_last_cell", file = "recurrent")$output)
  expect_equal(values[[1]], values[[2]])

  decoder <- layer_lstm(units = 3)
  by_argument <- decoder(input, initial_state = outputs[2:3])
  as_inputs <- decoder(c(list(input), outputs[2:3]))
  both <- k_function(input, list(by_argument, as_inputs))(waves(sequence, 0.7))
  expect_equal(both[[1]], both[[2]])
  expect_error(decoder(input, initial_state = outputs[2]), "has 2 state\\(s\\), got 1")
  expect_error(decoder(input, initial_state = list(input, input)), "expects initial states of shape \\(3, 3\\)")
  expect_error(layer_dense(units = 2)(input, initial_state = input), "for recurrent layers")
})

test_that("cudnn layers are the others with two biases", {
  input <- layer_input(batch_shape = sequence)
  x <- waves(sequence, 0.7)
  run <- function(layer, weights) {
    y <- layer(input)
    set_weights(layer, weights)
    k_function(input, y)(x)
  }
  kernels <- list(waves(c(2, 12), 0.3), waves(c(3, 12), 0.4))
  biases <- waves(c(12, 2), 0.5)
  expect_equal(run(layer_cudnn_lstm(units = 3), c(kernels, list(array(biases)))),
               run(lstm(recurrent_activation = "sigmoid"), c(kernels, list(array(rowSums(biases))))),
               tolerance = 1e-6)
  kernels <- list(waves(c(2, 9), 0.3), waves(c(3, 9), 0.4))
  biases <- waves(c(9, 2), 0.5)
  expect_equal(run(layer_cudnn_gru(units = 3, return_sequences = TRUE), c(kernels, list(array(biases)))),
               run(gru(recurrent_activation = "sigmoid", reset_after = TRUE, return_sequences = TRUE),
                   c(kernels, list(t(biases)))), tolerance = 1e-6)
  layer <- layer_cudnn_lstm(units = 3)
  layer(input)
  expect_equal(get_weights(layer)[[3]], array(rep(c(0, 1, 0), c(15, 3, 6))))
  expect_error(layer(input, mask = k_constant(step_mask)), "does not support masking")
  expect_identical(sub("_[0-9]+$", "", c(layer_cudnn_lstm(units = 1)$name, layer_cudnn_gru(units = 1)$name)),
                   c("cu_dnnlstm", "cu_dnngru"))
})

test_that("weights have the reference's names, shapes and first values", {
  input <- layer_input(shape = c(5, 2))
  layer <- layer_lstm(units = 3, name = "memory")
  layer(input)
  expect_identical(vapply(layer$weights, function(w) w$name, ""),
                   paste0("memory/", c("kernel", "recurrent_kernel", "bias"), ":0"))
  expect_identical(lapply(layer$weights, dim), list(c(2L, 12L), c(3L, 12L), 12L))
  expect_equal(get_weights(layer)[[3]], array(rep(c(0, 1, 0), c(3, 3, 6))))
  expect_equal(tcrossprod(get_weights(layer)[[2]]), diag(3), tolerance = 1e-5)
  plain <- layer_lstm(units = 3, unit_forget_bias = FALSE)
  plain(input)
  expect_equal(get_weights(plain)[[3]], array(0, 12))
  after <- layer_gru(units = 3, reset_after = TRUE)
  after(input)
  expect_identical(dim(after$weights[[3]]), c(2L, 9L))

  both <- bidirectional(layer = layer_lstm(units = 3, name = "inner"), name = "both")
  both(input)
  expect_identical(vapply(both$weights, function(w) w$name, "")[c(1, 4)],
                   c("both/forward_inner/kernel:0", "both/backward_inner/kernel:0"))
  each <- time_distributed(layer = layer_dense(units = 3), name = "each")
  each(input)
  expect_identical(vapply(each$weights, function(w) w$name, ""), c("each/kernel:0", "each/bias:0"))
  expect_equal(lapply(get_weights(time_distributed(input, layer_dense(units = 3))$history$layer), dim),
               list(c(2L, 3L), 3L))
})

test_that("wrappers take models, initial weights and the shape of either", {
  inner <- keras_model_sequential() %>% layer_dense(units = 4, input_shape = 2) %>% layer_dense(units = 3)
  input <- layer_input(shape = c(5, 2))
  model <- keras_model(input, time_distributed(input, inner))
  x <- waves(c(2, 5, 2), 0.7)
  y <- predict(model, x)
  expect_equal(y[, 2, ], predict(inner, x[, 2, ]), tolerance = 1e-6)

  weights <- list(matrix(1, 2, 3), array(0, 3))
  model <- keras_model_sequential() %>%
    time_distributed(layer_dense(units = 3, input_shape = c(5, 2)), weights = weights)
  expect_equal(get_weights(model), weights)
  model <- keras_model_sequential() %>% bidirectional(layer_gru(units = 3, input_shape = c(5, 2)))
  expect_identical(dim(model$output), c(NA, 6L))

  split <- bidirectional(layer = layer_gru(units = 3, return_state = TRUE), merge_mode = NULL)
  outputs <- split(input)
  expect_length(outputs, 4)
  expect_error(bidirectional(input, layer_dense(units = 2), name = "b"), 'layer "b" runs a recurrent layer')
})

test_that("channels first gives what channels last gives", {
  x <- waves(c(2, 3, 6, 5, 2), 0.7)
  run <- function(x, data_format) {
    layer <- layer_conv_lstm_2d(filters = 3, kernel_size = 3, data_format = data_format, return_sequences = TRUE)
    input <- layer_input(shape = dim(x)[-1])
    y <- layer(input)
    set_weights(layer, lapply(layer$weights, function(w) waves(as.integer(w$dims), 0.3)))
    k_function(input, y)(x)
  }
  first <- run(aperm(x, c(1, 2, 5, 3, 4)), "channels_first")
  expect_equal(aperm(first, c(1, 2, 4, 5, 3)), run(x, "channels_last"), tolerance = 1e-6)
})

test_that("k_rnn() is what the layers are", {
  input <- layer_input(batch_shape = sequence)
  layer <- layer_simple_rnn(units = 3, return_sequences = TRUE, go_backwards = TRUE)
  y <- layer(input)
  w <- layer$weights
  step <- function(input, states) {
    h <- k_tanh(k_dot(input, w[[1]]) + k_dot(states[[1]], w[[2]]) + states[[2]])
    list(h, list(h))
  }
  result <- k_rnn(step, input, list(constant_tensor(0, c(3, 3))), go_backwards = TRUE, constants = list(w[[3]]))
  values <- k_function(input, list(y, result[[2]], result[[1]]))(waves(sequence, 0.7))
  expect_equal(values[[2]], values[[1]], tolerance = 1e-6)
  expect_equal(values[[3]], values[[1]][, 4, ], tolerance = 1e-6)

  masked <- k_rnn(step, input, list(constant_tensor(0, c(3, 3))), mask = step_mask, constants = list(w[[3]]))
  forwards <- layer_simple_rnn(units = 3, return_sequences = TRUE)
  y <- forwards(input, mask = k_constant(step_mask))
  set_weights(forwards, get_weights(layer))
  values <- k_function(input, list(y, masked[[2]]))(waves(sequence, 0.7))
  expect_equal(values[[2]], values[[1]], tolerance = 1e-6)
})

test_that("second derivatives say what to use", {
  input <- layer_input(batch_shape = sequence)
  twice <- function(unroll) {
    layer <- layer_lstm(units = 2, unroll = unroll)
    y <- layer(input)
    slope <- k_gradients(k_sum(y), input)[[1]]
    k_function(list(input), k_gradients(k_sum(k_square(slope)), list(input)))(list(waves(sequence, 0.7)))
  }
  expect_error(twice(FALSE), "unroll = TRUE")
  expect_true(all(is.finite(twice(TRUE)[[1]])))
})

test_that("wrappers are copied with their layers, and a merge mode of NULL stays one", {
  split <- bidirectional(layer = layer_lstm(units = 3, name = "inner"), merge_mode = NULL, name = "split")
  again <- from_config(get_config(split))
  expect_null(get_config(again)$merge_mode)
  expect_length(again(layer_input(shape = c(4, 2))), 2)
  model <- keras_model_sequential() %>%
    time_distributed(layer_dense(units = 3), input_shape = c(4, 2)) %>%
    bidirectional(layer_gru(units = 2, return_sequences = TRUE)) %>%
    layer_lstm(units = 2)
  copy <- clone_model(model)
  set_weights(copy, get_weights(model))
  x <- waves(c(3, 4, 2), 0.7)
  expect_equal(predict(copy, x), predict(model, x))
  expect_identical(lapply(copy$weights, function(w) w$name), lapply(model$weights, function(w) w$name))
})
