#' @useDynLib hornet, .registration = TRUE
#' @importFrom Rcpp evalCpp
#' @importFrom RcppParallel RcppParallelLibs
NULL

.onLoad <- function(libname, pkgname) {
  cpp_init()
  cpp_set_threads(default_threads())
}

# All cores, or what options(hornet.threads=) says; two at most under R CMD check.
default_threads <- function() {
  threads <- getOption("hornet.threads")
  if (is.null(threads)) {
    limited <- nzchar(Sys.getenv("_R_CHECK_LIMIT_CORES_")) || nzchar(Sys.getenv("_R_CHECK_PACKAGE_NAME_"))
    return(if (limited) 2L else 0L)
  }
  as.integer(threads)
}
