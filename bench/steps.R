# Training steps of hornet on request: compare.py talks to this over stdin and stdout.
#
# A request is "net layout threads seconds" (the layout is ours, always NHWC); the answer is
# "wall cpu", seconds per training step of one whole fit() call on data in memory.
suppressPackageStartupMessages(library(hornet))
set.seed(1)

one_hot <- function(rows, classes) diag(classes)[sample(classes, rows, TRUE), ]
images <- function(...) array(runif(prod(...)), c(...))

nets <- list(
  mlp = function() {
    model <- keras_model_sequential() %>%
      layer_dense(512, activation = "relu", input_shape = 784) %>%
      layer_dropout(0.2) %>%
      layer_dense(512, activation = "relu") %>%
      layer_dropout(0.2) %>%
      layer_dense(10, activation = "softmax")
    compile(model, optimizer_rmsprop(lr = 1e-4), "categorical_crossentropy")
    rows <- 128 * 32
    list(model = model, x = images(c(rows, 784)), y = one_hot(rows, 10), batch = 128)
  },
  cnn = function() {
    model <- keras_model_sequential() %>%
      layer_conv_2d(32, c(3, 3), activation = "relu", input_shape = c(28, 28, 1)) %>%
      layer_conv_2d(64, c(3, 3), activation = "relu") %>%
      layer_max_pooling_2d(c(2, 2)) %>%
      layer_dropout(0.25) %>%
      layer_flatten() %>%
      layer_dense(128, activation = "relu") %>%
      layer_dropout(0.5) %>%
      layer_dense(10, activation = "softmax")
    compile(model, optimizer_rmsprop(lr = 1e-4), "categorical_crossentropy")
    rows <- 128 * 8
    list(model = model, x = images(c(rows, 28, 28, 1)), y = one_hot(rows, 10), batch = 128)
  },
  cats = function() {
    model <- keras_model_sequential() %>%
      layer_conv_2d(32, c(3, 3), activation = "relu", input_shape = c(150, 150, 3)) %>%
      layer_max_pooling_2d(c(2, 2)) %>%
      layer_conv_2d(64, c(3, 3), activation = "relu") %>%
      layer_max_pooling_2d(c(2, 2)) %>%
      layer_conv_2d(128, c(3, 3), activation = "relu") %>%
      layer_max_pooling_2d(c(2, 2)) %>%
      layer_conv_2d(128, c(3, 3), activation = "relu") %>%
      layer_max_pooling_2d(c(2, 2)) %>%
      layer_flatten() %>%
      layer_dense(512, activation = "relu") %>%
      layer_dense(1, activation = "sigmoid")
    compile(model, optimizer_rmsprop(lr = 1e-4), "binary_crossentropy")
    rows <- 20 * 4
    list(model = model, x = images(c(rows, 150, 150, 3)), y = sample(0:1, rows, TRUE), batch = 20)
  },
  lstm = function() {
    model <- keras_model_sequential() %>%
      layer_embedding(20000, 128, input_length = 80) %>%
      layer_lstm(128, recurrent_activation = "sigmoid") %>%
      layer_dense(1, activation = "sigmoid")
    compile(model, optimizer_adam(lr = 1e-4), "binary_crossentropy")
    rows <- 32 * 16
    x <- matrix(sample.int(20000, rows * 80, TRUE) - 1L, rows)
    list(model = model, x = x, y = sample(0:1, rows, TRUE), batch = 32)
  },
  tiny = function() {
    model <- keras_model_sequential() %>%
      layer_dense(16, activation = "relu", input_shape = 10) %>%
      layer_dense(1)
    compile(model, optimizer_sgd(lr = 1e-4), "mean_squared_error")
    rows <- 32 * 2000
    list(model = model, x = images(c(rows, 10)), y = runif(rows), batch = 32)
  }
)

run <- function(net, epochs) {
  before <- proc.time()
  fit(net$model, net$x, net$y, batch_size = net$batch, epochs = epochs, verbose = 0)
  spent <- proc.time() - before
  steps <- epochs * nrow(net$x) / net$batch
  c(spent[["elapsed"]], spent[["user.self"]] + spent[["sys.self"]]) / steps
}

built <- list()
requests <- file("stdin", "r")
while (length(request <- readLines(requests, 1)) > 0) {
  words <- strsplit(request, " ")[[1]]
  name <- words[1]
  options(hornet.threads = as.integer(words[3]))
  if (is.null(built[[name]])) {
    built[[name]] <- nets[[name]]()
    run(built[[name]], 1)
  }
  net <- built[[name]]
  one <- run(net, 1)[1] * nrow(net$x) / net$batch
  cost <- run(net, max(1, round(as.numeric(words[4]) / one)))
  cat(sprintf("%.9f %.9f\n", cost[1], cost[2]))
}
