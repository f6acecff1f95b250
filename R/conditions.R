# Errors as conditions with a class and the user's call.

# Stops with a condition of classes c(class, "hornet_error", "error", "condition"), where a class
# "shape" means "hornet_shape_error". `message` may have several elements, shown on lines of their
# own. Without `call`, the condition carries the call of the exported function that the user (or
# their function) called last.
abort <- function(message, class = NULL, call = user_call()) {
  class <- sub("^(hornet_)?(.*?)(_error)?$", "hornet_\\2_error", as.character(class), perl = TRUE)
  stop(structure(
    class = unique(c(class, "hornet_error", "error", "condition")),
    list(message = paste(message, collapse = "\n"), call = call)
  ))
}

# The innermost call of one of our functions by code that is not ours: what the user wrote.
user_call <- function() {
  asked_in <- sys.parent()
  calls <- sys.calls()
  # Who called a frame is who wrote the call: tryCatch() and its kind evaluate it further in.
  callers <- sys.parents()
  ours <- carriers <- logical(asked_in)
  for (i in seq_len(asked_in)) {
    fn <- sys.function(i)
    ours[[i]] <- is_own_function(fn)
    carriers[[i]] <- carries_calls(fn)
  }
  for (i in rev(which(ours[-asked_in]))) {
    if (identical(sys.function(i), call_generator)) next # which native code called, in a run of the user's
    caller <- callers[[i]]
    while (caller > 0L && caller < i && carriers[[caller]]) caller <- callers[[caller]]
    # A pipe's frames have no caller on the stack: R then names the frame itself.
    if (caller == 0L || caller >= i || !ours[[caller]]) return(generic_call(calls, i))
  }
  NULL
}

is_own_function <- function(f) {
  env <- environment(f)
  !is.null(env) && identical(topenv(env), topenv())
}

# Functions that call others for whoever called them: do.call(), lapply(), $new() of a class.
carries_calls <- function(f) {
  env <- environment(f)
  if (is.null(env)) return(TRUE)
  env <- topenv(env)
  isNamespace(env) && getNamespaceName(env) %in% c("base", "R6")
}

# A method's frame is called by its generic's: the user wrote the latter.
generic_call <- function(calls, i) {
  head <- calls[[i]][[1L]]
  if (i > 1L && is.symbol(head)) {
    before <- calls[[i - 1L]][[1L]]
    if (is.symbol(before) && startsWith(as.character(head), paste0(as.character(before), "."))) {
      return(calls[[i - 1L]])
    }
  }
  calls[[i]]
}

# "a", "b" or "c"
quoted <- function(names, last = "or") {
  names <- paste0('"', names, '"')
  if (length(names) < 2L) return(names)
  n <- length(names)
  paste(paste(names[-n], collapse = ", "), last, names[[n]])
}

# `name` looked up in a named list of choices; an unknown one lists the valid ones.
choose_by_name <- function(name, choices, what, aliases = character()) {
  key <- tolower(name)
  if (key %in% names(aliases)) key <- aliases[[key]]
  found <- match(key, tolower(names(choices)))
  if (is.na(found)) {
    abort(c(
      sprintf('unknown %s "%s".', what, name),
      sprintf("Valid names are %s.", quoted(sort(names(choices))))
    ), class = "hornet_value_error")
  }
  choices[[found]]
}
