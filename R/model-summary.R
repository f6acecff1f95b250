# Printing models.

#' Print a model
#'
#' A table of the layers with output shapes and numbers of parameters; for models that aren't a
#' plain chain also what each layer is connected to.
#'
#' @param object,x A model.
#' @param line_length Width of the table.
#' @param positions Ends of the columns, as shares of the width or as columns.
#' @param ... Ignored.
#' @return `summary()` prints and returns the text invisibly, `print()` the model invisibly,
#'   `format()` one string.
#' @family models
#' @name summary.model
#' @examples
#' model <- keras_model_sequential() %>% layer_dense(units = 2, input_shape = 3)
#' summary(model)
NULL

#' @rdname summary.model
#' @method summary keras.engine.training.Model
#' @export
summary.keras.engine.training.Model <- function(object, line_length = getOption("width"),
                                                positions = NULL, ...) {
  text <- model_text(layer_object(object), line_length, positions)
  cat(text, sep = "\n")
  invisible(text)
}

#' @rdname summary.model
#' @method print keras.engine.training.Model
#' @export
print.keras.engine.training.Model <- function(x, ...) {
  cat(format(x, ...), "\n", sep = "")
  invisible(x)
}

#' @rdname summary.model
#' @method format keras.engine.training.Model
#' @export
format.keras.engine.training.Model <- function(x, line_length = getOption("width"), ...) {
  self <- layer_object(x)
  if (length(self$outputs) == 0L) return("Model: <no summary available, model was not built>")
  paste(c("Model", model_text(self, line_length, NULL)), collapse = "\n")
}

#' @export
str.keras.engine.training.Model <- function(object, ...) {
  self <- layer_object(object)
  layers <- if (length(self$outputs)) length(self$topology()$layers) else 0L
  cat(sprintf(' model "%s" of %d layers\n', self$name, layers))
}

model_text <- function(self, line_length = getOption("width"), positions = NULL) {
  if (length(self$outputs) == 0L) return("Model: <no summary available, model was not built>")
  found <- self$topology()
  chain <- is_chain(self, found)
  columns <- c("Layer (type)", "Output Shape", "Param #", if (!chain) "Connected to")
  positions <- positions %||% (if (chain) c(0.45, 0.85, 1) else c(0.33, 0.55, 0.67, 1))
  if (all(positions <= 1)) positions <- floor(line_length * positions)
  rule <- function(character) strrep(character, line_length)
  body <- list()
  for (i in seq_along(found$layers)) {
    body <- c(body, rows_of_layer(found$layers[[i]], found$nodes, chain, positions),
              if (i < length(found$layers)) rule("_") else rule("="))
  }
  all_weights <- self$get_all_weights()
  trainable <- count_weights(self$get_trainable_weights())
  total <- count_weights(all_weights)
  count <- function(label, n) paste0(label, format(n, big.mark = ",", trim = TRUE))
  c(
    rule("_"), fit_cells(columns, positions), rule("="), unlist(body),
    count("Total params: ", total), count("Trainable params: ", trainable),
    count("Non-trainable params: ", total - trainable), rule("_")
  )
}

# One call after the other, each with one input.
is_chain <- function(self, found) {
  if (inherits(self, "Sequential")) return(TRUE)
  if (length(self$inputs) != 1L) return(FALSE)
  calls <- Filter(function(node) !inherits(node$layer, "InputLayer"), found$nodes)
  before <- unlist(lapply(calls, function(node) lapply(node$inputs, function(x) x$history$node$key)))
  all(vapply(calls, function(node) length(node$inputs) == 1L, TRUE)) && !anyDuplicated(before) &&
    !anyDuplicated(vapply(calls, function(node) node$layer$name, ""))
}

rows_of_layer <- function(layer, nodes, chain, positions) {
  own <- Filter(function(node) identical(node$layer, layer), nodes)
  shape <- if (length(own)) {
    unwrap_single(lapply(own[[length(own)]]$outputs, tensor_shape))
  } else {
    unwrap_single(lapply(layer$inbound_nodes[[1L]]$outputs, tensor_shape))
  }
  cells <- c(
    sprintf("%s (%s)", layer$name, class(layer)[[1L]]),
    format_shape(shape),
    format(count_weights(layer$get_all_weights()), scientific = FALSE)
  )
  if (chain) return(fit_cells(cells, positions))
  from <- unlist(lapply(own, function(node) {
    vapply(node$inputs, function(x) {
      if (is.null(x$history)) return("")
      sprintf("%s[%d][%d]", x$history$layer$name,
              x$history$node$index - 1L + first_call(x$history$layer), x$history$index - 1L)
    }, "")
  }))
  rows <- fit_cells(c(cells, if (length(from)) from[[1L]] else ""), positions)
  c(rows, vapply(from[-1L], function(connection) fit_cells(c("", "", "", connection), positions), ""))
}

# Cells cut and padded so that each ends at its position, with a space before the next.
fit_cells <- function(cells, positions) {
  line <- ""
  for (i in seq_along(cells)) {
    if (i > 1L) line <- paste0(substr(line, 1L, positions[[i - 1L]] - 1L), " ")
    line <- substr(paste0(line, cells[[i]]), 1L, positions[[i]])
    line <- formatC(line, width = -positions[[i]])
  }
  sub(" +$", "", line)
}
