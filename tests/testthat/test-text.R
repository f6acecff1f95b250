# Words and tokenizers against keras_preprocessing 1.1.0 (tools/golden/text.py).

text_golden <- local({
  numbers <- NULL
  function(name) {
    skip_if_not_installed("jsonlite")
    if (is.null(numbers)) {
      path <- testthat::test_path("golden", "text.json")
      numbers <<- jsonlite::fromJSON(path, simplifyDataFrame = FALSE, simplifyMatrix = FALSE)
    }
    numbers[[name]]
  }
})

# As jsonlite reads them: empty arrays are lists.
strings <- function(x) as.character(unlist(x))
integers <- function(x) as.integer(unlist(x))
sequences <- function(x) lapply(x, integers)

# Python's dictionaries are in the order of their keys where ours go by first appearance.
expect_table <- function(got, expected, sorted = FALSE, label = "table") {
  if (sorted) got <- got[order(names(got), method = "radix")]
  wanted <- if (is.character(expected$values)) strings(expected$values) else integers(expected$values)
  if (sorted) wanted <- wanted[order(strings(expected$names), method = "radix")]
  names <- strings(expected$names)
  if (sorted) names <- sort(names, method = "radix")
  expect_true(is.list(got), label = label)
  expect_identical(names(got), names, label = paste("names of", label))
  expect_identical(vapply(got, identity, wanted[NA][1], USE.NAMES = FALSE), wanted, label = paste("values of", label))
}

expect_known <- function(tokenizer, expected, texts, label) {
  small <- texts[c(1:3, length(texts) - 1:0)]
  expect_table(tokenizer$word_index, expected$word_index, label = paste("word_index of", label))
  expect_identical(texts_to_sequences(tokenizer, texts), sequences(expected$sequences),
                   label = paste("sequences of", label))
  for (mode in names(expected$matrices)) {
    matrix <- texts_to_matrix(tokenizer, small, mode)
    expect_equal(matrix, do.call(rbind, lapply(expected$matrices[[mode]], as.numeric)), tolerance = 1e-14,
                 label = paste(mode, "matrix of", label))
    expect_identical(sequences_to_matrix(tokenizer, texts_to_sequences(tokenizer, small), mode), matrix,
                     label = paste(mode, "matrix from sequences of", label))
  }
  if (is.null(expected$word_counts)) return(invisible())
  expect_table(tokenizer$word_counts, expected$word_counts, label = paste("word_counts of", label))
  expect_table(tokenizer$word_docs, expected$word_docs, TRUE, label = paste("word_docs of", label))
  expect_table(tokenizer$index_docs, expected$index_docs, TRUE, label = paste("index_docs of", label))
  expect_table(tokenizer$index_word, expected$index_word, label = paste("index_word of", label))
  expect_identical(tokenizer$document_count, expected$document_count, label = paste("document_count of", label))
}

test_that("texts are split into words as Keras does", {
  cases <- text_golden("words")
  expect_gt(length(cases), 40)
  for (case in cases) {
    words <- do.call(text_to_word_sequence, case[setdiff(names(case), "words")])
    expect_identical(words, strings(case$words), label = encodeString(case$text, quote = '"'))
  }
})

test_that("lower case is Python's for every character, whatever the locale", {
  golden <- text_golden("lower")
  points <- setdiff(1:0x10ffff, c(32L, 0xd800:0xdfff))
  all <- intToUtf8(points, multiple = TRUE)
  words <- text_to_word_sequence(paste(all, collapse = " "), filters = "")
  file <- withr::local_tempfile()
  writeBin(charToRaw(paste(words, collapse = "\n")), file)
  expect_identical(unname(tools::md5sum(file)), golden$md5)
  # Sigmas in all kinds of company.
  lowered <- function() {
    vapply(golden$contexts, text_to_word_sequence, "", filters = "", split = "\x01", USE.NAMES = FALSE)
  }
  expect_identical(lowered(), golden$lowered)
  expect_identical(withr::with_locale(c(LC_CTYPE = "C"), lowered()), golden$lowered)
})

test_that("md5 hashes are Keras's", {
  cases <- text_golden("hashes")
  for (case in cases) {
    expect_identical(text_hashing_trick(case$text, case$n, "md5"), integers(case$hashes), label = case$text)
  }
})

test_that("the default hash never changes", {
  # FNV-1a of "a" is 0xaf63dc4c8601ec8c, of "foobar" 0x85944171f73967e8; 0xec8c + 1, 0x67e8 + 1.
  expect_identical(text_one_hot("a foobar", 65537), c(60557L, 26601L))
  expect_identical(text_one_hot("FooBar é", 1000), text_hashing_trick("foobar É", 1000))
  expect_identical(text_one_hot("", 10), integer())
  expect_identical(text_hashing_trick("a bb ccc", 3, nchar), c(2L, 1L, 2L))
  expect_identical(text_hashing_trick("a", 11, function(word) -1), 10L)
})

test_that("hashing refuses what is no hash", {
  expect_error(text_hashing_trick("a", 1), "`n` must be at least 2", class = "hornet_value_error")
  expect_error(text_hashing_trick("a", 10, "sha1"), "must be NULL, \"md5\" or a function, not \"sha1\"",
               class = "hornet_value_error")
  expect_error(text_hashing_trick("a b", 10, function(word) 0.5), "one whole number, not 0.5 for \"a\"",
               class = "hornet_value_error")
  expect_error(text_one_hot(c("a", "b"), 10), "`text` must be one string", class = "hornet_value_error")
})

test_that("tokenizers know what Keras's know", {
  golden <- text_golden("tokenizers")
  first <- strings(text_golden("texts"))
  new <- strings(golden$new)
  expect_length(golden$cases, 10)
  for (case in golden$cases) {
    label <- paste(deparse(case$options), collapse = "")
    tokenizer <- do.call(text_tokenizer, case$options)
    expect_invisible(fitted <- fit_text_tokenizer(tokenizer, first))
    expect_identical(fitted, tokenizer)
    expect_known(tokenizer, case$first, c(first, new), label)
    if (is.null(case$second)) next
    tokens <- lapply(case$tokens, strings)
    tokenizer %>% fit_text_tokenizer(new) %>% fit_text_tokenizer(tokens)
    expect_known(tokenizer, case$second, new, paste("second", label))
    expect_identical(texts_to_sequences(tokenizer, tokens), sequences(case$token_sequences), label = label)
    fit_text_tokenizer(tokenizer, list(c(1, 1, 2), NULL, c(5, 300), 0L))
    expect_table(tokenizer$index_docs, case$index_docs, TRUE, label = paste("index_docs of", label))
    expect_equal(sequences_to_matrix(tokenizer, list(c(1L, 1L, 2L, 500L), integer(), c(5, 0, 5)), "tfidf"),
                 do.call(rbind, lapply(case$tfidf, as.numeric)), tolerance = 1e-14, label = label)
  }
})

test_that("files of Keras are read, and written byte by byte", {
  golden <- text_golden("tokenizers")
  path <- withr::local_tempfile()
  text <- function(path) readChar(path, file.size(path), useBytes = TRUE)
  cases <- c(lapply(golden$cases[c(1, 3)], `[[`, "json"), text_golden("one_word_texts")[c("json", "empty")])
  for (json in cases) {
    writeBin(charToRaw(json), path)
    tokenizer <- load_text_tokenizer(path)
    save_text_tokenizer(tokenizer, path)
    expect_identical(text(path), json)
  }
  # What is fitted here is what Keras writes, where the order of its sets leaves it no choice.
  one_word <- text_golden("one_word_texts")
  tokenizer <- text_tokenizer(num_words = 5, oov_token = "<\"ö>", filters = "\\\n")
  tokenizer %>% fit_text_tokenizer(one_word$texts) %>% save_text_tokenizer(path)
  expect_identical(text(path), one_word$json)
  save_text_tokenizer(text_tokenizer(), path)
  expect_identical(text(path), one_word$empty)
})

test_that("a tokenizer read again is the same", {
  skip_if_not_installed("jsonlite")
  texts <- c("The cat, the \"dog\" 😀", "Größe ist the \\ cat")
  tokenizer <- text_tokenizer(num_words = 4, oov_token = "?") %>% fit_text_tokenizer(texts)
  path <- withr::local_tempfile()
  expect_invisible(save_text_tokenizer(tokenizer, path))
  saved <- load_text_tokenizer(path)
  for (field in c("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count", "word_index",
                  "word_counts", "word_docs", "index_word", "index_docs")) {
    expect_identical(saved[[field]], tokenizer[[field]], label = field)
  }
  saveRDS(tokenizer, path)
  restored <- readRDS(path)
  expect_identical(texts_to_sequences(restored, texts), texts_to_sequences(tokenizer, texts))
  expect_identical(texts_to_matrix(restored, texts, "tfidf"), texts_to_matrix(saved, texts, "tfidf"))
  # It goes on learning.
  for (one in list(tokenizer, saved, restored)) fit_text_tokenizer(one, c("cat cat cat", "new"))
  expect_identical(restored$word_index, tokenizer$word_index)
  expect_identical(saved$index_docs, tokenizer$index_docs)
  expect_identical(tokenizer$word_index$cat, 2L)
})

test_that("saving replaces a file as a whole or not at all", {
  folder <- withr::local_tempdir()
  path <- file.path(folder, "tokenizer.json")
  save_text_tokenizer(text_tokenizer(), path)
  save_text_tokenizer(text_tokenizer(num_words = 3), path)
  expect_identical(dir(folder, all.files = TRUE, no.. = TRUE), "tokenizer.json")
  expect_error(save_text_tokenizer(text_tokenizer(), file.path(folder, "none", "t.json")), "can't write .*none/t.json",
               class = "hornet_value_error")
  dir.create(file.path(folder, "taken"))
  expect_error(save_text_tokenizer(text_tokenizer(), file.path(folder, "taken")), "can't write",
               class = "hornet_value_error")
  expect_setequal(dir(folder, all.files = TRUE, no.. = TRUE), c("tokenizer.json", "taken"))
})

test_that("damaged files and pickles are errors that name them", {
  skip_if_not_installed("jsonlite")
  path <- withr::local_tempfile(fileext = ".json")
  expect_error(load_text_tokenizer(path), paste0("can't read \"", path), fixed = TRUE, class = "hornet_value_error")
  save_text_tokenizer(fit_text_tokenizer(text_tokenizer(), c("a b", "c")), path)
  whole <- readBin(path, "raw", 1e4)
  json <- rawToChar(whole)
  damaged <- function(bytes, pattern = "") {
    writeBin(if (is.character(bytes)) charToRaw(bytes) else bytes, path)
    expect_error(load_text_tokenizer(path), paste0(basename(path), "\" is not a tokenizer, or damaged.*", pattern),
                 class = "hornet_value_error")
  }
  for (length in c(0, 1, 10, length(whole) - 1)) damaged(whole[seq_len(length)])
  damaged(c(whole[1:20], as.raw(0), whole[-(1:20)]))
  damaged(c(whole[1:20], as.raw(0xff), whole[-(1:20)]))
  damaged("[1, 2]")
  damaged("\"text\"")
  damaged(sub("Tokenizer", "Model", json), "has no \"Tokenizer\"")
  damaged(sub('"word_docs"', '"word_dogs"', json), "\"word_docs\" is missing")
  count <- '\\"a\\": 1'
  for (wrong in c('\\"a\\": \\"1\\"', '\\"a\\": [1, 2]', '\\"a\\": -1', '\\"a\\": null')) {
    damaged(sub(count, wrong, json, fixed = TRUE), "\"word_counts\" must hold counts")
  }
  damaged(sub('"document_count": 2', '"document_count": [1, 2]', json), "`document_count`")
  damaged(sub('"num_words": null', '"num_words": 1.5', json), "`num_words`")
  damaged(sub('"split": " "', '"split": ""', json), "`split`")
  writeBin(as.raw(c(0x80, 3, 0x63)), path)
  expect_error(load_text_tokenizer(path), "is a Python pickle.*to_json", class = "hornet_value_error")
  writeBin(charToRaw("ccopy_reg\n_reconstructor\n"), path)
  expect_error(load_text_tokenizer(path), "is a Python pickle", class = "hornet_value_error")
  expect_error(load_text_tokenizer(c("a", "b")), "`filename` must be", class = "hornet_value_error")
})

test_that("texts come in all the forms that a list can have", {
  tokenizer <- text_tokenizer() %>% fit_text_tokenizer(c("e-mail the cat", "the cat"))
  expect_identical(names(tokenizer$word_index), c("the", "cat", "e", "mail"))
  expected <- list(c(1L, 2L), 3L)
  for (texts in list(c("The cat", "e"), list("The cat", "e"), factor(c("The cat", "e")), c(a = "The cat", b = "e"),
                     matrix(c("The cat", "e")), list(c("The", "cat"), "e"), list(list("The", "cat"), "e"),
                     list(factor(c("The", "cat"), c("The", "cat")), list("e")))) {
    expect_identical(texts_to_sequences(tokenizer, texts), expected, label = deparse(texts))
  }
  # Tokens are not split again, and a list with token vectors has nothing else.
  expect_identical(texts_to_sequences(tokenizer, list(c("the cat", "cat"), "e-mail")), list(2L, integer()))
  expect_identical(texts_to_sequences(tokenizer, list(NULL, character(), "")), list(integer(), integer(), integer()))
  latin1 <- "caf\xe9 CAF\xc9"
  Encoding(latin1) <- "latin1"
  expect_identical(text_to_word_sequence(latin1), c("caf\u00e9", "caf\u00e9"))
  expect_identical(text_to_word_sequence("a\u00e9b", filters = substr(latin1, 4, 4)), c("a", "b"))
})

test_that("no texts and empty texts are no words", {
  for (none in list(character(), list())) {
    tokenizer <- text_tokenizer(num_words = 3) %>% fit_text_tokenizer(none)
    expect_identical(tokenizer$document_count, 0L)
    expect_length(tokenizer$word_index, 0)
    expect_identical(texts_to_sequences(tokenizer, none), list())
    expect_identical(dim(texts_to_matrix(tokenizer, none)), c(0L, 3L))
  }
  fit_text_tokenizer(tokenizer, c("", " ", ".", ""))
  expect_identical(tokenizer$document_count, 4L)
  expect_identical(texts_to_sequences(tokenizer, c("", "a")), list(integer(), integer()))
  expect_identical(texts_to_matrix(tokenizer, c("", "a"), "freq"), matrix(0, 2, 3))
  expect_identical(text_to_word_sequence(""), character())
})

test_that("generators make texts one by one", {
  texts <- c("the cat", "sat on", "the the mat")
  from <- function(items) {
    at <- 0
    function() if (at < length(items)) items[[at <<- at + 1]]
  }
  expected <- text_tokenizer() %>% fit_text_tokenizer(texts)
  tokenizer <- text_tokenizer() %>% fit_text_tokenizer(from(texts))
  expect_identical(tokenizer$word_counts, expected$word_counts)
  expect_identical(tokenizer$document_count, 3L)
  # More than are read at once, and tokens among them.
  many <- rep(list("the cat", c("the", "sat on"), list("mat")), 400)
  fit_text_tokenizer(tokenizer, from(many))
  expect_identical(unlist(tokenizer$word_counts),
                   c(the = 803L, cat = 401L, sat = 1L, on = 1L, mat = 401L, `sat on` = 400L))
  expect_identical(tokenizer$document_count, 1203L)
  expect_identical(texts_to_sequences(tokenizer, from(texts)), texts_to_sequences(tokenizer, texts))
  expect_identical(texts_to_matrix(tokenizer, from(texts), "count"), texts_to_matrix(tokenizer, texts, "count"))
  expect_identical(texts_to_sequences(tokenizer, from(many))[1:3], list(1:2, c(1L, 4L), 3L))

  for (given in list(texts, as.list(texts), from(texts), list("the", c("sat", "on"), c("the", "the", "mat")))) {
    one_by_one <- texts_to_sequences_generator(tokenizer, given)
    got <- list()
    while (!is.null(sequence <- generator_next(one_by_one))) got <- c(got, list(sequence))
    expect_length(got, 3)
    expect_identical(got[[3]], c(1L, 1L, 3L))
    expect_null(one_by_one())
  }
  calls <- 0
  expect_error(fit_text_tokenizer(tokenizer, function() if ((calls <<- calls + 1) < 1500) "a" else stop("no more")),
               "no more")
  expect_null(tokenizer$word_counts$a)
  expect_error(texts_to_sequences(tokenizer, from(c(rep("a", 1100), NA))), "text 1101 is NA",
               class = "hornet_value_error")
})

test_that("what is no text is an error that names its place, and nothing is learned", {
  tokenizer <- text_tokenizer() %>% fit_text_tokenizer("known")
  expect_error(fit_text_tokenizer(tokenizer, c("a", NA)), "text 2 is NA", class = "hornet_value_error")
  expect_error(fit_text_tokenizer(tokenizer, list("a", NA)), "text 2 is NA", class = "hornet_value_error")
  expect_error(fit_text_tokenizer(tokenizer, list("a", c("b", NA))), "token 2 of text 2 is NA",
               class = "hornet_value_error")
  bad <- "caf\xe9"
  expect_error(fit_text_tokenizer(tokenizer, c("a", bad)), "text 2 is not valid UTF-8: its byte 4 is \\\\xe9",
               class = "hornet_value_error")
  expect_error(fit_text_tokenizer(tokenizer, list("a", c("b", bad))), "token 2 of text 2 is not valid UTF-8",
               class = "hornet_value_error")
  for (bytes in list(c(0xc0, 0x80), c(0xed, 0xa0, 0x80), c(0xf4, 0x90, 0x80, 0x80), c(0xe2, 0x82), 0x80,
                     c(0xf0, 0x80, 0x80, 0x80))) {
    text <- rawToChar(as.raw(c(0x61, bytes)))
    Encoding(text) <- "UTF-8"
    expect_error(text_to_word_sequence(text), "text 1 is not valid UTF-8: its byte 2", class = "hornet_value_error")
  }
  Encoding(bad) <- "bytes"
  expect_error(fit_text_tokenizer(tokenizer, bad), "text 1 is bytes without an encoding", class = "hornet_value_error")
  expect_error(fit_text_tokenizer(tokenizer, 1:3), "`x` must be texts", class = "hornet_value_error")
  expect_error(texts_to_sequences(tokenizer, data.frame(x = "a")), "column of texts", class = "hornet_value_error")
  expect_error(texts_to_matrix(tokenizer, list("a", 1)), "`texts[[2]]` must be a text", fixed = TRUE,
               class = "hornet_value_error")
  expect_error(texts_to_matrix(tokenizer, list("a", sum)), "not an? ", class = "hornet_value_error")
  expect_error(fit_text_tokenizer("a", "b"), "`object` must be a text_tokenizer", class = "hornet_value_error")
  expect_identical(tokenizer$word_index, list(known = 1L))
  expect_identical(tokenizer$document_count, 1L)
})

test_that("matrices need a width, and sequences of indices", {
  tokenizer <- text_tokenizer()
  expect_error(texts_to_matrix(tokenizer, "a"), "neither `num_words` nor words", class = "hornet_value_error")
  tokenizer$num_words <- 3
  expect_error(texts_to_matrix(tokenizer, "a", "tfidf"), "needs texts to compare with", class = "hornet_value_error")
  expect_error(sequences_to_matrix(tokenizer, list(1), "counts"), "`mode` must be", class = "hornet_value_error")
  for (wrong in list(-1, 0.5, NA, NA_integer_, Inf)) {
    expect_error(sequences_to_matrix(tokenizer, list(1, c(1, wrong))), "element 2 of sequence 2 is not a word index",
                 class = "hornet_value_error")
  }
  expect_error(sequences_to_matrix(tokenizer, list(1, "a")), "`sequences[[2]]` must be a numeric", fixed = TRUE,
               class = "hornet_value_error")
  expect_error(sequences_to_matrix(tokenizer, 1:3), "must be a list of sequences", class = "hornet_value_error")
  # The first mode is the default; larger indices count for the length.
  given <- list(c(2, 2, 9), list(1, 2), NULL)
  expect_identical(sequences_to_matrix(tokenizer, given), rbind(c(0, 0, 1), c(0, 1, 1), 0))
  expect_identical(sequences_to_matrix(tokenizer, given, "freq"), rbind(c(0, 0, 2 / 3), c(0, 0.5, 0.5), 0))
})

test_that("fields can be assigned where that makes sense", {
  tokenizer <- text_tokenizer() %>% fit_text_tokenizer(c("b a a", "C"))
  expect_identical(texts_to_sequences(tokenizer, "a b c d"), list(1:3))
  tokenizer$num_words <- 3
  expect_identical(texts_to_sequences(tokenizer, "a b c d"), list(1:2))
  tokenizer$oov_token <- "b"
  expect_identical(texts_to_sequences(tokenizer, "a b c d"), list(c(1L, 2L, 2L, 2L)))
  tokenizer[["num_words"]] <- NULL
  tokenizer$oov_token <- NULL
  tokenizer$word_index <- list(zero = 1, b = 7L)
  expect_identical(texts_to_sequences(tokenizer, "a b zero"), list(c(7L, 1L)))
  expect_identical(tokenizer$index_word, list("1" = "zero", "7" = "b"))
  expect_error(tokenizer$word_index <- list(a = 0), "one number from 1", class = "hornet_value_error")
  expect_error(tokenizer$word_index <- list(1), "for each of its names", class = "hornet_value_error")
  expect_error(tokenizer$word_counts <- list(), "can't be assigned", class = "hornet_value_error")
  expect_error(tokenizer$split <- "", "at least one character.*char_level", class = "hornet_value_error")
  expect_error(text_tokenizer(num_words = 0), "`num_words` must be one positive", class = "hornet_value_error")
  expect_error(text_tokenizer(oov_token = 1), "`oov_token` must be", class = "hornet_value_error")
  expect_error(text_tokenizer(lower = NA), "`lower` must be", class = "hornet_value_error")
  expect_silent(text_tokenizer(char_level = TRUE, split = ""))
  expect_output(print(text_tokenizer(5)), "<text tokenizer, 0 words (num_words = 5), fitted to 0 texts>", fixed = TRUE)
})

test_that("results do not depend on the number of threads", {
  withr::local_seed(1)
  words <- c(paste0("w", 1:3000), "straße", "οδός", "日本")
  texts <- vapply(1:4000, function(i) paste(sample(words, 30, TRUE, 1 / seq_along(words)), collapse = " "), "")
  run <- function(threads) {
    withr::local_options(hornet.threads = threads)
    tokenizer <- text_tokenizer(num_words = 200, oov_token = "?") %>% fit_text_tokenizer(texts)
    list(tokenizer$word_counts, tokenizer$word_docs, tokenizer$word_index, texts_to_sequences(tokenizer, texts),
         texts_to_matrix(tokenizer, texts, "tfidf"),
         tryCatch(texts_to_sequences(tokenizer, replace(texts, c(500, 3500), "\xff")), error = conditionMessage))
  }
  one <- run(1)
  expect_match(one[[6]], "^text 500 ")
  expect_identical(run(2), one)
  expect_identical(names(one[[1]]), unique(unlist(strsplit(texts, " "))))
})

test_that("a text of 50 MB is one document", {
  skip_on_cran()
  unit <- "one Two, three ΣΑΣ "
  text <- strrep(unit, 50e6 %/% nchar(unit, "bytes"))
  times <- as.integer(50e6 %/% nchar(unit, "bytes"))
  tokenizer <- text_tokenizer() %>% fit_text_tokenizer(text)
  expect_identical(unlist(tokenizer$word_counts), c(one = times, two = times, three = times, "σας" = times))
  expect_identical(tokenizer$word_docs$one, 1L)
  sequence <- texts_to_sequences(tokenizer, text)[[1]]
  expect_identical(sequence, rep(1:4, times))
  expect_identical(texts_to_matrix(tokenizer, text, "count"), cbind(0, times, times, times, times, deparse.level = 0))
})

test_that("long texts can be interrupted", {
  skip_on_cran()
  tokenizer <- text_tokenizer() %>% fit_text_tokenizer("word")
  text <- strrep("word ", 2e7)
  for (work in list(fit_text_tokenizer, texts_to_sequences, texts_to_matrix)) {
    setTimeLimit(elapsed = 0.05, transient = TRUE)
    expect_error(work(tokenizer, text), "time limit")
    setTimeLimit()
  }
  expect_identical(tokenizer$word_counts, list(word = 1L))
})

test_that("a model learns from texts", {
  withr::local_seed(3)
  good <- c("great", "wonderful", "lovely", "fine")
  bad <- c("awful", "terrible", "boring", "bad")
  label <- rep(0:1, 60)
  texts <- vapply(label, function(y) {
    paste(sample(c(sample(if (y) good else bad, 2), sample(c("the", "film", "was", "it", "plot"), 4))), collapse = " ")
  }, "")
  tokenizer <- text_tokenizer(num_words = 30) %>% fit_text_tokenizer(texts)
  x <- pad_sequences(texts_to_sequences(tokenizer, texts), maxlen = 8)
  model <- keras_model_sequential() %>%
    layer_embedding(input_dim = 30, output_dim = 4, input_length = 8) %>%
    layer_flatten() %>%
    layer_dense(1, activation = "sigmoid")
  model %>% compile("adam", "binary_crossentropy", "accuracy")
  model %>% fit(x, label, epochs = 40, batch_size = 12, verbose = 0)
  expect_gt(evaluate(model, x, label, verbose = 0)$acc, 0.95)
  new <- pad_sequences(texts_to_sequences(tokenizer, c("wonderful, lovely plot!", "It was AWFUL: boring.")), maxlen = 8)
  expect_identical(predict(model, new)[, 1] > 0.5, c(TRUE, FALSE))
})

test_that("a tokenizer refuses indices that are none, and takes an empty vocabulary", {
  tokenizer <- text_tokenizer() %>% fit_text_tokenizer("a b")
  expect_error(fit_text_tokenizer(tokenizer, list(c(1, 3e9))), "`x`.*3e\\+09", class = "hornet_value_error")
  expect_error(fit_text_tokenizer(tokenizer, list(c(1, -2))), "from 0, not -2", class = "hornet_value_error")
  expect_identical(tokenizer$document_count, 1L)
  tokenizer$word_index <- NULL
  expect_identical(texts_to_sequences(tokenizer, "a b"), list(integer()))
  expect_error(text_hashing_trick("a", 10, hash_function = function(word) 1e300), "whole number",
               class = "hornet_value_error")
})
