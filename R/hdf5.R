# HDF5 data sets as data that stay in their file, and how runs read any data that do.

#' Data in an HDF5 file
#'
#' A data set of an HDF5 file that stays there: [fit()], [evaluate()] and [predict()] take it as `x` or
#' `y` (also in a list of inputs, and in `validation_data`), and read it block by block while the model
#' works, so that it need not fit into memory. Needs the package hdf5r.
#'
#' The axes are in the order of the file, as Python shows them (other R packages show them reversed): the
#' first one are the samples.
#'
#' In `fit()`, `shuffle = "batch"` reads the batches in random order, each of them in one piece, and is what
#' to use with such data. `shuffle = TRUE` mixes all rows, which have to be picked from all over the file:
#' this may be many times slower, above all with compressed data sets. `validation_split` takes the last rows.
#'
#' @param datapath Name of the file.
#' @param dataset Name of the data set, with the groups it is in: `"train/x"`. It must hold numbers or
#'   logicals.
#' @param start,end Which rows: from `start`, counted from 0, up to but without `end`. `NULL`: to the last.
#' @param normalizer An R function that gets a block of rows, as an array, and returns what to take instead,
#'   with as many rows.
#' @return An object with `dim()` and `length()` (the number of rows); `m[rows]` or `m[rows, ...]` reads rows,
#'   counted from 1, as an array. Its field `$shape` is the list of dimensions.
#' @section Errors:
#' A file or data set that isn't there or holds something else, and rows beyond its end
#' (`hornet_value_error`).
#' @family data sources
#' @examplesIf requireNamespace("hdf5r", quietly = TRUE)
#' path <- tempfile(fileext = ".h5")
#' file <- hdf5r::H5File$new(path, mode = "w")
#' file[["x"]] <- t(as.matrix(iris[1:4])) # axes are reversed in the file
#' file[["y"]] <- as.integer(iris$Species) - 1L
#' file$close_all()
#'
#' x <- hdf5_matrix(path, "x", normalizer = function(x) x / 8)
#' y <- hdf5_matrix(path, "y")
#' dim(x)
#' x[1:2, ]
#' model <- keras_model_sequential() %>%
#'   layer_dense(3, activation = "softmax", input_shape = 4)
#' model %>% compile("adam", "sparse_categorical_crossentropy")
#' model %>% fit(x, y, shuffle = "batch", validation_split = 0.1, epochs = 2, verbose = 0)
#' @export
hdf5_matrix <- function(datapath, dataset, start = 0, end = NULL, normalizer = NULL) {
  need_package("hdf5r", "hdf5_matrix()")
  if (!is.character(datapath) || length(datapath) != 1L || !file.exists(datapath) || dir.exists(datapath)) {
    abort(sprintf("`datapath`: there is no file %s.", describe(datapath)), "hornet_value_error")
  }
  if (!is.character(dataset) || length(dataset) != 1L || is.na(dataset)) {
    abort(sprintf("`dataset` must be the name of one data set, not %s.", describe(dataset)), "hornet_value_error")
  }
  if (!is.null(normalizer) && !is.function(normalizer)) {
    abort(sprintf("`normalizer` must be a function, not %s.", describe(normalizer)), "hornet_value_error")
  }
  data <- open_dataset(datapath, dataset)
  rows <- rev(as.numeric(data$dims))[[1L]]
  if (rows > .Machine$integer.max) {
    abort(sprintf("The %s has more than %d rows, which R can't count.", hdf5_name(datapath, dataset),
                  .Machine$integer.max), "hornet_value_error")
  }
  start <- int_from_zero(start, "start")
  end <- int_from_zero(end %||% rows, "end")
  if (start >= end || end > rows) {
    abort(sprintf("`start` and `end` must be rows of %s, from 0 to %.0f, not %d and %d.",
                  hdf5_name(datapath, dataset), rows, start, end), "hornet_value_error")
  }
  matrix <- new.env(parent = emptyenv())
  add_fields(matrix, list(datapath = datapath, dataset = dataset, start = start, end = end,
                          normalizer = normalizer, .data = data, .session = this_session(), .rank = length(data$dims)))
  first <- read_hdf5(matrix, 1L, 1L)
  matrix$.dim <- c(end - start, dim(first)[-1L])
  matrix$shape <- as.list(matrix$.dim)
  structure(matrix, class = c("keras_hdf5_matrix", "keras_rows_on_disk"))
}

hdf5_name <- function(path, dataset) sprintf('data set "%s" of %s', dataset, dQuote(path, FALSE))

# The opened data set; what the file says about it is not trusted.
open_dataset <- function(path, dataset) {
  name <- hdf5_name(path, dataset)
  file <- tryCatch(hdf5r::H5File$new(path, mode = "r"), error = function(e) {
    known <- file.exists(path)
    abort(sprintf("%s is %s.", dQuote(path, FALSE),
                  if (known) "not an HDF5 file, or is damaged or being written to" else "not there any more"),
          "hornet_value_error")
  })
  data <- tryCatch(file[[dataset]], error = function(e) NULL)
  if (!inherits(data, "H5D")) {
    # Not file$ls(), which may end R where a link leads nowhere.
    there <- tryCatch(names(file), error = function(e) character())
    abort(c(
      sprintf("There is no %s.", name),
      if (length(there)) sprintf("The file holds %s%s.", quoted(utils::head(there, 10L), "and"),
                                 if (length(there) > 10L) ", ..." else "")
    ), "hornet_value_error")
  }
  if (data$get_create_plist()$get_external_count() > 0L) {
    abort(sprintf("The %s keeps its values in other files, which are not read.", name), "hornet_value_error")
  }
  kind <- as.character(data$get_type()$get_class())
  if (!kind %in% c("H5T_INTEGER", "H5T_FLOAT", "H5T_ENUM") || length(data$dims) == 0L) {
    abort(sprintf("The %s must hold an array of numbers or logicals, not %s.", name,
                  if (length(data$dims) == 0L) "a single value" else tolower(sub("H5T_", "values of type ", kind))),
          "hornet_value_error")
  }
  data
}

# The opened data set of a matrix. What hdf5r knows it by means nothing, or another one, in another session than
# that in which it was opened.
dataset_of <- function(matrix) {
  if (!identical(matrix$.session, this_session())) {
    data <- open_dataset(matrix$datapath, matrix$dataset)
    rows <- rev(data$dims)[[1L]]
    if (length(data$dims) != matrix$.rank || rows < matrix$end) {
      abort(sprintf("The %s is not the one it was: it has the shape %s.", hdf5_name(matrix$datapath, matrix$dataset),
                    format_shape(rev(data$dims))), "hornet_data_error")
    }
    matrix$.data <- data
    matrix$.session <- this_session()
  }
  matrix$.data
}

this_session <- function() {
  .globals$session <- .globals$session %||% sprintf("%d %.6f", Sys.getpid(), as.numeric(Sys.time()))
  .globals$session
}

# Rows `from` to `to`, counted from 1, or those in the sorted vector `from`.
read_hdf5 <- function(matrix, from, to = NULL) {
  rows <- matrix$start + if (is.null(to)) from else seq.int(from, to)
  everything <- rep(list(quote(expr = )), matrix$.rank - 1L)
  data <- dataset_of(matrix)
  x <- tryCatch(
    data$read(args = c(everything, list(rows)), drop = FALSE),
    error = function(e) {
      abort(c(sprintf("Can't read rows %d to %d of %s.", min(rows), max(rows),
                      hdf5_name(matrix$datapath, matrix$dataset)), conditionMessage(e)), "hornet_data_error")
    }
  )
  if (inherits(x, "integer64") || is.factor(x)) x <- array(as.double(x), dim(x) %||% length(x))
  x <- if (matrix$.rank > 1L) aperm(x) else array(x, length(rows))
  if (is.null(matrix$normalizer)) return(x)
  normalized <- matrix$normalizer(x)
  if (!(is.numeric(normalized) || is.logical(normalized)) || NROW(normalized) != length(rows)) {
    abort(sprintf("`normalizer` must return an array of %d rows like its argument, not %s.", length(rows),
                  describe(normalized)), "hornet_shape_error")
  }
  if (is.null(dim(normalized))) array(normalized, length(normalized)) else normalized
}

#' @export
dim.keras_hdf5_matrix <- function(x) get(".dim", x)

#' @export
length.keras_hdf5_matrix <- function(x) dim(x)[[1L]]

#' @export
print.keras_hdf5_matrix <- function(x, ...) {
  cat(sprintf("<%s: array of shape %s>\n", hdf5_name(get("datapath", x), get("dataset", x)), format_shape(dim(x))))
  invisible(x)
}

#' @export
`[.keras_hdf5_matrix` <- function(x, i, ..., drop = FALSE) {
  rows <- if (missing(i)) seq_len(length(x)) else seq_len(length(x))[i]
  if (anyNA(rows)) {
    abort(sprintf("There are rows 1 to %d.", length(x)), "hornet_value_error")
  }
  sorted <- sort(unique(rows))
  if (length(sorted) == 0L) return(array(0, c(0L, dim(x)[-1L])))
  whole <- sorted[[length(sorted)]] - sorted[[1L]] + 1L == length(sorted)
  read <- if (whole) read_hdf5(x, sorted[[1L]], sorted[[length(sorted)]]) else read_hdf5(x, sorted)
  if (!identical(rows, sorted)) read <- take_rows(read, match(rows, sorted))
  others <- as.list(substitute(list(...)))[-1L]
  if (all(vapply(others, identical, NA, quote(expr = )))) return(if (drop) drop(read) else read)
  read[, ..., drop = drop]
}

# Runs -------------------------------------------------------------------------------------------

# Data that stay where they are until a run reads some of their rows.
on_disk <- function(x) inherits(x, "keras_rows_on_disk")

any_on_disk <- function(x) on_disk(x) || (is.list(x) && !is.data.frame(x) && any(vapply(x, on_disk, NA)))

# What as_dataset() gives where some of the data are on disk: arrays by port, read by rows.
rows_on_disk <- function(x, y, weights, spec, names) {
  inputs <- unname(pick_by_port(x, spec$inputs, names[[1L]]))
  targets <- if (spec$needs_targets) unname(pick_by_port(y, spec$targets, names[[2L]]))
  count <- NROW(inputs[[1L]])
  if (!is.null(targets)) weights <- as_sample_weights(weights, spec$targets, count, names[[3L]])
  data <- structure(list(inputs = inputs, targets = targets, weights = weights), class = "hornet_rows_on_disk")
  for (i in seq_along(c(inputs, targets))) {
    rows <- NROW(c(inputs, targets)[[i]])
    if (rows == count) next
    abort(sprintf("%s: expected %d rows, as in the first input, got %d.", spec$actor, count, rows),
          "hornet_shape_error")
  }
  # The first row stands for all: nothing has been printed yet.
  first <- read_rows(data, 1L)
  as_dataset(first[[1L]], first[[2L]], first[[3L]], spec, names)
  list(handle = data, rows = count)
}

read_rows <- function(data, rows) {
  take <- function(x) {
    if (is.null(x)) return(NULL)
    if (on_disk(x)) return(x[rows])
    if (inherits(x, "Matrix")) return(as.matrix(x[rows, , drop = FALSE]))
    if (is.data.frame(x)) return(x[rows, , drop = FALSE])
    if (is.factor(x)) return(x[rows])
    take_rows(x, rows)
  }
  list(lapply(data$inputs, take), lapply(data$targets, take), if (!is.null(data$weights)) lapply(data$weights, take))
}

# `rows`: those of the run (NULL: all), in blocks of whole batches. Shuffled, the rows of a block are
# read in the order of the file.
rows_on_disk_feed <- function(data, rows, count, spec, shuffle) {
  rows <- rows %||% seq_len(count)
  list(
    open = function(total, batch_size) {
      blocks <- block_reader(data, rows, batch_size, shuffle)
      if (shuffle != "none") blocks <- with_own_random_state(blocks)
      cpp_feeder_chunks(blocks, spec, list(batch_size = batch_size, buffer = 0, seed = 0, loop = TRUE), 2L, total)
    },
    samples = count,
    actor = spec$actor
  )
}

# A function that returns block after block, and NULL at the end of each pass.
block_reader <- function(data, rows, batch_size, shuffle) {
  count <- length(rows)
  size <- if (shuffle == "batch") batch_size else block_rows(data, batch_size)
  starts <- seq.int(1L, count, by = size)
  order <- NULL
  at <- 0L
  function() {
    if (at == 0L) {
      if (shuffle == "rows") rows <<- rows[sample.int(count)]
      order <<- if (shuffle == "batch") starts[sample.int(length(starts))] else starts
    }
    at <<- at + 1L
    if (at > length(order)) {
      at <<- 0L
      return(NULL)
    }
    block <- rows[seq.int(order[[at]], min(order[[at]] + size - 1L, count))]
    chunk <- read_rows(data, block)
    # Factors have been told about.
    chunk[1:2] <- lapply(chunk[1:2], lapply, function(x) if (is.factor(x)) as.integer(x) - 1L else x)
    chunk
  }
}

# As many whole batches as make some megabytes.
block_rows <- function(data, batch_size) {
  width <- function(x) if (is.null(dim(x))) 1 else prod(dim(x)[-1L])
  bytes <- 8 * sum(vapply(data$inputs, width, 0)) + 8 * sum(vapply(data$targets, width, 0))
  batch_size * max(1L, as.integer(min(4 * 2^20 / (bytes * batch_size), 1e6 / batch_size)))
}
