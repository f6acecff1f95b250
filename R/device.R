# Where models run: the CPU or a GPU.

#' Run code on a device
#'
#' Models run on the first GPU that passes its [self-test][cuda_selftest()], else on the CPU.
#' `options(hornet.device = )` changes that for the session, `with_device()` for some code. Where the
#' option isn't set, the environment variable `HORNET_DEVICE` is looked at; under `R CMD check` the default is
#' `"cpu"`.
#'
#' The device is looked up once a call, by [fit()], [fit_generator()], [evaluate()], [predict()] and
#' their like, [train_on_batch()] and functions made by [k_function()]. [k_eval()] and what else computes
#' single values stays on the CPU. Models belong to no device: their weights follow them.
#'
#' @param device `"auto"`: the first GPU that passes its self-test, else the CPU; `"cpu"`; `"gpu"`, the
#'   first one; or `"gpu:1"`, counted from 0, as [list_devices()] does. A GPU that is named is used even if
#'   it failed its self-test (with a warning).
#' @param code What to run.
#' @return The value of `code`.
#' @section Errors:
#' A GPU that isn't there, or that fails while it computes (class `hornet_device_error`); one without
#' room for the model and its batch (`hornet_out_of_memory_error`). The model stays usable.
#' @seealso `vignette("gpu", package = "hornet")`
#' @family devices
#' @export
#' @examples
#' model <- keras_model_sequential() %>% layer_dense(units = 2, input_shape = 3)
#' with_device("cpu", predict(model, matrix(0, 1, 3)))
#'
#' # On a GPU, if there is one:
#' tryCatch(with_device("gpu", predict(model, matrix(0, 1, 3))), error = conditionMessage)
with_device <- function(device, code) {
  gpu_number(parse_device(device, "device"))
  before <- options(hornet.device = device)
  on.exit(options(before))
  code
}

#' List devices
#'
#' The CPU and the GPUs that models can run on. Without a GPU, printing says why there is none.
#'
#' @return A data frame (class `hornet_devices`) with a row for the CPU and one for each GPU: `device`, the
#'   name that [with_device()] takes; `name` of the hardware; `cores` and `threads` in use, of the CPU;
#'   `compute_capability`; `memory` and `free_memory` in bytes; the versions `driver` (the newest CUDA that
#'   the driver knows), `cuda`, `cublas` and `cudnn`. `NA` where something is unknown or doesn't apply.
#'   Attribute `why_none`: why there is no GPU.
#' @family devices
#' @export
#' @examples
#' list_devices()
list_devices <- function() {
  gpus <- gpus(again = TRUE)
  memory <- cpu_memory()
  none <- rep(NA, length(gpus$device))
  devices <- data.frame(
    device = c("cpu", gpus$device),
    name = c(cpu_name(), gpus$name),
    cores = c(cpp_image_cores(), none),
    threads = c(cpp_threads(), none),
    compute_capability = c(NA_character_, gpus$capability),
    memory = c(memory[[1L]], gpus$memory),
    free_memory = c(memory[[2L]], gpus$free),
    driver = c(NA_character_, version_text(gpus$driver, 1000)),
    cuda = c(NA_character_, version_text(gpus$runtime, 1000)),
    cublas = c(NA_character_, version_text(gpus$blas, 10000)),
    cudnn = c(NA_character_, version_text(gpus$convolutions, 10000))
  )
  structure(devices, class = c("hornet_devices", "data.frame"), why_none = attr(gpus, "why_none"))
}

#' @export
print.hornet_devices <- function(x, ...) {
  libraries <- c(driver = "driver", cuda = "CUDA", cublas = "cuBLAS", cudnn = "cuDNN")
  versions <- unlist(lapply(x[names(x) %in% names(libraries)], function(version) version[!is.na(version)][1L]))
  shown <- as.data.frame(unclass(x)[setdiff(names(x), names(versions))])
  shown <- shown[!vapply(shown, function(column) all(is.na(column)), TRUE)]
  names(shown)[names(shown) == "compute_capability"] <- "capability"
  for (name in intersect(names(shown), c("memory", "free_memory"))) {
    shown[[name]] <- sprintf("%.1f GB", shown[[name]] / 1e9)
  }
  shown[] <- lapply(shown, function(column) ifelse(is.na(column) | column == "NA GB", "", column))
  print(shown, row.names = FALSE, right = FALSE)
  versions <- versions[!is.na(versions)]
  if (length(versions)) cat(paste(libraries[names(versions)], versions, collapse = ", "), "\n", sep = "")
  why <- attr(x, "why_none")
  if (length(why) && nzchar(why)) cat("No GPU: ", why, ".\n", sep = "")
  invisible(x)
}

# Number of the GPU that the call at work runs on, -1 for the CPU. Opens it: call this before a
# feeder is made, which pins its batches only while a device is open.
run_device <- function() {
  device <- getOption("hornet.device")
  device <- if (is.null(device)) parse_device(default_device(), "HORNET_DEVICE")
            else parse_device(device, "options(hornet.device = )")
  if (identical(device, "auto")) return(auto_device())
  number <- gpu_number(device)
  if (number >= 0L) open_gpu(number) else number
}

default_device <- function() {
  device <- Sys.getenv("HORNET_DEVICE")
  if (nzchar(device)) device else if (under_check()) "cpu" else "auto"
}

# "auto", "cpu" or the number of a GPU.
parse_device <- function(device, what) {
  name <- if (is.character(device) && length(device) == 1L) tolower(device) else ""
  if (name %in% c("auto", "cpu")) return(name)
  if (name == "gpu") return(0L)
  if (grepl("^gpu:[0-9]{1,4}$", name)) return(as.integer(substring(name, 5L)))
  abort(c(
    sprintf('`%s` must be "auto", "cpu", "gpu" or the name of a GPU like "gpu:1", not %s.', what, describe(device)),
    "list_devices() shows those of this machine."
  ), "hornet_value_error")
}

# The number of a parsed device that is there; -1 for those that always are.
gpu_number <- function(device) {
  if (is.character(device)) return(-1L)
  names <- gpus()$device
  if (device < length(names)) return(device)
  abort(c(
    if (length(names)) sprintf('there is no "gpu:%d": this machine has %s.', device, quoted(names, "and"))
    else sprintf("there is no GPU: %s.", attr(gpus(), "why_none")),
    'See list_devices(); `options(hornet.device = "auto")` uses a GPU where there is one, "cpu" none.'
  ), "hornet_device_error")
}

gpus <- function(again = FALSE) {
  if (is.null(.globals$gpu$found)) .globals$gpu$process <- Sys.getpid()
  if (again || is.null(.globals$gpu$found)) .globals$gpu$found <- cpp_devices()
  .globals$gpu$found
}

# Looking for GPUs wakes CUDA up, which from then on fails in forked children.
in_forked_process <- function() .globals$gpu$process != Sys.getpid()

auto_device <- function() {
  if (is.null(.globals$gpu$auto)) .globals$gpu$auto <- first_working_gpu()
  number <- .globals$gpu$auto
  if (number < 0L || in_forked_process()) return(-1L)
  open_gpu(number)
}

first_working_gpu <- function() {
  numbers <- seq_along(gpus()$device) - 1L
  if (in_forked_process()) return(-1L)
  for (number in numbers) if (works(number)) return(number)
  -1L
}

# One that fails, or that others hold all the memory of, is no reason not to compute.
works <- function(number) {
  verdict <- gpu_verdict(number)
  if (!verdict$passed) {
    warn_of_verdict(number, verdict, "It is not used.")
    return(FALSE)
  }
  refused <- function(error) {
    warn_about_gpu(number, c(sprintf("gpu:%d is not used, as it does not open:", number), conditionMessage(error)))
    FALSE
  }
  tryCatch(is.integer(open_gpu(number)), hornet_device_error = refused, hornet_out_of_memory_error = refused)
}

# Opens a GPU, once, in the way that its self-test allows. Returns its number.
open_gpu <- function(number) {
  key <- as.character(number)
  if (in_forked_process()) {
    abort(c(sprintf("gpu:%d belongs to the process that this one was forked from.", number),
            'Run models in forked processes with with_device("cpu", ...).'), "hornet_device_error")
  }
  if (!isTRUE(.globals$gpu$open[[key]])) {
    verdict <- gpu_verdict(number)
    warn_of_verdict(number, verdict, "It is used all the same, as it was asked for by name.")
    open_gpu_with(number, verdict$library_convolution, tf32 = getOption("hornet.tf32", FALSE))
    .globals$gpu$open[[key]] <- TRUE
  }
  number
}

open_gpu_with <- function(number, library_convolution, tf32) {
  if (!isTRUE(tf32) && !isFALSE(tf32)) {
    abort(sprintf("`options(hornet.tf32 = )` must be TRUE or FALSE, not %s.", describe(tf32)), "hornet_value_error")
  }
  cpp_set_device_options(tf32, library_convolution, getOption("hornet.cuda_cache_memory", TRUE))
  cpp_open_device(number)
}

# The next run opens it anew.
close_gpu <- function(number) {
  cpp_close_device(number)
  .globals$gpu$open[[as.character(number)]] <- NULL
}

# Once a session and kind of GPU.
warn_about_gpu <- function(number, message) {
  key <- gpus()$name[[number + 1L]]
  if (isTRUE(.globals$gpu$warned[[key]])) return(invisible())
  .globals$gpu$warned[[key]] <- TRUE
  warning(warningCondition(paste(message, collapse = "\n"), call = user_call(),
                           class = c("hornet_device_warning", "hornet_warning")))
}

# Facts -----------------------------------------------------------------------------------------

# As CUDA numbers its versions: 13000 is 13.0, and cuDNN's 91900 is 9.19.
version_text <- function(version, major) {
  text <- sprintf("%d.%d", as.integer(version %/% major), as.integer(version %% major %/% (major / 100)))
  ifelse(version > 0, text, NA_character_)
}

cpu_name <- function() {
  lines <- if (file.exists("/proc/cpuinfo")) readLines("/proc/cpuinfo", n = 30L, warn = FALSE)
  names <- sub("^model name\\s*:\\s*", "", grep("^model name", lines, value = TRUE))
  if (length(names)) names[[1L]] else Sys.info()[["machine"]]
}

# All and free, in bytes, where the system says so.
cpu_memory <- function() {
  lines <- if (file.exists("/proc/meminfo")) readLines("/proc/meminfo", n = 10L, warn = FALSE)
  vapply(c("MemTotal", "MemAvailable"), function(field) {
    line <- grep(paste0("^", field, ":"), lines, value = TRUE)
    if (length(line)) as.numeric(gsub("[^0-9]", "", line[[1L]])) * 1024 else NA_real_
  }, 0)
}
