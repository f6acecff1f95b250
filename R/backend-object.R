# The backend as an object whose functions have the names of the reference's Python module.

#' The backend as an object
#'
#' For code that was written against the Python module: `K <- backend()`, then `K$mean(x)` is
#' [k_mean()], `K$int_shape(x)` is [k_int_shape()] and so on for every `k_*` function. As in Python,
#' **axes count from 0** here: arguments `axis`, `axes`, `reduction_axes` and `pattern` are 0 for the
#' batch and -1 for the last axis. Everything else is as in the `k_*` functions.
#'
#' @param convert Ignored: values always come as R objects.
#' @return An object whose `$` gives functions.
#' @section Errors:
#' A name that no `k_*` function has is a `hornet_value_error`.
#' @family backend
#' @export
#' @examples
#' K <- backend()
#' x <- matrix(1:6, 2)
#' K$sum(x, axis = 0L)
#' k_sum(x, axis = 1)
backend <- function(convert = TRUE) structure(list(), class = "keras_backend")

#' @export
`$.keras_backend` <- function(x, name) {
  if (!name %in% backend_names()) {
    abort(sprintf('the backend has no function "%s": there is no k_%s().', name, name), "hornet_value_error")
  }
  with_python_axes(get(paste0("k_", name), envir = topenv()))
}
#' @export
`[[.keras_backend` <- function(x, i) `$.keras_backend`(x, i)
#' @export
names.keras_backend <- function(x) backend_names()
#' @exportS3Method utils::.DollarNames
.DollarNames.keras_backend <- function(x, pattern = "") grep(pattern, backend_names(), value = TRUE)
#' @export
print.keras_backend <- function(x, ...) {
  cat("<backend: k_* functions by their Python names, axes from 0>\n")
  invisible(x)
}

backend_names <- function() {
  exports <- getNamespaceExports(topenv())
  sort(sub("^k_", "", grep("^k_", exports, value = TRUE)))
}

# The same function, but axes that are given count from 0. Defaults stay: they mean the same axes.
with_python_axes <- function(f) {
  axes <- intersect(names(formals(f)), c("axis", "axes", "reduction_axes", "pattern"))
  for (argument in lapply(axes, as.name)) {
    body(f) <- bquote({
      if (!missing(.(argument))) .(argument) <- axes_from_one(.(argument))
      .(body(f))
    })
  }
  f
}

# Negative axes count from the end in both.
axes_from_one <- function(axes) {
  if (is.null(axes)) return(NULL)
  axes <- as_int(axes, "axis")
  ifelse(axes < 0L, axes, axes + 1L)
}
