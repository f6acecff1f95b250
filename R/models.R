# Models: a graph of layer calls from inputs to outputs, itself a layer.

Model <- R6Class("Model",
  inherit = Layer, cloneable = FALSE,
  public = list(
    base_classes = c("keras.models.Model", "keras.engine.training.Model", "keras.engine.topology.Container"),
    inputs = list(),
    outputs = list(),
    stop_training = FALSE,
    history = NULL,
    gpus = NULL,                   # numbers of those that each compute a part of a batch
    sizes = NULL,                  # of the data at hand, where inputs don't say them (unknown-sizes.R)
    compiled = NULL,               # what compile() was told and made (model-compile.R)
    runtime = NULL,                # variables and functions (model-compile.R)

    initialize = function(inputs, outputs, name = NULL) {
      super$initialize(name = name %||% unique_name("model"))
      self$module <- "keras.engine.training"
      self$inputs <- check_model_inputs(inputs)
      self$outputs <- check_model_outputs(outputs)
      self$topology()
      self$built <- TRUE
    },

    # list(nodes = in an order in which they can run, layers = as summary() shows them)
    topology = function() {
      if (is.null(self$known_topology)) self$known_topology <- find_topology(self$inputs, self$outputs)
      self$known_topology
    },
    known_topology = NULL,
    all_sublayers = function() self$topology()$layers,

    # As a layer: the same calls on other tensors.
    call = function(inputs, mask = NULL) {
      inputs <- as_tensor_list(inputs)
      if (length(inputs) != length(self$inputs)) {
        abort(sprintf('model "%s" takes %d input(s), got %d.', self$name, length(self$inputs),
                      length(inputs)), "hornet_shape_error")
      }
      for (i in seq_along(inputs)) check_input_fits(self, i, inputs[[i]])
      unwrap_single(run_topology(self, inputs))
    },
    compute_mask = function(inputs, mask) self$last_masks,
    last_masks = NULL,

    get_weights = function() {
      lapply(unlist(lapply(self$topology()$layers, function(l) l$get_all_weights()), FALSE), variable_value)
    },
    set_weights = function(weights) {
      variables <- unlist(lapply(self$topology()$layers, function(l) l$get_all_weights()), FALSE)
      set_weight_values(variables, weights, sprintf('model "%s"', self$name))
    },
    count_params = function() count_weights(self$get_all_weights()),
    get_config = function() model_config(self),
    copy = function(given = NULL) copy_model(self, given),

    # As in the reference, the model itself is its first call.
    node_at = function(index) {
      if (index > 1L) return(super$node_at(index - 1L))
      list(inputs = self$inputs, outputs = self$outputs)
    }
  ),
  active = list(
    # Assigning the same layers is what `model$layers[[1]]$trainable <- FALSE` ends with.
    layers = function(value) {
      layers <- lapply(self$topology()$layers, function(layer) layer$as_function())
      if (missing(value)) return(layers)
      if (!identical(lapply(value, layer_object), lapply(layers, layer_object))) {
        abort("the layers of a model can't be replaced.", "hornet_value_error")
      }
    },
    input = function() unwrap_single(self$inputs),
    output = function() unwrap_single(self$outputs),
    input_shape = function() unwrap_single(lapply(self$inputs, k_int_shape)),
    output_shape = function() unwrap_single(lapply(self$outputs, k_int_shape)),
    input_names = function() vapply(self$inputs, function(x) x$history$layer$name, ""),
    output_names = function() distinct_names(vapply(self$outputs, function(x) x$history$layer$name, "")),
    metrics_names = function() self$compiled$metrics_names %||% character(),
    metrics = function() self$compiled$metrics,
    optimizer = function(value) {
      if (missing(value)) return(self$compiled$optimizer)
      if (!identical(value, self$compiled$optimizer)) {
        abort("a model's optimizer is set by compile().", "hornet_value_error")
      }
    },
    loss = function() self$compiled$loss
  )
)

# "a", "b", "a" -> "a", "b", "a_1"
distinct_names <- function(names) {
  seen <- list()
  for (i in seq_along(names)) {
    base <- names[[i]]
    count <- seen[[base]] %||% 0L
    if (count > 0L) names[[i]] <- paste0(base, "_", count)
    seen[[base]] <- count + 1L
  }
  names
}

Sequential <- R6Class("Sequential",
  inherit = Model, cloneable = FALSE,
  public = list(
    stack = list(),

    initialize = function(layers = NULL, name = NULL) {
      # Layer's constructor, not Model's: there is nothing to connect yet.
      self$name <- name %||% unique_name("sequential")
      self$module <- "keras.models"
      self$base_classes <- c("keras.models.Sequential", "keras.engine.training.Model",
                             "keras.engine.topology.Container")
      for (layer in layers) self$add(layer)
    },

    add = function(layer) {
      layer <- layer_object(layer, "layer")
      names <- vapply(self$stack, function(l) l$name, "")
      if (layer$name %in% names) {
        abort(c(
          sprintf('model "%s" already has a layer named "%s".', self$name, layer$name),
          "Names must be unique in a model."
        ), "hornet_value_error")
      }
      if (length(self$stack) == 0L) {
        self$inputs <- self$first_input(layer)
        self$outputs <- self$inputs
      }
      if (!inherits(layer, "InputLayer")) {
        self$outputs <- as_tensor_list(call_layer(layer, self$outputs))
        if (length(self$outputs) != 1L) {
          abort(sprintf('layer "%s" has %d outputs; in a sequential model every layer has one. Use keras_model().',
                        layer$name, length(self$outputs)), "hornet_value_error")
        }
      }
      self$stack[[length(self$stack) + 1L]] <- layer
      self$changed()
    },

    pop = function() {
      n <- length(self$stack)
      if (n == 0L) abort(sprintf('model "%s" has no layers.', self$name), "hornet_value_error")
      last <- self$stack[[n]]
      self$stack[[n]] <- NULL
      if (n == 1L) {
        self$inputs <- self$outputs <- list()
      } else {
        last_node <- self$outputs[[1L]]$history$node
        self$outputs <- last_node$inputs
        last$inbound_nodes <- Filter(function(node) !identical(node, last_node), last$inbound_nodes)
      }
      self$changed()
    },

    get_config = function() sequential_config(self),
    copy = function(given = NULL) copy_sequential(self, given),

    # What was made for other layers no longer holds.
    changed = function() {
      self$known_topology <- NULL
      self$compiled <- NULL
      self$runtime <- NULL
      self$built <- length(self$outputs) > 0L
    },

    first_input = function(layer) {
      if (inherits(layer, "InputLayer")) return(layer$inbound_nodes[[1L]]$outputs)
      shape <- layer$batch_input_shape
      if (is.null(shape) && is_model(layer) && length(layer$inputs) == 1L) {
        shape <- tensor_shape(layer$inputs[[1L]])
      }
      if (is.null(shape) && length(layer$inbound_nodes)) {
        shape <- tensor_shape(layer$inbound_nodes[[1L]]$inputs[[1L]])
      }
      if (is.null(shape)) {
        abort(c(
          sprintf('layer "%s" is the first of a sequential model and needs an `input_shape`.', layer$name),
          "For example input_shape = c(28, 28, 1): the shape of one sample, without the batch."
        ), "hornet_shape_error")
      }
      input <- InputLayer$new(shape, paste0(layer$name, "_input"), layer$dtype)
      input$inbound_nodes[[1L]]$outputs
    },

    # The order of adding; the implied input isn't shown.
    topology = function() {
      if (is.null(self$known_topology)) {
        if (length(self$outputs) == 0L) {
          abort(sprintf('model "%s" has no layers yet.', self$name), "hornet_value_error")
        }
        found <- find_topology(self$inputs, self$outputs)
        found$layers <- Filter(function(l) !inherits(l, "InputLayer"), self$stack)
        self$known_topology <- found
      }
      self$known_topology
    },
    all_sublayers = function() if (length(self$stack)) self$topology()$layers else list()
  )
)

# --- topology -------------------------------------------------------------------------------

check_model_inputs <- function(inputs) {
  inputs <- as_tensor_list(inputs)
  if (length(inputs) == 0L) abort("`inputs` is empty: give the result of layer_input().", "hornet_value_error")
  for (x in inputs) {
    if (!is_tensor(x) || is.null(x$history) || !inherits(x$history$layer, "InputLayer")) {
      abort(sprintf("`inputs` must come from layer_input(), got %s.",
                    if (is_tensor(x)) format(x) else describe(x)), "hornet_value_error")
    }
  }
  names <- vapply(inputs, function(x) x$name, "")
  if (anyDuplicated(names)) {
    abort(sprintf('`inputs`: %s is given twice.', quoted(names[duplicated(names)])), "hornet_value_error")
  }
  inputs
}

check_model_outputs <- function(outputs) {
  outputs <- as_tensor_list(outputs)
  if (length(outputs) == 0L) {
    abort("`outputs` is empty: give the tensors that the model computes.", "hornet_value_error")
  }
  lapply(outputs, function(x) {
    if (!is_tensor(x)) abort(sprintf("`outputs` must be tensors, got %s.", describe(x)), "hornet_value_error")
    x <- with_history(x)
    if (is.null(x$history)) abort("`outputs` must be computed by layers from `inputs`.", "hornet_graph_error")
    x
  })
}

# Depth of a node: the longest way from it to an output. Nodes run from the deepest on; layers are
# listed by the depth of their deepest call, ties in the order a walk from the outputs meets them.
find_topology <- function(inputs, outputs) {
  finished <- list()
  met <- list()
  state <- new.env(parent = emptyenv())
  visit <- function(node) {
    key <- uid_of(node)
    if (!is.null(state[[key]])) return()
    assign(key, TRUE, envir = state)
    if (!contains(met, node$layer)) met[[length(met) + 1L]] <<- node$layer
    for (x in node$inputs) if (!is.null(x$history)) visit(x$history$node)
    finished[[length(finished) + 1L]] <<- node
  }
  for (x in outputs) visit(x$history$node)

  layer_depth <- stats::setNames(numeric(length(met)), vapply(met, layer_key, ""))
  node_depth <- stats::setNames(numeric(length(finished)), vapply(finished, uid_of, ""))
  for (node in rev(finished)) {
    key <- uid_of(node)
    layer <- layer_key(node$layer)
    depth <- max(node_depth[[key]], layer_depth[[layer]])
    layer_depth[[layer]] <- node_depth[[key]] <- depth
    for (x in node$inputs) {
      if (is.null(x$history)) next
      before <- uid_of(x$history$node)
      node_depth[[before]] <- max(node_depth[[before]], depth + 1)
    }
  }
  nodes <- finished[order(-node_depth, seq_along(finished))]
  layers <- met[order(-layer_depth, seq_along(met))]
  for (x in inputs) if (!contains(layers, x$history$layer)) layers <- c(list(x$history$layer), layers)
  check_connected(nodes, inputs)
  check_unique_names(layers)
  list(nodes = nodes, layers = layers)
}

uid_of <- function(node) format(node$key, scientific = FALSE, digits = 15)
layer_key <- function(layer) layer$name
contains <- function(xs, x) {
  for (other in xs) if (identical(other, x)) return(TRUE)
  FALSE
}

check_connected <- function(nodes, inputs) {
  for (node in nodes) {
    if (!inherits(node$layer, "InputLayer")) next
    x <- node$outputs[[1L]]
    if (!contains(inputs, x)) {
      abort(c(
        sprintf('the outputs depend on the input "%s", which is not among `inputs`.', tensor_name(x)),
        sprintf("Inputs given: %s.", quoted(vapply(inputs, tensor_name, ""), "and"))
      ), "hornet_graph_error")
    }
  }
}

check_unique_names <- function(layers) {
  names <- vapply(layers, function(l) l$name, "")
  if (anyDuplicated(names)) {
    abort(c(
      sprintf("two layers are named %s.", quoted(unique(names[duplicated(names)]), "and")),
      "Names must be unique in a model."
    ), "hornet_value_error")
  }
}

check_input_fits <- function(model, i, x) {
  expected <- tensor_shape(model$inputs[[i]])
  got <- tensor_shape(x)
  fits <- length(expected) == length(got) && !any(expected[-1L] != got[-1L], na.rm = TRUE)
  if (!fits) {
    abort(sprintf('model "%s" expects input "%s" of shape %s, got %s.', model$name,
                  tensor_name(model$inputs[[i]]), format_shape(expected), format_shape(got)),
          "hornet_shape_error")
  }
}

# The model's calls on other inputs. At the top of a trace every tensor of the model is bound, so
# that losses and metrics may refer to any of them; inside another layer only the call's own.
run_topology <- function(model, inputs, bind_all = FALSE) {
  trace <- current_trace()
  bound <- if (bind_all) trace$imported else new.env(parent = emptyenv())
  for (i in seq_along(inputs)) assign(uid_key(model$inputs[[i]]), inputs[[i]], envir = bound)
  stands_for <- function(x) {
    bound[[uid_key(x)]] %||% (if (is.null(trace)) x else import_tensor(x, trace))
  }
  for (node in model$topology()$nodes) {
    if (inherits(node$layer, "InputLayer")) next
    outputs <- apply_layer(node$layer, lapply(node$inputs, stands_for), node$arguments)
    for (i in seq_along(outputs)) assign(uid_key(node$outputs[[i]]), outputs[[i]], envir = bound)
  }
  outputs <- lapply(model$outputs, stands_for)
  model$last_masks <- unwrap_single(lapply(outputs, function(y) y$mask))
  outputs
}

# --- what users call ------------------------------------------------------------------------

#' Functional models
#'
#' Connects inputs to outputs. Layers may be shared, and there may be several inputs and outputs.
#'
#' @param inputs Tensor or list of tensors from [layer_input()].
#' @param outputs Tensor or list of tensors computed from them by layers. Operations written
#'   between layers (`2 * x + 1`) are fine.
#' @return A model: an R function (so that a model can be used as a layer) with reference
#'   semantics. Fields are read by `$`: `layers`, `inputs`, `outputs`, `input_names`,
#'   `output_names`, `metrics_names`, `optimizer`, `stop_training`, `trainable`, ...
#' @section Errors:
#' Outputs that depend on an input that isn't given are refused (`hornet_graph_error`), as are two
#' layers of one name (`hornet_value_error`).
#' @family models
#' @export
#' @examples
#' a <- layer_input(shape = 3, name = "a")
#' b <- layer_input(shape = 3, name = "b")
#' shared <- layer_dense(units = 4, activation = "relu")
#' output <- layer_concatenate(list(shared(a), shared(b))) %>% layer_dense(units = 1)
#' model <- keras_model(list(a, b), output)
#' summary(model)
keras_model <- function(inputs, outputs = NULL) {
  Model$new(inputs, outputs)$as_function()
}

#' Sequential models
#'
#' A stack of layers, each fed by the one before. Piping the model into a layer function adds the
#' layer to it, in place.
#'
#' @param layers List of layers to begin with.
#' @param name Name of the model; default `sequential_1`, `sequential_2`, ...
#' @return A model, see [keras_model()]. The first layer needs an `input_shape`.
#' @section Errors:
#' A first layer without `input_shape` (`hornet_shape_error`), a layer name used twice
#' (`hornet_value_error`).
#' @family models
#' @export
#' @examples
#' model <- keras_model_sequential()
#' model %>%
#'   layer_dense(units = 8, activation = "relu", input_shape = 4) %>%
#'   layer_dense(units = 1)
#' model
keras_model_sequential <- function(layers = NULL, name = NULL) {
  if (is_layer(layers)) layers <- list(layers)
  Sequential$new(layers, name)$as_function()
}
