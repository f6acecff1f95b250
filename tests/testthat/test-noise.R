# Noise layers: silent outside of training, and the moments they promise in it. Tolerances are five
# standard errors of the statistic.

noise_of <- function(layer, x, training = TRUE) {
  input <- layer_input(shape = dim(x)[-1])
  k_function(input, layer(input, training = training))(x)
}
n <- 1e5
ones <- matrix(1, n / 50, 50)

test_that("noise layers pass their input on outside of training", {
  x <- waves(c(4, 5), 0.7)
  layers <- list(layer_gaussian_noise(stddev = 1), layer_gaussian_dropout(rate = 0.5), layer_alpha_dropout(rate = 0.5))
  for (layer in layers) {
    expect_equal(noise_of(layer, x, FALSE), x, tolerance = 1e-7)
    expect_false(isTRUE(all.equal(noise_of(layer, x), x)))
  }
})

test_that("gaussian noise is added with its standard deviation", {
  set.seed(1)
  z <- (noise_of(layer_gaussian_noise(stddev = 0.3), ones) - 1) / 0.3
  expect_lt(abs(mean(z)), 5 / sqrt(n))
  expect_lt(abs(stats::sd(z) - 1), 5 / sqrt(2 * n))
  expect_gt(suppressWarnings(stats::ks.test(as.vector(z), "pnorm"))$p.value, 1e-3)
  expect_error(layer_gaussian_noise(stddev = -1), "`stddev` must be one number of at least 0")
})

test_that("gaussian dropout multiplies by noise of mean 1 and dropout's variance", {
  set.seed(2)
  x <- 3 * ones
  z <- (noise_of(layer_gaussian_dropout(rate = 0.2), x) / 3 - 1) / sqrt(0.2 / 0.8)
  expect_lt(abs(mean(z)), 5 / sqrt(n))
  expect_lt(abs(stats::sd(z) - 1), 5 / sqrt(2 * n))
  expect_equal(noise_of(layer_gaussian_dropout(rate = 0), x), x)
})

test_that("alpha dropout keeps mean and variance of selu's activations", {
  set.seed(3)
  # selu of standard normals has mean 0 and variance 1.
  x <- k_eval(activation_selu(matrix(stats::rnorm(n), n / 50)))
  for (rate in c(0.1, 0.5)) {
    y <- noise_of(layer_alpha_dropout(rate = rate), x)
    expect_lt(abs(mean(y)), 5 / sqrt(n) + abs(mean(x)))
    # Kurtosis is below 3, so this is generous.
    expect_lt(abs(stats::var(as.vector(y)) - 1), 0.03)
    # What is dropped has one value, which its share and scale follow.
    lowest <- -1.7580993408473766
    a <- ((1 - rate) * (1 + rate * lowest^2))^-0.5
    dropped <- abs(y - (a * lowest - a * lowest * rate)) < 1e-5
    expect_lt(abs(mean(dropped) - rate), 5 * sqrt(rate * (1 - rate) / n))
    expect_equal(y[!dropped], (a * x - a * lowest * rate)[!dropped], tolerance = 1e-5)
  }
  expect_equal(noise_of(layer_alpha_dropout(rate = 0), x), x)
  expect_equal(noise_of(layer_alpha_dropout(rate = 1), x), x)
})

test_that("alpha dropout follows noise_shape and seed", {
  x <- array(waves(c(6, 5, 4), 0.3), c(6, 5, 4))
  shared <- noise_of(layer_alpha_dropout(rate = 0.5, noise_shape = list(NULL, 1, 4)), 0 * x + 1)
  expect_true(all(apply(shared, c(1, 3), function(v) length(unique(v))) == 1))
  expect_error(layer_alpha_dropout(layer_input(shape = c(5, 4)), 0.5, noise_shape = c(NA, 2, 4)), "`noise_shape`")
  input <- layer_input(shape = c(5, 4))
  twice <- lapply(1:2, function(i) layer_alpha_dropout(rate = 0.5, seed = 7)(input, training = TRUE))
  values <- k_function(input, twice)(x)
  expect_equal(values[[1]], values[[2]])
})

test_that("models train with noise, reproducibly", {
  run <- function() {
    set.seed(4)
    model <- keras_model_sequential() %>%
      layer_gaussian_noise(0.1, input_shape = 3) %>%
      layer_dense(8, activation = "selu", kernel_initializer = "lecun_normal") %>%
      layer_alpha_dropout(0.2) %>%
      layer_gaussian_dropout(0.1) %>%
      layer_dense(1)
    compile(model, "adam", "mse")
    fit(model, waves(c(32, 3), 0.7), waves(32, 0.3), epochs = 2, verbose = 0)$metrics$loss
  }
  first <- run()
  expect_true(all(is.finite(first)))
  expect_identical(run(), first)
})
