# Each layer against tf_keras: output, gradients of sum(output * waves) by inputs and weights.

image <- c(2, 6, 5, 3)
cases <- list(
  dense = list(function() layer_dense(units = 4, activation = "tanh"), c(3, 5)),
  dense_rank_3 = list(function() layer_dense(units = 4, use_bias = FALSE), c(2, 3, 5)),
  conv_2d_valid = list(function() layer_conv_2d(filters = 4, kernel_size = 3, activation = "sigmoid"), image),
  conv_2d_same = list(function() layer_conv_2d(filters = 4, kernel_size = c(2, 3), padding = "same"), image),
  conv_2d_same_strides = list(
    function() layer_conv_2d(filters = 4, kernel_size = 3, strides = 2, padding = "same"), image
  ),
  conv_2d_valid_strides = list(
    function() layer_conv_2d(filters = 2, kernel_size = c(3, 2), strides = c(2, 1)), image
  ),
  conv_2d_dilation = list(
    function() layer_conv_2d(filters = 4, kernel_size = 2, dilation_rate = c(2, 3), padding = "same"), image
  ),
  conv_1d_causal = list(
    function() layer_conv_1d(filters = 4, kernel_size = 3, padding = "causal", dilation_rate = 2), c(2, 7, 3)
  ),
  conv_1d_same = list(
    function() layer_conv_1d(filters = 4, kernel_size = 4, strides = 2, padding = "same"), c(2, 7, 3)
  ),
  conv_2d_transpose_same = list(
    function() layer_conv_2d_transpose(filters = 4, kernel_size = 3, strides = 2, padding = "same"), image
  ),
  conv_2d_transpose_valid = list(
    function() layer_conv_2d_transpose(filters = 4, kernel_size = c(3, 2), strides = c(1, 3)), image
  ),
  max_pooling_2d = list(function() layer_max_pooling_2d(), image),
  max_pooling_2d_same = list(
    function() layer_max_pooling_2d(pool_size = 3, strides = 2, padding = "same"), image
  ),
  average_pooling_2d = list(function() layer_average_pooling_2d(pool_size = c(2, 3), strides = 1), image),
  average_pooling_2d_same = list(
    function() layer_average_pooling_2d(pool_size = 3, strides = 2, padding = "same"), image
  ),
  max_pooling_1d = list(
    function() layer_max_pooling_1d(pool_size = 3, strides = 2, padding = "same"), c(2, 8, 3)
  ),
  average_pooling_1d = list(function() layer_average_pooling_1d(), c(2, 7, 3)),
  global_average_pooling_2d = list(function() layer_global_average_pooling_2d(), image),
  global_max_pooling_2d = list(function() layer_global_max_pooling_2d(), image),
  global_max_pooling_1d = list(function() layer_global_max_pooling_1d(), c(2, 7, 3)),
  flatten = list(function() layer_flatten(), image),
  reshape = list(function() layer_reshape(target_shape = c(5, -1)), image),
  permute = list(function() layer_permute(dims = c(3, 1, 2)), image),
  repeat_vector = list(function() layer_repeat_vector(n = 3), c(2, 4)),
  zero_padding_2d = list(function() layer_zero_padding_2d(padding = list(c(1, 2), c(0, 1))), image),
  cropping_2d = list(function() layer_cropping_2d(cropping = list(c(1, 2), c(0, 1))), image),
  upsampling_2d = list(function() layer_upsampling_2d(size = c(2, 3)), image),
  add = list(function() layer_add(), c(2, 3, 4), c(2, 3, 4), c(2, 1, 4)),
  subtract = list(function() layer_subtract(), c(2, 4), c(2, 4)),
  multiply = list(function() layer_multiply(), c(2, 3, 4), c(2, 3, 4)),
  average = list(function() layer_average(), c(2, 4), c(2, 4), c(2, 4)),
  maximum = list(function() layer_maximum(), c(2, 4), c(2, 4)),
  minimum = list(function() layer_minimum(), c(2, 4), c(2, 4)),
  concatenate = list(function() layer_concatenate(axis = 1), c(2, 3, 4), c(2, 2, 4)),
  dot = list(function() layer_dot(axes = c(2, 1)), c(2, 3, 4), c(2, 4, 5)),
  dot_normalized = list(function() layer_dot(axes = 1, normalize = TRUE), c(3, 4), c(3, 4)),
  leaky_relu = list(function() layer_activation_leaky_relu(alpha = 0.2), c(3, 5)),
  elu = list(function() layer_activation_elu(alpha = 0.7), c(3, 5)),
  thresholded_relu = list(function() layer_activation_thresholded_relu(theta = 0.4), c(3, 5)),
  prelu = list(function() layer_activation_parametric_relu(shared_axes = 1), c(2, 3, 4)),
  softmax_axis = list(function() layer_activation_softmax(axis = 1), c(2, 3, 4)),
  relu_layer = list(
    function() layer_activation_relu(max_value = 0.8, negative_slope = 0.1, threshold = 0.2), c(3, 5)
  ),
  batch_normalization_test = list(function() layer_batch_normalization(), c(6, 4))
)

test_that("layers agree with tf_keras, forward and backward", {
  for (case in names(cases)) expect_layer("layers", case, make = cases[[case]][[1]], shapes = cases[[case]][-1])
})

test_that("every case of the stored numbers is run", {
  expect_setequal(names(cases), names(golden("layers")))
})

test_that("activations agree with tf_keras, by name and as functions", {
  for (name in names(golden("activations"))) {
    expect_layer("activations", name, make = function() layer_activation(activation = name),
                 shapes = list(c(3, 5)))
  }
  x <- waves(c(3, 5), 0.7)
  by_function <- list(
    relu = activation_relu, elu = activation_elu, selu = activation_selu,
    softplus = activation_softplus, softsign = activation_softsign, tanh = activation_tanh,
    sigmoid = activation_sigmoid, hard_sigmoid = activation_hard_sigmoid,
    linear = activation_linear, softmax = activation_softmax, exponential = activation_exponential
  )
  for (name in names(by_function)) {
    expect_golden(k_eval(by_function[[name]](x)), golden("activations", name)$output, label = name)
  }
})

test_that("batch normalisation in training agrees with tf_keras", {
  training_cases <- list(
    batch_normalization = list(function() layer_batch_normalization(momentum = 0.9), c(6, 4)),
    batch_normalization_rank_3 = list(function() layer_batch_normalization(momentum = 0.9), c(4, 3, 2)),
    batch_normalization_fused = list(
      function() layer_batch_normalization(momentum = 0.9, epsilon = 0.01), c(3, 4, 2, 3)
    ),
    batch_normalization_plain = list(
      function() layer_batch_normalization(center = FALSE, scale = FALSE), c(6, 4)
    )
  )
  for (case in names(training_cases)) {
    # Input gradients are small differences of large terms.
    expect_layer("training_layers", case, make = training_cases[[case]][[1]],
                 shapes = training_cases[[case]][-1], training = TRUE, tolerance = 1e-4)
  }
})

test_that("channels first gives what channels last gives", {
  x <- waves(c(2, 6, 5, 3), 0.7)
  first <- aperm(x, c(1, 4, 2, 3))
  makers <- list(
    function(...) layer_conv_2d(filters = 4, kernel_size = 3, padding = "same", strides = 2, ...),
    function(...) layer_conv_2d_transpose(filters = 4, kernel_size = 3, strides = 2, ...),
    function(...) layer_max_pooling_2d(pool_size = 2, ...),
    function(...) layer_average_pooling_2d(pool_size = 3, strides = 2, padding = "same", ...),
    function(...) layer_zero_padding_2d(padding = list(c(1, 0), c(2, 1)), ...),
    function(...) layer_cropping_2d(cropping = list(c(1, 0), c(2, 1)), ...),
    function(...) layer_upsampling_2d(size = c(2, 3), ...)
  )
  run <- function(make, x, data_format) {
    layer <- make(data_format = data_format)
    input <- layer_input(shape = dim(x)[-1])
    output <- layer(input)
    set_weights(layer, lapply(layer$weights, function(w) waves(as.integer(w$dims), 0.3)))
    k_function(input, output)(x)
  }
  for (make in makers) {
    expect_equal(aperm(run(make, first, "channels_first"), c(1, 3, 4, 2)), run(make, x, "channels_last"),
                 tolerance = 1e-6)
  }
  for (make in list(layer_global_average_pooling_2d, layer_global_max_pooling_2d, layer_flatten)) {
    layer <- function(...) make(...)
    expect_equal(run(layer, first, "channels_first"), run(layer, x, "channels_last"), tolerance = 1e-6)
  }
})

test_that("dropout drops in training only, keeps the mean and follows noise_shape", {
  input <- layer_input(shape = c(50, 40))
  x <- array(1, c(8, 50, 40))
  layer <- layer_dropout(rate = 0.3)
  expect_equal(k_function(input, layer(input))(x), x)
  set.seed(1)
  y <- k_function(input, layer(input, training = TRUE))(x)
  expect_setequal(unique(round(as.vector(y), 4)), c(0, round(1 / 0.7, 4)))
  # 16,000 draws: sd of the share is 0.0036.
  expect_equal(mean(y == 0), 0.3, tolerance = 0.06)

  shared <- layer_dropout(rate = 0.5, noise_shape = list(NULL, 1, 40))
  y <- k_function(input, shared(input, training = TRUE))(x)
  expect_true(all(apply(y, c(1, 3), function(v) length(unique(v))) == 1))
  spatial <- layer_spatial_dropout_1d(rate = 0.5)
  y <- k_function(input, spatial(input, training = TRUE))(x)
  expect_true(all(apply(y, c(1, 3), function(v) length(unique(v))) == 1))
})

test_that("weights have the reference's names, order and shapes", {
  input <- layer_input(shape = c(8, 8, 3))
  shapes_of <- function(layer) {
    layer(input)
    w <- layer$weights
    stats::setNames(lapply(w, function(v) dim(v)), sub(":0$", "", sub("^.*/", "", vapply(w, function(v) v$name, ""))))
  }
  expect_identical(
    shapes_of(layer_conv_2d(filters = 4, kernel_size = c(3, 2))),
    list(kernel = c(3L, 2L, 3L, 4L), bias = 4L)
  )
  expect_identical(
    shapes_of(layer_conv_2d_transpose(filters = 4, kernel_size = c(3, 2))),
    list(kernel = c(3L, 2L, 4L, 3L), bias = 4L)
  )
  expect_identical(
    shapes_of(layer_batch_normalization()),
    list(gamma = 3L, beta = 3L, moving_mean = 3L, moving_variance = 3L)
  )
  expect_identical(shapes_of(layer_dense(units = 5)), list(kernel = c(3L, 5L), bias = 5L))
  expect_identical(
    shapes_of(layer_activation_parametric_relu(shared_axes = c(1, 2))),
    list(alpha = c(1L, 1L, 3L))
  )
  layer <- layer_dense(units = 2, name = "named")
  layer(input)
  expect_identical(layer$weights[[1]]$name, "named/kernel:0")
})

test_that("names count per class and start again after k_clear_session()", {
  k_clear_session()
  expect_identical(layer_dense(units = 1)$name, "dense_1")
  expect_identical(layer_dense(units = 1)$name, "dense_2")
  expect_identical(layer_conv_2d(filters = 1, kernel_size = 1)$name, "conv2d_1")
  expect_identical(layer_max_pooling_2d()$name, "max_pooling2d_1")
  expect_identical(layer_batch_normalization()$name, "batch_normalization_1")
  expect_identical(layer_activation_leaky_relu()$name, "leaky_re_lu_1")
  expect_identical(layer_activation_parametric_relu()$name, "p_re_lu_1")
  expect_identical(layer_upsampling_2d()$name, "up_sampling2d_1")
  expect_identical(layer_global_average_pooling_2d()$name, "global_average_pooling2d_1")
  expect_identical(snake_case("CuDNNLSTM"), "cu_dnnlstm")
  expect_identical(snake_case("ConvLSTM2D"), "conv_lst_m2d")
  k_clear_session()
  expect_identical(layer_dense(units = 1)$name, "dense_1")
})

test_that("shape mistakes name the layer, what was expected and what came", {
  flat <- layer_input(shape = 4)
  expect_error(layer_conv_2d(flat, 3, 3, name = "first"), 'layer "first" expects an input with 4 axes, got 2',
               class = "hornet_shape_error")
  small <- layer_input(shape = c(2, 2, 1))
  expect_error(layer_conv_2d(small, 3, 3, name = "c"),
               'layer "c": the kernel covers 3 x 3, but the input has size 2 x 2',
               class = "hornet_shape_error")
  dense <- layer_dense(units = 2, name = "d")
  dense(flat)
  expect_error(dense(layer_input(shape = 5)), 'layer "d" was built for inputs whose last axis has size 4',
               class = "hornet_shape_error")
  expect_error(layer_reshape(flat, c(3, -1), name = "r"), 'layer "r" can\'t reshape', class = "hornet_shape_error")
  expect_error(layer_add(list(flat, layer_input(shape = 3)), name = "sum"),
               'layer "sum" can\'t join inputs of shapes \\(None, 4\\) and \\(None, 3\\)', class = "hornet_shape_error")
  expect_error(layer_concatenate(list(flat)), "joins 2 or more inputs, got 1")
  expect_error(layer_dense(matrix(1:4, 2), units = 1), "Arrays go into fit")
})

test_that("unknown names list the valid ones", {
  expect_error(layer_dense(units = 2, activation = "rellu"), 'unknown activation "rellu".*"relu"')
  expect_error(layer_dense(units = 2, kernel_initializer = "glorot"), "unknown initializer.*glorot_uniform")
  expect_error(layer_dense(units = 2, kernel_regularizer = "l3"), "unknown regularizer.*l1_l2")
  expect_error(layer_dense(units = 2, kernel_constraint = "max"), "unknown constraint.*maxnorm")
  expect_error(layer_dense(units = 2.5), "`units` must be a whole number")
  expect_error(layer_conv_2d(filters = 2, kernel_size = 3, padding = "full"), '`padding` must be "valid" or "same"')
})

test_that("initial weights can be given", {
  kernel <- matrix(1:6, 3)
  layer <- layer_dense(units = 2, weights = list(kernel, array(c(7, 8))))
  layer(layer_input(shape = 3))
  expect_equal(get_weights(layer), list(kernel + 0, array(c(7, 8))))
})
