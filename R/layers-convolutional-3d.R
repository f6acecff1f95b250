# Convolutional layers for volumes.

#' Convolution layer for volumes
#'
#' Slides a kernel over depth, height and width.
#'
#' @inheritParams layer_conv_2d
#' @param kernel_size,strides,dilation_rate One or three whole numbers: depth, height and width of
#'   the kernel, how far it moves, spacing of its elements. Strides and dilation can't both exceed 1.
#' @param data_format `"channels_last"`: `(batch, depth, height, width, channels)`;
#'   `"channels_first"`: `(batch, channels, depth, height, width)`; `NULL`: [k_image_data_format()].
#' @return As [layer_conv_2d()], with a depth.
#' @section Weights: `kernel` (depth, height, width, input channels, filters), `bias` (filters).
#' @family convolutional layers
#' @export
#' @examples
#' x <- layer_input(shape = c(16, 16, 16, 1))
#' x %>% layer_conv_3d(filters = 8, kernel_size = 3, activation = "relu")
layer_conv_3d <- function(object, filters, kernel_size, strides = c(1L, 1L, 1L), padding = "valid",
                          data_format = NULL, dilation_rate = c(1L, 1L, 1L), activation = NULL,
                          use_bias = TRUE, kernel_initializer = "glorot_uniform",
                          bias_initializer = "zeros", kernel_regularizer = NULL,
                          bias_regularizer = NULL, activity_regularizer = NULL,
                          kernel_constraint = NULL, bias_constraint = NULL, input_shape = NULL,
                          batch_input_shape = NULL, batch_size = NULL, dtype = NULL, name = NULL,
                          trainable = NULL, weights = NULL) {
  create_layer_of(Conv3D, object, layer_arguments(
    filters = positive_int(filters), kernel_size = int_tuple(kernel_size, 3L),
    strides = int_tuple(strides, 3L), dilation_rate = int_tuple(dilation_rate, 3L)
  ))
}

Conv3D <- R6Class("Conv3D",
  inherit = Convolution, cloneable = FALSE,
  public = list(
    axes = 3L,
    convolve = function(x) {
      check_last_axis(self, x, self$kernel$dims[[4L]])
      k_conv3d(x, self$kernel, self$strides, self$padding, "channels_last", self$dilation_rate)
    }
  )
)

#' Transposed convolution layer for volumes
#'
#' Goes from the shape of a convolution's output to the shape of its input; its forward pass is the
#' gradient of a convolution.
#'
#' @inheritParams layer_conv_3d
#' @param kernel_size,strides One or three whole numbers: depth, height and width of the kernel, and
#'   how far it moves.
#' @return As [layer_conv_2d_transpose()], with a depth.
#' @section Weights: `kernel` (depth, height, width, filters, input channels), `bias` (filters).
#' @family convolutional layers
#' @export
#' @examples
#' x <- layer_input(shape = c(4, 4, 4, 16))
#' x %>% layer_conv_3d_transpose(filters = 8, kernel_size = 3, strides = 2, padding = "same")
layer_conv_3d_transpose <- function(object, filters, kernel_size, strides = c(1, 1, 1),
                                    padding = "valid", data_format = NULL, activation = NULL,
                                    use_bias = TRUE, kernel_initializer = "glorot_uniform",
                                    bias_initializer = "zeros", kernel_regularizer = NULL,
                                    bias_regularizer = NULL, activity_regularizer = NULL,
                                    kernel_constraint = NULL, bias_constraint = NULL,
                                    input_shape = NULL, batch_input_shape = NULL,
                                    batch_size = NULL, dtype = NULL, name = NULL,
                                    trainable = NULL, weights = NULL) {
  create_layer_of(Conv3DTranspose, object, layer_arguments(
    filters = positive_int(filters), kernel_size = int_tuple(kernel_size, 3L),
    strides = int_tuple(strides, 3L)
  ))
}

Conv3DTranspose <- R6Class("Conv3DTranspose",
  inherit = Conv2DTranspose, cloneable = FALSE,
  public = list(axes = 3L, transposed = function(...) k_conv3d_transpose(...))
)
