# Convolutional layers, and those that pad, crop and enlarge.

#' Convolution layer for images
#'
#' Slides a kernel over height and width: `activation(conv(x, kernel) + bias)`.
#'
#' @inheritParams layer_dense
#' @param filters Number of output channels.
#' @param kernel_size One or two whole numbers: height and width of the kernel.
#' @param strides One or two whole numbers: how far the kernel moves. Strides and dilation can't
#'   both exceed 1.
#' @param padding `"valid"`: none; `"same"`: zeros around the image, so that the output has size
#'   `ceiling(size / stride)`; of an odd number of zeros the larger part goes right and below.
#' @param data_format `"channels_last"`: `(batch, height, width, channels)`; `"channels_first"`:
#'   `(batch, channels, height, width)`; `NULL`: [k_image_data_format()].
#' @param dilation_rate One or two whole numbers: spacing of the kernel's elements.
#' @return As [layer_dense()], of shape `(batch, new height, new width, filters)` or with channels
#'   first. With `n = size - (kernel_size - 1) * dilation_rate`, a new size is `ceiling(n / stride)`
#'   for `"valid"`.
#' @section Weights: `kernel` (height, width, input channels, filters), `bias` (filters).
#' @family convolutional layers
#' @export
#' @examples
#' x <- layer_input(shape = c(28, 28, 1))
#' x %>% layer_conv_2d(filters = 8, kernel_size = 3, padding = "same", activation = "relu")
layer_conv_2d <- function(object, filters, kernel_size, strides = c(1L, 1L), padding = "valid",
                          data_format = NULL, dilation_rate = c(1L, 1L), activation = NULL,
                          use_bias = TRUE, kernel_initializer = "glorot_uniform",
                          bias_initializer = "zeros", kernel_regularizer = NULL,
                          bias_regularizer = NULL, activity_regularizer = NULL,
                          kernel_constraint = NULL, bias_constraint = NULL, input_shape = NULL,
                          batch_input_shape = NULL, batch_size = NULL, dtype = NULL, name = NULL,
                          trainable = NULL, weights = NULL) {
  create_layer_of(Conv2D, object, layer_arguments(
    filters = positive_int(filters), kernel_size = int_tuple(kernel_size, 2L),
    strides = int_tuple(strides, 2L), dilation_rate = int_tuple(dilation_rate, 2L)
  ))
}

# What convolutions of any number of axes share; subclasses say how to convolve.
Convolution <- R6Class("Convolution",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.convolutional", axes = 2L, paddings = c("valid", "same"),
    filters = NULL, kernel_size = NULL, strides = NULL, padding = NULL, data_format = NULL,
    dilation_rate = NULL, activation = NULL, use_bias = TRUE, weight_options = NULL,
    kernel = NULL, bias = NULL,
    initialize = function(filters = NULL, kernel_size, strides, padding = "valid", data_format = NULL,
                          dilation_rate = 1L, activation = NULL, use_bias = TRUE,
                          kernel_initializer = "glorot_uniform", bias_initializer = "zeros",
                          kernel_regularizer = NULL, bias_regularizer = NULL,
                          activity_regularizer = NULL, kernel_constraint = NULL,
                          bias_constraint = NULL, ...) {
      super$initialize(...)
      self$filters <- filters
      self$kernel_size <- kernel_size
      self$strides <- strides
      self$padding <- resolve_padding(padding, self$paddings)
      self$data_format <- resolve_data_format(data_format)
      self$dilation_rate <- dilation_rate
      if (any(strides > 1L) && any(dilation_rate > 1L)) {
        abort(sprintf('layer "%s": strides and dilation_rate can\'t both exceed 1.', self$name), "hornet_value_error")
      }
      self$activation <- get_activation(activation)
      self$use_bias <- use_bias
      self$weight_options <- list(
        kernel = weight_options(kernel_initializer, kernel_regularizer, kernel_constraint),
        bias = weight_options(bias_initializer, bias_regularizer, bias_constraint)
      )
      self$activity_regularizer <- get_regularizer(activity_regularizer)
    },
    channel_axis = function(rank) if (self$data_format == "channels_first") 2L else rank,
    # Sizes between batch and channels.
    sizes = function(input_shape) input_shape[-c(1L, self$channel_axis(length(input_shape)))],
    kernel_shape = function(channels) c(self$kernel_size, channels, self$filters),
    bias_shape = function() self$filters,
    build = function(input_shape) {
      check_axes(self, input_shape, exactly = self$axes + 2L)
      self$check_size(input_shape)
      self$add_kernels(input_shape[[self$channel_axis(length(input_shape))]])
      if (self$use_bias) self$bias <- add_weight_like(self, "bias", self$bias_shape())
    },
    add_kernels = function(channels) {
      self$kernel <- add_weight_like(self, "kernel", self$kernel_shape(channels))
    },
    # Without padding the kernel has to fit into the input.
    check_size = function(input_shape) {
      if (self$padding != "valid") return(invisible())
      sizes <- self$sizes(input_shape)
      needed <- (self$kernel_size - 1L) * self$dilation_rate + 1L
      if (any(sizes < needed, na.rm = TRUE)) {
        abort(sprintf('layer "%s": the kernel covers %s, but the input has size %s (shape %s).', self$name,
                      paste(needed, collapse = " x "), paste(sizes, collapse = " x "),
                      format_shape(input_shape)), "hornet_shape_error")
      }
    },
    call = function(inputs) {
      check_axes(self, tensor_shape(inputs), exactly = self$axes + 2L)
      x <- to_channels_last(inputs, self$data_format)
      y <- self$convolve(x)
      if (self$use_bias) y <- y + self$bias
      # Activations see the layer's own format: softmax takes the last axis, whichever that is.
      self$activation(from_channels_last(y, self$data_format))
    }
  )
)

Conv2D <- R6Class("Conv2D",
  inherit = Convolution, cloneable = FALSE,
  public = list(
    convolve = function(x) {
      check_last_axis(self, x, self$kernel$dims[[3L]])
      k_conv2d(x, self$kernel, self$strides, self$padding, "channels_last", self$dilation_rate)
    }
  )
)

#' Convolution layer for sequences
#'
#' @inheritParams layer_conv_2d
#' @param kernel_size,strides,dilation_rate Whole numbers: length of the kernel, how far it moves,
#'   spacing of its elements.
#' @param padding `"valid"`, `"same"`, or `"causal"`: zeros before the first step only, so that an
#'   output depends on no later input.
#' @return As [layer_dense()], of shape `(batch, new steps, filters)`.
#' @section Weights: `kernel` (size, input channels, filters), `bias` (filters).
#' @family convolutional layers
#' @export
#' @examples
#' x <- layer_input(shape = c(100, 16))
#' x %>% layer_conv_1d(filters = 32, kernel_size = 3, padding = "causal")
layer_conv_1d <- function(object, filters, kernel_size, strides = 1L, padding = "valid",
                          dilation_rate = 1L, activation = NULL, use_bias = TRUE,
                          kernel_initializer = "glorot_uniform", bias_initializer = "zeros",
                          kernel_regularizer = NULL, bias_regularizer = NULL,
                          activity_regularizer = NULL, kernel_constraint = NULL,
                          bias_constraint = NULL, input_shape = NULL, batch_input_shape = NULL,
                          batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                          weights = NULL) {
  create_layer_of(Conv1D, object, layer_arguments(
    filters = positive_int(filters), kernel_size = int_tuple(kernel_size, 1L),
    strides = int_tuple(strides, 1L), data_format = "channels_last",
    dilation_rate = int_tuple(dilation_rate, 1L)
  ))
}

Conv1D <- R6Class("Conv1D",
  inherit = Convolution, cloneable = FALSE,
  public = list(
    axes = 1L, paddings = c("valid", "same", "causal"),
    convolve = function(x) {
      check_last_axis(self, x, self$kernel$dims[[2L]])
      k_conv1d(x, self$kernel, self$strides, self$padding, "channels_last", self$dilation_rate)
    }
  )
)

#' Transposed convolution layer
#'
#' Goes from the shape of a convolution's output to the shape of its input; its forward pass is the
#' gradient of a convolution.
#'
#' @inheritParams layer_conv_2d
#' @return As [layer_dense()]. A new size is `size * stride` for `"same"` and `size * stride +
#'   max(kernel_size - stride, 0)` for `"valid"`.
#' @section Weights: `kernel` (height, width, filters, input channels), `bias` (filters).
#' @family convolutional layers
#' @export
#' @examples
#' x <- layer_input(shape = c(7, 7, 16))
#' x %>% layer_conv_2d_transpose(filters = 8, kernel_size = 3, strides = 2, padding = "same")
layer_conv_2d_transpose <- function(object, filters, kernel_size, strides = c(1L, 1L),
                                    padding = "valid", data_format = NULL, activation = NULL,
                                    use_bias = TRUE, kernel_initializer = "glorot_uniform",
                                    bias_initializer = "zeros", kernel_regularizer = NULL,
                                    bias_regularizer = NULL, activity_regularizer = NULL,
                                    kernel_constraint = NULL, bias_constraint = NULL,
                                    input_shape = NULL, batch_input_shape = NULL,
                                    batch_size = NULL, dtype = NULL, name = NULL,
                                    trainable = NULL, weights = NULL) {
  create_layer_of(Conv2DTranspose, object, layer_arguments(
    filters = positive_int(filters), kernel_size = int_tuple(kernel_size, 2L),
    strides = int_tuple(strides, 2L)
  ))
}

Conv2DTranspose <- R6Class("Conv2DTranspose",
  inherit = Convolution, cloneable = FALSE,
  public = list(
    kernel_shape = function(channels) c(self$kernel_size, self$filters, channels),
    check_size = function(input_shape) NULL,
    transposed = function(...) k_conv2d_transpose(...),
    convolve = function(x) {
      check_last_axis(self, x, self$kernel$dims[[self$axes + 2L]])
      sizes <- x$dims[seq_len(self$axes) + 1L] * self$strides
      if (self$padding == "valid") sizes <- sizes + pmax(self$kernel_size - self$strides, 0)
      self$transposed(x, self$kernel, c(NA, sizes, self$filters), self$strides, self$padding, "channels_last")
    }
  )
)

# --- padding, cropping, enlarging ---------------------------------------------------------------

# Amounts before and after each of `n` axes: one number, one per axis, or a pair per axis.
margin_pairs <- function(x, n, what) {
  fail <- function() {
    abort(sprintf("`%s` must be one whole number, %d of them, or a list of %d pairs, not %s.", what, n, n, describe(x)),
          "hornet_value_error")
  }
  if (n == 1L) {
    pair <- as_int(x, what)
    if (!length(pair) %in% 1:2) fail()
    pairs <- list(rep_len(pair, 2L))
  } else if (is.list(x)) {
    if (length(x) != n) fail()
    pairs <- lapply(x, function(pair) rep_len(as_int(pair, what), 2L))
  } else {
    each <- as_int(x, what)
    if (!length(each) %in% c(1L, n)) fail()
    pairs <- lapply(rep_len(each, n), rep_len, 2L)
  }
  if (any(unlist(pairs) < 0L)) fail()
  pairs
}

# A layer that changes the sizes between batch and channels.
SpatialLayer <- R6Class("SpatialLayer",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.convolutional", axes = 2L, amounts = NULL, data_format = NULL,
    initialize = function(data_format = NULL, ...) {
      super$initialize(...)
      self$axes <- axes_of_class(self)
      self$data_format <- resolve_data_format(data_format)
    },
    build = function(input_shape) check_axes(self, input_shape, exactly = self$axes + 2L),
    first = function() spatial_axis(self$data_format)
  )
)

#' Pad with zeros
#'
#' @inheritParams layer_conv_2d
#' @param padding Numbers of zeros: one for all sides, one per axis, or a list of pairs
#'   `c(before, after)`, one per axis; for sequences one or two numbers.
#' @return As [layer_dense()], with larger sizes.
#' @family convolutional layers
#' @export
#' @examples
#' x <- layer_input(shape = c(28, 28, 1))
#' x %>% layer_zero_padding_2d(padding = list(c(0, 1), c(0, 1)))
layer_zero_padding_2d <- function(object, padding = c(1L, 1L), data_format = NULL, batch_size = NULL,
                                  name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(ZeroPadding2D, object, layer_arguments(padding = margin_pairs(padding, 2L, "padding")))
}
#' @rdname layer_zero_padding_2d
#' @export
layer_zero_padding_1d <- function(object, padding = 1L, batch_size = NULL, name = NULL,
                                  trainable = NULL, weights = NULL) {
  create_layer_of(ZeroPadding1D, object, layer_arguments(
    padding = unlist(margin_pairs(padding, 1L, "padding")), data_format = "channels_last"
  ))
}
#' @rdname layer_zero_padding_2d
#' @export
layer_zero_padding_3d <- function(object, padding = c(1L, 1L, 1L), data_format = NULL,
                                  batch_size = NULL, name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(ZeroPadding3D, object, layer_arguments(padding = margin_pairs(padding, 3L, "padding")))
}

ZeroPadding2D <- R6Class("ZeroPadding2D",
  inherit = SpatialLayer, cloneable = FALSE,
  public = list(
    initialize = function(padding, ...) {
      super$initialize(...)
      self$amounts <- margin_pairs(padding, self$axes, "padding")
    },
    call = function(inputs) pad_axes(inputs, self$amounts, self$first())
  )
)
ZeroPadding1D <- R6Class("ZeroPadding1D", inherit = ZeroPadding2D, cloneable = FALSE)
ZeroPadding3D <- R6Class("ZeroPadding3D", inherit = ZeroPadding2D, cloneable = FALSE)

#' Crop
#'
#' @inheritParams layer_conv_2d
#' @param cropping How much to cut off: one number for all sides, one per axis, or a list of pairs
#'   `c(before, after)`, one per axis; for sequences one or two numbers.
#' @return As [layer_dense()], with smaller sizes.
#' @family convolutional layers
#' @export
#' @examples
#' x <- layer_input(shape = c(28, 28, 1))
#' x %>% layer_cropping_2d(cropping = 2)
layer_cropping_2d <- function(object, cropping = list(c(0L, 0L), c(0L, 0L)), data_format = NULL,
                              batch_size = NULL, name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(Cropping2D, object, layer_arguments(cropping = margin_pairs(cropping, 2L, "cropping")))
}
#' @rdname layer_cropping_2d
#' @export
layer_cropping_1d <- function(object, cropping = c(1L, 1L), batch_size = NULL, name = NULL,
                              trainable = NULL, weights = NULL) {
  create_layer_of(Cropping1D, object, layer_arguments(
    cropping = unlist(margin_pairs(cropping, 1L, "cropping")), data_format = "channels_last"
  ))
}
#' @rdname layer_cropping_2d
#' @export
layer_cropping_3d <- function(object, cropping = list(c(1L, 1L), c(1L, 1L), c(1L, 1L)),
                              data_format = NULL, batch_size = NULL, name = NULL, trainable = NULL,
                              weights = NULL) {
  create_layer_of(Cropping3D, object, layer_arguments(cropping = margin_pairs(cropping, 3L, "cropping")))
}

Cropping2D <- R6Class("Cropping2D",
  inherit = SpatialLayer, cloneable = FALSE,
  public = list(
    initialize = function(cropping, ...) {
      super$initialize(...)
      self$amounts <- margin_pairs(cropping, self$axes, "cropping")
    },
    call = function(inputs) {
      for (i in seq_along(self$amounts)) {
        axis <- self$first() + i - 1
        left <- inputs$dims[[axis]] - sum(self$amounts[[i]])
        if (left < 1) {
          abort(sprintf('layer "%s" cuts off %d of %d elements of axis %d (input shape %s).', self$name,
                        sum(self$amounts[[i]]), as.integer(inputs$dims[[axis]]), as.integer(axis - 1),
                        format_shape(tensor_shape(inputs))), "hornet_shape_error")
        }
        inputs <- slice(inputs, axis, self$amounts[[i]][[1L]] + 1, left)
      }
      inputs
    }
  )
)
Cropping1D <- R6Class("Cropping1D", inherit = Cropping2D, cloneable = FALSE)
Cropping3D <- R6Class("Cropping3D", inherit = Cropping2D, cloneable = FALSE)

#' Enlarge by repeating
#'
#' @inheritParams layer_conv_2d
#' @param size How many times to repeat the elements of each axis.
#' @return As [layer_dense()], with sizes multiplied.
#' @family convolutional layers
#' @export
#' @examples
#' x <- layer_input(shape = c(14, 14, 8))
#' x %>% layer_upsampling_2d(size = 2)
layer_upsampling_2d <- function(object, size = c(2L, 2L), data_format = NULL, batch_size = NULL,
                                name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(UpSampling2D, object, layer_arguments(size = int_tuple(size, 2L)))
}
#' @rdname layer_upsampling_2d
#' @export
layer_upsampling_1d <- function(object, size = 2L, batch_size = NULL, name = NULL,
                                trainable = NULL, weights = NULL) {
  create_layer_of(UpSampling1D, object, layer_arguments(
    size = int_tuple(size, 1L), data_format = "channels_last"
  ))
}
#' @rdname layer_upsampling_2d
#' @export
layer_upsampling_3d <- function(object, size = c(2L, 2L, 2L), data_format = NULL, batch_size = NULL,
                                name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(UpSampling3D, object, layer_arguments(size = int_tuple(size, 3L)))
}

UpSampling2D <- R6Class("UpSampling2D",
  inherit = SpatialLayer, cloneable = FALSE,
  public = list(
    initialize = function(size, ...) {
      super$initialize(...)
      self$amounts <- int_tuple(size, self$axes)
    },
    call = function(inputs) {
      for (i in seq_along(self$amounts)) {
        if (self$amounts[[i]] > 1L) {
          inputs <- k_repeat_elements(inputs, self$amounts[[i]], self$first() + i - 1)
        }
      }
      inputs
    }
  )
)
UpSampling1D <- R6Class("UpSampling1D", inherit = UpSampling2D, cloneable = FALSE)
UpSampling3D <- R6Class("UpSampling3D", inherit = UpSampling2D, cloneable = FALSE)
