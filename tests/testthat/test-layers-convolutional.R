# Layers for volumes, separable and locally connected layers: against tf_keras, in both data formats.

sequence <- c(2, 7, 3)
picture <- c(2, 5, 6, 2)
volume <- c(2, 4, 5, 3, 2)
cases <- list(
  conv_3d_valid = list(function() layer_conv_3d(filters = 3, kernel_size = c(2, 3, 2), activation = "tanh"), volume),
  conv_3d_same = list(
    function() layer_conv_3d(filters = 2, kernel_size = c(3, 2, 3), padding = "same", use_bias = FALSE), volume
  ),
  conv_3d_same_strides = list(
    function() layer_conv_3d(filters = 3, kernel_size = 3, strides = 2, padding = "same"), volume
  ),
  conv_3d_valid_strides = list(
    function() layer_conv_3d(filters = 2, kernel_size = c(2, 2, 1), strides = c(1, 2, 3)), volume
  ),
  conv_3d_dilation = list(function() layer_conv_3d(filters = 2, kernel_size = 2, dilation_rate = c(2, 3, 1)), volume),
  conv_3d_transpose_same = list(
    function() layer_conv_3d_transpose(filters = 3, kernel_size = 3, strides = 2, padding = "same"), c(2, 2, 3, 2, 2)
  ),
  conv_3d_transpose_valid = list(
    function() layer_conv_3d_transpose(filters = 2, kernel_size = c(3, 2, 2), strides = c(1, 3, 2)), c(2, 2, 2, 3, 2)
  ),
  separable_conv_1d = list(
    function() layer_separable_conv_1d(filters = 4, kernel_size = 3, activation = "relu"), sequence
  ),
  separable_conv_1d_same = list(
    function() {
      layer_separable_conv_1d(filters = 2, kernel_size = 4, strides = 2, padding = "same", depth_multiplier = 2)
    }, sequence
  ),
  separable_conv_2d = list(
    function() {
      layer_separable_conv_2d(filters = 3, kernel_size = c(3, 2), depth_multiplier = 2, activation = "tanh")
    }, picture
  ),
  separable_conv_2d_same = list(
    function() {
      layer_separable_conv_2d(filters = 4, kernel_size = 3, strides = 2, padding = "same", use_bias = FALSE)
    }, picture
  ),
  depthwise_conv_2d = list(
    function() layer_depthwise_conv_2d(kernel_size = 3, padding = "same", activation = "sigmoid"), picture
  ),
  depthwise_conv_2d_strides = list(
    function() layer_depthwise_conv_2d(kernel_size = c(2, 3), strides = 2, depth_multiplier = 3), picture
  ),
  locally_connected_1d = list(
    function() layer_locally_connected_1d(filters = 4, kernel_size = 3, activation = "tanh"), sequence
  ),
  locally_connected_1d_strides = list(
    function() layer_locally_connected_1d(filters = 2, kernel_size = 2, strides = 3, use_bias = FALSE), sequence
  ),
  locally_connected_1d_channels_first = list(
    function() layer_locally_connected_1d(filters = 2, kernel_size = 3, data_format = "channels_first"), c(2, 3, 6)
  ),
  locally_connected_2d = list(function() layer_locally_connected_2d(filters = 3, kernel_size = c(2, 3)), picture),
  locally_connected_2d_strides = list(
    function() layer_locally_connected_2d(filters = 2, kernel_size = 2, strides = c(2, 3), activation = "relu"), picture
  ),
  locally_connected_2d_channels_first = list(
    function() {
      layer_locally_connected_2d(filters = 2, kernel_size = c(3, 2), strides = c(1, 2), data_format = "channels_first")
    }, c(2, 3, 4, 5)
  ),
  max_pooling_3d = list(function() layer_max_pooling_3d(), volume),
  max_pooling_3d_same = list(
    function() layer_max_pooling_3d(pool_size = c(2, 3, 2), strides = c(1, 2, 2), padding = "same"), volume
  ),
  average_pooling_3d = list(function() layer_average_pooling_3d(pool_size = c(2, 2, 3), strides = 1), volume),
  average_pooling_3d_same = list(
    function() layer_average_pooling_3d(pool_size = 3, strides = 2, padding = "same"), volume
  ),
  global_average_pooling_1d = list(function() layer_global_average_pooling_1d(), sequence),
  global_average_pooling_3d = list(function() layer_global_average_pooling_3d(), volume),
  global_max_pooling_3d = list(function() layer_global_max_pooling_3d(), volume),
  zero_padding_1d = list(function() layer_zero_padding_1d(padding = c(1, 2)), sequence),
  zero_padding_3d = list(
    function() layer_zero_padding_3d(padding = list(c(1, 0), c(0, 2), c(1, 1))), c(2, 2, 3, 2, 2)
  ),
  cropping_1d = list(function() layer_cropping_1d(cropping = c(2, 1)), sequence),
  cropping_3d = list(function() layer_cropping_3d(cropping = list(c(1, 1), c(0, 2), c(1, 0))), volume),
  upsampling_1d = list(function() layer_upsampling_1d(size = 3), c(2, 3, 2)),
  upsampling_3d = list(function() layer_upsampling_3d(size = c(2, 1, 3)), c(2, 2, 3, 2, 1))
)

test_that("layers agree with tf_keras, forward and backward", {
  for (case in names(cases)) {
    expect_layer("layers", case, make = cases[[case]][[1]], shapes = cases[[case]][-1], file = "convolutions")
  }
})

test_that("every case of the stored numbers is run", {
  expect_setequal(names(cases), names(golden("layers", file = "convolutions")))
})

# The layer of make() on x, with waves as weights.
run_with_waves <- function(make, x, data_format) {
  layer <- make(data_format = data_format)
  input <- layer_input(shape = dim(x)[-1])
  output <- layer(input)
  set_weights(layer, lapply(layer$weights, function(w) waves(as.integer(w$dims), 0.3)))
  k_function(input, output)(x)
}
channels_to_front <- function(x) aperm(x, c(1, length(dim(x)), 2:(length(dim(x)) - 1)))

test_that("channels first gives what channels last gives", {
  makers <- list(
    list(function(...) layer_conv_3d(filters = 3, kernel_size = 2, strides = c(1, 2, 1), ...), volume),
    list(function(...) layer_conv_3d_transpose(filters = 3, kernel_size = 3, strides = 2, ...), volume),
    list(function(...) layer_separable_conv_1d(filters = 2, kernel_size = 3, ...), sequence),
    list(function(...) layer_separable_conv_2d(filters = 4, kernel_size = 3, depth_multiplier = 2, ...), picture),
    list(function(...) layer_depthwise_conv_2d(kernel_size = 2, strides = 2, depth_multiplier = 2, ...), picture),
    list(function(...) layer_max_pooling_3d(pool_size = 2, strides = 1, ...), volume),
    list(function(...) layer_average_pooling_3d(pool_size = 3, strides = 2, padding = "same", ...), volume),
    list(function(...) layer_zero_padding_3d(padding = list(c(1, 0), c(2, 1), c(0, 1)), ...), volume),
    list(function(...) layer_cropping_3d(cropping = list(c(1, 0), c(2, 1), c(0, 1)), ...), volume),
    list(function(...) layer_upsampling_3d(size = c(1, 2, 3), ...), volume)
  )
  for (maker in makers) {
    x <- waves(maker[[2]], 0.7)
    last <- run_with_waves(maker[[1]], x, "channels_last")
    first <- run_with_waves(maker[[1]], channels_to_front(x), "channels_first")
    expect_equal(first, channels_to_front(last), tolerance = 1e-6)
  }
  x <- waves(volume, 0.7)
  for (make in list(layer_global_average_pooling_3d, layer_global_max_pooling_3d)) {
    layer <- function(...) make(...)
    expect_equal(run_with_waves(layer, channels_to_front(x), "channels_first"),
                 run_with_waves(layer, x, "channels_last"), tolerance = 1e-6)
  }
})

test_that("backend functions agree with plain R", {
  attrs <- list(strides = c(1, 1), padding = c(1, 1, 2, 2), dilation = c(1, 2))
  x <- waves(picture, 0.7)
  kernel <- waves(c(3, 3, 2, 2), 0.3)
  separate <- oracle_conv2d(x, dense_kernel(kernel), attrs)
  expect_equal(k_eval(k_depthwise_conv2d(x, kernel, padding = "same", dilation_rate = c(1, 2))), separate,
               tolerance = 1e-6)
  pointwise <- waves(c(1, 1, 4, 3), 0.2)
  joined <- k_separable_conv2d(x, kernel, pointwise, padding = "same", dilation_rate = c(1, 2))
  expect_equal(k_eval(joined), oracle_conv2d(separate, pointwise, list()), tolerance = 1e-6)
})

test_that("batched products are products of matrices", {
  x <- waves(c(3, 4, 5), 0.7)
  y <- waves(c(3, 5, 2), 0.4)
  products <- lapply(1:3, function(i) x[i, , ] %*% y[i, , ])
  expect_equal(k_eval(k_batch_dot(x, y, NULL)), aperm(simplify2array(products), c(3, 1, 2)), tolerance = 1e-6)
})

test_that("weights have the reference's names, order and shapes", {
  shapes_of <- function(layer, shape) {
    layer(layer_input(shape = shape))
    w <- layer$weights
    stats::setNames(lapply(w, function(v) dim(v)), sub(":0$", "", sub("^.*/", "", vapply(w, function(v) v$name, ""))))
  }
  expect_identical(
    shapes_of(layer_conv_3d(filters = 4, kernel_size = c(1, 2, 3)), c(6, 6, 6, 2)),
    list(kernel = c(1L, 2L, 3L, 2L, 4L), bias = 4L)
  )
  expect_identical(
    shapes_of(layer_conv_3d_transpose(filters = 4, kernel_size = c(1, 2, 3)), c(6, 6, 6, 2)),
    list(kernel = c(1L, 2L, 3L, 4L, 2L), bias = 4L)
  )
  expect_identical(
    shapes_of(layer_separable_conv_1d(filters = 5, kernel_size = 3, depth_multiplier = 2), c(8, 3)),
    list(depthwise_kernel = c(3L, 3L, 2L), pointwise_kernel = c(1L, 6L, 5L), bias = 5L)
  )
  expect_identical(
    shapes_of(layer_separable_conv_2d(filters = 5, kernel_size = c(3, 2), depth_multiplier = 2), c(8, 8, 3)),
    list(depthwise_kernel = c(3L, 2L, 3L, 2L), pointwise_kernel = c(1L, 1L, 6L, 5L), bias = 5L)
  )
  expect_identical(
    shapes_of(layer_depthwise_conv_2d(kernel_size = c(3, 2), depth_multiplier = 2), c(8, 8, 3)),
    list(depthwise_kernel = c(3L, 2L, 3L, 2L), bias = 6L)
  )
  expect_identical(
    shapes_of(layer_locally_connected_1d(filters = 5, kernel_size = 3, strides = 2), c(8, 2)),
    list(kernel = c(3L, 6L, 5L), bias = c(3L, 5L))
  )
  expect_identical(
    shapes_of(layer_locally_connected_2d(filters = 5, kernel_size = c(3, 2)), c(6, 4, 2)),
    list(kernel = c(12L, 12L, 5L), bias = c(4L, 3L, 5L))
  )
  for (format in c("channels_first", "channels_last")) {
    expect_identical(
      shapes_of(layer_locally_connected_2d(filters = 5, kernel_size = 2, data_format = format), c(3, 3, 3))$bias,
      c(2L, 2L, 5L)
    )
  }
})

test_that("names are those of the reference's classes", {
  k_clear_session()
  names_of <- function(...) vapply(list(...), function(layer) layer$name, "")
  expect_identical(
    names_of(
      layer_conv_3d(filters = 1, kernel_size = 1), layer_conv_3d_transpose(filters = 1, kernel_size = 1),
      layer_separable_conv_1d(filters = 1, kernel_size = 1), layer_separable_conv_2d(filters = 1, kernel_size = 1),
      layer_depthwise_conv_2d(kernel_size = 1), layer_locally_connected_1d(filters = 1, kernel_size = 1),
      layer_locally_connected_2d(filters = 1, kernel_size = 1), layer_max_pooling_3d(), layer_average_pooling_3d()
    ),
    c("conv3d_1", "conv3d_transpose_1", "separable_conv1d_1", "separable_conv2d_1", "depthwise_conv2d_1",
      "locally_connected1d_1", "locally_connected2d_1", "max_pooling3d_1", "average_pooling3d_1")
  )
})

test_that("regularizers and constraints reach the kernels they are meant for", {
  layer <- layer_separable_conv_2d(
    filters = 2, kernel_size = 2, depthwise_regularizer = "l1", pointwise_constraint = "nonneg",
    depthwise_initializer = "ones", pointwise_initializer = "zeros", bias_initializer = "ones"
  )
  layer(layer_input(shape = c(3, 3, 2)))
  weights <- layer$weights
  expect_identical(vapply(weights, function(w) !is.null(w$regularizer), NA), c(TRUE, FALSE, FALSE))
  expect_identical(vapply(weights, function(w) !is.null(w$constraint), NA), c(FALSE, TRUE, FALSE))
  expect_identical(vapply(get_weights(layer), function(w) unique(as.vector(w)), 0), c(1, 0, 1))
})

test_that("a separable network trains", {
  set.seed(3)
  x <- array(stats::rnorm(64 * 8 * 8 * 2), c(64, 8, 8, 2))
  y <- as.numeric(apply(x[, , , 1], 1, mean) > 0)
  model <- keras_model_sequential() %>%
    layer_separable_conv_2d(filters = 8, kernel_size = 3, activation = "relu", input_shape = c(8, 8, 2)) %>%
    layer_depthwise_conv_2d(kernel_size = 3, strides = 2, activation = "relu") %>%
    layer_locally_connected_2d(filters = 4, kernel_size = 2) %>%
    layer_flatten() %>%
    layer_dense(units = 1, activation = "sigmoid")
  model %>% compile(optimizer = optimizer_adam(lr = 0.02), loss = "binary_crossentropy", metrics = "accuracy")
  history <- model %>% fit(x, y, epochs = 20, verbose = 0)
  losses <- history$metrics$loss
  expect_lt(losses[[20]], 0.5 * losses[[1]])
})

test_that("shape mistakes name the layer, what was expected and what came", {
  flat <- layer_input(shape = c(6, 6, 1))
  expect_error(layer_conv_3d(flat, 3, 3, name = "first"), 'layer "first" expects an input with 5 axes, got 4',
               class = "hornet_shape_error")
  expect_error(layer_conv_3d(layer_input(shape = c(2, 5, 5, 1)), 3, 3, name = "c"),
               'layer "c": the kernel covers 3 x 3 x 3, but the input has size 2 x 5 x 5', class = "hornet_shape_error")
  expect_error(layer_conv_3d(filters = 3, kernel_size = 3, strides = 2, dilation_rate = 2, name = "c"),
               "can't both exceed 1", class = "hornet_value_error")
  expect_error(layer_max_pooling_3d(layer_input(shape = c(2, 1, 2, 1)), name = "p"),
               'layer "p": the window has size 2 x 2 x 2, but the input 2 x 1 x 2', class = "hornet_shape_error")
  expect_error(layer_separable_conv_2d(layer_input(shape = c(2, 2, 1)), 4, 3, name = "s"),
               'layer "s": the kernel covers 3 x 3, but the input has size 2 x 2', class = "hornet_shape_error")
  depthwise <- layer_depthwise_conv_2d(kernel_size = 3, name = "d")
  depthwise(flat)
  expect_error(depthwise(layer_input(shape = c(6, 6, 2))),
               'layer "d" was built for inputs whose last axis has size 1', class = "hornet_shape_error")
  expect_error(layer_locally_connected_2d(layer_input(shape = c(2, 2, 1)), 4, 3, name = "l"),
               'layer "l": the kernel covers 3 x 3, but the input has size 2 x 2', class = "hornet_shape_error")
  expect_error(layer_locally_connected_1d(filters = 2, kernel_size = 2, padding = "same"),
               '`padding` must be "valid", not "same"', class = "hornet_value_error")
  local <- layer_locally_connected_2d(filters = 4, kernel_size = 3, name = "l")
  local(flat)
  expect_error(local(layer_input(shape = c(7, 6, 1))),
               'layer "l" was built for inputs of shape \\(None, 6, 6, 1\\), got \\(None, 7, 6, 1\\)',
               class = "hornet_shape_error")
  expect_error(k_local_conv1d(array(0, c(1, 5, 1)), array(0, c(3, 2, 1)), 2, 1),
               "needs a kernel of shape \\(4, 2, 1\\), got \\(3, 2, 1\\)", class = "hornet_shape_error")
  expect_error(k_local_conv2d(array(0, c(1, 3, 3, 1)), array(0, c(4, 4, 1)), 2, 1, c(3, 3)),
               "the output has size 2 x 2, not 3 x 3", class = "hornet_shape_error")
  expect_error(k_conv3d(array(0, c(1, 3, 3, 1)), array(0, c(1, 1, 1, 1, 1))),
               "k_conv3d\\(\\): expected a tensor with 5 axes", class = "hornet_shape_error")
  expect_error(k_resize_images(array(0, c(1, 2, 2, 1)), 2, 2), "data_format")
})
