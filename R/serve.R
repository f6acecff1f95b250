# What native code calls in R while it serves.

# How native code calls a generator (r_source.cpp). Before an error leaves it, training uses the
# batches that were made before it. If even then nobody needs the batch that failed (it belongs to a
# later epoch), the error waits for whoever does, as a value.
call_generator <- function(generator) {
  tryCatch(
    withCallingHandlers(generator(), error = finish_batches),
    hornet_early_error = identity
  )
}

finish_batches <- function(condition) {
  if (cpp_finish_batches()) return(invisible())
  signalCondition(structure(class = c("hornet_early_error", "condition"), list(error = condition)))
}
