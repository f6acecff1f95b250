# Core layers: dense, activation, dropout, flatten, reshape and their kind.

#' Dense layer
#'
#' `activation(x %*% kernel + bias)` on the last axis of its input.
#'
#' @param object What to put the layer on: a tensor (or list of tensors), which it is called on; a
#'   sequential model, which it is added to; nothing, to get the layer itself, which can be called
#'   on tensors and shared.
#' @param units Number of outputs.
#' @param activation Name of an [activation][activation_relu] or a function of a tensor. `NULL`:
#'   none.
#' @param use_bias Add a bias?
#' @param kernel_initializer,bias_initializer [Initializers][initializer_zeros] of the weights.
#' @param kernel_regularizer,bias_regularizer,activity_regularizer
#'   [Penalties][regularizer_l1] on the weights and on the output.
#' @param kernel_constraint,bias_constraint [Constraints][constraint_maxnorm] on the weights.
#' @param input_shape Shape of one sample, without the batch: needed in the first layer of a
#'   sequential model.
#' @param batch_input_shape The same with the batch in front, which is `NULL` (in a list) or `NA`
#'   for any number of samples.
#' @param batch_size Fixed number of samples in a batch, with `input_shape`.
#' @param dtype Type of the data, see [layer_input()].
#' @param name Name of the layer, unique in a model. Default: `dense_1`, `dense_2`, ...
#' @param trainable Whether training changes the weights.
#' @param weights List of arrays to start from, as [get_weights()] returns.
#' @return For a tensor a tensor, `(batch, ..., units)`; for a model the model, invisibly; else
#'   the layer.
#' @section Weights: `kernel` (inputs, units), `bias` (units).
#' @section Errors:
#' Unknown names list the valid ones (class `hornet_value_error`); shapes that don't fit name the
#' layer, what was expected and what came (`hornet_shape_error`).
#' @family core layers
#' @export
#' @examples
#' x <- layer_input(shape = 8)
#' x %>% layer_dense(units = 4, activation = "relu")
layer_dense <- function(object, units, activation = NULL, use_bias = TRUE,
                        kernel_initializer = "glorot_uniform", bias_initializer = "zeros",
                        kernel_regularizer = NULL, bias_regularizer = NULL,
                        activity_regularizer = NULL, kernel_constraint = NULL,
                        bias_constraint = NULL, input_shape = NULL, batch_input_shape = NULL,
                        batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                        weights = NULL) {
  create_layer_of(Dense, object, layer_arguments(units = positive_int(units)))
}

Dense <- R6Class("Dense",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.core", supports_masking = TRUE,
    units = NULL, activation = NULL, use_bias = TRUE, weight_options = NULL,
    kernel = NULL, bias = NULL,
    initialize = function(units, activation = NULL, use_bias = TRUE,
                          kernel_initializer = "glorot_uniform", bias_initializer = "zeros",
                          kernel_regularizer = NULL, bias_regularizer = NULL,
                          activity_regularizer = NULL, kernel_constraint = NULL,
                          bias_constraint = NULL, ...) {
      super$initialize(...)
      self$units <- units
      self$activation <- get_activation(activation)
      self$use_bias <- use_bias
      self$weight_options <- list(
        kernel = weight_options(kernel_initializer, kernel_regularizer, kernel_constraint),
        bias = weight_options(bias_initializer, bias_regularizer, bias_constraint)
      )
      self$activity_regularizer <- get_regularizer(activity_regularizer)
    },
    build = function(input_shape) {
      check_axes(self, input_shape, at_least = 2L)
      inputs <- input_shape[[length(input_shape)]]
      self$kernel <- add_weight_like(self, "kernel", c(inputs, self$units))
      if (self$use_bias) self$bias <- add_weight_like(self, "bias", self$units)
    },
    call = function(inputs) {
      check_last_axis(self, inputs, self$kernel$dims[[1L]])
      y <- k_dot(inputs, self$kernel)
      if (self$use_bias) y <- y + self$bias
      self$activation(y)
    }
  )
)

# Names are resolved when the layer is made, where the user can see which call was wrong.
weight_options <- function(initializer, regularizer = NULL, constraint = NULL) {
  list(initializer = get_initializer(initializer), regularizer = get_regularizer(regularizer),
       constraint = get_constraint(constraint))
}

add_weight_like <- function(layer, name, shape, options = layer$weight_options[[name]], trainable = TRUE) {
  layer$add_weight(name, shape, initializer = options$initializer, regularizer = options$regularizer,
                   trainable = trainable, constraint = options$constraint)
}

# --- checks that name the layer, what was expected and what came --------------------------------

check_axes <- function(layer, shape, exactly = NULL, at_least = NULL) {
  if (is.list(shape)) {
    abort(sprintf('layer "%s" takes one input, got %d.', layer$name, length(shape)), "hornet_shape_error")
  }
  axes <- length(shape)
  if (!is.null(exactly) && axes != exactly) {
    abort(sprintf('layer "%s" expects an input with %d axes, got %d (shape %s).', layer$name, exactly,
                  axes, format_shape(shape)), "hornet_shape_error")
  }
  if (!is.null(at_least) && axes < at_least) {
    abort(sprintf('layer "%s" expects an input with at least %d axes, got %d (shape %s).', layer$name,
                  at_least, axes, format_shape(shape)), "hornet_shape_error")
  }
}

check_last_axis <- function(layer, x, size) {
  got <- x$dims[[tensor_rank(x)]]
  if (got != size) {
    abort(sprintf('layer "%s" was built for inputs whose last axis has size %d, got shape %s.',
                  layer$name, as.integer(size), format_shape(tensor_shape(x))), "hornet_shape_error")
  }
}

#' Activation layer
#'
#' Applies an activation function.
#'
#' @inheritParams layer_dense
#' @param activation Name of an [activation][activation_relu], or a function of a tensor.
#' @return As [layer_dense()]; the shape stays as it is.
#' @family core layers
#' @export
#' @examples
#' x <- layer_input(shape = 8)
#' x %>% layer_activation("relu")
layer_activation <- function(object, activation, input_shape = NULL, batch_input_shape = NULL,
                             batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                             weights = NULL) {
  create_layer_of(Activation, object, layer_arguments())
}

Activation <- R6Class("Activation",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.core", supports_masking = TRUE, activation = NULL,
    initialize = function(activation, ...) {
      super$initialize(...)
      self$activation <- get_activation(activation)
    },
    call = function(inputs) self$activation(inputs)
  )
)

#' Dropout layer
#'
#' In training, sets a random share of its input to zero and divides the rest by `1 - rate`.
#'
#' @inheritParams layer_dense
#' @param rate Share of the input to drop, between 0 and 1.
#' @param noise_shape Shape of the random mask, batch first (`NULL` or `NA` for the batch): axes of
#'   size 1 are dropped as a whole, e.g. `c(NA, 1, 16)` drops a feature at all time steps.
#' @param seed Layers with the same seed drop the same elements. The numbers themselves follow from
#'   [set.seed()] before training.
#' @return As [layer_dense()]; the shape stays as it is.
#' @references Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from
#'   Overfitting* (2014).
#' @family core layers
#' @export
#' @examples
#' x <- layer_input(shape = 8)
#' x %>% layer_dropout(rate = 0.5)
layer_dropout <- function(object, rate, noise_shape = NULL, seed = NULL, batch_size = NULL,
                          name = NULL, trainable = NULL, weights = NULL, input_shape = NULL,
                          batch_input_shape = NULL) {
  create_layer_of(Dropout, object, layer_arguments(seed = as_int(seed)))
}

Dropout <- R6Class("Dropout",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.core", supports_masking = TRUE,
    rate = NULL, noise_shape = NULL, seed = NULL,
    initialize = function(rate, noise_shape = NULL, seed = NULL, ...) {
      super$initialize(...)
      if (!is.numeric(rate) || length(rate) != 1L || is.na(rate)) {
        abort(sprintf("`rate` must be a number between 0 and 1, not %s.", describe(rate)), "hornet_value_error")
      }
      self$rate <- min(max(rate, 0), 1)
      self$noise_shape <- noise_shape
      self$seed <- seed
    },
    noise_shape_for = function(inputs) self$noise_shape,
    call = function(inputs) {
      noise_shape <- self$noise_shape_for(inputs)
      noise_dims(noise_shape, inputs)
      k_in_train_phase(function() k_dropout(inputs, self$rate, noise_shape, self$seed), inputs)
    }
  )
)

#' Masking layer
#'
#' Leaves out time steps: those whose features all are `mask_value`. They are set to zero, and layers
#' that know about masks, the loss and the metrics ignore them. Layers that don't know refuse the mask.
#'
#' @inheritParams layer_dense
#' @param mask_value Value of the features of a step to leave out.
#' @return As [layer_dense()]; the shape, `(batch, ..., features)`, stays as it is.
#' @family core layers
#' @export
#' @examples
#' x <- layer_input(shape = c(10, 4))
#' x %>% layer_masking(mask_value = -1) %>% layer_dense(units = 2)
layer_masking <- function(object, mask_value = 0, input_shape = NULL, batch_input_shape = NULL,
                          batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                          weights = NULL) {
  create_layer_of(Masking, object, layer_arguments())
}

Masking <- R6Class("Masking",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.core", supports_masking = TRUE, mask_value = 0,
    initialize = function(mask_value = 0, ...) {
      super$initialize(...)
      self$mask_value <- mask_value
    },
    call = function(inputs) inputs * self$counts(inputs, keepdims = TRUE),
    compute_mask = function(inputs, mask) self$counts(inputs, keepdims = FALSE),
    counts = function(x, keepdims) k_any(k_not_equal(x, self$mask_value), axis = -1, keepdims)
  )
)

#' Dropout of whole channels
#'
#' Like [layer_dropout()], but a channel is dropped as a whole, at all positions of a sample.
#'
#' @inheritParams layer_dropout
#' @inheritParams layer_conv_2d
#' @return As [layer_dense()]; the shape stays as it is.
#' @family core layers
#' @export
#' @examples
#' x <- layer_input(shape = c(8, 8, 3))
#' x %>% layer_spatial_dropout_2d(rate = 0.5)
layer_spatial_dropout_1d <- function(object, rate, batch_size = NULL, name = NULL, trainable = NULL,
                                     weights = NULL) {
  create_layer_of(SpatialDropout1D, object, layer_arguments(data_format = "channels_last", axes = 3L))
}
#' @rdname layer_spatial_dropout_1d
#' @export
layer_spatial_dropout_2d <- function(object, rate, data_format = NULL, batch_size = NULL,
                                     name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(SpatialDropout2D, object, layer_arguments(axes = 4L))
}
#' @rdname layer_spatial_dropout_1d
#' @export
layer_spatial_dropout_3d <- function(object, rate, data_format = NULL, batch_size = NULL,
                                     name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(SpatialDropout3D, object, layer_arguments(axes = 5L))
}

SpatialDropout1D <- R6Class("SpatialDropout1D",
  inherit = Dropout, cloneable = FALSE,
  public = list(
    data_format = NULL, axes = NULL,
    initialize = function(rate, data_format = NULL, axes = axes_of_class(self) + 2L, ...) {
      super$initialize(rate, ...)
      self$data_format <- resolve_data_format(data_format)
      self$axes <- axes
    },
    build = function(input_shape) check_axes(self, input_shape, exactly = self$axes),
    noise_shape_for = function(inputs) {
      shape <- tensor_shape(inputs)
      channels <- if (self$data_format == "channels_first") 2L else length(shape)
      shape[-c(1L, channels)] <- 1L
      shape
    }
  )
)
SpatialDropout2D <- R6Class("SpatialDropout2D", inherit = SpatialDropout1D, cloneable = FALSE)
SpatialDropout3D <- R6Class("SpatialDropout3D", inherit = SpatialDropout1D, cloneable = FALSE)

#' Flatten
#'
#' Turns each sample into a vector, in row-major order: the last axis varies fastest.
#'
#' @inheritParams layer_dense
#' @param data_format With `"channels_first"`, channels are moved to the end before, so that both
#'   formats give the same order.
#' @return As [layer_dense()], of shape `(batch, elements)`.
#' @family core layers
#' @export
#' @examples
#' x <- layer_input(shape = c(4, 4, 2))
#' x %>% layer_flatten()
layer_flatten <- function(object, input_shape = NULL, dtype = NULL, name = NULL, trainable = NULL,
                          weights = NULL, data_format = NULL) {
  create_layer_of(Flatten, object, layer_arguments())
}

Flatten <- R6Class("Flatten",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.core", data_format = "channels_last",
    initialize = function(data_format = "channels_last", ...) {
      super$initialize(...)
      self$data_format <- resolve_data_format(data_format)
    },
    build = function(input_shape) check_axes(self, input_shape, at_least = 2L),
    call = function(inputs) {
      if (tensor_rank(inputs) == 2L) return(inputs)
      k_batch_flatten(to_channels_last(inputs, self$data_format))
    }
  )
)

#' Reshape
#'
#' Gives each sample another shape. Elements stay in row-major order.
#'
#' @inheritParams layer_dense
#' @param target_shape New shape of a sample, without the batch; one -1 is what remains.
#' @return As [layer_dense()], of shape `(batch, target_shape...)`.
#' @family core layers
#' @export
#' @examples
#' x <- layer_input(shape = 12)
#' x %>% layer_reshape(c(3, -1))
layer_reshape <- function(object, target_shape, input_shape = NULL, batch_input_shape = NULL,
                          batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                          weights = NULL) {
  create_layer_of(Reshape, object, layer_arguments(
    target_shape = as_int(unlist(target_shape), "target_shape")
  ))
}

Reshape <- R6Class("Reshape",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.core", target_shape = NULL,
    initialize = function(target_shape, ...) {
      super$initialize(...)
      self$target_shape <- target_shape
    },
    call = function(inputs) {
      dims <- infer_dims(as.numeric(self$target_shape), prod(inputs$dims[-1L]))
      if (is.null(dims)) {
        abort(sprintf('layer "%s" can\'t reshape samples of shape %s to %s: %s elements.', self$name,
                      format_shape(tensor_shape(inputs)[-1L]), format_shape(self$target_shape),
                      format(prod(inputs$dims[-1L]))), "hornet_shape_error")
      }
      reshape_dims(inputs, c(inputs$dims[[1L]], dims))
    }
  )
)

#' Permute axes
#'
#' @inheritParams layer_dense
#' @param dims Order of the axes, counting from 1, without the batch: `c(2, 1)` swaps the first two.
#' @return As [layer_dense()], with axes reordered.
#' @family core layers
#' @export
#' @examples
#' x <- layer_input(shape = c(10, 64))
#' x %>% layer_permute(c(2, 1))
layer_permute <- function(object, dims, input_shape = NULL, batch_input_shape = NULL,
                          batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                          weights = NULL) {
  create_layer_of(Permute, object, layer_arguments(dims = as_int(unlist(dims), "dims")))
}

Permute <- R6Class("Permute",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.core", dims = NULL,
    initialize = function(dims, ...) {
      super$initialize(...)
      self$dims <- dims
    },
    call = function(inputs) {
      if (!identical(sort(self$dims), seq_len(tensor_rank(inputs) - 1L))) {
        abort(sprintf('layer "%s": `dims` must be a permutation of 1 to %d, got %s.', self$name,
                      tensor_rank(inputs) - 1L, describe(self$dims)), "hornet_shape_error")
      }
      k_permute_dimensions(inputs, c(1L, self$dims + 1L))
    }
  )
)

#' Repeat a vector
#'
#' @inheritParams layer_dense
#' @param n Number of copies.
#' @return As [layer_dense()]: `(batch, features)` becomes `(batch, n, features)`.
#' @family core layers
#' @export
#' @examples
#' x <- layer_input(shape = 32)
#' x %>% layer_repeat_vector(3)
layer_repeat_vector <- function(object, n, batch_size = NULL, name = NULL, trainable = NULL,
                                weights = NULL) {
  create_layer_of(RepeatVector, object, layer_arguments(n = positive_int(n)))
}

RepeatVector <- R6Class("RepeatVector",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.core", n = NULL,
    initialize = function(n, ...) {
      super$initialize(...)
      self$n <- n
    },
    build = function(input_shape) check_axes(self, input_shape, exactly = 2L),
    call = function(inputs) k_repeat(inputs, self$n)
  )
)

#' Penalty on activations
#'
#' Passes its input on and adds a penalty on it to the loss: `l1 * sum(abs(x)) + l2 * sum(x^2)`,
#' summed over the whole batch.
#'
#' @inheritParams layer_dense
#' @param l1,l2 Factors.
#' @return As [layer_dense()]; the shape stays as it is.
#' @family core layers
#' @export
#' @examples
#' x <- layer_input(shape = 8)
#' x %>% layer_activity_regularization(l2 = 0.01)
layer_activity_regularization <- function(object, l1 = 0, l2 = 0, input_shape = NULL,
                                          batch_input_shape = NULL, batch_size = NULL,
                                          dtype = NULL, name = NULL, trainable = NULL,
                                          weights = NULL) {
  create_layer_of(ActivityRegularization, object, layer_arguments())
}

ActivityRegularization <- R6Class("ActivityRegularization",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.core", supports_masking = TRUE,
    initialize = function(l1 = 0, l2 = 0, ...) {
      super$initialize(...)
      self$activity_regularizer <- regularizer_l1_l2(l1, l2)
    }
  )
)
