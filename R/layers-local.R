# Locally connected layers: convolutions that don't share weights between positions.

#' Locally connected layer for images
#'
#' Like [layer_conv_2d()], with a kernel and a bias of its own at each position.
#'
#' @inheritParams layer_conv_2d
#' @param strides One or two whole numbers: how far the kernel moves.
#' @param padding `"valid"` is all there is.
#' @return As [layer_conv_2d()].
#' @section Weights: `kernel` (rows * columns of the output, height * width * input channels,
#'   filters), `bias` (rows, columns, filters). The middle axis counts by row, column and channel of
#'   the kernel. With channels first it counts by channel, row and column, and the elements of the
#'   bias are in the order of the output: as in the reference, so that its weights can be used.
#' @family locally connected layers
#' @export
#' @examples
#' x <- layer_input(shape = c(12, 12, 3))
#' x %>% layer_locally_connected_2d(filters = 4, kernel_size = 3)
layer_locally_connected_2d <- function(object, filters, kernel_size, strides = c(1L, 1L),
                                       padding = "valid", data_format = NULL, activation = NULL,
                                       use_bias = TRUE, kernel_initializer = "glorot_uniform",
                                       bias_initializer = "zeros", kernel_regularizer = NULL,
                                       bias_regularizer = NULL, activity_regularizer = NULL,
                                       kernel_constraint = NULL, bias_constraint = NULL,
                                       batch_size = NULL, name = NULL, trainable = NULL,
                                       weights = NULL) {
  create_layer_of(LocallyConnected2D, object, layer_arguments(
    filters = positive_int(filters), kernel_size = int_tuple(kernel_size, 2L),
    strides = int_tuple(strides, 2L)
  ))
}

LocallyConnected2D <- R6Class("LocallyConnected2D",
  inherit = Convolution, cloneable = FALSE,
  public = list(
    module = "keras.layers.local", paddings = "valid", built_for = NULL, positions = NULL,
    build = function(input_shape) {
      check_axes(self, input_shape, exactly = self$axes + 2L)
      self$built_for <- input_shape[-1L]
      self$positions <- (self$sizes(input_shape) - self$kernel_size) %/% self$strides + 1L
      super$build(input_shape)
    },
    kernel_shape = function(channels) c(prod(self$positions), prod(self$kernel_size) * channels, self$filters),
    bias_shape = function() c(self$positions, self$filters),
    call = function(inputs) {
      if (!identical(tensor_shape(inputs)[-1L], self$built_for)) {
        abort(sprintf('layer "%s" was built for inputs of shape %s, got %s.', self$name,
                      format_shape(c(NA, self$built_for)), format_shape(tensor_shape(inputs))), "hornet_shape_error")
      }
      y <- self$convolve(inputs)
      if (self$use_bias) y <- y + reshape_dims(self$bias, y$dims[-1L])
      self$activation(y)
    },
    convolve = function(x) {
      k_local_conv2d(x, self$kernel, self$kernel_size, self$strides, self$positions, self$data_format)
    }
  )
)

#' Locally connected layer for sequences
#'
#' Like [layer_conv_1d()], with a kernel and a bias of its own at each position.
#'
#' @inheritParams layer_locally_connected_2d
#' @param kernel_size,strides Whole numbers: length of the kernel and how far it moves.
#' @param data_format `"channels_last"`: `(batch, steps, channels)`; `"channels_first"`: `(batch,
#'   channels, steps)`; `NULL`: [k_image_data_format()].
#' @return As [layer_conv_1d()].
#' @section Weights: `kernel` (steps of the output, size * input channels, filters), `bias` (steps,
#'   filters). The middle axis counts by step and channel of the kernel. With channels first it
#'   counts by channel and step, and the elements of the bias are in the order of the output.
#' @family locally connected layers
#' @export
#' @examples
#' x <- layer_input(shape = c(20, 4))
#' x %>% layer_locally_connected_1d(filters = 8, kernel_size = 3)
layer_locally_connected_1d <- function(object, filters, kernel_size, strides = 1L, padding = "valid",
                                       data_format = NULL, activation = NULL, use_bias = TRUE,
                                       kernel_initializer = "glorot_uniform",
                                       bias_initializer = "zeros", kernel_regularizer = NULL,
                                       bias_regularizer = NULL, activity_regularizer = NULL,
                                       kernel_constraint = NULL, bias_constraint = NULL,
                                       batch_size = NULL, name = NULL, trainable = NULL,
                                       weights = NULL) {
  create_layer_of(LocallyConnected1D, object, layer_arguments(
    filters = positive_int(filters), kernel_size = int_tuple(kernel_size, 1L),
    strides = int_tuple(strides, 1L)
  ))
}

LocallyConnected1D <- R6Class("LocallyConnected1D",
  inherit = LocallyConnected2D, cloneable = FALSE,
  public = list(
    axes = 1L,
    convolve = function(x) {
      k_local_conv1d(x, self$kernel, self$kernel_size, self$strides, self$data_format)
    }
  )
)
