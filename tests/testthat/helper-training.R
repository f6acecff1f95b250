# A model with one weight vector, and data it can learn.
line_model <- function(optimizer = "sgd", metrics = NULL, inputs = 2) {
  model <- keras_model_sequential() %>%
    layer_dense(units = 1, input_shape = inputs, name = "line")
  model %>% compile(optimizer = optimizer, loss = "mean_squared_error", metrics = metrics)
  model
}

line_data <- function(rows = 64, inputs = 2) {
  x <- matrix(seq(-1, 1, length.out = rows * inputs), ncol = inputs)
  list(x = x, y = rowSums(x) + 0.5)
}

# A generator of equal batches that counts its calls; NULL after `last` calls.
line_generator <- function(rows = 8, last = Inf) {
  data <- line_data(rows)
  calls <- 0
  function() {
    calls <<- calls + 1
    if (calls > last) NULL else list(data$x, data$y)
  }
}
calls_of <- function(generator) environment(generator)$calls

# What a callback does with one value an epoch, without a real model.
run_epochs <- function(callback, values, model = new.env(), monitor = "val_loss") {
  model$stop_training <- FALSE
  callback$set_context(list(epochs = length(values)), model)
  callback$on_train_begin(list())
  epochs <- 0
  for (value in values) {
    callback$on_epoch_begin(epochs, list())
    callback$on_epoch_end(epochs, stats::setNames(list(value), monitor))
    epochs <- epochs + 1
    if (isTRUE(model$stop_training)) break
  }
  callback$on_train_end(list())
  epochs
}

# Nothing of a run is left: threads, batches, handles.
expect_nothing_left <- function() {
  gc()
  expect_equal(unname(cpp_live_counts()), c(0, 0, 0))
}
