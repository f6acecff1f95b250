# Initializers: functions of a shape that return an array (or one number, to fill with). They draw
# from R's random numbers, so set.seed() makes weights reproducible.

new_initializer <- function(name, config, f) {
  structure(f, class = c("keras_initializer", "function"), initializer = name, config = config)
}

#' @export
print.keras_initializer <- function(x, ...) {
  config <- drop_nulls(attr(x, "config"))
  cat("<initializer ", attr(x, "initializer"), "(",
      paste(names(config), unlist(config), sep = " = ", collapse = ", "), ")>\n", sep = "")
  invisible(x)
}

# A seed of its own doesn't disturb R's generator.
with_seed <- function(seed, code) {
  if (is.null(seed)) return(force(code))
  had <- exists(".Random.seed", globalenv(), inherits = FALSE)
  before <- if (had) get(".Random.seed", globalenv())
  on.exit(if (had) assign(".Random.seed", before, globalenv()) else rm(".Random.seed", envir = globalenv()))
  set.seed(as_int(seed))
  force(code)
}

truncated_normal <- function(n, mean, stddev) {
  x <- stats::rnorm(n)
  while (length(far <- which(abs(x) > 2))) x[far] <- stats::rnorm(length(far))
  mean + stddev * x
}

# Number of inputs and outputs of a unit. For kernels of convolutions: times the receptive field.
fans <- function(shape) {
  n <- length(shape)
  if (n == 2L) return(list(fan_in = shape[[1L]], fan_out = shape[[2L]]))
  if (n >= 3L && n <= 5L) {
    field <- prod(shape[seq_len(n - 2L)])
    return(list(fan_in = field * shape[[n - 1L]], fan_out = field * shape[[n]]))
  }
  list(fan_in = sqrt(prod(shape)), fan_out = sqrt(prod(shape)))
}

#' Initializers of weights
#'
#' An initializer can be given to a layer as an object, by name (`"glorot_uniform"`; `"uniform"` and
#' `"normal"` mean the random ones) or as an R function of a shape that returns an array.
#'
#' @param value The constant.
#' @param mean,stddev Mean and standard deviation. `initializer_truncated_normal()` draws again what
#'   is more than two standard deviations away.
#' @param minval,maxval Bounds.
#' @param gain Factor on the orthogonal or identity matrix.
#' @param scale,mode,distribution `initializer_variance_scaling()` has variance `scale / n`, where n
#'   is the number of inputs (`"fan_in"`), outputs (`"fan_out"`) or their mean (`"fan_avg"`): a
#'   truncated normal distribution of standard deviation `sqrt(scale / n)`, or a uniform one between
#'   `-sqrt(3 * scale / n)` and its opposite.
#' @param seed The same seed gives the same numbers, whatever the state of R's generator, which is
#'   left alone. `NULL`: draw from R's generator.
#' @return A function of a shape, of class `keras_initializer`.
#' @details Glorot initializers are `variance_scaling(1, "fan_avg")`, He's `(2, "fan_in")`, LeCun's
#'   `(1, "fan_in")`. The orthogonal one takes the kernel as a matrix with the last axis as columns.
#' @references Glorot and Bengio (2010); He et al. (2015); LeCun et al. (1998); Saxe et al. (2013).
#' @family initializers
#' @name initializer_zeros
#' @examples
#' set.seed(1)
#' initializer_glorot_uniform()(c(2, 3))
#' layer_dense(units = 3, kernel_initializer = initializer_he_normal(seed = 1))
NULL

#' @rdname initializer_zeros
#' @export
initializer_zeros <- function() new_initializer("Zeros", list(), function(shape) 0)
#' @rdname initializer_zeros
#' @export
initializer_ones <- function() new_initializer("Ones", list(), function(shape) 1)
#' @rdname initializer_zeros
#' @export
initializer_constant <- function(value = 0) {
  force(value)
  new_initializer("Constant", list(value = value), function(shape) {
    if (length(value) == 1L) value else array(value, shape)
  })
}
#' @rdname initializer_zeros
#' @export
initializer_random_normal <- function(mean = 0, stddev = 0.05, seed = NULL) {
  random_initializer("RandomNormal", list(mean = mean, stddev = stddev, seed = seed), function(shape) {
    stats::rnorm(prod(shape), mean, stddev)
  })
}
#' @rdname initializer_zeros
#' @export
initializer_random_uniform <- function(minval = -0.05, maxval = 0.05, seed = NULL) {
  random_initializer("RandomUniform", list(minval = minval, maxval = maxval, seed = seed), function(shape) {
    stats::runif(prod(shape), minval, maxval)
  })
}
#' @rdname initializer_zeros
#' @export
initializer_truncated_normal <- function(mean = 0, stddev = 0.05, seed = NULL) {
  random_initializer("TruncatedNormal", list(mean = mean, stddev = stddev, seed = seed), function(shape) {
    truncated_normal(prod(shape), mean, stddev)
  })
}
#' @rdname initializer_zeros
#' @export
initializer_variance_scaling <- function(scale = 1, mode = c("fan_in", "fan_out", "fan_avg"),
                                         distribution = c("normal", "uniform"), seed = NULL) {
  mode <- one_of(mode, c("fan_in", "fan_out", "fan_avg"))
  distribution <- one_of(distribution, c("normal", "uniform"))
  if (!is.numeric(scale) || scale <= 0) abort("`scale` must be a positive number.", "hornet_value_error")
  config <- list(scale = scale, mode = mode, distribution = distribution, seed = seed)
  random_initializer("VarianceScaling", config, function(shape) {
    n <- fans(shape)
    n <- switch(mode, fan_in = n$fan_in, fan_out = n$fan_out, fan_avg = (n$fan_in + n$fan_out) / 2)
    s <- scale / max(1, n)
    if (distribution == "normal") return(truncated_normal(prod(shape), 0, sqrt(s)))
    stats::runif(prod(shape), -sqrt(3 * s), sqrt(3 * s))
  })
}

random_initializer <- function(name, config, draw) {
  force(draw)
  new_initializer(name, config, function(shape) array(with_seed(config$seed, draw(shape)), shape))
}

#' @rdname initializer_zeros
#' @export
initializer_glorot_uniform <- function(seed = NULL) initializer_variance_scaling(1, "fan_avg", "uniform", seed)
#' @rdname initializer_zeros
#' @export
initializer_glorot_normal <- function(seed = NULL) initializer_variance_scaling(1, "fan_avg", "normal", seed)
#' @rdname initializer_zeros
#' @export
initializer_he_uniform <- function(seed = NULL) initializer_variance_scaling(2, "fan_in", "uniform", seed)
#' @rdname initializer_zeros
#' @export
initializer_he_normal <- function(seed = NULL) initializer_variance_scaling(2, "fan_in", "normal", seed)
#' @rdname initializer_zeros
#' @export
initializer_lecun_uniform <- function(seed = NULL) initializer_variance_scaling(1, "fan_in", "uniform", seed)
#' @rdname initializer_zeros
#' @export
initializer_lecun_normal <- function(seed = NULL) initializer_variance_scaling(1, "fan_in", "normal", seed)

#' @rdname initializer_zeros
#' @export
initializer_orthogonal <- function(gain = 1, seed = NULL) {
  config <- list(gain = gain, seed = seed)
  new_initializer("Orthogonal", config, function(shape) {
    if (length(shape) < 2L) {
      abort("the orthogonal initializer needs a shape with at least two sizes.", "hornet_shape_error")
    }
    columns <- shape[[length(shape)]]
    rows <- prod(shape) / columns
    normal <- with_seed(seed, matrix(stats::rnorm(rows * columns), rows, columns))
    parts <- svd(normal)
    square <- parts$u %*% t(parts$v)
    # Rows run over the leading axes in row-major order.
    aperm(array(t(gain * square), rev(shape)))
  })
}
#' @rdname initializer_zeros
#' @export
initializer_identity <- function(gain = 1) {
  new_initializer("Identity", list(gain = gain), function(shape) {
    if (length(shape) != 2L || shape[[1L]] != shape[[2L]]) {
      abort(sprintf("the identity initializer needs a square matrix, got shape %s.", format_shape(shape)),
            "hornet_shape_error")
    }
    gain * diag(shape[[1L]])
  })
}

initializers <- function() {
  list(
    zeros = initializer_zeros, ones = initializer_ones, constant = initializer_constant,
    random_normal = initializer_random_normal, random_uniform = initializer_random_uniform,
    truncated_normal = initializer_truncated_normal,
    variance_scaling = initializer_variance_scaling,
    glorot_uniform = initializer_glorot_uniform, glorot_normal = initializer_glorot_normal,
    he_uniform = initializer_he_uniform, he_normal = initializer_he_normal,
    lecun_uniform = initializer_lecun_uniform, lecun_normal = initializer_lecun_normal,
    orthogonal = initializer_orthogonal, identity = initializer_identity
  )
}
initializer_aliases <- c(
  uniform = "random_uniform", normal = "random_normal", zero = "zeros", one = "ones",
  randomuniform = "random_uniform", randomnormal = "random_normal",
  truncatednormal = "truncated_normal", variancescaling = "variance_scaling"
)

get_initializer <- function(initializer) {
  initializer <- custom_or_self(initializer)
  if (is.function(initializer)) return(initializer)
  if (!is.character(initializer) || length(initializer) != 1L) {
    abort(sprintf("an initializer must be a name, an initializer_*() or a function, not %s.",
                  describe(initializer)), "hornet_value_error")
  }
  choose_by_name(initializer, initializers(), "initializer", initializer_aliases)()
}

# What a variable starts with: checked, since users write initializers too.
initial_value <- function(initializer, shape) {
  arguments <- list(shape)
  if ("dtype" %in% names(formals(initializer))) arguments$dtype <- "float32"
  value <- do.call(initializer, arguments)
  if (is_tensor(value)) value <- k_eval(value)
  if (length(value) == 1L && is.null(dim(value))) return(value)
  if (!is.numeric(value) || length(value) != prod(shape)) {
    abort(sprintf("the initializer returned %s for shape %s.", describe(value), format_shape(shape)),
          "hornet_shape_error")
  }
  if (is.null(dim(value))) value <- array(value, shape)
  value
}
