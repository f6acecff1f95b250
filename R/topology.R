# Layers, and the nodes that record which layer was called on what.
#
# To users a layer is an R function with classes (so `layer(x)` and `x %>% layer` work) whose `$`
# reads and writes the R6 object behind it: reference semantics. Inside the package we hold the
# R6 object. Calling a layer while a model is built appends a Node; the graph of nodes is the
# model's topology, which summary() prints and which tracing runs again (trace.R).

Layer <- R6Class("Layer",
  cloneable = FALSE, lock_objects = FALSE,
  public = list(
    name = NULL,
    module = "keras.engine.topology",
    trainable = TRUE,
    built = FALSE,
    dtype = "float32",
    batch_input_shape = NULL,      # integer, NA is the batch; only when given by the user
    initial_weights = NULL,
    inbound_nodes = list(),
    activity_regularizer = NULL,
    supports_masking = FALSE,
    stateful = FALSE,
    store = NULL,
    scope = NULL,                  # what weights are named after, if not the layer
    own_weights = list(),
    arguments = list(),            # as given to the constructor, for get_config() and copy()

    initialize = function(name = NULL, trainable = NULL, input_shape = NULL,
                          batch_input_shape = NULL, batch_size = NULL, dtype = NULL,
                          weights = NULL) {
      self$name <- name %||% unique_name(snake_case(class(self)[[1L]]))
      if (!is.character(self$name) || length(self$name) != 1L || !nzchar(self$name)) {
        abort(sprintf("`name` must be one non-empty string, not %s.", describe(name)), "hornet_value_error")
      }
      self$trainable <- trainable %||% TRUE
      self$dtype <- dtype %||% .globals$floatx
      self$initial_weights <- weights
      self$batch_input_shape <- if (!is.null(batch_input_shape)) {
        as_shape(batch_input_shape)
      } else if (!is.null(input_shape)) {
        c(if (is.null(batch_size)) NA_integer_ else positive_int(batch_size), as_shape(input_shape))
      }
    },

    # Creates the weights for inputs of this shape (a list of shapes for several inputs).
    build = function(input_shape) NULL,

    # Tensors in, tensors out. May also take `mask`.
    call = function(inputs) inputs,

    # The mask of the outputs. A layer that doesn't know about masks refuses one.
    compute_mask = function(inputs, mask) {
      if (self$supports_masking) return(mask)
      if (!all(vapply(as_tensor_list(mask), is.null, TRUE))) {
        abort(sprintf('layer "%s" does not support masking, but its input carries a mask.', self$name),
              "hornet_value_error")
      }
      NULL
    },

    # Creates a weight. `shape` is without a batch; an initializer, regularizer and constraint is
    # a name, an object or an R function.
    add_weight = function(name, shape, dtype = NULL, initializer = "glorot_uniform",
                          regularizer = NULL, trainable = TRUE, constraint = NULL) {
      shape <- as_shape(unlist(shape))
      if (anyNA(shape)) {
        abort(c(
          sprintf('layer "%s": the shape %s of weight "%s" depends on a size that is not known.', self$name,
                  format_shape(shape), name),
          "Give all sizes in layer_input() or `input_shape`."
        ), "hornet_shape_error")
      }
      if (is.null(self$store)) self$store <- new_store()
      weight <- new_variable(
        self$store, sprintf("%s/%s:0", self$scope %||% self$name, name), shape,
        initial_value(get_initializer(initializer), shape),
        trainable = trainable, regularizer = get_regularizer(regularizer),
        constraint = get_constraint(constraint)
      )
      self$own_weights[[length(self$own_weights) + 1L]] <- weight
      weight
    },

    # A penalty that joins the loss; depends on the inputs of the call under way.
    add_loss = function(losses, inputs = NULL) {
      trace <- current_trace()
      if (!is.null(trace)) trace$losses <- c(trace$losses, as_tensor_list(losses))
      invisible(NULL)
    },

    all_sublayers = function() list(),

    # Trainable first, as in files.
    get_trainable_weights = function() {
      if (!isTRUE(self$trainable)) return(list())
      inner <- lapply(self$all_sublayers(), function(layer) layer$get_trainable_weights())
      c(Filter(function(w) w$trainable, self$own_weights), unlist(inner, FALSE))
    },
    get_non_trainable_weights = function() {
      own <- if (isTRUE(self$trainable)) Filter(function(w) !w$trainable, self$own_weights) else self$own_weights
      inner <- lapply(self$all_sublayers(), function(layer) {
        if (isTRUE(self$trainable)) layer$get_non_trainable_weights() else layer$get_all_weights()
      })
      c(own, unlist(inner, FALSE))
    },
    get_all_weights = function() c(self$get_trainable_weights(), self$get_non_trainable_weights()),

    get_weights = function() lapply(self$get_all_weights(), variable_value),

    set_weights = function(weights) {
      set_weight_values(self$get_all_weights(), weights, sprintf('layer "%s"', self$name))
    },

    count_params = function() {
      if (!self$built) {
        abort(sprintf('layer "%s" has no weights yet: it has not been called on an input.', self$name),
              "hornet_value_error")
      }
      count_weights(self$get_all_weights())
    },

    # How to make it again, in the reference's words (configs.R).
    get_config = function() c(base_config(self), written_arguments(self)),

    # A layer of the same kind and name, with weights of its own.
    copy = function() make_layer(self$generator, c(lapply(self$arguments, copy_value), base_arguments(self))),
    generator = NULL,              # the class it was made of

    # Back to zeros, of a layer that keeps states between batches.
    reset_states = function() for (layer in self$all_sublayers()) layer$reset_states(),

    # The R function that users hold.
    as_function = function() {
      if (is.null(self$wrapper)) self$wrapper <- layer_function(self)
      self$wrapper
    },
    wrapper = NULL,

    node_at = function(index) {
      if (index > length(self$inbound_nodes)) {
        abort(sprintf('layer "%s" was called %d time(s): there is no call %d.',
                      self$name, length(self$inbound_nodes), index), "hornet_value_error")
      }
      self$inbound_nodes[[index]]
    },
    only_node = function(what) {
      if (length(self$inbound_nodes) == 0L) {
        abort(sprintf('layer "%s" has no %s: it has not been called on an input.', self$name, what),
              "hornet_value_error")
      }
      if (length(self$inbound_nodes) > 1L) {
        abort(sprintf('layer "%s" was called %d times, so "the %s" is ambiguous. Use get_%s_at().',
                      self$name, length(self$inbound_nodes), what, what), "hornet_value_error")
      }
      self$inbound_nodes[[1L]]
    }
  ),
  active = list(
    weights = function() self$get_all_weights(),
    trainable_weights = function() self$get_trainable_weights(),
    non_trainable_weights = function() self$get_non_trainable_weights(),
    input = function() unwrap_single(self$only_node("input")$inputs),
    output = function() unwrap_single(self$only_node("output")$outputs),
    input_shape = function() unwrap_single(lapply(self$only_node("input")$inputs, k_int_shape)),
    output_shape = function() unwrap_single(lapply(self$only_node("output")$outputs, k_int_shape))
  )
)

# The classes of the R function: the reference's Python names, since methods elsewhere hang on them.
layer_classes <- function(self) {
  own <- setdiff(class(self), c("R6", "Layer", "Model", "Sequential"))
  c(if (length(own)) paste(self$module, own[[1L]], sep = "."), self$base_classes,
    "keras.engine.topology.Layer", "python.builtin.object")
}

layer_function <- function(self) {
  fn <- function(object = NULL, ..., initial_state = NULL, training = NULL, mask = NULL) {
    if (is.null(object)) return(invisible(self$as_function()))
    if (!is.null(initial_state)) object <- with_initial_state(self, object, initial_state)
    compose_layer(self, object, training = training, mask = mask)
  }
  class(fn) <- layer_classes(self)
  fn
}

is_layer <- function(x) inherits(x, "keras.engine.topology.Layer") || inherits(x, "Layer")
is_model <- function(x) inherits(x, "keras.engine.training.Model") || inherits(x, "Model")

# The R6 object of a layer, however we got hold of it.
layer_object <- function(x, what = "object") {
  if (inherits(x, "Layer")) return(x)
  if (inherits(x, "keras.engine.topology.Layer")) return(environment(x)$self)
  abort(sprintf("`%s` must be a layer or a model, not %s.", what, describe(x)), "hornet_value_error")
}

model_object <- function(x, what = "object") {
  if (!is_model(x)) {
    abort(sprintf("`%s` must be a model, not %s.", what, describe(x)), "hornet_value_error")
  }
  layer_object(x, what)
}

#' @export
`$.keras.engine.topology.Layer` <- function(x, name) layer_field(environment(x)$self, name)
#' @export
`[[.keras.engine.topology.Layer` <- function(x, i, ...) layer_field(environment(x)$self, i)
#' @export
`$<-.keras.engine.topology.Layer` <- function(x, name, value) {
  self <- environment(x)$self
  assign(name, value, envir = self)
  x
}
#' @export
`[[<-.keras.engine.topology.Layer` <- function(x, i, value) {
  self <- environment(x)$self
  assign(i, value, envir = self)
  x
}
# A layer of the user's class also has the fields of that class.
layer_field <- function(self, name) {
  if (inherits(self, "CustomLayer") && !exists(name, self, inherits = FALSE)) return(self$implementation[[name]])
  self[[name]]
}
#' @exportS3Method utils::.DollarNames
.DollarNames.keras.engine.topology.Layer <- function(x, pattern = "") {
  hidden <- c("own_weights", "store", "wrapper", "initialize", "clone")
  grep(pattern, setdiff(ls(environment(x)$self), hidden), value = TRUE)
}
#' @export
names.keras.engine.topology.Layer <- function(x) ls(environment(x)$self)
#' @export
print.keras.engine.topology.Layer <- function(x, ...) {
  cat(format(x, ...), "\n", sep = "")
  invisible(x)
}
#' @export
format.keras.engine.topology.Layer <- function(x, ...) {
  self <- environment(x)$self
  sprintf('<layer "%s" (%s)>', self$name, class(self)[[1L]])
}
#' @export
str.keras.engine.topology.Layer <- function(object, ...) cat("", format(object), "\n")

# One call of a layer. `arguments`: what was given besides the inputs (training, mask).
new_node <- function(layer, inputs, outputs, arguments = list()) {
  node <- new.env(parent = emptyenv())
  node$layer <- layer
  node$index <- length(layer$inbound_nodes) + 1L
  node$inputs <- inputs
  node$outputs <- outputs
  node$arguments <- arguments
  node$key <- next_uid()
  layer$inbound_nodes[[node$index]] <- node
  for (i in seq_along(outputs)) outputs[[i]]$history <- list(layer = layer, node = node, index = i)
  node
}

# What layer_*() functions do: make the layer, then put it where `object` says.
create_layer_of <- function(class, object, args) {
  # In a pipe the earlier layers are made (and numbered) first, though R is lazy.
  if (!missing(object)) force(object)
  layer <- make_layer(class, args)
  if (missing(object) || is.null(object)) return(layer$as_function())
  compose_layer(layer, object)
}

# The arguments of the layer_*() function that calls this, but for `object`; `...` takes the place of
# some of them, or adds to them.
layer_arguments <- function(...) {
  changed <- list(...)
  takes <- setdiff(names(formals(sys.function(sys.parent()))), "object")
  arguments <- mget(setdiff(takes, names(changed)), parent.frame())
  for (name in names(arguments)) {
    if (identical(arguments[[name]], quote(expr = ))) abort(sprintf("`%s` is missing.", name), "hornet_value_error")
  }
  arguments <- c(arguments, changed)
  arguments[order(match(names(arguments), takes))]
}

# Arguments that all layers have.
common_arguments <- c("name", "trainable", "weights", "dtype", "input_shape", "batch_input_shape", "batch_size")

make_layer <- function(class, args) {
  layer <- do.call(class$new, drop_nulls(args))
  layer$generator <- class
  layer$arguments <- args[setdiff(names(args), common_arguments)]
  layer
}

# Onto a Sequential model: added in place. Onto tensors: called.
compose_layer <- function(layer, object, training = NULL, mask = NULL) {
  if (inherits(object, "keras.models.Sequential")) {
    layer_object(object)$add(layer)
    return(invisible(object))
  }
  inputs <- if (is.list(object)) unname(object) else list(object)
  for (input in inputs) {
    if (!is_tensor(input)) {
      hint <- if (is_model(input)) {
        "Only sequential models grow by adding layers. To go on from a model, use its `$output`."
      } else if (is.array(input) || is.numeric(input)) {
        "Arrays go into fit(), evaluate() and predict()."
      }
      abort(c(sprintf('layer "%s" takes a tensor, a list of tensors or a sequential model, not %s.',
                      layer$name, describe(input)), hint), "hornet_value_error")
    }
  }
  call_layer(layer, inputs, list(training = training), mask)
}

# Calls a layer on tensors and returns its output(s).
call_layer <- function(layer, inputs, arguments = list(), mask = NULL) {
  building <- is.null(current_trace()) && .globals$layer_depth == 0L
  if (building) inputs <- lapply(inputs, with_history)
  arguments$mask <- mask
  if (building) ensure_built(layer, inputs)
  outputs <- apply_layer(layer, if (building) lapply(inputs, stood_in) else inputs, arguments)
  if (building) {
    outputs <- mark_unknown(outputs, layer, inputs, arguments)
    outputs <- lapply(outputs, function(y) if (is.null(y$history)) y else same_value(y))
    new_node(layer, inputs, outputs, drop_nulls(arguments))
  }
  unwrap_single(outputs)
}

# The call itself, while building or tracing alike: weights, mask, penalty. Returns a list.
# `arguments`: training, and a mask if it isn't that of the inputs.
apply_layer <- function(layer, inputs, arguments = list()) {
  .globals$layer_depth <- .globals$layer_depth + 1L
  on.exit(.globals$layer_depth <- .globals$layer_depth - 1L)
  with_origin(layer$name, with_training(arguments$training, {
    ensure_built(layer, inputs)
    masks <- arguments$mask %||% unwrap_single(lapply(inputs, function(x) x$mask))
    given <- if ("mask" %in% names(formals(layer$call))) list(mask = masks)
    value <- with_frozen(!isTRUE(layer$trainable), {
      do.call(layer$call, c(list(unwrap_single(inputs)), given), quote = TRUE)
    })
    set_initial_weights(layer)
    outputs <- as_tensor_list(value)
    for (i in seq_along(outputs)) {
      if (!is_tensor(outputs[[i]])) {
        abort(sprintf('layer "%s" must return tensors, it returned %s.', layer$name, describe(outputs[[i]])),
              "hornet_value_error")
      }
      for (x in inputs) if (identical(x, outputs[[i]])) outputs[[i]] <- same_value(x)
    }
    out_mask <- as_mask_list(layer$compute_mask(unwrap_single(inputs), masks), length(outputs))
    for (i in seq_along(outputs)) outputs[[i]]$mask <- out_mask[[i]]
    add_activity_penalty(layer, outputs)
    outputs
  }))
}

as_mask_list <- function(mask, n) {
  if (is.null(mask) || is_tensor(mask)) return(rep(list(mask), n))
  if (length(mask) == n) mask else vector("list", n)
}

ensure_built <- function(layer, inputs) build_layer(layer, unwrap_single(lapply(inputs, tensor_shape)))

# `input_shape`: one shape or a list of them, as vectors or lists.
build_layer <- function(layer, input_shape) {
  if (layer$built) return(invisible())
  several <- is.list(input_shape) && any(lengths(input_shape) > 1L)
  layer$build(if (several) lapply(input_shape, as_shape) else as_shape(input_shape))
  layer$built <- TRUE
}

# After the first call, in which layers inside of it were built, too.
set_initial_weights <- function(layer) {
  if (is.null(layer$initial_weights)) return(invisible())
  layer$set_weights(layer$initial_weights)
  layer$initial_weights <- NULL
}

add_activity_penalty <- function(layer, outputs) {
  if (is.null(layer$activity_regularizer) || is.null(current_trace())) return(invisible())
  for (output in outputs) layer$add_loss(layer$activity_regularizer(output))
}

# A tensor that came out of a bare operation (`2 * x`) enters a layer or a model through a layer
# of its own, so that the topology stays a graph of layers.
with_history <- function(x) {
  if (!is.null(x$history) || is_variable(x)) return(x)
  if (!is.null(x$trace)) stale_tensor(x)
  ancestors <- layer_ancestors(x)
  if (length(ancestors) == 0L) return(x)      # a constant
  layer <- make_layer(TensorOperation, list(tensor = x, ancestors = ancestors))
  output <- same_value(x)
  output$mask <- layer$compute_mask(ancestors, lapply(ancestors, function(a) a$mask))
  new_node(layer, ancestors, list(output))
  output
}

# The nearest tensors upstream that are outputs of layers.
layer_ancestors <- function(x) {
  found <- list()
  seen <- new.env(parent = emptyenv())
  visit <- function(tensor) {
    key <- uid_key(tensor)
    if (!is.null(seen[[key]])) return()
    assign(key, TRUE, envir = seen)
    if (!is.null(tensor$history)) {
      found[[length(found) + 1L]] <<- tensor
    } else {
      for (input in tensor$source$inputs) visit(input)
    }
  }
  visit(x)
  found
}

# Operations written between layers, run again by importing the tensor they made.
TensorOperation <- R6Class("TensorOperation",
  inherit = Layer, cloneable = FALSE,
  public = list(
    tensor = NULL, ancestors = NULL,
    initialize = function(tensor, ancestors, ...) {
      super$initialize(...)
      self$tensor <- tensor
      self$ancestors <- ancestors
      self$supports_masking <- TRUE
      self$built <- TRUE
    },
    call = function(inputs) {
      trace <- current_trace()
      if (is.null(trace)) return(same_value(self$tensor))
      # The operations are made again on these inputs, whatever was imported before.
      before <- trace$imported
      trace$imported <- new.env(parent = before)
      on.exit(trace$imported <- before)
      inputs <- as_tensor_list(inputs)
      for (i in seq_along(inputs)) bind_tensor(trace, self$ancestors[[i]], inputs[[i]])
      import_tensor(self$tensor, trace)
    },
    # The first mask that fits what was computed: the steps may be gone.
    compute_mask = function(inputs, mask) {
      fits <- function(m) identical(m$dims, self$tensor$dims[seq_along(m$dims)])
      unwrap_single(Filter(fits, drop_nulls(as_tensor_list(mask)))[1L])
    }
  )
)

# Runs a recorded call in the trace, on whatever its inputs stand for there.
trace_node <- function(node, trace) {
  inputs <- lapply(node$inputs, import_tensor, trace)
  outputs <- apply_layer(node$layer, inputs, node$arguments)
  for (i in seq_along(outputs)) bind_tensor(trace, node$outputs[[i]], outputs[[i]])
  outputs
}

# Inputs of models.
InputLayer <- R6Class("InputLayer",
  inherit = Layer, cloneable = FALSE,
  public = list(
    initialize = function(batch_input_shape, name = NULL, dtype = NULL, ...) {
      super$initialize(name = name %||% unique_name("input"), batch_input_shape = batch_input_shape, dtype = dtype)
      self$built <- TRUE
      if (length(self$batch_input_shape) == 0L) {
        abort(sprintf("%s: an input has at least the axis of the batch.", self$name), "hornet_shape_error")
      }
      place_to_write(NULL)
      stand_in <- function(which) {
        dims <- stand_in_dims(self$batch_input_shape, which)
        new_tensor(scratch_input(dims, "float32"), NULL, list(op = "placeholder", inputs = list(), attrs = list()))
      }
      tensor <- with_double(stand_in(1L), stand_in(2L))
      tensor$name <- self$name
      tensor$feed_dtype <- self$dtype
      new_node(self, list(), list(tensor))
      self$generator <- InputLayer
    },
    get_config = function() {
      list(batch_input_shape = shape_list(self$batch_input_shape), dtype = self$dtype, sparse = FALSE,
           name = self$name)
    }
  )
)

#' Input of a model
#'
#' The starting point of a functional model: a symbolic tensor that [fit()] and [predict()]
#' feed with arrays.
#'
#' @param shape Shape of one sample, without the batch: `shape = c(28, 28, 1)`.
#' @param batch_shape Shape with the batch first, where `NA` or `NULL` is any batch size:
#'   `list(NULL, 28, 28, 1)`. A number fixes the batch size.
#' @details Other sizes may be `NULL` or `NA`, too: `shape = list(NULL, 8)` is a sequence of any
#'   length. The model then takes the sizes of the data that it is trained or used on, which are the
#'   same throughout one call of [fit()] or [predict()] (of [fit_generator()], those of its first
#'   batch). A layer whose weights depend on such a size, like [layer_dense()] on flattened
#'   sequences, refuses it.
#' @param name Name of the layer; data given by name is matched to it. Default `input_1`,
#'   `input_2`, ...
#' @param dtype Element type that the data is meant to have. Data travels as 32 bit floats.
#' @param sparse Must be `FALSE`: there are no sparse tensors.
#' @param tensor Must be `NULL`: tensors can be given to layers directly.
#' @return A [symbolic tensor][keras_tensor] of shape `(batch, shape...)`.
#' @section Errors:
#' Layers that need to know a size that is left open say so (class `hornet_shape_error`).
#' @family core layers
#' @seealso [keras_model()]
#' @export
#' @examples
#' input <- layer_input(shape = 4)
#' output <- input %>% layer_dense(units = 2)
#' model <- keras_model(input, output)
#' model
layer_input <- function(shape = NULL, batch_shape = NULL, name = NULL, dtype = NULL,
                        sparse = FALSE, tensor = NULL) {
  if (isTRUE(sparse)) abort("there are no sparse tensors: use `sparse = FALSE`.", "hornet_value_error")
  if (!is.null(tensor)) {
    abort("`tensor` is not needed: give the tensor to the layers that use it.", "hornet_value_error")
  }
  if (is.null(shape) == is.null(batch_shape)) {
    abort("give either `shape` (one sample) or `batch_shape` (with the batch first).", "hornet_shape_error")
  }
  batch_shape <- if (is.null(batch_shape)) c(NA_integer_, as_shape(shape)) else as_shape(batch_shape)
  InputLayer$new(batch_shape, name, dtype)$inbound_nodes[[1L]]$outputs[[1L]]
}
