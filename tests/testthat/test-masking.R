# Masks: where they come from, which layers carry them on, which refuse them, and what losses and
# metrics make of them.

steps_model <- function(..., features = 2) {
  input <- layer_input(shape = c(4, features))
  list(input = input, output = Reduce(function(x, layer) layer(x), list(...), layer_masking(input, mask_value = 9)))
}
# Samples of lengths 2, 4 and 1: the mask of the stored numbers.
mask <- rbind(c(1, 1, 0, 0), c(1, 1, 1, 1), c(1, 0, 0, 0))
masked_input <- function() {
  x <- waves(c(3, 4, 2), 0.7)
  x[rep(mask == 0, 2)] <- 9
  x
}

mask_of <- function(model, x = masked_input()) k_function(model$input, k_cast_to_floatx(model$output$mask))(x)

test_that("layer_masking() zeroes steps whose features all are the value", {
  model <- steps_model()
  x <- masked_input()
  x[2, 1, 1] <- 9          # one feature only
  x[3, 1, ] <- 0           # not the value
  expect_equal(mask_of(model, x), mask)
  expected <- x
  expected[rep(mask == 0, 2)] <- 0
  expect_equal(k_function(model$input, model$output)(x), expected, tolerance = 1e-7)
  expect_identical(layer_masking(mask_value = 3)$get_config()$mask_value, 3)
})

test_that("an embedding with mask_zero masks the id 0", {
  input <- layer_input(shape = 3)
  ids <- rbind(c(1, 0, 2), c(0, 0, 3))
  y <- layer_embedding(input, 4, 2, mask_zero = TRUE)
  expect_equal(k_function(input, k_cast_to_floatx(y$mask))(ids), (ids != 0) + 0)
  expect_null(layer_embedding(input, 4, 2)$mask)
})

test_that("layers that work step by step carry masks on", {
  carriers <- list(
    layer_dense(units = 3), layer_activation(activation = "relu"), layer_dropout(rate = 0.5),
    layer_gaussian_noise(stddev = 1), layer_gaussian_dropout(rate = 0.5), layer_alpha_dropout(rate = 0.5),
    layer_activity_regularization(l1 = 0.1), layer_activation_leaky_relu(), layer_activation_softmax()
  )
  for (layer in carriers) expect_equal(mask_of(steps_model(layer)), mask, label = format(layer))
  model <- steps_model(function(x) 2 * x + 1, layer_dense(units = 2))
  expect_equal(mask_of(model), mask)
})

test_that("layers that mix steps refuse masks", {
  refusing <- list(
    layer_flatten(), layer_conv_1d(filters = 2, kernel_size = 2), layer_global_max_pooling_1d(),
    layer_max_pooling_1d(), layer_reshape(target_shape = c(2, 4)), layer_permute(dims = c(2, 1))
  )
  for (layer in refusing) {
    expect_error(steps_model(layer), "does not support masking, but its input carries a mask",
                 class = "hornet_value_error", label = format(layer))
  }
})

test_that("merge layers combine masks", {
  x <- masked_input()
  input <- layer_input(shape = c(4, 2))
  shorter <- layer_input(shape = c(4, 2))
  a <- layer_masking(input, mask_value = 9)
  b <- layer_masking(shorter, mask_value = 9)
  y <- x
  y[2, 4, ] <- 9
  both <- mask
  both[2, 4] <- 0
  run <- function(tensor, ...) k_function(list(input, shorter), k_cast_to_floatx(tensor$mask))(list(x, y))
  for (merged in list(layer_add(list(a, b)), layer_maximum(list(a, b)), layer_concatenate(list(a, b)))) {
    expect_equal(run(merged), both)
  }
  # One mask is enough; without any there is none.
  expect_equal(run(layer_multiply(list(a, shorter))), mask)
  expect_null(layer_add(list(input, shorter))$mask)
  # Joined in time, masks are joined too; an input without one counts in full.
  expect_equal(run(layer_concatenate(list(a, b), axis = 1)), cbind(mask, both))
  expect_equal(run(layer_concatenate(list(shorter, a), axis = 1)), cbind(matrix(1, 3, 4), mask))
  expect_null(layer_dot(list(a, b), axes = c(2, 2))$mask)
})

# A model that passes on what comes in, with the mask: losses see the predictions as they are.
passing <- function(sample_weight_mode = NULL, ...) {
  input <- layer_input(shape = c(4, 2))
  marks <- layer_input(shape = c(4, 1))
  masked <- layer_masking(marks)
  # The mask of the marks on the values of the input.
  output <- layer_lambda_with_mask(input, masked)
  model <- keras_model(list(input, marks), output)
  compile(model, "sgd", ..., sample_weight_mode = sample_weight_mode)
  model
}
# x * 1 + 0 * marks keeps values and takes the mask.
layer_lambda_with_mask <- function(input, masked) {
  layer_add(list(input, layer_activation(masked, function(x) 0 * x)))
}

report_masked <- function(model, x, y, w) {
  marks <- array(mask, c(3, 4, 1))
  values <- cpp_function_run(model_function(model, "evaluate"), list(x, marks, y, w))
  stats::setNames(unlist(values), model$metrics_names)
}

weights <- c(1, 0, 2.5)
step_weights <- rbind(c(1, 2, 0, 1), c(0.5, 1, 1, 0), c(3, 0, 1, 1))
predicted <- local({
  p <- exp(2 * waves(c(3, 4, 2), 0.7))
  p / rep(p[, , 1] + p[, , 2], 2)
})
classes <- matrix(((0:11) * 7) %% 5 %% 2, 3)
one_hot <- array(c(1 - classes, classes), c(3, 4, 2))
targets <- list(
  mean_squared_error = waves(c(3, 4, 2), 0.9), mean_absolute_error = waves(c(3, 4, 2), 0.9),
  binary_crossentropy = one_hot, categorical_crossentropy = one_hot,
  sparse_categorical_crossentropy = array(classes, c(3, 4, 1)), poisson = abs(waves(c(3, 4, 2), 0.9))
)
cases <- list(
  mask = list(w = rep(1, 3)), mask_weights = list(w = weights),
  mask_step_weights = list(w = step_weights, mode = "temporal")
)

test_that("losses leave masked steps out as Keras 2.1.5 does, with and without weights", {
  for (name in names(targets)) {
    for (case in names(cases)) {
      expected <- golden("masked_losses", name, case, file = "core")
      model <- passing(cases[[case]]$mode, name)
      got <- report_masked(model, predicted, targets[[name]], cases[[case]]$w)[["loss"]]
      expect_equal(got, expected$value, tolerance = 1e-5, label = paste(name, case))
    }
  }
})

test_that("weights of steps count without a mask, too", {
  for (name in names(targets)) {
    expected <- golden("masked_losses", name, "step_weights", file = "core")
    values <- getExportedValue("hornet", paste0("loss_", name))(targets[[name]], k_constant(predicted))
    expect_equal(k_eval(weighted_mean(values, k_constant(step_weights), NULL)), expected$value,
                 tolerance = 1e-5, label = name)
  }
})

test_that("gradients through masks and weights are those of tf_keras", {
  for (name in names(targets)) {
    loss <- getExportedValue("hornet", paste0("loss_", name))
    for (case in c(names(cases), "step_weights")) {
      w <- switch(case, mask = NULL, mask_weights = weights, step_weights)
      y_pred <- k_variable(predicted)
      value <- weighted_mean(loss(targets[[name]], y_pred), if (!is.null(w)) k_constant(w),
                             if (case != "step_weights") k_constant(mask))
      expect_golden(k_eval(k_gradients(value, y_pred)[[1]]),
                    golden("masked_losses", name, case, "gradient", file = "core"), tolerance = 2e-5,
                    label = paste(name, case))
    }
  }
})

test_that("metrics leave masked steps out and ignore weights, weighted metrics don't", {
  metric_targets <- list(binary_accuracy = one_hot, categorical_accuracy = one_hot,
                         mean_absolute_error = targets$mean_absolute_error)
  for (name in names(metric_targets)) {
    expected <- golden("masked_metrics", name, file = "core")
    model <- passing("temporal", "mse", metrics = name, weighted_metrics = name)
    got <- report_masked(model, predicted, metric_targets[[name]], step_weights)
    expect_equal(got[[2]], expected$mask$value, tolerance = 1e-5, label = name)
    expect_equal(got[[3]], expected$mask_step_weights$value, tolerance = 1e-5, label = paste("weighted", name))
  }
})

test_that("what a masked step holds doesn't matter to training", {
  train <- function(padding) {
    set.seed(1)
    model <- keras_model_sequential() %>%
      layer_masking(0, input_shape = c(4, 2)) %>%
      layer_dense(3, activation = "tanh") %>%
      layer_dense(1)
    compile(model, "sgd", "mse")
    x <- masked_input()
    x[x == 9] <- 0
    y <- array(waves(c(3, 4), 0.3), c(3, 4, 1))
    y[mask == 0] <- padding
    fit(model, x, y, epochs = 2, batch_size = 3, verbose = 0)
    get_weights(model)
  }
  expect_equal(train(0), train(1000))
})
