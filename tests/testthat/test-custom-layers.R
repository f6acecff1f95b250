# Lambda layers, layers and wrappers of R6 classes, constraints, models of a function.

# The class of the examples: a dense layer without a bias.
Projection <- R6::R6Class("Projection",
  inherit = KerasLayer,
  public = list(
    output_dim = NULL, kernel = NULL, seen_shape = NULL,
    initialize = function(output_dim) self$output_dim <- output_dim,
    build = function(input_shape) {
      self$seen_shape <- input_shape
      self$kernel <- self$add_weight("kernel", shape = list(input_shape[[2]], self$output_dim),
                                     initializer = initializer_random_normal(seed = 1))
    },
    call = function(x, mask = NULL) k_dot(x, self$kernel),
    compute_output_shape = function(input_shape) list(input_shape[[1]], self$output_dim)
  )
)
layer_projection <- function(object, output_dim, name = NULL, trainable = TRUE, input_shape = NULL) {
  create_layer(Projection, object, list(output_dim = as.integer(output_dim), name = name, trainable = trainable,
                                        input_shape = input_shape))
}

test_that("a lambda layer applies its function, with further arguments", {
  x <- layer_input(shape = 3)
  y <- layer_lambda(x, function(x, power, shift) x^power + shift, arguments = list(power = 2, shift = 1))
  expect_identical(dim(y), c(NA, 3L))
  expect_equal(k_function(x, y)(matrix(1:6, 2)), matrix((1:6)^2 + 1, 2))
  expect_equal(k_function(x, layer_lambda(x, k_abs))(matrix(-1, 1, 3)), matrix(1, 1, 3))
  both <- layer_lambda(list(x, x), function(xs) xs[[1]] - 2 * xs[[2]])
  expect_equal(k_function(x, both)(matrix(1, 1, 3)), matrix(-1, 1, 3))
  model <- keras_model_sequential() %>% layer_lambda(function(x) list(x, 2 * x)[[2]], input_shape = 2)
  expect_equal(predict(model, matrix(1:4, 2)), 2 * matrix(1:4, 2))
})

test_that("a lambda layer knows training and mask only if its function asks", {
  x <- layer_input(shape = 2)
  y <- layer_lambda(x, function(x, training) if (training) x + 1 else x)
  expect_equal(k_function(x, y)(matrix(0, 1, 2)), matrix(0, 1, 2))
  trained <- layer_lambda(f = function(x, training = NULL) if (training) x + 1 else x)(x, training = TRUE)
  expect_equal(k_function(x, trained)(matrix(0, 1, 2)), matrix(1, 1, 2))
  seen <- "nothing"
  layer_lambda(x, function(x, mask) {
    seen <<- mask
    x
  })
  expect_null(seen)
})

test_that("a promised output shape must hold", {
  x <- layer_input(shape = c(4, 3))
  flat <- function(x) k_batch_flatten(x)
  for (promised in list(12, c(NA, 12), list(NULL, 12), function(shape) list(shape[[1]], shape[[2]] * shape[[3]]))) {
    expect_identical(dim(layer_lambda(x, flat, output_shape = promised)), c(NA, 12L))
  }
  expect_error(layer_lambda(x, flat, output_shape = 13, name = "flat"),
               'layer "flat" promises an output of shape (None, 13), but its call gives (None, 12)',
               class = "hornet_shape_error", fixed = TRUE)
})

test_that("lambda layers refuse what they can't use", {
  x <- layer_input(shape = 2)
  expect_error(layer_lambda(x, "square"), "`f` must be a function", class = "hornet_value_error")
  expect_error(layer_lambda(x, function(x, p) x, arguments = list(2)), "named by arguments",
               class = "hornet_value_error")
  expect_error(layer_lambda(x, function(x) "a"), "must return tensors", class = "hornet_value_error")
})

test_that("a lambda layer's mask is the one it says", {
  x <- layer_input(shape = c(4, 2))
  mask <- k_cast(k_not_equal(k_sum(x, axis = 3), 0), "float32")
  x$mask <- mask
  expect_null(layer_lambda(x, function(x) x)$mask)
  passed <- layer_lambda(x, function(x, mask) x * k_expand_dims(mask, -1), mask = function(inputs, mask) mask)
  expect_identical(passed$mask, mask)
})

test_that("a layer of a user's class is built, called, named and trained", {
  k_clear_session()
  layer <- create_layer(Projection, args = list(output_dim = 2L))
  expect_identical(layer$name, "projection_1")
  expect_identical(layer_projection(output_dim = 1)$name, "projection_2")
  x <- layer_input(shape = 3)
  y <- layer(x)
  expect_identical(dim(y), c(NA, 2L))
  expect_identical(layer$seen_shape, list(NULL, 3L))
  expect_identical(layer$output_dim, 2L)
  expect_identical(vapply(layer$weights, function(w) w$name, ""), "projection_1/kernel:0")
  set_weights(layer, list(matrix(1:6, 3)))
  expect_equal(k_function(x, y)(diag(3)), matrix(1:6, 3) + 0)

  model <- keras_model_sequential() %>% layer_projection(1, name = "line", input_shape = 2)
  model %>% compile(optimizer_sgd(0.3), "mse")
  data <- line_data()
  model %>% fit(data$x, rowSums(data$x), epochs = 60, verbose = 0)
  expect_equal(rowSums(predict(model, data$x)), rowSums(data$x), tolerance = 1e-2)
  expect_match(format(model), "line (Projection)", fixed = TRUE)
})

test_that("frozen layers of a user's class stay as they are", {
  model <- keras_model_sequential() %>%
    layer_projection(2, trainable = FALSE, input_shape = 2) %>%
    layer_dense(units = 1)
  model %>% compile("sgd", "mse")
  before <- get_weights(model)
  data <- line_data()
  model %>% fit(data$x, data$y, epochs = 1, verbose = 0)
  expect_identical(get_weights(model)[[1]], before[[1]])
  expect_false(identical(get_weights(model)[[2]], before[[2]]))
})

test_that("weights can have an initializer, regularizer and constraint of R functions", {
  Row <- R6::R6Class("Row", inherit = KerasLayer, public = list(
    w = NULL, state = NULL,
    build = function(input_shape) {
      self$w <- self$add_weight("w", input_shape[[2]], initializer = function(shape) array(2, shape),
                                regularizer = function(w) 0.5 * k_sum(w^2), constraint = function(w) k_clip(w, -1, 1))
      self$state <- self$add_weight("state", list(), initializer = "zeros", trainable = FALSE)
    },
    call = function(x) x * self$w
  ))
  model <- keras_model_sequential() %>% create_layer(Row, ., list(input_shape = 3))
  model %>% compile(optimizer_sgd(0.001), "mse")
  expect_equal(unname(model %>% evaluate(matrix(0, 2, 3), matrix(0, 2, 3), verbose = 0)), 0.5 * 3 * 4)
  expect_length(model$trainable_weights, 1)
  model %>% fit(matrix(0, 2, 3), matrix(0, 2, 3), epochs = 1, verbose = 0)
  expect_equal(get_weights(model), list(array(1, 3), 0))
})

test_that("losses added in build() and call() join the loss once", {
  Penalty <- R6::R6Class("Penalty", inherit = KerasLayer, public = list(
    w = NULL,
    build = function(input_shape) {
      self$w <- self$add_weight("w", input_shape[[2]], initializer = "ones")
      self$add_loss(10 * k_sum(self$w))
    },
    call = function(inputs) {
      self$add_loss(k_sum(inputs), inputs)
      inputs
    }
  ))
  x <- layer_input(shape = 2)
  layer <- create_layer(Penalty)
  model <- keras_model(x, layer_add(list(layer(x), layer(x))))
  model %>% compile("sgd", "mse")
  ones <- matrix(1, 3, 2)
  # Twice the sum of the inputs (two calls), once that of the weights.
  expect_equal(unname(model %>% evaluate(ones, 2 * ones, verbose = 0)), 2 * 6 + 20)
})

test_that("layers in fields are part of the layer: trained, counted, frozen and saved with it", {
  Block <- R6::R6Class("Block", inherit = KerasLayer, public = list(
    first = NULL, others = NULL,
    initialize = function(units) {
      self$first <- layer_dense(units = units, activation = "tanh")
      self$others <- list(layer_dense(units = units), layer_batch_normalization())
    },
    call = function(inputs) {
      x <- self$first(inputs)
      for (layer in self$others) x <- layer(x)
      x
    }
  ), private = list(hidden = NULL))
  x <- layer_input(shape = 3)
  block <- create_layer(Block, args = list(units = 2))
  y <- block(x)
  expect_equal(count_params(block), (3 * 2 + 2) + (2 * 2 + 2) + 4 * 2)
  expect_length(block$trainable_weights, 6)
  expect_length(block$non_trainable_weights, 2)
  model <- keras_model(x, y)
  model %>% compile("sgd", "mse")
  before <- get_weights(model)
  model %>% fit(waves(c(8, 3), 0.7), waves(c(8, 2), 0.3), epochs = 1, verbose = 0)
  changed <- !mapply(identical, before, get_weights(model))
  expect_true(all(changed[-4]))
  freeze_weights(block)
  expect_length(model$trainable_weights, 0)
  set_weights(block, before)
  expect_identical(get_weights(block), before)
  given <- create_layer(Block, x, list(units = 2, weights = before))
  expect_identical(get_weights(given$history$layer$as_function()), before)
})

test_that("compute_output_shape() must agree with what call() gives", {
  Wrong <- R6::R6Class("Wrong", inherit = KerasLayer, public = list(
    call = function(inputs) k_sum(inputs, axis = 2, keepdims = TRUE),
    compute_output_shape = function(input_shape) input_shape
  ))
  expect_error(create_layer(Wrong, layer_input(shape = 3), list(name = "wrong")),
               'layer "wrong" promises an output of shape (None, 3), but its call gives (None, 1)',
               class = "hornet_shape_error", fixed = TRUE)
})

test_that("several inputs and outputs come as lists, also their shapes", {
  Pair <- R6::R6Class("Pair", inherit = KerasLayer, public = list(
    shapes = NULL,
    build = function(input_shape) self$shapes <- input_shape,
    call = function(inputs, mask = NULL) list(inputs[[1]] + 1, inputs[[2]] * 2),
    compute_output_shape = function(input_shape) list(list(NULL, 3), list(NULL, 2))
  ))
  a <- layer_input(shape = 3)
  b <- layer_input(shape = 2)
  layer <- create_layer(Pair)
  y <- layer(list(a, b))
  expect_identical(layer$shapes, list(list(NULL, 3L), list(NULL, 2L)))
  expect_identical(lapply(y, dim), list(c(NA, 3L), c(NA, 2L)))
  expect_equal(k_function(list(a, b), y)(list(matrix(1, 1, 3), matrix(1, 1, 2))),
               list(matrix(2, 1, 3), matrix(2, 1, 2)))
})

test_that("training and mask reach call() if it asks, and masks are passed on if it says so", {
  Phase <- R6::R6Class("Phase", inherit = KerasLayer, public = list(
    call = function(inputs, mask = NULL, training = NULL) if (training) inputs * 2 else inputs
  ))
  x <- layer_input(shape = 2)
  layer <- create_layer(Phase)
  expect_equal(k_function(x, layer(x, training = TRUE))(matrix(1, 1, 2)), matrix(2, 1, 2))
  expect_equal(k_function(x, layer(x))(matrix(1, 1, 2)), matrix(1, 1, 2))

  sequence <- layer_input(shape = c(4, 2))
  sequence$mask <- k_ones(c(NA, 4))
  expect_null(create_layer(Phase, sequence)$mask)
  Blind <- R6::R6Class("Blind", inherit = KerasLayer, public = list(call = function(inputs) inputs))
  expect_error(create_layer(Blind, sequence), "does not support masking", class = "hornet_value_error")
  Passing <- R6::R6Class("Passing", inherit = Blind, public = list(supports_masking = TRUE))
  expect_identical(create_layer(Passing, sequence)$mask, sequence$mask)
  Own <- R6::R6Class("Own", inherit = Blind, public = list(compute_mask = function(inputs, mask) 1 - mask))
  expect_equal(dim(create_layer(Own, sequence)$mask), c(NA, 4L))
})

test_that("what old scripts do is harmless", {
  Old <- R6::R6Class("Old", inherit = KerasLayer, public = list(
    name_seen = NULL, total = NULL,
    initialize = function() super$initialize(),
    build = function(input_shape) {
      self$total <- self$add_weight(name = "total", shape = list(), dtype = "float32", initializer = "zeros")
      self$name_seen <- self$python_layer$name
    },
    call = function(x, mask = NULL) x + self$total
  ))
  layer <- create_layer(Old, args = list(name = "old"))
  layer(layer_input(shape = 2))
  expect_identical(layer$name_seen, "old")
})

test_that("misuse of create_layer() is told", {
  x <- layer_input(shape = 2)
  NotALayer <- R6::R6Class("NotALayer", public = list(call = function(x) x))
  expect_error(create_layer(NotALayer, x), "NotALayer must inherit from KerasLayer", class = "hornet_value_error")
  expect_error(create_layer(function(x) x, x), "must be an R6 class", class = "hornet_value_error")
  NoCall <- R6::R6Class("NoCall", inherit = KerasLayer)
  expect_error(create_layer(NoCall, x), "no method call", class = "hornet_value_error")
  Early <- R6::R6Class("Early", inherit = KerasLayer, public = list(
    initialize = function() self$add_weight("w", 1), call = function(x) x
  ))
  expect_error(create_layer(Early, x), "use it in build\\(\\)", class = "hornet_value_error")
  expect_error(create_wrapper(KerasWrapper, x, list()), "`args` must have the `layer`", class = "hornet_value_error")
})

test_that("a wrapper has its layer's weights and its own", {
  Gate <- R6::R6Class("Gate", inherit = KerasWrapper, public = list(
    strength = NULL, gate = NULL,
    initialize = function(strength) self$strength <- strength,
    build = function(input_shape) {
      super$build(input_shape)
      self$gate <- super$add_weight("gate", list(), initializer = "ones")
      super$add_loss(self$strength * k_sum(k_square(private$py_wrapper$layer$kernel)))
    },
    call = function(inputs, mask = NULL) super$call(inputs) * self$gate
  ))
  x <- layer_input(shape = 2)
  y <- create_wrapper(Gate, x, list(layer = layer_dense(units = 3), strength = 0.5, name = "gate"))
  model <- keras_model(x, y)
  expect_length(model$weights, 3)
  expect_equal(count_params(model), 2 * 3 + 3 + 1)
  set_weights(model, list(2, matrix(1, 2, 3), array(0, 3)))
  expect_equal(predict(model, matrix(1, 1, 2)), matrix(4, 1, 3))
  model %>% compile("sgd", "mse")
  expect_equal(unname(model %>% evaluate(matrix(1, 1, 2), matrix(4, 1, 3), verbose = 0)), 0.5 * 6)
})

test_that("a wrapper without methods is the layer", {
  x <- layer_input(shape = 2)
  inner <- layer_dense(units = 3)
  y <- create_wrapper(KerasWrapper, x, list(layer = inner))
  expect_equal(k_function(x, y)(diag(2)), get_weights(inner)[[1]])
})

test_that("constraints are classes, objects or functions", {
  Positive <- R6::R6Class("Positive", inherit = KerasConstraint, public = list(
    call = function(w) w * k_cast(w >= 0, k_floatx())
  ))
  for (constraint in list(Positive$new(), Positive, function(w) k_relu(w))) {
    model <- keras_model_sequential() %>%
      layer_dense(units = 1, input_shape = 2, kernel_constraint = constraint, use_bias = FALSE,
                  weights = list(matrix(c(-1, 1), 2)))
    model %>% compile(optimizer_sgd(1e-3), "mse")
    model %>% fit(matrix(0, 4, 2), rep(0, 4), epochs = 1, verbose = 0)
    expect_equal(get_weights(model)[[1]], matrix(c(0, 1), 2))
  }
})

test_that("what can't be traced names the line of the source and what to use", {
  source <- parse(text = "function(x) {\n  y <- x + 1\n  if (y > 0) y else x\n}", keep.source = TRUE)
  x <- layer_input(shape = 2)
  error <- expect_error(layer_lambda(x, eval(source), name = "choice"), class = "hornet_trace_error")
  expect_match(conditionMessage(error), fixed = TRUE,
               'layer "choice" can\'t be traced (line 3 of the function: `if (y > 0) y else x`)')
  expect_match(conditionMessage(error), "k_switch()", fixed = TRUE)

  file <- file.path(tempdir(), "my-model.R")
  writeLines(c("helper <- function(z) {", "  as.numeric(z)", "}", "", "f <- function(x) {", "  helper(x)", "}"), file)
  env <- new.env()
  sys.source(file, env, keep.source = TRUE)
  expect_error(layer_lambda(x, env$f), 'my-model.R:2: `as.numeric(z)`', class = "hornet_trace_error", fixed = TRUE)

  # Other errors of ours name the line as well; those of the user stay theirs.
  source <- parse(text = "function(x) {\n  k_reshape(x, c(7, 3))\n}", keep.source = TRUE)
  expect_error(layer_lambda(x, eval(source)), "line 2 of the function: `k_reshape(x, c(7, 3))`",
               class = "hornet_shape_error", fixed = TRUE)
  expect_error(layer_lambda(x, function(x) stop("mine")), "^mine$")
})

test_that("what R functions do to tensors is told, whichever they are", {
  x <- layer_input(shape = 2)
  traced <- list(
    function(x) apply(x, 1, sum), function(x) besselI(x, 0), function(x) x && TRUE, function(x) while (x > 0) 1,
    function(x) for (i in x) i, function(x) x %*% diag(2), function(x) ifelse(x > 0, 1, 2), function(x) cbind(x, x),
    function(x) matrix(x, 2)
  )
  for (f in traced) expect_error(layer_lambda(x, f), class = "hornet_trace_error")
  expect_error(layer_lambda(x, function(x) cbind(x, x)), "Use k_reshape\\(\\), k_concatenate")
})

test_that("without source the call is named", {
  f <- eval(parse(text = "function(x) {\n  if (x > 0) x else 1\n}", keep.source = FALSE))
  expect_error(layer_lambda(layer_input(shape = 2), f), "in `if (x > 0) x else 1`", class = "hornet_trace_error",
               fixed = TRUE)
})

test_that("a model of a function is connected by its first data", {
  mlp <- function(units, dropout = FALSE, name = NULL) {
    keras_model_custom(name = name, function(self) {
      self$hidden <- layer_dense(units = units, activation = "relu")
      if (dropout) self$dropout <- layer_dropout(rate = 0.5)
      self$output <- layer_dense(units = 1)
      function(inputs, mask = NULL) {
        x <- self$hidden(inputs)
        if (dropout) x <- self$dropout(x)
        self$output(x)
      }
    })
  }
  data <- line_data()
  model <- mlp(8, dropout = TRUE, name = "mlp")
  expect_output(print(model), "not built")
  expect_error(get_weights(model), 'model "mlp" is not connected yet', class = "hornet_value_error")
  model %>% compile(optimizer_sgd(0.1), "mse", metrics = "mae")
  expect_equal(k_get_value(model$optimizer$lr), 0.1, tolerance = 1e-6)
  history <- model %>% fit(data$x, data$y, epochs = 2, verbose = 0)
  expect_length(history$metrics$loss, 2)
  expect_identical(model$metrics_names, c("loss", "mean_absolute_error"))
  expect_length(model$weights, 4)
  expect_identical(format(model$hidden), format(model$layers[[2]]))

  expect_identical(dim(predict(mlp(3), data$x)), c(64L, 1L))
  single <- mlp(3)
  single %>% compile("sgd", "mse")
  expect_type(single %>% train_on_batch(data$x, data$y), "double")
  evaluated <- mlp(3)
  evaluated %>% compile("sgd", "mse")
  expect_named(evaluated %>% evaluate(data$x, data$y, verbose = 0), "loss")
})

test_that("a generator's first batch isn't lost on a model of a function", {
  model <- keras_model_custom(function(self) {
    self$line <- layer_dense(units = 1)
    function(inputs) self$line(inputs)
  })
  model %>% compile("sgd", "mse")
  generator <- line_generator()
  model %>% fit_generator(generator, steps_per_epoch = 4, epochs = 2, verbose = 0)
  expect_equal(calls_of(generator), 8)
})

test_that("a model of a function can be called, nested, copied, and take several inputs", {
  joined <- keras_model_custom(name = "joined", function(self) {
    self$dense <- layer_dense(units = 2)
    function(inputs, mask = NULL) list(self$dense(inputs[[1]]) + 1, self$dense(inputs[[2]]))
  })
  x <- layer_input(shape = 3)
  y <- joined(list(x, 2 * x))
  model <- keras_model(x, y)
  expect_length(predict(model, waves(c(4, 3), 0.5)), 2)
  expect_length(model$trainable_weights, 2)
  copy <- clone_model(model)
  set_weights(copy, get_weights(model))
  expect_equal(predict(copy, waves(c(4, 3), 0.5)), predict(model, waves(c(4, 3), 0.5)))

  by_name <- keras_model_custom(function(self) function(inputs) inputs[[1]] - inputs[[2]])
  expect_equal(predict(by_name, list(a = matrix(3, 2, 1), b = matrix(1, 2, 1))), matrix(2, 2, 1))
  expect_setequal(by_name$input_names, c("a", "b"))
  expect_error(keras_model_custom(function(self) 1), "must return a function", class = "hornet_value_error")
})

test_that("a variational autoencoder of lambda layers and a closure over tensors trains", {
  set.seed(3)
  latent <- 2
  x <- layer_input(shape = 8)
  hidden <- layer_dense(x, 16, activation = "tanh")
  z_mean <- layer_dense(hidden, latent)
  z_log_var <- layer_dense(hidden, latent)
  sampling <- function(args) {
    noise <- k_random_normal(shape = k_shape(args[[1]]))
    args[[1]] + k_exp(args[[2]] / 2) * noise
  }
  z <- layer_lambda(list(z_mean, z_log_var), sampling)
  decoder <- keras_model_sequential() %>%
    layer_dense(units = 16, activation = "tanh", input_shape = latent) %>%
    layer_dense(units = 8)
  model <- keras_model(x, decoder(z))
  vae_loss <- function(y_true, y_pred) {
    reconstruction <- k_sum(k_square(y_true - y_pred), axis = 2)
    divergence <- -0.5 * k_sum(1 + z_log_var - k_square(z_mean) - k_exp(z_log_var), axis = 2)
    reconstruction + 0.1 * divergence
  }
  model %>% compile(optimizer_adam(lr = 0.01), loss = vae_loss)
  angle <- runif(512, 0, 2 * pi)
  data <- outer(angle, 1:8, function(a, k) cos(a + k))
  history <- model %>% fit(data, data, epochs = 40, batch_size = 32, verbose = 0)
  losses <- history$metrics$loss
  # A circle in a plane: without the code, the loss is the variance, 4.
  expect_gt(losses[[1]], 2)
  expect_lt(utils::tail(losses, 1), 0.8)
  # New numbers in every run.
  expect_false(identical(predict(model, data), predict(model, data)))
})
