# Models written as a function: layers are made when the model is, connected when the shape of its
# inputs is known.

#' Models of your own
#'
#' A model described by a function instead of by tensors. The layers are made at once; what they are
#' connected to is decided when the model first sees data in [fit()], [evaluate()] or [predict()]
#' (and their generator and batch forms), or is called on a tensor. Until then it has no weights
#' and no `summary()`; [compile()] is remembered.
#'
#' @param model_fn Function of `self` that makes layers, stores them as `self$...`, and returns a
#'   function of `inputs` (a tensor, or a list of tensors for several inputs) and optionally `mask`,
#'   which calls the layers and returns the output or a list of outputs.
#' @param name Name of the model; default `custom_model_1`, ...
#' @return A model, see [keras_model()]. Once connected it is like one made by [keras_model()].
#' @section Errors:
#' What can't be traced is an error that names the line (class `hornet_trace_error`).
#' @family models
#' @export
#' @examples
#' perceptron <- function(units, name = NULL) {
#'   keras_model_custom(name = name, function(self) {
#'     self$hidden <- layer_dense(units = units, activation = "relu")
#'     self$result <- layer_dense(units = 1)
#'     function(inputs, mask = NULL) {
#'       inputs %>% self$hidden() %>% self$result()
#'     }
#'   })
#' }
#' model <- perceptron(8)
#' model %>% compile(optimizer = "sgd", loss = "mse")
#' x <- matrix(runif(64), ncol = 2)
#' model %>% fit(x, rowSums(x), epochs = 2, verbose = 0)
#' model
keras_model_custom <- function(model_fn, name = NULL) {
  if (!is.function(model_fn)) {
    abort(sprintf("`model_fn` must be a function of `self`, not %s.", describe(model_fn)), "hornet_value_error")
  }
  CustomModel$new(model_fn, name)$as_function()
}

CustomModel <- R6Class("CustomModel",
  inherit = Model, cloneable = FALSE,
  public = list(
    fields = NULL,                 # what the user stored in `self`
    model_fn = NULL, call_fn = NULL, later = NULL,

    initialize = function(model_fn, name = NULL) {
      # As in Sequential, there is nothing to connect yet.
      self$name <- name %||% unique_name("custom_model")
      self$module <- "keras.engine.training"
      self$base_classes <- c("hornet.CustomModel", self$base_classes)
      self$fields <- new.env(parent = emptyenv())
      self$model_fn <- model_fn
      self$call_fn <- model_fn(self$as_function())
      if (!is.function(self$call_fn)) {
        abort(sprintf("`model_fn` must return a function of `inputs`, it returned %s.", describe(self$call_fn)),
              "hornet_value_error")
      }
    },

    build = function(input_shape) {
      shapes <- if (is.list(input_shape)) input_shape else list(input_shape)
      self$connect(lapply(shapes, function(shape) InputLayer$new(shape)$inbound_nodes[[1L]]$outputs[[1L]]))
    },

    connect = function(inputs) {
      outputs <- while_building(call_of_user(self$call_fn, list(unwrap_single(inputs)), NULL,
                                             sprintf('model "%s"', self$name)))
      self$inputs <- check_model_inputs(inputs)
      self$outputs <- while_building(check_model_outputs(outputs))
      super$topology()
      self$built <- TRUE
      self$compiled <- NULL
      if (!is.null(self$later)) do.call(compile.keras.engine.training.Model, c(list(self$as_function()), self$later))
      self$later <- NULL
    },

    # Until then only the optimizer can be seen.
    compile_later = function(arguments) {
      self$later <- arguments
      self$compiled <- list(optimizer = arguments[[1L]])
    },

    topology = function() {
      if (self$built) return(super$topology())
      abort(c(
        sprintf('model "%s" is not connected yet: it doesn\'t know the shape of its inputs.', self$name),
        "Use fit() or predict() on data, or call it on a tensor."
      ), "hornet_value_error")
    },

    copy = function(given = NULL) {
      if (self$built) return(super$copy(given))
      CustomModel$new(self$model_fn, self$name)
    },
    all_sublayers = function() {
      if (self$built) super$all_sublayers() else find_layers(as.list(self$fields))
    }
  )
)

is_unbuilt <- function(self) inherits(self, "CustomModel") && !self$built

# As if no layer and no trace were at work: calls of layers are recorded.
while_building <- function(code) {
  before <- mget(c("trace", "layer_depth"), .globals)
  .globals$trace <- NULL
  .globals$layer_depth <- 0L
  on.exit(list2env(before, .globals))
  force(code)
}

# `self$x <- layer` in the user's function. Settings of models stay what they are.
model_settings <- c("trainable", "stop_training", "optimizer")

#' @export
`$<-.hornet.CustomModel` <- function(x, name, value) {
  self <- environment(x)$self
  if (name %in% model_settings) assign(name, value, envir = self) else assign(name, value, envir = self$fields)
  x
}
#' @export
`[[<-.hornet.CustomModel` <- `$<-.hornet.CustomModel`
#' @export
`$.hornet.CustomModel` <- function(x, name) {
  self <- environment(x)$self
  self$fields[[name]] %||% self[[name]]
}
#' @export
`[[.hornet.CustomModel` <- function(x, i, ...) `$.hornet.CustomModel`(x, i)

# Connects the model for arrays like these, or settles the sizes that its inputs leave open. Returns
# the sizes it had before, for restore_sizes().
build_for_data <- function(self, x) {
  if (is_unbuilt(self)) {
    arrays <- if (is.list(x) && !is.data.frame(x)) x else list(x)
    names <- names(arrays)
    inputs <- lapply(seq_along(arrays), function(i) {
      size <- if (is.null(dim(arrays[[i]]))) 1L else dim(arrays[[i]])[-1L]
      name <- if (length(names) && nzchar(names[[i]])) names[[i]]
      InputLayer$new(c(NA_integer_, as.integer(size)), name)$inbound_nodes[[1L]]$outputs[[1L]]
    })
    self$connect(inputs)
  }
  use_sizes_of(self, x)
}

restore_sizes <- function(self, sizes) self$sizes <- sizes

# What is open is known from a generator's first batch, which it then gives once more.
build_for_generator <- function(self, generator) {
  if (!is_unbuilt(self) && !leaves_sizes_open(self)) return(generator)
  if (is_iterator(generator)) {
    build_for_data(self, lapply(input_shapes(generator), function(shape) array(0, c(1L, as.integer(unlist(shape))))))
    return(generator)
  }
  check_generator(generator, "generator")
  first <- generator()
  if (is.list(first) && !is.data.frame(first)) build_for_data(self, first[[1L]])
  else if (!is.null(first)) build_for_data(self, first)
  waiting <- TRUE
  function() {
    if (!waiting) return(generator())
    waiting <<- FALSE
    first
  }
}
