# Whether a GPU computes what the CPU does.

#' Test a GPU
#'
#' Computes every operation on small arrays of odd shapes, on the GPU and on the CPU, and compares. That
#' happens by itself when a GPU is first used; the verdict is kept in
#' `tools::R_user_dir("hornet", "cache")`, for that kind of GPU, the driver, the libraries and the version
#' of hornet, so that later sessions don't test again. `cuda_selftest()` does, whatever was kept.
#'
#' A GPU whose convolutions are wrong is used without those of cuDNN; one that fails without them, too,
#' is not used (unless it is named). A warning says so, once a session.
#'
#' @param device `"gpu"` or the name of a GPU like `"gpu:1"`.
#' @return A data frame (class `hornet_selftest`) with a row for each case: `op`, `case`, `difference`, the
#'   largest one relative to what was expected; whether it is `ok`; and a `message` if it failed in
#'   another way. Printing shows what failed and a summary.
#' @section Errors:
#' There is no such GPU (class `hornet_device_error`).
#' @family devices
#' @export
#' @examples
#' tryCatch(cuda_selftest(), error = conditionMessage)
cuda_selftest <- function(device = "gpu") {
  number <- parse_device(device, "device")
  if (is.character(number)) {
    abort(sprintf('`device` must be "gpu" or the name of a GPU like "gpu:1", not %s.', describe(device)),
          "hornet_value_error")
  }
  verdict <- test_gpu(gpu_number(number))
  .globals$gpu$auto <- NULL
  verdict$report
}

#' @export
print.hornet_selftest <- function(x, ...) {
  cat(attr(x, "title"), "\n", sep = "")
  failed <- which(!x$ok)
  for (i in failed) cat(describe_case(x, i), "\n", sep = "")
  largest <- max(0, x$difference[is.finite(x$difference)])
  result <- if (length(failed)) paste(length(failed), "failed") else "passed"
  cat(sprintf("%d ops, %d cases, largest difference %s: %s\n", length(unique(x$op)), nrow(x),
              format(largest, digits = 2), result))
  if (length(failed)) {
    cat(if (attr(x, "passed")) "Without the convolutions of cuDNN all cases pass: hornet's own are used.\n"
        else "The GPU is used only where its name is given.\n")
  }
  invisible(x)
}

describe_case <- function(report, i) {
  message <- report$message[[i]]
  if (is.na(message) || !nzchar(message)) {
    message <- sprintf("differs from the CPU by %s", format(report$difference[[i]], digits = 2))
  }
  sprintf("%s (%s): %s", report$op[[i]], report$case[[i]], message)
}

warn_of_verdict <- function(number, verdict, consequence) {
  report <- verdict$report
  failed <- which(!report$ok)
  if (!length(failed)) return(invisible())
  more <- if (length(failed) > 1L) sprintf(" (and %d more)", length(failed) - 1L) else ""
  warn_about_gpu(number, c(
    sprintf("gpu:%d, %s, fails its self-test. %s%s", number, gpus()$name[[number + 1L]],
            describe_case(report, failed[[1L]]), more),
    if (verdict$passed) "It is used without the convolutions of cuDNN, which makes some models slower."
    else consequence,
    sprintf('The report: cuda_selftest("gpu:%d")', number)
  ))
}

# list(passed, library_convolution, report): may a GPU be used, and its library's convolutions? From
# this session, from an earlier one, or by a test.
gpu_verdict <- function(number) {
  if (isFALSE(getOption("hornet.selftest"))) {
    return(list(passed = TRUE, library_convolution = TRUE, report = list(ok = logical())))
  }
  key <- as.character(number)
  if (is.null(.globals$gpu$verdicts[[key]])) .globals$gpu$verdicts[[key]] <- kept_verdict(number)
  .globals$gpu$verdicts[[key]] %||% test_gpu(number)
}

test_gpu <- function(number) {
  report <- selftest(number, library_convolution = TRUE)
  passed <- library_convolution <- all(report$ok)
  if (!passed) passed <- all(selftest(number, library_convolution = FALSE)$ok)
  facts <- gpu_facts(number)
  report <- structure(report,
    class = c("hornet_selftest", "data.frame"),
    title = sprintf("gpu:%d, %s", number, paste(facts, collapse = ", ")),
    passed = passed
  )
  verdict <- list(passed = passed, library_convolution = library_convolution, report = report)
  .globals$gpu$verdicts[[as.character(number)]] <- verdict
  keep_verdict(number, verdict)
  verdict
}

# On a device opened for the purpose, in full precision. An error is a case that failed.
selftest <- function(number, library_convolution) {
  close_gpu(number)
  on.exit(close_gpu(number))
  tryCatch({
    open_gpu_with(number, library_convolution, tf32 = FALSE)
    device_cases(number)
  }, hornet_error = function(error) {
    data.frame(op = "self-test", case = "as a whole", difference = NA_real_, ok = FALSE,
               message = conditionMessage(error))
  })
}

device_cases <- function(number) as.data.frame(cpp_device_selftest(number))

# Verdicts of earlier sessions --------------------------------------------------------------------

# What a verdict holds for.
gpu_facts <- function(number) {
  gpu <- lapply(gpus(), function(column) column[[number + 1L]])
  c(gpu$name, paste("driver", version_text(gpu$driver, 1000)), paste("CUDA", version_text(gpu$runtime, 1000)),
    paste("cuBLAS", version_text(gpu$blas, 10000)), paste("cuDNN", version_text(gpu$convolutions, 10000)),
    paste("hornet", utils::packageVersion("hornet")))
}

# One file a kind of GPU: a new verdict takes the place of the old one.
verdict_file <- function(number) {
  name <- gsub("[^A-Za-z0-9]+", "-", gpus()$name[[number + 1L]])
  file.path(cache_dir(), paste0("selftest-", name, ".rds"))
}

# Tests and checks leave nothing behind.
cache_dir <- function() {
  testing <- under_check() || identical(Sys.getenv("TESTTHAT"), "true")
  getOption("hornet.cache_dir") %||%
    if (testing) file.path(tempdir(), "hornet") else tools::R_user_dir("hornet", "cache")
}

kept_verdict <- function(number) {
  file <- verdict_file(number)
  kept <- if (file.exists(file)) tryCatch(readRDS(file), error = function(e) NULL)
  if (identical(kept$facts, gpu_facts(number))) kept$verdict
}

# An error, of memory that others hold perhaps, says little about the next session. Where nothing can be
# written, each session tests.
keep_verdict <- function(number, verdict) {
  if (any(verdict$report$op == "self-test")) return(invisible())
  file <- verdict_file(number)
  suppressWarnings(try(silent = TRUE, {
    dir.create(dirname(file), recursive = TRUE, showWarnings = FALSE)
    kept <- list.files(dirname(file), "^selftest-.*[.]rds$", full.names = TRUE)
    unlink(kept[difftime(Sys.time(), file.mtime(kept), units = "days") > 365])
    written <- tempfile("selftest-", dirname(file), ".part")
    saveRDS(list(facts = gpu_facts(number), verdict = verdict), written)
    file.rename(written, file)
  }))
  invisible()
}
