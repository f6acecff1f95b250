# Models: connecting, sharing, nesting, freezing, fields, summaries, replicas.

test_that("layers can be shared, models be layers, and both be piped into", {
  x <- layer_input(shape = 3)
  inner <- keras_model_sequential(name = "inner") %>%
    layer_dense(units = 2, input_shape = 3)
  y <- x %>% inner
  z <- (2 * x) %>% inner
  model <- keras_model(x, layer_add(list(y, z)))
  expect_equal(count_params(model), 8)
  kernel <- waves(c(3, 2), 0.5)
  set_weights(model, list(kernel, array(0, 2)))
  data <- waves(c(4, 3), 0.9)
  expect_equal(predict(model, data), 3 * data %*% kernel, tolerance = 1e-5)
  # A model of the models's inside is a model of its own.
  expect_equal(predict(keras_model(inner$input, inner$output), data), data %*% kernel, tolerance = 1e-5)
  expect_length(model$weights, 2)
})

test_that("models with several inputs and outputs nest", {
  a <- layer_input(shape = 2)
  b <- layer_input(shape = 2)
  pair <- keras_model(list(a, b), list(layer_add(list(a, b)), layer_subtract(list(a, b))))
  x <- layer_input(shape = 2)
  both <- pair(list(x, 3 * x))
  expect_length(both, 2)
  model <- keras_model(x, layer_concatenate(both))
  expect_equal(predict(model, matrix(1, 1, 2)), matrix(c(4, 4, -2, -2), 1))
  expect_error(pair(x), "takes 2 input\\(s\\), got 1", class = "hornet_shape_error")
  expect_error(pair(list(x, layer_input(shape = 3))), "expects input .* of shape", class = "hornet_shape_error")
})

test_that("fields tell what scripts ask", {
  a <- layer_input(shape = 2, name = "a")
  b <- layer_input(shape = 3, name = "b")
  hidden <- layer_dense(units = 4, name = "hidden")
  h <- hidden(a)
  model <- keras_model(list(a, b), list(layer_dense(h, 1, name = "y"), layer_concatenate(list(h, b), name = "z")))
  expect_identical(model$input_names, c("a", "b"))
  expect_identical(model$output_names, c("y", "z"))
  expect_identical(model$inputs, list(a, b))
  expect_identical(model$input, list(a, b))
  expect_length(model$outputs, 2)
  expect_identical(model$input_shape, list(list(NULL, 2L), list(NULL, 3L)))
  expect_identical(model$output_shape, list(list(NULL, 1L), list(NULL, 7L)))
  expect_identical(vapply(model$layers, function(l) l$name, ""), c("a", "hidden", "b", "y", "z"))
  expect_true(model$trainable)
  expect_length(model$trainable_weights, 4)
  expect_length(model$non_trainable_weights, 0)
  expect_identical(hidden$input, a)
  expect_identical(hidden$output, h)
  expect_identical(hidden$output_shape, list(NULL, 4L))
  single <- keras_model(a, h)
  expect_identical(single$input, a)
  expect_identical(single$output, h)
  inside <- keras_model(model$input[[1]], get_layer(model, "hidden")$output)
  expect_equal(predict(inside, matrix(0, 1, 2)), matrix(0, 1, 4))
})

test_that("calls of a shared layer are told apart", {
  layer <- layer_dense(units = 2)
  expect_error(layer$output, "has not been called", class = "hornet_value_error")
  x <- layer_input(shape = 3)
  y <- layer_input(batch_shape = c(7, 3))
  first <- layer(x)
  second <- layer(y)
  expect_identical(get_input_at(layer, 1), x)
  expect_identical(get_input_at(layer, 2), y)
  expect_identical(get_output_at(layer, 1), first)
  expect_identical(get_output_at(layer, 2), second)
  expect_identical(get_input_shape_at(layer, 2), list(7L, 3L))
  expect_identical(get_output_shape_at(layer, 1), list(NULL, 2L))
  expect_null(get_input_mask_at(layer, 1))
  expect_null(get_output_mask_at(layer, 1))
  expect_error(get_output_at(layer, 3), "there is no call 3", class = "hornet_value_error")
  expect_error(layer$output, "ambiguous", class = "hornet_value_error")
  # A model's making is its first call.
  model <- keras_model(x, first)
  outer <- model(2 * x)
  expect_identical(get_output_at(model, 1), first)
  expect_identical(get_output_at(model, 2), outer)
})

test_that("a layer of a chain can be frozen in place", {
  model <- keras_model_sequential() %>%
    layer_dense(units = 3, input_shape = 2) %>%
    layer_dense(units = 1)
  model$layers[[1]]$trainable <- FALSE
  expect_length(model$trainable_weights, 2)
  for (layer in model$layers) layer$trainable <- TRUE
  expect_length(model$trainable_weights, 4)
  expect_error(model$layers <- list(), "can't be replaced", class = "hornet_value_error")
})

test_that("freezing by range freezes the range and frees the rest, and the other way round", {
  model <- keras_model_sequential() %>%
    layer_dense(units = 3, input_shape = 2, name = "one") %>%
    layer_dense(units = 3, name = "two") %>%
    layer_dense(units = 1, name = "three")
  flags <- function() vapply(model$layers, function(l) l$trainable, TRUE)
  freeze_weights(model, from = "one", to = 2)
  expect_identical(flags(), c(FALSE, FALSE, TRUE))
  unfreeze_weights(model, from = "two")
  expect_identical(flags(), c(FALSE, TRUE, TRUE))
  freeze_weights(model)
  expect_identical(flags(), c(FALSE, TRUE, TRUE))
  expect_length(model$trainable_weights, 0)
  expect_length(model$non_trainable_weights, 6)
  unfreeze_weights(model)
  expect_length(model$trainable_weights, 4)
  expect_error(freeze_weights(model, from = "four"), "no layer named", class = "hornet_value_error")
  expect_error(freeze_weights(model, to = 4), "numbered from 1 to 3", class = "hornet_value_error")
})

test_that("frozen layers aren't trained, frozen normalisation keeps its averages", {
  model <- keras_model_sequential() %>%
    layer_dense(units = 3, input_shape = 2) %>%
    layer_batch_normalization() %>%
    layer_dense(units = 1)
  freeze_weights(model, to = 2)
  model %>% compile("sgd", "mse")
  before <- get_weights(model)
  data <- line_data()
  model %>% fit(data$x, data$y, epochs = 1, verbose = 0)
  unchanged <- mapply(identical, before, get_weights(model))
  expect_identical(unchanged, c(rep(TRUE, 6), FALSE, FALSE))
})

test_that("a change of `trainable` after compile() waits for the next compile(), with a warning", {
  model <- line_model()
  model$trainable <- FALSE
  data <- line_data()
  before <- get_weights(model)
  expect_warning(model %>% fit(data$x, data$y, epochs = 1, verbose = 0), class = "hornet_trainable_warning")
  expect_false(identical(get_weights(model), before))
})

test_that("a discriminator compiled before it is frozen trains, and the combined model leaves it alone", {
  set.seed(1)
  generator <- keras_model_sequential(name = "generator") %>%
    layer_dense(units = 2, input_shape = 3)
  discriminator <- keras_model_sequential(name = "discriminator") %>%
    layer_dense(units = 4, activation = "relu", input_shape = 2) %>%
    layer_dense(units = 1, activation = "sigmoid")
  discriminator %>% compile("sgd", "binary_crossentropy")
  discriminator$trainable <- FALSE
  noise <- layer_input(shape = 3)
  gan <- keras_model(noise, noise %>% generator %>% discriminator)
  gan %>% compile("sgd", "binary_crossentropy")
  expect_length(gan$trainable_weights, 2)

  start <- list(generator = get_weights(generator), discriminator = get_weights(discriminator))
  gan %>% train_on_batch(waves(c(8, 3), 0.6), rep(1, 8))
  expect_identical(get_weights(discriminator), start$discriminator)
  expect_false(identical(get_weights(generator), start$generator))

  after <- get_weights(generator)
  suppressWarnings(discriminator %>% train_on_batch(waves(c(8, 2), 0.6), rep(0:1, 4)),
                   classes = "hornet_trainable_warning")
  expect_false(identical(get_weights(discriminator), start$discriminator))
  expect_identical(get_weights(generator), after)
  # The combined model sees what the discriminator learned.
  x <- waves(c(4, 3), 0.2)
  expect_equal(predict(gan, x), predict(discriminator, predict(generator, x)), tolerance = 1e-6)
})

test_that("what can't be a model is refused", {
  x <- layer_input(shape = 2, name = "x")
  y <- layer_input(shape = 2, name = "y")
  both <- layer_add(list(x, y))
  expect_error(keras_model(x, both), 'depend on the input "y", which is not among `inputs`',
               class = "hornet_graph_error")
  expect_error(keras_model(both, both), "must come from layer_input", class = "hornet_value_error")
  expect_error(keras_model(list(x, x), both), "given twice", class = "hornet_value_error")
  expect_error(keras_model(x, list()), "`outputs` is empty", class = "hornet_value_error")
  expect_error(keras_model(x, 3), "must be tensors", class = "hornet_value_error")
  twins <- x %>% layer_dense(2, name = "twin") %>% layer_dense(2, name = "twin")
  expect_error(keras_model(x, twins), 'two layers are named "twin"', class = "hornet_value_error")
  expect_error(keras_model_sequential() %>% layer_dense(units = 1), "needs an `input_shape`",
               class = "hornet_shape_error")
  model <- keras_model_sequential() %>% layer_dense(units = 1, input_shape = 2, name = "only")
  expect_error(model %>% layer_dense(units = 1, name = "only"), 'already has a layer named "only"',
               class = "hornet_value_error")
  expect_error(compile(keras_model_sequential(), "sgd", "mse"), "no layers yet", class = "hornet_value_error")
  expect_error(layer_dense(keras_model(x, layer_dense(x, 1)), 1), "use its `\\$output`", class = "hornet_value_error")
})

test_that("a popped layer is gone, and what is added goes on from the one before", {
  model <- keras_model_sequential() %>%
    layer_dense(units = 3, input_shape = 2) %>%
    layer_dense(units = 1)
  pop_layer(model)
  model %>% layer_dense(units = 5)
  expect_identical(model$output_shape, list(NULL, 5L))
  expect_length(model$layers, 2)
})

test_that("the summary of a chain has the reference's columns", {
  k_clear_session()
  model <- keras_model_sequential() %>%
    layer_dense(units = 512, activation = "relu", input_shape = 784) %>%
    layer_dropout(rate = 0.2) %>%
    layer_dense(units = 10, trainable = FALSE)
  text <- utils::capture.output(summary(model, line_length = 65))
  expect_identical(text, c(
    "_________________________________________________________________",
    "Layer (type)                 Output Shape              Param #",
    "=================================================================",
    "dense_1 (Dense)              (None, 512)               401920",
    "_________________________________________________________________",
    "dropout_1 (Dropout)          (None, 512)               0",
    "_________________________________________________________________",
    "dense_2 (Dense)              (None, 10)                5130",
    "=================================================================",
    "Total params: 407,050",
    "Trainable params: 401,920",
    "Non-trainable params: 5,130",
    "_________________________________________________________________"
  ))
})

test_that("the summary of other models tells what layers are connected to", {
  k_clear_session()
  a <- layer_input(shape = 3, name = "a")
  inner <- keras_model_sequential() %>% layer_dense(units = 4, input_shape = 3)
  shared <- layer_dense(units = 2, name = "a_layer_with_a_very_long_name_indeed")
  out <- layer_add(list(shared(inner(a)), shared(inner(a))))
  text <- utils::capture.output(summary(keras_model(a, out), line_length = 98))
  rule <- strrep("_", 98)
  expect_identical(text, c(
    rule,
    "Layer (type)                    Output Shape         Param #     Connected to",
    strrep("=", 98),
    "a (InputLayer)                  (None, 3)            0",
    rule,
    "sequential_1 (Sequential)       (None, 4)            16          a[0][0]",
    "                                                                 a[0][0]",
    rule,
    "a_layer_with_a_very_long_name_i (None, 2)            10          sequential_1[1][0]",
    "                                                                 sequential_1[2][0]",
    rule,
    "add_1 (Add)                     (None, 2)            0           a_layer_with_a_very_long_name_ind",
    "                                                                 a_layer_with_a_very_long_name_ind",
    strrep("=", 98), "Total params: 26", "Trainable params: 26", "Non-trainable params: 0", rule
  ))
})

# --- replicas -------------------------------------------------------------------------------------

replica_template <- function(batch_size = NULL) {
  keras_model_sequential() %>%
    layer_dense(units = 5, activation = "tanh", input_shape = 3, batch_size = batch_size) %>%
    layer_dense(units = 2, name = "result")
}

test_that("without two devices replicas are refused, with what was asked and what there is", {
  model <- replica_template()
  withr::local_options(hornet.replica_devices = character())
  expect_error(multi_gpu_model(model, gpus = 2), 'asked for: "gpu:0" and "gpu:1", available: none',
               class = "hornet_device_error")
  expect_error(multi_gpu_model(model), "available: none", class = "hornet_device_error")
  withr::local_options(hornet.replica_devices = c("cpu:0", "cpu:1"))
  expect_error(multi_gpu_model(model, gpus = 3), class = "hornet_device_error",
               'asked for: "cpu:0", "cpu:1" and "gpu:2", available: "cpu:0" and "cpu:1"')
  expect_error(multi_gpu_model(model, gpus = 3), "Use `gpus = 2` or fewer")
  expect_error(multi_gpu_model(model, gpus = 1), "at least 2 devices", class = "hornet_device_error")
})

test_that("replicas compute and learn what the template does, and share its weights", {
  withr::local_options(hornet.replica_devices = c("cpu:0", "cpu:1", "cpu:2"))
  x <- waves(c(20, 3), 0.7)
  y <- waves(c(20, 2), 0.3)
  for (batch_size in list(10, NULL)) {
    alone <- replica_template(batch_size)
    template <- clone_model(alone)
    set_weights(template, get_weights(alone))
    model <- multi_gpu_model(template)
    expect_identical(model$output_names, "result")
    expect_identical(model$input_names, template$input_names)
    expect_equal(predict(model, x, batch_size = 10), predict(template, x, batch_size = 10), tolerance = 1e-6)
    for (each in list(alone, model)) {
      each %>% compile(optimizer_sgd(0.1, momentum = 0.9), "mse")
      each %>% fit(x, y, batch_size = 10, epochs = 3, shuffle = FALSE, verbose = 0)
    }
    expect_equal(get_weights(template), get_weights(alone), tolerance = 1e-5)
  }
})

test_that("a fixed batch is split into equal parts, the last with the remainder", {
  withr::local_options(hornet.replica_devices = c("cpu:0", "cpu:1", "cpu:2"))
  model <- multi_gpu_model(replica_template(10))
  parts <- Filter(function(layer) inherits(layer, "keras.engine.topology.BatchPart"), model$layers)
  expect_identical(vapply(parts, function(layer) layer$output_shape[[1]], 0L), c(3L, 3L, 4L))
  two <- multi_gpu_model(replica_template(10), gpus = c(0, 2))
  expect_length(Filter(function(layer) inherits(layer, "keras.engine.topology.BatchPart"), two$layers), 2)
  expect_error(multi_gpu_model(replica_template(2)), "can't be split into 3 parts", class = "hornet_value_error")
})
