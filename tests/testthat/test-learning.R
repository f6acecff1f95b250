# Whole models learn what models of their kind are known for, on data made here. Each states what it
# reaches; chance levels are in the comments. (A variational autoencoder is in test-custom-layers.R.)

test_that("an encoder and a decoder learn to add numbers written out", {
  set.seed(1)
  digits <- 2L
  alphabet <- strsplit("0123456789+ ", "")[[1]]
  question_length <- 2L * digits + 1L
  answer_length <- digits + 1L
  encode <- function(texts, length) {
    x <- array(0, c(length(texts), length, length(alphabet)))
    codes <- t(vapply(strsplit(texts, ""), match, integer(length), alphabet))
    x[cbind(c(row(codes)), c(col(codes)), c(codes))] <- 1
    x
  }
  pad <- function(text, length) formatC(text, width = -length)
  numbers <- expand.grid(a = 0:99, b = 0:99)
  numbers <- numbers[sample(nrow(numbers)), ]
  x <- encode(pad(paste0(numbers$a, "+", numbers$b), question_length), question_length)
  y <- encode(pad(numbers$a + numbers$b, answer_length), answer_length)

  model <- keras_model_sequential() %>%
    layer_lstm(units = 64, input_shape = c(question_length, length(alphabet))) %>%
    layer_repeat_vector(answer_length) %>%
    layer_lstm(units = 64, return_sequences = TRUE) %>%
    time_distributed(layer_dense(units = length(alphabet))) %>%
    layer_activation("softmax")
  model %>% compile(loss = "categorical_crossentropy", optimizer = optimizer_adam(lr = 0.008), metrics = "accuracy")
  train <- seq_len(9000)
  history <- model %>% fit(x[train, , ], y[train, , ], batch_size = 128, epochs = 12, verbose = 0,
                           validation_data = list(x[-train, , ], y[-train, , ]))
  # Guessing gets 0.3 of the characters right.
  expect_gt(tail(history$metrics$val_acc, 1), 0.9)
})

test_that("a bidirectional LSTM on padded words learns what depends on their order", {
  set.seed(2)
  # 1 is "not", 2 to 6 are good words, 7 to 11 bad ones, others say nothing. A review has one
  # such word, and "not" before it turns it around; behind it, it doesn't.
  review <- function(i) {
    length <- sample(5:15, 1)
    words <- sample(12:40, length, TRUE)
    good <- runif(1) < 0.5
    at <- sample(2:(length - 1), 1)
    words[at] <- if (good) sample(2:6, 1) else sample(7:11, 1)
    negated <- runif(1) < 0.5
    if (runif(1) < 0.5 || negated) words[if (negated) at - 1 else at + 1] <- 1
    c(good != negated, words, rep(0, 15 - length))
  }
  data <- t(vapply(seq_len(3000), review, numeric(16)))
  model <- keras_model_sequential() %>%
    layer_embedding(input_dim = 41, output_dim = 16, input_length = 15, mask_zero = TRUE) %>%
    bidirectional(layer_lstm(units = 16)) %>%
    layer_dense(units = 1, activation = "sigmoid")
  model %>% compile(optimizer_adam(lr = 0.01), "binary_crossentropy", metrics = "accuracy")
  history <- model %>% fit(data[, -1], data[, 1], batch_size = 32, epochs = 8, validation_split = 0.2, verbose = 0)
  # Without the order of words 0.75 is the best there is.
  expect_gt(tail(history$metrics$val_acc, 1), 0.95)
})

test_that("a siamese network learns a distance that tells classes apart, those it never saw included", {
  set.seed(3)
  # Classes differ in 4 of 16 measurements; the others are louder noise.
  classes <- matrix(rnorm(20 * 4), 20)
  draw <- function(class) cbind(classes[class, , drop = FALSE] + matrix(rnorm(4 * length(class), sd = 0.2), ncol = 4),
                                matrix(rnorm(12 * length(class), sd = 2), ncol = 12))
  pairs <- function(n, among) {
    one <- sample(among, n, TRUE)
    same <- rep(c(TRUE, FALSE), length.out = n)
    other <- ifelse(same, one, vapply(one, function(class) sample(setdiff(among, class), 1), 0))
    list(x = list(draw(one), draw(other)), same = as.numeric(same))
  }
  base <- keras_model_sequential() %>%
    layer_dense(units = 32, activation = "relu", input_shape = 16) %>%
    layer_dense(units = 8)
  a <- layer_input(shape = 16)
  b <- layer_input(shape = 16)
  distance <- layer_lambda(list(base(a), base(b)), function(x) {
    k_sqrt(k_maximum(k_sum(k_square(x[[1]] - x[[2]]), axis = 2, keepdims = TRUE), k_epsilon()))
  })
  model <- keras_model(list(a, b), distance)
  contrastive <- function(y_true, y_pred) {
    k_mean(y_true * k_square(y_pred) + (1 - y_true) * k_square(k_maximum(1 - y_pred, 0)))
  }
  model %>% compile(optimizer_rmsprop(), contrastive)
  seen <- pairs(4000, 1:15)
  history <- model %>% fit(seen$x, seen$same, batch_size = 64, epochs = 20, verbose = 0)
  # Distance 0.5 for all pairs has loss 0.25.
  expect_lt(tail(history$metrics$loss, 1), 0.08)
  new <- pairs(1000, 16:20)
  expect_gt(mean((predict(model, new$x) < 0.5) == new$same), 0.8)
})

test_that("a generator learns a distribution from a discriminator that is frozen while it does", {
  set.seed(4)
  generator <- keras_model_sequential() %>%
    layer_dense(units = 16, activation = "relu", input_shape = 2) %>%
    layer_dense(units = 1)
  discriminator <- keras_model_sequential() %>%
    layer_dense(units = 16, input_shape = 1) %>%
    layer_activation_leaky_relu(0.1) %>%
    layer_dense(units = 16) %>%
    layer_activation_leaky_relu(0.1) %>%
    layer_dense(units = 1, activation = "sigmoid")
  discriminator %>% compile(optimizer_adam(lr = 0.005, beta_1 = 0.5), "binary_crossentropy")
  discriminator$trainable <- FALSE
  noise <- layer_input(shape = 2)
  gan <- keras_model(noise, discriminator(generator(noise)))
  gan %>% compile(optimizer_adam(lr = 0.005, beta_1 = 0.5), "binary_crossentropy")

  batch <- 128
  noises <- function() matrix(rnorm(2 * batch), ncol = 2)
  for (step in 1:600) {
    real <- matrix(rnorm(batch, 3, 0.5))
    false <- predict_on_batch(generator, noises())
    suppressWarnings(train_on_batch(discriminator, rbind(real, false), rep(c(1, 0), each = batch)))
    before <- get_weights(discriminator)
    train_on_batch(gan, noises(), rep(1, batch))
    if (step == 1) expect_identical(get_weights(discriminator), before)
  }
  made <- predict(generator, matrix(rnorm(4000), ncol = 2))
  # It began around 0.
  expect_lt(abs(mean(made) - 3), 0.5)
  expect_gt(sd(made), 0.15)
  expect_lt(sd(made), 1.2)
})

test_that("a stateful LSTM remembers what it saw in the batch before", {
  set.seed(5)
  # Of 8 steps the first shows a number, which is to be repeated at all of them. The second four
  # come as a batch of their own.
  sequences <- 64
  learn <- function(stateful) {
    model <- keras_model_sequential() %>%
      layer_lstm(units = 8, stateful = stateful, return_sequences = TRUE, batch_input_shape = c(sequences, 4, 2)) %>%
      layer_dense(units = 1)
    model %>% compile(optimizer_adam(lr = 0.02), "mse")
    losses <- numeric()
    for (step in 1:250) {
      value <- runif(sequences, -1, 1)
      first <- array(0, c(sequences, 4, 2))
      first[, 1, 1] <- value
      first[, 1, 2] <- 1
      target <- array(value, c(sequences, 4, 1))
      reset_states(model)
      train_on_batch(model, first, target)
      losses[step] <- train_on_batch(model, first * 0, target)
    }
    mean(tail(losses, 10))
  }
  # The variance of the numbers, the loss of a model that doesn't know them, is 1/3.
  expect_lt(learn(TRUE), 0.03)
  expect_gt(learn(FALSE), 0.25)
})
