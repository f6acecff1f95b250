# The tokenizer on request: tokenizer.py talks to this over stdin and stdout. A request is
# "task threads"; the answer is "wall cpu", seconds. Started with the file of texts, one a line.
suppressMessages(library(hornet))
texts <- readLines(commandArgs(TRUE)[[1]], encoding = "UTF-8")
fitted <- fit_text_tokenizer(text_tokenizer(num_words = 1000), texts)

tasks <- list(
  fit = function() fit_text_tokenizer(text_tokenizer(num_words = 1000), texts),
  sequences = function() texts_to_sequences(fitted, texts),
  matrix = function() texts_to_matrix(fitted, texts, "tfidf")
)

requests <- file("stdin", "r")
while (length(request <- readLines(requests, 1))) {
  request <- strsplit(request, " ")[[1]]
  options(hornet.threads = as.integer(request[[2]]))
  gc()
  seconds <- system.time(tasks[[request[[1]]]]())
  cat(seconds[["elapsed"]], seconds[["user.self"]] + seconds[["sys.self"]], "\n")
  flush(stdout())
}
