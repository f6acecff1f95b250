# Backend functions k_*: convolution and pooling. Images travel as (batch, height, width, channels),
# volumes as (batch, depth, height, width, channels).

to_channels_last <- function(x, data_format) {
  if (data_format == "channels_last") return(x)
  rank <- tensor_rank(x)
  k_permute_dimensions(x, c(1L, seq_len(rank)[-(1:2)], 2L))
}
from_channels_last <- function(x, data_format) {
  if (data_format == "channels_last") return(x)
  rank <- tensor_rank(x)
  k_permute_dimensions(x, c(1L, rank, seq_len(rank - 2L) + 1L))
}

# Zeros before and after an axis so that every stride-th window fits: of an odd total the larger
# part goes after.
same_padding <- function(size, kernel, stride, dilation = 1) {
  total <- max((ceiling(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
  c(total %/% 2, total - total %/% 2)
}

# For the axes after the batch that `strides` has numbers for.
window_padding <- function(dims, kernel, strides, dilation, padding) {
  if (padding == "valid") return(rep(0, 2L * length(strides)))
  unlist(lapply(seq_along(strides), function(i) {
    same_padding(dims[[i + 1L]], kernel[[i]], strides[[i]], dilation[[i]])
  }))
}

check_rank <- function(x, rank, what) {
  if (tensor_rank(x) != rank) {
    abort(sprintf("%s: expected a tensor with %d axes, got shape %s.", what, rank,
                  format_shape(tensor_shape(x))), "hornet_shape_error")
  }
}

# What the convolutions share; `op` slides over `axes` axes.
convolve <- function(op, axes, x, kernel, strides, padding, data_format, dilation_rate) {
  data_format <- resolve_data_format(data_format)
  padding <- resolve_padding(padding)
  x <- to_channels_last(as_float(x), data_format)
  kernel <- as_float(kernel)
  check_rank(x, axes + 2L, sprintf("k_%s()", op))
  check_rank(kernel, axes + 2L, sprintf("k_%s() kernel", op))
  strides <- int_tuple(strides, axes)
  dilation_rate <- int_tuple(dilation_rate, axes)
  y <- emit(op, list(x, kernel), list(
    strides = strides, dilation = dilation_rate,
    padding = window_padding(x$dims, kernel$dims, strides, dilation_rate, padding)
  ))
  from_channels_last(y, data_format)
}

# A transposed convolution is the gradient of the convolution `op`.
convolve_transposed <- function(op, axes, x, kernel, output_shape, strides, padding, data_format) {
  data_format <- resolve_data_format(data_format)
  padding <- resolve_padding(padding)
  x <- to_channels_last(as_float(x), data_format)
  kernel <- as_float(kernel)
  check_rank(x, axes + 2L, sprintf("k_%s_transpose()", op))
  check_rank(kernel, axes + 2L, sprintf("k_%s_transpose() kernel", op))
  strides <- int_tuple(strides, axes)
  shape <- as_shape(output_shape)
  if (data_format == "channels_first") shape <- c(shape[-2L], shape[[2L]])
  dims <- c(x$dims[[1L]], as.numeric(shape[-1L]))
  dilation <- rep(1, axes)
  y <- emit(paste0(op, "_backward_data"), list(x, kernel), list(
    shape = dims, strides = strides, dilation = dilation,
    padding = window_padding(dims, kernel$dims, strides, dilation, padding)
  ))
  from_channels_last(y, data_format)
}

#' Convolution
#'
#' Convolution as deep learning means it: the kernel isn't flipped.
#'
#' @param x Tensor: `(batch, height, width, channels)` with `channels_last`; `(batch, steps,
#'   channels)` for `k_conv1d()`, `(batch, depth, height, width, channels)` for `k_conv3d()` and
#'   `k_conv3d_transpose()`.
#' @param kernel Tensor of shape `(height, width, in, out)`; `(size, in, out)` for `k_conv1d()`,
#'   `(depth, height, width, in, out)` for `k_conv3d()`. Transposed convolutions have `out` before
#'   `in`.
#' @param output_shape Shape of the output, batch first.
#' @param strides,dilation_rate Whole numbers, one for all axes or one each. Not both may exceed 1.
#' @param padding `"valid"`: none; `"same"`: as many zeros as it takes for an output of size
#'   `ceiling(size / stride)`, the odd one after; `"causal"` (`k_conv1d()`): before the first step.
#' @param data_format `"channels_last"`, `"channels_first"`; `NULL`: [k_image_data_format()].
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' image <- array(1, c(1, 4, 4, 1))
#' kernel <- array(1, c(2, 2, 1, 1))
#' dim(k_conv2d(image, kernel, padding = "same"))
#'
#' volume <- array(1, c(1, 4, 4, 4, 1))
#' dim(k_conv3d(volume, array(1, c(2, 2, 2, 1, 3)), strides = 2))
k_conv2d <- function(x, kernel, strides = c(1, 1), padding = "valid", data_format = NULL,
                     dilation_rate = c(1, 1)) {
  convolve("conv2d", 2L, x, kernel, strides, padding, data_format, dilation_rate)
}
#' @rdname k_conv2d
#' @export
k_conv1d <- function(x, kernel, strides = 1, padding = "valid", data_format = NULL,
                     dilation_rate = 1) {
  data_format <- resolve_data_format(data_format)
  padding <- resolve_padding(padding, c("valid", "same", "causal"))
  x <- to_channels_last(as_float(x), data_format)
  kernel <- as_float(kernel)
  check_rank(x, 3L, "k_conv1d()")
  check_rank(kernel, 3L, "k_conv1d() kernel")
  if (padding == "causal") {
    x <- pad_axes(x, list(c(dilation_rate * (kernel$dims[[1L]] - 1), 0)), 2)
    padding <- "valid"
  }
  y <- k_conv2d(as_image(x), as_image_kernel(kernel), c(strides, 1), padding, "channels_last", c(dilation_rate, 1))
  from_channels_last(reshape_dims(y, y$dims[-3L]), data_format)
}
#' @rdname k_conv2d
#' @export
k_conv3d <- function(x, kernel, strides = c(1, 1, 1), padding = "valid", data_format = NULL,
                     dilation_rate = c(1, 1, 1)) {
  convolve("conv3d", 3L, x, kernel, strides, padding, data_format, dilation_rate)
}
#' @rdname k_conv2d
#' @export
k_conv2d_transpose <- function(x, kernel, output_shape, strides = c(1, 1), padding = "valid",
                               data_format = NULL) {
  convolve_transposed("conv2d", 2L, x, kernel, output_shape, strides, padding, data_format)
}
#' @rdname k_conv2d
#' @export
k_conv3d_transpose <- function(x, kernel, output_shape, strides = c(1, 1, 1), padding = "valid",
                               data_format = NULL) {
  convolve_transposed("conv3d", 3L, x, kernel, output_shape, strides, padding, data_format)
}

# A sequence is an image of width one.
as_image <- function(x) reshape_dims(x, append(x$dims, 1, after = 2L))
as_image_kernel <- function(kernel) reshape_dims(kernel, append(kernel$dims, 1, after = 1L))

#' Depthwise and separable convolution
#'
#' A depthwise convolution applies kernels to each channel by itself. A separable one joins the
#' resulting channels, pixel by pixel.
#'
#' @inheritParams k_conv2d
#' @param x Tensor: `(batch, height, width, channels)` with `channels_last`.
#' @param depthwise_kernel Tensor of shape `(height, width, channels, multiplier)`. Channel `c` gives
#'   the output channels `(c - 1) * multiplier + 1` to `c * multiplier`.
#' @param pointwise_kernel Tensor of shape `(1, 1, channels * multiplier, out)`.
#' @param strides,dilation_rate One or two whole numbers. Not both may exceed 1.
#' @param padding `"valid"` or `"same"`, see [k_conv2d()].
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' image <- array(1, c(1, 4, 4, 2))
#' kernel <- array(1, c(3, 3, 2, 2))
#' dim(k_depthwise_conv2d(image, kernel))
#' dim(k_separable_conv2d(image, kernel, array(1, c(1, 1, 4, 8)), padding = "same"))
k_depthwise_conv2d <- function(x, depthwise_kernel, strides = c(1, 1), padding = "valid",
                               data_format = NULL, dilation_rate = c(1, 1)) {
  convolve("depthwise_conv2d", 2L, x, depthwise_kernel, strides, padding, data_format, dilation_rate)
}
#' @rdname k_depthwise_conv2d
#' @export
k_separable_conv2d <- function(x, depthwise_kernel, pointwise_kernel, strides = c(1, 1),
                               padding = "valid", data_format = NULL, dilation_rate = c(1, 1)) {
  data_format <- resolve_data_format(data_format)
  x <- to_channels_last(as_float(x), data_format)
  y <- k_depthwise_conv2d(x, depthwise_kernel, strides, padding, "channels_last", dilation_rate)
  from_channels_last(k_conv2d(y, pointwise_kernel, data_format = "channels_last"), data_format)
}

#' Locally connected layers' products
#'
#' Convolutions with a kernel of its own at each position, without padding.
#'
#' @param inputs Tensor: `(batch, steps, channels)` for `k_local_conv1d()`, `(batch, height, width,
#'   channels)` for `k_local_conv2d()`, with `channels_last`.
#' @param kernel Tensor of shape `(positions, size * channels, out)`. Positions count row by row. The
#'   elements under a kernel count by row, column and channel; with `channels_first` by channel, row
#'   and column.
#' @param kernel_size,strides Whole numbers, one for all axes or one each.
#' @param output_shape Sizes of the output: rows and columns.
#' @param data_format `"channels_last"`, `"channels_first"`; `NULL`: [k_image_data_format()].
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' x <- array(1:5, c(1, 5, 1))
#' kernel <- array(1, c(4, 2, 1))
#' k_eval(k_local_conv1d(x, kernel, kernel_size = 2, strides = 1))[1, , 1]
k_local_conv1d <- function(inputs, kernel, kernel_size, strides, data_format = NULL) {
  data_format <- resolve_data_format(data_format)
  x <- to_channels_last(as_float(inputs), data_format)
  check_rank(x, 3L, "k_local_conv1d()")
  y <- local_product(as_image(x), kernel, c(int_tuple(kernel_size, 1L), 1L), c(int_tuple(strides, 1L), 1L), data_format)
  from_channels_last(reshape_dims(y, y$dims[-3L]), data_format)
}
#' @rdname k_local_conv1d
#' @export
k_local_conv2d <- function(inputs, kernel, kernel_size, strides, output_shape, data_format = NULL) {
  data_format <- resolve_data_format(data_format)
  x <- to_channels_last(as_float(inputs), data_format)
  check_rank(x, 4L, "k_local_conv2d()")
  y <- local_product(x, kernel, int_tuple(kernel_size, 2L), int_tuple(strides, 2L), data_format)
  if (!all(y$dims[2:3] == as_int(output_shape))) {
    abort(sprintf("k_local_conv2d(): the output has size %s, not %s.", paste(y$dims[2:3], collapse = " x "),
                  paste(unlist(output_shape), collapse = " x ")), "hornet_shape_error")
  }
  from_channels_last(y, data_format)
}

# Position by position, what the kernel sees there times the kernel of the position.
local_product <- function(x, kernel, kernel_size, strides, data_format) {
  kernel <- as_float(kernel)
  check_rank(kernel, 3L, "the kernel of a local convolution")
  channels <- x$dims[[4L]]
  seen <- patches(x, kernel_size, strides)
  sizes <- seen$dims[2:3]
  expected <- c(prod(sizes), seen$dims[[4L]], kernel$dims[[3L]])
  if (!all(kernel$dims == expected)) {
    abort(sprintf("a local convolution of this input needs a kernel of shape %s, got %s.", format_shape(expected),
                  format_shape(tensor_shape(kernel))), "hornet_shape_error")
  }
  if (data_format == "channels_first") {
    by_channel <- reshape_dims(kernel, c(expected[[1L]], channels, prod(kernel_size), expected[[3L]]))
    kernel <- reshape_dims(k_permute_dimensions(by_channel, c(1L, 3L, 2L, 4L)), expected)
  }
  seen <- reshape_dims(seen, c(x$dims[[1L]], expected[1:2]))
  product <- emit("batch_matmul", list(k_permute_dimensions(seen, c(2L, 1L, 3L)), kernel))
  reshape_dims(k_permute_dimensions(product, c(2L, 1L, 3L)), c(x$dims[[1L]], sizes, expected[[3L]]))
}

# (batch, rows, columns, channels) -> (batch, positions down, across, what a kernel sees there).
patches <- function(x, kernel_size, strides) {
  positions <- (x$dims[2:3] - kernel_size) %/% strides + 1
  reach <- (positions - 1) * strides + 1
  cells <- expand.grid(column = seq_len(kernel_size[[2L]]), row = seq_len(kernel_size[[1L]]))
  k_concatenate(Map(function(row, column) {
    every_stride(slice(slice(x, 2L, row, reach[[1L]]), 3L, column, reach[[2L]]), strides)
  }, cells$row, cells$column))
}

# The first pixel, and those `strides` further on: pools of one pixel.
every_stride <- function(x, strides) {
  if (all(strides == 1L)) return(x)
  emit("avg_pool2d", list(x), list(size = c(1, 1), strides = strides, padding = c(0, 0, 0, 0)))
}

#' Pooling
#'
#' @param x Tensor: `(batch, height, width, channels)` with `channels_last`; `(batch, depth, height,
#'   width, channels)` for `k_pool3d()`.
#' @param pool_size,strides Whole numbers, one for all axes or one each.
#' @param padding `"valid"` or `"same"`. Averages count real elements only.
#' @param data_format `"channels_last"`, `"channels_first"`; `NULL`: [k_image_data_format()].
#' @param pool_mode `"max"` or `"avg"`.
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' x <- array(1:16, c(1, 4, 4, 1))
#' k_eval(k_pool2d(x, c(2, 2), c(2, 2)))[1, , , 1]
k_pool2d <- function(x, pool_size, strides = c(1, 1), padding = "valid", data_format = NULL,
                     pool_mode = "max") {
  pool("pool2d", 2L, x, pool_size, strides, padding, data_format, pool_mode)
}
#' @rdname k_pool2d
#' @export
k_pool3d <- function(x, pool_size, strides = c(1, 1, 1), padding = "valid", data_format = NULL,
                     pool_mode = "max") {
  pool("pool3d", 3L, x, pool_size, strides, padding, data_format, pool_mode)
}

pool <- function(op, axes, x, pool_size, strides, padding, data_format, pool_mode) {
  data_format <- resolve_data_format(data_format)
  padding <- resolve_padding(padding)
  x <- to_channels_last(as_float(x), data_format)
  check_rank(x, axes + 2L, sprintf("k_%s()", op))
  pool_size <- int_tuple(pool_size, axes)
  strides <- int_tuple(strides, axes)
  y <- emit(paste(one_of(pool_mode, c("max", "avg")), op, sep = "_"), list(x), list(
    size = pool_size, strides = strides,
    padding = window_padding(x$dims, pool_size, strides, rep(1, axes), padding)
  ))
  from_channels_last(y, data_format)
}
