# Where the rows of a table come from. A source is an environment with
#   name, names       what errors call it; its columns
#   columns           those that are used (set later)
#   categories        columns to be read as text (set later)
#   open()            begins a pass: list(next_rows, close); next_rows() gives a data frame or NULL
#   count()           the number of rows

table_source <- function(data, query, header, sep, chunk_size, arguments) {
  chunk_size <- if (!is.null(chunk_size)) positive_int(chunk_size, "chunk_size")
  if (is.null(query) && is.character(data) && length(data) == 1L && !is.na(data)) {
    return(csv_source(path.expand(data), header, sep, chunk_size %||% 2^20, arguments))
  }
  if (length(arguments)) {
    abort(sprintf("Further arguments are for files; generator_from_table() has none for other data that is called %s.",
                  quoted(names(arguments) %||% "", "or")), "hornet_value_error")
  }
  if (!is.null(query)) return(query_source(data, query, chunk_size %||% 10000L))
  if (is.data.frame(data)) return(frame_source(as.data.frame(data), chunk_size %||% 10000L))
  if (inherits(data, "DBIConnection") || is.function(data)) {
    abort("A database needs `query`: the SQL query whose result is the table.", "hornet_value_error")
  }
  abort(sprintf("`data` must be a data frame, the name of a file or a database connection with `query`, not %s.",
                describe(data)), "hornet_value_error")
}

new_source <- function(...) add_fields(new.env(parent = emptyenv()), list(columns = NULL, categories = NULL, ...))

# Data frames --------------------------------------------------------------------------------------

frame_source <- function(frame, chunk_size) {
  count <- nrow(frame)
  if (count == 0L) abort("`data` has no rows.", "hornet_data_error")
  source <- new_source(name = "`data`", names = names(frame), frame = frame, count = function() count)
  source$open <- function() {
    at <- 0L
    next_rows <- function() {
      if (at >= count) return(NULL)
      rows <- seq.int(at + 1L, min(at + chunk_size, count))
      at <<- at + length(rows)
      frame[rows, source$columns, drop = FALSE]
    }
    list(next_rows = next_rows, close = function() NULL)
  }
  source
}

# Queries ------------------------------------------------------------------------------------------

query_source <- function(data, query, chunk_size) {
  need_package("DBI", "generator_from_table() with a query")
  if (!is.character(query) || length(query) != 1L || is.na(query)) {
    abort(sprintf("`query` must be one SQL query, not %s.", describe(query)), "hornet_value_error")
  }
  if (!inherits(data, "DBIConnection") && !is.function(data)) {
    abort(sprintf("`data` must be a DBI connection or a function that opens one, not %s.", describe(data)),
          "hornet_value_error")
  }
  query <- sub(";[[:space:]]*$", "", query)
  connect <- if (is.function(data)) data else function() data
  disconnect <- function(connection) if (is.function(data)) DBI::dbDisconnect(connection)
  # Runs a query that has a result.
  result_of <- function(sql) {
    connection <- connect()
    if (!inherits(connection, "DBIConnection") || !is_valid(connection)) {
      abort("The database connection is closed, or is none.", "hornet_value_error")
    }
    result <- tryCatch(DBI::dbSendQuery(connection, sql), error = function(e) {
      disconnect(connection)
      abort(c("The query failed.", conditionMessage(e)), "hornet_data_error")
    })
    state <- new.env()
    state$close <- function() {
      if (is.null(result)) return(invisible())
      if (is_valid(result)) DBI::dbClearResult(result)
      disconnect(connection)
      result <<- NULL
    }
    # A run may be over before its pass is.
    reg.finalizer(state, function(state) try(state$close(), silent = TRUE))
    state$next_rows <- function() {
      frame <- tryCatch(DBI::dbFetch(result, n = chunk_size), error = function(e) {
        abort(c("The rows of the query can't be read.", conditionMessage(e),
                "If others use its connection, too, give each its own, or a function that opens one."),
              "hornet_data_error")
      })
      if (nrow(frame) == 0L) NULL else frame
    }
    state
  }
  source <- new_source(name = "The query", open = function() result_of(query))
  source$count <- function() {
    counting <- result_of(sprintf("select count(*) from (%s\n) as counted", query))
    on.exit(counting$close())
    as.numeric(counting$next_rows()[[1L]])
  }
  source$names <- names(first_rows(source))
  source
}

# Not all drivers tell.
is_valid <- function(x) tryCatch(DBI::dbIsValid(x), error = function(e) TRUE)

# Files --------------------------------------------------------------------------------------------

csv_source <- function(path, header, sep, block_bytes, arguments) {
  need_package("data.table", "generator_from_table() with a file")
  if (!file.exists(path) || dir.exists(path)) {
    abort(sprintf("`data`: there is no file %s.", dQuote(path, FALSE)), "hornet_value_error")
  }
  if (!is.character(sep) || length(sep) != 1L || nchar(sep, "bytes") != 1L) {
    abort(sprintf("`sep` must be one character, not %s.", describe(sep)), "hornet_value_error")
  }
  if (!isTRUE(header) && !(is.character(header) && length(header) > 0L)) {
    abort(sprintf("`header` must be TRUE or the names of the columns, not %s.", describe(header)), "hornet_value_error")
  }
  source <- new_source(name = basename(path))
  records <- function() record_reader(path, sep, block_bytes, source$name)
  read_header <- function(text) csv_header(text, sep, source$name, identical(arguments$encoding, "Latin-1"))
  source$names <- header
  if (isTRUE(header)) {
    text <- records()
    on.exit(text$close())
    source$names <- read_header(text)
  }
  source$count <- function() {
    text <- records()
    on.exit(text$close())
    total <- -isTRUE(header)
    while (!is.null(block <- text$next_block())) total <- total + block$records
    total
  }
  source$open <- function() {
    text <- records()
    if (isTRUE(header) && !identical(read_header(text), source$names)) {
      text$close()
      abort(c(sprintf("%s has other columns than when the generator was made.", source$name),
              "Make another generator for the new file."), "hornet_data_error")
    }
    row <- 0
    next_rows <- function() {
      block <- text$next_block()
      if (is.null(block)) return(NULL)
      frame <- parse_records(block, source, sep, row, arguments)
      row <<- row + block$records
      frame
    }
    list(next_rows = next_rows, close = text$close)
  }
  source
}

# list(next_block, close): next_block() gives complete records as list(bytes, records), at least one, or NULL.
# Compressed files are read as they are.
record_reader <- function(path, sep, block_bytes, name) {
  longest <- 2^26
  cannot_open <- function(e) {
    abort(sprintf("%s can't be opened any more: was it removed?", dQuote(path, FALSE)), "hornet_data_error")
  }
  connection <- tryCatch(gzfile(path, "rb"), error = cannot_open, warning = cannot_open)
  state <- new.env()
  state$close <- function() {
    if (!is.null(connection)) close(connection)
    connection <<- NULL
  }
  reg.finalizer(state, function(state) state$close())
  damaged <- function(e) abort(c(sprintf("%s can't be read.", name), conditionMessage(e)), "hornet_data_error")
  read <- function(bytes) tryCatch(readBin(connection, raw(), bytes), error = damaged, warning = damaged)
  rest <- read(3L)
  if (identical(rest, as.raw(c(0xef, 0xbb, 0xbf)))) rest <- raw()
  ended <- FALSE
  state$next_block <- function(at_most = 1e15) {
    repeat {
      found <- cpp_csv_records(rest, sep, "\"", at_most)
      if (found[[2L]] > 0 && (at_most == 1 || ended || length(rest) >= block_bytes)) break
      if (ended) {
        if (found[[1L]] == length(rest)) return(NULL)
        abort(sprintf("%s ends within a quoted field.", name), "hornet_data_error")
      }
      if (length(rest) > longest && found[[2L]] == 0) {
        abort(c(sprintf("%s has a record of more than %d MB.", name, longest / 2^20),
                "A quote that is opened and not closed may be the cause."), "hornet_data_error")
      }
      block <- read(block_bytes)
      ended <<- length(block) == 0L
      if (ended && length(rest) && rest[[length(rest)]] != as.raw(10L)) block <- as.raw(10L)
      rest <<- c(rest, block)
    }
    bytes <- cpp_bytes(rest, 0, found[[1L]])
    rest <<- cpp_bytes(rest, found[[1L]], length(rest) - found[[1L]])
    list(bytes = bytes, records = found[[2L]])
  }
  state
}

text_of <- function(bytes, name) {
  tryCatch(rawToChar(bytes), error = function(e) {
    abort(sprintf("%s is no text: it holds zero bytes.", name), "hornet_data_error")
  })
}

# The fields of one record, by the same rules as the records themselves.
split_record <- function(bytes, sep, name) {
  joined <- cpp_csv_join_lines(bytes, sep, "\"")
  fields <- quiet_fread(list(text = text_of(joined$bytes, name), header = FALSE, sep = sep, quote = "\"",
                             colClasses = "character", na.strings = NULL, strip.white = TRUE, data.table = FALSE))
  plain_text(unlist(fields$value[1L, ], use.names = FALSE), joined$joined > 0)
}

# list(value, problem): the first warning or error, if any. fread() must not be left by a jump out of it; what it
# says about an earlier call that was interrupted is no problem of this one.
quiet_fread <- function(settings) {
  problem <- NULL
  note <- function(message) if (is.null(problem)) problem <<- message
  value <- withCallingHandlers(
    tryCatch(do.call(data.table::fread, settings), error = function(e) {
      note(conditionMessage(e))
      NULL
    }),
    warning = function(w) {
      if (!startsWith(conditionMessage(w), "Previous fread() session")) note(conditionMessage(w))
      invokeRestart("muffleWarning")
    }
  )
  list(value = value, problem = problem)
}

csv_header <- function(text, sep, name, latin1) {
  block <- text$next_block(at_most = 1)
  if (is.null(block)) abort(sprintf("%s is empty.", name), "hornet_data_error")
  names <- trimws(split_record(block$bytes, sep, name))
  Encoding(names) <- if (latin1) "latin1" else "UTF-8"
  names
}

parse_records <- function(block, source, sep, row, arguments) {
  rows <- sprintf("%s, rows %s to %s", source$name, format_count(row + 1), format_count(row + block$records))
  fail <- function(problem) {
    abort(c(sprintf("%s: expected %d fields in each record.", rows, length(source$names)), problem),
          "hornet_data_error")
  }
  used <- match(source$columns %||% source$names, source$names)
  # Within a block fread() watches the number of fields.
  first <- cpp_bytes(block$bytes, 0, cpp_csv_records(block$bytes, sep, "\"", 1)[[1L]])
  fields <- length(split_record(first, sep, source$name))
  if (fields != length(source$names)) fail(sprintf("The first of these has %d.", fields))
  joined <- cpp_csv_join_lines(block$bytes, sep, "\"")
  settings <- list(
    text = text_of(joined$bytes, source$name), header = FALSE, sep = sep, quote = "\"", select = used,
    na.strings = c("NA", ""), colClasses = list(character = match(source$categories, source$names)),
    integer64 = "double", encoding = "UTF-8", showProgress = FALSE, data.table = FALSE,
    blank.lines.skip = TRUE, strip.white = TRUE
  )
  settings[names(arguments)] <- arguments
  read <- quiet_fread(settings)
  if (!is.null(read$problem)) fail(read$problem)
  frame <- read$value
  if (nrow(frame) != block$records) fail(sprintf("Only %d of them could be read.", nrow(frame)))
  names(frame) <- source$names[used]
  texts <- vapply(frame, is.character, NA)
  frame[texts] <- lapply(frame[texts], plain_text, joined$joined > 0)
  frame
}

# fread() leaves quotes doubled, and line ends as they were joined.
plain_text <- function(x, joined) {
  if (joined) x <- chartr("\x1e\x1d", "\n\r", x)
  quoted <- grep("\"\"", x, fixed = TRUE)
  x[quoted] <- gsub("\"\"", "\"", x[quoted], fixed = TRUE)
  x
}
