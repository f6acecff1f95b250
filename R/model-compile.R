# compile(): from a topology, a loss, metrics and an optimizer to native functions.
#
# A compiled model has `compiled` (what it was told, resolved) and `runtime` (its variables and
# functions). Training and evaluation are traced separately: there is no "if training" in a graph.
# Feeds are inputs, targets, one weight vector per target; fetches are scalars in the order of
# metrics_names (predict: the outputs).

#' Compile a model
#'
#' Says how a model is to be trained. The model, its loss and its metrics are traced into a native
#' program, here and once: R functions among them are not called again.
#'
#' @param object A model.
#' @param optimizer Name of an [optimizer][optimizer_sgd] or an optimizer.
#' @param loss Name of a [loss][loss_mean_squared_error], a `loss_*()` function or a function of
#'   `y_true` and `y_pred`. For several outputs also a list with one for each, or a list named by
#'   outputs; outputs without a loss take no targets. `NULL`: layers add all there is to minimise.
#' @param metrics Names of [metrics][metric_binary_accuracy] or functions, as a vector or list; for
#'   several outputs also a list of these, named by outputs. Metrics ignore sample weights.
#' @param loss_weights Factors of the losses of several outputs: numbers in order, or a list named
#'   by outputs (default 1).
#' @param sample_weight_mode `"temporal"` for one weight per sample and time step; a list, possibly
#'   named by outputs, for several outputs.
#' @param weighted_metrics Metrics that sample weights apply to; reported as `weighted_...`.
#' @param target_tensors Tensors (from [layer_input()]) whose shapes the targets of custom losses
#'   have; without it, targets have the shape of the output.
#' @param ... Ignored.
#' @return The model, invisibly. `metrics_names` then holds `"loss"`, for several outputs
#'   `"<output>_loss"` each, and the metrics (for several outputs with the output's name in front).
#' @details
#' The reported loss is the weighted sum of the losses of the outputs plus all penalties of layers.
#' With sample weights w and values s of the loss for each sample, the loss of a batch is
#' `sum(s * w) / sum(w != 0)`.
#'
#' What is trainable is decided here: after a change of `trainable`, compile again. Compiling keeps
#' weights and forgets the optimizer's moments; an optimizer object that is used again keeps its
#' learning rate and step count.
#' @section Errors:
#' Unknown names list the valid ones (`hornet_value_error`); losses and metrics that don't fit the
#' shapes say which (`hornet_shape_error`); functions that can't be traced say what to use instead
#' (`hornet_trace_error`).
#' @name compile
#' @aliases compile.keras.engine.training.Model
#' @family models
#' @examples
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 3, activation = "softmax", input_shape = 4)
#' model %>% compile(
#'   optimizer = optimizer_adam(lr = 0.01),
#'   loss = "sparse_categorical_crossentropy",
#'   metrics = "accuracy"
#' )
#' model$metrics_names
#'
#' # A loss of your own
#' model %>% compile("sgd", loss = function(y_true, y_pred) k_mean(k_abs(y_true - y_pred)^1.5))
NULL

#' @rdname compile
#' @method compile keras.engine.training.Model
#' @export
compile.keras.engine.training.Model <- function(object, optimizer, loss, metrics = NULL,
                                                loss_weights = NULL, sample_weight_mode = NULL,
                                                weighted_metrics = NULL, target_tensors = NULL,
                                                ...) {
  self <- model_object(object)
  if (missing(optimizer)) abort("`optimizer` is missing.", "hornet_value_error")
  if (missing(loss)) abort("`loss` is missing.", "hornet_value_error")
  if (is_unbuilt(self)) {
    optimizer <- get_optimizer(optimizer)
    self$compile_later(list(optimizer, loss, metrics, loss_weights, sample_weight_mode, weighted_metrics,
                            target_tensors))
    return(invisible(object))
  }
  if (length(self$outputs) == 0L) abort(sprintf('model "%s" has no layers yet.', self$name), "hornet_value_error")
  losses <- losses_by_output(self, loss)
  compiled <- list(
    optimizer = get_optimizer(optimizer),
    loss = loss,
    metrics = metrics,
    weighted_metrics = weighted_metrics,
    loss_weights_given = loss_weights,
    sample_weight_mode = sample_weight_mode,
    losses = losses,
    loss_weights = loss_weights_by_output(self, loss_weights),
    temporal = temporal_by_output(self, sample_weight_mode),
    output_metrics = resolve_output_metrics(self, losses, metrics),
    output_weighted_metrics = resolve_output_metrics(self, losses, weighted_metrics),
    target_dims = target_dims_by_output(self, losses, target_tensors),
    weights = unique_variables(self$get_trainable_weights())
  )
  compiled$metrics_names <- name_metrics(self, compiled)
  before <- list(compiled = self$compiled, runtime = self$runtime)
  self$compiled <- compiled
  self$runtime <- new_runtime(self)
  # Errors of losses and metrics belong here, not to the first fit; they leave the model as it was.
  ready <- FALSE
  on.exit(if (!ready) list2env(before, envir = self))
  model_function(self, "train")
  ready <- TRUE
  invisible(object)
}

# --- what the arguments mean for each output --------------------------------------------------

# NULL, one for all, in order, or by name -> a list with one element (maybe NULL) per output.
by_output <- function(self, x, what, otherwise = NULL, for_all = FALSE) {
  names <- self$output_names
  n <- length(names)
  if (is.null(x)) return(rep(list(otherwise), n))
  if (!is.list(x) && is.null(names(x)) && length(x) == 1L && (for_all || n == 1L)) return(rep(list(x), n))
  if (!is.list(x) && !is.function(x)) x <- as.list(x)
  if (is.function(x)) return(rep(list(x), n))
  if (!is.null(names(x)) && any(nzchar(names(x)))) {
    unknown <- setdiff(names(x), names)
    if (length(unknown)) {
      abort(c(
        sprintf("`%s` names %s, which is not an output.", what, quoted(unknown, "and")),
        sprintf("Outputs are %s.", quoted(names, "and"))
      ), "hornet_value_error")
    }
    return(lapply(names, function(name) if (name %in% names(x)) x[[name]] else otherwise))
  }
  if (length(x) != n) {
    abort(sprintf("`%s` must have one element per output: the model has %d outputs, got %d.", what, n, length(x)),
          "hornet_value_error")
  }
  unname(x)
}

losses_by_output <- function(self, loss) {
  given <- by_output(self, loss, "loss", for_all = TRUE)
  if (is.list(loss) && !is.null(names(loss))) {
    unused <- self$output_names[vapply(given, is.null, TRUE)]
    if (length(unused)) {
      warning(warningCondition(
        sprintf("Output %s has no loss: it is not trained and takes no targets.", quoted(unused, "and")),
        class = c("hornet_loss_warning", "hornet_warning"), call = user_call()
      ))
    }
  }
  lapply(given, function(one) if (!is.null(one)) resolve_loss(one))
}

loss_weights_by_output <- function(self, loss_weights) {
  given <- by_output(self, loss_weights, "loss_weights", otherwise = 1)
  vapply(given, function(w) {
    if (!is.numeric(w) || length(w) != 1L || is.na(w)) {
      abort(sprintf("`loss_weights` must hold one number per output, got %s.", describe(w)), "hornet_value_error")
    }
    as.numeric(w)
  }, 0)
}

temporal_by_output <- function(self, mode) {
  given <- by_output(self, mode, "sample_weight_mode", for_all = TRUE)
  vapply(seq_along(given), function(i) {
    if (is.null(given[[i]])) return(FALSE)
    one_of(given[[i]], "temporal", "sample_weight_mode")
    if (tensor_rank(self$outputs[[i]]) < 3L) {
      abort(sprintf('`sample_weight_mode = "temporal"` needs an output with time steps, but "%s" has shape %s.',
                    self$output_names[[i]], format_shape(tensor_shape(self$outputs[[i]]))), "hornet_shape_error")
    }
    TRUE
  }, TRUE)
}

# Metrics of each output: lists of list(name, f).
resolve_output_metrics <- function(self, losses, metrics) {
  names <- self$output_names
  per_output <- is.list(metrics) && length(metrics) > 0L && !is.null(names(metrics)) &&
    all(names(metrics) %in% names)
  lapply(seq_along(names), function(i) {
    mine <- if (per_output) metrics[[names[[i]]]] else metrics
    if (is.null(losses[[i]]) || is.null(mine)) return(list())
    if (is.function(mine)) mine <- list(mine)
    mine <- as.list(mine)
    lapply(seq_along(mine), function(k) {
      given <- names(mine)[k]
      given <- if (length(given) && !is.na(given) && nzchar(given)) given
      resolve_metric(mine[[k]], given, losses[[i]]$name, self$outputs[[i]])
    })
  })
}

# Targets have the output's shape; class numbers one column.
target_dims_by_output <- function(self, losses, target_tensors) {
  given <- by_output(self, if (is_tensor(target_tensors)) list(target_tensors) else target_tensors, "target_tensors")
  lapply(seq_along(losses), function(i) {
    if (is.null(losses[[i]])) return(NULL)
    if (!is.null(given[[i]])) return(as_tensor(given[[i]])$dims)
    target_dims_of_output(self$outputs[[i]]$dims, losses[[i]])
  })
}

target_dims_of_output <- function(dims, loss) {
  if (takes_class_numbers(loss)) dims[[length(dims)]] <- 1
  dims
}

# The dims of the i-th output's targets for the data at hand.
target_dims <- function(self, i) {
  if (is.null(self$sizes) || !has_unknown(self$outputs[[i]])) return(self$compiled$target_dims[[i]])
  target_dims_of_output(output_dims(self)[[i]], self$compiled$losses[[i]])
}

takes_class_numbers <- function(loss) identical(loss$name, "sparse_categorical_crossentropy")

name_metrics <- function(self, compiled) {
  outputs <- self$output_names
  several <- length(outputs) > 1L
  used <- !vapply(compiled$losses, is.null, TRUE)
  names <- "loss"
  if (several) names <- c(names, paste0(outputs[used], "_loss"))
  add <- function(name, i) {
    if (several) name <- paste0(outputs[[i]], "_", name)
    base <- name
    j <- 0L
    while (name %in% names) name <- paste0(base, "_", j <- j + 1L)
    names <<- c(names, name)
  }
  for (i in which(used)) {
    for (metric in compiled$output_metrics[[i]]) add(metric$name, i)
    for (metric in compiled$output_weighted_metrics[[i]]) add(paste0("weighted_", metric$name), i)
  }
  names
}

unique_variables <- function(variables) {
  variables[!duplicated(vapply(variables, uid_key, ""))]
}

# --- the runtime ------------------------------------------------------------------------------

# Variables and native functions of a model; recompiling replaces them. A model that is only used
# for prediction needs no compile().
new_runtime <- function(self) {
  runtime <- new.env(parent = emptyenv())
  runtime$set <- new_variable_set()
  runtime$functions <- list()
  runtime$seeded <- FALSE
  if (!is.null(self$compiled)) {
    runtime$slots <- new_slots(self$compiled$optimizer, self$compiled$weights)
  }
  runtime
}

runtime_of <- function(self) {
  if (is.null(self$runtime)) self$runtime <- new_runtime(self)
  self$runtime
}

# The store that a model's functions run on.
model_variables <- function(model) runtime_of(model_object(model, "model"))$set$handle

# Draws the seed of the model's random numbers from R's generator.
seed_model <- function(model) {
  runtime <- runtime_of(model_object(model, "model"))
  seed_variable_set(runtime$set)
  runtime$seeded <- TRUE
  invisible(model)
}

# How many native functions a model keeps: three modes, for the sizes of data that came last.
kept_functions <- 24L

# The native function of a mode: "train", "evaluate" or "predict".
model_function <- function(model, mode) {
  self <- model_object(model, "model")
  if (length(self$outputs) == 0L) abort(sprintf('model "%s" has no layers yet.', self$name), "hornet_value_error")
  if (mode != "predict" && is.null(self$compiled)) not_compiled(self)
  use_threads()
  runtime <- runtime_of(self)
  if (mode == "train") warn_if_trainable_changed(self)
  key <- paste(mode, sizes_key(self))
  fn <- runtime$functions[[key]]
  if (is.null(fn)) {
    traced <- trace_model(self, mode)
    fn <- cpp_function(traced$trace$graph, runtime$set$handle,
                       lapply(traced$fetches, function(x) x$value), trace_updates(traced$trace))
    # Data of ever new sizes don't pile up what was traced for them.
    if (length(runtime$functions) >= kept_functions) runtime$functions <- runtime$functions[-1L]
    runtime$functions[[key]] <- fn
    runtime$uses_random <- isTRUE(runtime$uses_random) || traced$trace$uses_random
  }
  if (isTRUE(runtime$uses_random) && !runtime$seeded) seed_model(self)
  fn
}

not_compiled <- function(self) {
  abort(c(
    sprintf('model "%s" is not compiled.', self$name),
    "Say how to train it first: compile(model, optimizer = , loss = )."
  ), "hornet_compile_error")
}

warn_if_trainable_changed <- function(self) {
  now <- vapply(unique_variables(self$get_trainable_weights()), uid_key, "")
  then <- vapply(self$compiled$weights, uid_key, "")
  if (!identical(sort(now), sort(then))) {
    warning(warningCondition(
      "`trainable` was changed after compile(): the change takes effect when the model is compiled again.",
      class = c("hornet_trainable_warning", "hornet_warning"), call = user_call()
    ))
  }
}

# --- tracing ----------------------------------------------------------------------------------

trace_model <- function(self, mode) {
  trace <- new_trace(runtime_of(self)$set, training = mode == "train")
  trace$parallel <- !is.null(self$gpus)
  fetches <- with_trace(trace, {
    dims <- input_dims(self)
    inputs <- lapply(seq_along(self$inputs), function(i) bind_input(trace, self$inputs[[i]], i, dims[[i]]))
    outputs <- run_topology(self, inputs, bind_all = TRUE)
    if (mode == "predict") outputs else trace_objective(self, trace, outputs, mode)
  })
  if (mode != "train") trace$updates <- Filter(function(update) isTRUE(update$always), trace$updates)
  list(trace = trace, fetches = fetches)
}

# Loss, penalties and metrics; in training also gradients and update.
trace_objective <- function(self, trace, outputs, mode) {
  compiled <- self$compiled
  used <- which(!vapply(compiled$losses, is.null, TRUE))
  feeds <- length(self$inputs)
  objectives <- lapply(seq_along(used), function(k) {
    i <- used[[k]]
    y_true <- feed_tensor(trace, feeds + k, target_dims(self, i))
    dims <- outputs[[i]]$dims
    weight <- feed_tensor(trace, feeds + length(used) + k, dims[seq_len(if (compiled$temporal[[i]]) 2L else 1L)])
    trace_output(self, compiled, i, y_true, outputs[[i]], weight)
  })
  weighted <- lapply(seq_along(used), function(k) {
    factor <- compiled$loss_weights[[used[[k]]]]
    if (factor == 1) objectives[[k]]$loss else factor * objectives[[k]]$loss
  })
  total <- Reduce(`+`, c(weighted, with_origin("penalties", weight_penalties(self)), lapply(trace$losses, as_scalar)))
  if (is.null(total)) abort("`loss` is NULL for all outputs, and no layer adds a loss.", "hornet_value_error")
  if (mode == "train") trace_update(self, total)
  fetches <- list(total)
  if (length(self$outputs) > 1L) fetches <- c(fetches, lapply(objectives, function(o) o$loss))
  fetches <- c(fetches, unlist(lapply(objectives, function(o) o$metrics), FALSE))
  if (is.null(self$gpus)) fetches else lapply(fetches, over_devices)
}

feed_tensor <- function(trace, index, dims) {
  new_tensor(cpp_graph_input(trace$graph, index - 1L, dims, "float32"), trace, list(op = "input"))
}

trace_output <- function(self, compiled, i, y_true, y_pred, weight) {
  loss <- compiled$losses[[i]]
  what <- function(kind, name) {
    if (length(self$outputs) > 1L) sprintf('%s "%s" of output "%s"', kind, name, self$output_names[[i]])
    else sprintf('%s "%s"', kind, name)
  }
  check_target_suits(self, loss, i, y_pred)
  value_of <- function(kind, item, weight) {
    with_origin(what(kind, item$name), {
      values <- as_tensor_result(item$f(y_true, y_pred), what(kind, item$name))
      weighted_mean(values, weight, y_pred$mask)
    })
  }
  list(
    loss = value_of("loss", loss, weight),
    metrics = c(
      lapply(compiled$output_metrics[[i]], function(metric) value_of("metric", metric, NULL)),
      lapply(compiled$output_weighted_metrics[[i]], function(metric) value_of("metric", metric, weight))
    )
  )
}

as_tensor_result <- function(x, what) {
  if (is_tensor(x) || (is.numeric(x) && length(x) == 1L)) return(as_float(x))
  abort(sprintf("the %s must return a tensor, it returned %s.", what, describe(x)), "hornet_trace_error")
}

check_target_suits <- function(self, loss, i, y_pred) {
  if (identical(loss$name, "categorical_crossentropy") && y_pred$dims[[tensor_rank(y_pred)]] == 1) {
    abort(c(
      sprintf('the loss "categorical_crossentropy" needs an output with one column per class; "%s" has shape %s.',
              self$output_names[[i]], format_shape(tensor_shape(y_pred))),
      'For two classes and one column use "binary_crossentropy".'
    ), "hornet_shape_error")
  }
}

# Values per sample (or position) -> one number. A mask leaves out positions and is made up for;
# weights divide by the number of those that aren't zero, not by their sum.
weighted_mean <- function(values, weight, mask) {
  if (!is.null(mask)) {
    mask <- as_float(mask)
    values <- values * mask / k_mean(mask)
  }
  if (is.null(weight)) return(k_mean(values))
  extra <- seq_len(tensor_rank(values))[-seq_len(tensor_rank(weight))]
  if (length(extra)) values <- k_mean(values, axis = extra)
  k_sum(values * weight) / k_sum(k_not_equal(weight, 0))
}

as_scalar <- function(x) if (tensor_rank(x) == 0L) x else k_sum(x)

# Penalties count whether or not a weight is trained.
weight_penalties <- function(self) {
  variables <- Filter(function(w) !is.null(w$regularizer), unique_variables(self$get_all_weights()))
  lapply(variables, function(w) as_scalar(w$regularizer(import_tensor(w, current_trace()))))
}

trace_update <- function(self, total) {
  compiled <- self$compiled
  weights <- compiled$weights
  gradients <- trace_gradients(total, weights)
  reached <- !vapply(gradients, is.null, TRUE)
  if (!all(reached)) {
    names <- vapply(weights[!reached], function(w) w$name, "")
    warning(warningCondition(
      sprintf("The loss doesn't depend on %s: %s not trained.", quoted(names, "and"),
              if (length(names) == 1L) "it is" else "they are"),
      class = c("hornet_gradient_warning", "hornet_warning"), call = user_call()
    ))
  }
  slots <- lapply(runtime_of(self)$slots, function(kind) kind[reached])
  gradients <- gradients[reached]
  trace <- current_trace()
  if (isTRUE(trace$parallel)) gradients <- lapply(gradients, over_devices)
  trace$parallel <- FALSE  # from here on all devices compute the same
  apply_gradients(compiled$optimizer, weights[reached], gradients, slots)
}

# --- what feeders need to know ------------------------------------------------------------------

# The spec of cpp_feeder_*(): `actor` names the data in messages; `class_weight` is a list with one
# numeric vector (or NULL) per output.
model_feed_spec <- function(model, mode, actor, class_weight = NULL) {
  self <- model_object(model, "model")
  if (mode != "predict" && is.null(self$compiled)) not_compiled(self)
  names <- self$input_names
  dims <- input_dims(self)
  inputs <- lapply(seq_along(names), function(i) {
    list(name = names[[i]], dim = dims[[i]], classes = ids_of_input(self, self$inputs[[i]]))
  })
  targets <- if (mode == "predict") list() else target_ports(self)
  list(
    actor = actor,
    inputs = inputs,
    targets = targets,
    needs_targets = length(targets) > 0L,
    weighted = length(targets) > 0L,
    class_weights = if (mode == "train") class_weight
  )
}

# How many ids there are where embeddings read an input directly: the smallest table's; else 0.
ids_of_input <- function(self, input) {
  sizes <- unlist(lapply(self$topology()$nodes, function(node) {
    reads <- which(vapply(node$inputs, identical, TRUE, input))
    if (length(reads) == 0L) return(NULL)
    if (inherits(node$layer, "Embedding")) return(node$layer$input_dim)
    if (inherits(node$layer, "Model")) vapply(node$layer$inputs[reads], ids_of_input, 0, self = node$layer)
  }))
  sizes <- sizes[sizes > 0]
  if (length(sizes)) as.numeric(min(sizes)) else 0
}

target_ports <- function(self) {
  compiled <- self$compiled
  used <- which(!vapply(compiled$losses, is.null, TRUE))
  lapply(used, function(i) {
    outputs <- self$outputs[[i]]$dims
    classes <- if (takes_class_numbers(compiled$losses[[i]])) outputs[[length(outputs)]] else 0
    list(name = self$output_names[[i]], dim = target_dims(self, i), classes = classes)
  })
}
