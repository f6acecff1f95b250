# Backend functions k_*: mathematics, logic and reductions. One line an op where that is enough.

# Axes of k_* count from 1, the batch is axis 1; -1 is the last, -2 the one before.
axes_from_zero <- function(axis, rank, what = "axis") {
  if (is.null(axis)) return(numeric())
  axis <- as_int(axis, what)
  from_one <- ifelse(axis < 0L, rank + 1L + axis, axis)
  if (any(from_one < 1L | from_one > rank)) {
    abort(sprintf("`%s` is %s, but the tensor has %d axes (they count from 1, -1 is the last).",
                  what, describe(axis), rank), "hornet_shape_error")
  }
  sort(unique(from_one)) - 1
}

#' Elementwise functions of one tensor
#'
#' Shapes stay as they are.
#'
#' @param x Tensor, number or array.
#' @param alpha Slope of the negative part (`k_relu`); scale of the exponential part (`k_elu`).
#' @param min_value,max_value Bounds. In `k_relu()` `max_value` may be `NULL`: none.
#' @param a Exponent, a number or a tensor. Fractions are allowed.
#' @return A tensor.
#' @details
#' `k_round()` rounds half to even. `k_hard_sigmoid(x)` is `clip(0.2 * x + 0.5, 0, 1)`;
#' `k_elu(x, alpha)` is x for positive x, else `alpha * (exp(x) - 1)`; `k_softplus(x)` is
#' `log(1 + exp(x))`; `k_softsign(x)` is `x / (1 + abs(x))`; `k_softmax()` normalises over the last
#' axis. `k_sign()` and `k_round()` have gradient zero; so has `k_clip()` outside of its bounds.
#' @name k_elementwise
#' @family backend
#' @examples
#' k_eval(k_relu(c(-1, 0, 2)))
#' k_eval(k_softmax(matrix(c(1, 1, 1, 3), 2, byrow = TRUE)))
NULL

unary <- function(op, x, ...) emit(op, list(as_float(x)), list(...))

#' @rdname k_elementwise
#' @export
k_abs <- function(x) unary("abs", x)
#' @rdname k_elementwise
#' @export
k_sign <- function(x) unary("sign", x)
#' @rdname k_elementwise
#' @export
k_exp <- function(x) unary("exp", x)
#' @rdname k_elementwise
#' @export
k_log <- function(x) unary("log", x)
#' @rdname k_elementwise
#' @export
k_sqrt <- function(x) unary("sqrt", k_maximum(x, 0))
#' @rdname k_elementwise
#' @export
k_square <- function(x) unary("square", x)
#' @rdname k_elementwise
#' @export
k_round <- function(x) unary("round", x)
#' @rdname k_elementwise
#' @export
k_sin <- function(x) unary("sin", x)
#' @rdname k_elementwise
#' @export
k_cos <- function(x) unary("cos", x)
#' @rdname k_elementwise
#' @export
k_tanh <- function(x) unary("tanh", x)
#' @rdname k_elementwise
#' @export
k_sigmoid <- function(x) unary("sigmoid", x)
#' @rdname k_elementwise
#' @export
k_hard_sigmoid <- function(x) k_clip(0.2 * as_float(x) + 0.5, 0, 1)
#' @rdname k_elementwise
#' @export
k_softplus <- function(x) unary("softplus", x)
#' @rdname k_elementwise
#' @export
k_softsign <- function(x) as_float(x) / (1 + k_abs(x))
#' @rdname k_elementwise
#' @export
k_softmax <- function(x) unary("softmax", x)
#' @rdname k_elementwise
#' @export
k_elu <- function(x, alpha = 1) unary("elu", x, alpha = alpha)
#' @rdname k_elementwise
#' @export
k_relu <- function(x, alpha = 0, max_value = NULL) {
  x <- as_float(x)
  positive <- emit("relu", list(x))
  if (!is.null(max_value)) positive <- k_minimum(positive, max_value)
  if (is.numeric(alpha) && alpha == 0) return(positive)
  positive - alpha * emit("relu", list(-x))
}
#' @rdname k_elementwise
#' @export
k_clip <- function(x, min_value, max_value) {
  unary("clip", x, min = as.numeric(min_value), max = as.numeric(max(min_value, max_value)))
}
#' @rdname k_elementwise
#' @export
k_pow <- function(x, a) {
  if (is.numeric(a) && length(a) == 1L) {
    if (a == 1) return(as_float(x))
    if (a == 2) return(k_square(x))
    if (a == 0.5) return(k_sqrt(x))
    if (a == -1) return(unary("reciprocal", x))
  }
  emit_binary("pow", as_float(x), as_float(a))
}

#' Elementwise functions of two tensors
#'
#' Shapes are broadcast as in numpy: aligned at the last axis, axes of size one are repeated.
#' Comparisons give 1 where true and 0 elsewhere.
#'
#' @param x,y Tensors, numbers or arrays.
#' @return A tensor.
#' @name k_maximum
#' @family backend
#' @examples
#' k_eval(k_maximum(c(1, 5), 3))
#' k_eval(k_greater(c(1, 5), 3))
NULL

#' @rdname k_maximum
#' @export
k_maximum <- function(x, y) emit_binary("maximum", x, y)
#' @rdname k_maximum
#' @export
k_minimum <- function(x, y) emit_binary("minimum", x, y)
#' @rdname k_maximum
#' @export
k_equal <- function(x, y) emit_binary("equal", x, y)
#' @rdname k_maximum
#' @export
k_not_equal <- function(x, y) emit_binary("not_equal", x, y)
#' @rdname k_maximum
#' @export
k_greater <- function(x, y) emit_binary("greater", x, y)
#' @rdname k_maximum
#' @export
k_greater_equal <- function(x, y) emit_binary("greater_equal", x, y)
#' @rdname k_maximum
#' @export
k_less <- function(x, y) emit_binary("less", x, y)
#' @rdname k_maximum
#' @export
k_less_equal <- function(x, y) emit_binary("less_equal", x, y)

#' Choose between two tensors
#'
#' Both are computed; where `condition` isn't zero the first is taken.
#'
#' @param condition Tensor or number. With fewer axes than the expressions, it applies to all
#'   elements of their further axes.
#' @param then_expression,else_expression Tensors, or functions without arguments that return them.
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' x <- k_constant(c(-2, 3))
#' k_eval(k_switch(k_greater(x, 0), x, k_zeros_like(x)))
k_switch <- function(condition, then_expression, else_expression) {
  then <- as_float(value_or_call(then_expression))
  otherwise <- as_float(value_or_call(else_expression))
  condition <- as_float(condition)
  missing_axes <- max(tensor_rank(then), tensor_rank(otherwise)) - tensor_rank(condition)
  if (missing_axes > 0L && tensor_rank(condition) > 0L) {
    condition <- reshape_dims(condition, c(condition$dims, rep(1, missing_axes)))
  }
  emit("select", list(condition, then, otherwise))
}

value_or_call <- function(x) if (is.function(x) && !is_layer(x)) x() else x

#' Choose by the phase
#'
#' Models are traced once for training and once for evaluation and prediction; these functions
#' return one expression in the first and the other in the second.
#'
#' @param x What to return in the training phase (`k_in_train_phase`) or the test phase.
#' @param alt What to return otherwise. Tensors, or functions without arguments.
#' @param training `TRUE` or `FALSE` instead of the phase.
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' noisy <- layer_input(shape = 2) %>%
#'   layer_activation(function(x) k_in_train_phase(x + 1, x))
k_in_train_phase <- function(x, alt, training = NULL) {
  value_or_call(if (isTRUE(as.logical(training %||% in_training()))) x else alt)
}
#' @rdname k_in_train_phase
#' @export
k_in_test_phase <- function(x, alt, training = NULL) k_in_train_phase(alt, x, training)

#' Reductions
#'
#' @param x Tensor or array.
#' @param axis Axes to reduce, counting from 1 (the batch), -1 is the last. `NULL`: all.
#' @param keepdims Keep reduced axes with size 1?
#' @details `k_var()` and `k_std()` divide by n. `k_argmax()` and `k_argmin()` count from 0 and
#' take the first of equals. `k_any()` and `k_all()` give 1 or 0; anything but zero is true.
#' `k_logsumexp()` is `log(sum(exp(x)))`, without overflow. `k_prod()`, `k_cumsum()` and
#' `k_cumprod()` don't work along the batch axis.
#' @return A tensor.
#' @name k_reductions
#' @family backend
#' @examples
#' x <- matrix(1:6, 2)
#' k_eval(k_sum(x, axis = 2))
#' k_eval(k_argmax(x))
NULL

# Reducing axes of size one is only a change of shape.
reduce <- function(op, x, axis, keepdims, ...) {
  x <- as_float(x)
  axes <- axes_from_zero(axis, tensor_rank(x))
  reduced <- if (length(axes)) axes else seq_along(x$dims) - 1
  if (all(x$dims[reduced + 1] == 1)) {
    return(if (isTRUE(keepdims)) x else reshape_dims(x, x$dims[-(reduced + 1)]))
  }
  emit(op, list(x), list(axes = axes, keepdims = isTRUE(keepdims), ...))
}

#' @rdname k_reductions
#' @export
k_sum <- function(x, axis = NULL, keepdims = FALSE) reduce("sum", x, axis, keepdims)
#' @rdname k_reductions
#' @export
k_mean <- function(x, axis = NULL, keepdims = FALSE) reduce("sum", x, axis, keepdims, mean = TRUE)
#' @rdname k_reductions
#' @export
k_max <- function(x, axis = NULL, keepdims = FALSE) reduce("max", x, axis, keepdims)
#' @rdname k_reductions
#' @export
k_min <- function(x, axis = NULL, keepdims = FALSE) reduce("min", x, axis, keepdims)
#' @rdname k_reductions
#' @export
k_var <- function(x, axis = NULL, keepdims = FALSE) {
  k_mean(k_square(x - k_mean(x, axis, keepdims = TRUE)), axis, keepdims)
}
#' @rdname k_reductions
#' @export
k_std <- function(x, axis = NULL, keepdims = FALSE) k_sqrt(k_var(x, axis, keepdims))
#' @rdname k_reductions
#' @export
k_any <- function(x, axis = NULL, keepdims = FALSE) k_max(as_float(k_not_equal(x, 0)), axis, keepdims)
#' @rdname k_reductions
#' @export
k_all <- function(x, axis = NULL, keepdims = FALSE) k_min(as_float(k_not_equal(x, 0)), axis, keepdims)
#' @rdname k_reductions
#' @export
k_logsumexp <- function(x, axis = NULL, keepdims = FALSE) {
  largest <- k_stop_gradient(k_max(x, axis, keepdims = TRUE))
  total <- k_log(k_sum(k_exp(x - largest), axis, keepdims = TRUE)) + largest
  if (keepdims) total else reshape_dims(total, reduced_dims(as_float(x), axis))
}

reduced_dims <- function(x, axis) {
  axes <- axes_from_zero(axis, tensor_rank(x))
  if (length(axes)) x$dims[-(axes + 1)] else numeric()
}

#' @rdname k_reductions
#' @export
k_argmax <- function(x, axis = -1) {
  x <- as_float(x)
  emit("argmax", list(x), list(axis = axes_from_zero(axis, tensor_rank(x))))
}
#' @rdname k_reductions
#' @export
k_argmin <- function(x, axis = -1) k_argmax(-as_float(x), axis)

#' @rdname k_reductions
#' @export
k_prod <- function(x, axis = NULL, keepdims = FALSE) {
  x <- as_float(x)
  axes <- axes_from_zero(axis, tensor_rank(x))
  if (length(axes) == 0L) axes <- seq_along(x$dims) - 1
  dims <- x$dims
  for (axis in axes + 1) {
    x <- fold_axis(x, axis, function(a, b) a * b)
    dims[[axis]] <- 1
  }
  if (keepdims) x else reshape_dims(x, dims[-(axes + 1)])
}

# Combines the slices along an axis by halves: the graph stays shallow.
fold_axis <- function(x, axis, f) {
  while ((n <- x$dims[[axis]]) != 1) {
    if (n < 0) abort("this can't be computed along the batch axis.", "hornet_shape_error")
    half <- n %/% 2
    folded <- f(slice(x, axis, 1, half), slice(x, axis, half + 1, half))
    x <- if (n %% 2 == 0) folded else {
      emit("concat", list(folded, slice(x, axis, n, 1)), list(axis = axis - 1))
    }
  }
  x
}

#' @rdname k_reductions
#' @export
k_cumsum <- function(x, axis = 1) accumulate(x, axis, function(a, b) a + b)
#' @rdname k_reductions
#' @export
k_cumprod <- function(x, axis = 1) accumulate(x, axis, function(a, b) a * b)

accumulate <- function(x, axis, f) {
  x <- as_float(x)
  axis <- axes_from_zero(axis, tensor_rank(x)) + 1
  n <- x$dims[[axis]]
  if (n < 0) abort("this can't be computed along the batch axis.", "hornet_shape_error")
  parts <- split_axis(x, axis, n)
  for (i in seq_len(n)[-1L]) parts[[i]] <- f(parts[[i - 1L]], parts[[i]])
  if (n == 1) x else emit("concat", parts, list(axis = axis - 1))
}

#' Products
#'
#' `k_dot()` multiplies the last axis of `x` with the last but one of `y` (the only one of a
#' vector). `k_batch_dot()` does so for each sample, along `axes` of both (counting from 1, the
#' batch).
#'
#' @param x,y Tensors.
#' @param axes One axis for both or one each; `NULL`: the last of `x` and the last but one of `y`
#'   (the last, if `y` is a matrix).
#' @return A tensor. `k_batch_dot()` of two matrices has shape `(batch, 1)`.
#' @family backend
#' @export
#' @examples
#' k_eval(k_dot(matrix(1:4, 2), diag(2)))
#' k_eval(k_batch_dot(matrix(1:4, 2), matrix(1:4, 2), axes = 2))
k_dot <- function(x, y) {
  x <- as_float(x)
  y <- as_float(y)
  rank_x <- tensor_rank(x)
  rank_y <- tensor_rank(y)
  if (rank_x < 1L || rank_y < 1L) abort("k_dot() needs tensors with at least one axis.", "hornet_shape_error")
  if (rank_y > 2L) {
    y <- emit("transpose", list(y), list(perm = c(rank_y - 2, setdiff(seq_len(rank_y) - 1, rank_y - 2))))
  }
  inner <- y$dims[[1L]]
  if (x$dims[[rank_x]] != inner) {
    abort(sprintf("k_dot(): the last axis of x has size %s, but y expects %s (shapes %s and %s).",
                  format_dim(x$dims[[rank_x]]), format_dim(inner), format_shape(tensor_shape(x)),
                  format_shape(tensor_shape(y))), "hornet_shape_error")
  }
  outer <- c(x$dims[-rank_x], y$dims[-1L])
  rows <- as_matrix_dims(x, rank_x - 1L)
  columns <- as_matrix_dims(y, 1L)
  reshape_dims(emit("matmul", list(rows, columns)), outer)
}

format_dim <- function(d) if (d < 0) "None" else format(d)

# As a matrix whose rows are the first `n` axes.
as_matrix_dims <- function(x, n) {
  if (tensor_rank(x) == 2L && n == 1L) return(x)
  reshape_dims(x, c(prod(x$dims[seq_len(n)]), prod(x$dims[seq_along(x$dims) > n])))
}

#' @rdname k_dot
#' @export
k_batch_dot <- function(x, y, axes) {
  x <- as_float(x)
  y <- as_float(y)
  if (is.null(axes)) axes <- c(tensor_rank(x), max(tensor_rank(y) - 1L, 2L))
  axes <- rep_len(as_int(axes), 2L)
  x <- axis_to_end(x, axes_from_zero(axes[[1L]], tensor_rank(x)))
  y <- axis_to_end(y, axes_from_zero(axes[[2L]], tensor_rank(y)))
  inner <- x$dims[[tensor_rank(x)]]
  if (inner != y$dims[[tensor_rank(y)]]) {
    abort(sprintf("k_batch_dot(): the axes to multiply have sizes %s and %s.",
                  format_dim(inner), format_dim(y$dims[[tensor_rank(y)]])), "hornet_shape_error")
  }
  batch <- x$dims[[1L]]
  outer_x <- x$dims[-c(1L, tensor_rank(x))]
  outer_y <- y$dims[-c(1L, tensor_rank(y))]
  if (length(outer_x) + length(outer_y) == 0L) return(k_sum(x * y, axis = -1, keepdims = TRUE))
  product <- emit("batch_matmul", list(
    reshape_dims(x, c(batch, prod(outer_x), inner)), reshape_dims(y, c(batch, prod(outer_y), inner))
  ), list(transpose_b = TRUE))
  reshape_dims(product, c(batch, outer_x, outer_y))
}

axis_to_end <- function(x, axis) {
  others <- setdiff(seq_along(x$dims) - 1, axis)
  if (axis == tensor_rank(x) - 1) return(x)
  emit("transpose", list(x), list(perm = c(others, axis)))
}

#' Scale to length one
#'
#' @param x Tensor.
#' @param axis Axes over which the length is taken; `NULL`: all.
#' @return `x / sqrt(max(sum(x^2), 1e-12))`
#' @family backend
#' @export
#' @examples
#' k_eval(k_l2_normalize(c(3, 4)))
k_l2_normalize <- function(x, axis = NULL) {
  x <- as_float(x)
  x / k_sqrt(k_maximum(k_sum(k_square(x), axis, keepdims = TRUE), 1e-12))
}

#' Categories as indicator vectors, and rows by number
#'
#' `k_one_hot()` appends an axis of size `num_classes` that is 1 at the index; `k_gather()` takes
#' the elements of the first axis with the given indices.
#'
#' @param indices Tensor or array of whole numbers, counting from 0 (in both functions; from version
#'   2.2.4 of the reference on its `k_gather()` counts from 1). For other numbers the result is zero.
#' @param num_classes Number of classes.
#' @param reference Tensor whose first axis is indexed; its size must be known.
#' @return A tensor: `k_one_hot()` of shape `(dim(indices), num_classes)`, `k_gather()` of shape
#'   `(dim(indices), dim(reference)[-1])`.
#' @family backend
#' @export
#' @examples
#' k_eval(k_one_hot(c(0, 2), 3))
#' k_eval(k_gather(matrix(1:6, 3), c(0, 2, 2)))
k_one_hot <- function(indices, num_classes) {
  emit("one_hot", list(as_tensor(indices)), list(depth = positive_int(num_classes)))
}
#' @rdname k_one_hot
#' @export
k_gather <- function(reference, indices) {
  reference <- as_float(reference)
  if (reference$dims[[1L]] < 0) abort("k_gather(): the batch axis can't be indexed.", "hornet_shape_error")
  emit("gather", list(reference, as_tensor(indices)))
}
