# Backend functions k_*: making tensors and variables, their values, control, configuration.

as_dtype <- function(dtype) {
  dtype <- dtype %||% .globals$floatx
  if (dtype %in% c("float32", "float64", "float16")) return("float32")
  if (dtype %in% c("int32", "int64", "int16", "int8", "uint8", "uint16")) return("int32")
  if (dtype == "bool") return("bool")
  abort(sprintf('`dtype` "%s" is unknown; "float32" and "int32" are what tensors hold.', dtype), "hornet_value_error")
}

#' Make tensors
#'
#' Tensors that aren't computed from an input. `k_variable()`, `k_zeros()` and `k_ones()` make
#' variables, whose value [k_set_value()] changes; the others make constants.
#'
#' @param value Number or array.
#' @param shape Shape; in `k_constant()`, `value` is repeated or must have as many elements (in
#'   row-major order).
#' @param x Tensor whose shape is taken.
#' @param size Number of rows and columns of the identity matrix.
#' @param start,stop,step As `seq()`, but counting from 0 when only `start` is given, and without
#'   `stop` itself.
#' @param dtype `"float32"` or `"int32"`; other Python names are mapped to the nearest of these.
#' @param name Name of the tensor.
#' @param constraint Constraint for an optimizer that trains the variable.
#' @param ndim,sparse Number of axes, if `shape` isn't given; must be `FALSE`.
#' @return A tensor.
#' @family backend
#' @name k_constant
#' @examples
#' k_eval(k_constant(1:6, shape = c(2, 3)))
#' v <- k_variable(c(1, 2))
#' k_set_value(v, c(3, 4))
#' k_get_value(v)
NULL

#' @rdname k_constant
#' @export
k_constant <- function(value, dtype = NULL, shape = NULL, name = NULL) {
  if (is_tensor(value)) return(value)
  shape <- as_shape(shape)
  dtype <- as_dtype(dtype)
  if (length(value) == 1L) return(constant_tensor(value, dims_of_shape(shape %||% integer()), dtype))
  if (!is.null(shape)) {
    if (prod(shape) != length(value)) {
      abort(sprintf("k_constant(): %d values don't fill shape %s.", length(value), format_shape(shape)),
            "hornet_shape_error")
    }
    if (is.null(dim(value))) value <- aperm(array(value, rev(shape)))
    dim(value) <- shape
  }
  constant <- as_tensor(value)
  if (!is.null(name)) constant$name <- name
  constant
}
#' @rdname k_constant
#' @export
k_variable <- function(value, dtype = NULL, name = NULL, constraint = NULL) {
  value <- if (is_tensor(value)) k_eval(value) else value + 0
  shape <- dim(value) %||% (if (length(value) == 1L) integer() else length(value))
  new_variable(new_store(), name %||% unique_name("variable"), shape, value, as_dtype(dtype),
               constraint = get_constraint(constraint))
}
#' @rdname k_constant
#' @export
k_zeros <- function(shape, dtype = NULL, name = NULL) filled_variable(0, shape, dtype, name)
#' @rdname k_constant
#' @export
k_ones <- function(shape, dtype = NULL, name = NULL) filled_variable(1, shape, dtype, name)

filled_variable <- function(value, shape, dtype, name) {
  shape <- as_shape(shape)
  if (anyNA(shape)) return(constant_tensor(value, dims_of_shape(shape), as_dtype(dtype)))
  new_variable(new_store(), name %||% unique_name("variable"), shape, value, as_dtype(dtype))
}

#' @rdname k_constant
#' @export
k_zeros_like <- function(x, dtype = NULL, name = NULL) {
  x <- as_tensor(x)
  constant_tensor(0, x$dims, if (is.null(dtype)) x$dtype else as_dtype(dtype))
}
#' @rdname k_constant
#' @export
k_ones_like <- function(x, dtype = NULL, name = NULL) {
  x <- as_tensor(x)
  constant_tensor(1, x$dims, if (is.null(dtype)) x$dtype else as_dtype(dtype))
}
#' @rdname k_constant
#' @export
k_eye <- function(size, dtype = NULL, name = NULL) k_variable(diag(positive_int(size)), dtype, name)
#' @rdname k_constant
#' @export
k_arange <- function(start, stop = NULL, step = 1, dtype = "int32") {
  if (is.null(stop)) {
    stop <- start
    start <- 0
  }
  n <- max(0, ceiling((stop - start) / step))
  new_variable(new_store(), "arange", n, array(start + step * (seq_len(n) - 1), n), as_dtype(dtype),
               trainable = FALSE)
}
#' @rdname k_constant
#' @export
k_placeholder <- function(shape = NULL, ndim = NULL, dtype = NULL, sparse = FALSE, name = NULL) {
  if (is.null(shape)) {
    abort("k_placeholder(): give `shape`; only the first size may be unknown (NULL).", "hornet_shape_error")
  }
  layer_input(batch_shape = shape, dtype = dtype, name = name %||% unique_name("placeholder"), sparse = sparse)
}

#' Change the type, or nothing
#'
#' @param x Tensor.
#' @param dtype `"float32"`, `"int32"` (fractions are cut off) or `"bool"` (1 where not zero).
#' @param name Name of the result.
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' k_eval(k_cast(c(1.7, -1.7), "int32"))
k_cast <- function(x, dtype) {
  x <- as_tensor(x)
  dtype <- as_dtype(dtype)
  if (dtype == "bool") return(as_float(k_not_equal(x, 0)))
  if (x$dtype == dtype) x else emit("cast", list(x), list(dtype = dtype))
}
#' @rdname k_cast
#' @export
k_cast_to_floatx <- function(x) as_float(x)
#' @rdname k_cast
#' @export
k_identity <- function(x, name = NULL) {
  y <- same_value(as_tensor(x))
  y$name <- name
  y
}

#' Random tensors
#'
#' New numbers at every run. Models draw from a generator of their own, which training seeds from
#' R's: [set.seed()] before [fit()] makes a run reproducible.
#'
#' @param shape Shape; `NA` in the first place is the batch, so `k_shape(x)` can be given.
#' @param mean,stddev Mean and standard deviation. `k_truncated_normal()` stays within two of them.
#' @param minval,maxval Bounds.
#' @param p Probability of 1.
#' @param dtype Ignored: the result is `float32`.
#' @param seed Nodes with the same seed draw the same numbers.
#' @param scale,low,high Standard deviation and bounds of the numbers from which the variable
#'   starts, drawn from R's generator.
#' @param name Name of the variable.
#' @return A tensor; the functions ending in `_variable` make a variable with fixed values.
#' @family backend
#' @name k_random
#' @examples
#' k_eval(k_random_uniform(c(2, 3)))
NULL

random_tensor <- function(op, shape, seed) random_of_dims(op, dims_of_shape(as_shape(shape)), seed)

random_of_dims <- function(op, dims, seed = NULL) {
  emit(op, list(random_state()), list(shape = dims, stream = next_stream(seed)))
}

#' @rdname k_random
#' @export
k_random_normal <- function(shape, mean = 0, stddev = 1, dtype = NULL, seed = NULL) {
  mean + stddev * random_tensor("random_normal", shape, seed)
}
#' @rdname k_random
#' @export
k_random_uniform <- function(shape, minval = 0, maxval = 1, dtype = NULL, seed = NULL) {
  minval + (maxval - minval) * random_tensor("random_uniform", shape, seed)
}
#' @rdname k_random
#' @export
k_random_binomial <- function(shape, p = 0, dtype = NULL, seed = NULL) {
  k_less(random_tensor("random_uniform", shape, seed), p)
}
#' @rdname k_random
#' @export
k_truncated_normal <- function(shape, mean = 0, stddev = 1, dtype = NULL, seed = NULL) {
  # A draw beyond two sd is replaced by another, four times; what is left (4e-6) is cut.
  x <- random_tensor("random_normal", shape, seed)
  for (i in 1:3) {
    again <- random_tensor("random_normal", shape, if (!is.null(seed)) seed + 7919 * i)
    x <- k_switch(k_less(k_abs(x), 2), x, again)
  }
  mean + stddev * k_clip(x, -2, 2)
}
#' @rdname k_random
#' @export
k_random_normal_variable <- function(shape, mean, scale, dtype = NULL, name = NULL, seed = NULL) {
  k_variable(initializer_random_normal(mean, scale, seed)(as_shape(shape)), dtype, name)
}
#' @rdname k_random
#' @export
k_random_uniform_variable <- function(shape, low, high, dtype = NULL, name = NULL, seed = NULL) {
  k_variable(initializer_random_uniform(low, high, seed)(as_shape(shape)), dtype, name)
}

#' Properties of tensors
#'
#' `k_int_shape()` is a list in which `NULL` is the batch, `k_shape()` an integer vector in which
#' `NA` is the batch, ready to be given as a shape.
#'
#' @param x,tensor Object.
#' @return See the description; the `k_is_*` functions return `TRUE` or `FALSE`.
#' @family backend
#' @name k_int_shape
#' @examples
#' x <- layer_input(shape = c(28, 28, 1))
#' k_int_shape(x)
#' k_ndim(x)
NULL

#' @rdname k_int_shape
#' @export
k_int_shape <- function(x) {
  shape_list(tensor_shape(as_tensor(x)))
}
#' @rdname k_int_shape
#' @export
k_shape <- function(x) tensor_shape(as_tensor(x))
#' @rdname k_int_shape
#' @export
k_ndim <- function(x) tensor_rank(as_tensor(x))
#' @rdname k_int_shape
#' @export
k_dtype <- function(x) as_tensor(x)$dtype
#' @rdname k_int_shape
#' @export
k_get_variable_shape <- function(x) k_int_shape(x)
#' @rdname k_int_shape
#' @export
k_count_params <- function(x) prod(tensor_shape(as_tensor(x)))
#' @rdname k_int_shape
#' @export
k_is_tensor <- function(x) is_tensor(x)
#' @rdname k_int_shape
#' @export
k_is_keras_tensor <- function(x) {
  if (!is_tensor(x)) {
    abort(sprintf("k_is_keras_tensor(): expected a tensor, got %s.", describe(x)), "hornet_value_error")
  }
  !is.null(x$history)
}
#' @rdname k_int_shape
#' @export
k_is_placeholder <- function(x) is_tensor(x) && identical(x$source$op, "placeholder")
#' @rdname k_int_shape
#' @export
k_is_sparse <- function(tensor) FALSE
#' @rdname k_int_shape
#' @export
k_to_dense <- function(tensor) tensor

#' Values of tensors and variables
#'
#' `k_eval()` computes a tensor that depends on no input; `k_get_value()` and `k_set_value()` read
#' and write variables such as `model$optimizer$lr` or the elements of `layer$weights`. In a batch
#' callback a new value takes effect at the next step.
#'
#' @param x Variable (or, for `k_eval()`, tensor or array).
#' @param value Number or array of the variable's shape.
#' @param ops List of variables.
#' @param lists List of pairs `list(variable, value)`.
#' @return A number or array; setting returns `NULL` invisibly.
#' @family backend
#' @export
#' @examples
#' optimizer <- optimizer_sgd(lr = 0.1)
#' k_set_value(optimizer$lr, 0.05)
#' k_get_value(optimizer$lr)
k_eval <- function(x) {
  if (is_variable(x)) return(variable_value(x))
  if (!is.null(.globals$trace)) only_when_run("k_eval()")
  set <- new_variable_set()
  trace <- new_trace(set, training = in_training())
  fetch <- with_trace(trace, import_tensor(as_tensor(x), trace))
  if (trace$uses_random) seed_variable_set(set)
  run_trace(trace, list(fetch), list())[[1L]]
}

# Compiles and runs what was traced.
run_trace <- function(trace, fetches, feeds) {
  fn <- cpp_function(trace$graph, trace$set$handle, lapply(fetches, function(x) x$value),
                     trace_updates(trace))
  cpp_function_run(fn, feeds)
}

# The stateful nodes of a trace; the random state advances if it was used.
trace_updates <- function(trace) {
  updates <- trace$updates
  if (trace$uses_random) {
    updates <- c(updates, list(with_trace(trace, emit("rng_advance", list(trace$set$rng)))))
  }
  lapply(updates, function(x) x$value)
}

#' @rdname k_eval
#' @export
k_get_value <- function(x) {
  if (!is_variable(x)) {
    if (is.numeric(x)) return(x)
    abort(sprintf("k_get_value() reads variables, not %s; see k_eval().", describe(x)), "hornet_value_error")
  }
  variable_value(x)
}
#' @rdname k_eval
#' @export
k_set_value <- function(x, value) {
  if (!is_variable(x)) abort(sprintf("k_set_value() writes variables, not %s.", describe(x)), "hornet_value_error")
  if (is_tensor(value)) value <- k_eval(value)
  set_variable_value(x, value, sprintf('variable "%s"', x$name))
  invisible(NULL)
}
#' @rdname k_eval
#' @export
k_batch_get_value <- function(ops) lapply(ops, k_get_value)
#' @rdname k_eval
#' @export
k_batch_set_value <- function(lists) {
  for (pair in lists) k_set_value(pair[[1L]], pair[[2L]])
  invisible(NULL)
}

#' Update variables when a function runs
#'
#' In the `call` of a layer, the update happens at the end of every training step; outside, give
#' the result to [k_function()].
#'
#' @param x Variable.
#' @param new_x,increment,decrement,value Tensor or number.
#' @param momentum Share of the old value that stays in the moving average.
#' @return A tensor that stands for the update.
#' @family backend
#' @export
#' @examples
#' count <- k_variable(0)
#' step <- k_function(list(), list(count + 0), updates = list(k_update_add(count, 1)))
#' step(list())
#' k_get_value(count)
k_update <- function(x, new_x) {
  if (!is_variable(x)) abort(sprintf("only variables can be updated, not %s.", describe(x)), "hornet_value_error")
  new_x <- as_tensor(new_x, beside = x)
  if (!identical(new_x$dims, x$dims)) new_x <- new_x + k_zeros_like(x)
  if (!identical(new_x$dims, x$dims)) {
    abort(sprintf('variable "%s" has shape %s, its new value %s.', x$name, format_shape(tensor_shape(x)),
                  format_shape(tensor_shape(new_x))), "hornet_shape_error")
  }
  update_variable(x, new_x)
}
#' @rdname k_update
#' @export
k_update_add <- function(x, increment) k_update(x, x + increment)
#' @rdname k_update
#' @export
k_update_sub <- function(x, decrement) k_update(x, x - decrement)
#' @rdname k_update
#' @export
k_moving_average_update <- function(x, value, momentum) {
  k_update(x, x * momentum + value * (1 - momentum))
}

#' Show a tensor
#'
#' A model runs without R, so there is nothing that could print in the middle of it: the tensor is
#' returned as it is. To look at intermediate values, make a model that ends there:
#' `keras_model(model$input, get_layer(model, "dense_1")$output)`.
#'
#' @param x Tensor.
#' @param message Ignored.
#' @return `x`.
#' @family backend
#' @export
#' @examples
#' k_print_tensor(k_constant(1))
k_print_tensor <- function(x, message = "") x

#' Gradients
#'
#' `k_gradients()` gives the derivative of the sum of `loss` by each variable; it can be used in
#' further computations and differentiated again. Through `k_stop_gradient()` no gradient flows.
#'
#' @param loss Tensor.
#' @param variables Tensor, variable or list of them.
#' @return A list of tensors. Inside a layer or loss: `NULL` where `loss` doesn't depend on it.
#' @family backend
#' @export
#' @examples
#' x <- k_variable(3)
#' k_eval(k_gradients(x^2, x)[[1]])
k_gradients <- function(loss, variables) {
  variables <- as_tensor_list(variables)
  trace <- current_trace()
  if (!is.null(trace)) return(trace_gradients(loss, variables))
  source <- list(op = "gradients", inputs = c(list(loss), variables), attrs = list(key = next_uid()))
  lapply(seq_along(variables), function(i) promised_tensor(variables[[i]], source, i))
}
#' @rdname k_gradients
#' @export
k_stop_gradient <- function(variables) {
  if (is_tensor(variables)) return(unary("stop_gradient", variables))
  lapply(variables, function(x) unary("stop_gradient", x))
}

#' Functions of tensors
#'
#' Makes an R function that computes outputs from inputs, and runs updates.
#'
#' @param inputs List of tensors from [layer_input()] or [k_placeholder()], the inputs of models
#'   among them; also [k_learning_phase()], which is then given as 1 (training) or 0.
#' @param outputs List of tensors.
#' @param updates List of results of [k_update()] and its like, or of pairs `list(variable, value)`.
#' @param ... Ignored.
#' @return A function that takes a list of arrays and returns a list of arrays (for a single tensor
#'   as `outputs`: one array).
#' @family backend
#' @export
#' @examples
#' x <- layer_input(shape = 2)
#' f <- k_function(list(x), list(k_sum(x, axis = 2)))
#' f(list(matrix(1:4, 2)))
k_function <- function(inputs, outputs, updates = NULL, ...) {
  single <- is_tensor(outputs)
  inputs <- as_tensor_list(inputs)
  outputs <- as_tensor_list(outputs)
  updates <- lapply(as_tensor_list(updates), function(update) {
    if (is_tensor(update)) update else k_update(update[[1L]], update[[2L]])
  })
  is_phase <- vapply(inputs, inherits, TRUE, "keras_learning_phase")
  placeholders <- inputs[!is_phase]
  set <- new_variable_set()
  compiled <- list()
  compile_for <- function(training, dims) {
    trace <- new_trace(set, training)
    fetches <- with_trace(trace, {
      for (i in seq_along(placeholders)) bind_input(trace, placeholders[[i]], i, dims[[i]])
      for (update in updates) import_tensor(update, trace)
      lapply(outputs, import_tensor, trace)
    })
    if (trace$uses_random) seed_variable_set(set)
    cpp_function(trace$graph, set$handle, lapply(fetches, function(x) x$value), trace_updates(trace))
  }
  function(inputs) {
    if (!is.list(inputs)) inputs <- list(inputs)
    if (length(inputs) != length(is_phase)) {
      abort(sprintf("this function takes %d input(s), got %d.", length(is_phase), length(inputs)), "hornet_value_error")
    }
    training <- any(is_phase) && isTRUE(as.logical(inputs[is_phase][[1L]]))
    arrays <- inputs[!is_phase]
    dims <- Map(dims_for_array, placeholders, arrays)
    key <- paste(c(training, unlist(dims)), collapse = " ")
    if (is.null(compiled[[key]])) {
      if (length(compiled) >= kept_functions) compiled <<- compiled[-1L]
      compiled[[key]] <<- compile_for(training, dims)
    }
    values <- cpp_function_run(compiled[[key]], lapply(arrays, function(x) x + 0), device = run_device())
    if (single) values[[1L]] else values
  }
}

# The i-th tensor a traced function is fed with stands for `x`.
bind_input <- function(trace, x, i, dims = x$dims) {
  record <- cpp_graph_input(trace$graph, i - 1L, dims, x$dtype)
  tensor <- new_tensor(record, trace, list(op = "input"))
  bind_tensor(trace, x, tensor)
  tensor
}

#' Map and fold over the first axis
#'
#' The functions are traced once per element; the size of the first axis must be known, so these
#' can't run over the batch.
#'
#' @param fn Function of one tensor (`k_map_fn`), or of the result so far and one element.
#' @param elems Tensor.
#' @param initializer First value of the result; default: the first (last) element.
#' @param name,dtype Ignored.
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' k_eval(k_foldl(function(total, x) total + x, c(1, 2, 3)))
k_map_fn <- function(fn, elems, name = NULL, dtype = NULL) {
  k_stack(lapply(elements_of(elems), fn))
}
#' @rdname k_map_fn
#' @export
k_foldl <- function(fn, elems, initializer = NULL, name = NULL) {
  elements <- elements_of(elems)
  if (is.null(initializer)) Reduce(fn, elements) else Reduce(fn, elements, initializer)
}
#' @rdname k_map_fn
#' @export
k_foldr <- function(fn, elems, initializer = NULL, name = NULL) {
  elements <- rev(elements_of(elems))
  if (is.null(initializer)) Reduce(fn, elements) else Reduce(fn, elements, initializer)
}

elements_of <- function(x) {
  x <- as_float(x)
  if (x$dims[[1L]] < 0) abort("the first axis is the batch, whose size isn't known yet.", "hornet_shape_error")
  pieces_of(x, 1L)
}

#' Settings of the backend
#'
#' `k_clear_session()` restarts the numbering of names. Models are ordinary R objects: what nobody
#' refers to is freed.
#'
#' @param e Fuzz factor against division by zero, 1e-7 at first.
#' @param floatx Only `"float32"`.
#' @param data_format `"channels_last"` (at first) or `"channels_first"`: the default of layers.
#' @param value 0 or 1: the phase of tensors evaluated outside of models.
#' @param prefix Prefix of names.
#' @return The setting; the setters return `NULL` invisibly.
#' @family backend
#' @name k_backend
#' @examples
#' k_epsilon()
#' k_image_data_format()
NULL

#' @rdname k_backend
#' @export
k_backend <- function() "hornet"
#' @rdname k_backend
#' @export
k_epsilon <- function() .globals$epsilon
#' @rdname k_backend
#' @export
k_set_epsilon <- function(e) {
  .globals$epsilon <- as.numeric(e)
  invisible(NULL)
}
#' @rdname k_backend
#' @export
k_floatx <- function() .globals$floatx
#' @rdname k_backend
#' @export
k_set_floatx <- function(floatx) {
  if (!identical(floatx, "float32")) {
    abort("models compute in \"float32\"; other types aren't available.", "hornet_value_error")
  }
  invisible(NULL)
}
#' @rdname k_backend
#' @export
k_image_data_format <- function() .globals$image_data_format
#' @rdname k_backend
#' @export
k_set_image_data_format <- function(data_format) {
  .globals$image_data_format <- one_of(data_format, c("channels_last", "channels_first"))
  invisible(NULL)
}
#' @rdname k_backend
#' @export
k_learning_phase <- function() structure(list(), class = "keras_learning_phase")
#' @rdname k_backend
#' @export
k_set_learning_phase <- function(value) {
  .globals$learning_phase <- as_int(value)
  invisible(NULL)
}
#' @rdname k_backend
#' @export
k_clear_session <- function() {
  .globals$names <- new.env(parent = emptyenv())
  .globals$scratch <- NULL
  .globals$learning_phase <- NULL
  invisible(NULL)
}
#' @rdname k_backend
#' @export
k_get_uid <- function(prefix = "") next_name_number(if (nzchar(prefix)) prefix else "_")
#' @rdname k_backend
#' @export
k_reset_uids <- function() {
  .globals$names <- new.env(parent = emptyenv())
  invisible(NULL)
}

#' There are no sessions
#'
#' Models compute natively, without TensorFlow: there is no session to get or set. Variables have their
#' initial values as soon as they are made.
#'
#' @param session,value Whatever the reference's functions take.
#' @return `k_manual_variable_initialization()`: `NULL`, invisibly.
#' @section Errors:
#' `k_get_session()` and `k_set_session()` always are errors (`hornet_unsupported_error`) that say what to
#' use instead.
#' @family backend
#' @export
#' @examples
#' try(k_get_session())
k_get_session <- function() no_session()
#' @rdname k_get_session
#' @export
k_set_session <- function(session) no_session()
#' @rdname k_get_session
#' @export
k_manual_variable_initialization <- function(value) invisible(NULL)

no_session <- function() {
  abort(c(
    "there is no TensorFlow session: models compute natively.",
    "To look at values use k_eval(), k_get_value() and k_function()."
  ), "hornet_unsupported_error")
}
