# Seconds that library(hornet) takes in a fresh process, beyond starting R.
seconds <- function(code) {
  system.time(system2("Rscript", c("--vanilla", "-e", shQuote(code)), stdout = FALSE))[["elapsed"]]
}
loads <- vapply(1:7, function(i) seconds("suppressMessages(library(hornet))") - seconds("NULL"), 0)
cat(sprintf("library(hornet): median %.2f s, worst %.2f s\n", median(loads), max(loads)))
