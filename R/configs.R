# Configs: what a layer or model is made of, in the words of the reference's files, and making it
# again. A layer's config are the arguments of its constructor (`arguments` in topology.R) under
# their own names, objects among them as list(class_name, config). Layer classes are found by name;
# classes and functions of the user in with_custom_object_scope().

#' Configurations
#'
#' `get_config()` tells what a layer or model was made with, `from_config()` makes another one with
#' the same names and shapes, and with weights of its own.
#'
#' @param object A layer or model.
#' @param config What `get_config()` returned; also `list(class_name = , config = )`.
#' @return `get_config()`: for layers a list named by the arguments, with the name of the class as
#'   attribute `class_name`. Names of functions are strings, and objects (initializers, penalties,
#'   constraints, layers) are `list(class_name, config)`. For sequential models the list of the
#'   layers' `list(class_name, config)`; for other models a list of `name`, `layers` (each with
#'   `inbound_nodes`: the calls, with what they were called on), `input_layers` and `output_layers`.
#'   `from_config()`: a layer or model, not compiled.
#' @section Functions and classes of your own:
#' An R function among the arguments stays itself in a config, unless it is found (as the same
#' object) in [with_custom_object_scope()]: then its name is written. Inside such a scope, names
#' and classes are looked up by `from_config()`.
#' @section Errors:
#' Unknown classes and functions (class `hornet_value_error`).
#' @family layer methods
#' @export
#' @examples
#' layer <- layer_dense(units = 3, activation = "relu")
#' config <- get_config(layer)
#' config$activation
#' from_config(config)
get_config <- function(object) {
  self <- layer_object(object)
  config <- self$get_config()
  attr(config, "class_name") <- config_class(self)
  # The class itself is at hand in this session.
  if (inherits(self, "CustomLayer")) attr(config, "layer_class") <- self$arguments$layer_class
  config
}

#' @rdname get_config
#' @export
from_config <- function(config) {
  class_name <- attr(config, "class_name")
  if (is.null(class_name)) {
    if (!is_object_config(config)) {
      abort(sprintf("`config` must be what get_config() returns, not %s.", describe(config)), "hornet_value_error")
    }
    class_name <- config$class_name
    config <- config$config
  }
  layer <- if (is.null(attr(config, "layer_class"))) {
    read_layer(class_name, config)
  } else {
    read_custom_layer(attr(config, "layer_class"), config)
  }
  layer$as_function()
}

#' Names for classes and functions of your own
#'
#' While `expr` is evaluated, the objects are known by their names: strings such as `activation =
#' "swish"` find them, and so do [from_config()] and everything that reads models.
#'
#' @param objects Named list: functions (activations, losses, metrics, initializers, penalties,
#'   constraints), [KerasLayer], [KerasWrapper] and [KerasConstraint] classes, or `layer_*()`
#'   functions that make layers of a class.
#' @param expr Code to evaluate.
#' @return The value of `expr`.
#' @section Errors:
#' `objects` without names (class `hornet_value_error`).
#' @family custom objects
#' @export
#' @examples
#' swish <- function(x) x * k_sigmoid(x)
#' with_custom_object_scope(list(swish = swish), {
#'   layer <- layer_dense(units = 3, activation = "swish")
#'   get_config(layer)$activation
#' })
with_custom_object_scope <- function(objects, expr) {
  names <- names(objects)
  if (!is.list(objects) && !is.null(names)) objects <- as.list(objects)
  if (length(objects) && (is.null(names) || !all(nzchar(names)))) {
    abort("`objects` must be a list in which every element has a name.", "hornet_value_error")
  }
  before <- .globals$custom_objects
  .globals$custom_objects <- utils::modifyList(as.list(before), as.list(objects))
  on.exit(.globals$custom_objects <- before)
  force(expr)
}

# What a name stands for in the scope; anything else stands for itself.
custom_or_self <- function(x) {
  if (is.character(x) && length(x) == 1L) .globals$custom_objects[[x]] %||% x else x
}

# --- writing --------------------------------------------------------------------------------------

# The class as it is called in configs.
config_class <- function(layer) {
  if (inherits(layer, "Sequential")) "Sequential" else if (inherits(layer, "Model")) "Model" else class(layer)[[1L]]
}

object_config <- function(class_name, config) {
  if (length(config) == 0L) config <- stats::setNames(list(), character())
  list(class_name = class_name, config = config)
}
is_object_config <- function(x) is.list(x) && !is.null(names(x)) && all(c("class_name", "config") %in% names(x))

layer_config <- function(layer) object_config(config_class(layer), layer$get_config())

# As constructors take them ...
base_arguments <- function(layer) {
  list(name = layer$name, trainable = layer$trainable, batch_input_shape = layer$batch_input_shape,
       dtype = if (!is.null(layer$batch_input_shape)) layer$dtype)
}
# ... and as they are written.
base_config <- function(layer) {
  config <- list(name = layer$name, trainable = layer$trainable)
  if (is.null(layer$batch_input_shape)) return(config)
  c(config, list(batch_input_shape = shape_list(layer$batch_input_shape), dtype = layer$dtype))
}

written_arguments <- function(layer) {
  implied <- names(implied_arguments(layer))
  arguments <- layer$arguments[setdiff(names(layer$arguments), implied)]
  for (name in names(arguments)) {
    value <- arguments[[name]]
    # Choices that the constructor resolved (a default of the session, capitals) are in a field.
    is_field <- exists(name, layer, inherits = FALSE) && !bindingIsActive(name, layer)
    if (is_field && is.character(layer[[name]])) value <- layer[[name]]
    arguments[name] <- list(write_argument(name, value))
  }
  arguments
}

# "bias_initializer" -> "initializer"
argument_kind <- function(name) {
  kind <- regmatches(name, regexpr("(initializer|regularizer|constraint|activation)$", name))
  if (length(kind)) kind else ""
}

write_argument <- function(name, value) {
  kind <- argument_kind(name)
  if (kind == "activation" && is.null(value)) return("linear")
  if (is.character(value) && is.character(custom_or_self(value))) {
    value <- switch(kind,
      initializer = get_initializer(value),
      regularizer = get_regularizer(value),
      constraint = get_constraint(value),
      value
    )
  }
  write_value(value)
}

write_value <- function(x) {
  if (is_layer(x)) return(layer_config(layer_object(x)))
  if (inherits(x, "keras_initializer")) return(object_config(attr(x, "initializer"), attr(x, "config")))
  if (inherits(x, "keras_regularizer")) return(object_config("L1L2", attr(x, "config")))
  if (inherits(x, "keras_constraint")) return(object_config(attr(x, "constraint"), attr(x, "config")))
  if (inherits(x, "KerasConstraint")) return(object_config(class(x)[[1L]], x$get_config()))
  if (is.function(x)) return(known_name(x, c(activation_functions(), .globals$custom_objects)) %||% x)
  if (is.list(x) && !is.object(x)) return(lapply(x, write_value))
  if (is.numeric(x) && anyNA(x)) return(shape_list(x))
  x
}

# What the name of a class implies, so that constructors take it but configs don't hold it: the
# number of axes, and of sequences the format.
implied_arguments <- function(layer) {
  axes <- axes_of_class(layer)
  if (is.na(axes)) return(list())
  c(list(axes = axes),
    if (axes == 1L && identical(layer$data_format, "channels_last")) list(data_format = "channels_last"))
}

# "MaxPooling2D" -> 2
axes_of_class <- function(layer) {
  digit <- regmatches(class(layer)[[1L]], regexpr("[1-3](?=D)", class(layer)[[1L]], perl = TRUE))
  if (length(digit)) as.integer(digit) else NA_integer_
}

# --- reading --------------------------------------------------------------------------------------

read_layer <- function(class_name, config) {
  custom <- .globals$custom_objects[[class_name]]
  if (inherits(custom, "R6ClassGenerator")) return(read_custom_layer(custom, config))
  if (is.function(custom)) {
    config <- read_arguments(config)
    takes <- names(formals(custom))
    if (!"..." %in% takes) config <- config[names(config) %in% takes]
    return(layer_object(do.call(custom, config)))
  }
  if (class_name == "Model") return(read_model(config))
  if (class_name == "Sequential") return(read_sequential(config))
  class <- get0(class_name, topenv(), inherits = FALSE)
  if (!is_layer_class(class)) {
    abort(c(
      sprintf('there is no layer class "%s".', class_name),
      sprintf("A class of your own is found inside with_custom_object_scope(list(%s = %s), ...).", class_name,
              class_name)
    ), "hornet_value_error")
  }
  arguments <- lapply(read_arguments(config), numbers_of)
  if (grepl("1D$", class_name) && takes_argument(class, "data_format")) {
    arguments$data_format <- arguments$data_format %||% "channels_last"
  }
  make_layer(class, arguments)
}

is_layer_class <- function(class) {
  while (inherits(class, "R6ClassGenerator")) {
    if (identical(class, Layer)) return(TRUE)
    class <- class$get_inherit()
  }
  FALSE
}

# By the constructor of the class, or one that it hands `...` on to.
takes_argument <- function(class, name) {
  while (!is.null(class)) {
    constructor <- class$public_methods$initialize
    takes <- if (is.function(constructor)) names(formals(constructor))
    if (name %in% takes) return(TRUE)
    if (length(takes) && !"..." %in% takes) return(FALSE)
    class <- class$get_inherit()
  }
  FALSE
}

# Files have lists of numbers where constructors take vectors.
numbers_of <- function(x) {
  if (!is.list(x) || is.object(x) || !is.null(names(x)) || length(x) == 0L) return(x)
  are_numbers <- vapply(x, function(value) is.numeric(value) && length(value) == 1L, TRUE)
  if (all(are_numbers)) unlist(x) else lapply(x, numbers_of)
}

read_arguments <- function(config) {
  for (name in names(config)) config[name] <- list(read_argument(name, config[[name]]))
  config
}

read_argument <- function(name, value) {
  kind <- argument_kind(name)
  if (name == "batch_input_shape" || !is.list(value) && !is.character(value)) return(value)
  if (is_object_config(value)) return(read_object(kind, value$class_name, value$config))
  if (kind == "activation" && is.character(custom_or_self(value)) && is.null(activation_functions()[[value]])) {
    unknown_object(kind, value)
  }
  if (is.list(value) && !is.object(value)) return(lapply(value, function(x) read_argument("", x)))
  value
}

read_object <- function(kind, class_name, config) {
  if (kind %in% c("", "activation")) return(read_layer(class_name, config)$as_function())
  custom <- .globals$custom_objects[[class_name]]
  if (inherits(custom, "R6ClassGenerator")) return(do.call(custom$new, config))
  if (is.function(custom)) return(custom)
  key <- snake_case(class_name)
  make <- switch(kind,
    initializer = initializers()[[if (key %in% names(initializer_aliases)) initializer_aliases[[key]] else key]],
    regularizer = list(l1_l2 = regularizer_l1_l2)[[key]],
    constraint = constraints()[[key]]
  )
  if (is.null(make)) unknown_object(kind, class_name)
  do.call(make, config[names(config) %in% names(formals(make))])
}

unknown_object <- function(kind, name) {
  abort(c(
    sprintf('there is no %s "%s".', kind, name),
    sprintf("One of your own is found inside with_custom_object_scope(list(%s = ), ...).", name)
  ), "hornet_value_error")
}

# --- models ---------------------------------------------------------------------------------------

sequential_config <- function(self) {
  entries <- lapply(self$stack, layer_config)
  if (length(self$stack) && !is_model(self$stack[[1L]]) && is.null(self$stack[[1L]]$batch_input_shape)) {
    # Its shape came from elsewhere.
    first <- list(batch_input_shape = shape_list(tensor_shape(self$inputs[[1L]])), dtype = self$stack[[1L]]$dtype)
    entries[[1L]]$config <- c(entries[[1L]]$config, first)
  }
  attr(entries, "name") <- self$name
  entries
}

read_sequential <- function(config) {
  name <- attr(config, "name")
  if ("layers" %in% names(config)) {
    name <- config$name
    config <- config$layers
  }
  Sequential$new(lapply(config, function(entry) read_layer(entry$class_name, entry$config)), name)
}

model_config <- function(self) {
  topology <- model_calls(self)
  layers <- lapply(topology$layers, function(layer) {
    c(list(name = layer$name), layer_config(layer), list(inbound_nodes = unname(topology$calls[[layer$name]])))
  })
  list(name = self$name, layers = unname(layers), input_layers = topology$input_layers,
       output_layers = topology$output_layers)
}

read_model <- function(config) {
  layers <- lapply(config$layers, function(entry) {
    # A list of layers has no name of its own.
    if (entry$class_name == "Sequential" && is.null(names(entry$config))) attr(entry$config, "name") <- entry$name
    read_layer(entry$class_name, entry$config)
  })
  names <- vapply(config$layers, function(entry) entry$name, "")
  connect_layers(list(
    layers = stats::setNames(layers, names),
    calls = stats::setNames(lapply(config$layers, function(entry) entry$inbound_nodes), names),
    input_layers = as_references(config$input_layers),
    output_layers = as_references(config$output_layers)
  ), config$name)
}

# One reference alone is sometimes written without the list around it.
as_references <- function(x) if (is.list(x[[1L]])) x else list(x)

# A model's topology without its tensors: list(layers, calls, input_layers, output_layers). `calls`
# has a list of calls per layer, a call being a list of references to what it is called on:
# list(layer name, number of the call, number of the output, arguments), counted from 0.
model_calls <- function(self) {
  found <- self$topology()
  layers <- found$layers
  names(layers) <- vapply(layers, function(layer) layer$name, "")
  own <- lapply(layers, function(layer) {
    nodes <- Filter(function(node) identical(node$layer, layer), found$nodes)
    nodes[order(vapply(nodes, function(node) node$index, 0L))]
  })
  refer <- function(x, arguments = list()) {
    name <- x$history$layer$name
    at <- match(uid_of(x$history$node), vapply(own[[name]], uid_of, ""))
    if (length(arguments) == 0L) arguments <- stats::setNames(list(), character())
    list(name, at - 1L + first_call(layers[[name]]), x$history$index - 1L, arguments)
  }
  calls <- lapply(own, function(nodes) {
    nodes <- Filter(function(node) length(node$inputs) > 0L, nodes)
    lapply(nodes, function(node) {
      lapply(Filter(function(x) !is.null(x$history), node$inputs), refer, node$arguments)
    })
  })
  list(
    layers = layers,
    calls = calls,
    input_layers = lapply(self$inputs, function(x) list(x$history$layer$name, 0L, 0L)),
    output_layers = lapply(self$outputs, function(x) refer(x)[1:3])
  )
}

# The reference counts the making of a model as its first call.
first_call <- function(layer) if (is_model(layer)) 1L else 0L

# The model with these layers, which are called as in `calls`. `given` are tensors, named by input
# layers that they stand for.
connect_layers <- function(topology, name, given = list()) {
  layers <- topology$layers
  made <- list()
  key <- function(reference) paste(reference[[1L]], reference[[2L]], sep = "/")
  output_of <- function(reference) made[[key(reference)]][[reference[[3L]] + 1L]]
  waiting <- list()
  for (i in names(layers)) {
    if (inherits(layers[[i]], "InputLayer")) {
      outputs <- if (is.null(given[[i]])) layers[[i]]$inbound_nodes[[1L]]$outputs else given[i]
      made[[key(list(i, 0L))]] <- outputs
    }
    for (k in seq_along(topology$calls[[i]])) {
      references <- topology$calls[[i]][[k]]
      waiting <- c(waiting, list(list(
        layer = i, key = key(list(i, k - 1L + first_call(layers[[i]]))), references = references,
        after = if (k > 1L) key(list(i, k - 2L + first_call(layers[[i]])))
      )))
    }
  }
  is_ready <- function(call) all(c(vapply(call$references, key, ""), call$after) %in% names(made))
  while (length(waiting)) {
    ready <- vapply(waiting, is_ready, TRUE)
    if (!any(ready)) {
      names <- unique(vapply(waiting, function(call) call$layer, ""))
      abort(sprintf("the config's layers %s are called on outputs that no layer has.", quoted(names, "and")),
            "hornet_graph_error")
    }
    call <- waiting[[which(ready)[[1L]]]]
    waiting <- waiting[-which(ready)[[1L]]]
    inputs <- lapply(call$references, output_of)
    arguments <- if (length(call$references) && length(call$references[[1L]]) > 3L) call$references[[1L]][[4L]]
    made[[call$key]] <- as_tensor_list(call_layer(layers[[call$layer]], inputs, as.list(arguments)))
  }
  Model$new(lapply(topology$input_layers, output_of), lapply(topology$output_layers, output_of), name)
}

# --- copies ---------------------------------------------------------------------------------------

# Layers among the arguments of a layer are copied with it.
copy_value <- function(x) {
  if (is_layer(x)) return(layer_object(x)$copy()$as_function())
  if (is.list(x) && !is.object(x)) lapply(x, copy_value) else x
}

#' Copy a model
#'
#' A model of the same architecture, with layers of the same names and new weights, drawn by their
#' initializers. Layers that are shared are shared in the copy as well.
#'
#' @param model A model.
#' @param input_tensors Tensors from [layer_input()] that the copy begins with instead of inputs of
#'   its own.
#' @return A model that isn't compiled.
#' @family models
#' @export
#' @examples
#' model <- keras_model_sequential() %>% layer_dense(units = 2, input_shape = 3)
#' copy <- clone_model(model)
#' set_weights(copy, get_weights(model))
clone_model <- function(model, input_tensors = NULL) {
  self <- model_object(model, "model")
  given <- as_tensor_list(input_tensors)
  if (length(given) == 0L) return(self$copy()$as_function())
  check_model_inputs(given)
  if (length(given) != length(self$inputs)) {
    abort(sprintf('`input_tensors`: model "%s" takes %d input(s), got %d.', self$name, length(self$inputs),
                  length(given)), "hornet_value_error")
  }
  self$copy(given)$as_function()
}

copy_sequential <- function(self, given = NULL) {
  stack <- self$stack
  if (length(given)) {
    if (inherits(stack[[1L]], "InputLayer")) stack <- stack[-1L]
    first <- given[[1L]]$history$layer
  }
  layers <- lapply(stack, function(layer) layer$copy())
  if (length(given)) layers <- c(list(first), layers)
  else if (length(layers)) with_first_shape(layers[[1L]], self$inputs[[1L]])
  copy <- Sequential$new(layers, self$name)
  copy$trainable <- self$trainable
  copy
}

# A first layer may know its shape only from the layer it was called on.
with_first_shape <- function(layer, input) {
  if (is.null(layer$batch_input_shape) && !is_model(layer)) layer$batch_input_shape <- tensor_shape(input)
}

copy_model <- function(self, given = NULL) {
  topology <- model_calls(self)
  topology$layers <- lapply(topology$layers, function(layer) layer$copy())
  names(given) <- if (length(given)) vapply(topology$input_layers, function(reference) reference[[1L]], "")
  copy <- connect_layers(topology, self$name, given)
  copy$trainable <- self$trainable
  copy
}
