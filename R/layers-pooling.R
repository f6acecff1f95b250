# Pooling layers.

#' Pooling layers
#'
#' The largest element or the average of each window.
#'
#' @inheritParams layer_conv_2d
#' @param pool_size Size of the window: whole numbers, one for all axes or one each.
#' @param strides How far the window moves; `NULL`: by its size.
#' @param padding `"valid"` or `"same"`; averages count real elements only.
#' @return As [layer_dense()], with smaller sizes.
#' @family pooling layers
#' @export
#' @examples
#' x <- layer_input(shape = c(28, 28, 8))
#' x %>% layer_max_pooling_2d(pool_size = 2)
layer_max_pooling_2d <- function(object, pool_size = c(2L, 2L), strides = NULL, padding = "valid",
                                 data_format = NULL, batch_size = NULL, name = NULL,
                                 trainable = NULL, weights = NULL) {
  create_pooling(MaxPooling2D, object, 2L, pool_size, strides, padding, data_format, batch_size,
                 name, trainable, weights)
}
#' @rdname layer_max_pooling_2d
#' @export
layer_average_pooling_2d <- function(object, pool_size = c(2L, 2L), strides = NULL,
                                     padding = "valid", data_format = NULL, batch_size = NULL,
                                     name = NULL, trainable = NULL, weights = NULL) {
  create_pooling(AveragePooling2D, object, 2L, pool_size, strides, padding, data_format, batch_size,
                 name, trainable, weights)
}
#' @rdname layer_max_pooling_2d
#' @export
layer_max_pooling_1d <- function(object, pool_size = 2L, strides = NULL, padding = "valid",
                                 batch_size = NULL, name = NULL, trainable = NULL, weights = NULL) {
  create_pooling(MaxPooling1D, object, 1L, pool_size, strides, padding, "channels_last", batch_size,
                 name, trainable, weights)
}
#' @rdname layer_max_pooling_2d
#' @export
layer_average_pooling_1d <- function(object, pool_size = 2L, strides = NULL, padding = "valid",
                                     batch_size = NULL, name = NULL, trainable = NULL,
                                     weights = NULL) {
  create_pooling(AveragePooling1D, object, 1L, pool_size, strides, padding, "channels_last",
                 batch_size, name, trainable, weights)
}

#' @rdname layer_max_pooling_2d
#' @export
layer_max_pooling_3d <- function(object, pool_size = c(2L, 2L, 2L), strides = NULL,
                                 padding = "valid", data_format = NULL, batch_size = NULL,
                                 name = NULL, trainable = NULL, weights = NULL) {
  create_pooling(MaxPooling3D, object, 3L, pool_size, strides, padding, data_format, batch_size,
                 name, trainable, weights)
}
#' @rdname layer_max_pooling_2d
#' @export
layer_average_pooling_3d <- function(object, pool_size = c(2L, 2L, 2L), strides = NULL,
                                     padding = "valid", data_format = NULL, batch_size = NULL,
                                     name = NULL, trainable = NULL, weights = NULL) {
  create_pooling(AveragePooling3D, object, 3L, pool_size, strides, padding, data_format, batch_size,
                 name, trainable, weights)
}

create_pooling <- function(class, object, axes, pool_size, strides, padding, data_format,
                           batch_size, name, trainable, weights) {
  pool_size <- int_tuple(pool_size, axes)
  create_layer_of(class, object, list(
    pool_size = pool_size,
    strides = if (is.null(strides)) pool_size else int_tuple(strides, axes),
    padding = padding, data_format = data_format, batch_size = batch_size, name = name,
    trainable = trainable, weights = weights
  ))
}

Pooling <- R6Class("Pooling",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.pooling", mode = "max", axes = 2L,
    pool_size = NULL, strides = NULL, padding = NULL, data_format = NULL,
    initialize = function(pool_size, strides, padding = "valid", data_format = NULL, ...) {
      super$initialize(...)
      self$pool_size <- pool_size
      self$strides <- strides
      self$padding <- resolve_padding(padding)
      self$data_format <- resolve_data_format(data_format)
    },
    build = function(input_shape) {
      check_axes(self, input_shape, exactly = self$axes + 2L)
      sizes <- input_shape[spatial_axis(self$data_format) + seq_len(self$axes) - 1L]
      if (self$padding == "valid" && any(sizes < self$pool_size, na.rm = TRUE)) {
        abort(sprintf('layer "%s": the window has size %s, but the input %s (shape %s).', self$name,
                      paste(self$pool_size, collapse = " x "), paste(sizes, collapse = " x "),
                      format_shape(input_shape)), "hornet_shape_error")
      }
    },
    call = function(inputs) {
      if (self$axes > 1L) {
        pool <- if (self$axes == 2L) k_pool2d else k_pool3d
        return(pool(inputs, self$pool_size, self$strides, self$padding, self$data_format, self$mode))
      }
      y <- k_pool2d(as_image(inputs), c(self$pool_size, 1L), c(self$strides, 1L), self$padding, "channels_last",
                    self$mode)
      reshape_dims(y, y$dims[-3L])
    }
  )
)
pooling_class <- function(name, mode, axes) {
  R6Class(name, inherit = Pooling, cloneable = FALSE, public = list(mode = mode, axes = axes))
}
MaxPooling1D <- pooling_class("MaxPooling1D", "max", 1L)
MaxPooling2D <- pooling_class("MaxPooling2D", "max", 2L)
MaxPooling3D <- pooling_class("MaxPooling3D", "max", 3L)
AveragePooling1D <- pooling_class("AveragePooling1D", "avg", 1L)
AveragePooling2D <- pooling_class("AveragePooling2D", "avg", 2L)
AveragePooling3D <- pooling_class("AveragePooling3D", "avg", 3L)

#' Global pooling layers
#'
#' The largest element or the average of each channel, over all positions.
#'
#' @inheritParams layer_conv_2d
#' @return As [layer_dense()], of shape `(batch, channels)`.
#' @family pooling layers
#' @export
#' @examples
#' x <- layer_input(shape = c(7, 7, 64))
#' x %>% layer_global_average_pooling_2d()
layer_global_average_pooling_2d <- function(object, data_format = NULL, batch_size = NULL,
                                            name = NULL, trainable = NULL, weights = NULL) {
  create_global_pooling(GlobalAveragePooling2D, object, data_format, batch_size, name, trainable, weights)
}
#' @rdname layer_global_average_pooling_2d
#' @export
layer_global_max_pooling_2d <- function(object, data_format = NULL, batch_size = NULL, name = NULL,
                                        trainable = NULL, weights = NULL) {
  create_global_pooling(GlobalMaxPooling2D, object, data_format, batch_size, name, trainable, weights)
}
#' @rdname layer_global_average_pooling_2d
#' @export
layer_global_average_pooling_1d <- function(object, batch_size = NULL, name = NULL,
                                            trainable = NULL, weights = NULL) {
  create_global_pooling(GlobalAveragePooling1D, object, "channels_last", batch_size, name, trainable, weights)
}
#' @rdname layer_global_average_pooling_2d
#' @export
layer_global_max_pooling_1d <- function(object, batch_size = NULL, name = NULL, trainable = NULL,
                                        weights = NULL) {
  create_global_pooling(GlobalMaxPooling1D, object, "channels_last", batch_size, name, trainable, weights)
}
#' @rdname layer_global_average_pooling_2d
#' @export
layer_global_average_pooling_3d <- function(object, data_format = NULL, batch_size = NULL,
                                            name = NULL, trainable = NULL, weights = NULL) {
  create_global_pooling(GlobalAveragePooling3D, object, data_format, batch_size, name, trainable, weights)
}
#' @rdname layer_global_average_pooling_2d
#' @export
layer_global_max_pooling_3d <- function(object, data_format = NULL, batch_size = NULL, name = NULL,
                                        trainable = NULL, weights = NULL) {
  create_global_pooling(GlobalMaxPooling3D, object, data_format, batch_size, name, trainable, weights)
}

create_global_pooling <- function(class, object, data_format, batch_size, name, trainable, weights) {
  create_layer_of(class, object, list(
    data_format = data_format, batch_size = batch_size, name = name, trainable = trainable,
    weights = weights
  ))
}

GlobalPooling <- R6Class("GlobalPooling",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.pooling", axes = 2L, data_format = NULL,
    initialize = function(data_format = NULL, ...) {
      super$initialize(...)
      self$data_format <- resolve_data_format(data_format)
    },
    build = function(input_shape) check_axes(self, input_shape, exactly = self$axes + 2L),
    call = function(inputs) {
      self$reduce(inputs, spatial_axis(self$data_format) + seq_len(self$axes) - 1)
    }
  )
)
global_pooling_class <- function(name, axes, reduce) {
  R6Class(name, inherit = GlobalPooling, cloneable = FALSE, public = list(axes = axes, reduce = reduce))
}
GlobalAveragePooling1D <- global_pooling_class("GlobalAveragePooling1D", 1L, function(x, axis) k_mean(x, axis))
GlobalAveragePooling2D <- global_pooling_class("GlobalAveragePooling2D", 2L, function(x, axis) k_mean(x, axis))
GlobalAveragePooling3D <- global_pooling_class("GlobalAveragePooling3D", 3L, function(x, axis) k_mean(x, axis))
GlobalMaxPooling1D <- global_pooling_class("GlobalMaxPooling1D", 1L, function(x, axis) k_max(x, axis))
GlobalMaxPooling2D <- global_pooling_class("GlobalMaxPooling2D", 2L, function(x, axis) k_max(x, axis))
GlobalMaxPooling3D <- global_pooling_class("GlobalMaxPooling3D", 3L, function(x, axis) k_max(x, axis))
