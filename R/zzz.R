#' hornet: deep learning with generators that run in parallel to the model
#'
#' Models are described with `layer_*()` functions, traced once into native code and trained on
#' threads of their own. Start with [keras_model_sequential()], [compile()] and [fit()], or with
#' [fit_generator()] for data that are made while the model trains.
#'
#' @section Options:
#' | option | default | meaning |
#' |---|---|---|
#' | `hornet.threads` | all cores (2 under `R CMD check`) | threads that compute the steps of a model |
#' | `hornet.image_workers` | all cores but one | threads that decode and augment images |
#' | `hornet.cache` | `TRUE` | keep decoded images in memory; a number is the limit in bytes |
#' | `hornet.max_pixels` | 89 million | larger image files are refused |
#' | `hornet.sparkline` | `FALSE` | draw the course of the loss at the end of progress lines |
#' | `keras.fit_verbose` | 1 | `verbose` of [fit()] and [fit_generator()] where it is not given |
#' | `keras.view_metrics` | `"auto"` | `view_metrics` where it is not given |
#'
#' @useDynLib hornet, .registration = TRUE
#' @importFrom Rcpp evalCpp
#' @importFrom RcppParallel RcppParallelLibs
"_PACKAGE"

.onLoad <- function(libname, pkgname) {
  cpp_init()
  use_threads()
}

# All cores, or what options(hornet.threads=) says.
use_threads <- function() {
  threads <- getOption("hornet.threads", if (under_check()) 2L else 0L)
  cpp_set_threads(as_count(threads, "options(hornet.threads=)"))
}
