# Batch normalisation.

#' Batch normalisation
#'
#' In training, normalises each channel of a batch to mean 0 and variance 1, then scales and shifts
#' it by trained weights; keeps moving averages of mean and variance, which take the place of the
#' batch's in evaluation and prediction.
#'
#' @inheritParams layer_dense
#' @param axis Axis of the channels, counting from 0 (the batch); -1 is the last. Use 1 with
#'   `data_format = "channels_first"`.
#' @param momentum Share of the old value that stays in the moving averages.
#' @param epsilon Added to the variance.
#' @param center,scale Have a trained shift (`beta`) and scale (`gamma`)?
#' @param beta_initializer,gamma_initializer,moving_mean_initializer,moving_variance_initializer
#'   [Initializers][initializer_zeros].
#' @param beta_regularizer,gamma_regularizer [Penalties][regularizer_l1].
#' @param beta_constraint,gamma_constraint [Constraints][constraint_maxnorm].
#' @return As [layer_dense()]; the shape stays as it is.
#' @section Weights: `gamma`, `beta`, `moving_mean`, `moving_variance`, each (channels).
#' @details The output is `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with the biased
#'   variance of the batch. The averages are plain ones, `moving * momentum + batch * (1 -
#'   momentum)`, without the correction for their start that some versions of the reference have.
#'   Into the moving variance of images (four axes, channels second or last) goes the unbiased
#'   variance, `N / (N - 1)` times the biased one, as in the reference's fused kernel; elsewhere the
#'   biased one.
#'
#'   With `trainable = FALSE`, weights and averages stay as they are, but a training step still
#'   normalises by the batch.
#' @references Ioffe and Szegedy, *Batch Normalization: Accelerating Deep Network Training by
#'   Reducing Internal Covariate Shift* (2015).
#' @family normalization layers
#' @export
#' @examples
#' x <- layer_input(shape = c(8, 8, 3))
#' x %>% layer_batch_normalization()
layer_batch_normalization <- function(object, axis = -1L, momentum = 0.99, epsilon = 0.001,
                                      center = TRUE, scale = TRUE, beta_initializer = "zeros",
                                      gamma_initializer = "ones",
                                      moving_mean_initializer = "zeros",
                                      moving_variance_initializer = "ones",
                                      beta_regularizer = NULL, gamma_regularizer = NULL,
                                      beta_constraint = NULL, gamma_constraint = NULL,
                                      input_shape = NULL, batch_input_shape = NULL,
                                      batch_size = NULL, dtype = NULL, name = NULL,
                                      trainable = NULL, weights = NULL) {
  create_layer_of(BatchNormalization, object, layer_arguments(axis = as_int(axis)))
}

BatchNormalization <- R6Class("BatchNormalization",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.normalization", supports_masking = TRUE,
    axis = -1L, momentum = 0.99, epsilon = 0.001, center = TRUE, scale = TRUE,
    weight_options = NULL, gamma = NULL, beta = NULL, moving_mean = NULL, moving_variance = NULL,
    initialize = function(axis = -1L, momentum = 0.99, epsilon = 0.001, center = TRUE, scale = TRUE,
                          beta_initializer = "zeros", gamma_initializer = "ones",
                          moving_mean_initializer = "zeros", moving_variance_initializer = "ones",
                          beta_regularizer = NULL, gamma_regularizer = NULL,
                          beta_constraint = NULL, gamma_constraint = NULL, ...) {
      super$initialize(...)
      self$axis <- axis
      self$momentum <- momentum
      self$epsilon <- epsilon
      self$center <- center
      self$scale <- scale
      self$weight_options <- list(
        gamma = weight_options(gamma_initializer, gamma_regularizer, gamma_constraint),
        beta = weight_options(beta_initializer, beta_regularizer, beta_constraint),
        moving_mean = weight_options(moving_mean_initializer),
        moving_variance = weight_options(moving_variance_initializer)
      )
    },
    build = function(input_shape) {
      check_axes(self, input_shape, at_least = 2L)
      channels <- input_shape[[python_axis(self$axis, length(input_shape)) + 1L]]
      if (is.na(channels)) {
        abort(sprintf('layer "%s" can\'t normalise along the batch: `axis` is %d.', self$name, self$axis),
              "hornet_shape_error")
      }
      if (self$scale) self$gamma <- add_weight_like(self, "gamma", channels)
      if (self$center) self$beta <- add_weight_like(self, "beta", channels)
      self$moving_mean <- add_weight_like(self, "moving_mean", channels, trainable = FALSE)
      self$moving_variance <- add_weight_like(self, "moving_variance", channels, trainable = FALSE)
    },
    call = function(inputs) {
      at <- python_axis(self$axis, tensor_rank(inputs)) + 1L
      others <- setdiff(seq_len(tensor_rank(inputs)), at)
      x <- k_permute_dimensions(inputs, c(others, at))
      check_last_axis(self, x, self$moving_mean$dims)
      y <- if (in_training()) self$normalize_by_batch(x, at) else {
        k_batch_normalization(x, self$moving_mean, self$moving_variance, self$beta, self$gamma, self$epsilon)
      }
      k_permute_dimensions(y, order(c(others, at)))
    },
    normalize_by_batch = function(x, at) {
      channels <- self$moving_mean$dims
      gamma <- self$gamma %||% constant_tensor(1, channels)
      beta <- self$beta %||% constant_tensor(0, channels)
      outputs <- emit("batch_norm", list(as_float(x), gamma, beta), list(epsilon = self$epsilon))
      variance <- outputs[[3L]]
      # Of images the reference's fused kernel is used, with channels first or last.
      if (tensor_rank(x) == 4L && at %in% c(2L, 4L)) variance <- variance * unbiased_factor(x)
      self$move(self$moving_mean, outputs[[2L]])
      self$move(self$moving_variance, variance)
      outputs[[1L]]
    },
    move = function(average, value) {
      value <- k_stop_gradient(value)
      update_variable(average, average * self$momentum + value * (1 - self$momentum))
    }
  )
)

# N / (N - 1), where N counts the elements of a channel in the batch.
unbiased_factor <- function(x) {
  per_row <- prod(x$dims[-c(1L, tensor_rank(x))])
  if (x$dims[[1L]] > 0) {
    n <- per_row * x$dims[[1L]]
    return(n / max(n - 1, 1))
  }
  ones <- constant_tensor(1, x$dims[[1L]])
  n <- k_sum(ones) * per_row
  n / k_maximum(n - 1, 1)
}
