# Lints the R sources with the rules of .lintr; fails if anything is found.
lints <- lintr::lint_package(".", exclusions = list("R/RcppExports.R"))
if (length(lints) > 0) print(lints)
quit(status = as.integer(length(lints) > 0))
