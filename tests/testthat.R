library(testthat)
library(hornet)

test_check("hornet")
