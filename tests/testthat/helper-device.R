# GPUs that stand in for those this machine may have or not.

# Replaces functions of the package until the end of the test.
local_functions <- function(..., .env = parent.frame()) {
  namespace <- asNamespace("hornet")
  put <- function(functions) {
    for (name in names(functions)) {
      unlockBinding(name, namespace)
      assign(name, functions[[name]], namespace)
    }
  }
  replaced <- list(...)
  before <- mget(names(replaced), namespace)
  put(replaced)
  withr::defer(put(before), .env)
}

# Tests have a copy of the package: what stands in for a function of its own, they don't see.
function_now <- function(name) get(name, asNamespace("hornet"))

# `count` GPUs that no library drives: what is asked of them is recorded, and runs are made by the
# CPU. `cases(number, library_convolution)` is what their self-test reports.
local_gpus <- function(count, cases = function(...) passing_cases, .env = parent.frame()) {
  seen <- new.env()
  seen$runs <- integer()
  seen$opened <- list()
  seen$tested <- 0L
  options <- NULL
  before <- .globals$gpu
  .globals$gpu <- new.env(parent = emptyenv())
  withr::defer(.globals$gpu <- before, .env)
  run <- cpp_run
  run_function <- cpp_function_run
  local_functions(
    cpp_devices = function() {
      gpus <- list(
        device = sprintf("gpu:%d", seq_len(count) - 1L), name = rep("Model X", count),
        capability = rep("9.0", count), memory = rep(80e9, count), free = rep(79.5e9, count),
        driver = rep(13010, count), runtime = rep(13000, count), blas = rep(130100, count),
        convolutions = rep(91900, count)
      )
      structure(gpus, why_none = if (count) "" else "this machine has no NVIDIA driver (libcuda.so.1)")
    },
    cpp_set_device_options = function(tf32, library_convolution, cache_memory) {
      options <<- list(tf32 = tf32, library_convolution = library_convolution)
    },
    cpp_open_device = function(number) seen$opened <- c(seen$opened, list(c(list(number = number), options))),
    cpp_close_device = function(number) NULL,
    device_cases = function(number) {
      seen$tested <- seen$tested + 1L
      cases(number, options$library_convolution)
    },
    cpp_run = function(fn, feeder, mode, steps, hooks, progress, stop_on_bad, device) {
      seen$runs <- c(seen$runs, device)
      run(fn, feeder, mode, steps, hooks, progress, stop_on_bad, -1L)
    },
    cpp_function_run = function(fn, feeds, ..., device = -1L) {
      seen$runs <- c(seen$runs, device)
      run_function(fn, feeds)
    },
    .env = .env
  )
  withr::local_options(hornet.device = "auto", hornet.cache_dir = withr::local_tempdir(.local_envir = .env),
                       .local_envir = .env)
  seen
}

passing_cases <- data.frame(
  op = c("exp", "conv2d", "conv2d"), case = c("7", "3x3", "1x1, strides 2"), difference = c(1e-7, 3e-6, 0),
  ok = TRUE, message = ""
)
failing_cases <- transform(passing_cases, difference = c(1e-7, 0.25, NaN), ok = c(TRUE, FALSE, FALSE),
                           message = c("", "", "gpu:0: the GPU failed"))
