# Losses and metrics against tf_keras: values per sample, gradients, and what a model reports with and
# without sample weights (reduction of Keras 2.1.5: divided by the number of weights that aren't 0).

rows <- 6
classes <- 4
probabilities <- function(step) {
  x <- exp(2 * waves(c(rows, classes), step))
  x / rowSums(x)
}
labels <- ((seq_len(rows) - 1) * 7) %% classes
one_hot <- diag(classes)[labels + 1, ]
signs <- sign(waves(c(rows, classes), 1.3))
real <- waves(c(rows, classes), 0.9)
predicted <- waves(c(rows, classes), 0.7)
p <- probabilities(0.7)
sigmoid <- 1 / (1 + exp(-3 * predicted))
weights <- c(1, 0, 2, 0.5, 0, 3)

data <- list(
  mean_squared_error = list(real, predicted),
  mean_absolute_error = list(real, predicted),
  mean_absolute_percentage_error = list(real, predicted),
  mean_squared_logarithmic_error = list(abs(real) + 0.1, abs(predicted)),
  squared_hinge = list(signs, predicted),
  hinge = list(signs, predicted),
  categorical_hinge = list(one_hot, predicted),
  logcosh = list(real, predicted),
  categorical_crossentropy = list(one_hot, p),
  sparse_categorical_crossentropy = list(labels, p),
  binary_crossentropy = list((signs > 0) + 0, sigmoid),
  kullback_leibler_divergence = list(probabilities(0.3), p),
  poisson = list(abs(real) + 0.1, abs(predicted) + 0.1),
  cosine_proximity = list(real, predicted)
)
metric_data <- list(
  binary_accuracy = data$binary_crossentropy,
  categorical_accuracy = data$categorical_crossentropy,
  sparse_categorical_accuracy = list(matrix(labels), p),
  top_k_categorical_accuracy = list(one_hot, p),
  sparse_top_k_categorical_accuracy = list(matrix(labels), p)
)

# A model that passes its input on, so that losses see the predictions as they are.
passing_model <- function(width = classes) {
  input <- layer_input(shape = width)
  keras_model(input, layer_activation(input, "linear"))
}

report <- function(model, x, y, w = rep(1, nrow(x))) {
  if (is.null(dim(y))) y <- matrix(y)
  values <- cpp_function_run(model_function(model, "evaluate"), list(x, y, w))
  stats::setNames(unlist(values), model$metrics_names)
}

test_that("every loss agrees with tf_keras: values and gradients", {
  expect_setequal(names(data), names(golden("losses")))
  for (name in names(data)) {
    expected <- golden("losses", name)
    f <- getExportedValue("hornet", paste0("loss_", name))
    expect_golden(k_eval(f(data[[name]][[1]], data[[name]][[2]])), expected$values, label = name)
    y_pred <- k_variable(data[[name]][[2]])
    gradient <- k_gradients(f(data[[name]][[1]], y_pred), y_pred)[[1]]
    # The hinges' gradients jump where the argument is 0; nowhere here.
    expect_golden(k_eval(gradient), expected$gradient, tolerance = 2e-5, label = paste(name, "gradient"))
  }
})

test_that("a model reports losses as Keras 2.1.5 reduces them, with and without weights", {
  for (name in names(data)) {
    expected <- golden("losses", name)
    model <- passing_model()
    compile(model, "sgd", name)
    x <- data[[name]][[2]]
    y <- data[[name]][[1]]
    expect_equal(report(model, x, y)[["loss"]], expected$mean, tolerance = 1e-5, label = name)
    expect_equal(report(model, x, y, weights)[["loss"]], expected$weighted, tolerance = 1e-5, label = name)
  }
})

test_that("metrics ignore weights, weighted metrics don't", {
  for (name in names(metric_data)) {
    expected <- golden("metrics", name)
    f <- getExportedValue("hornet", paste0("metric_", name))
    if (grepl("top_k", name)) {
      top_k <- f
      f <- custom_metric("top_2", function(y_true, y_pred) top_k(y_true, y_pred, k = 2))
    }
    x <- metric_data[[name]][[2]]
    y <- metric_data[[name]][[1]]
    expect_golden(k_eval(f(y, x)), expected$values, label = name)
    model <- passing_model()
    loss <- if (ncol(as.matrix(y)) == 1) "sparse_categorical_crossentropy" else "mse"
    compile(model, "sgd", loss, metrics = list(f), weighted_metrics = list(f))
    values <- report(model, x, y, weights)
    expect_equal(values[[2]], expected$mean, tolerance = 1e-6, label = name)
    by_hand <- sum(as_golden_array(expected$values) * weights) / sum(weights != 0)
    expect_equal(values[[3]], by_hand, tolerance = 1e-6, label = paste("weighted", name))
    expect_identical(model$metrics_names[[3]], paste0("weighted_", model$metrics_names[[2]]))
  }
})

test_that("losses are metrics, too, and aliases mean the same", {
  aliases <- c(mse = "mean_squared_error", mae = "mean_absolute_error", mape = "mean_absolute_percentage_error",
               msle = "mean_squared_logarithmic_error", kld = "kullback_leibler_divergence",
               cosine = "cosine_proximity")
  for (alias in names(aliases)) {
    name <- aliases[[alias]]
    model <- passing_model()
    compile(model, "sgd", alias, metrics = c(alias))
    values <- report(model, data[[name]][[2]], data[[name]][[1]])
    expect_equal(values[["loss"]], golden("losses", name)$mean, tolerance = 1e-5, label = alias)
    expect_identical(names(values)[[2]], name)
    expect_equal(values[[2]], values[[1]], tolerance = 1e-6)
  }
  expect_equal(k_eval(metric_hinge(signs, predicted)), k_eval(loss_hinge(signs, predicted)))
})

test_that("strings and functions are treated alike", {
  x <- data$sparse_categorical_crossentropy[[2]]
  for (loss in list("sparse_categorical_crossentropy", loss_sparse_categorical_crossentropy)) {
    model <- passing_model()
    compile(model, "sgd", loss, metrics = "accuracy")
    expect_equal(report(model, x, labels)[["acc"]], golden("metrics", "sparse_categorical_accuracy")$mean,
                 tolerance = 1e-6)
  }
})

test_that("accuracy is the one that fits loss and output", {
  accuracy_of <- function(width, loss) {
    model <- passing_model(width)
    compile(model, "sgd", loss, metrics = c("acc"))
    resolve_metric("acc", NULL, layer_object(model)$compiled$losses[[1]]$name, model$output)$f
  }
  expect_identical(accuracy_of(1, "mse"), metric_binary_accuracy)
  expect_identical(accuracy_of(4, "binary_crossentropy"), metric_binary_accuracy)
  expect_identical(accuracy_of(4, "sparse_categorical_crossentropy"), metric_sparse_categorical_accuracy)
  expect_identical(accuracy_of(4, "categorical_crossentropy"), metric_categorical_accuracy)
})

test_that("losses written in R are traced: loss, gradient and weights", {
  model <- passing_model()
  compile(model, "sgd", function(y_true, y_pred) k_mean((y_true - y_pred)^2, axis = -1))
  x <- predicted
  expect_equal(report(model, x, real)[["loss"]], golden("losses", "mean_squared_error")$mean, tolerance = 1e-5)
  expect_equal(report(model, x, real, weights)[["loss"]], golden("losses", "mean_squared_error")$weighted,
               tolerance = 1e-5)
  # One number for the whole batch is fine, too.
  compile(model, "sgd", function(y_true, y_pred) sum(abs(y_true - y_pred)))
  expect_equal(report(model, x, real)[["loss"]], sum(abs(real - x)), tolerance = 1e-5)
})

test_that("crossentropies stay finite at the ends", {
  expect_true(all(is.finite(k_eval(loss_binary_crossentropy(cbind(c(0, 1)), cbind(c(1, 0)))))))
  expect_true(all(is.finite(k_eval(loss_categorical_crossentropy(rbind(c(0, 1)), rbind(c(1, 0)))))))
  expect_true(all(is.finite(k_eval(loss_sparse_categorical_crossentropy(1, rbind(c(1, 0)))))))
})

test_that("crossentropies from logits agree with those of probabilities", {
  logits <- waves(c(rows, classes), 0.8, 2)
  soft <- k_softmax(logits)
  expect_equal(k_eval(k_categorical_crossentropy(one_hot, logits, from_logits = TRUE)),
               k_eval(k_categorical_crossentropy(one_hot, soft)), tolerance = 1e-5)
  expect_equal(k_eval(k_sparse_categorical_crossentropy(labels, logits, from_logits = TRUE)),
               k_eval(k_sparse_categorical_crossentropy(labels, soft)), tolerance = 1e-5)
  bits <- (signs > 0) + 0
  expect_equal(k_eval(k_binary_crossentropy(bits, logits, from_logits = TRUE)),
               k_eval(k_binary_crossentropy(bits, k_sigmoid(logits))), tolerance = 1e-5)
})

test_that("a loss that asks for values says that it can't be traced, and what to use", {
  asking <- list(
    function(y_true, y_pred) if (y_true > 1) k_mean(y_pred) else k_mean(y_true),
    function(y_true, y_pred) if (k_mean(y_true) > 1 && TRUE) y_pred else y_true,
    function(y_true, y_pred) k_mean(besselJ(y_pred, 1)),
    function(y_true, y_pred) as.numeric(y_pred),
    function(y_true, y_pred) while (y_true > 0) y_pred
  )
  for (loss in asking) {
    model <- passing_model()
    error <- tryCatch(compile(model, "sgd", loss), error = identity)
    expect_s3_class(error, "hornet_trace_error")
    expect_match(conditionMessage(error), "only known when the model runs.*[uU]se k_switch\\(\\)")
  }
})

test_that("layers may add all of the loss: there are no targets then", {
  Energy <- R6::R6Class("Energy",
    inherit = KerasLayer,
    public = list(call = function(inputs) {
      self$add_loss(k_mean(k_square(inputs[[1]] - inputs[[2]])), inputs = inputs)
      inputs[[1]]
    })
  )
  input <- layer_input(shape = 2)
  output <- create_layer(Energy, list(layer_dense(input, units = 2, kernel_initializer = "zeros"), input))
  model <- keras_model(input, output)
  model %>% compile(optimizer_sgd(lr = 0.5), loss = NULL)
  expect_identical(model$metrics_names, "loss")
  x <- waves(c(8, 2), 0.7)
  expect_equal(evaluate(model, x, verbose = 0)[["loss"]], mean(x^2), tolerance = 1e-6)
  history <- fit(model, x, y = NULL, epochs = 30, verbose = 0, validation_split = 0.25)
  expect_lt(tail(history$metrics$loss, 1), 0.01)
  expect_length(history$metrics$val_loss, 30)
  expect_type(train_on_batch(model, x, NULL), "double")
  generator <- function() list(x)
  expect_length(fit_generator(model, generator, steps_per_epoch = 2, verbose = 0)$metrics$loss, 1)
  bare <- keras_model(input, layer_dense(input, units = 2))
  expect_error(compile(bare, "sgd", loss = NULL), "no layer adds a loss", class = "hornet_value_error")
})
