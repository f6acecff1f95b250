# Progress lines in Keras' format. Everything is printed from R's thread, at most ten times a
# second; where lines cannot be rewritten (files, pipes, reports) each epoch gets one line.

# One epoch, evaluation or prediction as a line that is redrawn.
#   target: units to do (NULL: unknown); unit counts are steps or samples.
#   expected: names of all values the final line will show, to choose a bar that leaves room.
#   draw(current, values): the state between the first and the last unit, throttled.
#   finish(current, values): the final line.
progress_bar <- function(target, expected = character(), dynamic = is_dynamic(),
                         columns = getOption("width")) {
  if (!dynamic) columns <- Inf
  bar <- bar_width(target, expected, columns)
  started <- now()
  drawn <- -Inf
  width <- 0L
  rewrite <- function(line, end = "") {
    blanks <- strrep(" ", max(0L, width - nchar(line)))
    width <<- nchar(line)
    cat("\r", line, blanks, end, sep = "")
    utils::flush.console()
  }
  list(
    draw = function(current, values = NULL) {
      if (!dynamic || now() - drawn < 0.1) return(invisible())
      drawn <<- now()
      rewrite(running_line(current, target, bar, drawn - started, values, columns))
    },
    finish = function(current, values = NULL) {
      line <- final_line(current, target, bar, now() - started, values, columns)
      if (dynamic) rewrite(line, end = "\n") else cat(line, "\n", sep = "")
      width <<- 0L
    },
    # The line stays as it is: an error or an interrupt ended the run.
    abandon = function() {
      if (dynamic && width > 0L) cat("\n")
      width <<- 0L
    }
  )
}

# The bar is 30 wide as in Keras, down to 10 where the final line would not fit.
bar_width <- function(target, expected, columns) {
  count <- 2L * nchar(format_count(target)) + 2L
  values <- sum(nchar(expected) + nchar(" - : 0.0000"))
  as.integer(max(10, min(30, columns - 1 - count - 2 - nchar(" - 10s 100ms/step") - values)))
}

running_line <- function(current, target, bar, elapsed, values, columns) {
  time <- if (is.null(target)) {
    format_elapsed(elapsed, current)
  } else {
    paste("ETA:", format_eta(ratio(elapsed, current) * max(0, target - current)))
  }
  parts <- c(format_state(current, target, bar), paste0(" - ", time), value_parts(values))
  # Values that do not fit are left out: a wrapped line cannot be rewritten.
  parts <- parts[c(TRUE, TRUE, cumsum(nchar(parts))[-(1:2)] < columns)]
  substr(paste(parts, collapse = ""), 1L, min(columns - 1, 1e4))
}

final_line <- function(current, target, bar, elapsed, values, columns) {
  parts <- c(format_state(current, target, bar),
             paste0(" - ", format_elapsed(elapsed, current)), value_parts(values))
  lines <- ""
  for (part in parts) {
    last <- lines[[length(lines)]]
    if (nzchar(last) && nchar(last) + nchar(part) >= columns) {
      lines <- c(lines, paste0("   ", part))
    } else {
      lines[[length(lines)]] <- paste0(last, part)
    }
  }
  paste(lines, collapse = "\n")
}

# The count and the bar.
format_state <- function(current, target, bar) {
  if (is.null(target)) return(sprintf("%7s/Unknown", format_count(current)))
  sprintf("%*s/%s [%s]", nchar(format_count(target)), format_count(current), format_count(target),
          format_bar(current, target, bar))
}

format_count <- function(count) format(count, scientific = FALSE, trim = TRUE)

format_bar <- function(current, target, width) {
  filled <- as.integer(width * min(1, current / target))
  if (current >= target) return(strrep("=", width))
  if (filled == 0L) return(strrep(".", width))
  paste0(strrep("=", filled - 1L), ">", strrep(".", width - filled))
}

value_parts <- function(values) {
  if (!length(values)) return(character())
  paste0(" - ", names(values), ": ", format_value(values))
}

format_value <- function(values) {
  vapply(as.double(values), function(value) {
    if (is.nan(value) || is.na(value)) return("nan")
    if (is.infinite(value)) return(if (value > 0) "inf" else "-inf")
    sprintf(if (abs(value) > 1e-3) "%.4f" else "%.4e", value)
  }, "")
}

format_eta <- function(seconds) {
  if (is.na(seconds)) return("?")
  seconds <- as.integer(min(seconds, 1e9))
  if (seconds > 3600L) {
    sprintf("%d:%02d:%02d", seconds %/% 3600L, seconds %% 3600L %/% 60L, seconds %% 60L)
  } else if (seconds > 60L) {
    sprintf("%d:%02d", seconds %/% 60L, seconds %% 60L)
  } else {
    sprintf("%ds", seconds)
  }
}

# "3s 33ms/step"; the unit is called step also where samples are counted, as in Keras.
format_elapsed <- function(seconds, units) {
  per_unit <- if (units > 0) seconds / units else seconds
  each <- if (per_unit >= 1) {
    sprintf("%.0fs", per_unit)
  } else if (per_unit >= 1e-3) {
    sprintf("%.0fms", per_unit * 1e3)
  } else {
    sprintf("%.0fus", per_unit * 1e6)
  }
  sprintf("%.0fs %s/step", seconds, each)
}

# Can the last line of output be rewritten? On terminals and in consoles that understand "\r";
# not in files, pipes, sink(), reports. The environment variable R_CLI_DYNAMIC decides for all.
is_dynamic <- function() {
  forced <- Sys.getenv("R_CLI_DYNAMIC")
  if (nzchar(forced)) return(isTRUE(as.logical(forced)) || forced == "1")
  if (sink.number() > 0L || isTRUE(getOption("knitr.in.progress"))) return(FALSE)
  if (Sys.getenv("TERM") == "dumb" && Sys.getenv("RSTUDIO") != "1") return(FALSE)
  if (isatty(stdout())) return(TRUE)
  interactive() && (.Platform$GUI %in% c("RStudio", "Rgui", "AQUA") || Sys.getenv("RSTUDIO") == "1")
}

# 0, 1 or 2 from what users write.
resolve_verbose <- function(verbose) {
  if (identical(verbose, "auto")) {
    return(if (isTRUE(getOption("knitr.in.progress"))) 2L else 1L)
  }
  if (length(verbose) != 1L || !(is.numeric(verbose) || is.logical(verbose)) || is.na(verbose) ||
      !as.integer(verbose) %in% 0:2) {
    abort(sprintf("`verbose` must be 0 (silent), 1 (progress bar) or 2 (one line per epoch), not %s.",
                  describe(verbose)), "hornet_value_error")
  }
  as.integer(verbose)
}

# Eight heights, oldest value first; ASCII where the terminal has no UTF-8.
sparkline <- function(values, length = 30L) {
  values <- utils::tail(values[is.finite(values)], length)
  if (!length(values)) return("")
  levels <- if (isTRUE(l10n_info()[["UTF-8"]])) {
    intToUtf8(0x2581:0x2588, multiple = TRUE)
  } else {
    c("_", ".", "-", "~", "=", "+", "*", "#")
  }
  spread <- max(values) - min(values)
  heights <- if (spread > 0) (values - min(values)) / spread else rep(0, length(values))
  paste(levels[1L + round(heights * 7)], collapse = "")
}
