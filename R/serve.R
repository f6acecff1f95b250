# What native code calls in R while it serves.

# Calling handler around a generator's call (r_source.cpp): before the error goes on its way,
# training uses the batches that were made before it.
finish_batches <- function(condition) cpp_finish_batches()
