# Helpers for arrays, before they go into a model.

#' Class numbers as indicator vectors
#'
#' @param y Class numbers counting from 0: a vector, a one-column matrix or an array. Also a factor,
#'   whose levels are the classes in order.
#' @param num_classes Number of classes; `NULL`: one more than the largest number, or the number of
#'   levels.
#' @return Array with one more axis than `y` that is 1 at the class and 0 elsewhere; for a vector or a
#'   one-column matrix a matrix `(length(y), num_classes)`.
#' @section Errors:
#' Numbers that aren't whole or not from 0 to `num_classes - 1` (`hornet_value_error`).
#' @family array utilities
#' @export
#' @examples
#' to_categorical(c(0, 2, 1))
#' to_categorical(iris$Species[c(1, 51, 101)])
to_categorical <- function(y, num_classes = NULL) {
  if (is.factor(y)) {
    num_classes <- num_classes %||% nlevels(y)
    y <- as.integer(y) - 1L
  }
  classes <- as_int(y)
  num_classes <- if (is.null(num_classes)) max(classes, 0L) + 1L else positive_int(num_classes)
  outside <- which(classes < 0L | classes >= num_classes)
  if (length(outside)) {
    abort(c(
      sprintf("`y` must hold classes 0 to %d, got %d in place %d.", num_classes - 1L,
              classes[[outside[[1L]]]], outside[[1L]]),
      if (min(classes) == 1L && max(classes) == num_classes) "Classes count from 0: subtract 1."
    ), "hornet_value_error")
  }
  shape <- dim(y) %||% length(y)
  if (length(shape) > 1L && shape[[length(shape)]] == 1L) shape <- shape[-length(shape)]
  indicators <- matrix(0, length(classes), num_classes)
  indicators[cbind(seq_along(classes), classes + 1L)] <- 1
  array(indicators, c(shape, num_classes))
}

#' Bring sequences to one length
#'
#' @param sequences List of numeric vectors (or lists of numbers), of any lengths; or of matrices or
#'   arrays whose first axis are the steps, all with the same further axes.
#' @param maxlen Length of the result; `NULL`: that of the longest sequence.
#' @param dtype `"int32"` (fractions are cut off, what is too large is `NA`) or `"float32"`.
#' @param padding,truncating `"pre"` or `"post"`: whether shorter sequences get `value` in front or
#'   behind, and whether longer ones lose their beginning or their end.
#' @param value What the sequences are padded with.
#' @return Matrix with one row per sequence and `maxlen` columns; for sequences of matrices or arrays an
#'   array `(sequences, maxlen, ...)`.
#' @section Errors:
#' Sequences that aren't numeric, or don't have the axes of the others, name their place
#' (`hornet_value_error`, `hornet_shape_error`).
#' @family array utilities
#' @export
#' @examples
#' pad_sequences(list(1:3, 4:5, integer()))
#' pad_sequences(list(1:3, 4:5), maxlen = 2, truncating = "post")
pad_sequences <- function(sequences, maxlen = NULL, dtype = "int32", padding = "pre",
                          truncating = "pre", value = 0) {
  if (!is.list(sequences)) sequences <- list(sequences)
  sequences <- lapply(sequences, function(x) if (is.list(x) && all(lengths(x) == 1L)) unlist(x) else x)
  numbers <- vapply(sequences, function(x) is.numeric(x) || is.logical(x) || length(x) == 0L, NA)
  for (i in utils::head(which(!numbers), 1L)) {
    abort(sprintf("`sequences` must hold numeric vectors, got %s in place %d.", describe(sequences[[i]]), i),
          "hornet_value_error")
  }
  if (!(is.numeric(value) || is.logical(value)) || length(value) != 1L) {
    abort(sprintf("`value` must be one number, not %s.", describe(value)), "hornet_value_error")
  }
  padding <- one_of(padding, c("pre", "post"))
  truncating <- one_of(truncating, c("pre", "post"))
  shape <- shape_of_steps(sequences)
  steps <- vapply(sequences, NROW, 0L)
  steps[lengths(sequences) == 0L] <- 0L
  maxlen <- if (is.null(maxlen)) max(steps, 0L) else positive_int(maxlen)
  padded <- cpp_pad_sequences(sequences, maxlen, prod(shape), padding == "pre", truncating == "pre",
                              as.double(value), as_dtype(dtype) == "int32")
  array(padded, c(length(sequences), maxlen, shape))
}

# The axes of sequences behind that of their steps: those of the first that has any steps.
shape_of_steps <- function(sequences) {
  shapes <- lapply(sequences, function(x) dim(x)[-1L])
  filled <- which(lengths(sequences) > 0L)
  if (length(filled) == 0L) return(NULL)
  shape <- shapes[[filled[[1L]]]]
  same <- vapply(shapes[filled], function(other) identical(as.integer(other), as.integer(shape)), NA)
  for (i in utils::head(filled[!same], 1L)) {
    abort(sprintf("`sequences` must have steps of one shape: that in place %d has %s, that in place %d %s.",
                  filled[[1L]], format_shape(shape), i, format_shape(shapes[[i]])), "hornet_shape_error")
  }
  shape
}

#' Scale arrays to length one
#'
#' @param x Vector, matrix or array of numbers.
#' @param axis Axis along which the norm is taken, counting from 1; -1 is the last.
#' @param order Order of the norm: 2 for the square root of the sum of squares, 1 for the sum of
#'   absolute values, 0 for the number of those that aren't 0, `Inf` for the largest of them.
#' @return `x`, divided by its norms. Where a norm is 0, `x` stays as it is.
#' @family array utilities
#' @export
#' @examples
#' normalize(rbind(c(3, 4), c(0, 0)))
normalize <- function(x, axis = -1, order = 2) {
  if (!is.numeric(x)) abort(sprintf("`x` must hold numbers, not %s.", describe(x)), "hornet_value_error")
  check_not_negative(order, "order")
  shape <- dim(x) %||% length(x)
  along <- axes_from_zero(axis, length(shape)) + 1
  others <- setdiff(seq_along(shape), along)
  norm <- function(v) {
    if (order == 0) return(sum(v != 0))
    if (is.infinite(order)) max(abs(v)) else sum(abs(v)^order)^(1 / order)
  }
  if (length(others) == 0L) {
    size <- norm(x)
    return(if (size %in% 0) x else x / size)
  }
  norms <- apply(x, others, norm)
  norms[norms == 0] <- 1
  sweep(x, others, norms, `/`)
}

#' Arrays as models take them
#'
#' Vectors, matrices and data frames of numbers become arrays; lists of them lists of arrays. Models
#' take R's arrays as they are, so this is rarely needed.
#'
#' @param x Numbers, an array, a [tensor][keras_tensor] with a value, or a list of these; `NULL` stays.
#' @param dtype `"int32"` cuts off fractions, `"float32"` rounds to what 32 bits hold, `NULL` leaves
#'   numbers as they are.
#' @return An array, or a list of arrays.
#' @family array utilities
#' @export
#' @examples
#' keras_array(1:3)
#' keras_array(list(a = c(1.5, 2), b = diag(2)), dtype = "int32")
keras_array <- function(x, dtype = NULL) {
  if (is.null(x)) return(NULL)
  if (is.data.frame(x)) x <- as.matrix(x)
  if (is.list(x) && !is_tensor(x)) return(lapply(x, keras_array, dtype = dtype))
  if (is_tensor(x)) x <- as.array(x)
  if (!is.numeric(x) && !is.logical(x)) {
    abort(sprintf("expected numbers, got %s.", describe(x)), "hornet_value_error")
  }
  shape <- dim(x) %||% length(x)
  if (!is.null(dtype)) x <- k_eval(k_cast(array(x + 0, shape), dtype))
  array(x, shape, dimnames(x))
}

#' Shapes
#'
#' @param ... Sizes; `NULL` or `NA` is one that isn't known, such as the batch's.
#' @return An integer vector in which `NA` stands for unknown sizes, as `dim()` gives it for a
#'   [tensor][keras_tensor]: to be used wherever a shape is asked for.
#' @family array utilities
#' @export
#' @examples
#' shape(NULL, 28, 28)
#' layer_input(batch_shape = shape(NULL, 28, 28))
shape <- function(...) as_shape(list(...), "...") %||% integer()

#' Make a run reproducible
#'
#' Seeds R's random numbers, from which weights, dropout, the order of samples and everything else
#' random in a model follow, and restarts the numbering of names ([k_clear_session()]). Results don't
#' depend on the number of threads, so nothing has to be switched off.
#'
#' @param seed A whole number.
#' @param disable_gpu,disable_parallel_cpu Ignored.
#' @param quiet Don't say what was done?
#' @return `NULL`, invisibly.
#' @family models
#' @seealso [set.seed()]
#' @export
#' @examples
#' use_session_with_seed(42)
use_session_with_seed <- function(seed, disable_gpu = TRUE, disable_parallel_cpu = TRUE, quiet = FALSE) {
  seed <- as_int(seed)
  k_clear_session()
  set.seed(seed)
  if (!isTRUE(quiet)) message("Set session seed to ", seed, ".")
  invisible(NULL)
}
