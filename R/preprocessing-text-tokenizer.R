# Tokenizers: environments, since fitting changes them in place. What they know is in plain vectors
# named by words; `$` shows them as the lists that Keras has.

#' A tokenizer
#'
#' Makes numbers of texts: each word has an index, 1 for the most frequent. First
#' [fit_text_tokenizer()] learns the words of texts, then [texts_to_sequences()] and
#' [texts_to_matrix()] turn texts into sequences of indices or matrices. 0 is no word's index, so
#' that [pad_sequences()] can use it.
#'
#' A word's index is its rank by number of occurrences, and among equals by first appearance. With an
#' `oov_token`, that token has index 1 and words begin at 2, as in keras_preprocessing 1.1; Keras 2.1.5 put it
#' last.
#'
#' A tokenizer is an object with reference semantics: copies are the same tokenizer. `saveRDS()` keeps
#' it whole; [save_text_tokenizer()] writes a file that Keras reads, too.
#'
#' @inheritParams text_to_word_sequence
#' @param num_words Keep only words with an index below this: the `num_words - 1` most frequent ones
#'   (`oov_token` included). `NULL`: all. It may be changed later.
#' @param lower Put texts (and tokens) in lower case, as Python does: for all of Unicode 14, whatever
#'   the locale. A Greek sigma at the end of a word becomes the final one.
#' @param char_level Take every character as a word. Nothing is filtered then.
#' @param oov_token What stands for words without an index, or with one not below `num_words`. `NULL`:
#'   they are left out.
#'
#' @return A tokenizer with the fields
#' * `num_words`, `filters`, `lower`, `split`, `char_level`, `oov_token`: its arguments, which may be
#'   assigned;
#' * `word_index`: a named list of the index of each word, in the order of the indices; may be assigned
#'   to use a vocabulary of your own. `index_word` is the reverse, named by the indices;
#' * `word_counts`, `word_docs`: named lists of how often each word occurred and in how many texts, in
#'   order of first appearance; `index_docs`: the latter by index;
#' * `document_count`: number of texts it was fitted to.
#' @section Errors:
#' Arguments of other kinds (`hornet_value_error`).
#' @family text tokenization
#' @examples
#' tokenizer <- text_tokenizer(num_words = 5, oov_token = "?")
#' tokenizer %>% fit_text_tokenizer(c("The cat sat on the mat.", "The dog ate my mat!"))
#' tokenizer
#' unlist(tokenizer$word_index)
#' texts_to_sequences(tokenizer, c("the dog sat on the cat", "my mat"))
#' @export
text_tokenizer <- function(num_words = NULL, filters = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n", lower = TRUE,
                           split = " ", char_level = FALSE, oov_token = NULL) {
  tokenizer <- structure(new.env(parent = emptyenv()),
                         class = c("keras_text_tokenizer", "keras.preprocessing.text.Tokenizer"))
  tokenizer$char_level <- char_level
  tokenizer$num_words <- num_words
  tokenizer$filters <- filters
  tokenizer$lower <- lower
  tokenizer$split <- split
  tokenizer$oov_token <- oov_token
  tokenizer$document_count <- 0L
  none <- structure(integer(), names = character())
  set_state(tokenizer, word_counts = none, word_docs = none, word_index = none,
            index_docs = list(index = integer(), count = integer()))
}

#' Learns the words of texts
#'
#' Counts words and gives them indices. Fitting again adds to the counts, and indices change.
#'
#' @param object A [text_tokenizer()]. It is changed in place.
#' @param x Texts: a character vector or a list of strings; documents that are split already: a list
#'   of character vectors (or lists of strings), in which case every element of it is tokens; or a
#'   function without arguments that returns one text, or the tokens of one, at a time, and at the
#'   end `NULL`. (One token alone is `list("token")`.)
#'
#'   Or a list of sequences, numeric vectors of word indices: then only documents are counted, for
#'   [sequences_to_matrix()] with `mode = "tfidf"`.
#' @return `object`, invisibly.
#' @section Errors:
#' Texts that are `NA` or not valid in their encoding name their place, and leave the tokenizer as it
#' was (`hornet_value_error`).
#' @family text tokenization
#' @examples
#' tokenizer <- text_tokenizer()
#' tokenizer %>% fit_text_tokenizer(c("one two", "two three"))
#' str(tokenizer$word_counts)
#' tokenizer %>% fit_text_tokenizer(list(c("two", "three"), c("three", "four")))
#' str(tokenizer$word_index)
#' @export
fit_text_tokenizer <- function(object, x) {
  check_tokenizer(object, "object")
  if (is.list(x) && length(x) && all(vapply(x, is_sequence, TRUE))) {
    return(invisible(fit_on_sequences(object, x)))
  }
  counts <- get_state(object, "word_counts")
  documents <- get_state(object, "word_docs")
  total <- object$document_count
  use_threads()
  with_documents(x, "x", function(texts) {
    found <- cpp_text_count(texts, tokenizer_rules(object))
    counts <<- add_counts(counts, found$words, found$counts)
    documents <<- add_counts(documents, found$words, found$documents)
    total <<- total + length(texts)
  })
  index <- index_by_count(counts, object$oov_token)
  at <- index[match(names(documents), names(index))]
  set_state(object, word_counts = counts, word_docs = documents, word_index = index, document_count = as_whole(total),
            index_docs = replace_counts(get_state(object, "index_docs"), unname(at), unname(documents)))
  invisible(object)
}

#' Texts as sequences of word indices
#'
#' @param tokenizer A fitted [text_tokenizer()].
#' @param texts Texts, tokens or a function that makes them; see `x` of [fit_text_tokenizer()].
#' @return `texts_to_sequences()`: a list with an integer vector for each text. Words that the
#'   tokenizer doesn't know, and those whose index isn't below its `num_words`, are left out or become
#'   its `oov_token`.
#'
#'   `texts_to_sequences_generator()`: a function that returns these vectors one after another, and
#'   `NULL` at the end.
#' @section Errors:
#' Texts that are `NA` or not valid in their encoding name their place (`hornet_value_error`).
#' @family text tokenization
#' @examples
#' texts <- c("the cat sat on the mat", "the dog ate the mat")
#' tokenizer <- text_tokenizer(num_words = 6) %>% fit_text_tokenizer(texts)
#' sequences <- texts_to_sequences(tokenizer, texts)
#' pad_sequences(sequences)
#'
#' one_by_one <- texts_to_sequences_generator(tokenizer, texts)
#' generator_next(one_by_one)
#' @export
texts_to_sequences <- function(tokenizer, texts) {
  check_tokenizer(tokenizer)
  use_threads()
  sequences <- list()
  with_documents(texts, "texts", function(documents) {
    sequences[[length(sequences) + 1L]] <<- sequences_of(tokenizer, documents)
  })
  unlist(sequences, recursive = FALSE) %||% list()
}

#' @rdname texts_to_sequences
#' @export
texts_to_sequences_generator <- function(tokenizer, texts) {
  check_tokenizer(tokenizer)
  if (is.function(texts)) {
    following <- function() if (!is.null(item <- texts())) as_documents(list(item), "texts")
  } else {
    texts <- as_documents(texts, "texts")
    following <- function() if (at < length(texts)) texts[at + 1L]
  }
  at <- 0L
  ended <- FALSE
  function() {
    document <- if (!ended) following()
    ended <<- is.null(document)
    if (ended) return(NULL)
    attr(document, "before") <- at
    at <<- at + 1L
    sequences_of(tokenizer, document)[[1L]]
  }
}

#' Texts or sequences as a matrix
#'
#' @inheritParams texts_to_sequences
#' @param sequences A list of numeric vectors of word indices.
#' @param mode What an element of the matrix says of a word in a text: `"binary"`: 1 if it occurs;
#'   `"count"`: how often; `"freq"`: how often, divided by the length of the text's sequence;
#'   `"tfidf"`: `(1 + log(count)) * log(1 + n / (1 + df))` for a word that occurs, where `df` is the
#'   number of texts that have it among the `n` that the tokenizer was fitted to.
#' @return A matrix with one row for each text and `num_words` columns; where the tokenizer has no
#'   `num_words`, one column more than it knows words. Column `i + 1` is that of the word with index
#'   `i`; the first column stands for index 0, which is no word's.
#' @section Errors:
#' A tokenizer that has neither `num_words` nor words, or, for `"tfidf"`, was not fitted; sequences of
#' anything else than whole numbers from 0 (`hornet_value_error`).
#' @family text tokenization
#' @examples
#' texts <- c("the cat sat on the mat", "the dog ate the mat")
#' tokenizer <- text_tokenizer() %>% fit_text_tokenizer(texts)
#' texts_to_matrix(tokenizer, texts, mode = "count")
#' sequences_to_matrix(tokenizer, list(c(1, 1, 2), 3), mode = "freq")
#' @export
texts_to_matrix <- function(tokenizer, texts, mode = c("binary", "count", "tfidf", "freq")) {
  check_tokenizer(tokenizer)
  use_threads()
  layout <- matrix_layout(tokenizer, mode)
  if (is.function(texts)) return(sequences_to_matrix(tokenizer, texts_to_sequences(tokenizer, texts), layout$mode))
  words <- tokenizer_words(tokenizer)
  cpp_text_matrix(as_documents(texts, "texts"), tokenizer_rules(tokenizer), words$vocabulary, words$lookup,
                  layout$mode, layout$columns, layout$idf)
}

#' @rdname texts_to_matrix
#' @export
sequences_to_matrix <- function(tokenizer, sequences, mode = c("binary", "count", "tfidf", "freq")) {
  check_tokenizer(tokenizer)
  use_threads()
  layout <- matrix_layout(tokenizer, mode)
  cpp_text_sequences_matrix(as_sequences(sequences, "sequences"), layout$mode, layout$columns, layout$idf)
}

#' @export
print.keras_text_tokenizer <- function(x, ...) {
  cat(sprintf("<text tokenizer, %d words%s, fitted to %d texts>\n", length(get_state(x, "word_index")),
              if (is.null(x$num_words)) "" else sprintf(" (num_words = %d)", x$num_words), x$document_count))
  invisible(x)
}

#' @export
`$.keras_text_tokenizer` <- function(x, name) {
  value <- get_state(x, if (name == "index_word") "word_index" else name)
  switch(name,
    word_counts = ,
    word_docs = ,
    word_index = as.list(value),
    index_word = {
      value <- value[!duplicated(value, fromLast = TRUE)]
      structure(as.list(names(value)), names = sprintf("%d", value))
    },
    index_docs = structure(as.list(value$count), names = sprintf("%d", value$index)),
    value
  )
}

#' @export
`[[.keras_text_tokenizer` <- function(x, i, ...) `$.keras_text_tokenizer`(x, i)

#' @export
`$<-.keras_text_tokenizer` <- function(x, name, value) {
  value <- switch(name,
    num_words = if (!is.null(value)) positive_int(value, "num_words"),
    filters = as_filters(value),
    split = as_split(value, x$char_level),
    lower = ,
    char_level = as_flag(value, name),
    oov_token = as_oov_token(value),
    document_count = as_count(value, "document_count"),
    word_index = as_word_index(value),
    abort(sprintf("`%s` of a tokenizer can't be assigned.", name), "hornet_value_error")
  )
  assign(name, value, envir = x)
  set_state(x)
}

#' @export
`[[<-.keras_text_tokenizer` <- function(x, i, value) `$<-.keras_text_tokenizer`(x, i, value)

# The state behind `$`.
get_state <- function(tokenizer, name) .subset2(tokenizer, name)

set_state <- function(tokenizer, ...) {
  state <- list(...)
  for (name in names(state)) assign(name, state[[name]], envir = tokenizer)
  # What tokenizer_words() made of the state before.
  assign("native", NULL, envir = tokenizer)
  tokenizer
}

check_tokenizer <- function(x, what = "tokenizer") {
  if (inherits(x, "keras_text_tokenizer")) return(invisible())
  abort(sprintf("`%s` must be a text_tokenizer(), not %s.", what, describe(x)), "hornet_value_error")
}

as_oov_token <- function(x) {
  if (is.null(x)) return(NULL)
  if (is.character(x) && length(x) == 1L && !is.na(x)) return(utf8_string(x, "oov_token"))
  abort(sprintf("`oov_token` must be NULL or one string, not %s.", describe(x)), "hornet_value_error")
}

# A named list or vector as an integer vector with names in UTF-8.
as_word_index <- function(x) {
  index <- as_int(if (is.list(x)) unlist(x) else x, "word_index") %||% integer()
  words <- as_utf8(names(x) %||% character(length(x)))
  if (length(index) != length(x) || any(index < 1L) || (length(x) && is.null(names(x))) || !all(validUTF8(words))) {
    abort("`word_index` must have one number from 1 for each of its names.", "hornet_value_error")
  }
  structure(index, names = words)
}

tokenizer_rules <- function(tokenizer) {
  word_rules(tokenizer$filters, tokenizer$lower, tokenizer$split, tokenizer$char_level)
}

# The vocabulary on the native side, which does not outlive this session, and what replaces words
# that are not kept.
tokenizer_words <- function(tokenizer) {
  words <- get_state(tokenizer, "native")
  if (!is.null(words) && cpp_text_is_vocabulary(words$vocabulary)) return(words)
  index <- get_state(tokenizer, "word_index")
  oov <- if (is.null(tokenizer$oov_token)) NA else unname(index[match(tokenizer$oov_token, names(index))])
  if (is.na(oov)) oov <- 0L
  words <- list(vocabulary = cpp_text_vocabulary(names(index), index),
                lookup = list(tokenizer$num_words %||% 0L, oov))
  assign("native", words, envir = tokenizer)
  words
}

sequences_of <- function(tokenizer, documents) {
  words <- tokenizer_words(tokenizer)
  cpp_text_sequences(documents, tokenizer_rules(tokenizer), words$vocabulary, words$lookup)
}

# Whole numbers stay integers while they can.
as_whole <- function(x) {
  if (all(x <= .Machine$integer.max)) storage.mode(x) <- "integer"
  x
}

# Counts named by words; new words come last, in order.
add_counts <- function(total, words, counts) {
  at <- match(words, names(total))
  known <- !is.na(at)
  sums <- as.numeric(total)
  sums[at[known]] <- sums[at[known]] + counts[known]
  structure(as_whole(c(sums, counts[!known])), names = c(names(total), words[!known]))
}

# Sets the counts of indices, as an assignment to a dictionary does.
replace_counts <- function(total, index, counts) {
  at <- match(index, total$index)
  known <- !is.na(at)
  total$count[at[known]] <- counts[known]
  list(index = c(total$index, index[!known]), count = c(total$count, counts[!known]))
}

index_by_count <- function(counts, oov_token) {
  words <- c(oov_token, names(counts)[order(counts, decreasing = TRUE, method = "radix")])
  index <- structure(seq_along(words), names = words)
  # A word that is the oov_token as well keeps its own index, and 1 stays free.
  again <- if (is.null(oov_token)) integer() else which(words == oov_token)[-1L]
  if (length(again)) index <- replace(index, 1L, again)[-again]
  index
}

is_sequence <- function(x) {
  is.numeric(x) || is.null(x) || (is.list(x) && length(x) && all(vapply(x, is.numeric, TRUE)))
}

as_sequences <- function(x, what) {
  if (!is.list(x)) {
    abort(sprintf("`%s` must be a list of sequences of word indices, not %s.", what, describe(x)), "hornet_value_error")
  }
  wrong <- which(!vapply(x, function(s) is_sequence(s) || identical(s, list()), TRUE))
  if (length(wrong)) {
    abort(sprintf("`%s[[%d]]` must be a numeric vector of word indices, not %s.", what, wrong[[1L]],
                  describe(x[[wrong[[1L]]]])), "hornet_value_error")
  }
  lapply(x, function(s) if (is.null(s) || is.factor(s)) integer() else if (is.list(s)) as.numeric(unlist(s)) else s)
}

fit_on_sequences <- function(tokenizer, x) {
  present <- unlist(lapply(as_sequences(x, "x"), unique))
  if (length(present) && (min(present <- as_int(present, "x")) < 0L)) {
    abort(sprintf("`x` must hold word indices, whole numbers from 0, not %d.", min(present)), "hornet_value_error")
  }
  known <- get_state(tokenizer, "index_docs")
  index <- unique(present)
  counts <- tabulate(match(present, index), length(index))
  before <- known$count[match(index, known$index)]
  before[is.na(before)] <- 0L
  set_state(tokenizer, index_docs = replace_counts(known, index, counts + before),
            document_count = tokenizer$document_count + length(x))
}

# Mode, number of columns, and for "tfidf" a factor for each.
matrix_layout <- function(tokenizer, mode) {
  mode <- one_of(mode, c("binary", "count", "tfidf", "freq"), "mode")
  words <- length(get_state(tokenizer, "word_index"))
  if (is.null(tokenizer$num_words) && words == 0L) {
    abort("the tokenizer has neither `num_words` nor words: call fit_text_tokenizer() first.", "hornet_value_error")
  }
  columns <- tokenizer$num_words %||% (words + 1L)
  if (mode != "tfidf") return(list(mode = mode, columns = columns))
  if (tokenizer$document_count == 0L) {
    abort("mode \"tfidf\" needs texts to compare with: call fit_text_tokenizer() first.", "hornet_value_error")
  }
  known <- get_state(tokenizer, "index_docs")
  inside <- known$index < columns
  documents <- numeric(columns)
  documents[known$index[inside] + 1L] <- known$count[inside]
  list(mode = mode, columns = columns, idf = log(1 + tokenizer$document_count / (1 + documents)))
}
