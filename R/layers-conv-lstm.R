# The recurrent layer of images.

#' Convolutional LSTM
#'
#' [layer_lstm()] on a sequence of images: the products with inputs and state are convolutions.
#' That of the state has strides 1 and keeps its size.
#'
#' @inheritParams layer_lstm
#' @inheritParams layer_conv_2d
#' @param filters Number of channels of the state, and of the output.
#' @param kernel_size One or two whole numbers: height and width of both kernels.
#' @param strides,padding,dilation_rate Of the convolution of the inputs, as for [layer_conv_2d()].
#' @param input_shape `c(steps, height, width, channels)`, or with channels before height.
#' @return As [layer_lstm()], with `(height, width, filters)` (or channels first) in place of
#'   `units`.
#' @section Weights: `kernel` (height, width, channels, 4 * filters), `recurrent_kernel` (height,
#'   width, filters, 4 * filters), `bias` (4 * filters).
#' @references Shi et al., *Convolutional LSTM Network: A Machine Learning Approach for
#'   Precipitation Nowcasting* (2015).
#' @family recurrent layers
#' @export
#' @examples
#' x <- layer_input(shape = c(4, 8, 8, 1))
#' x %>% layer_conv_lstm_2d(filters = 3, kernel_size = 3, padding = "same")
layer_conv_lstm_2d <- function(object, filters, kernel_size, strides = c(1L, 1L), padding = "valid",
                               data_format = NULL, dilation_rate = c(1L, 1L), activation = "tanh",
                               recurrent_activation = "hard_sigmoid", use_bias = TRUE,
                               kernel_initializer = "glorot_uniform",
                               recurrent_initializer = "orthogonal", bias_initializer = "zeros",
                               unit_forget_bias = TRUE, kernel_regularizer = NULL,
                               recurrent_regularizer = NULL, bias_regularizer = NULL,
                               activity_regularizer = NULL, kernel_constraint = NULL,
                               recurrent_constraint = NULL, bias_constraint = NULL,
                               return_sequences = FALSE, go_backwards = FALSE, stateful = FALSE,
                               dropout = 0, recurrent_dropout = 0, batch_size = NULL, name = NULL,
                               trainable = NULL, weights = NULL, input_shape = NULL) {
  create_layer_of(ConvLSTM2D, object, layer_arguments(
    filters = positive_int(filters), kernel_size = int_tuple(kernel_size, 2L),
    strides = int_tuple(strides, 2L), dilation_rate = int_tuple(dilation_rate, 2L)
  ))
}

ConvLSTM2D <- R6Class("ConvLSTM2D",
  inherit = LSTM, cloneable = FALSE,
  public = list(
    module = "keras.layers.convolutional_recurrent", input_axes = 5L,
    filters = NULL, kernel_size = NULL, strides = NULL, padding = NULL, data_format = NULL,
    dilation_rate = NULL,
    initialize = function(filters, kernel_size, strides = c(1L, 1L), padding = "valid",
                          data_format = NULL, dilation_rate = c(1L, 1L), ...) {
      super$initialize(filters, ...)
      self$filters <- filters
      self$kernel_size <- kernel_size
      self$strides <- strides
      self$padding <- resolve_padding(padding)
      self$data_format <- resolve_data_format(data_format)
      self$dilation_rate <- dilation_rate
    },
    add_weights = function(input_shape) {
      channels <- input_shape[[if (self$data_format == "channels_first") 3L else 5L]]
      width <- 4L * self$filters
      self$kernel <- add_weight_like(self, "kernel", c(self$kernel_size, channels, width))
      self$recurrent_kernel <- add_weight_like(self, "recurrent_kernel",
                                               c(self$kernel_size, self$filters, width))
      if (self$use_bias) self$bias <- add_weight_like(self, "bias", width, self$bias_options())
    },
    # Inside channels are last.
    call = function(inputs, mask = NULL) {
      if (self$data_format == "channels_last") return(super$call(inputs, mask))
      last <- function(x) if (tensor_rank(x) == 5L) k_permute_dimensions(x, c(1, 2, 4, 5, 3)) else {
        to_channels_last(x, "channels_first")
      }
      first <- function(x) if (tensor_rank(x) == 5L) k_permute_dimensions(x, c(1, 2, 5, 3, 4)) else {
        from_channels_last(x, "channels_first")
      }
      unwrap_single(lapply(as_tensor_list(super$call(lapply(as_tensor_list(inputs), last), mask)), first))
    },
    state_dims = function(projected) c(projected$dims[c(1L, 3L, 4L)], self$filters),
    # All steps are images of one batch.
    project = function(x, factors) {
      check_last_axis(self, x, self$kernel$dims[[3L]])
      convolve <- function(x, kernel) {
        images <- reshape_dims(x, c(prod(x$dims[1:2]), x$dims[-(1:2)]))
        k_conv2d(images, kernel, self$strides, self$padding, "channels_last", self$dilation_rate)
      }
      y <- if (is.null(factors)) convolve(x, self$kernel) else {
        k_concatenate(lapply(1:4, function(gate) {
          convolve(x * k_expand_dims(last_axis_part(factors, gate, 4), 2), last_axis_part(self$kernel, gate, 4))
        }))
      }
      if (self$use_bias) y <- y + self$bias
      reshape_dims(y, c(x$dims[1:2], y$dims[-1L]))
    },
    recurrent_product = function(h, kernel) k_conv2d(h, kernel, c(1, 1), "same", "channels_last"),
    fused = function(x, states, mask, factors) NULL
  )
)
