# Tracing: running layers, losses and R functions once on symbolic tensors, which appends what
# they compute to an op graph.
#
# There are two situations. While a user builds a model nothing is to be run yet: operations go
# to a scratch graph that checks shapes, and tensors remember how they were made. While a model
# is traced (compile, predict, k_eval), operations go to the graph of that trace; tensors from
# outside that are used there are imported, i.e. made again from what they remember.

# A trace under way. `set`: the variables its function will run on (variables.R).
new_trace <- function(set, training = FALSE) {
  trace <- new.env(parent = emptyenv())
  trace$graph <- cpp_graph()
  trace$set <- set
  trace$training <- training
  trace$imported <- new.env(parent = emptyenv())
  trace$updates <- list()      # tensors of stateful nodes
  trace$losses <- list()       # penalties on activations
  trace$streams <- 0L          # random nodes so far
  trace$uses_random <- FALSE
  trace$frozen <- FALSE        # inside a model or layer whose state must not change
  trace$generation <- next_uid()
  trace
}

with_trace <- function(trace, code) {
  before <- .globals$trace
  .globals$trace <- trace
  on.exit(.globals$trace <- before)
  force(code)
}

current_trace <- function() .globals$trace

# Whether layers behave as in training. k_set_learning_phase() decides outside of models.
in_training <- function() {
  trace <- current_trace()
  if (is.null(trace)) isTRUE(.globals$learning_phase == 1) else isTRUE(trace$training)
}

# Runs `code` as if training (TRUE), not training (FALSE) or as before (NULL).
with_training <- function(training, code) {
  trace <- current_trace()
  if (is.null(training) || is.null(trace)) return(force(code))
  before <- trace$training
  trace$training <- training
  on.exit(trace$training <- before)
  force(code)
}

# Nodes made by `code` carry this name in messages and printed graphs.
with_origin <- function(origin, code) {
  before <- .globals$origin
  .globals$origin <- origin
  on.exit(.globals$origin <- before)
  force(code)
}

with_frozen <- function(frozen, code) {
  trace <- current_trace()
  if (!frozen || is.null(trace)) return(force(code))
  before <- trace$frozen
  trace$frozen <- TRUE
  on.exit(trace$frozen <- before)
  force(code)
}

# The scratch graph is thrown away when it has grown, so that building models leaks nothing;
# tensors of an earlier generation enter the next one as inputs.
scratch <- function() {
  if (is.null(.globals$scratch)) {
    fresh <- new.env(parent = emptyenv())
    fresh$graph <- cpp_graph()
    fresh$size <- 0
    fresh$inputs <- 0L
    fresh$generation <- next_uid()
    .globals$scratch <- fresh
  }
  .globals$scratch
}

# The graph to append to: between operations is the time for a new scratch graph.
place_to_write <- function(trace) {
  if (!is.null(trace)) return(trace)
  if (isTRUE(.globals$scratch$size > 4096)) .globals$scratch <- NULL
  scratch()
}

# A leaf of the scratch graph that stands for a tensor made earlier.
scratch_input <- function(dims, dtype) {
  place <- scratch()
  place$inputs <- place$inputs + 1L
  place$size <- place$size + 1
  cpp_graph_input(place$graph, place$inputs - 1L, dims, dtype)
}

# Appends one operation. `inputs` are tensors, numbers or arrays. Several outputs come as a list.
emit <- function(op, inputs, attrs = list()) {
  trace <- current_trace()
  inputs <- lapply(inputs, as_tensor)
  place <- place_to_write(trace)
  values <- lapply(inputs, value_in, trace)
  records <- cpp_graph_op(place$graph, op, values, attrs, .globals$origin)
  if (is.null(trace)) place$size <- place$size + 1
  source <- list(op = op, inputs = inputs, attrs = attrs)
  outputs <- lapply(seq_along(records), function(i) new_tensor(records[[i]], trace, source, i))
  if (is.null(trace) && any(vapply(inputs, has_unknown, TRUE))) outputs <- emit_doubles(outputs, source)
  unwrap_single(outputs)
}

# The same operation on the doubles of its inputs (unknown-sizes.R).
emit_doubles <- function(outputs, source) {
  doubles <- with_known_sizes(
    {
      inputs <- lapply(source$inputs, double_of)
      as_tensor_list(emit(source$op, inputs, attrs_for(source, inputs)))
    },
    sprintf('the operation "%s"', source$op), source$inputs
  )
  Map(with_double, outputs, doubles)
}

# Two inputs of one type: integers become floats beside floats, numbers take the tensor's type.
emit_binary <- function(op, x, y) {
  x <- as_tensor(x, beside = y)
  y <- as_tensor(y, beside = x)
  if (x$dtype != y$dtype) {
    x <- as_float(x)
    y <- as_float(y)
  }
  emit(op, list(x, y))
}

as_float <- function(x) {
  x <- as_tensor(x)
  if (x$dtype == "float32") x else emit("cast", list(x), list(dtype = "float32"))
}

# Numbers become constants, arrays become variables that nothing changes. Beside a tensor of
# integers, whole numbers are integers.
as_tensor <- function(x, beside = NULL) {
  if (is_tensor(x)) return(x)
  if (is.logical(x)) x <- x + 0
  if (!is.numeric(x)) {
    abort(sprintf("expected a tensor, a number or an array, got %s.", describe(x)),
          "hornet_value_error")
  }
  dtype <- if (is_tensor(beside) && beside$dtype == "int32" && all(x == trunc(x))) "int32" else "float32"
  if (length(x) == 1L && is.null(dim(x))) return(constant_tensor(x, numeric(), dtype))
  new_variable(new_store(), "constant", dim(x) %||% length(x), x, dtype, trainable = FALSE)
}

# One number, repeated over `dims`.
constant_tensor <- function(value, dims, dtype = "float32") {
  trace <- current_trace()
  place <- place_to_write(trace)
  record <- cpp_graph_constant(place$graph, as.numeric(value), as.numeric(dims), dtype)
  if (is.null(trace)) place$size <- place$size + 1
  new_tensor(record, trace, list(op = "constant", inputs = list(),
                                 attrs = list(value = value, dims = dims, dtype = dtype)))
}

# A tensor's place in the graph being written.
value_in <- function(x, trace) {
  if (is.null(trace)) return(value_in_scratch(x))
  if (identical(x$trace, trace)) return(x$value)
  import_tensor(x, trace)$value
}

value_in_scratch <- function(x) {
  if (!is.null(x$trace)) stale_tensor(x)
  if (!identical(x$generation, scratch()$generation)) {
    x$value <- scratch_input(x$dims, x$dtype)$value
    x$generation <- scratch()$generation
  }
  x$value
}

stale_tensor <- function(x) {
  abort(c(
    sprintf("tensor \"%s\" was made while another function was traced and can't be used here.",
            tensor_name(x)),
    "Return what is needed from the function that made it."
  ), "hornet_trace_error")
}

uid_key <- function(x) format(x$uid, scientific = FALSE, digits = 15)

# From now on the outside tensor x stands for `tensor` in this trace.
bind_tensor <- function(trace, x, tensor) {
  assign(uid_key(x), tensor, envir = trace$imported)
}

# Makes a tensor from outside again in this trace.
import_tensor <- function(x, trace) {
  if (identical(x$trace, trace)) return(x)
  known <- trace$imported[[uid_key(x)]]
  if (!is.null(known)) return(known)
  if (is_variable(x)) {
    record <- cpp_graph_variable(trace$graph, trace$set$handle, variable_id(trace$set, x))
    tensor <- new_tensor(record, trace, list(op = "variable", variable = x))
  } else {
    if (!is.null(x$trace)) stale_tensor(x)
    tensor <- remake_tensor(x, trace)
  }
  bind_tensor(trace, x, tensor)
  tensor
}

remake_tensor <- function(x, trace) {
  if (!is.null(x$history) && x$source$op != "placeholder") {
    outputs <- trace_node(x$history$node, trace)
    return(outputs[[x$history$index]])
  }
  source <- x$source
  switch(source$op,
    placeholder = abort(c(
      sprintf("tensor \"%s\" is an input, but not one of the model being traced.", tensor_name(x)),
      "A loss, metric or layer may only use tensors that the model computes from its own inputs."
    ), "hornet_graph_error"),
    same = import_tensor(source$inputs[[1L]], trace),
    constant = constant_tensor(source$attrs$value, source$attrs$dims, source$attrs$dtype),
    random_state = random_state(),
    gradients = remake_gradient(source, x$index, trace),
    update = update_variable(source$variable, import_tensor(source$inputs[[1L]], trace)),
    remake_outputs(source, trace)[[x$index]]
  )
}

# A raw operation of a function that was called outside any layer, e.g. `2 * input`. Its random
# nodes get streams of this trace.
remake_outputs <- function(source, trace) {
  inputs <- lapply(source$inputs, import_tensor, trace)
  if (!is.null(source$attrs$stream) && source$attrs$stream < first_seeded_stream) {
    source$attrs$stream <- next_stream()
  }
  outputs <- emit(source$op, inputs, attrs_for(source, inputs))
  if (is_tensor(outputs)) list(outputs) else outputs
}

# The random state of the model being traced; a run that uses it advances it.
random_state <- function() {
  trace <- current_trace()
  if (!is.null(trace)) {
    trace$uses_random <- TRUE
    return(import_tensor(trace$set$rng, trace))
  }
  place_to_write(NULL)
  new_tensor(scratch_input(4, "int32"), NULL,
             list(op = "random_state", inputs = list(), attrs = list()))
}

# Streams tell the random nodes of a graph apart. Nodes with the same seed share a stream, and so
# draw the same numbers in the same step.
first_seeded_stream <- 2^20

next_stream <- function(seed = NULL) {
  if (!is.null(seed)) return(first_seeded_stream + as_int(seed) %% 2^30)
  place <- current_trace() %||% scratch()
  place$streams <- (place$streams %||% 0L) + 1L
  place$streams
}

# d(sum of loss)/d(each of wrt): NULL where the loss doesn't depend on it.
trace_gradients <- function(loss, wrt) {
  trace <- current_trace()
  records <- cpp_graph_gradients(trace$graph, value_in(loss, trace), lapply(wrt, value_in, trace))
  lapply(records, function(record) {
    if (!is.null(record)) new_tensor(record, trace, list(op = "gradient"))
  })
}

# The gradients that k_gradients() promised outside of a trace, computed once per trace.
remake_gradient <- function(source, index, trace) {
  key <- paste0("gradients_", source$attrs$key)
  gradients <- trace$imported[[key]]
  if (is.null(gradients)) {
    inputs <- lapply(source$inputs, import_tensor, trace)
    gradients <- trace_gradients(inputs[[1L]], inputs[-1L])
    assign(key, gradients, envir = trace$imported)
  }
  gradients[[index]] %||% abort(
    "k_gradients(): the loss doesn't depend on this variable.", "hornet_graph_error"
  )
}

# Writes `value` into a variable at the end of every run of the traced function; of a model's only
# while it trains and the layer is not frozen, unless `always`. Outside of a trace this is a
# promise, kept by k_function(updates = ).
update_variable <- function(variable, value, always = FALSE) {
  trace <- current_trace()
  if (is.null(trace)) {
    return(promised_tensor(variable, list(op = "update", inputs = list(value), attrs = list(),
                                          variable = variable)))
  }
  if (isTRUE(trace$parallel) && variable$dtype == "float32") value <- over_devices(value)
  updated <- emit("assign", list(variable, value))
  updated$always <- always
  if (!trace$frozen || always) trace$updates[[length(trace$updates) + 1L]] <- updated
  updated
}

# A tensor like `x` that is only made when it is imported into a trace.
promised_tensor <- function(x, source, index = 1L) {
  new_tensor(list(value = NULL, dim = x$dims, dtype = x$dtype), NULL, source, index, generation = -1)
}

# Calls a function written by the user with tensors. What can't be traced is said kindly, and of
# every error the line in the user's source.
call_user_function <- function(f, arguments, what) {
  withCallingHandlers(
    do.call(f, arguments),
    error = function(e) {
      if (!needs_a_value(e) && !inherits(e, "hornet_error")) return()
      if (isTRUE(e$located)) return()
      where <- user_statement(sys.calls(), lapply(seq_len(sys.nframe()), sys.function))
      if (needs_a_value(e)) untraceable(e, what, where)
      if (!is.null(where)) locate_error(e, what, where)
    }
  )
}

# R's own messages when a tensor is used as a condition or as numbers.
needs_a_value <- function(e) {
  if (!inherits(e, "simpleError")) return(FALSE)
  known <- gettext(c(
    "argument is not interpretable as logical",
    "argument is of length zero",
    "the condition has length > 1",
    "invalid 'x' type in 'x && y'",
    "invalid 'y' type in 'x && y'",
    "invalid 'x' type in 'x || y'",
    "invalid 'y' type in 'x || y'",
    "non-numeric argument to mathematical function",
    "non-numeric argument to binary operator",
    "requires numeric/complex matrix/vector arguments",
    "invalid argument to unary operator",
    "invalid for() loop sequence",
    "invalid 'type' (list) of argument",
    "argument must be coercible to non-negative integer"
  ), domain = "R")
  message <- conditionMessage(e)
  message %in% known || grepl("(environment)", message, fixed = TRUE) ||
    grepl("'environment'", message, fixed = TRUE)
}

untraceable <- function(e, what, where) {
  call <- conditionCall(e)
  place <- if (!is.null(where)) {
    sprintf(" (%s: `%s`)", where$place, where$code)
  } else if (!is.null(call)) {
    sprintf(" in `%s`", first_line(deparse(call, nlines = 1L)))
  }
  stop(structure(
    class = c("hornet_trace_error", "hornet_error", "error", "condition"),
    list(message = paste(c(
      sprintf("%s can't be traced%s: %s.", what, place %||% "", conditionMessage(e)),
      "A tensor's value is only known when the model runs: use k_switch() instead of if (), k_*",
      "functions instead of functions on numbers, or compute it in a callback."
    ), collapse = "\n"), call = call, located = TRUE)
  ))
}

# The same error, with the place in the user's source.
locate_error <- function(e, what, where) {
  e$message <- sprintf("%s\nIn %s, %s: `%s`.", conditionMessage(e), what, where$place, where$code)
  e$located <- TRUE
  stop(e)
}

# The statement of the user's function that is being evaluated: list(place, code), or NULL where R
# kept no source. The innermost function with source that isn't ours counts; what a call was made
# from is noted in the call.
user_statement <- function(calls, functions) {
  entries <- which(vapply(functions, identical, TRUE, call_user_function))
  for (i in rev(seq.int(max(entries) + 1L, length(functions)))) {
    source <- attr(functions[[i]], "srcref")
    if (is.null(source) || i == length(calls) || is_own_function(functions[[i]])) next
    at <- attr(calls[[i + 1L]], "srcref")
    if (is.null(at) || !identical(attr(at, "srcfile"), attr(source, "srcfile"))) at <- source
    return(list(place = place_in_source(at, source), code = first_line(as.character(at))))
  }
  NULL
}

# "model.R:12", or the line in the function where that is not in a file.
place_in_source <- function(at, source) {
  file <- attr(source, "srcfile")$filename
  if (is.character(file) && nzchar(file) && !startsWith(file, "<")) {
    return(sprintf("%s:%d", basename(file), at[[1L]]))
  }
  sprintf("line %d of the function", at[[1L]] - source[[1L]] + 1L)
}

first_line <- function(text) {
  text <- trimws(text)
  if (length(text) > 1L || nchar(text[[1L]]) > 60L) paste0(substr(text[[1L]], 1L, 60L), " ...") else text
}
