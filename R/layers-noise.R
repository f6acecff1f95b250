# Layers that disturb their input in training.

#' Noise layers
#'
#' In training, disturb the input at random, which works against overfitting; otherwise pass it on.
#' `layer_gaussian_noise()` adds noise, `layer_gaussian_dropout()` multiplies by noise with mean 1, and
#' `layer_alpha_dropout()` drops elements so that mean and variance of `"selu"` activations stay what
#' they are.
#'
#' @inheritParams layer_dropout
#' @inheritParams layer_dense
#' @param stddev Standard deviation of the noise.
#' @param rate Share between 0 and 1. `layer_gaussian_dropout()`: the noise has the standard deviation
#'   `sqrt(rate / (1 - rate))`, that of [dropout][layer_dropout] with this rate.
#'   `layer_alpha_dropout()`: share of the input to drop. With 0 or 1, the input is passed on.
#' @return As [layer_dense()]; the shape stays as it is.
#' @details `layer_alpha_dropout()` sets what it drops to the lower limit of selu, s = -1.7580993, and
#'   returns `a * x + b` with `a = ((1 - rate) * (1 + rate * s^2))^-0.5` and `b = -a * s * rate`.
#' @references Srivastava et al., *Dropout* (2014, Gaussian dropout); Klambauer et al.,
#'   *Self-Normalizing Neural Networks* (2017, alpha dropout).
#' @family noise layers
#' @name layer_gaussian_noise
#' @examples
#' x <- layer_input(shape = 8)
#' x %>% layer_gaussian_noise(stddev = 0.1)
NULL

#' @rdname layer_gaussian_noise
#' @export
layer_gaussian_noise <- function(object, stddev, input_shape = NULL, batch_input_shape = NULL,
                                 batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                                 weights = NULL) {
  create_layer_of(GaussianNoise, object, layer_arguments())
}
#' @rdname layer_gaussian_noise
#' @export
layer_gaussian_dropout <- function(object, rate, input_shape = NULL, batch_input_shape = NULL,
                                   batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                                   weights = NULL) {
  create_layer_of(GaussianDropout, object, layer_arguments())
}
#' @rdname layer_gaussian_noise
#' @export
layer_alpha_dropout <- function(object, rate, noise_shape = NULL, seed = NULL, input_shape = NULL,
                                batch_input_shape = NULL, batch_size = NULL, dtype = NULL,
                                name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(AlphaDropout, object, layer_arguments(seed = as_int(seed)))
}

GaussianNoise <- R6Class("GaussianNoise",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.noise", supports_masking = TRUE, stddev = NULL,
    initialize = function(stddev, ...) {
      super$initialize(...)
      check_not_negative(stddev, "stddev")
      self$stddev <- stddev
    },
    call = function(inputs) {
      k_in_train_phase(function() inputs + normal_like(inputs, self$stddev), inputs)
    }
  )
)

normal_like <- function(x, stddev) stddev * random_of_dims("random_normal", x$dims)

GaussianDropout <- R6Class("GaussianDropout",
  inherit = Dropout, cloneable = FALSE,
  public = list(
    module = "keras.layers.noise",
    call = function(inputs) {
      if (self$rate == 0 || self$rate == 1) return(inputs)
      stddev <- sqrt(self$rate / (1 - self$rate))
      k_in_train_phase(function() inputs * (1 + normal_like(inputs, stddev)), inputs)
    }
  )
)

AlphaDropout <- R6Class("AlphaDropout",
  inherit = Dropout, cloneable = FALSE,
  public = list(
    module = "keras.layers.noise",
    call = function(inputs) {
      dims <- noise_dims(self$noise_shape, inputs)
      if (self$rate == 0 || self$rate == 1) return(inputs)
      k_in_train_phase(function() {
        lowest <- -selu_alpha * selu_scale
        kept <- k_greater_equal(random_of_dims("random_uniform", dims, self$seed), self$rate)
        a <- ((1 - self$rate) * (1 + self$rate * lowest^2))^-0.5
        a * (inputs * kept + lowest * (1 - kept)) - a * lowest * self$rate
      }, inputs)
    }
  )
)
