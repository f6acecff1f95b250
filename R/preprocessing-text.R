# Words of a text, and numbers for them by hashing. Tokenizers are in preprocessing-text-tokenizer.R.

#' Splits a text into words
#'
#' The text is put in lower case, every character in `filters` is replaced by `split`, and what lies
#' between `split`s and isn't empty is a word.
#'
#' @param text One string, in any encoding.
#' @param filters Characters that are no part of words: one string, or a vector of characters. The
#'   default is punctuation, tabs and line feeds, but not `'`. `""` or `NULL`: none.
#' @param lower Put the text in lower case, as Python does: for all of Unicode 14, whatever the
#'   locale. A Greek sigma at the end of a word becomes the final one.
#' @param split Where words are split: one or more characters.
#'
#' @return A character vector of words.
#' @section Errors:
#' What is not one string, is `NA` or is not valid in its encoding (`hornet_value_error`).
#' @family text preprocessing
#' @examples
#' text_to_word_sequence("Don't panic: it's only a text!")
#' text_to_word_sequence("one||two|three", filters = "", split = "||")
#' @export
text_to_word_sequence <- function(text, filters = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n", lower = TRUE,
                                  split = " ") {
  cpp_text_words(as_text(text), word_rules(filters, lower, split))
}

#' Numbers for the words of a text, by hashing
#'
#' Each word becomes a number from 1 to `n - 1` that depends on nothing but the word, so no
#' vocabulary is needed. Different words may get the same number. 0 is no word's number.
#'
#' @inheritParams text_to_word_sequence
#' @param n Number of different numbers, 0 included: at least 2.
#' @param hash_function What makes a number of a word, which is then taken modulo `n - 1`, plus 1:
#'   `NULL`: the 64-bit FNV-1a hash of the word in UTF-8, the same in every session and on every
#'   machine (the default of Keras differs from session to session). `"md5"`: the same numbers as in
#'   Keras. Or an R function of one string that returns a whole number.
#'
#' @return An integer vector, one number a word. `text_one_hot()` is `text_hashing_trick()` with the
#'   default hash; despite its name it makes no indicator vectors.
#' @section Errors:
#' As for [text_to_word_sequence()]; and a `hash_function` that returns something else.
#' @family text preprocessing
#' @examples
#' text_hashing_trick("the cat sat on the mat", n = 100, hash_function = "md5")
#' text_one_hot("the cat sat on the mat", n = 100)
#' text_hashing_trick("the cat sat on the mat", n = 100, hash_function = nchar)
#' @export
text_hashing_trick <- function(text, n, hash_function = NULL,
                               filters = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n", lower = TRUE, split = " ") {
  n <- positive_int(n)
  if (n < 2L) abort("`n` must be at least 2: the numbers are 1 to `n` - 1.", "hornet_value_error")
  text <- as_text(text)
  rules <- word_rules(filters, lower, split)
  if (is.null(hash_function) || identical(hash_function, "md5")) {
    return(cpp_text_hashes(text, rules, n, !is.null(hash_function)))
  }
  if (!is.function(hash_function)) {
    abort(sprintf("`hash_function` must be NULL, \"md5\" or a function, not %s.", describe(hash_function)),
          "hornet_value_error")
  }
  hashes <- vapply(cpp_text_words(text, rules), hash_of, 0, hash_function = hash_function, USE.NAMES = FALSE)
  as.integer(hashes %% (n - 1L)) + 1L
}

#' @rdname text_hashing_trick
#' @export
text_one_hot <- function(text, n, filters = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n", lower = TRUE, split = " ") {
  text_hashing_trick(text, n, NULL, filters, lower, split)
}

hash_of <- function(word, hash_function) {
  hash <- hash_function(word)
  whole <- is.numeric(hash) && length(hash) == 1L && isTRUE(abs(hash) <= 2^53) && hash == trunc(hash)
  if (whole) return(as.numeric(hash))
  abort(sprintf("`hash_function` must return one whole number, not %s for %s.", describe(hash), describe(word)),
        "hornet_value_error")
}

as_text <- function(text) {
  if (is.factor(text)) text <- as.character(text)
  if (is.character(text) && length(text) == 1L) return(as_utf8(text))
  abort(sprintf("`text` must be one string, not %s.", describe(text)), "hornet_value_error")
}

# What the native side takes as rules for words.
word_rules <- function(filters, lower, split, char_level = FALSE) {
  list(filters = as_filters(filters), lower = as_flag(lower, "lower"),
       split = as_split(split, char_level), char_level = char_level)
}

as_filters <- function(filters) {
  if (is.null(filters)) return("")
  if (is.list(filters)) filters <- unlist(filters)
  if (is.character(filters) && !anyNA(filters)) return(utf8_string(paste(filters, collapse = ""), "filters"))
  abort(sprintf("`filters` must be a string of characters, not %s.", describe(filters)), "hornet_value_error")
}

as_split <- function(split, char_level) {
  if (is.character(split) && length(split) == 1L && !is.na(split) && (char_level || nzchar(split))) {
    return(utf8_string(split, "split"))
  }
  abort(c(sprintf("`split` must be a string of at least one character, not %s.", describe(split)),
          if (identical(split, "")) "For single characters, use a tokenizer with char_level = TRUE."),
        "hornet_value_error")
}

# Strings in UTF-8, with nothing but their text. Invalid ones stay as they are, for a message about them:
# enc2utf8() would put "<ff>" in place of a byte. Where undeclared strings are UTF-8, the native side checks.
as_utf8 <- function(x, utf8 = l10n_info()[["UTF-8"]]) {
  x <- as.vector(x)
  translated <- if (utf8) Encoding(x) == "latin1" else validEnc(x)
  if (any(translated)) x[translated] <- enc2utf8(x[translated])
  x
}

utf8_string <- function(x, what) {
  x <- as_utf8(x)
  if (validUTF8(x)) return(x)
  abort(sprintf("`%s` is not valid in its encoding.", what), "hornet_value_error")
}

# Texts as a character vector; documents that are tokens already as a list of character vectors.
as_documents <- function(x, what) {
  if (is.factor(x)) x <- as.character(x)
  if (is.character(x)) return(as_utf8(x))
  if (!is.list(x) || is.data.frame(x)) {
    abort(c(sprintf("`%s` must be texts (a character vector), a list of texts or of token vectors, not %s.", what,
                    describe(x)),
            if (is.data.frame(x)) "Take its column of texts."), "hornet_value_error")
  }
  if (length(x) && all(vapply(x, is_text, TRUE))) return(as_utf8(vapply(x, as.character, "", USE.NAMES = FALSE)))
  utf8 <- l10n_info()[["UTF-8"]]
  documents <- lapply(unname(x), function(tokens) {
    if (is.list(tokens) && all(vapply(tokens, is_text, TRUE))) tokens <- vapply(tokens, as.character, "")
    if (is.factor(tokens) || is.null(tokens) || (is.atomic(tokens) && all(is.na(tokens)))) {
      tokens <- as.character(tokens)
    }
    if (is.character(tokens)) as_utf8(tokens, utf8)
  })
  wrong <- which(vapply(documents, is.null, TRUE))
  if (length(wrong)) {
    abort(sprintf("`%s[[%d]]` must be a text or a vector of tokens, not %s.", what, wrong[[1L]],
                  describe(x[[wrong[[1L]]]])), "hornet_value_error")
  }
  documents
}

is_text <- function(x) length(x) == 1L && (is.character(x) || is.factor(x) || (is.logical(x) && is.na(x)))

# Calls `use` with documents: once, or again and again where a generator makes them.
with_documents <- function(x, what, use) {
  if (!is.function(x)) return(use(as_documents(x, what)))
  chunk <- 1000L
  before <- 0L
  repeat {
    items <- list()
    while (length(items) < chunk && !is.null(item <- x())) items[[length(items) + 1L]] <- item
    # A list of them would be read as a whole.
    kind <- vapply(items, is_text, TRUE)
    for (run in split(items, cumsum(c(1L, diff(kind) != 0))[seq_along(items)])) {
      documents <- as_documents(run, what)
      attr(documents, "before") <- before
      use(documents)
      before <- before + length(run)
    }
    if (length(items) < chunk) return(invisible())
  }
}
