# Batches from tables: what the columns become. Where the rows come from is table-readers.R.

#' Batches from a table
#'
#' Makes batches of the rows of a data frame, of the result of a database query or of a CSV file that may
#' be larger than memory: rows are read some thousands at a time, on R's thread and ahead of the model,
#' and cut into batches natively. For [fit_generator()], [evaluate_generator()] and [predict_generator()].
#'
#' @section Columns:
#' Numbers and logicals (0 and 1) are taken as they are. Texts and factors become their place among
#' the column's levels, from 0: those of the factor, those given in `levels`, else the values in the data frame
#' or in the rows that are read first, sorted byte by byte. `$levels` of the result has them, to make the same
#' codes of other data. Dates, times and lists are refused: turn them into numbers, in the query if there is one.
#'
#' Targets that are texts or factors fit the loss `"sparse_categorical_crossentropy"`.
#'
#' @section Order and passes:
#' [fit_generator()] draws rows from a buffer of `shuffle` rows, which is filled up with the next ones, so that
#' a table sorted by class should not be much longer than that; everything else takes them in the order of the
#' table. Batches don't reach over the end of a pass: the last one of a pass may be smaller. Each run
#' begins with the first row; [generator_next()] goes on where it stopped.
#'
#' A query is sent again for each pass. While a run lasts it uses the connection, which most databases don't let
#' others use at the same time: give each generator its own, or a function that opens one (and that is
#' closed at the end of each pass). Some clients (RPostgreSQL) hold the whole result of a query in memory.
#'
#' @param data A data frame; the name of a CSV file, which may be compressed (needs the package data.table);
#'   a DBI connection, or a function that opens one, with `query`.
#' @param x A formula such as `price ~ age + species`, whose right side are the columns of one input (`.`:
#'   all others) and whose left side the target (`cbind(a, b)`: several columns). Or the names of the columns
#'   of the input; for several inputs a list of such names, in the model's order or named by input layers.
#' @param y The names of the target's columns; for several outputs a list of such names. `NULL`: no targets, for
#'   prediction.
#' @param weights The name of a column with sample weights.
#' @param query The SQL query whose result is the table.
#' @param batch_size Number of rows in a batch.
#' @param shuffle Number of rows from which training draws; `TRUE`: 10000; `FALSE` or 0: rows keep their order.
#' @param levels A named list of the levels of columns. Also makes levels of numbers.
#' @param unknown What to do with values that are not among the levels: `"error"`, or `"last"` for a code of
#'   their own behind all others.
#' @param na What to do with missing values: `"error"`; `"omit"` to leave out the rows; or a number to take
#'   instead in numeric columns of `x`.
#' @param loop Make passes without end? Else there is one.
#' @param header `TRUE`: the first record of a file has the names of its columns. Or these names.
#' @param sep The character between fields of a file.
#' @param chunk_size Number of rows, for files of bytes, that are read at a time. `NULL`: 10000 rows, 1 MB.
#' @param ... For files, further arguments of [data.table::fread()]: `dec`, `na.strings`.
#'
#' @return An iterator whose batches are `list(x, y)` or `list(x, y, weights)`, without targets `list(x)`. Its
#'   `length()` is the number of batches in a pass; for files and queries this counts the rows once, and with
#'   `na = "omit"` it is `NA` before the first pass is over. Fields: `$levels`, `$batch_size`, `$columns`.
#' @section Errors:
#' Missing and unknown values, text among numbers, and records with too many or too few fields name the row
#' (counted from 1, without the header) and the column.
#' @family data sources
#' @seealso [timeseries_generator()], [hdf5_matrix()]
#' @examples
#' batches <- generator_from_table(iris, Species ~ Sepal.Length + Petal.Length, batch_size = 30)
#' batches$levels
#' model <- keras_model_sequential() %>%
#'   layer_dense(3, activation = "softmax", input_shape = 2)
#' model %>% compile("adam", "sparse_categorical_crossentropy")
#' model %>% fit_generator(batches, epochs = 2, verbose = 0)
#'
#' if (requireNamespace("data.table", quietly = TRUE)) {
#'   path <- tempfile(fileext = ".csv")
#'   write.csv(iris, path, row.names = FALSE)
#'   from_file <- generator_from_table(path, Species ~ ., batch_size = 50)
#'   str(generator_next(from_file))
#' }
#'
#' if (requireNamespace("RSQLite", quietly = TRUE)) {
#'   connection <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
#'   DBI::dbWriteTable(connection, "cars", cars)
#'   query <- "select * from cars where speed > 5"
#'   from_query <- generator_from_table(connection, dist ~ speed, query = query)
#'   length(from_query)
#'   DBI::dbDisconnect(connection)
#' }
#' @export
generator_from_table <- function(data, x, y = NULL, weights = NULL, query = NULL, batch_size = 32, shuffle = 10000,
                                 levels = NULL, unknown = "error", na = "error", loop = TRUE, header = TRUE,
                                 sep = ",", chunk_size = NULL, ...) {
  batch_size <- positive_int(batch_size, "batch_size")
  source <- table_source(data, query, header, sep, chunk_size, list(...))
  groups <- column_groups(x, y, weights, source)
  columns <- unique(unlist(groups, use.names = FALSE))
  source$columns <- columns
  levels <- column_levels(first_rows(source), source, columns, levels)
  source$categories <- names(levels)
  # What readers know. It must not lead to the iterator, which holds a reader.
  table <- add_fields(new.env(parent = emptyenv()), list(
    source = source, groups = groups, columns = columns, levels = levels, rows = NULL,
    unknown = one_of(unknown, c("error", "last")), na = as_na_rule(na)
  ))
  iterator <- add_fields(new.env(parent = emptyenv()), list(
    batch_size = batch_size, shuffle = as_buffer(shuffle),
    loop = as_flag(loop, "loop"), columns = groups, levels = levels, .table = table, .place = 0
  ))
  structure(iterator, class = c("keras_table_generator", iterator_class))
}

# Rows to draw from; 0: none.
as_buffer <- function(shuffle) {
  if (isTRUE(shuffle)) return(10000L)
  if (isFALSE(shuffle)) return(0L)
  int_from_zero(shuffle, "shuffle")
}

as_na_rule <- function(na) {
  if (is.numeric(na) && length(na) == 1L && is.finite(na)) return(na)
  if (is.numeric(na)) abort(sprintf("`na` must be one number, not %s.", describe(na)), "hornet_value_error")
  one_of(na, c("error", "omit"))
}

# Columns ------------------------------------------------------------------------------------------

# list(inputs, targets, weights): names of columns, a vector for each array.
column_groups <- function(x, y, weights, source) {
  if (inherits(x, "formula")) {
    if (!is.null(y)) abort("`y` is the left side of the formula; it can't be given twice.", "hornet_value_error")
    y <- if (length(x) == 3L) formula_columns(x[[2L]], source$names)
    x <- formula_columns(x[[length(x)]], setdiff(source$names, c(y, weights)))
  }
  groups <- list(inputs = as_column_list(x, "x"), targets = if (!is.null(y)) as_column_list(y, "y"), weights = weights)
  if (!is.null(weights) && is.null(y)) abort("`weights` are those of targets: give `y`, too.", "hornet_value_error")
  if (!is.null(weights) && (!is.character(weights) || length(weights) != 1L)) {
    abort(sprintf("`weights` must be the name of one column, not %s.", describe(weights)), "hornet_value_error")
  }
  missing <- setdiff(unlist(groups), source$names)
  if (length(missing)) {
    abort(sprintf("%s has no column %s; its columns are %s.", source$name, quoted(missing, "and"),
                  quoted(source$names, "and")), "hornet_value_error")
  }
  twice <- intersect(unlist(groups), source$names[duplicated(source$names)])
  if (length(twice)) {
    abort(sprintf("%s has several columns %s; give them different names.", source$name, quoted(twice, "and")),
          "hornet_value_error")
  }
  groups
}

as_column_list <- function(names, what) {
  columns <- if (is.list(names)) names else list(names)
  fine <- vapply(columns, function(group) is.character(group) && length(group) > 0L, NA)
  if (length(columns) == 0L || !all(fine)) {
    abort(sprintf("`%s` must be a formula, names of columns or a list of such names, not %s.", what, describe(names)),
          "hornet_value_error")
  }
  columns
}

# a + b + `c d`, cbind(a, b) and . (all of `others`).
formula_columns <- function(side, others) {
  # Long sums are nested too deeply for a function that calls itself.
  terms <- list()
  while (is.call(side) && identical(side[[1L]], quote(`+`)) && length(side) == 3L) {
    terms <- c(side[[3L]], terms)
    side <- side[[2L]]
  }
  if (length(terms)) return(unique(unlist(lapply(c(side, terms), formula_columns, others))))
  if (identical(side, quote(.))) return(others)
  if (is.symbol(side)) return(as.character(side))
  if (is.call(side) && as.character(side[[1L]])[[1L]] %in% c("cbind", "(")) {
    return(unique(unlist(lapply(as.list(side)[-1L], formula_columns, others))))
  }
  abort(c(
    sprintf("A formula for a table has names of columns, +, cbind() and ., not %s.", deparse1(side)),
    "Compute other columns before, in the query or the data frame."
  ), "hornet_value_error")
}

# The levels of those columns that have any.
column_levels <- function(frame, source, columns, given) {
  if (!is.null(given) && (!is.list(given) || is.null(names(given)))) {
    abort(sprintf("`levels` must be a named list, one element a column, not %s.", describe(given)),
          "hornet_value_error")
  }
  unknown <- setdiff(names(given), columns)
  if (length(unknown)) {
    abort(sprintf("`levels` names %s, which is no column that is used; these are %s.", quoted(unknown, "and"),
                  quoted(columns, "and")), "hornet_value_error")
  }
  levels <- list()
  found <- as.list(frame)[columns]
  for (i in seq_along(columns)) {
    name <- columns[[i]]
    x <- found[[i]]
    check_column_type(x, name, source)
    if (!is.null(given[[name]])) levels[[name]] <- as.character(given[[name]])
    else if (is.factor(x)) levels[[name]] <- base::levels(x)
    else if (is.character(x)) levels[[name]] <- levels_of_texts(x, name, source)
  }
  levels
}

levels_of_texts <- function(x, name, source) {
  values <- sort(unique(x[!is.na(x)]), method = "radix")
  numbers <- !is.na(suppressWarnings(as.numeric(values)))
  if (all(numbers) || mean(numbers) <= 0.5) return(values)
  text <- values[!numbers][[1L]]
  abort(c(
    sprintf('%s, row %s: column "%s" has numbers, and also "%s".', source$name, format_count(match(text, x)), name,
            text),
    "Is it a missing value (`na.strings` for files)? If the column holds texts, give `levels` for it."
  ), "hornet_data_error")
}

check_column_type <- function(x, name, source) {
  plain <- is.null(dim(x)) && (is.factor(x) || inherits(x, "integer64") || !is.object(x)) &&
    (is.numeric(x) || is.logical(x) || is.character(x) || is.factor(x))
  if (plain) return(invisible())
  what <- if (is.list(x)) "a list" else if (is.object(x)) sprintf("of class %s", class(x)[[1L]]) else typeof(x)
  abort(c(
    sprintf('%s: column "%s" is %s; only numbers, logicals, texts and factors can be taken.', source$name, name, what),
    "Dates and times must be turned into numbers first."
  ), "hornet_value_error")
}

# Numbers: what is there, or codes from 0. Missing values stay missing.
column_values <- function(x, name, table, offset) {
  source <- table$source
  check_column_type(x, name, source)
  levels <- table$levels[[name]]
  if (is.null(levels)) return(number_values(x, name, source, offset))
  codes <- if (is.factor(x)) match(base::levels(x), levels)[as.integer(x)] else match(as.character(x), levels)
  new <- is.na(codes) & !is.na(x)
  if (any(new) && table$unknown == "error") {
    row <- which(new)[[1L]]
    abort(c(
      sprintf('%s, row %s: column "%s" has the unknown value "%s".', source$name, format_count(offset + row), name,
              as.character(x[[row]])),
      sprintf('Its levels are %s%s; give all in `levels`, or set unknown = "last".',
              quoted(utils::head(levels, 10L), "and"), if (length(levels) > 10L) ", ..." else "")
    ), "hornet_data_error")
  }
  codes[new] <- length(levels) + 1L
  codes - 1L
}

number_values <- function(x, name, source, offset) {
  if (inherits(x, "integer64")) return(as.double(x))
  if (is.numeric(x) || is.logical(x)) return(x)
  numbers <- suppressWarnings(as.numeric(as.character(x)))
  bad <- which(is.na(numbers) & !is.na(x))
  if (length(bad)) {
    abort(c(
      sprintf('%s, row %s: column "%s" has "%s", which is not a number.', source$name,
              format_count(offset + bad[[1L]]), name, as.character(x[[bad[[1L]]]])),
      "It had numbers at first. If it holds texts, give `levels` for it."
    ), "hornet_data_error")
  }
  numbers
}

# A chunk of rows as list(inputs, targets, weights), each array a data frame of numbers.
table_arrays <- function(frame, table, offset) {
  values <- Map(function(x, name) column_values(x, name, table, offset), as.list(frame)[table$columns], table$columns)
  values <- settle_missing(values, table, offset)
  rows <- length(values[[1L]])
  as_frame <- function(names) structure(values[names], class = "data.frame", row.names = .set_row_names(rows))
  groups <- table$groups
  drop_nulls(list(
    inputs = lapply(groups$inputs, as_frame),
    targets = if (!is.null(groups$targets)) lapply(groups$targets, as_frame),
    weights = if (!is.null(groups$weights)) rep(list(values[[groups$weights]]), length(groups$targets))
  ))
}

settle_missing <- function(values, table, offset) {
  rule <- table$na
  if (is.numeric(rule)) {
    fill <- setdiff(unlist(table$groups$inputs), names(table$levels))
    values[fill] <- lapply(values[fill], function(x) {
      if (anyNA(x)) x[is.na(x)] <- rule
      x
    })
  }
  gaps <- values[vapply(values, anyNA, NA)]
  if (length(gaps) == 0L) return(values)
  if (identical(rule, "omit")) {
    kept <- !Reduce(`|`, lapply(gaps, is.na))
    return(lapply(values, `[`, kept))
  }
  rows <- vapply(gaps, function(x) which(is.na(x))[[1L]], 0L)
  abort(c(
    sprintf('%s, row %s: column "%s" has no value.', table$source$name, format_count(offset + min(rows)),
            names(gaps)[[which.min(rows)]]),
    'na = "omit" leaves out such rows; a number is taken instead in numeric columns of `x`.'
  ), "hornet_data_error")
}

# The iterator -------------------------------------------------------------------------------------

# list(read, close): a function that reads chunk after chunk, NULL being the end of a pass.
chunk_reader <- function(table) {
  pass <- NULL
  offset <- kept <- 0
  close <- function() {
    if (!is.null(pass)) pass$close()
    pass <<- NULL
  }
  read <- function() {
    if (is.null(pass)) {
      pass <<- table$source$open()
      offset <<- kept <<- 0
    }
    frame <- pass$next_rows()
    if (is.null(frame)) {
      close()
      table$rows <- kept
      return(NULL)
    }
    arrays <- table_arrays(frame, table, offset)
    offset <<- offset + nrow(frame)
    kept <<- kept + nrow(arrays$inputs[[1L]])
    arrays
  }
  list(read = read, close = close)
}

first_rows <- function(source) {
  if (is.data.frame(source$frame)) return(source$frame)
  pass <- source$open()
  on.exit(pass$close())
  frame <- pass$next_rows()
  if (is.null(frame)) abort(sprintf("%s has no rows.", source$name), "hornet_data_error")
  frame
}

chunk_options <- function(iterator, buffer) {
  list(batch_size = iterator$batch_size, buffer = buffer, seed = if (buffer > 1) random_start() else 0,
       loop = iterator$loop)
}

iterator_feeder.keras_table_generator <- function(iterator, spec, queue_size, total, shuffle_batches) {
  if (spec$needs_targets && is.null(iterator$columns$targets)) {
    abort("The table generator has no targets: `y`, or the left side of its formula.", "hornet_value_error")
  }
  rows <- chunk_reader(iterator$.table)
  feeder <- cpp_feeder_chunks(rows$read, spec, chunk_options(iterator, if (shuffle_batches) iterator$shuffle else 0),
                              queue_size, total)
  closing(feeder, rows$close)
}

# For generator_next(): list(handle, slot, read). Native code keeps what calls the function in the slot,
# where it is only while it is called: else whatever leads back to the iterator would never be collected.
table_reader <- function(table, options) {
  rows <- chunk_reader(table)
  port <- function(...) list(name = "table", dim = -1)
  groups <- table$groups
  spec <- list(inputs = lapply(groups$inputs, port), targets = lapply(groups$targets, port),
               needs_targets = !is.null(groups$targets), actor = table$source$name)
  read <- function() {
    arrays <- rows$read()
    if (is.null(arrays)) return(NULL)
    list(unname(arrays$inputs), unname(arrays$targets), arrays$weights)
  }
  slot <- new.env(parent = emptyenv())
  list(handle = cpp_chunk_reader(call_in_slot(slot), spec, options), slot = slot, read = read)
}

call_in_slot <- function(slot) {
  force(slot)
  function() slot$call()
}

next_batch.keras_table_generator <- function(iterator) {
  if (is.null(iterator$.reader)) iterator$.reader <- table_reader(iterator$.table, chunk_options(iterator, 0))
  reader <- iterator$.reader
  reader$slot$call <- reader$read
  on.exit(reader$slot$call <- NULL)
  batch <- tryCatch(cpp_reader_next(reader$handle, iterator$.skip %||% 0), error = function(e) {
    iterator$.reader <- NULL # the next call begins again
    stop(e)
  })
  iterator$.skip <- NULL
  if (is.null(batch)) return(NULL)
  iterator$.place <- batch$place
  named <- function(arrays, group) {
    names(arrays) <- names(group)
    if (is.null(names(group))) unwrap_single(arrays) else arrays
  }
  drop_nulls(list(
    named(batch$inputs, iterator$columns$inputs),
    if (length(batch$targets)) named(batch$targets, iterator$columns$targets),
    if (length(batch$weights)) as.vector(batch$weights[[1L]])
  ))
}

input_shapes.keras_table_generator <- function(iterator) lapply(unname(iterator$columns$inputs), length)

#' @export
length.keras_table_generator <- function(x) {
  table <- x$.table
  if (is.null(table$rows) && !identical(table$na, "omit")) table$rows <- table$source$count()
  if (is.null(table$rows)) return(NA_integer_)
  as.integer(ceiling(table$rows / x$batch_size))
}

#' @export
print.keras_table_generator <- function(x, ...) {
  cat(sprintf("<table generator: %s, columns %s in batches of %d>\n", x$.table$source$name,
              paste(x$.table$columns, collapse = ", "), x$batch_size))
  invisible(x)
}

get_position.keras_table_generator <- function(iterator) list(place = iterator$.place)

# Rows before the place are read again, and left out.
set_position.keras_table_generator <- function(iterator, position) {
  iterator$.reader <- NULL
  iterator$.place <- position$place
  iterator$.skip <- position$place
  invisible(iterator)
}
