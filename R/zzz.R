#' hornet: deep learning with generators that run in parallel to the model
#'
#' Models are described with `layer_*()` functions, traced once into native code and trained on
#' threads of their own. Start with [keras_model_sequential()], [compile()] and [fit()], or with
#' [fit_generator()] for data that are made while the model trains.
#'
#' @section Options:
#' | option | default | meaning |
#' |---|---|---|
#' | `hornet.device` | `HORNET_DEVICE` of the environment, else `"auto"` | where models run; see [with_device()] |
#' | `hornet.tf32` | `FALSE` | products on a GPU may round their inputs to 10 bits; for GPUs first used afterwards |
#' | `hornet.selftest` | `TRUE` | test a GPU when it is first used; see [cuda_selftest()] |
#' | `hornet.cache_dir` | `tools::R_user_dir("hornet", "cache")` | where verdicts of self-tests are kept |
#' | `hornet.threads` | all cores (2 under `R CMD check`) | threads that compute the steps of a model or read texts |
#' | `hornet.image_workers` | all cores but one, and it while the model waits | threads that decode and augment images |
#' | `hornet.cache` | `TRUE` | keep decoded images in memory; a number is the limit in bytes |
#' | `hornet.image_cache` | `NULL` | a folder that keeps decoded images for other sessions |
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
  complete_classes(parent.env(environment()))
  cpp_init()
  use_threads()
  plugin <- file.path(libname, pkgname, "backends", "hornet_cuda.so")
  cpp_set_plugin(getOption("hornet.cuda_plugin", if (file.exists(plugin)) plugin else ""))
}

# Every R6 class carries copies of the functions that R6 works with ($new() and so on), which for
# our classes are a third of the installed package. They are installed without, and get them back
# when the package is loaded.
is_class <- function(x) inherits(x, "R6ClassGenerator")
functions_of_class <- function(class) Filter(function(name) is.function(class[[name]]), ls(class, all.names = TRUE))

complete_classes <- function(namespace) {
  complete <- R6Class("complete")
  functions <- functions_of_class(complete)
  for (class in mget(class_names, namespace)) {
    for (name in functions) {
      f <- complete[[name]]
      environment(f) <- class
      assign(name, f, envir = class)
    }
  }
}

# This file is the last to be read.
class_names <- Filter(function(name) is_class(get(name)), ls())
for (name in class_names) rm(list = functions_of_class(get(name)), envir = get(name))
rm(name)

# All cores, or what options(hornet.threads=) says.
use_threads <- function() {
  threads <- getOption("hornet.threads", if (under_check()) 2L else 0L)
  cpp_set_threads(as_count(threads, "options(hornet.threads=)"))
}
