# The callbacks that come with the package.

# Reads logs[[monitor]]; NULL with a warning where it is missing.
monitored <- function(logs, monitor, callback) {
  # Keras has called the same metric "acc" and "accuracy".
  names <- unique(c(monitor, sub("accuracy$", "acc", monitor), sub("acc$", "accuracy", monitor)))
  for (name in names) {
    value <- logs[[name]]
    if (is.numeric(value) && length(value) == 1L) return(value)
  }
  known <- setdiff(names(logs), c("batch", "size"))
  warning(sprintf("%s: there is no \"%s\" to watch; the logs have %s.", callback, monitor,
                  if (length(known)) quoted(known, "and") else "no values"), call. = FALSE)
  NULL
}

check_monitor <- function(monitor) {
  if (!is.character(monitor) || length(monitor) != 1L || is.na(monitor)) {
    abort(sprintf("`monitor` must be the name of a loss or metric, not %s.", describe(monitor)),
          "hornet_value_error")
  }
  monitor
}

# The optimizer's learning rate as a number, and its change from the next step on.
learning_rate <- function(model) as.double(k_get_value(model$optimizer$lr))
set_learning_rate <- function(model, rate) k_set_value(model$optimizer$lr, rate)

# "min" or "max"; "auto" goes by the name.
resolve_mode <- function(mode, monitor) {
  if (mode != "auto") return(mode)
  if (grepl("acc", monitor, fixed = TRUE)) "max" else "min"
}

check_number <- function(x, what = deparse(substitute(x)), min = -Inf) {
  if (!is.numeric(x) || length(x) != 1L || is.na(x) || x < min) {
    limit <- if (is.finite(min)) sprintf(" of at least %s", format(min)) else ""
    abort(sprintf("`%s` must be one number%s, not %s.", what, limit, describe(x)),
          "hornet_value_error")
  }
  as.double(x)
}

#' Stop training when a value no longer improves
#'
#' @param monitor Name of the value in the logs: `"val_loss"`, `"loss"`, `"val_acc"`, `"acc"`, ...
#'   A missing value gives a warning and no stop.
#' @param min_delta Smallest change that counts as an improvement.
#' @param patience Number of epochs without improvement after which training stops. 0 and 1 both
#'   stop after the first one.
#' @param verbose 1: say so at the end of training.
#' @param mode `"min"`: smaller is better; `"max"`: larger is better; `"auto"`: larger for names
#'   with `acc` in them.
#' @param baseline Value that must be beaten from the start on (default: none).
#' @param restore_best_weights Go back to the weights of the best epoch when stopping?
#'
#' @return A callback.
#' @examples
#' callback_early_stopping(monitor = "val_loss", patience = 3)
#' @family callbacks
#' @export
callback_early_stopping <- function(monitor = "val_loss", min_delta = 0, patience = 0, verbose = 0,
                                    mode = c("auto", "min", "max"), baseline = NULL,
                                    restore_best_weights = FALSE) {
  monitor <- check_monitor(monitor)
  EarlyStopping$new(
    monitor = monitor,
    min_delta = abs(check_number(min_delta)),
    patience = as.integer(check_number(patience, min = 0)),
    verbose = verbose,
    mode = resolve_mode(match.arg(mode), monitor),
    baseline = if (!is.null(baseline)) check_number(baseline),
    restore_best_weights = restore_best_weights
  )
}

EarlyStopping <- R6::R6Class("EarlyStopping",
  inherit = KerasCallback,
  public = list(
    stopped_epoch = 0L,
    initialize = function(monitor, min_delta, patience, verbose, mode, baseline,
                          restore_best_weights) {
      private$settings <- as.list(environment())
    },
    on_train_begin = function(logs = NULL) {
      self$stopped_epoch <- 0L
      private$wait <- 0L
      worst <- if (private$settings$mode == "min") Inf else -Inf
      private$best <- private$settings$baseline %||% worst
      private$best_weights <- NULL
    },
    on_epoch_end = function(epoch, logs = NULL) {
      settings <- private$settings
      current <- monitored(logs, settings$monitor, "callback_early_stopping()")
      if (is.null(current)) return(invisible())
      better <- if (settings$mode == "min") {
        current + settings$min_delta < private$best
      } else {
        current - settings$min_delta > private$best
      }
      if (isTRUE(better)) {
        private$best <- current
        private$wait <- 0L
        if (settings$restore_best_weights) private$best_weights <- get_weights(self$model)
        return(invisible())
      }
      private$wait <- private$wait + 1L
      if (private$wait >= settings$patience) {
        self$stopped_epoch <- epoch
        self$model$stop_training <- TRUE
        if (!is.null(private$best_weights)) set_weights(self$model, private$best_weights)
      }
    },
    on_train_end = function(logs = NULL) {
      if (self$stopped_epoch > 0L && private$settings$verbose > 0) {
        cat(sprintf("Epoch %05d: early stopping\n", self$stopped_epoch + 1L))
      }
    }
  ),
  private = list(settings = NULL, wait = 0L, best = NULL, best_weights = NULL)
)

#' Set the learning rate at the start of each epoch
#'
#' @param schedule Function of `(epoch, lr)`: the number of the epoch, from 0, and the current
#'   learning rate. It returns the new learning rate, one number. A function of `epoch` alone will
#'   do.
#'
#' @return A callback.
#' @examples
#' callback_learning_rate_scheduler(function(epoch, lr) lr * 0.9)
#' callback_learning_rate_scheduler(function(epoch) 0.1 / (1 + epoch))
#' @family callbacks
#' @export
callback_learning_rate_scheduler <- function(schedule) {
  schedule <- function_taking_up_to(schedule, c("epoch", "lr"), "schedule")
  takes <- formals(args(schedule))
  # A second argument with a default that is not called `lr` is the user's own setting.
  own_setting <- length(takes) >= 2L && !any(c("lr", "...") %in% names(takes)) &&
    !identical(takes[[2L]], quote(expr = ))
  LearningRateScheduler$new(if (own_setting) function(epoch, lr) schedule(epoch) else schedule)
}

LearningRateScheduler <- R6::R6Class("LearningRateScheduler",
  inherit = KerasCallback,
  public = list(
    initialize = function(schedule) private$schedule <- schedule,
    on_epoch_begin = function(epoch, logs = NULL) {
      rate <- private$schedule(epoch, learning_rate(self$model))
      if (!is.numeric(rate) || length(rate) != 1L || !is.finite(rate)) {
        abort(sprintf("`schedule` must return one number, the learning rate; in epoch %d it returned %s.",
                      epoch, describe(rate)), "hornet_value_error")
      }
      set_learning_rate(self$model, as.double(rate))
    }
  ),
  private = list(schedule = NULL)
)

#' Reduce the learning rate when a value no longer improves
#'
#' @inheritParams callback_early_stopping
#' @param factor What the learning rate is multiplied by; less than 1.
#' @param patience Number of epochs without improvement that are tolerated: the first cut comes
#'   in the epoch after them, the next ones every `patience` epochs.
#' @param verbose 1: print a line for each cut.
#' @param epsilon Smallest change that counts as an improvement.
#' @param cooldown Number of epochs after a cut in which nothing is counted.
#' @param min_lr Lower bound of the learning rate.
#'
#' @details The learning rate of each epoch is added to the logs and the history as `lr`.
#' @return A callback.
#' @examples
#' callback_reduce_lr_on_plateau(monitor = "val_loss", factor = 0.5, patience = 5)
#' @family callbacks
#' @export
callback_reduce_lr_on_plateau <- function(monitor = "val_loss", factor = 0.1, patience = 10,
                                          verbose = 0, mode = c("auto", "min", "max"),
                                          epsilon = 1e-04, cooldown = 0, min_lr = 0) {
  monitor <- check_monitor(monitor)
  if (check_number(factor, min = 0) >= 1) {
    abort(sprintf("`factor` must be less than 1, not %s.", describe(factor)), "hornet_value_error")
  }
  ReduceLROnPlateau$new(
    monitor = monitor,
    factor = factor,
    patience = as.integer(check_number(patience, min = 0)),
    verbose = verbose,
    mode = resolve_mode(match.arg(mode), monitor),
    epsilon = check_number(epsilon, min = 0),
    cooldown = as.integer(check_number(cooldown, min = 0)),
    min_lr = check_number(min_lr, min = 0)
  )
}

ReduceLROnPlateau <- R6::R6Class("ReduceLROnPlateau",
  inherit = KerasCallback,
  public = list(
    initialize = function(monitor, factor, patience, verbose, mode, epsilon, cooldown, min_lr) {
      private$settings <- as.list(environment())
    },
    on_train_begin = function(logs = NULL) private$reset(),
    on_epoch_end = function(epoch, logs = NULL) {
      settings <- private$settings
      rate <- learning_rate(self$model)
      self$add_logs(lr = rate)
      current <- monitored(logs, settings$monitor, "callback_reduce_lr_on_plateau()")
      if (is.null(current)) return(invisible())

      if (private$cooling > 0L) {
        private$cooling <- private$cooling - 1L
        private$wait <- 0L
      }
      better <- if (settings$mode == "min") {
        current < private$best - settings$epsilon
      } else {
        current > private$best + settings$epsilon
      }
      if (isTRUE(better)) {
        private$best <- current
        private$wait <- 0L
      } else if (private$cooling == 0L) {
        if (private$wait >= settings$patience) private$cut(epoch, rate)
        private$wait <- private$wait + 1L
      }
    }
  ),
  private = list(
    settings = NULL, wait = 0L, cooling = 0L, best = NULL,
    reset = function() {
      private$wait <- private$cooling <- 0L
      private$best <- if (private$settings$mode == "min") Inf else -Inf
    },
    cut = function(epoch, rate) {
      settings <- private$settings
      if (rate <= settings$min_lr) return(invisible())
      reduced <- max(rate * settings$factor, settings$min_lr)
      set_learning_rate(self$model, reduced)
      if (settings$verbose > 0) {
        cat(sprintf("\nEpoch %05d: reducing learning rate to %s.\n", epoch + 1L, format(reduced)))
      }
      private$cooling <- settings$cooldown
      private$wait <- 0L
    }
  )
)

#' Write the values of each epoch to a CSV file
#'
#' The file has a column `epoch`, counted from 0, and one for each value in the logs of the first
#' epoch, sorted by name. It is complete after every epoch, so another program may read it while
#' training goes on. Values that an epoch does not have are written as `NA`.
#'
#' @param filename Name of the file.
#' @param separator Separator of columns, one character.
#' @param append Add to an existing file? Its header line is kept.
#'
#' @return A callback.
#' @examples
#' log_file <- tempfile(fileext = ".csv")
#' callback_csv_logger(log_file)
#' @family callbacks
#' @export
callback_csv_logger <- function(filename, separator = ",", append = FALSE) {
  if (!is.character(filename) || length(filename) != 1L || is.na(filename)) {
    abort(sprintf("`filename` must be the name of a file, not %s.", describe(filename)),
          "hornet_value_error")
  }
  CSVLogger$new(path.expand(filename), separator, append)
}

CSVLogger <- R6::R6Class("CSVLogger",
  inherit = KerasCallback,
  public = list(
    initialize = function(filename, separator, append) {
      private$filename <- filename
      private$separator <- separator
      private$append <- append
    },
    on_train_begin = function(logs = NULL) {
      private$keys <- NULL
      size <- file.size(private$filename)
      private$has_header <- private$append && !is.na(size) && size > 0
      if (!private$append) private$write_lines(character(), mode = "wb")
    },
    on_epoch_end = function(epoch, logs = NULL) {
      if (is.null(private$keys)) private$keys <- sort(names(logs), method = "radix")
      values <- vapply(private$keys, function(key) {
        if (is.null(logs[[key]])) "NA" else format_exactly(logs[[key]])
      }, "")
      private$write_lines(c(
        if (!private$has_header) private$join(c("epoch", private$keys)),
        private$join(c(format(epoch, scientific = FALSE), values))
      ))
      private$has_header <- TRUE
    }
  ),
  private = list(
    filename = NULL, separator = NULL, append = NULL, keys = NULL, has_header = FALSE,
    join = function(cells) paste(cells, collapse = private$separator),
    # Opened for each epoch: the file is complete whatever ends training.
    write_lines = function(lines, mode = "ab") {
      file <- file(private$filename, mode)
      on.exit(close(file))
      writeBin(charToRaw(paste0(lines, rep("\r\n", length(lines)), collapse = "")), file)
    }
  )
)

# The shortest text that reads back as the same number.
format_exactly <- function(value) {
  for (digits in 15:17) {
    text <- format(value, digits = digits, scientific = NA)
    if (is.na(value) || as.double(text) == value) break
  }
  text
}

#' Stop training when the loss is not a finite number
#'
#' Training ends after the first batch whose loss is `NaN` or infinite. Without this callback it
#' goes on, with one warning that names the batch.
#'
#' @return A callback.
#' @examples
#' callback_terminate_on_naan()
#' @family callbacks
#' @export
callback_terminate_on_naan <- function() {
  TerminateOnNaN$new()
}

# Does nothing by itself: the batch loop looks at the loss, so that batches need not cross to R.
TerminateOnNaN <- R6::R6Class("TerminateOnNaN",
  inherit = KerasCallback,
  public = list(
    on_bad_batch = function(batch) {
      cat(sprintf("Batch %d: Invalid loss, terminating training\n", as.integer(batch)))
      self$model$stop_training <- TRUE
    }
  )
)

#' Progress bar
#'
#' The bar that `verbose = 1` shows. As a callback it draws one more.
#'
#' @param count_mode Count `"samples"` or `"steps"` (batches)?
#' @param stateful_metrics Names of metrics that should not be averaged over an epoch. Accepted for
#'   compatibility; all values shown are those of the history.
#'
#' @return A callback.
#' @examples
#' callback_progbar_logger(count_mode = "steps")
#' @family callbacks
#' @export
callback_progbar_logger <- function(count_mode = "samples", stateful_metrics = NULL) {
  ProgbarLogger$new(one_of(count_mode, c("samples", "steps")))
}

ProgbarLogger <- R6::R6Class("ProgbarLogger",
  inherit = KerasCallback,
  public = list(
    initialize = function(count_mode) private$count_mode <- count_mode,
    on_epoch_begin = function(epoch, logs = NULL) {
      if (private$verbose() == 0L) return(invisible())
      cat(sprintf("Epoch %d/%d\n", as.integer(epoch) + 1L, as.integer(self$params$epochs)))
      private$started <- now()
      private$current <- 0
      private$bar <- if (private$verbose() == 1L) {
        progress_bar(private$target(), expected = self$params$metrics)
      }
    },
    draws = function() !is.null(private$bar) && is_dynamic(),
    on_progress = function(step, rows, values) {
      private$bar$draw(self$count(step, rows), values)
    },
    # How far the epoch came, in the units of this bar.
    count = function(step, rows) {
      private$current <- if (private$count_mode == "samples") rows else step
      private$current
    },
    on_epoch_end = function(epoch, logs = NULL) {
      values <- unlist(logs[intersect(self$params$metrics, names(logs))])
      if (private$verbose() == 1L && !is.null(private$bar)) {
        private$bar$finish(private$current, values)
      } else if (private$verbose() == 2L) {
        cat(sprintf(" - %.0fs", now() - private$started), value_parts(values),
            private$spark(logs), "\n", sep = "")
      }
      private$bar <- NULL
    },
    abandon = function() {
      if (!is.null(private$bar)) private$bar$abandon()
      private$bar <- NULL
    }
  ),
  private = list(
    count_mode = NULL, bar = NULL, started = NULL, current = 0, losses = NULL,
    verbose = function() as.integer(self$params$verbose %||% 1L),
    target = function() {
      if (private$count_mode == "samples") self$params$samples else self$params$steps
    },
    # options(hornet.sparkline = TRUE): the losses so far as a small picture.
    spark = function(logs) {
      if (!isTRUE(getOption("hornet.sparkline"))) return("")
      private$losses <- c(private$losses, logs$loss)
      paste0(" ", sparkline(private$losses))
    }
  )
)
