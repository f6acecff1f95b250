# Activations as layers, some with weights.

#' Activation layers
#'
#' @inheritParams layer_dense
#' @param alpha Slope (leaky) or scale (elu) of the negative part.
#' @param theta Threshold: smaller elements become 0.
#' @param axis Axis to normalise, counting from 0 (the batch); -1 is the last.
#' @param max_value,negative_slope,threshold Largest output; slope below the threshold; threshold.
#' @param alpha_initializer,alpha_regularizer,alpha_constraint Of the trained slopes.
#' @param shared_axes Axes, counting from 1 without the batch, along which a slope is shared.
#' @return As [layer_dense()]; the shape stays as it is.
#' @section Weights: `layer_activation_parametric_relu()`: `alpha`, of the shape of a sample with 1
#'   at shared axes.
#' @references He et al., *Delving Deep into Rectifiers* (2015, parametric); Konda et al. (2014,
#'   thresholded); Maas et al. (2013, leaky).
#' @family activation layers
#' @name layer_activation_relu
#' @examples
#' x <- layer_input(shape = 8)
#' x %>% layer_activation_leaky_relu(alpha = 0.1)
NULL

#' @rdname layer_activation_relu
#' @export
layer_activation_leaky_relu <- function(object, alpha = 0.3, input_shape = NULL,
                                        batch_input_shape = NULL, batch_size = NULL, dtype = NULL,
                                        name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(LeakyReLU, object, layer_arguments())
}
#' @rdname layer_activation_relu
#' @export
layer_activation_elu <- function(object, alpha = 1, input_shape = NULL, batch_input_shape = NULL,
                                 batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                                 weights = NULL) {
  create_layer_of(ELU, object, layer_arguments())
}
#' @rdname layer_activation_relu
#' @export
layer_activation_selu <- function(object, input_shape = NULL, batch_input_shape = NULL,
                                  batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                                  weights = NULL) {
  layer_activation(object, "selu", input_shape, batch_input_shape, batch_size, dtype, name, trainable, weights)
}
#' @rdname layer_activation_relu
#' @export
layer_activation_thresholded_relu <- function(object, theta = 1, input_shape = NULL,
                                              batch_input_shape = NULL, batch_size = NULL,
                                              dtype = NULL, name = NULL, trainable = NULL,
                                              weights = NULL) {
  create_layer_of(ThresholdedReLU, object, layer_arguments())
}
#' @rdname layer_activation_relu
#' @export
layer_activation_softmax <- function(object, axis = -1, input_shape = NULL,
                                     batch_input_shape = NULL, batch_size = NULL, dtype = NULL,
                                     name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(Softmax, object, layer_arguments(axis = as_int(axis)))
}
#' @rdname layer_activation_relu
#' @export
layer_activation_relu <- function(object, max_value = NULL, negative_slope = 0, threshold = 0,
                                  input_shape = NULL, batch_input_shape = NULL, batch_size = NULL,
                                  dtype = NULL, name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(ReLU, object, layer_arguments())
}
#' @rdname layer_activation_relu
#' @export
layer_activation_parametric_relu <- function(object, alpha_initializer = "zeros",
                                             alpha_regularizer = NULL, alpha_constraint = NULL,
                                             shared_axes = NULL, input_shape = NULL,
                                             batch_input_shape = NULL, batch_size = NULL,
                                             dtype = NULL, name = NULL, trainable = NULL,
                                             weights = NULL) {
  create_layer_of(PReLU, object, layer_arguments(shared_axes = as_int(unlist(shared_axes), "shared_axes")))
}

AdvancedActivation <- R6Class("AdvancedActivation",
  inherit = Layer, cloneable = FALSE,
  public = list(module = "keras.layers.advanced_activations", supports_masking = TRUE)
)

LeakyReLU <- R6Class("LeakyReLU",
  inherit = AdvancedActivation, cloneable = FALSE,
  public = list(
    alpha = 0.3,
    initialize = function(alpha = 0.3, ...) {
      super$initialize(...)
      self$alpha <- alpha
    },
    call = function(inputs) k_relu(inputs, alpha = self$alpha)
  )
)
ELU <- R6Class("ELU",
  inherit = LeakyReLU, cloneable = FALSE,
  public = list(call = function(inputs) k_elu(inputs, self$alpha))
)
ThresholdedReLU <- R6Class("ThresholdedReLU",
  inherit = AdvancedActivation, cloneable = FALSE,
  public = list(
    theta = 1,
    initialize = function(theta = 1, ...) {
      super$initialize(...)
      self$theta <- theta
    },
    call = function(inputs) inputs * k_greater(inputs, self$theta)
  )
)
Softmax <- R6Class("Softmax",
  inherit = AdvancedActivation, cloneable = FALSE,
  public = list(
    axis = -1L,
    initialize = function(axis = -1L, ...) {
      super$initialize(...)
      self$axis <- axis
    },
    call = function(inputs) activation_softmax(inputs, self$axis)
  )
)
ReLU <- R6Class("ReLU",
  inherit = AdvancedActivation, cloneable = FALSE,
  public = list(
    max_value = NULL, negative_slope = 0, threshold = 0,
    initialize = function(max_value = NULL, negative_slope = 0, threshold = 0, ...) {
      super$initialize(...)
      self$max_value <- max_value
      self$negative_slope <- negative_slope
      self$threshold <- threshold
    },
    call = function(inputs) {
      if (self$threshold == 0) return(k_relu(inputs, self$negative_slope, self$max_value))
      above <- k_greater_equal(inputs, self$threshold)
      high <- if (is.null(self$max_value)) inputs else k_minimum(inputs, self$max_value)
      k_switch(above, high, self$negative_slope * (inputs - self$threshold))
    }
  )
)
PReLU <- R6Class("PReLU",
  inherit = AdvancedActivation, cloneable = FALSE,
  public = list(
    weight_options = NULL, shared_axes = NULL, alpha = NULL,
    initialize = function(alpha_initializer = "zeros", alpha_regularizer = NULL,
                          alpha_constraint = NULL, shared_axes = NULL, ...) {
      super$initialize(...)
      self$weight_options <- list(alpha = weight_options(alpha_initializer, alpha_regularizer, alpha_constraint))
      self$shared_axes <- shared_axes
    },
    build = function(input_shape) {
      shape <- input_shape[-1L]
      if (any(self$shared_axes < 1L | self$shared_axes > length(shape))) {
        abort(sprintf('layer "%s": `shared_axes` count from 1 to %d.', self$name, length(shape)), "hornet_shape_error")
      }
      shape[self$shared_axes] <- 1L
      self$alpha <- add_weight_like(self, "alpha", shape)
    },
    call = function(inputs) k_relu(inputs) - self$alpha * k_relu(-inputs)
  )
)
