# The symbolic tensor: a value that is known when a model runs. Arithmetic, comparison, maths and
# indexing on it append operations to the graph being traced.
#
# A tensor is an environment with
#   dims, dtype   engine dimensions (negative: that many times the batch) and element type
#   trace, value  the trace it belongs to (NULL: made while building models) and its place there
#   source        how it was made: list(op, inputs, attrs, outputs), and `index` among the outputs
#   history       the layer call whose output it is: list(layer, node, index), or NULL
#   mask          which time steps count, or NULL
#   unknown       which axes have a size that only stands in for one not known yet, or NULL; then
#   double        is the same tensor with another size (unknown-sizes.R)

new_tensor <- function(record, trace, source, index = 1L,
                       generation = if (is.null(trace)) scratch()$generation) {
  tensor <- new.env(parent = emptyenv())
  tensor$uid <- next_uid()
  tensor$dims <- as.numeric(record$dim)
  tensor$dtype <- record$dtype
  tensor$trace <- trace
  tensor$value <- record$value
  tensor$generation <- generation
  tensor$source <- source
  tensor$index <- index
  tensor$history <- NULL
  tensor$mask <- NULL
  class(tensor) <- "keras_tensor"
  tensor
}

is_tensor <- function(x) inherits(x, "keras_tensor")

# The same value as a tensor of its own: a layer that returns its input unchanged still has an
# output that knows where it came from.
same_value <- function(x) {
  tensor <- list2env(mget(c("dims", "dtype", "trace", "value", "generation", "unknown", "double"), envir = x,
                          ifnotfound = list(NULL)),
                     parent = emptyenv())
  tensor$uid <- next_uid()
  tensor$source <- list(op = "same", inputs = list(x), attrs = list())
  tensor$index <- 1L
  tensor$mask <- x$mask
  class(tensor) <- "keras_tensor"
  tensor
}

tensor_shape <- function(x) {
  shape <- shape_of_dims(x$dims)
  shape[x$unknown] <- NA
  shape
}
tensor_rank <- function(x) length(x$dims)

# The name other layers' messages and summaries use.
tensor_name <- function(x) {
  if (!is.null(x$name)) return(x$name)
  if (!is.null(x$history)) return(x$history$layer$name)
  x$source$op %||% "tensor"
}

#' Symbolic tensors
#'
#' The inputs and outputs of layers, and everything the `k_*` functions return, are symbolic
#' tensors: values that are known when a model runs. They take part in arithmetic (`+ - * / ^ %%
#' %/%`), comparison, logic (`! & |`, where zero is false), the usual mathematical functions,
#' `sum()`, `mean()`, `min()`, `max()`, `range()` and indexing. Every such use appends operations
#' to the graph of the model, which then runs them without R.
#'
#' @section Indexing:
#' `x[, 1:3, 2]` follows R: indices count from 1, an empty place means all, negative indices leave
#' out, and an axis indexed by one number is dropped unless `drop = FALSE`. Axes whose size isn't
#' known yet, the batch among them, are indexed by positive numbers; a batch with fewer rows is an
#' error when the model runs.
#'
#' `%*%` isn't available for tensors: use [k_dot()].
#'
#' @section Values:
#' A tensor that depends on no input of a model has a value: printing it computes and shows it,
#' `as.array()`, `as.numeric()`, `as.integer()`, `as.logical()` and `as.vector()` return it, as does
#' [k_eval()]. The value of any other tensor isn't known while a model is described, so it can't be the
#' condition of `if ()` or be turned into numbers (`hornet_trace_error`). Use [k_switch()], or look at
#' values in a callback.
#'
#' @param e1,e2,x,... Tensors, numbers or arrays.
#' @param drop Whether axes indexed by one number disappear.
#' @param na.rm Ignored.
#' @param digits Decimal places for `round()`.
#' @return A tensor. `dim()` gives an integer vector in which `NA` is the batch.
#' @name keras_tensor
#' @family backend
#' @examples
#' x <- layer_input(shape = 3)
#' y <- 2 * x + 1
#' dim(y)
#' y[, 1]
#' k_constant(1:3) + 1
NULL

#' @export
print.keras_tensor <- function(x, ..., max = 200L) {
  cat(format(x), "\n", sep = "")
  if (has_value(x)) print(k_eval(x), ..., max = max)
  invisible(x)
}

#' @export
format.keras_tensor <- function(x, ...) {
  kind <- if (is_variable(x)) "keras_variable" else "keras_tensor"
  sprintf('<%s "%s" shape=%s dtype=%s>', kind, tensor_name(x), format_shape(tensor_shape(x)), x$dtype)
}

#' @export
str.keras_tensor <- function(object, ...) cat("", format(object), "\n")

#' @rdname keras_tensor
#' @export
dim.keras_tensor <- function(x) tensor_shape(x)

#' @rdname keras_tensor
#' @export
Ops.keras_tensor <- function(e1, e2) {
  if (missing(e2)) {
    return(switch(.Generic,
      "-" = emit("neg", list(e1)),
      "+" = e1,
      "!" = emit_binary("equal", e1, 0)
    ))
  }
  switch(.Generic,
    "+" = emit_binary("add", e1, e2),
    "-" = emit_binary("sub", e1, e2),
    "*" = emit_binary("mul", e1, e2),
    "/" = emit_binary("div", e1, e2),
    "^" = k_pow(e1, e2),
    "%/%" = emit("floor", list(as_float(emit_binary("div", e1, e2)))),
    "%%" = e1 - e2 * emit("floor", list(as_float(emit_binary("div", e1, e2)))),
    "==" = emit_binary("equal", e1, e2),
    "!=" = emit_binary("not_equal", e1, e2),
    "<" = emit_binary("less", e1, e2),
    "<=" = emit_binary("less_equal", e1, e2),
    ">" = emit_binary("greater", e1, e2),
    ">=" = emit_binary("greater_equal", e1, e2),
    "&" = emit_binary("mul", as_truth(e1), as_truth(e2)),
    "|" = emit_binary("maximum", as_truth(e1), as_truth(e2)),
    abort(sprintf("`%s` is not available for tensors.", .Generic), "hornet_trace_error")
  )
}

# 1 where not zero.
as_truth <- function(x) {
  if (is_tensor(x)) emit_binary("not_equal", x, 0) else as.numeric(x != 0)
}

#' @rdname keras_tensor
#' @export
Math.keras_tensor <- function(x, ...) {
  switch(.Generic,
    abs = k_abs(x),
    sign = k_sign(x),
    sqrt = k_sqrt(x),
    exp = k_exp(x),
    expm1 = k_exp(x) - 1,
    log = math_log(x, ...),
    log2 = k_log(x) / log(2),
    log10 = k_log(x) / log(10),
    log1p = k_log(x + 1),
    cos = k_cos(x),
    sin = k_sin(x),
    tan = k_sin(x) / k_cos(x),
    cosh = (k_exp(x) + k_exp(-x)) / 2,
    sinh = (k_exp(x) - k_exp(-x)) / 2,
    tanh = k_tanh(x),
    floor = emit("floor", list(as_float(x))),
    ceiling = -emit("floor", list(as_float(-x))),
    trunc = k_sign(x) * emit("floor", list(as_float(k_abs(x)))),
    round = math_round(x, ...),
    abort(sprintf("`%s()` is not available for tensors.", .Generic), "hornet_trace_error")
  )
}

math_log <- function(x, base = NULL) if (is.null(base)) k_log(x) else k_log(x) / log(base)

math_round <- function(x, digits = 0) {
  if (digits == 0) k_round(x) else k_round(x * 10^digits) / 10^digits
}

#' @rdname keras_tensor
#' @export
round.keras_tensor <- function(x, digits = 0, ...) math_round(x, digits)

#' @rdname keras_tensor
#' @export
Summary.keras_tensor <- function(..., na.rm = FALSE) {
  xs <- list(...)
  if (length(xs) != 1L) {
    abort(sprintf("`%s()` takes one tensor.", .Generic), "hornet_trace_error")
  }
  switch(.Generic,
    sum = k_sum(xs[[1L]]),
    prod = k_prod(xs[[1L]]),
    min = k_min(xs[[1L]]),
    max = k_max(xs[[1L]]),
    range = k_stack(list(k_min(xs[[1L]]), k_max(xs[[1L]]))),
    any = k_any(xs[[1L]]),
    all = k_all(xs[[1L]])
  )
}

#' @rdname keras_tensor
#' @export
mean.keras_tensor <- function(x, ...) k_mean(x)

#' @rdname keras_tensor
#' @export
t.keras_tensor <- function(x) k_transpose(x)

#' @rdname keras_tensor
#' @export
`[.keras_tensor` <- function(x, ..., drop = TRUE) {
  # Empty places are symbols without a name in the call.
  places <- as.list(substitute(alist(...)))[-1L]
  rank <- tensor_rank(x)
  if (length(places) != rank) {
    abort(sprintf("a tensor of rank %d takes %d indices, got %d.", rank, rank, length(places)),
          "hornet_shape_error")
  }
  env <- parent.frame()
  dropped <- integer()
  for (axis in seq_len(rank)) {
    if (identical(places[[axis]], quote(expr = ))) next
    index <- eval(places[[axis]], env)
    if (is_tensor(index)) {
      abort("an index must be known while the model is traced; use k_gather() for a tensor.",
            "hornet_trace_error")
    }
    size <- x$dims[[axis]]
    if (size < 0 || isTRUE(x$unknown[axis])) {
      if (!is.numeric(index) || any(index < 1)) {
        abort(sprintf("axis %d is indexed by %s, but its size is not known yet: use positive numbers.", axis,
                      describe(index)), "hornet_shape_error")
      }
      if (size < 0) size <- max(index)
    }
    wanted <- tryCatch(seq_len(size)[index], error = function(e) NA_integer_)
    if (anyNA(wanted)) {
      abort(sprintf("index out of bounds: axis %d has size %d.", axis, size), "hornet_shape_error")
    }
    x <- take(x, axis, wanted)
    if (drop && is.numeric(index) && length(index) == 1L && length(wanted) == 1L) {
      dropped <- c(dropped, axis)
    }
  }
  if (length(dropped)) x <- reshape_dims(x, x$dims[-dropped])
  x
}

# Elements `wanted` (1-based) of an axis: runs of neighbours become slices.
take <- function(x, axis, wanted) {
  starts <- which(c(TRUE, diff(wanted) != 1L))
  ends <- c(starts[-1L] - 1L, length(wanted))
  parts <- lapply(seq_along(starts), function(i) {
    slice(x, axis, wanted[[starts[[i]]]], ends[[i]] - starts[[i]] + 1L)
  })
  if (length(parts) == 1L) parts[[1L]] else emit("concat", parts, list(axis = axis - 1))
}

# `size` elements of `axis` (1-based) from `begin` (1-based) on.
slice <- function(x, axis, begin, size) {
  if (begin == 1L && size == x$dims[[axis]]) return(x)
  emit("slice", list(x), list(axis = axis - 1, begin = begin - 1, size = size))
}

# `parts` equal parts of `axis` (1-based), as a list.
split_axis <- function(x, axis, parts) {
  as_tensor_list(emit("split", list(x), list(axis = axis - 1, parts = parts)))
}

only_when_run <- function(what) {
  abort(c(
    sprintf("%s: this value is only known when the model runs.", what),
    "Use k_switch() to choose between two tensors, or compute it in a callback."
  ), "hornet_trace_error")
}

# What lies along `axis` (1-based), piece by piece, without that axis.
pieces_of <- function(x, axis) {
  lapply(split_axis(x, axis, x$dims[[axis]]), function(piece) reshape_dims(piece, piece$dims[-axis]))
}

# Whether a tensor can be computed here and now: no trace is going on, and it depends on no input.
has_value <- function(x) {
  if (!is.null(.globals$trace) || !is.null(x$trace)) return(FALSE)
  seen <- new.env(parent = emptyenv())
  visit <- function(tensor) {
    key <- uid_key(tensor)
    if (!is.null(seen[[key]]) || is_variable(tensor)) return(TRUE)
    assign(key, TRUE, envir = seen)
    # An update is made by a run of its own, not by looking.
    if (!is.null(tensor$trace) || tensor$source$op %in% c("placeholder", "update")) return(FALSE)
    before <- if (is.null(tensor$history)) tensor$source$inputs else tensor$history$node$inputs
    for (input in before) if (!visit(input)) return(FALSE)
    TRUE
  }
  visit(x)
}

value_of_tensor <- function(x, what) if (has_value(x)) k_eval(x) else only_when_run(what)

#' @export
as.array.keras_tensor <- function(x, ...) value_of_tensor(x, "as.array(tensor)")
#' @export
as.matrix.keras_tensor <- function(x, ...) as.matrix(value_of_tensor(x, "as.matrix(tensor)"))
#' @export
as.double.keras_tensor <- function(x, ...) as.double(value_of_tensor(x, "as.numeric(tensor)"))
#' @export
as.integer.keras_tensor <- function(x, ...) as.integer(value_of_tensor(x, "as.integer(tensor)"))
#' @export
as.logical.keras_tensor <- function(x, ...) as.logical(value_of_tensor(x, "as.logical(tensor)"))
#' @export
as.character.keras_tensor <- function(x, ...) as.character(value_of_tensor(x, "as.character(tensor)"))
#' @export
as.vector.keras_tensor <- function(x, mode = "any") {
  if (mode == "list") return(list(x))
  as.vector(value_of_tensor(x, sprintf('as.vector(tensor, "%s")', mode)), mode)
}
#' @export
as.list.keras_tensor <- function(x, ...) list(x)

#' @export
unique.keras_tensor <- function(x, ...) only_when_run("unique(tensor)")
