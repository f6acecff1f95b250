# Weights of layers and models, and finding layers.

set_weight_values <- function(variables, weights, what) {
  if (!is.list(weights)) {
    abort(sprintf("`weights` must be a list of arrays, as get_weights() returns, not %s.", describe(weights)),
          "hornet_value_error")
  }
  if (length(weights) != length(variables)) {
    abort(c(
      sprintf("%s has %d weights, got %d.", what, length(variables), length(weights)),
      if (length(variables)) sprintf("Expected %s.", weight_list(variables))
    ), "hornet_shape_error")
  }
  # All are checked before any is written.
  for (i in seq_along(variables)) {
    expected <- as.integer(variables[[i]]$dims)
    got <- as.integer(dim(weights[[i]]) %||% length(weights[[i]]))
    if (!identical(got, expected) && !(length(expected) == 0L && length(weights[[i]]) == 1L)) {
      abort(c(
        sprintf("%s: weight %d (%s) does not fit.", what, i, variables[[i]]$name),
        sprintf("Expected shape %s, got %s.", format_shape(expected), format_shape(got))
      ), "hornet_shape_error")
    }
  }
  for (i in seq_along(variables)) set_variable_value(variables[[i]], weights[[i]])
  invisible(NULL)
}

weight_list <- function(variables) {
  paste(vapply(variables, function(v) sprintf("%s %s", v$name, format_shape(as.integer(v$dims))), ""),
        collapse = ", ")
}

count_weights <- function(variables) {
  seen <- unique(vapply(variables, uid_key, ""))
  first <- match(seen, vapply(variables, uid_key, ""))
  as.integer(sum(vapply(variables[first], function(v) prod(v$dims), 0)))
}

#' Weights of a layer or model
#'
#' `get_weights()` copies the values of all weights into a list of arrays, `set_weights()` writes
#' them back, `count_params()` counts their elements. Models list weights layer by layer; a layer
#' lists the trainable ones first.
#'
#' @param object A layer or model.
#' @param weights List of arrays as `get_weights()` returns.
#' @return A list of arrays; `set_weights()` returns the object invisibly; `count_params()` an
#'   integer.
#' @section Errors:
#' Wrong numbers or shapes of weights are refused before anything is changed (class
#' `hornet_shape_error`).
#' @family layer methods
#' @export
#' @examples
#' model <- keras_model_sequential() %>% layer_dense(units = 2, input_shape = 3)
#' weights <- get_weights(model)
#' weights[[2]][] <- 1
#' set_weights(model, weights)
#' count_params(model)
get_weights <- function(object) layer_object(object)$get_weights()

#' @rdname get_weights
#' @export
set_weights <- function(object, weights) {
  layer_object(object)$set_weights(weights)
  invisible(object)
}

#' @rdname get_weights
#' @export
count_params <- function(object) layer_object(object)$count_params()

#' Find or remove a layer
#'
#' `get_layer()` finds a layer by name or number, `pop_layer()` removes the last layer of a
#' sequential model, which then has to be compiled again.
#'
#' @param object A model.
#' @param name Name of the layer.
#' @param index Number of the layer, counting from 1 in the order of `object$layers`.
#' @return A layer; `pop_layer()` returns `NULL` invisibly.
#' @family models
#' @export
#' @examples
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 2, input_shape = 3, name = "hidden") %>%
#'   layer_dense(units = 1)
#' get_layer(model, "hidden")
#' pop_layer(model)
#' length(model$layers)
get_layer <- function(object, name = NULL, index = NULL) {
  layers <- model_object(object)$topology()$layers
  if (!is.null(index)) {
    index <- as_int(index)
    if (length(index) != 1L || index < 1L || index > length(layers)) {
      abort(sprintf("`index` must be between 1 and %d, not %s.", length(layers), describe(index)), "hornet_value_error")
    }
    return(layers[[index]]$as_function())
  }
  if (is.null(name)) abort("give the `name` or the `index` of a layer.", "hornet_value_error")
  for (layer in layers) if (identical(layer$name, name)) return(layer$as_function())
  abort(c(
    sprintf("there is no layer named %s.", describe(name)),
    sprintf("Layers are %s.", quoted(vapply(layers, function(l) l$name, ""), "and"))
  ), "hornet_value_error")
}

#' @rdname get_layer
#' @export
pop_layer <- function(object) {
  if (!inherits(object, "keras.models.Sequential")) {
    abort("`object` must be a sequential model.", "hornet_value_error")
  }
  layer_object(object)$pop()
  invisible(NULL)
}

#' Freeze and unfreeze weights
#'
#' Frozen layers are not trained. The model has to be compiled for the change to take effect.
#'
#' @param object A layer or model.
#' @param from,to First and last layer of a range: a layer, its name or its number, counting from
#'   1; `NULL`: the first or last of the model. With a range, the layers in it are frozen
#'   (unfrozen) and **all others are unfrozen (frozen)**. Without, the object as a whole is.
#' @return `object`, invisibly.
#' @family layer methods
#' @export
#' @examples
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 2, input_shape = 3) %>%
#'   layer_dense(units = 1)
#' freeze_weights(model, to = 1)
#' length(model$trainable_weights)
freeze_weights <- function(object, from = NULL, to = NULL) set_frozen(object, from, to, TRUE)

#' @rdname freeze_weights
#' @export
unfreeze_weights <- function(object, from = NULL, to = NULL) set_frozen(object, from, to, FALSE)

set_frozen <- function(object, from, to, frozen) {
  self <- layer_object(object)
  if (is.null(from) && is.null(to)) {
    self$trainable <- !frozen
    return(invisible(object))
  }
  layers <- model_object(object)$topology()$layers
  inside <- seq_along(layers) >= layer_number(layers, from, 1L) &
    seq_along(layers) <= layer_number(layers, to, length(layers))
  self$trainable <- TRUE
  for (i in seq_along(layers)) layers[[i]]$trainable <- if (inside[[i]]) !frozen else frozen
  invisible(object)
}

layer_number <- function(layers, which, otherwise) {
  if (is.null(which)) return(otherwise)
  if (is_layer(which)) which <- layer_object(which)$name
  if (is.character(which)) {
    number <- match(which, vapply(layers, function(l) l$name, ""))
    if (is.na(number)) abort(sprintf("there is no layer named %s.", describe(which)), "hornet_value_error")
    return(number)
  }
  number <- as_int(which, "from/to")
  if (number < 1L || number > length(layers)) {
    abort(sprintf("layers are numbered from 1 to %d, got %d.", length(layers), number), "hornet_value_error")
  }
  number
}

#' Inputs and outputs of a layer's calls
#'
#' A layer that is shared has several inputs and outputs, one for each call.
#'
#' @param object A layer.
#' @param node_index Number of the call, counting from 1.
#' @return A tensor (or list of tensors), a shape (list in which `NULL` is the batch), or a mask.
#' @family layer methods
#' @name get_input_at
#' @examples
#' layer <- layer_dense(units = 2)
#' y <- layer(layer_input(shape = 3))
#' get_output_at(layer, 1)
NULL

tensors_at <- function(object, node_index, what) {
  layer_object(object)$node_at(positive_int(node_index))[[what]]
}

#' @rdname get_input_at
#' @export
get_input_at <- function(object, node_index) unwrap_single(tensors_at(object, node_index, "inputs"))
#' @rdname get_input_at
#' @export
get_output_at <- function(object, node_index) unwrap_single(tensors_at(object, node_index, "outputs"))
#' @rdname get_input_at
#' @export
get_input_shape_at <- function(object, node_index) {
  unwrap_single(lapply(tensors_at(object, node_index, "inputs"), k_int_shape))
}
#' @rdname get_input_at
#' @export
get_output_shape_at <- function(object, node_index) {
  unwrap_single(lapply(tensors_at(object, node_index, "outputs"), k_int_shape))
}
#' @rdname get_input_at
#' @export
get_input_mask_at <- function(object, node_index) {
  unwrap_single(lapply(tensors_at(object, node_index, "inputs"), function(x) x$mask))
}
#' @rdname get_input_at
#' @export
get_output_mask_at <- function(object, node_index) {
  unwrap_single(lapply(tensors_at(object, node_index, "outputs"), function(x) x$mask))
}
