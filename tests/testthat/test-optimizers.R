# Optimizers over 20 steps against tf_keras (rmsprop, adagrad and nadam's schedule: formulas of Keras
# 2.1.5 in numpy). The gradients don't depend on the weights, so differences can't hide.

start <- function() list(waves(c(3, 2), 0.37, 0.5), waves(2, 0.47, 0.5))
gradients_at <- function(step) list(waves(c(3, 2), 0.5 + 0.03 * step), waves(2, 0.9 + 0.05 * step))

# A traced step fed with gradients.
optimizer_step <- function(optimizer, weights) {
  slots <- new_slots(optimizer, weights)
  trace <- new_trace(new_variable_set(), training = TRUE)
  with_trace(trace, {
    gradients <- lapply(seq_along(weights), function(i) feed_tensor(trace, i, weights[[i]]$dims))
    apply_gradients(optimizer, weights, gradients, slots)
  })
  fn <- cpp_function(trace$graph, trace$set$handle, list(), trace_updates(trace))
  function(gradients) cpp_function_run(fn, gradients)
}

run_steps <- function(optimizer, steps = 20) {
  weights <- lapply(start(), k_variable)
  step <- optimizer_step(optimizer, weights)
  for (i in seq_len(steps)) step(gradients_at(i - 1))
  lapply(weights, k_get_value)
}

optimizers_to_test <- list(
  sgd = function() optimizer_sgd(0.1),
  sgd_momentum = function() optimizer_sgd(0.1, momentum = 0.9),
  sgd_nesterov = function() optimizer_sgd(0.1, momentum = 0.9, nesterov = TRUE),
  sgd_decay = function() optimizer_sgd(0.1, decay = 0.1),
  sgd_clipnorm = function() optimizer_sgd(0.1, clipnorm = 0.5),
  sgd_clipvalue = function() optimizer_sgd(0.1, clipvalue = 0.3),
  adam = function() optimizer_adam(0.01),
  adam_amsgrad = function() optimizer_adam(0.01, amsgrad = TRUE, beta_2 = 0.9),
  adam_decay = function() optimizer_adam(0.01, decay = 0.1),
  adamax = function() optimizer_adamax(0.01),
  adadelta = function() optimizer_adadelta(1, rho = 0.95),
  nadam_tf = function() optimizer_nadam(0.01),
  rmsprop = function() optimizer_rmsprop(0.01),
  adagrad = function() optimizer_adagrad(0.1),
  nadam = function() optimizer_nadam(0.01)
)

test_that("20 steps of every optimizer agree with tf_keras", {
  expect_setequal(names(optimizers_to_test), names(golden("optimizers")))
  for (name in names(optimizers_to_test)) {
    expected <- golden("optimizers", name)
    got <- run_steps(optimizers_to_test[[name]]())
    for (i in 1:2) expect_golden(got[[i]], expected[[i]], tolerance = 2e-5, label = paste(name, i))
  }
})

# Decay and clipping, by the formulas of Keras 2.1.5; names are those of the stored numbers.
with_options <- local({
  makers <- list(sgd = optimizer_sgd, rmsprop = optimizer_rmsprop, adagrad = optimizer_adagrad,
                 adadelta = optimizer_adadelta, adam = optimizer_adam, adamax = optimizer_adamax,
                 nadam = optimizer_nadam)
  cases <- list()
  for (name in names(makers)) {
    cases[[name]] <- makers[[name]](lr = 0.01)
    if (name != "nadam") cases[[paste0(name, "_decay")]] <- makers[[name]](lr = 0.01, decay = 0.1)
    cases[[paste0(name, "_clipnorm")]] <- makers[[name]](lr = 0.01, clipnorm = 0.8)
    cases[[paste0(name, "_clipvalue")]] <- makers[[name]](lr = 0.01, clipvalue = 0.3)
  }
  c(cases, list(
    sgd_all = optimizer_sgd(0.01, momentum = 0.8, nesterov = TRUE, decay = 0.05, clipnorm = 1, clipvalue = 0.4),
    sgd_momentum = optimizer_sgd(0.01, momentum = 0.8),
    adam_all = optimizer_adam(0.01, beta_1 = 0.8, beta_2 = 0.7, amsgrad = TRUE, decay = 0.05, clipnorm = 1,
                              clipvalue = 0.4),
    rmsprop_rho = optimizer_rmsprop(0.01, rho = 0.6, decay = 0.05),
    adadelta_rho = optimizer_adadelta(1, rho = 0.8),
    adamax_betas = optimizer_adamax(0.01, beta_1 = 0.7, beta_2 = 0.8),
    nadam_schedule = optimizer_nadam(0.01, beta_1 = 0.8, schedule_decay = 0.1)
  ))
})

test_that("decay, clipping and settings of every optimizer follow Keras 2.1.5 over 20 steps", {
  expect_setequal(names(with_options), names(golden("optimizers", file = "core")))
  for (name in names(with_options)) {
    expected <- golden("optimizers", name, file = "core")
    got <- run_steps(with_options[[name]])
    for (i in 1:2) expect_golden(got[[i]], expected[[i]], tolerance = 2e-5, label = paste(name, i))
  }
})

test_that("defaults are the reference's", {
  rates <- c(sgd = 0.01, rmsprop = 0.001, adagrad = 0.01, adadelta = 1, adam = 0.001, adamax = 0.002, nadam = 0.002)
  for (name in names(rates)) {
    optimizer <- get_optimizer(toupper(name))
    expect_equal(k_get_value(optimizer$lr), rates[[name]], tolerance = 1e-6)
  }
  expect_identical(get_optimizer(optimizer_adam)$class_name, "Adam")
  expect_error(get_optimizer("adamm"), 'unknown optimizer "adamm".*"adam"')
  expect_error(get_optimizer(3), "must be a name or an optimizer_")
  expect_error(optimizer_sgd(lr = -1), "`lr` must be one number of at least 0")
})

test_that("the learning rate changes between steps, in all the ways it can be set", {
  optimizer <- optimizer_sgd(lr = 1)
  w <- k_variable(0)
  step <- optimizer_step(optimizer, list(w))
  step(list(1))
  expect_equal(k_get_value(w), -1)
  k_set_value(optimizer$lr, 0.5)
  step(list(1))
  expect_equal(k_get_value(w), -1.5)
  optimizer$lr <- 0.25
  step(list(1))
  expect_equal(k_get_value(w), -1.75)
  expect_equal(k_get_value(optimizer$iterations), 3)

  model <- keras_model_sequential() %>% layer_dense(units = 1, input_shape = 2)
  compile(model, optimizer, "mse")
  model$optimizer$lr <- 0.125
  expect_equal(k_get_value(optimizer$lr), 0.125)
  expect_error(optimizer$momentum <- 0.5, "only `lr` can")
})

test_that("constraints hold after the update", {
  update_with <- function(constraint, value, gradient) {
    w <- new_variable(new_store(), "w", dim(value), value, constraint = get_constraint(constraint))
    optimizer_step(optimizer_sgd(lr = 1), list(w))(list(gradient))
    k_get_value(w)
  }
  value <- waves(c(4, 3), 0.9, 3)
  gradient <- waves(c(4, 3), 0.4)
  new <- value - gradient
  norms <- function(w) sqrt(colSums(w^2))
  per_column <- function(w, factor) sweep(w, 2, factor, `*`)
  eps <- 1e-7
  n <- norms(new)
  expect_equal(update_with(constraint_maxnorm(2), value, gradient), per_column(new, pmin(n, 2) / (eps + n)),
               tolerance = 1e-6)
  expect_equal(update_with("nonneg", value, gradient), pmax(new, 0), tolerance = 1e-6)
  expect_equal(update_with(constraint_unitnorm(), value, gradient), per_column(new, 1 / (eps + n)), tolerance = 1e-6)
  expect_equal(
    update_with(constraint_minmaxnorm(0.5, 2, rate = 0.7), value, gradient),
    per_column(new, (0.7 * pmin(pmax(n, 0.5), 2) + 0.3 * n) / (eps + n)), tolerance = 1e-6
  )
  expect_equal(update_with(constraint_maxnorm(1.5), value, gradient), per_column(new, pmin(n, 1.5) / (eps + n)),
               tolerance = 1e-6)
  expect_equal(update_with(function(w) w * 0 + 1, value, gradient), value * 0 + 1)
  # Axes count from 0: 1 is along rows, several take one norm for all of them, as for a kernel's filter.
  rows <- sqrt(rowSums(new^2))
  expect_equal(update_with(constraint_unitnorm(axis = 1), value, gradient), new / (eps + rows), tolerance = 1e-6)
  expect_equal(update_with(constraint_maxnorm(1.5, axis = 1), value, gradient), new * pmin(rows, 1.5) / (eps + rows),
               tolerance = 1e-6)
  kernel <- waves(c(2, 3, 2, 4), 0.9, 3)
  filters <- apply(kernel, 4, function(w) sqrt(sum(w^2)))
  expect_equal(update_with(constraint_maxnorm(2, axis = c(0, 1, 2)), kernel, 0 * kernel),
               sweep(kernel, 4, pmin(filters, 2) / (eps + filters), `*`), tolerance = 1e-6)
  expect_equal(
    update_with(constraint_minmaxnorm(3, 5, rate = 0.5, axis = -1), value, gradient),
    new * (0.5 * pmin(pmax(rows, 3), 5) + 0.5 * rows) / (eps + rows), tolerance = 1e-6
  )
})

test_that("a small convolutional network learns as in tf_keras, step by step", {
  convnet <- function() {
    model <- keras_model_sequential() %>%
      layer_conv_2d(4, 3, padding = "same", activation = "relu", input_shape = c(8, 8, 2)) %>%
      layer_batch_normalization() %>%
      layer_max_pooling_2d(2) %>%
      layer_conv_2d(6, 3, activation = "relu", kernel_regularizer = regularizer_l2(0.01)) %>%
      layer_flatten() %>%
      layer_dense(5, activation = "tanh") %>%
      layer_dense(3, activation = "softmax")
    variables <- unlist(lapply(model$layers, function(l) l$weights), FALSE)
    set_weights(model, lapply(seq_along(variables), function(i) {
      w <- variables[[i]]
      shape <- dim(w)
      if (grepl("gamma|variance", w$name)) return(array(1, shape))
      if (grepl("kernel", w$name)) waves(shape, 0.37 + 0.1 * (i - 1), 0.4) else array(0, shape)
    }))
    model
  }
  one_hot <- function(k) diag(3)[k + 1, ]
  for (name in c("sgd", "adam")) {
    expected <- golden("convnet", name)
    model <- convnet()
    optimizer <- if (name == "sgd") optimizer_sgd(0.05, momentum = 0.9) else optimizer_adam(0.003)
    compile(model, optimizer, "categorical_crossentropy", metrics = "categorical_accuracy")
    train <- model_function(model, "train")
    for (step in 0:9) {
      x <- waves(c(8, 8, 8, 2), 0.7 + 0.01 * step)
      y <- one_hot(((0:7) * (step + 1)) %% 3)
      logs <- unlist(cpp_function_run(train, list(x, y, rep(1, 8))))
      expect_equal(logs, unlist(expected$logs[[step + 1]]), tolerance = 1e-4, label = sprintf("%s step %d", name, step))
    }
    x <- waves(c(8, 8, 8, 2), 0.7)
    evaluated <- cpp_function_run(model_function(model, "evaluate"), list(x, one_hot((0:7) %% 3), rep(1, 8)))
    expect_equal(unlist(evaluated), unlist(expected$evaluated), tolerance = 1e-4)
    expect_golden(cpp_function_run(model_function(model, "predict"), list(x))[[1]], expected$prediction, 2e-4)
    weights <- get_weights(model)
    expect_golden(weights[[length(weights)]], expected$last_bias, 2e-4)
    expect_golden(weights[[6]], expected$moving_variance, 1e-4)
  }
})
