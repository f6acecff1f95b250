# Variables: tensors that outlive a run. Weights, optimizer slots and settings, random states and
# arrays used as constants.
#
# Every layer (and every optimizer) owns a small native store in which its variables live, so a
# layer has its weights before any model does, may be shared by many models, and frees them when
# nobody refers to it. A model runs on a VariableSet: a native store of its own (arena, training
# mark, step lock) whose entries refer to those of the owners. A step locks the owners of all
# the variables it refers to, so models that share layers never see half a step of one another,
# and models that share nothing never wait for each other.

new_store <- function() cpp_variables()

# A variable in `store`. `value`: an R array of that shape, or one number to fill it with.
new_variable <- function(store, name, shape, value = 0, dtype = "float32", trainable = TRUE,
                         regularizer = NULL, constraint = NULL) {
  dims <- as.numeric(shape)
  variable <- new.env(parent = emptyenv())
  variable$uid <- next_uid()
  variable$store <- store
  variable$name <- name
  variable$dims <- dims
  variable$dtype <- dtype
  variable$trainable <- trainable
  variable$regularizer <- regularizer
  variable$constraint <- constraint
  variable$id <- cpp_variable_add(store, name, dims, dtype, value)
  variable$generation <- -1
  class(variable) <- c("keras_variable", "keras_tensor")
  variable
}

is_variable <- function(x) inherits(x, "keras_variable")

variable_value <- function(variable) cpp_variable_get(variable$store, variable$id)

# Checks the shape in the user's words before anything is written.
set_variable_value <- function(variable, value, what = variable$name) {
  if (is.logical(value)) value <- value + 0
  if (!is.numeric(value)) {
    abort(sprintf("%s: expected numbers, got %s.", what, describe(value)), "hornet_value_error")
  }
  expected <- as.integer(variable$dims)
  got <- dim(value) %||% (if (length(expected) == 0L && length(value) == 1L) integer() else length(value))
  if (!identical(as.integer(got), expected)) {
    abort(c(
      sprintf("%s: the new value's shape does not fit.", what),
      sprintf("Expected %s, got %s.", format_shape(expected), format_shape(as.integer(got)))
    ), "hornet_shape_error")
  }
  cpp_variable_set(variable$store, variable$id, value)
  invisible(variable)
}

# The variables a model's functions run on, and its random state.
new_variable_set <- function() {
  set <- new.env(parent = emptyenv())
  set$handle <- cpp_variables()
  set$ids <- new.env(parent = emptyenv())
  set$variables <- list()
  set$rng <- new_variable(new_store(), "random_state", 4, dtype = "int32", trainable = FALSE)
  set
}

# The id under which the set's functions know a variable.
variable_id <- function(set, variable) {
  key <- format(variable$uid, scientific = FALSE)
  id <- set$ids[[key]]
  if (is.null(id)) {
    id <- cpp_variable_share(set$handle, variable$store, variable$id)
    assign(key, id, envir = set$ids)
    set$variables[[length(set$variables) + 1L]] <- variable   # keeps the owner alive
  }
  id
}

# Two 31-bit words from R's generator: set.seed() makes what follows reproducible.
seed_variable_set <- function(set) {
  words <- sample.int(.Machine$integer.max, 2L)
  set_variable_value(set$rng, c(words, 0L, 0L))
}
