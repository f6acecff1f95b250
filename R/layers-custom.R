# Layers of the user's own making: lambda layers, R6 classes of layers and wrappers, constraints.
#
# A KerasLayer is the user's half: fields and methods of their choice. The layer that models know
# is a CustomLayer, which holds it. So no name that a user chooses collides with ours.

#' Layer of an R function
#'
#' Applies a function of tensors. The function is traced when the layer is called and when a model
#' is compiled; models then run without R.
#'
#' @inheritParams layer_dense
#' @param f Function of a tensor (of a list of tensors for several inputs) that returns a tensor,
#'   written with `k_*` functions and operators. If it has arguments `mask` or `training`, it gets the
#'   mask of the input (or `NULL`), and `TRUE` while training.
#' @param output_shape Shape of a sample of the result, or a function that computes the shape (with
#'   the batch) from the input's. Not needed: what `f` returns has a shape. If given, it must agree.
#' @param mask Mask of the result: a tensor, or a function of inputs and mask. `NULL`: none.
#' @param arguments Named list of further arguments for `f`.
#' @return As [layer_dense()], of the shape that `f` makes.
#' @section Weights: None. Weights of layers that `f` uses are not found by models, so they are
#'   neither trained nor saved: write a [KerasLayer] instead.
#' @section Errors:
#' What can't be traced, like `if ()` on a tensor's value, is an error that names the line (class
#' `hornet_trace_error`); a result of another shape than `output_shape` a `hornet_shape_error`.
#' @family core layers
#' @export
#' @examples
#' x <- layer_input(shape = 8)
#' x %>% layer_lambda(function(x) x / k_max(k_abs(x), axis = 2, keepdims = TRUE))
#' x %>% layer_lambda(function(x, power) x^power, arguments = list(power = 3))
layer_lambda <- function(object, f, output_shape = NULL, mask = NULL, arguments = NULL,
                         input_shape = NULL, batch_input_shape = NULL, batch_size = NULL,
                         dtype = NULL, name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(Lambda, object, list(
    `function` = f, output_shape = output_shape, mask = mask, arguments = arguments,
    input_shape = input_shape, batch_input_shape = batch_input_shape, batch_size = batch_size,
    dtype = dtype, name = name, trainable = trainable, weights = weights
  ))
}

Lambda <- R6Class("Lambda",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.core", f = NULL, wanted_shape = NULL, mask = NULL, extra = NULL,
    # `function` is the reference's name of f in configs.
    initialize = function(`function`, output_shape = NULL, mask = NULL, arguments = NULL, ...) {
      super$initialize(...)
      f <- custom_or_self(`function`)
      if (!is.function(f)) {
        abort(sprintf("`f` must be a function of a tensor, not %s.", describe(f)), "hornet_value_error")
      }
      if (length(arguments) && is.null(names(arguments))) {
        abort("`arguments` must be a list named by arguments of `f`.", "hornet_value_error")
      }
      self$f <- f
      self$wanted_shape <- if (is.function(output_shape)) output_shape else as_shape(output_shape)
      self$mask <- mask
      self$extra <- as.list(arguments)
    },
    call = function(inputs, mask = NULL) {
      outputs <- call_of_user(self$f, c(list(inputs), self$extra), mask, sprintf('layer "%s"', self$name))
      check_promised_shape(self, self$wanted_shape, inputs, outputs)
      outputs
    },
    compute_mask = function(inputs, mask) {
      if (!is.function(self$mask)) return(self$mask)
      call_user_function(self$mask, list(inputs, mask), sprintf('the mask of layer "%s"', self$name))
    }
  )
)

# Calls a function of the user's with what it asks for besides the inputs.
call_of_user <- function(f, arguments, mask, what) {
  takes <- setdiff(names(formals(args(f))), names(arguments))
  if ("mask" %in% takes) arguments["mask"] <- list(mask)
  if ("training" %in% takes) arguments$training <- in_training()
  value <- if (is_own_function(f)) do.call(f, arguments) else call_user_function(f, arguments, what)
  if (is.list(value) && !is.null(dim(value))) {
    abort(c(
      sprintf("%s returned a matrix of tensors, as matrix(), cbind() and rbind() make them.", what),
      "Use k_reshape(), k_concatenate() and k_stack()."
    ), "hornet_trace_error")
  }
  value
}

# `promised`: NULL, a shape with or without the batch, or a function of the input shape.
check_promised_shape <- function(layer, promised, inputs, outputs) {
  outputs <- as_tensor_list(outputs)
  if (!all(vapply(outputs, is_tensor, TRUE))) return(invisible())
  if (is.function(promised)) {
    promised <- promised(unwrap_single(lapply(as_tensor_list(inputs), function(x) shape_list(tensor_shape(x)))))
  }
  if (is.null(promised)) return(invisible())
  several <- length(outputs) > 1L && is.list(promised) && length(promised) == length(outputs) &&
    all(lengths(promised) > 1L)
  promised <- if (several) promised else rep(list(promised), length(outputs))
  for (i in seq_along(outputs)) {
    got <- tensor_shape(outputs[[i]])
    expected <- as_shape(promised[[i]], "output_shape")
    if (length(expected) == length(got) - 1L) expected <- c(NA, expected)
    known <- !is.na(expected)
    if (length(expected) != length(got) || !identical(expected[known], got[known])) {
      abort(sprintf('layer "%s" promises an output of shape %s, but its call gives %s.', layer$name,
                    format_shape(expected), format_shape(got)), "hornet_shape_error")
    }
  }
}

#' Base class of layers and wrappers of your own
#'
#' Inherit from one of these [R6][R6::R6Class] classes, and make a layer of your class with
#' [create_layer()] or [create_wrapper()]. Define only the methods you need.
#'
#' | method | called | |
#' |---|---|---|
#' | `initialize(...)` | when the layer is made | with the `args` of [create_layer()] |
#' | `build(input_shape)` | before the first call | makes weights |
#' | `call(inputs, mask, training)` | when traced | returns a tensor or a list of tensors |
#' | `compute_output_shape(input_shape)` | after each call | must agree with what `call()` gave |
#' | `compute_mask(inputs, mask)` | after each call | the mask of the output |
#' | `get_config()` | by [get_config()] | arguments to make the layer again; default: `args` |
#'
#' Shapes are lists in which `NULL` is the batch; for several inputs, lists of these. Of `mask` and
#' `training`, `call()` gets those that it has as arguments. A layer whose `call()` takes no mask
#' refuses one, unless it has a field `supports_masking = TRUE`, which also passes masks on.
#'
#' Inside the methods there are
#'
#' * `self$add_weight(name, shape, dtype, initializer, regularizer, trainable, constraint)`, for
#'   `build()`: a new weight, which is a tensor. Initializer (default `"glorot_uniform"`),
#'   regularizer and constraint are names, objects or R functions. `shape` may be a vector or list.
#' * `self$add_loss(losses, inputs)`: tensors that join the loss of the model. In `call()` they
#'   depend on the inputs; in `build()` they are made of weights.
#' * `self$python_layer` (in wrappers `self$python_wrapper`): the layer as models see it, with its
#'   `$name`, `$weights`, `$trainable` and so on. In a wrapper `$layer` is the layer inside.
#'
#' Layers that are kept in fields (also in lists) are part of the layer: their weights are trained,
#' saved and counted with it. `KerasWrapper` does that for the layer it wraps: its `build()` builds
#' it, and its `call()` calls it. Call them as `super$build(input_shape)` and `super$call(inputs)`.
#'
#' The methods `.set_wrapper(layer)` and `.set_py_wrapper(layer)` are used by [create_layer()] and
#' [create_wrapper()].
#'
#' @section Tracing:
#' `call()` is run with symbolic tensors, when a layer is called and once for each of training,
#' evaluation and prediction. What can't be traced is an error that names the line (class
#' `hornet_trace_error`).
#' @family custom objects
#' @name KerasLayer
#' @aliases KerasWrapper
#' @export KerasLayer
#' @export KerasWrapper
#' @examples
#' Scale <- R6::R6Class("Scale",
#'   inherit = KerasLayer,
#'   public = list(
#'     factor = NULL,
#'     build = function(input_shape) {
#'       self$factor <- self$add_weight("factor", shape = input_shape[[2]], initializer = "ones")
#'     },
#'     call = function(inputs, mask = NULL) inputs * self$factor
#'   )
#' )
#' layer_scale <- function(object, name = NULL) create_layer(Scale, object, list(name = name))
#'
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 3, input_shape = 2) %>%
#'   layer_scale()
#' model
NULL

KerasLayer <- R6Class("KerasLayer",
  public = list(
    python_layer = NULL,
    initialize = function() NULL,  # so that super$initialize() is there
    build = function(input_shape) NULL,
    call = function(inputs, mask = NULL) {
      abort(sprintf('the class of layer "%s" has no method call(inputs).', self$python_layer$name),
            "hornet_value_error")
    },
    compute_output_shape = function(input_shape) NULL,
    get_config = function() layer_object(self$python_layer)$arguments$args,
    add_loss = function(losses, inputs = NULL) {
      invisible(own_layer(self, "add_loss")$add_loss(losses, inputs))
    },
    add_weight = function(name, shape, dtype = NULL, initializer = NULL, regularizer = NULL,
                          trainable = TRUE, constraint = NULL) {
      own_layer(self, "add_weight")$add_weight(name, shape, dtype, initializer %||% "glorot_uniform", regularizer,
                                               trainable, constraint)
    },
    .set_wrapper = function(layer) {
      self$python_layer <- layer
    }
  )
)

KerasWrapper <- R6Class("KerasWrapper",
  inherit = KerasLayer,
  public = list(
    python_wrapper = NULL,
    build = function(input_shape) build_layer(layer_object(self$python_wrapper$layer), input_shape),
    call = function(inputs, mask = NULL) self$python_wrapper$layer(inputs, mask = mask),
    .set_py_wrapper = function(layer) {
      self$.set_wrapper(layer)
      self$python_wrapper <- layer
      private$py_wrapper <- layer
    }
  ),
  private = list(py_wrapper = NULL)
)

own_layer <- function(implementation, method) {
  if (is.null(implementation$python_layer)) {
    abort(sprintf("%s() is not for initialize(), where there is no layer yet: use it in build() or call().", method),
          "hornet_value_error")
  }
  layer_object(implementation$python_layer)
}

# The layer of a user's class, as models know it.
CustomLayer <- R6Class("CustomLayer",
  inherit = Layer, cloneable = FALSE, lock_objects = FALSE,
  public = list(
    implementation = NULL, layer = NULL, building = FALSE, standing_losses = list(),
    # `args` are for the class's own constructor; `layer` is what a wrapper wraps.
    initialize = function(layer_class, args = list(), layer = NULL, ...) {
      self$implementation <- do.call(layer_class$new, args)
      check_implementation(self$implementation, layer_class)
      class(self) <- c(class(self$implementation)[[1L]], class(self))
      super$initialize(...)
      self$layer <- layer
      if (inherits(self$implementation, "KerasWrapper")) {
        self$implementation$.set_py_wrapper(self$as_function())
      } else {
        self$implementation$.set_wrapper(self$as_function())
      }
    },
    build = function(input_shape) {
      self$building <- TRUE
      on.exit(self$building <- FALSE)
      call_user_function(self$implementation$build, list(shape_list(input_shape)), self$method("build"))
    },
    call = function(inputs, mask = NULL) {
      outputs <- call_of_user(self$implementation$call, list(inputs), mask, self$method("call"))
      check_promised_shape(self, self$implementation$compute_output_shape, inputs, outputs)
      self$add_standing_losses()
      outputs
    },
    compute_mask = function(inputs, mask) {
      own <- self$implementation$compute_mask
      if (is.function(own)) return(call_user_function(own, list(inputs, mask), self$method("compute_mask")))
      if (isTRUE(self$implementation$supports_masking)) return(mask)
      if ("mask" %in% names(formals(self$implementation$call))) return(NULL)
      super$compute_mask(inputs, mask)
    },
    # Losses of build() belong to every trace, once.
    add_loss = function(losses, inputs = NULL) {
      losses <- lapply(as_tensor_list(losses), as_tensor)
      if (self$building) self$standing_losses <- c(self$standing_losses, losses)
      else super$add_loss(losses, inputs)
    },
    add_standing_losses = function() {
      trace <- current_trace()
      if (is.null(trace)) return(invisible())
      for (loss in self$standing_losses) if (!contains(trace$losses, loss)) super$add_loss(loss)
    },
    method = function(name) sprintf('%s() of layer "%s"', name, self$name),
    all_sublayers = function() {
      own <- ls(self$implementation)
      own <- setdiff(own[!vapply(own, bindingIsActive, TRUE, self$implementation)], c("python_layer", "python_wrapper"))
      private <- self$implementation$.__enclos_env__$private
      fields <- c(list(self$layer), mget(own, self$implementation),
                  if (!is.null(private)) mget(setdiff(ls(private), "py_wrapper"), private))
      unique_layers(find_layers(fields))
    },
    get_config = function() {
      config <- base_config(self)
      own <- write_value(self$implementation$get_config())
      inner <- if (!is.null(self$layer)) list(layer = layer_config(layer_object(self$layer)))
      c(config, own[setdiff(names(own), c(names(config), "layer"))], inner)
    }
  )
)

check_implementation <- function(implementation, layer_class) {
  if (!inherits(implementation, "KerasLayer")) {
    abort(sprintf("the class %s must inherit from KerasLayer or KerasWrapper.", layer_class$classname %||% "given"),
          "hornet_value_error")
  }
}

# Layers in a list, or in lists in it.
find_layers <- function(x) {
  if (is_layer(x)) return(list(layer_object(x)))
  if (!is.list(x) || is.object(x)) return(list())
  unlist(lapply(unname(x), find_layers), FALSE)
}

unique_layers <- function(layers) {
  found <- list()
  for (layer in layers) if (!contains(found, layer)) found[[length(found) + 1L]] <- layer
  found
}

#' Layers of your own classes
#'
#' `create_layer()` makes a layer of a class that inherits from [KerasLayer], `create_wrapper()` one
#' of a class that inherits from [KerasWrapper], around another layer. Like the `layer_*()`
#' functions they call it on `object`, or add it to it. Usually you write a function `layer_...()`
#' around them.
#'
#' @inheritParams layer_dense
#' @param layer_class,wrapper_class R6 class.
#' @param args Arguments: `name`, `trainable`, `input_shape`, `batch_input_shape`, `batch_size`,
#'   `dtype` and `weights` are those that all layers have, see [layer_dense()]; `layer` is what is
#'   wrapped; all others go to the constructor (`initialize()`) of the class.
#' @return As [layer_dense()].
#' @section Errors:
#' A class that inherits from neither (`hornet_value_error`); methods that can't be traced
#' (`hornet_trace_error`); an output of another shape than `compute_output_shape()` says
#' (`hornet_shape_error`).
#' @family custom objects
#' @export
#' @examples
#' Power <- R6::R6Class("Power",
#'   inherit = KerasLayer,
#'   public = list(
#'     exponent = NULL,
#'     initialize = function(exponent) self$exponent <- exponent,
#'     call = function(inputs) inputs^self$exponent
#'   )
#' )
#' layer_power <- function(object, exponent, name = NULL) {
#'   create_layer(Power, object, list(exponent = exponent, name = name))
#' }
#' layer_input(shape = 3) %>% layer_power(2)
#'
#' # Half of the weights' squares joins the loss
#' Decay <- R6::R6Class("Decay",
#'   inherit = KerasWrapper,
#'   public = list(
#'     build = function(input_shape) {
#'       super$build(input_shape)
#'       self$add_loss(0.5 * k_sum(self$python_wrapper$layer$kernel^2))
#'     }
#'   )
#' )
#' layer_input(shape = 3) %>%
#'   create_wrapper(Decay, ., list(layer = layer_dense(units = 2)))
create_layer <- function(layer_class, object, args = list()) {
  check_layer_class(layer_class, "layer_class")
  create_layer_of(CustomLayer, object, custom_arguments(layer_class, args))
}

#' @rdname create_layer
#' @export
create_wrapper <- function(wrapper_class, object, args = list()) {
  check_layer_class(wrapper_class, "wrapper_class")
  if (!is_layer(args$layer)) {
    abort(sprintf("`args` must have the `layer` to wrap, not %s.", describe(args$layer)), "hornet_value_error")
  }
  create_layer_of(CustomLayer, object, custom_arguments(wrapper_class, args))
}

check_layer_class <- function(class, what) {
  if (!inherits(class, "R6ClassGenerator")) {
    abort(sprintf("`%s` must be an R6 class that inherits from KerasLayer, not %s.", what, describe(class)),
          "hornet_value_error")
  }
}

# What all layers have is ours, the rest the user's. A wrapper's own constructor may ask for `layer`.
custom_arguments <- function(layer_class, args) {
  ours <- names(args) %in% common_arguments
  own <- args[!ours]
  is_wrapper <- "layer" %in% names(own) && is_wrapper_class(layer_class)
  layer <- if (is_wrapper) own$layer
  if (is_wrapper && !takes_argument(layer_class, "layer")) own$layer <- NULL
  c(list(layer_class = layer_class, args = own, layer = layer), args[ours])
}

is_wrapper_class <- function(class) {
  while (!is.null(class)) {
    if (identical(class, KerasWrapper)) return(TRUE)
    class <- class$get_inherit()
  }
  FALSE
}

# From the config of such a layer.
read_custom_layer <- function(layer_class, config) {
  make_layer(CustomLayer, custom_arguments(layer_class, read_arguments(config)))
}

#' Base class of constraints of your own
#'
#' Inherit from this [R6][R6::R6Class] class and define `call(w)`, a function of the new value of a
#' weight that returns what it is to be. `get_config()` returns the arguments of your constructor.
#' Give an object to any `*_constraint` argument. A plain R function of `w` does as well.
#'
#' @family custom objects
#' @family constraints
#' @name KerasConstraint
#' @export KerasConstraint
#' @examples
#' NonNegative <- R6::R6Class("NonNegative",
#'   inherit = KerasConstraint,
#'   public = list(
#'     call = function(w) w * k_cast(w >= 0, "float32")
#'   )
#' )
#' layer_dense(units = 3, kernel_constraint = NonNegative$new())
NULL

KerasConstraint <- R6Class("KerasConstraint",
  public = list(
    call = function(w) abort("the class of the constraint has no method call(w).", "hornet_value_error"),
    get_config = function() list()
  )
)
