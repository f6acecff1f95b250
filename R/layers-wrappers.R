# Layers that are made of another layer.

Wrapper <- R6Class("Wrapper",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.wrappers", supports_masking = TRUE,
    layer = NULL,
    initialize = function(layer, ...) {
      super$initialize(...)
      self$layer <- layer_object(layer, "layer")
      # An input shape may stand at either.
      if (is.null(self$batch_input_shape)) self$batch_input_shape <- self$layer$batch_input_shape
    },
    all_sublayers = function() list(self$layer)
  )
)

#' Apply a layer to every step
#'
#' Applies a layer, or a model, to each time step of its input on its own.
#'
#' @inheritParams layer_dense
#' @param layer A layer (made without `object`) or a model.
#' @param input_shape `c(steps, ...)`: number of steps, then the shape that `layer` takes.
#' @return As [layer_dense()], of shape `(batch, steps, ...)`.
#' @section Masks: The layer doesn't see a mask; it is passed on.
#' @section Weights: Those of `layer`.
#' @family layer wrappers
#' @export
#' @examples
#' x <- layer_input(shape = c(10, 16, 16, 3))
#' x %>%
#'   time_distributed(layer_conv_2d(filters = 4, kernel_size = 3)) %>%
#'   time_distributed(layer_flatten())
time_distributed <- function(object, layer, input_shape = NULL, batch_input_shape = NULL,
                             batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                             weights = NULL) {
  create_layer_of(TimeDistributed, object, layer_arguments())
}

TimeDistributed <- R6Class("TimeDistributed",
  inherit = Wrapper, cloneable = FALSE,
  public = list(
    initialize = function(layer, ...) {
      super$initialize(layer, ...)
      self$layer$scope <- self$name
    },
    build = function(input_shape) {
      check_axes(self, input_shape, at_least = 3L)
      build_layer(self$layer, c(NA_integer_, input_shape[-(1:2)]))
    },
    # The steps are samples of a larger batch.
    call = function(inputs) {
      dims <- inputs$dims
      samples <- reshape_dims(inputs, c(prod(dims[1:2]), dims[-(1:2)]))
      outputs <- apply_layer(self$layer, list(samples))
      unwrap_single(lapply(outputs, function(y) reshape_dims(y, c(dims[1:2], y$dims[-1L]))))
    }
  )
)

#' Go through a sequence in both directions
#'
#' Runs a recurrent layer forwards and another one like it, with weights of its own, backwards, and
#' joins what they return.
#'
#' @inheritParams layer_dense
#' @param layer A recurrent layer, made without `object`.
#' @param merge_mode How outputs are joined: `"concat"`, `"sum"`, `"mul"`, `"ave"`, or `NULL`: a
#'   list of both.
#' @param input_shape `c(steps, features)`.
#' @return As [layer_lstm()]; with `"concat"` the last axis has twice the size. Sequences are in the
#'   order of the input. With `return_state` the states of the forward layer, then those of the
#'   backward one follow the output.
#' @section Initial states: `layer(x, initial_state = )` takes those of the forward layer, then
#'   those of the backward one.
#' @section Weights: Those of the forward layer (`forward_<name>`), then those of the backward one
#'   (`backward_<name>`).
#' @family layer wrappers
#' @export
#' @examples
#' x <- layer_input(shape = c(20, 8))
#' x %>% bidirectional(layer_lstm(units = 16, return_sequences = TRUE))
bidirectional <- function(object, layer, merge_mode = "concat", input_shape = NULL,
                          batch_input_shape = NULL, batch_size = NULL, dtype = NULL, name = NULL,
                          trainable = NULL, weights = NULL) {
  create_layer_of(Bidirectional, object, layer_arguments())
}

Bidirectional <- R6Class("Bidirectional",
  inherit = Wrapper, cloneable = FALSE,
  public = list(
    merge_mode = NULL, forward_layer = NULL, backward_layer = NULL,
    # Without `merge_mode` outputs aren't joined.
    initialize = function(layer, merge_mode = NULL, ...) {
      super$initialize(layer, ...)
      if (!inherits(self$layer, "Recurrent")) {
        abort(sprintf('layer "%s" runs a recurrent layer in both directions; "%s" is none.', self$name,
                      self$layer$name), "hornet_value_error")
      }
      if (!is.null(merge_mode)) self$merge_mode <- one_of(merge_mode, c("concat", "sum", "mul", "ave"))
      self$stateful <- self$layer$stateful
      self$forward_layer <- self$directed("forward", self$layer$go_backwards)
      self$backward_layer <- self$directed("backward", !self$layer$go_backwards)
    },
    # The layer given, going one way. Sequences stay in the order of the input.
    directed = function(direction, go_backwards) {
      like <- self$layer
      arguments <- like$arguments
      if (go_backwards != like$go_backwards) arguments$go_backwards <- go_backwards
      arguments$name <- paste0(direction, "_", like$name)
      arguments$trainable <- like$trainable
      layer <- make_layer(like$generator, arguments)
      layer$in_input_order <- TRUE
      layer$scope <- paste0(self$name, "/", layer$name)
      layer
    },
    all_sublayers = function() list(self$forward_layer, self$backward_layer),
    build = function(input_shape) {
      for (layer in self$all_sublayers()) build_layer(layer, input_shape)
    },
    call = function(inputs, mask = NULL) {
      inputs <- as_tensor_list(inputs)
      arguments <- list(mask = mask_of_sequence(mask))
      states <- inputs[-1L]
      if (length(states) %% 2L != 0L) {
        abort(sprintf('layer "%s" needs initial states for both directions, got %d.', self$name, length(states)),
              "hornet_value_error")
      }
      forwards <- seq_along(states) <= length(states) / 2
      one <- apply_layer(self$forward_layer, c(inputs[1L], states[forwards]), arguments)
      other <- apply_layer(self$backward_layer, c(inputs[1L], states[!forwards]), arguments)
      joined <- self$join(one[[1L]], other[[1L]])
      unwrap_single(c(as_tensor_list(joined), one[-1L], other[-1L]))
    },
    join = function(x, y) {
      if (is.null(self$merge_mode)) return(list(x, y))
      switch(self$merge_mode, concat = k_concatenate(list(x, y)), sum = x + y, mul = x * y, ave = (x + y) / 2)
    },
    compute_mask = function(inputs, mask) {
      mask <- if (self$layer$return_sequences) mask_of_sequence(mask)
      states <- if (self$layer$return_state) 2L * self$layer$states_per_step else 0L
      c(rep(list(mask), if (is.null(self$merge_mode)) 2L else 1L), vector("list", states))
    }
  )
)
