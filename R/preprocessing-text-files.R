# Tokenizers in files, as Keras's Tokenizer.to_json() writes them.

#' Saves a tokenizer, and reads it again
#'
#' The file is JSON as that of Keras's `Tokenizer.to_json()`: Python's
#' `tf.keras.preprocessing.text.tokenizer_from_json()` reads what is saved here, and files that Keras
#' made can be loaded. A file that exists is replaced at once or stays as it is.
#'
#' @param object A [text_tokenizer()].
#' @param filename The file.
#' @return `load_text_tokenizer()`: a tokenizer. `save_text_tokenizer()`: `object`, invisibly.
#' @section Errors:
#' Files that can't be written or read, and what is no tokenizer, name the file
#' (`hornet_value_error`). Files of R keras 2.1.5 are Python pickles, which only Python reads: the
#' error says how to convert them. Loading needs the package jsonlite.
#' @family text tokenization
#' @examplesIf requireNamespace("jsonlite", quietly = TRUE)
#' tokenizer <- text_tokenizer() %>% fit_text_tokenizer(c("one two", "two three"))
#' file <- tempfile(fileext = ".json")
#' save_text_tokenizer(tokenizer, file)
#' load_text_tokenizer(file)
#' @export
save_text_tokenizer <- function(object, filename) {
  check_tokenizer(object, "object")
  filename <- one_filename(filename)
  bytes <- charToRaw(tokenizer_json(object))
  written <- tempfile(".tokenizer", dirname(filename))
  on.exit(unlink(written))
  ok <- tryCatch({
    writeBin(bytes, written)
    file.size(written) == length(bytes) && file.rename(written, filename)
  }, error = function(e) FALSE, warning = function(w) FALSE)
  if (!ok) abort(sprintf("can't write the tokenizer to %s.", describe(filename)), "hornet_value_error")
  invisible(object)
}

#' @rdname save_text_tokenizer
#' @export
load_text_tokenizer <- function(filename) {
  filename <- one_filename(filename)
  need_package("jsonlite", "load_text_tokenizer()")
  bytes <- tryCatch(readBin(filename, "raw", file.size(filename)), error = function(e) NULL, warning = function(w) NULL)
  if (is.null(bytes)) abort(sprintf("can't read %s.", describe(filename)), "hornet_value_error")
  # Pickles begin with their version, or old ones with these letters.
  if (length(bytes) && bytes[[1L]] %in% c(as.raw(0x80), charToRaw("c("))) {
    abort(c(
      sprintf("%s is a Python pickle, as R keras wrote; only Python can read it.", describe(filename)),
      "Convert it with the Python packages that made it:",
      "  import pickle",
      sprintf("  tokenizer = pickle.load(open(%s, \"rb\"))", describe(filename)),
      "  open(\"tokenizer.json\", \"w\").write(tokenizer.to_json())"
    ), "hornet_value_error")
  }
  tryCatch(tokenizer_from_json(bytes), error = function(e) {
    abort(c(sprintf("%s is not a tokenizer, or damaged.", describe(filename)), conditionMessage(e)),
          "hornet_value_error", call = user_call())
  })
}

one_filename <- function(x) {
  if (is.character(x) && length(x) == 1L && !is.na(x) && nzchar(x)) return(path.expand(x))
  abort(sprintf("`filename` must be the name of one file, not %s.", describe(x)), "hornet_value_error")
}

# Written here, since jsonlite changes names that are empty or occur twice, and since Python's own
# escapes make a file that is read the same in any encoding.
tokenizer_json <- function(tokenizer) {
  string <- function(x) if (is.null(x)) "null" else cpp_text_json(x)
  number <- function(x) if (is.null(x)) "null" else sprintf("%.0f", x)
  flag <- function(x) if (x) "true" else "false"
  # Objects are written twice: they are strings in the file.
  table <- function(keys, values) string(json_object(string(keys), values))
  counts <- function(name) {
    x <- get_state(tokenizer, name)
    table(names(x), number(x))
  }
  docs <- get_state(tokenizer, "index_docs")
  words <- tokenizer$index_word
  config <- c(
    num_words = number(tokenizer$num_words),
    filters = string(tokenizer$filters),
    lower = flag(tokenizer$lower),
    split = string(tokenizer$split),
    char_level = flag(tokenizer$char_level),
    oov_token = string(tokenizer$oov_token),
    document_count = number(tokenizer$document_count),
    word_counts = counts("word_counts"),
    word_docs = counts("word_docs"),
    index_docs = table(number(docs$index), number(docs$count)),
    index_word = table(names(words), string(as.character(words))),
    word_index = counts("word_index")
  )
  json_object(c('"class_name"', '"config"'), c('"Tokenizer"', json_object(sprintf('"%s"', names(config)), config)))
}

# Of keys and values in JSON.
json_object <- function(keys, values) {
  if (length(keys) == 0L) return("{}")
  paste0("{", paste0(keys, ": ", values, collapse = ", "), "}")
}

tokenizer_from_json <- function(bytes) {
  parse <- function(text, what) {
    value <- jsonlite::parse_json(text, simplifyVector = FALSE)
    if (!is.list(value)) stop(sprintf("%s is not an object.", what), call. = FALSE)
    value
  }
  text <- rawToChar(bytes)
  Encoding(text) <- "UTF-8"
  if (!validUTF8(text)) stop("It is not UTF-8.", call. = FALSE)
  file <- parse(text, "It")
  if (!identical(file$class_name, "Tokenizer") || !is.list(file$config)) {
    stop('It has no "Tokenizer" with a "config".', call. = FALSE)
  }
  config <- file$config
  counts <- function(name) {
    if (!is.character(config[[name]])) stop(sprintf('"%s" is missing.', name), call. = FALSE)
    values <- parse(config[[name]], sprintf('"%s"', name))
    numbers <- unlist(values)
    if (length(numbers) != length(values) || !(is.numeric(numbers) || length(values) == 0L) || any(numbers < 0)) {
      stop(sprintf('"%s" must hold counts.', name), call. = FALSE)
    }
    structure(as_whole(as.numeric(numbers)), names = as.character(names(values)))
  }
  settings <- c("num_words", "filters", "lower", "split", "char_level", "oov_token")
  tokenizer <- do.call(text_tokenizer, config[intersect(settings, names(config))])
  tokenizer$word_index <- counts("word_index")
  tokenizer$document_count <- config$document_count
  docs <- counts("index_docs")
  index <- suppressWarnings(as.integer(names(docs)))
  if (anyNA(index) || any(index < 0L)) stop('"index_docs" must be named by indices.', call. = FALSE)
  set_state(tokenizer, word_counts = counts("word_counts"), word_docs = counts("word_docs"),
            index_docs = list(index = index, count = unname(docs)))
}
