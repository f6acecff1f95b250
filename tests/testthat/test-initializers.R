# Initializers: moments and bounds over many draws, for kernels of all ranks. Tolerances are five
# standard errors.

# Inputs and outputs of a unit by rank.
shapes <- list(
  dense = list(shape = c(300, 400), fan_in = 300, fan_out = 400),
  conv_1d = list(shape = c(5, 80, 120), fan_in = 400, fan_out = 600),
  conv_2d = list(shape = c(3, 2, 80, 100), fan_in = 480, fan_out = 600),
  conv_3d = list(shape = c(2, 3, 2, 40, 80), fan_in = 480, fan_out = 960),
  # Neither a matrix nor a kernel: the square root of the number of elements.
  vector = list(shape = 62500, fan_in = 250, fan_out = 250)
)

expect_moments <- function(z, mean, sd, label) {
  n <- length(z)
  expect_lt(abs(mean(z) - mean), 5 * sd / sqrt(n), label = paste("mean of", label))
  # The standard error of an sd is at most that of normal numbers here.
  expect_lt(abs(stats::sd(z) / sd - 1), 5 / sqrt(2 * n), label = paste("sd of", label))
}

test_that("variance scaling has the variance and the bounds of its fans", {
  set.seed(7)
  makers <- list(
    glorot_uniform = list(initializer_glorot_uniform(), 1, "fan_avg", TRUE),
    glorot_normal = list(initializer_glorot_normal(), 1, "fan_avg", FALSE),
    he_uniform = list(initializer_he_uniform(), 2, "fan_in", TRUE),
    he_normal = list(initializer_he_normal(), 2, "fan_in", FALSE),
    lecun_uniform = list(initializer_lecun_uniform(), 1, "fan_in", TRUE),
    lecun_normal = list(initializer_lecun_normal(), 1, "fan_in", FALSE),
    fan_out = list(initializer_variance_scaling(3, "fan_out", "uniform"), 3, "fan_out", TRUE),
    default = list(initializer_variance_scaling(), 1, "fan_in", FALSE)
  )
  # The sd of a normal that is cut at two sd; Keras 2.1.5 doesn't make up for it.
  cut <- sqrt(1 - 2 * 2 * stats::dnorm(2) / (2 * stats::pnorm(2) - 1))
  for (name in names(makers)) {
    for (kind in names(shapes)) {
      s <- shapes[[kind]]
      maker <- makers[[name]]
      n <- switch(maker[[3]], fan_in = s$fan_in, fan_out = s$fan_out, fan_avg = (s$fan_in + s$fan_out) / 2)
      sd <- sqrt(maker[[2]] / n)
      z <- maker[[1]](s$shape)
      label <- paste(name, kind)
      expect_identical(dim(z), as.integer(s$shape), label = label)
      expect_moments(z, 0, if (maker[[4]]) sd else cut * sd, label)
      limit <- if (maker[[4]]) sqrt(3) * sd else 2 * sd
      expect_lte(max(abs(z)), limit, label = label)
      expect_gt(max(abs(z)), 0.995 * limit, label = label)
    }
  }
})

test_that("random initializers have the moments they are given", {
  set.seed(8)
  shape <- c(100, 500)
  expect_moments(initializer_random_normal(1, 0.2)(shape), 1, 0.2, "normal")
  expect_moments(initializer_random_normal()(shape), 0, 0.05, "default normal")
  z <- initializer_random_uniform(-1, 3)(shape)
  expect_moments(z, 1, 4 / sqrt(12), "uniform")
  expect_true(min(z) >= -1 && max(z) <= 3)
  z <- get_initializer("uniform")(shape)
  expect_true(max(abs(z)) <= 0.05 && max(abs(z)) > 0.0499)
  z <- initializer_truncated_normal(1, 0.5)(shape)
  expect_moments(z, 1, 0.5 * 0.8796257, "truncated normal")
  expect_lte(max(abs(z - 1)), 1)
})

test_that("constants, identity and orthogonal matrices are what they say", {
  value <- function(initializer, shape) as.vector(initial_value(initializer, shape))
  expect_equal(value(initializer_zeros(), c(2, 2)), 0)
  expect_equal(value(initializer_ones(), c(2, 2)), 1)
  expect_equal(value(initializer_constant(3.5), c(2, 2)), 3.5)
  expect_equal(initializer_identity(2)(c(3, 3)), 2 * diag(3))
  expect_error(initializer_identity()(c(2, 3)), "square matrix", class = "hornet_shape_error")
  expect_error(initializer_orthogonal()(3), "at least two sizes", class = "hornet_shape_error")
  set.seed(9)
  for (shape in list(c(6, 4), c(4, 6), c(5, 5), c(3, 2, 4), c(2, 2, 3, 20))) {
    z <- initializer_orthogonal(gain = 1.5)(shape)
    expect_identical(dim(z), as.integer(shape))
    # As a matrix with the last axis as columns; order of rows doesn't matter to products.
    m <- matrix(z, ncol = shape[length(shape)])
    product <- if (nrow(m) >= ncol(m)) crossprod(m) else tcrossprod(m)
    expect_equal(product, 2.25 * diag(min(dim(m))), tolerance = 1e-10, label = paste(shape, collapse = " "))
  }
  # Not always the same one, and no sign is preferred.
  z <- replicate(400, initializer_orthogonal()(c(2, 2))[1, 1])
  expect_moments(z, 0, sqrt(0.5), "an orthogonal element")
})

test_that("a seed gives the same numbers and leaves R's generator alone", {
  for (make in list(initializer_glorot_uniform, initializer_he_normal, initializer_random_normal,
                    initializer_random_uniform, initializer_truncated_normal, initializer_orthogonal)) {
    set.seed(10)
    one <- make(seed = 3)(c(4, 4))
    next_number <- stats::runif(1)
    set.seed(10)
    expect_identical(stats::runif(1), next_number)
    expect_identical(make(seed = 3)(c(4, 4)), one)
    expect_false(identical(make(seed = 4)(c(4, 4)), one))
  }
})

test_that("an initializer may be a function of the user's", {
  layer <- layer_dense(units = 2, kernel_initializer = function(shape) array(seq_len(prod(shape)), shape))
  layer(layer_input(shape = 3))
  expect_equal(get_weights(layer)[[1]], matrix(1:6 + 0, 3))
  expect_error(layer_dense(layer_input(shape = 3), 2, kernel_initializer = function(shape) 1:5),
               "the initializer returned", class = "hornet_shape_error")
})

test_that("regularizers are sums over all elements", {
  w <- waves(c(4, 3), 0.7)
  expect_equal(as.numeric(regularizer_l1(0.2)(w)), 0.2 * sum(abs(w)), tolerance = 1e-6)
  expect_equal(as.numeric(regularizer_l2(0.3)(w)), 0.3 * sum(w^2), tolerance = 1e-6)
  expect_equal(as.numeric(regularizer_l1_l2(0.2, 0.3)(w)), 0.2 * sum(abs(w)) + 0.3 * sum(w^2), tolerance = 1e-6)
  expect_equal(as.numeric(regularizer_l1_l2(0, 0)(w)), 0)
  expect_equal(as.numeric(get_regularizer("l1_l2")(w)), 0.01 * sum(abs(w)) + 0.01 * sum(w^2), tolerance = 1e-6)
  # The gradient is what an update sees.
  v <- k_variable(w)
  expect_equal(as.array(k_gradients(regularizer_l1_l2(0.2, 0.3)(v), v)[[1]]), 0.2 * sign(w) + 0.6 * w, tolerance = 1e-6)
})

test_that("moments are those that tf_keras draws", {
  kernels <- list(dense = c(300, 400), conv_1d = c(5, 80, 120), conv_2d = c(3, 2, 80, 100))
  drawn <- golden("initializers")
  fixed <- c("zeros", "ones", "constant", "identity", "variance_scaling")
  expect_setequal(names(drawn), setdiff(names(initializers()), fixed))
  set.seed(10)
  for (name in names(drawn)) {
    for (kind in names(kernels)) {
      expected <- drawn[[name]][[kind]]
      z <- get_initializer(name)(kernels[[kind]])
      n <- length(z)
      # Both are samples: five standard errors of a difference.
      expect_lt(abs(mean(z) - expected$mean), 5 * expected$sd * sqrt(2 / n), label = paste("mean of", name, kind))
      expect_lt(abs(stats::sd(z) / expected$sd - 1), 5 / sqrt(n), label = paste("sd of", name, kind))
      # Where there is a bound, both come near it; the ends of a normal distribution vary more.
      bounded <- !name %in% c("random_normal", "orthogonal")
      expect_lt(abs(max(abs(z)) / expected$largest - 1), if (bounded) 0.01 else 0.3,
                label = paste("largest of", name, kind))
    }
  }
})
