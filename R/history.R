# What training leaves behind: the values of every epoch and where the time went.

# metrics: named list of numeric vectors, one value an epoch run; timing: list() or see
# training_timing().
new_history <- function(params, metrics, timing = NULL) {
  structure(
    list(params = params, metrics = metrics, timing = timing),
    class = "keras_training_history"
  )
}

# Collects the logs of epochs. A key that appears late is NA in the epochs before it.
history_recorder <- function(params) {
  metrics <- list()
  epochs <- 0L
  list(
    add = function(logs) {
      epochs <<- epochs + 1L
      for (name in union(names(metrics), names(logs))) {
        value <- logs[[name]]
        if (!is.numeric(value) || length(value) != 1L) value <- NA_real_
        past <- metrics[[name]]
        if (is.null(past)) past <- rep(NA_real_, epochs - 1L)
        metrics[[name]] <<- c(past, as.double(value))
      }
    },
    any_bad = function() any(!is.finite(metrics$loss)),
    history = function(timing = NULL) new_history(params, metrics, timing)
  )
}

# Clock of a run: one row an epoch. Shares are NA where nothing could be measured.
training_timer <- function() {
  started <- now()
  rows <- list()
  list(
    # run: what cpp_run() returned; seconds: wall time of its batches; producer: what the feeder
    # spent meanwhile (list(source_seconds, blocked_seconds)); epoch: from 0.
    add = function(epoch, run, seconds, producer) {
      rows[[length(rows) + 1L]] <<- data.frame(
        epoch = as.integer(epoch) + 1L,
        seconds = seconds,
        steps = as.integer(run$steps),
        wait = run$wait_seconds,
        source = producer$source_seconds,
        blocked = producer$blocked_seconds
      )
    },
    timing = function() {
      if (!length(rows)) {
        return(timing_of(data.frame(
          epoch = integer(), seconds = double(), steps = integer(),
          wait = double(), source = double(), blocked = double()
        ), now() - started))
      }
      timing_of(do.call(rbind, rows), now() - started)
    }
  )
}

timing_of <- function(rows, elapsed) {
  shares <- function(rows) {
    list(
      steps_per_second = ratio(rows$steps, rows$seconds),
      wait_share = pmin(1, ratio(rows$wait, rows$seconds)),
      blocked_share = ratio(rows$blocked, rows$source + rows$blocked)
    )
  }
  totals <- lapply(rows, sum)
  c(
    list(seconds = elapsed),
    shares(totals),
    list(epochs = data.frame(
      epoch = rows$epoch, seconds = rows$seconds, steps = rows$steps, shares(rows)
    ))
  )
}

ratio <- function(part, whole) ifelse(whole > 0, part / whole, NA_real_)

now <- function() as.numeric(Sys.time())

#' Training history
#'
#' [fit()] and [fit_generator()] return, invisibly, an object of class `keras_training_history`
#' with the values of every epoch. It can be printed, plotted and turned into a data frame. The
#' model keeps the last one as `model$history`, also when training was interrupted or failed.
#'
#' The object is a list:
#'
#' * `params`: what was asked for (`epochs`, `verbose`, `do_validation`, `metrics`, and as far as
#'   known `steps`, `samples`, `batch_size`, `validation_samples`, `initial_epoch`).
#' * `metrics`: a named list of numeric vectors with one value for each epoch that was run;
#'   validation values first, their names start with `val_`. Keys that callbacks added to the logs
#'   (such as `lr`) are included. A value that an epoch did not have is `NA`.
#' * `timing`: where the time went.
#'     * `seconds`: the whole run, with validation and callbacks.
#'     * `steps_per_second`: training steps per second of training (without validation).
#'     * `wait_share`: share of the training time in which the model waited for a batch. Near 0
#'       the data come fast enough; near 1 the model is starving.
#'     * `blocked_share`: share of its time in which the producer of batches waited because the
#'       queue was full. Near 1 the data could come much faster than the model takes them.
#'     * `epochs`: a data frame with the same figures for each epoch.
#'
#' @param x A `keras_training_history`.
#' @param y Unused.
#' @param metrics Names of the metrics to plot. Default: all, each together with its validation
#'   values.
#' @param method `"ggplot2"`, `"base"`, or `"auto"`: ggplot2 if it is installed.
#' @param smooth Draw a loess smooth when there are at least ten epochs? (ggplot2 only.)
#' @param theme_bw Use `ggplot2::theme_bw()`, the better choice for printing in black and white?
#' @param object A `keras_training_history`.
#' @param ... Unused; for `plot()` with the base method passed on to [plot.default()].
#'
#' @return `print()` returns `x` invisibly. `plot()` returns the ggplot object, which draws itself
#'   at the console (in a loop or a function use `print(plot(history))`), or `NULL` invisibly for
#'   the base method. `as.data.frame()` returns one row for each epoch and value with columns
#'   `epoch` (integer, 1-based), `value`, `metric` (factor, without the `val_` prefix) and `data`
#'   (factor with levels `training` and `validation`); epochs that were asked for but not run have
#'   the value `NA`.
#'
#' @examples
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 1, input_shape = 2)
#' model %>% compile(optimizer = "sgd", loss = "mse")
#' x <- matrix(runif(64), ncol = 2)
#' history <- model %>% fit(x, rowSums(x), epochs = 3, verbose = 0)
#' history
#' as.data.frame(history)
#' history$timing$steps_per_second
#' plot(history, method = "base")
#' @name keras_training_history
NULL

#' @rdname keras_training_history
#' @export
print.keras_training_history <- function(x, ...) {
  cat(format_history(x), sep = "\n")
  invisible(x)
}

format_history <- function(x) {
  params <- x$params
  lengths <- vapply(x$metrics, length, 0L)
  epochs <- if (length(lengths)) max(lengths) else 0L
  if (epochs == 0L) return("Trained for no epoch")

  number <- function(n) prettyNum(n, big.mark = ",", scientific = FALSE)
  facts <- c(
    batch_size = params$batch_size,
    steps = if (is.null(params$samples)) params$steps,
    epochs = epochs
  )
  facts <- paste0(names(facts), "=", vapply(facts, number, ""), collapse = ", ")
  source <- function(samples) if (is.null(samples)) "a generator" else paste(number(samples), "samples")
  trained <- paste("Trained on", source(params$samples))
  validated <- if (isTRUE(params$do_validation)) {
    paste0(", validated on ", source(params$validation_samples))
  }
  c(
    paste0(trained, validated, " (", facts, ")"),
    if (is.null(params$samples)) format_wait(x$timing),
    "Final epoch (plot to see history):",
    format_values(vapply(x$metrics, function(values) values[[length(values)]], 0))
  )
}

format_wait <- function(timing) {
  share <- timing$wait_share
  if (is.null(share) || is.na(share)) return(NULL)
  sprintf("The trainer waited %.0f%% of the time for data (%s steps/s)",
          100 * share, format(signif(timing$steps_per_second, 3), big.mark = ",", scientific = FALSE))
}

# Right-aligned "name: value" lines, four significant digits.
format_values <- function(values) {
  text <- vapply(values, function(value) {
    prettyNum(signif(value, 4), big.mark = ",", scientific = FALSE)
  }, "")
  paste0(formatC(names(values), width = max(nchar(names(values)))), ": ", text)
}

#' @rdname keras_training_history
#' @export
as.data.frame.keras_training_history <- function(x, ...) {
  # "loss" and "val_loss" are two series of one metric.
  series <- names(x$metrics)
  series <- c(series[!is_validation(series)], series[is_validation(series)])
  offset <- if (is.null(x$params$initial_epoch)) 0L else as.integer(x$params$initial_epoch)
  run <- max(0L, vapply(x$metrics, length, 0L))
  epochs <- seq_len(max(offset + run, as.integer(x$params$epochs)))
  values <- lapply(x$metrics[series], function(values) {
    padded <- rep(NA_real_, length(epochs))
    padded[offset + seq_along(values)] <- values
    padded
  })
  metric <- sub("^val_", "", series)
  data.frame(
    epoch = rep(epochs, times = length(series)),
    value = as.double(unlist(values, use.names = FALSE)),
    metric = factor(rep(metric, each = length(epochs)), levels = unique(metric)),
    data = factor(
      rep(ifelse(is_validation(series), "validation", "training"), each = length(epochs)),
      levels = c("training", "validation")
    )
  )
}

is_validation <- function(names) startsWith(names, "val_")

#' @rdname keras_training_history
#' @export
plot.keras_training_history <- function(x, y, metrics = NULL, method = c("auto", "ggplot2", "base"),
                                        smooth = getOption("keras.plot.history.smooth", TRUE),
                                        theme_bw = getOption("keras.plot.history.theme_bw", FALSE),
                                        ...) {
  method <- match.arg(method)
  if (method == "auto") {
    method <- if (requireNamespace("ggplot2", quietly = TRUE)) "ggplot2" else "base"
  }
  values <- as.data.frame(x)
  if (!is.null(metrics)) {
    unknown <- setdiff(metrics, levels(values$metric))
    if (length(unknown)) {
      abort(sprintf("The history has no metric %s; it has %s.", quoted(unknown),
                    quoted(levels(values$metric), "and")),
            "hornet_value_error")
    }
    values <- values[values$metric %in% metrics, ]
    values$metric <- factor(values$metric, levels = metrics)
  }
  if (!nrow(values)) abort("There is nothing to plot: no epoch was trained.", "hornet_value_error")
  if (method == "ggplot2") {
    plot_history_ggplot2(values, smooth = smooth, theme_bw = theme_bw)
  } else {
    plot_history_base(values, ...)
  }
}

#' @rdname keras_training_history
#' @exportS3Method ggplot2::autoplot
autoplot.keras_training_history <- function(object, ...) {
  plot(object, method = "ggplot2", ...)
}

utils::globalVariables(c("data", "epoch", "value"))

plot_history_ggplot2 <- function(values, smooth, theme_bw) {
  validated <- any(values$data == "validation")
  aes <- if (validated) {
    ggplot2::aes(epoch, value, colour = data, fill = data)
  } else {
    ggplot2::aes(epoch, value)
  }
  known <- values[!is.na(values$value), ]
  smooth <- smooth && length(unique(known$epoch)) >= 10L
  whole_numbers <- function(limits) {
    unique(floor(pretty(limits)[pretty(limits) >= 1 & pretty(limits) <= max(limits)]))
  }
  plot <- ggplot2::ggplot(known, aes) +
    ggplot2::geom_point(shape = 21, colour = 1) +
    ggplot2::scale_x_continuous(breaks = whole_numbers, limits = range(values$epoch)) +
    ggplot2::facet_grid(metric ~ ., switch = "y", scales = "free_y") +
    ggplot2::labs(x = "epoch", y = NULL, colour = "data", fill = "data")
  plot <- plot + if (smooth) {
    ggplot2::geom_smooth(formula = y ~ x, method = "loess", se = FALSE, na.rm = TRUE)
  } else if (length(unique(known$epoch)) > 1L) {
    ggplot2::geom_line()
  }
  if (theme_bw) plot <- plot + ggplot2::theme_bw()
  plot + ggplot2::theme(
    axis.title.y = ggplot2::element_blank(),
    strip.placement = "outside",
    strip.text = ggplot2::element_text(colour = "black"),
    strip.background = ggplot2::element_rect(fill = NA, colour = NA)
  )
}

plot_history_base <- function(values, ...) {
  metrics <- levels(values$metric)
  old <- graphics::par(mfrow = c(length(metrics), 1), mar = c(3, 4, 1, 1) + 0.1, mgp = c(2, 0.7, 0))
  on.exit(graphics::par(old))
  styles <- list(training = list(pch = 1, col = "black"), validation = list(pch = 4, col = "#1565c0"))
  for (metric in metrics) {
    of_metric <- values[values$metric == metric, ]
    known <- of_metric[!is.na(of_metric$value) & is.finite(of_metric$value), ]
    if (!nrow(known)) {
      graphics::plot.new()
      graphics::title(ylab = metric)
      next
    }
    graphics::plot(known$epoch, known$value, type = "n", xlab = "epoch", ylab = metric,
                   xlim = range(of_metric$epoch), xaxt = "n", ...)
    ticks <- pretty(of_metric$epoch)
    graphics::axis(1, at = unique(ticks[ticks == floor(ticks) & ticks >= 1]))
    shown <- intersect(names(styles), known$data)
    for (data in shown) {
      series <- known[known$data == data, ]
      style <- styles[[data]]
      graphics::lines(series$epoch, series$value, type = "b", pch = style$pch, col = style$col)
    }
    if ("validation" %in% shown) {
      training <- known$value[known$data == shown[[1]]]
      falling <- training[[1]] > training[[length(training)]]
      graphics::legend(if (falling) "topright" else "bottomright", legend = shown, bty = "n",
                       pch = vapply(styles[shown], function(style) style$pch, 0),
                       col = vapply(styles[shown], function(style) style$col, ""))
    }
  }
  invisible()
}
