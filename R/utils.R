# Small helpers: the package's state, arguments, shapes and names.

# The only global state: the name and tensor counters, the current trace, the scratch graph and
# who is at work in it (trace.R), the settings that k_set_*() change, the objects that
# with_custom_object_scope() gave names (configs.R), and what is known of GPUs (device.R).
.globals <- new.env(parent = emptyenv())
.globals$names <- new.env(parent = emptyenv())
.globals$counter <- 0
.globals$trace <- NULL
.globals$scratch <- NULL
.globals$origin <- ""
.globals$layer_depth <- 0L
.globals$epsilon <- 1e-7
.globals$floatx <- "float32"
.globals$image_data_format <- "channels_last"
.globals$learning_phase <- NULL
.globals$custom_objects <- list()
.globals$gpu <- new.env(parent = emptyenv())

# R CMD check, which allows two cores.
under_check <- function() {
  nzchar(Sys.getenv("_R_CHECK_LIMIT_CORES_")) || nzchar(Sys.getenv("_R_CHECK_PACKAGE_NAME_"))
}

# For what only some users need.
need_package <- function(package, what) {
  if (requireNamespace(package, quietly = TRUE)) return(invisible())
  abort(sprintf('%s needs the package %s: install.packages("%s").', what, package, package), "hornet_package_error")
}

`%||%` <- function(x, y) if (is.null(x)) y else x

# A number that nothing else in this session has.
next_uid <- function() {
  .globals$counter <- .globals$counter + 1
  .globals$counter
}

# Integers may come as doubles, as everywhere in R; fractions are refused.
as_int <- function(x, what = deparse(substitute(x))) {
  if (is.null(x)) return(NULL)
  if (is.list(x)) x <- unlist(x)
  if (!is.numeric(x) || anyNA(x) || any(x != trunc(x))) {
    abort(sprintf("`%s` must be a whole number, not %s.", what, describe(x)), "hornet_value_error")
  }
  large <- x[abs(x) > .Machine$integer.max]
  if (length(large)) {
    abort(sprintf("`%s` must be a whole number of at most %d, not %s.", what, .Machine$integer.max,
                  describe(as.vector(large)[[1L]])), "hornet_value_error")
  }
  as.integer(x)
}

positive_int <- function(x, what = deparse(substitute(x))) {
  n <- as_int(x, what)
  if (length(n) != 1L || n < 1L) {
    abort(sprintf("`%s` must be one positive whole number, not %s.", what, describe(x)),
          "hornet_value_error")
  }
  n
}

int_from_zero <- function(x, what) {
  i <- as_int(x, what)
  if (length(i) != 1L || i < 0L) {
    abort(sprintf("`%s` must be one whole number of at least 0, not %s.", what, describe(x)),
          "hornet_value_error")
  }
  i
}

# One or `n` positive integers -> `n`.
int_tuple <- function(x, n, what = deparse(substitute(x))) {
  value <- as_int(x, what)
  if (!length(value) %in% c(1L, n) || any(value < 1L)) {
    abort(sprintf("`%s` must be one or %d positive whole numbers, not %s.", what, n, describe(x)),
          "hornet_value_error")
  }
  rep_len(value, n)
}

as_number <- function(x, what) {
  if (!is.numeric(x) || length(x) != 1L || is.na(x)) {
    abort(sprintf("`%s` must be one number, not %s.", what, describe(x)), "hornet_value_error")
  }
  as.double(x)
}

as_flag <- function(x, what) {
  if (!is.logical(x) || length(x) != 1L || is.na(x)) {
    abort(sprintf("`%s` must be TRUE or FALSE, not %s.", what, describe(x)), "hornet_value_error")
  }
  x
}

check_not_negative <- function(x, what) {
  if (!is.numeric(x) || length(x) != 1L || is.na(x) || x < 0) {
    abort(sprintf("`%s` must be one number of at least 0, not %s.", what, describe(x)), "hornet_value_error")
  }
}

# NULL, or any number as a seed.
as_seed <- function(seed) {
  if (is.null(seed)) return(NULL)
  seed <- as_number(seed, "seed")
  if (!is.finite(seed)) abort("`seed` must be a finite number.", "hornet_value_error")
  trunc(seed) %% 2^32
}

# Where a stream starts that got no seed: R's own generator decides.
random_start <- function() floor(stats::runif(1) * 2^32)

one_of <- function(x, choices, what = deparse(substitute(x))) {
  if (identical(x, choices)) return(choices[[1L]])
  if (!is.character(x) || length(x) != 1L || !x %in% choices) {
    abort(sprintf("`%s` must be %s, not %s.", what, quoted(choices), describe(x)),
          "hornet_value_error")
  }
  x
}

# A short description of a value, for messages.
describe <- function(x) {
  if (is.null(x)) return("NULL")
  if (is.atomic(x) && length(x) == 1L) return(encodeString(as.character(x), quote = if (is.character(x)) '"' else ""))
  if (is.atomic(x) && length(x) <= 5L) return(paste0("c(", paste(format(x, trim = TRUE), collapse = ", "), ")"))
  if (is.function(x) && is.null(attr(x, "class"))) return("a function")
  if (is.data.frame(x)) return(sprintf("a data frame of %d x %d", nrow(x), ncol(x)))
  if (!is.null(dim(x))) return(sprintf("an array of shape (%s)", paste(dim(x), collapse = ", ")))
  if (is.list(x) && !is.object(x)) return(sprintf("a list of %d", length(x)))
  sprintf("an object of class %s", class(x)[[1L]])
}

# Shapes in R: integer vectors in which NA is the batch. Users write c(28, 28, 1),
# c(NA, 28, 28, 1) or list(NULL, 28, 28, 1).
as_shape <- function(x, what = deparse(substitute(x))) {
  if (is.null(x)) return(NULL)
  if (is.list(x)) x <- vapply(x, function(d) if (is.null(d)) NA_real_ else as.numeric(d), 0)
  if (is.logical(x)) x <- as.integer(x)
  if (!is.numeric(x) || any(x[!is.na(x)] < 0) || any(x[!is.na(x)] != trunc(x[!is.na(x)]))) {
    abort(sprintf("`%s` must hold whole numbers (NA or NULL: any size), not %s.", what, describe(x)),
          "hornet_value_error")
  }
  as.integer(x)
}

# "(None, 28, 28, 1)", as summary() and messages write it.
format_shape <- function(shape) {
  if (is.list(shape)) return(paste0("[", paste(vapply(shape, format_shape, ""), collapse = ", "), "]"))
  text <- ifelse(is.na(shape), "None", format(shape, trim = TRUE, scientific = FALSE))
  if (length(shape) == 0L) return("()")
  paste0("(", paste(text, collapse = ", "), if (length(shape) == 1L) ",", ")")
}

# Engine dimensions hold multiples of the batch as negative numbers; R's shapes hold NA.
shape_of_dims <- function(dims) {
  shape <- as.integer(ifelse(dims < 0, NA, dims))
  shape
}
# As methods of custom layers get them: a list in which NULL is the batch.
shape_list <- function(shape) {
  if (is.list(shape)) return(lapply(shape, shape_list))
  lapply(shape, function(size) if (is.na(size)) NULL else size)
}
dims_of_shape <- function(shape) ifelse(is.na(shape), -1, as.numeric(shape))

# "MaxPooling2D" -> "max_pooling2d"
snake_case <- function(name) {
  name <- gsub("(.)([A-Z][a-z0-9]+)", "\\1_\\2", name)
  tolower(gsub("([a-z])([A-Z])", "\\1_\\2", name))
}

# "dense" -> "dense_1", "dense_2", ... until k_clear_session().
unique_name <- function(prefix) paste0(prefix, "_", next_name_number(prefix))

next_name_number <- function(prefix) {
  number <- (.globals$names[[prefix]] %||% 0L) + 1L
  assign(prefix, number, envir = .globals$names)
  number
}

# Lists of one are common; a tensor alone means a list of one.
as_tensor_list <- function(x) {
  if (is.null(x)) return(list())
  if (is_tensor(x)) list(x) else unname(as.list(x))
}

# One element is itself, several stay a list.
unwrap_single <- function(x) if (length(x) == 1L) x[[1L]] else x

drop_nulls <- function(x) x[!vapply(x, is.null, TRUE)]

resolve_data_format <- function(data_format) {
  if (is.null(data_format)) return(.globals$image_data_format)
  one_of(data_format, c("channels_last", "channels_first"))
}

resolve_padding <- function(padding, choices = c("valid", "same")) {
  if (is.character(padding)) padding <- tolower(padding)
  one_of(padding, choices, "padding")
}
