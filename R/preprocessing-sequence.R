# Sequences: windows over time series, skip-grams.

#' Windows over a time series
#'
#' Makes samples of stretches of a series, in batches without end: a sample is the `length` rows before
#' a row, its target the row's own. The series is kept once; each batch is cut out of it natively while
#' the model trains. For [fit_generator()], [evaluate_generator()] and [predict_generator()].
#'
#' Times count from 0, as in Keras. Row `start_index + length` is the first target and row `end_index`
#' may be the last one, so that by default the last row, which is row `n - 1`, is a target, too.
#' [fit_generator()] takes the batches of each pass in random order; evaluation, prediction and
#' [generator_next()] take them in the order of time, and the last batch of a pass may be smaller. What
#' is random follows from R's [set.seed()].
#'
#' @param data The series: a vector, a matrix with one row for each time, or an array whose first axis
#'   is the time. Data frames of numbers are taken as matrices.
#' @param targets What belongs to each time: a vector, matrix or array with as many rows. A factor
#'   counts as classes from 0.
#' @param length Number of rows that a window spans.
#' @param sampling_rate Take every so-manieth row of a window, from its first: a sample has
#'   `ceiling(length / sampling_rate)` steps.
#' @param stride Number of rows from one target to the next.
#' @param start_index,end_index Rows before and after these are in no window and are no target; to keep
#'   parts of a series for validation. `NULL`: to the last row.
#' @param shuffle Draw the targets of each batch at random, with replacement, instead. All batches are
#'   full then, and `stride` only decides how many there are in a pass.
#' @param reverse Turn the steps of each sample round: the latest comes first.
#' @param batch_size Number of samples in a batch.
#'
#' @return An iterator whose batches are `list(x, y)`: `x` of shape `(samples, steps, ...)` with the
#'   further axes of `data` (a vector has none) and `y` of shape `(samples, ...)`. Its `length()` is the
#'   number of batches in a pass. Its fields are the arguments, `$start_index` being the first target;
#'   `$get_item(i)` gives batch `i` of a pass, counted from 0.
#' @section Errors:
#' Arguments that leave no window, and data and targets of different lengths
#' (`hornet_value_error`, `hornet_shape_error`).
#' @family sequence preprocessing
#' @examples
#' series <- sin(seq(0, 20, by = 0.1))
#' batches <- timeseries_generator(series, series, length = 10, batch_size = 32)
#' str(generator_next(batches))
#'
#' # Two variables, every second row of the last ten, rows from 150 on kept for validation.
#' both <- cbind(series, rev(series))
#' train <- timeseries_generator(both, series, length = 10, sampling_rate = 2, end_index = 149)
#' test <- timeseries_generator(both, series, length = 10, sampling_rate = 2, start_index = 150)
#' model <- keras_model_sequential() %>%
#'   layer_flatten(input_shape = c(5, 2)) %>%
#'   layer_dense(1)
#' model %>% compile("adam", "mse")
#' model %>% fit_generator(train, epochs = 2, validation_data = test, verbose = 0)
#' @export
timeseries_generator <- function(data, targets, length, sampling_rate = 1, stride = 1, start_index = 0,
                                 end_index = NULL, shuffle = FALSE, reverse = FALSE,
                                 batch_size = 128) {
  data <- as_series(data, "data")
  targets <- as_series(targets, "targets")
  n <- NROW(data)
  if (NROW(targets) != n) {
    abort(sprintf("`data` and `targets` must have as many rows, not %d and %d.", n, NROW(targets)),
          "hornet_shape_error")
  }
  length <- positive_int(length, "length")
  first <- int_from_zero(start_index, "start_index") + as.numeric(length)
  last <- int_from_zero(end_index %||% (n - 1), "end_index")
  if (last > n - 1L) {
    abort(sprintf("`end_index` must be at most %d, the last of the %d rows counted from 0, not %d.",
                  n - 1L, n, last), "hornet_value_error")
  }
  if (first > last) {
    abort(c(
      sprintf("No row is left as a target: the first would be row start_index + length = %.0f, the last is row %d.",
              first, last),
      sprintf("There are %d rows, counted from 0.", n)
    ), "hornet_value_error")
  }
  windows <- list(
    length = length, sampling_rate = positive_int(sampling_rate, "sampling_rate"),
    stride = positive_int(stride, "stride"), first = first, last = last,
    batch_size = positive_int(batch_size, "batch_size"), reverse = as_flag(reverse, "reverse"),
    random = as_flag(shuffle, "shuffle")
  )
  iterator <- new.env(parent = emptyenv())
  add_fields(iterator, list(
    data = data, targets = targets, length = length, sampling_rate = windows$sampling_rate,
    stride = windows$stride, start_index = as.integer(first), end_index = last, shuffle = shuffle,
    reverse = reverse, batch_size = windows$batch_size,
    .series = cpp_dataset(list(data), list(targets), NULL), .windows = windows,
    .seed = if (windows$random) random_start() else 0, .given = 0
  ))
  iterator$get_item <- function(i) {
    i <- int_from_zero(i, "i")
    if (i >= length(iterator)) {
      abort(sprintf("`i` must be at most %d, not %d: there are %d batches, counted from 0.",
                    length(iterator) - 1L, i, length(iterator)), "hornet_value_error")
    }
    window_batch(iterator, i)
  }
  structure(iterator, class = c("keras_timeseries_generator", iterator_class))
}

# Numbers with a row for each time; of the attributes only the dimensions.
as_series <- function(x, what) {
  x <- as_plain_array(x, what)
  if (length(setdiff(names(attributes(x)), "dim")) == 0L) return(x)
  if (is.null(dim(x))) as.vector(x) else array(as.vector(x), dim(x))
}

#' @export
length.keras_timeseries_generator <- function(x) {
  windows <- get(".windows", x)
  as.integer((windows$last - windows$first) %/% (as.numeric(windows$batch_size) * windows$stride) + 1)
}

#' @export
print.keras_timeseries_generator <- function(x, ...) {
  cat(sprintf("<time series generator: windows of shape %s in %s batches of %d>\n",
              format_shape(input_shapes(x)[[1L]]), format_count(length(x)), get("batch_size", x)))
  invisible(x)
}

window_batch <- function(iterator, number) {
  cpp_window_batch(iterator$.series, iterator$.windows, iterator$.seed, number)
}

next_batch.keras_timeseries_generator <- function(iterator) {
  batch <- window_batch(iterator, iterator$.given)
  iterator$.given <- iterator$.given + 1
  batch
}

iterator_feeder.keras_timeseries_generator <- function(iterator, spec, queue_size, total, shuffle_batches) {
  random <- shuffle_batches || iterator$shuffle
  source <- cpp_window_source(iterator$.series, iterator$.windows, shuffle_batches,
                              if (random) random_start() else 0, spec$needs_targets)
  cpp_feeder_source(source, spec, queue_size, total)
}

input_shapes.keras_timeseries_generator <- function(iterator) {
  windows <- iterator$.windows
  list(c(as.integer(ceiling(windows$length / windows$sampling_rate)), dim(iterator$data)[-1L]))
}

get_position.keras_timeseries_generator <- function(iterator) {
  list(given = iterator$.given, seed = iterator$.seed)
}

set_position.keras_timeseries_generator <- function(iterator, position) {
  iterator$.given <- position$given
  iterator$.seed <- position$seed
  invisible(iterator)
}

#' Pairs of words that occur together
#'
#' Makes pairs of a word and each word around it (label 1), and pairs of a word and a random one
#' (label 0): what word embeddings are trained on.
#'
#' @param sequence Words as ids from 1: a vector or list of whole numbers. 0 is no word and left out.
#' @param vocabulary_size The largest id, plus 1. Random words are 1 to `vocabulary_size - 1`.
#' @param window_size Number of places to either side that count as around a word.
#' @param negative_samples Number of random pairs, as a multiple of the others; 0: none.
#' @param shuffle Bring the pairs in random order? Else the random ones come last.
#' @param categorical Labels as indicators, `c(0, 1)` and `c(1, 0)`, instead of 1 and 0?
#' @param sampling_table Chance of each word to be kept as the first of pairs, for ids from 0: see
#'   [make_sampling_table()]. `NULL`: all are kept.
#' @param seed A number from which everything random follows; `NULL`: R's [set.seed()] decides.
#' @return Invisibly, `list(couples, labels)`: a list of pairs of whole numbers, and an integer vector (with
#'   `categorical` a list of integer vectors).
#' @section Errors:
#' Words that aren't whole numbers of at least 0, or are not in the sampling table
#' (`hornet_value_error`).
#' @family sequence preprocessing
#' @examples
#' grams <- skipgrams(c(5, 2, 0, 7), vocabulary_size = 10, window_size = 1, seed = 1)
#' do.call(rbind, grams$couples)
#' grams$labels
#' @export
skipgrams <- function(sequence, vocabulary_size, window_size = 4, negative_samples = 1, shuffle = TRUE,
                      categorical = FALSE, sampling_table = NULL, seed = NULL) {
  sequence <- as_int(sequence, "sequence")
  if (any(sequence < 0L)) {
    abort(sprintf("`sequence` must hold ids from 0, got %d in place %d.", min(sequence), which.min(sequence)),
          "hornet_value_error")
  }
  vocabulary_size <- positive_int(vocabulary_size)
  check_not_negative(negative_samples, "negative_samples")
  if (negative_samples < 0) {
    abort(sprintf("`negative_samples` must be at least 0, not %s.", describe(negative_samples)), "hornet_value_error")
  }
  if (negative_samples > 0 && vocabulary_size < 2L) {
    abort("`vocabulary_size` must be at least 2: random words are 1 to `vocabulary_size - 1`.", "hornet_value_error")
  }
  grams <- cpp_skipgrams(sequence, vocabulary_size, int_from_zero(window_size, "window_size"), negative_samples,
                         as_flag(shuffle, "shuffle"), as_sampling_table(sampling_table),
                         as_seed(seed) %||% random_start())
  if (as_flag(categorical, "categorical")) grams$labels <- list(c(1L, 0L), c(0L, 1L))[grams$labels + 1L]
  invisible(grams)
}

as_sampling_table <- function(table) {
  if (is.null(table)) return(NULL)
  if (!is.numeric(table) || anyNA(table)) {
    abort(sprintf("`sampling_table` must be a vector of numbers, not %s.", describe(table)), "hornet_value_error")
  }
  as.double(table)
}

#' Chances to keep words, by how frequent they are
#'
#' The chance of a word to be used by [skipgrams()], for words numbered by their frequency: common words
#' are taken less often than they occur. Frequencies are assumed to follow Zipf's law.
#'
#' @param size Number of words, 0 (which is no word) included.
#' @param sampling_factor How often words are taken: with smaller numbers, common ones are taken less often.
#' @return A vector of `size` numbers between 0 and 1, for words 0 to `size - 1`.
#' @family sequence preprocessing
#' @examples
#' make_sampling_table(10, sampling_factor = 0.01)
#' @export
make_sampling_table <- function(size, sampling_factor = 1e-05) {
  check_not_negative(sampling_factor, "sampling_factor")
  rank <- pmax(seq_len(positive_int(size)) - 1, 1)
  inverse_frequency <- rank * (log(rank) + 0.577) + 0.5 - 1 / (12 * rank)
  pmin(1, sqrt(sampling_factor * inverse_frequency))
}
