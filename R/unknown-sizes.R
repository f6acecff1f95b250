# Sizes that are known only when data come: NULL in a shape, beside the batch.
#
# While a model is built, one size stands in for all of them, and every layer is called a second
# time, with another size. Where the sizes of the two results differ, they depend on the data: the
# tensor's axis is `unknown`, and shown as None. Such a tensor has the other one as its `double`.
# When data come, the model is traced for their sizes, once for each shape (trace_model()).

# Halves of them exist five times over, so pooling and enlarging again come out even.
stand_in_sizes <- c(64, 96)

# The dims of a shape while building: NA beside the batch is a size that isn't known.
stand_in_dims <- function(shape, which = 1L) {
  dims <- dims_of_shape(shape)
  dims[-1L][is.na(shape[-1L])] <- stand_in_sizes[[which]]
  dims
}

has_unknown <- function(x) !is.null(x$unknown)
double_of <- function(x) x$double %||% x

# x, of which `double` is what it becomes with the other size.
with_double <- function(x, double) {
  if (length(x$dims) != length(double$dims)) {
    abort("the number of axes depends on a size that isn't known yet.", "hornet_shape_error")
  }
  differ <- x$dims != double$dims
  if (any(differ)) {
    x$unknown <- differ
    x$double <- double
  }
  x
}

# x as layers see it while building: with the size that stands in.
stood_in <- function(x) {
  if (!has_unknown(x)) return(x)
  y <- same_value(x)
  y$unknown <- y$double <- NULL
  y
}

# The outputs of a layer's call, marked where they depend on unknown sizes.
mark_unknown <- function(outputs, layer, inputs, arguments) {
  if (!any(vapply(inputs, has_unknown, TRUE))) return(outputs)
  doubles <- with_known_sizes(
    apply_layer(layer, lapply(inputs, double_of), arguments),
    sprintf('layer "%s"', layer$name), inputs
  )
  Map(with_double, outputs, doubles)
}

# The attributes of a recorded operation for inputs of other sizes. A reshape that only adds or drops
# axes of size one goes along with them.
attrs_for <- function(source, inputs) {
  attrs <- source$attrs
  if (source$op != "reshape" || !has_unknown(source$inputs[[1L]])) return(attrs)
  from <- which(source$inputs[[1L]]$dims != 1)
  to <- which(attrs$shape != 1)
  if (identical(source$inputs[[1L]]$dims[from], attrs$shape[to])) attrs$shape[to] <- inputs[[1L]]$dims[from]
  attrs
}

# Runs what needs inputs of the other size; what can't deal with two sizes needs to know the one.
with_known_sizes <- function(code, what, inputs) {
  tryCatch(code, error = function(e) {
    shape <- format_shape(unwrap_single(lapply(inputs, tensor_shape)))
    abort(c(
      sprintf("%s needs to know all sizes of its input, which has shape %s.", what, shape),
      "Give them in layer_input() or `input_shape`; pad sequences to one length with pad_sequences().",
      conditionMessage(e)
    ), "hornet_shape_error")
  })
}

# --- sizes of data ------------------------------------------------------------------------------

# The engine dimensions of a model's inputs for the data at hand, in the order of the inputs.
input_dims <- function(self) {
  lapply(seq_along(self$inputs), function(i) self$sizes[[i]] %||% self$inputs[[i]]$dims)
}

# Two data of equal sizes share what was traced.
sizes_key <- function(self) {
  if (is.null(self$sizes)) return("")
  paste(vapply(self$sizes, function(dims) paste(dims, collapse = "x"), ""), collapse = " ")
}

leaves_sizes_open <- function(self) any(vapply(self$inputs, has_unknown, TRUE))

# From now on the model is for data like x (an array or a list of arrays, by order or by name).
# Returns what it was for before.
use_sizes_of <- function(self, x) {
  before <- self$sizes
  if (leaves_sizes_open(self)) {
    arrays <- pick_by_port(x, lapply(self$input_names, function(name) list(name = name)), "x")
    self$sizes <- Map(dims_for_array, self$inputs, arrays)
  }
  invisible(before)
}

# The dims of an input, with sizes of an array where they are unknown.
dims_for_array <- function(input, array) {
  dims <- input$dims
  if (!has_unknown(input)) return(dims)
  got <- dim(array)
  # A vector is one column. Other mistakes are told where data are checked.
  if (is.null(got)) got <- c(length(array), 1L)
  if (length(got) == length(dims)) dims[input$unknown] <- got[input$unknown]
  dims
}

# The dims of a model's outputs for the data at hand.
output_dims <- function(self) {
  known <- lapply(self$outputs, function(x) x$dims)
  if (is.null(self$sizes) || !any(vapply(self$outputs, has_unknown, TRUE))) return(known)
  runtime <- runtime_of(self)
  key <- sizes_key(self)
  if (is.null(runtime$output_dims[[key]])) {
    runtime$output_dims[[key]] <- with_layer_depth({
      inputs <- lapply(input_dims(self), function(dims) {
        new_tensor(scratch_input(dims, "float32"), NULL, list(op = "placeholder", inputs = list(), attrs = list()))
      })
      lapply(run_topology(self, inputs), function(y) y$dims)
    })
  }
  runtime$output_dims[[key]]
}

# As if inside of a layer: nothing is recorded.
with_layer_depth <- function(code) {
  .globals$layer_depth <- .globals$layer_depth + 1L
  on.exit(.globals$layer_depth <- .globals$layer_depth - 1L)
  force(code)
}
