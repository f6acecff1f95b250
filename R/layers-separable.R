# Depthwise and separable convolutional layers.

#' Depthwise convolution layer
#'
#' Applies kernels to each channel by itself: `activation(depthwise_conv(x, kernel) + bias)`.
#'
#' @inheritParams layer_conv_2d
#' @param depth_multiplier Number of kernels, and so of output channels, for each input channel.
#' @param depthwise_initializer,depthwise_regularizer,depthwise_constraint As
#'   `kernel_initializer`, `kernel_regularizer` and `kernel_constraint` in [layer_conv_2d()].
#' @param bias_initializer,bias_regularizer,bias_constraint,activity_regularizer Of the biases, and
#'   of the output, as for [layer_dense()].
#' @param strides One or two whole numbers: how far the kernel moves.
#' @return As [layer_conv_2d()], with `input channels * depth_multiplier` channels.
#' @section Weights: `depthwise_kernel` (height, width, input channels, multiplier), `bias` (input
#'   channels * multiplier).
#' @family convolutional layers
#' @export
#' @examples
#' x <- layer_input(shape = c(28, 28, 16))
#' x %>% layer_depthwise_conv_2d(kernel_size = 3, padding = "same", activation = "relu")
layer_depthwise_conv_2d <- function(object, kernel_size, strides = c(1, 1), padding = "valid",
                                    depth_multiplier = 1, data_format = NULL, activation = NULL,
                                    use_bias = TRUE, depthwise_initializer = "glorot_uniform",
                                    bias_initializer = "zeros", depthwise_regularizer = NULL,
                                    bias_regularizer = NULL, activity_regularizer = NULL,
                                    depthwise_constraint = NULL, bias_constraint = NULL,
                                    input_shape = NULL, batch_input_shape = NULL,
                                    batch_size = NULL, dtype = NULL, name = NULL,
                                    trainable = NULL, weights = NULL) {
  create_layer_of(DepthwiseConv2D, object, layer_arguments(
    kernel_size = int_tuple(kernel_size, 2L), strides = int_tuple(strides, 2L),
    depth_multiplier = positive_int(depth_multiplier)
  ))
}

# What layers with a depthwise kernel share.
DepthwiseConvolution <- R6Class("DepthwiseConvolution",
  inherit = Convolution, cloneable = FALSE,
  public = list(
    depth_multiplier = 1L, depthwise_kernel = NULL,
    initialize = function(depth_multiplier = 1L, depthwise_initializer = "glorot_uniform",
                          depthwise_regularizer = NULL, depthwise_constraint = NULL, ...) {
      super$initialize(...)
      self$depth_multiplier <- depth_multiplier
      self$weight_options$depthwise_kernel <-
        weight_options(depthwise_initializer, depthwise_regularizer, depthwise_constraint)
    },
    add_kernels = function(channels) {
      self$depthwise_kernel <- add_weight_like(self, "depthwise_kernel",
                                               c(self$kernel_size, channels, self$depth_multiplier))
    },
    check_channels = function(x) check_last_axis(self, x, self$depthwise_kernel$dims[[self$axes + 1L]])
  )
)

DepthwiseConv2D <- R6Class("DepthwiseConv2D",
  inherit = DepthwiseConvolution, cloneable = FALSE,
  public = list(
    bias_shape = function() prod(self$depthwise_kernel$dims[3:4]),
    convolve = function(x) {
      self$check_channels(x)
      k_depthwise_conv2d(x, self$depthwise_kernel, self$strides, self$padding, "channels_last")
    }
  )
)

#' Separable convolution layer for images
#'
#' A depthwise convolution, then one of a single pixel that joins channels: far fewer weights and
#' operations than [layer_conv_2d()] needs.
#'
#' @inheritParams layer_conv_2d
#' @param depth_multiplier Number of kernels for each input channel in the depthwise step.
#' @param depthwise_initializer,pointwise_initializer [Initializers][initializer_zeros] of the kernels.
#' @param depthwise_regularizer,pointwise_regularizer [Penalties][regularizer_l1] on the kernels.
#' @param depthwise_constraint,pointwise_constraint [Constraints][constraint_maxnorm] on the kernels.
#' @param bias_initializer,bias_regularizer,bias_constraint,activity_regularizer Of the biases, and
#'   of the output, as for [layer_dense()].
#' @param strides One or two whole numbers: how far the kernel moves.
#' @return As [layer_conv_2d()].
#' @section Weights: `depthwise_kernel` (height, width, input channels, multiplier),
#'   `pointwise_kernel` (1, 1, input channels * multiplier, filters), `bias` (filters).
#' @family convolutional layers
#' @export
#' @examples
#' x <- layer_input(shape = c(28, 28, 16))
#' x %>% layer_separable_conv_2d(filters = 32, kernel_size = 3, padding = "same")
layer_separable_conv_2d <- function(object, filters, kernel_size, strides = c(1, 1),
                                    padding = "valid", data_format = NULL, depth_multiplier = 1L,
                                    activation = NULL, use_bias = TRUE,
                                    depthwise_initializer = "glorot_uniform",
                                    pointwise_initializer = "glorot_uniform",
                                    bias_initializer = "zeros", depthwise_regularizer = NULL,
                                    pointwise_regularizer = NULL, bias_regularizer = NULL,
                                    activity_regularizer = NULL, depthwise_constraint = NULL,
                                    pointwise_constraint = NULL, bias_constraint = NULL,
                                    input_shape = NULL, batch_input_shape = NULL,
                                    batch_size = NULL, dtype = NULL, name = NULL,
                                    trainable = NULL, weights = NULL) {
  create_layer_of(SeparableConv2D, object, layer_arguments(
    filters = positive_int(filters), kernel_size = int_tuple(kernel_size, 2L),
    strides = int_tuple(strides, 2L), depth_multiplier = positive_int(depth_multiplier)
  ))
}

SeparableConv2D <- R6Class("SeparableConv2D",
  inherit = DepthwiseConvolution, cloneable = FALSE,
  public = list(
    pointwise_kernel = NULL,
    initialize = function(pointwise_initializer = "glorot_uniform", pointwise_regularizer = NULL,
                          pointwise_constraint = NULL, ...) {
      super$initialize(...)
      self$weight_options$pointwise_kernel <-
        weight_options(pointwise_initializer, pointwise_regularizer, pointwise_constraint)
    },
    add_kernels = function(channels) {
      super$add_kernels(channels)
      self$pointwise_kernel <- add_weight_like(
        self, "pointwise_kernel", c(rep(1L, self$axes), channels * self$depth_multiplier, self$filters)
      )
    },
    convolve = function(x) {
      self$check_channels(x)
      k_separable_conv2d(x, self$depthwise_kernel, self$pointwise_kernel, self$strides, self$padding, "channels_last")
    }
  )
)

#' Separable convolution layer for sequences
#'
#' A depthwise convolution, then one of a single step that joins channels.
#'
#' @inheritParams layer_separable_conv_2d
#' @param kernel_size,strides Whole numbers: length of the kernel and how far it moves.
#' @param padding `"valid"` or `"same"`.
#' @param data_format `"channels_last"`: `(batch, steps, channels)`; `"channels_first"`: `(batch,
#'   channels, steps)`; `NULL`: [k_image_data_format()].
#' @return As [layer_conv_1d()].
#' @section Weights: `depthwise_kernel` (size, input channels, multiplier), `pointwise_kernel` (1,
#'   input channels * multiplier, filters), `bias` (filters).
#' @family convolutional layers
#' @export
#' @examples
#' x <- layer_input(shape = c(100, 16))
#' x %>% layer_separable_conv_1d(filters = 32, kernel_size = 5)
layer_separable_conv_1d <- function(object, filters, kernel_size, strides = 1, padding = "valid",
                                    data_format = NULL, depth_multiplier = 1, activation = NULL,
                                    use_bias = TRUE, depthwise_initializer = "glorot_uniform",
                                    pointwise_initializer = "glorot_uniform",
                                    bias_initializer = "zeros", depthwise_regularizer = NULL,
                                    pointwise_regularizer = NULL, bias_regularizer = NULL,
                                    activity_regularizer = NULL, depthwise_constraint = NULL,
                                    pointwise_constraint = NULL, bias_constraint = NULL,
                                    input_shape = NULL, batch_input_shape = NULL,
                                    batch_size = NULL, dtype = NULL, name = NULL,
                                    trainable = NULL, weights = NULL) {
  create_layer_of(SeparableConv1D, object, layer_arguments(
    filters = positive_int(filters), kernel_size = int_tuple(kernel_size, 1L),
    strides = int_tuple(strides, 1L), depth_multiplier = positive_int(depth_multiplier)
  ))
}

SeparableConv1D <- R6Class("SeparableConv1D",
  inherit = SeparableConv2D, cloneable = FALSE,
  public = list(
    axes = 1L,
    convolve = function(x) {
      self$check_channels(x)
      y <- k_separable_conv2d(
        as_image(x), as_image_kernel(self$depthwise_kernel), as_image_kernel(self$pointwise_kernel),
        c(self$strides, 1L), self$padding, "channels_last"
      )
      reshape_dims(y, y$dims[-3L])
    }
  )
)
