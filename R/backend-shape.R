# Backend functions k_*: shapes.

# To engine dimensions; nothing to do when they are the same.
reshape_dims <- function(x, dims) {
  x <- as_tensor(x)
  if (identical(as.numeric(dims), x$dims)) return(x)
  emit("reshape", list(x), list(shape = as.numeric(dims)))
}

# What -1 stands for, given the number of elements (negative: that many per sample). NULL if the
# shapes don't fit.
infer_dims <- function(dims, numel) {
  open <- which(dims == -1)
  if (length(open) > 1L) abort(sprintf("a shape may hold -1 once, got %s.", describe(dims)), "hornet_shape_error")
  if (length(open) == 0L) return(if (prod(dims) == numel) dims)
  known <- prod(dims[-open])
  if (known == 0 || numel %% known != 0) return(NULL)
  dims[[open]] <- numel / known
  dims
}

#' Change the shape
#'
#' Elements stay in row-major order, as in the reference (the last axis varies fastest).
#'
#' @param x Tensor.
#' @param shape New shape with the batch first. One -1 (or `NA`) is whatever remains.
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' k_eval(k_reshape(1:6, c(2, 3)))
k_reshape <- function(x, shape) {
  x <- as_tensor(x)
  if (is.list(shape)) shape <- vapply(shape, function(d) if (is.null(d)) -1 else as.numeric(d), 0)
  wanted <- as.numeric(shape)
  wanted[is.na(wanted)] <- -1
  batch <- x$dims[x$dims < 0]
  # c(-1, -1): the batch and the rest.
  if (sum(wanted == -1) == 2L && wanted[[1L]] == -1 && length(batch) == 1L) {
    rest <- infer_dims(wanted[-1L], -prod(x$dims))
    dims <- if (!is.null(rest)) c(-1, rest)
  } else {
    dims <- infer_dims(wanted, prod(x$dims))
  }
  if (is.null(dims)) {
    abort(sprintf("a tensor of shape %s can't be reshaped to %s.", format_shape(tensor_shape(x)),
                  format_shape(ifelse(wanted < 0, NA, wanted))), "hornet_shape_error")
  }
  reshape_dims(x, dims)
}

#' Shapes without changing elements
#'
#' `k_flatten()` gives one axis, `k_batch_flatten()` the batch and one more, `k_expand_dims()` adds
#' an axis of size 1 at `axis`, `k_squeeze()` removes one, `k_permute_dimensions()` and
#' `k_transpose()` reorder axes.
#'
#' @param x Tensor.
#' @param axis Axis, counting from 1; -1 is the last (for `k_expand_dims()`: after the last).
#' @param pattern Order of the axes, counting from 1.
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' x <- matrix(1:6, 2)
#' dim(k_expand_dims(x))
#' k_eval(k_permute_dimensions(x, c(2, 1)))
k_flatten <- function(x) {
  x <- as_tensor(x)
  reshape_dims(x, prod(x$dims))
}
#' @rdname k_flatten
#' @export
k_batch_flatten <- function(x) {
  x <- as_tensor(x)
  reshape_dims(x, c(x$dims[[1L]], prod(x$dims[-1L])))
}
#' @rdname k_flatten
#' @export
k_expand_dims <- function(x, axis = -1) {
  x <- as_tensor(x)
  at <- axes_from_zero(axis, tensor_rank(x) + 1L)
  reshape_dims(x, append(x$dims, 1, after = at))
}
#' @rdname k_flatten
#' @export
k_squeeze <- function(x, axis) {
  x <- as_tensor(x)
  at <- axes_from_zero(axis, tensor_rank(x)) + 1
  if (any(x$dims[at] != 1)) {
    abort(sprintf("k_squeeze(): axis %d has size %s, not 1.", at, format_dim(x$dims[[at]])), "hornet_shape_error")
  }
  reshape_dims(x, x$dims[-at])
}
#' @rdname k_flatten
#' @export
k_permute_dimensions <- function(x, pattern) {
  x <- as_tensor(x)
  pattern <- as_int(pattern)
  if (!identical(sort(pattern), seq_along(x$dims))) {
    abort(sprintf("`pattern` must be a permutation of 1 to %d, got %s.", tensor_rank(x), describe(pattern)),
          "hornet_shape_error")
  }
  if (!is.unsorted(pattern)) return(x)
  emit("transpose", list(x), list(perm = pattern - 1))
}
#' @rdname k_flatten
#' @export
k_transpose <- function(x) {
  x <- as_tensor(x)
  k_permute_dimensions(x, rev(seq_along(x$dims)))
}

#' Join tensors
#'
#' `k_concatenate()` along an axis that they have, `k_stack()` along a new one.
#'
#' @param tensors,x List of tensors.
#' @param axis Axis, counting from 1; -1 is the last.
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' k_eval(k_stack(list(c(1, 2), c(3, 4))))
k_concatenate <- function(tensors, axis = -1) {
  tensors <- lapply(tensors, as_float)
  at <- axes_from_zero(axis, tensor_rank(tensors[[1L]]))
  if (length(tensors) == 1L) tensors[[1L]] else emit("concat", tensors, list(axis = at))
}
#' @rdname k_concatenate
#' @export
k_stack <- function(x, axis = 1) k_concatenate(lapply(x, k_expand_dims, axis), axis)

#' Repeat and reverse
#'
#' `k_repeat()` turns `(batch, d)` into `(batch, n, d)`; `k_repeat_elements()` repeats each element
#' of an axis `rep` times; `k_tile()` repeats whole axes, `n` times each; `k_reverse()` turns axes
#' around.
#'
#' @param x Tensor.
#' @param n,rep Numbers of copies.
#' @param axis,axes Axes, counting from 1.
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' k_eval(k_repeat_elements(c(1, 2), 2, axis = 1))
#' k_eval(k_tile(c(1, 2), 2))
k_repeat <- function(x, n) {
  x <- as_float(x)
  repeat_axis(reshape_dims(x, c(x$dims[[1L]], 1, x$dims[-1L])), 2L, positive_int(n))
}

# Axis of size one -> n copies.
repeat_axis <- function(x, axis, n) {
  dims <- x$dims
  dims[[axis]] <- n
  emit("broadcast", list(x), list(shape = dims))
}

#' @rdname k_repeat
#' @export
k_repeat_elements <- function(x, rep, axis) {
  x <- as_float(x)
  at <- axes_from_zero(axis, tensor_rank(x)) + 1
  rep <- positive_int(rep)
  wide <- repeat_axis(reshape_dims(x, append(x$dims, 1, after = at)), at + 1, rep)
  dims <- x$dims
  dims[[at]] <- dims[[at]] * rep
  reshape_dims(wide, dims)
}
#' @rdname k_repeat
#' @export
k_tile <- function(x, n) {
  x <- as_float(x)
  n <- as_int(n)
  n <- c(rep(1L, max(tensor_rank(x) - length(n), 0L)), n)
  if (length(n) > tensor_rank(x)) x <- reshape_dims(x, c(rep(1, length(n) - tensor_rank(x)), x$dims))
  for (axis in which(n != 1L)) {
    x <- emit("concat", rep(list(x), n[[axis]]), list(axis = axis - 1))
  }
  x
}
#' @rdname k_repeat
#' @export
k_reverse <- function(x, axes) {
  x <- as_float(x)
  for (axis in axes_from_zero(axes, tensor_rank(x))) x <- emit("reverse", list(x), list(axis = axis))
  x
}

#' Enlarge and pad images, volumes and sequences
#'
#' Resizing repeats elements. Padding adds zeros.
#'
#' @param x Tensor: `(batch, height, width, channels)` for images with `channels_last`.
#' @param depth_factor,height_factor,width_factor Whole numbers.
#' @param data_format `"channels_last"`, `"channels_first"`; `NULL`: [k_image_data_format()]. Resizing
#'   has no default.
#' @param padding `c(before, after)` for sequences; a list of such pairs, one per axis, otherwise.
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' x <- array(1:4, c(1, 2, 2, 1))
#' dim(k_resize_images(x, 2, 3, "channels_last"))
k_resize_images <- function(x, height_factor, width_factor, data_format) {
  first <- spatial_axis(data_format)
  k_repeat_elements(k_repeat_elements(x, height_factor, first), width_factor, first + 1)
}
#' @rdname k_resize_images
#' @export
k_resize_volumes <- function(x, depth_factor, height_factor, width_factor, data_format) {
  first <- spatial_axis(data_format)
  x <- k_repeat_elements(x, depth_factor, first)
  k_repeat_elements(k_repeat_elements(x, height_factor, first + 1), width_factor, first + 2)
}
#' @rdname k_resize_images
#' @export
k_temporal_padding <- function(x, padding = c(1, 1)) pad_axes(x, list(padding), 2)
#' @rdname k_resize_images
#' @export
k_spatial_2d_padding <- function(x, padding = list(list(1, 1), list(1, 1)), data_format = NULL) {
  pad_axes(x, padding, spatial_axis(data_format))
}
#' @rdname k_resize_images
#' @export
k_spatial_3d_padding <- function(x, padding = list(list(1, 1), list(1, 1), list(1, 1)),
                                 data_format = NULL) {
  pad_axes(x, padding, spatial_axis(data_format))
}

# The first axis, from 1, that isn't batch or channels.
spatial_axis <- function(data_format) {
  if (resolve_data_format(data_format) == "channels_first") 3 else 2
}

pad_axes <- function(x, padding, first) {
  x <- as_float(x)
  for (i in seq_along(padding)) {
    pair <- rep_len(as_int(padding[[i]], "padding"), 2L)
    if (all(pair == 0L)) next
    x <- emit("pad", list(x), list(axis = first + i - 2, before = pair[[1L]], after = pair[[2L]]))
  }
  x
}
