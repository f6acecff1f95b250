# get_config(), from_config(), clone_model(), with_custom_object_scope().

# One of every layer function, with arguments that aren't defaults: list(make, sample shapes).
image <- c(6, 5, 3)
every_layer <- list(
  function() layer_dense(units = 3, activation = "relu", kernel_initializer = initializer_he_normal(seed = 2),
                         kernel_regularizer = regularizer_l2(0.1), bias_regularizer = "l1",
                         kernel_constraint = constraint_maxnorm(2), activity_regularizer = "l2"),
  4,
  function() layer_activation(activation = "tanh"), 4,
  function() layer_dropout(rate = 0.3, noise_shape = c(NA, 1), seed = 3), 4,
  function() layer_spatial_dropout_1d(rate = 0.3), c(4, 3),
  function() layer_spatial_dropout_2d(rate = 0.3, data_format = "channels_first"), image,
  function() layer_spatial_dropout_3d(rate = 0.3), c(2, 2, 2, 3),
  function() layer_flatten(data_format = "channels_first"), image,
  function() layer_reshape(target_shape = c(5, -1)), image,
  function() layer_permute(dims = c(3, 1, 2)), image,
  function() layer_repeat_vector(n = 3), 4,
  function() layer_activity_regularization(l1 = 0.1, l2 = 0.2), 4,
  function() layer_conv_1d(filters = 2, kernel_size = 3, padding = "causal", dilation_rate = 2), c(8, 3),
  function() layer_conv_2d(filters = 2, kernel_size = c(2, 3), strides = 2, padding = "SAME", use_bias = FALSE), image,
  function() layer_conv_2d(filters = 2, kernel_size = 2, data_format = "channels_first"), image,
  function() layer_conv_2d_transpose(filters = 2, kernel_size = 3, strides = 2), image,
  function() layer_zero_padding_1d(padding = c(1, 2)), c(4, 3),
  function() layer_zero_padding_2d(padding = list(c(1, 2), c(0, 1))), image,
  function() layer_zero_padding_3d(padding = 2), c(2, 2, 2, 3),
  function() layer_cropping_1d(cropping = c(1, 2)), c(5, 3),
  function() layer_cropping_2d(cropping = list(c(1, 2), c(0, 1))), image,
  function() layer_cropping_3d(), c(3, 3, 3, 2),
  function() layer_upsampling_1d(size = 3), c(4, 3),
  function() layer_upsampling_2d(size = c(2, 3)), image,
  function() layer_upsampling_3d(), c(2, 2, 2, 3),
  function() layer_max_pooling_1d(pool_size = 3, strides = 1, padding = "same"), c(6, 3),
  function() layer_average_pooling_1d(), c(6, 3),
  function() layer_max_pooling_2d(pool_size = c(2, 3)), image,
  function() layer_average_pooling_2d(strides = 1), image,
  function() layer_global_max_pooling_1d(), c(6, 3),
  function() layer_global_average_pooling_2d(data_format = "channels_first"), image,
  function() layer_global_average_pooling_3d(), c(2, 2, 2, 3),
  function() layer_batch_normalization(momentum = 0.8, scale = FALSE, gamma_initializer = "uniform"), image,
  function() layer_activation_leaky_relu(alpha = 0.2), 4,
  function() layer_activation_elu(alpha = 0.7), 4,
  function() layer_activation_selu(), 4,
  function() layer_activation_thresholded_relu(theta = 0.4), 4,
  function() layer_activation_softmax(axis = 1), c(3, 4),
  function() layer_activation_relu(max_value = 0.8, negative_slope = 0.1, threshold = 0.2), 4,
  function() layer_activation_parametric_relu(shared_axes = 1, alpha_initializer = "ones"), c(3, 4),
  function() layer_conv_3d(filters = 2, kernel_size = c(1, 2, 2), dilation_rate = c(1, 1, 2)), c(2, image),
  function() layer_conv_3d_transpose(filters = 2, kernel_size = 2, strides = c(1, 2, 2)), c(2, image),
  function() layer_separable_conv_1d(filters = 2, kernel_size = 3, data_format = "channels_first"), c(3, 8),
  function() layer_separable_conv_2d(filters = 2, kernel_size = 2, depth_multiplier = 2), image,
  function() layer_depthwise_conv_2d(kernel_size = 2, depthwise_regularizer = "l2", padding = "same"), image,
  function() layer_locally_connected_1d(filters = 2, kernel_size = 3, strides = 2), c(8, 3),
  function() layer_locally_connected_2d(filters = 2, kernel_size = c(2, 3), use_bias = FALSE), image,
  function() layer_max_pooling_3d(pool_size = c(1, 2, 2)), c(2, image),
  function() layer_average_pooling_3d(padding = "same"), c(2, image),
  function() layer_simple_rnn(units = 3, activation = "relu", go_backwards = TRUE), c(4, 2),
  function() layer_lstm(units = 3, unit_forget_bias = FALSE, dropout = 0.2, return_sequences = TRUE), c(4, 2),
  function() layer_gru(units = 3, reset_after = TRUE, recurrent_regularizer = "l1", unroll = TRUE), c(4, 2),
  function() layer_cudnn_lstm(units = 3, recurrent_constraint = constraint_maxnorm(2)), c(4, 2),
  function() layer_cudnn_gru(units = 3, return_sequences = TRUE), c(4, 2),
  function() layer_conv_lstm_2d(filters = 2, kernel_size = c(2, 3), padding = "same", strides = 2), c(3, image),
  function() time_distributed(layer = layer_conv_2d(filters = 2, kernel_size = 3)), c(3, image),
  function() bidirectional(layer = layer_gru(units = 3), merge_mode = "sum"), c(4, 2),
  function() layer_embedding(input_dim = 5, output_dim = 2, mask_zero = TRUE, input_length = 4), 4,
  function() layer_masking(mask_value = 0.5), c(4, 2),
  function() layer_gaussian_noise(stddev = 0.5), 4,
  function() layer_gaussian_dropout(rate = 0.5), 4,
  function() layer_alpha_dropout(rate = 0.5, noise_shape = c(NA, 1)), 4,
  function() layer_lambda(f = function(x, p) x^p, arguments = list(p = 3)), 4
)
shapes_of_layers <- every_layer[c(FALSE, TRUE)]
every_layer <- every_layer[c(TRUE, FALSE)]

run_with_weights <- function(layer, shape) {
  input <- layer_input(shape = shape)
  output <- layer(input)
  set_weights(layer, lapply(layer$weights, function(w) waves(as.integer(w$dims), 0.3) + 1))
  k_function(input, output)(waves(c(2, shape), 0.7))
}

test_that("every layer is made again from its config, and computes the same", {
  for (i in seq_along(every_layer)) {
    layer <- every_layer[[i]]()
    config <- get_config(layer)
    again <- from_config(config)
    expect_identical(again$name, layer$name)
    expect_identical(class(again), class(layer))
    expect_equal(get_config(again), config, label = paste("config of", layer$name), ignore_function_env = TRUE)
    expect_equal(run_with_weights(again, shapes_of_layers[[i]]), run_with_weights(layer, shapes_of_layers[[i]]),
                 label = layer$name)
  }
})

test_that("merge layers are made again, too", {
  inputs <- list(layer_input(shape = c(3, 4)), layer_input(shape = c(3, 4)))
  for (make in list(layer_add, layer_subtract, layer_multiply, layer_average, layer_maximum, layer_minimum,
                    function() layer_concatenate(axis = 1), function() layer_dot(axes = c(2, 2), normalize = TRUE))) {
    layer <- make()
    again <- from_config(get_config(layer))
    values <- lapply(1:2, function(i) waves(c(2, 3, 4), 0.2 * i))
    expect_equal(k_function(inputs, again(inputs))(values), k_function(inputs, layer(inputs))(values))
  }
})

test_that("configs say what the reference's files say", {
  config <- get_config(layer_dense(units = 3, input_shape = 4, name = "d", kernel_regularizer = "l2",
                                   bias_constraint = "nonneg"))
  expect_identical(attr(config, "class_name"), "Dense")
  expect_identical(names(config), c(
    "name", "trainable", "batch_input_shape", "dtype", "units", "activation", "use_bias", "kernel_initializer",
    "bias_initializer", "kernel_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint",
    "bias_constraint"
  ))
  expect_identical(config$batch_input_shape, list(NULL, 4L))
  expect_identical(config$activation, "linear")
  expect_identical(config$kernel_initializer, list(
    class_name = "VarianceScaling",
    config = list(scale = 1, mode = "fan_avg", distribution = "uniform", seed = NULL)
  ))
  expect_identical(config$kernel_regularizer, list(class_name = "L1L2", config = list(l1 = 0, l2 = 0.01)))
  expect_identical(config$bias_constraint$class_name, "NonNeg")
  expect_null(config$bias_regularizer)

  expect_named(get_config(layer_conv_1d(filters = 1, kernel_size = 2)), setdiff(c(
    names(get_config(layer_conv_2d(filters = 1, kernel_size = 2)))
  ), "data_format"))
  expect_identical(get_config(layer_max_pooling_2d())[-(1:2)], list(
    pool_size = c(2L, 2L), strides = c(2L, 2L), padding = "valid", data_format = "channels_last"
  ))
  expect_identical(get_config(layer_zero_padding_2d(padding = 1))$padding, list(c(1L, 1L), c(1L, 1L)))
  expect_identical(get_config(layer_zero_padding_1d(padding = 1))$padding, c(1L, 1L))
})

test_that("a default of the session is resolved in the config", {
  k_set_image_data_format("channels_first")
  on.exit(k_set_image_data_format("channels_last"))
  layer <- layer_max_pooling_2d()
  k_set_image_data_format("channels_last")
  expect_identical(get_config(layer)$data_format, "channels_first")
})

test_that("a sequential model is made again, with names, shapes and new weights", {
  model <- keras_model_sequential(name = "stack") %>%
    layer_dense(units = 3, input_shape = 4, name = "one") %>%
    layer_dropout(rate = 0.5) %>%
    layer_dense(units = 2, name = "two", trainable = FALSE)
  config <- get_config(model)
  expect_identical(vapply(config, function(entry) entry$class_name, ""), c("Dense", "Dropout", "Dense"))
  again <- from_config(config)
  expect_s3_class(again, "keras.models.Sequential")
  expect_identical(again$name, "stack")
  expect_identical(format(again), format(model))
  expect_false(identical(get_weights(again), get_weights(model)))
  set_weights(again, get_weights(model))
  x <- waves(c(3, 4), 0.4)
  expect_equal(predict(again, x), predict(model, x))
  expect_length(again$trainable_weights, 2)
  # The layout of later versions is read as well.
  later <- from_config(list(class_name = "Sequential", config = list(name = "late", layers = config)))
  expect_identical(later$name, "late")
  expect_length(later$layers, 3)
})

test_that("a sequential model knows its input shape, wherever it came from", {
  dense <- layer_dense(units = 2)
  dense(layer_input(shape = 5))
  model <- keras_model_sequential() %>% dense()
  expect_identical(model$input_shape, list(NULL, 5L))
  expect_identical(from_config(get_config(model))$input_shape, list(NULL, 5L))
  expect_identical(clone_model(model)$input_shape, list(NULL, 5L))
})

functional_example <- function() {
  a <- layer_input(shape = 3, name = "a")
  b <- layer_input(shape = 3, name = "b")
  shared <- layer_dense(units = 4, activation = "tanh", name = "shared")
  joined <- layer_concatenate(list(shared(a), 2 * shared(b)), name = "joined")
  inner <- keras_model_sequential(name = "inner") %>% layer_dense(units = 2, input_shape = 8, name = "deep")
  one <- inner(joined)
  two <- inner(layer_lambda(joined, function(x) -x, name = "minus"))
  noisy <- layer_dropout(rate = 0.5, name = "always")(two, training = TRUE)
  keras_model(list(a, b), list(one, layer_add(list(one, two), name = "sum"), noisy))
}

test_that("a functional model's config lists calls as the reference does", {
  model <- functional_example()
  config <- get_config(model)
  expect_identical(attr(config, "class_name"), "Model")
  expect_named(config, c("name", "layers", "input_layers", "output_layers"))
  names(config$layers) <- vapply(config$layers, function(entry) entry$name, "")
  none <- stats::setNames(list(), character())
  expect_identical(config$layers$a$inbound_nodes, list())
  expect_identical(config$layers$shared$inbound_nodes,
                   list(list(list("a", 0L, 0L, none)), list(list("b", 0L, 0L, none))))
  # Models count from 1: their making is call 0.
  expect_identical(config$layers$sum$inbound_nodes,
                   list(list(list("inner", 1L, 0L, none), list("inner", 2L, 0L, none))))
  expect_identical(config$layers$always$inbound_nodes[[1]][[1]][[4]], list(training = TRUE))
  expect_identical(config$input_layers, list(list("a", 0L, 0L), list("b", 0L, 0L)))
  expect_identical(config$output_layers[[1]], list("inner", 1L, 0L))
  expect_identical(config$layers$inner$class_name, "Sequential")
})

test_that("functional models are made again and copied: sharing, nesting, lambdas, arguments of calls", {
  model <- functional_example()
  x <- list(waves(c(4, 3), 0.3), waves(c(4, 3), 0.8))
  for (again in list(from_config(get_config(model)), clone_model(model))) {
    expect_identical(format(again), format(model))
    expect_identical(count_params(again), count_params(model))
    expect_false(identical(get_weights(again), get_weights(model)))
    set_weights(again, get_weights(model))
    expect_equal(predict(again, x)[1:2], predict(model, x)[1:2])
    # Dropout that is always at work stays so.
    expect_true(any(predict(again, x)[[3]] == 0))
    expect_null(again$optimizer)
    # The copy has weights of its own.
    set_weights(again, lapply(get_weights(again), function(w) w * 0))
    expect_false(all(predict(model, x)[[1]] == 0))
  }
})

test_that("an input that nothing uses stays an input", {
  a <- layer_input(shape = 2, name = "a")
  b <- layer_input(shape = 3, name = "b")
  model <- keras_model(list(a, b), layer_dense(a, 1))
  for (again in list(from_config(get_config(model)), clone_model(model))) {
    expect_identical(again$input_names, c("a", "b"))
    expect_identical(format(again), format(model))
  }
})

test_that("a copy may begin with given inputs", {
  model <- functional_example()
  inputs <- list(layer_input(shape = 3, name = "p"), layer_input(shape = 3, name = "q"))
  copy <- clone_model(model, inputs)
  expect_identical(copy$input_names, c("p", "q"))
  sequential <- keras_model_sequential() %>% layer_dense(units = 2, input_shape = 3)
  expect_identical(clone_model(sequential, inputs[[1]])$input_names, "p")
  expect_error(clone_model(sequential, inputs), "takes 1 input\\(s\\), got 2", class = "hornet_value_error")
  expect_error(clone_model(sequential, 1), "must come from layer_input", class = "hornet_value_error")
})

test_that("copies keep what is trainable, and layers of R6 classes", {
  Times <- R6::R6Class("Times", inherit = KerasLayer, public = list(
    n = NULL, w = NULL,
    initialize = function(n) self$n <- n,
    build = function(input_shape) self$w <- self$add_weight("w", input_shape[[2]], initializer = "ones"),
    call = function(inputs) inputs * self$w * self$n
  ))
  Plain <- R6::R6Class("Plain", inherit = KerasWrapper)
  model <- keras_model_sequential() %>%
    create_layer(Times, ., list(n = 3, input_shape = 2, name = "times")) %>%
    create_wrapper(Plain, ., list(layer = layer_dense(units = 1, name = "wrapped"), name = "wrapper"))
  model$layers[[1]]$trainable <- FALSE
  copy <- clone_model(model)
  expect_identical(format(copy), format(model))
  expect_length(copy$trainable_weights, 2)
  set_weights(copy, get_weights(model))
  x <- waves(c(3, 2), 0.4)
  expect_equal(predict(copy, x), predict(model, x))

  config <- get_config(model)
  expect_identical(config[[1]]$config$n, 3)
  expect_identical(config[[2]]$config$layer$class_name, "Dense")
  expect_error(from_config(config), 'no layer class "Times".*with_custom_object_scope', class = "hornet_value_error")
  again <- with_custom_object_scope(list(Times = Times, Plain = Plain), from_config(config))
  set_weights(again, get_weights(model))
  expect_equal(predict(again, x), predict(model, x))
  # A layer alone carries its class with it.
  expect_identical(from_config(get_config(model$layers[[1]]))$name, "times")
  # A function that makes such layers does as well.
  layer_times <- function(object, n, name = NULL, input_shape = NULL) {
    create_layer(Times, object, list(n = n, name = name, input_shape = input_shape))
  }
  single <- list(class_name = "Times", config = list(name = "t", trainable = TRUE, n = 2))
  expect_identical(with_custom_object_scope(list(Times = layer_times), from_config(single))$name, "t")
})

test_that("layers inside of layers are written, read and copied with them", {
  leaky <- layer_activation_leaky_relu(alpha = 0.2, name = "leaky")
  outer <- layer_dense(units = 2, activation = leaky, name = "outer")
  config <- get_config(outer)
  expect_identical(config$activation$class_name, "LeakyReLU")
  expect_identical(config$activation$config$alpha, 0.2)
  for (again in list(from_config(config), from_config(list(class_name = "Dense", config = config)))) {
    expect_equal(get_config(again), config)
    expect_equal(run_with_weights(again, 3), run_with_weights(outer, 3))
  }
  model <- keras_model_sequential() %>% layer_reshape(3, input_shape = 3) %>% outer()
  inner <- layer_object(clone_model(model)$layers[[2]])$arguments$activation
  expect_false(identical(layer_object(inner), layer_object(leaky)))
  expect_identical(inner$name, "leaky")
})

test_that("a class may say its config itself", {
  Named <- R6::R6Class("Named", inherit = KerasLayer, public = list(
    n = NULL,
    initialize = function(n) self$n <- n,
    call = function(inputs) inputs * self$n,
    get_config = function() list(n = self$n * 1)
  ))
  layer <- create_layer(Named, args = list(n = 4))
  expect_identical(get_config(layer)$n, 4)
})

test_that("functions of one's own go by name inside a scope, and as themselves outside", {
  swish <- function(x) x * k_sigmoid(x)
  small <- function(shape) array(0.1, shape)
  config <- get_config(layer_dense(units = 2, activation = swish, kernel_initializer = small))
  expect_identical(config$activation, swish)
  expect_identical(get_config(from_config(config))$activation, swish)
  with_custom_object_scope(list(swish = swish, small = small, Max = constraint_maxnorm(1)), {
    layer <- layer_dense(units = 2, activation = "swish", kernel_initializer = "small", kernel_constraint = "Max")
    config <- get_config(layer)
    expect_identical(config$activation, "swish")
    expect_identical(get_config(layer_dense(units = 2, activation = swish))$activation, "swish")
    again <- from_config(config)
    expect_equal(run_with_weights(again, 3), run_with_weights(layer, 3))
  })
  expect_error(layer_dense(units = 2, activation = "swish"), "unknown activation", class = "hornet_value_error")
  expect_error(from_config(config), 'no activation "swish".*with_custom_object_scope', class = "hornet_value_error")
})

test_that("losses and metrics are found in a scope, under their names", {
  off <- function(y_true, y_pred) k_mean(k_abs(y_true - y_pred), axis = -1)
  model <- keras_model_sequential() %>% layer_dense(units = 1, input_shape = 2)
  with_custom_object_scope(list(off = off), model %>% compile("sgd", "off", metrics = "off"))
  expect_identical(model$metrics_names, c("loss", "off"))
})

test_that("scopes nest, end, and need names", {
  one <- function(x) x + 1
  with_custom_object_scope(list(one = one), {
    with_custom_object_scope(list(two = one), expect_true(is.function(layer_activation(activation = "one"))))
    expect_error(layer_activation(activation = "two"), "unknown activation")
  })
  expect_error(with_custom_object_scope(list(one = one), stop("oops")), "oops")
  expect_error(layer_activation(activation = "one"), "unknown activation")
  expect_error(with_custom_object_scope(list(one), 1), "every element has a name", class = "hornet_value_error")
  expect_identical(with_custom_object_scope(list(), 5), 5)
})

test_that("constraints of R6 classes are in configs by name", {
  Clip <- R6::R6Class("Clip", inherit = KerasConstraint, public = list(
    limit = NULL,
    initialize = function(limit) self$limit <- limit,
    call = function(w) k_clip(w, -self$limit, self$limit),
    get_config = function() list(limit = self$limit)
  ))
  config <- get_config(layer_dense(units = 1, kernel_constraint = Clip$new(2)))
  expect_identical(config$kernel_constraint, list(class_name = "Clip", config = list(limit = 2)))
  expect_error(from_config(config), 'no constraint "Clip"', class = "hornet_value_error")
  again <- with_custom_object_scope(list(Clip = Clip), from_config(config))
  expect_identical(get_config(again)$kernel_constraint, config$kernel_constraint)
})

test_that("what is no config is refused", {
  expect_error(from_config(list(units = 3)), "must be what get_config\\(\\) returns", class = "hornet_value_error")
  expect_error(from_config(list(class_name = "Dens", config = list())), 'no layer class "Dens"')
  expect_error(from_config(list(class_name = "Layer2D", config = list())), "no layer class")
  expect_error(get_config(3), "must be a layer or a model", class = "hornet_value_error")
  broken <- get_config(functional_example())
  broken$layers[[3]]$inbound_nodes[[1]][[1]][[1]] <- "nobody"
  expect_error(from_config(broken), "called on outputs that no layer has", class = "hornet_graph_error")
})

test_that("configs survive being written as JSON", {
  skip_if_not_installed("jsonlite")
  through_json <- function(x) {
    jsonlite::fromJSON(jsonlite::toJSON(x, auto_unbox = TRUE, null = "null", digits = NA), simplifyVector = FALSE)
  }
  for (i in seq_along(every_layer)) {
    layer <- every_layer[[i]]()
    config <- get_config(layer)
    if (attr(config, "class_name") == "Lambda") next     # holds a function
    written <- through_json(list(class_name = attr(config, "class_name"), config = unclass(config)))
    again <- from_config(written)
    expect_equal(get_config(again), config, label = layer$name)
  }
  shared <- layer_dense(units = 2, name = "shared")
  x <- layer_input(shape = c(6, 5, 1), name = "x")
  pooled <- layer_max_pooling_2d(x, pool_size = c(2, 1)) %>% layer_flatten()
  model <- keras_model(x, layer_add(list(shared(pooled), shared(pooled))))
  config <- list(class_name = "Model", config = get_config(model))
  expect_identical(format(from_config(through_json(config))), format(model))
})
