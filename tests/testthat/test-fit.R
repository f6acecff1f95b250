iris_data <- function() {
  order <- (seq_len(150) * 37) %% 150 + 1
  list(x = scale(as.matrix(iris[order, 1:4])), y = as.integer(iris$Species)[order] - 1L)
}

iris_model <- function(metrics = "accuracy", optimizer = "adam") {
  model <- keras_model_sequential() %>%
    layer_dense(units = 8, activation = "relu", input_shape = 4, name = "hidden") %>%
    layer_dense(units = 3, activation = "softmax", name = "species")
  model %>% compile(optimizer = optimizer, loss = "sparse_categorical_crossentropy", metrics = metrics)
  model
}

test_that("signatures are the reference's", {
  expect_identical(
    names(formals(fit.keras.engine.training.Model)),
    c("object", "x", "y", "batch_size", "epochs", "verbose", "callbacks", "view_metrics",
      "validation_split", "validation_data", "shuffle", "class_weight", "sample_weight",
      "initial_epoch", "steps_per_epoch", "validation_steps", "...")
  )
  expect_identical(formals(fit.keras.engine.training.Model)$epochs, 10)
  expect_identical(names(formals(evaluate.keras.engine.training.Model)),
                   c("object", "x", "y", "batch_size", "verbose", "sample_weight", "steps", "..."))
  expect_identical(names(formals(predict.keras.engine.training.Model)),
                   c("object", "x", "batch_size", "verbose", "steps", "..."))
})

test_that("a small net learns iris", {
  set.seed(7)
  data <- iris_data()
  model <- iris_model()
  history <- model %>% fit(data$x, data$y, epochs = 60, batch_size = 16, verbose = 0, validation_split = 0.2)
  expect_gt(tail(history$metrics$val_acc, 1), 0.85)
  expect_equal(history$params$samples, 120L)
  expect_equal(history$params$validation_samples, 30L)
  expect_equal(history$params$batch_size, 16L)
  expect_equal(history$params$metrics, c("loss", "acc", "val_loss", "val_acc"))
  expect_named(history$metrics, c("val_loss", "val_acc", "loss", "acc"))
  classes <- model %>% predict_classes(data$x)
  expect_gt(mean(classes == data$y), 0.85)
  expect_nothing_left()
})

test_that("validation_split takes the last rows and trains on none of them", {
  data <- line_data(10)
  data$x[9:10, ] <- 1000
  model <- line_model()
  set_learning_rate(model, 1e-9)
  history <- model %>% fit(data$x, data$y, epochs = 1, validation_split = 0.2, verbose = 0)
  expect_lt(history$metrics$loss, 100)
  expect_gt(history$metrics$val_loss, 100)
  expect_snapshot(error = TRUE, {
    model %>% fit(data$x, data$y, validation_split = 1)
    model %>% fit(data$x, data$y, validation_split = "half")
  })
})

test_that("validation_data overrides validation_split", {
  data <- line_data(10)
  model <- line_model()
  history <- model %>% fit(data$x, data$y, epochs = 1, verbose = 0, validation_split = 0.5,
                           validation_data = list(data$x[1:3, ], data$y[1:3]))
  expect_equal(history$params$samples, 10L)
  expect_equal(history$params$validation_samples, 3L)
})

test_that("an epoch goes through all rows, the last batch may be short", {
  data <- line_data(70)
  sizes <- NULL
  callback <- callback_lambda(on_batch_end = function(batch, logs) sizes <<- c(sizes, logs$size))
  line_model() %>% fit(data$x, data$y, epochs = 1, verbose = 0, callbacks = callback)
  expect_equal(sizes, c(32, 32, 6))
  sizes <- NULL
  line_model() %>% fit(data$x, data$y, epochs = 2, verbose = 0, callbacks = callback, steps_per_epoch = 2)
  expect_equal(sizes, c(32, 32, 6, 32))
  expect_snapshot(error = TRUE, {
    line_model() %>% fit(data$x, data$y, batch_size = 2, steps_per_epoch = 2)
    line_model() %>% fit(data$x, data$y, batch_size = 0)
    line_model() %>% fit(data$x, data$y, shuffle = "rows")
  })
})

test_that("shuffling follows set.seed(), and can be turned off", {
  data <- line_data(64)
  run <- function(seed, shuffle) {
    set.seed(seed)
    model <- line_model()
    set_weights(model, list(matrix(c(0.3, -0.2), 2), array(0, 1)))
    model %>% fit(data$x, data$y, batch_size = 8, epochs = 2, verbose = 0, shuffle = shuffle)
    get_weights(model)
  }
  expect_identical(run(1, TRUE), run(1, TRUE))
  expect_false(identical(run(1, TRUE), run(2, TRUE)))
  expect_identical(run(1, FALSE), run(2, FALSE))
  expect_false(identical(run(1, "batch"), run(1, FALSE)))
})

test_that("sample weights of zero leave rows out, and win over class weights", {
  data <- iris_data()
  run <- function(rows, ...) {
    model <- iris_model(optimizer = "sgd")
    set_weights(model, list(matrix(sin(1:32), 4), rep(0, 8), matrix(cos(1:24), 8), rep(0, 3)))
    model %>% fit(data$x[rows, ], data$y[rows], epochs = 3, batch_size = 150, verbose = 0, ...)
    get_weights(model)
  }
  weights <- rep(c(0, 1), 75)
  # A weighted loss is divided by the number of rows with a weight, then by nothing else.
  expected <- run(seq(2, 150, 2))
  expect_same <- function(got) expect_lt(max(abs(unlist(got) - unlist(expected))), 1e-6)
  expect_same(run(1:150, sample_weight = weights))
  expect_same(run(1:150, sample_weight = weights, class_weight = c("0" = 5)))
  expect_same(run(1:150, sample_weight = array(weights)))
  expect_same(run(1:150, sample_weight = list(weights)))
  expect_snapshot(run(1:150, sample_weight = 1:3), error = TRUE)
})

test_that("models with several inputs and outputs take lists in order or by name", {
  a <- layer_input(shape = 2, name = "a")
  b <- layer_input(shape = 3, name = "b")
  joined <- layer_concatenate(list(a, b))
  model <- keras_model(list(a, b), list(
    layer_dense(joined, units = 1, name = "size"),
    layer_dense(joined, units = 2, activation = "softmax", name = "kind")
  ))
  model %>% compile(optimizer = "sgd",
                    loss = list(size = "mse", kind = "sparse_categorical_crossentropy"))
  xa <- matrix(sin(1:40), ncol = 2)
  xb <- matrix(cos(1:60), ncol = 3)
  size <- rowSums(xa)
  kind <- rep(0:1, 10)
  by_order <- model %>% evaluate(list(xa, xb), list(size, kind), verbose = 0)
  expect_named(by_order, c("loss", "size_loss", "kind_loss"))
  expect_equal(model %>% evaluate(list(b = xb, a = xa), list(kind = kind, size = size), verbose = 0),
               by_order)
  history <- model %>% fit(list(xa, xb), list(size, kind), epochs = 1, verbose = 0,
                           sample_weight = list(kind = rep(1, 20)),
                           class_weight = list(kind = c("0" = 1, "1" = 2)))
  expect_named(history$metrics, c("loss", "size_loss", "kind_loss"))
  predictions <- predict(model, list(xa, xb))
  expect_equal(lapply(predictions, dim), list(c(20L, 1L), c(20L, 2L)))
  expect_snapshot(error = TRUE, {
    predict(model, xa)
    predict(model, list(a = xa))
    predict(model, list(xa, xb[1:3, ]))
    evaluate(model, list(xa, xb), list(size, kind), sample_weight = rep(1, 20))
  })
})

test_that("data frames, integers, logicals and factors are data", {
  data <- iris_data()
  model <- iris_model()
  expected <- model %>% evaluate(data$x, data$y, verbose = 0)
  frame <- as.data.frame(data$x)
  expect_equal(model %>% evaluate(frame, data$y, verbose = 0), expected)
  .globals$told_class_order <- NULL
  species <- factor(c("setosa", "versicolor", "virginica")[data$y + 1])
  expect_message(by_factor <- model %>% evaluate(frame, species, verbose = 0),
                 '0 = setosa, 1 = versicolor')
  expect_equal(by_factor, expected)
  expect_silent(model %>% evaluate(frame, species, verbose = 0))
  expect_equal(predict(model, matrix(1:4 > 2, 1)), predict(model, matrix(c(0L, 0L, 1L, 1L), 1)))
  expect_snapshot(predict(model, iris), error = TRUE)
})

test_that("what doesn't fit is refused before anything is trained", {
  data <- iris_data()
  model <- iris_model()
  before <- get_weights(model)
  expect_snapshot(error = TRUE, {
    predict(model, data$x[, 1:3])
    predict(model, data$x[1, ])
    predict(model, "x")
    predict(model, NULL)
    fit(model, data$x)
    fit(model, data$x, data$y[-1], verbose = 0)
    fit(model, data$x, data$y + 1, verbose = 0)
    fit(model, data$x, cbind(data$y, data$y), verbose = 0)
    fit(model, data$x, data$y, callbacks = "early stopping")
    fit(keras_model_sequential(name = "new") %>% layer_dense(units = 1, input_shape = 4), data$x, data$y)
  })
  expect_identical(get_weights(model), before)
  expect_nothing_left()
})

test_that("the header tells how many samples train and validate", {
  withr::local_envvar(R_CLI_DYNAMIC = "false")
  data <- line_data(70)
  output <- capture.output(line_model() %>% fit(data$x, data$y, epochs = 1, validation_split = 0.1))
  expect_equal(output[1:2], c("Train on 63 samples, validate on 7 samples", "Epoch 1/1"))
  expect_match(output[[3]], "^63/63 \\[={30}\\] - [0-9]+s .*s/step - loss: .* - val_loss: ")
})

test_that("stopping in the last batch of an epoch skips validation in fit()", {
  data <- line_data(64)
  model <- line_model()
  callback <- callback_lambda(on_batch_end = function(batch) if (batch == 1) model$stop_training <- TRUE)
  history <- model %>% fit(data$x, data$y, epochs = 3, validation_data = unname(data), verbose = 0,
                           callbacks = callback)
  expect_named(history$metrics, "loss")
})

test_that("fit(), evaluate() and predict() hand generators on", {
  model <- line_model()
  generator <- line_generator()
  history <- model %>% fit(generator, steps_per_epoch = 3, epochs = 2, verbose = 0)
  expect_equal(calls_of(generator), 6)
  expect_equal(history$params$steps, 3L)
  expect_named(model %>% evaluate(generator, steps = 2), "loss")
  expect_equal(dim(predict(model, generator, steps = 2)), c(16L, 1L))
  expect_snapshot(model %>% fit(generator, 1:3, steps_per_epoch = 3), error = TRUE)
})

test_that("evaluate() returns a named list, or a named number if there is only the loss", {
  data <- line_data()
  expect_named(line_model() %>% evaluate(data$x, data$y, verbose = 0), "loss")
  result <- line_model(metrics = "mae") %>% evaluate(data$x, data$y, verbose = 0)
  expect_type(result, "list")
  expect_named(result, c("loss", "mean_absolute_error"))
  model <- line_model(metrics = "mae")
  expect_equal(model %>% evaluate(data$x, data$y, verbose = 0, batch_size = 7),
               model %>% evaluate(data$x, data$y, verbose = 0, batch_size = 64), tolerance = 1e-6)
})

test_that("evaluate() and predict() draw a bar if asked", {
  withr::local_envvar(R_CLI_DYNAMIC = "false")
  data <- line_data(70)
  model <- line_model()
  expect_output(model %>% evaluate(data$x, data$y), "^70/70 \\[={30}\\] - 0s \\d+us/step$")
  expect_output(predict(model, data$x, verbose = 1), "^70/70")
  expect_silent(predict(model, data$x))
  expect_output(model %>% predict_generator(line_generator(), 3, verbose = 1), "^3/3 \\[")
})

test_that("predictions do not depend on batches", {
  data <- line_data(70)
  model <- line_model()
  weights <- get_weights(model)
  expected <- data$x %*% weights[[1]] + as.vector(weights[[2]])
  expect_equal(predict(model, data$x), expected, tolerance = 1e-6)
  expect_equal(predict(model, data$x, batch_size = 1000), expected, tolerance = 1e-6)
  expect_equal(predict(model, data$x[7, , drop = FALSE]), expected[7, , drop = FALSE], tolerance = 1e-6)
  expect_equal(predict(model, data$x, steps = 1), expected[1:32, , drop = FALSE], tolerance = 1e-6)
})

test_that("classes are counted from 0", {
  expect_equal(as_classes(rbind(c(0.1, 0.7, 0.2), c(0.5, 0.1, 0.4))), array(c(1L, 0L)))
  expect_identical(as_classes(matrix(c(0.2, 0.5, 0.7))), matrix(c(0L, 0L, 1L)))
  by_step <- array(0, c(2, 3, 4))
  by_step[1, 2, 4] <- by_step[2, 3, 2] <- 1
  expect_equal(as_classes(by_step), matrix(c(0L, 0L, 3L, 0L, 0L, 1L), 2))
  data <- line_data(8)
  expect_warning(line_model() %>% predict_proba(data$x * 100), "not between 0 and 1")
  expect_silent(iris_model() %>% predict_proba(iris_data()$x))
})

test_that("single batches train, test and predict", {
  data <- line_data(16)
  model <- line_model()
  before <- model %>% test_on_batch(data$x, data$y)
  expect_type(before, "double")
  expect_length(before, 1)
  expect_equal(model %>% train_on_batch(data$x, data$y), before)
  expect_lt(model %>% test_on_batch(data$x, data$y), before)
  expect_equal(model %>% predict_on_batch(data$x), predict(model, data$x))

  model <- line_model(metrics = "mae")
  result <- model %>% train_on_batch(data$x, data$y)
  expect_type(result, "list")
  expect_null(names(result))
  expect_length(result, 2)
  expect_nothing_left()
})

test_that("single batches take sample and class weights", {
  data <- iris_data()
  model <- iris_model(metrics = NULL)
  by_class <- c(1, 2, 3)[data$y + 1]
  weighted <- model %>% test_on_batch(data$x, data$y, sample_weight = by_class)
  expect_equal(model %>% train_on_batch(data$x, data$y, class_weight = c("0" = 1, "1" = 2, "2" = 3)),
               weighted, tolerance = 1e-6)
})

test_that("training from a generator gives the numbers of tf_keras", {
  skip_if_not_installed("jsonlite")
  golden <- jsonlite::read_json(test_path("golden", "fit_generator.json"),
                                simplifyVector = TRUE)
  waves <- function(dim, step) array(sin(step * seq_len(prod(dim))), dim)
  x <- waves(c(40, 4), 0.7)
  labels <- (0:39 * 7) %% 3
  weights <- 1.5 + as.vector(waves(40, 0.3))
  batches <- function(y, sizes, first, weights = NULL) {
    at <- first
    i <- 0
    function() {
      if (i == length(sizes)) {
        i <<- 0
        at <<- first
      }
      i <<- i + 1
      rows <- at + seq_len(sizes[[i]])
      at <<- at + sizes[[i]]
      batch <- list(x[rows, ], if (is.matrix(y)) y[rows, ] else y[rows])
      if (is.null(weights)) batch else c(batch, list(weights[rows]))
    }
  }
  check <- function(name, loss, optimizer, weights = NULL, class_weight = NULL) {
    y <- if (startsWith(loss, "sparse")) labels else diag(3)[labels + 1, ]
    model <- keras_model_sequential() %>%
      layer_dense(units = 6, activation = "tanh", input_shape = 4) %>%
      layer_dense(units = 3, activation = "softmax")
    set_weights(model, list(waves(c(4, 6), 1.1), waves(6, 0.4), waves(c(6, 3), 1.3), waves(3, 0.9)))
    model %>% compile(optimizer = optimizer, loss = loss, metrics = "accuracy")
    history <- model %>%
      fit_generator(batches(y, c(10, 10, 5), 0, weights), 3, epochs = 3, verbose = 0,
                    class_weight = class_weight,
                    validation_data = batches(y, c(8, 7), 25), validation_steps = 2)
    for (metric in c("loss", "acc", "val_loss", "val_acc")) {
      expect_equal(history$metrics[[metric]], golden[[name]][[metric]], tolerance = 1e-5,
                   label = paste(name, metric))
    }
    expect_equal(lapply(get_weights(model), as.vector), golden[[name]]$weights, tolerance = 1e-4,
                 label = paste(name, "weights"))
  }
  momentum <- function() optimizer_sgd(lr = 0.1, momentum = 0.9)
  check("plain", "categorical_crossentropy", momentum())
  check("sample_weights", "categorical_crossentropy", momentum(), weights)
  check("class_weights", "sparse_categorical_crossentropy", momentum(),
        class_weight = list("0" = 0.5, "1" = 2, "2" = 1.25))
  check("adam", "sparse_categorical_crossentropy", optimizer_adam(lr = 0.01), weights)
  check("rmsprop", "categorical_crossentropy", optimizer_rmsprop(lr = 0.01))
})
