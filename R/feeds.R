# Where the batches of a run come from: generators, iterators, arrays. A feed is a list of
#   open(total, batch_size)   starts a feeder that will give `total` batches
#   samples                   number of rows (arrays only)
#   length                    batches in a pass (iterators only)
#   may_be_short              a pass may have fewer batches, which is no end of the data
#   actor                     its name in messages

# training: batches of an iterator come in random order; a function gets random numbers of its own.
generator_feed <- function(generator, spec, queue_size, training = FALSE) {
  if (is_iterator(generator)) {
    return(list(
      open = function(total, ...) {
        iterator_feeder(generator, spec, queue_size, total, shuffle_batches = training)
      },
      length = known_length(generator),
      may_be_short = identical(generator$on_error, "skip"),
      actor = spec$actor
    ))
  }
  check_generator(generator, spec$actor)
  list(
    open = function(total, ...) {
      call <- if (training) with_own_random_state(generator) else generator
      cpp_feeder_generator(call, spec, queue_size, total)
    },
    actor = spec$actor
  )
}

# Of some iterators it is known when a pass is over.
known_length <- function(iterator) {
  batches <- length(iterator)
  if (!is.na(batches)) batches
}

# A feeder whose source has something to close when a run is over.
closing <- function(feeder, close) {
  attr(feeder, "close") <- close
  feeder
}

stop_feeder <- function(feeder) {
  cpp_feeder_stop(feeder)
  close <- attr(feeder, "close")
  if (!is.null(close)) close()
}

check_generator <- function(generator, actor) {
  if (!is_generator(generator)) {
    abort(sprintf("The %s must be a function that returns a batch, or an iterator, not %s.",
                  actor, describe(generator)), "hornet_value_error")
  }
  takes <- formals(args(generator))
  needs <- vapply(takes, function(default) identical(default, quote(expr = )), NA)
  needs <- setdiff(names(takes)[needs], "...")
  if (length(needs)) {
    abort(sprintf("The %s is called without arguments, but its argument `%s` has no default.",
                  actor, needs[[1L]]), "hornet_value_error")
  }
}

# A model is a function, too.
is_generator <- function(x) is_iterator(x) || (is.function(x) && !is_layer(x))

# Arrays that were converted once; `rows` of them (NULL: all), `count` in number.
dataset_feed <- function(dataset, rows, count, spec, shuffle = "none") {
  if (inherits(dataset, "hornet_rows_on_disk")) return(rows_on_disk_feed(dataset, rows, count, spec, shuffle))
  list(
    open = function(total, batch_size) {
      seed <- if (shuffle == "none") 0L else sample.int(.Machine$integer.max, 1L)
      cpp_feeder_dataset(dataset, rows, spec, batch_size, shuffle, seed, 2L, total)
    },
    samples = count,
    actor = spec$actor
  )
}

# Calls of the generator have random numbers of their own: when they happen depends on how far the
# producer works ahead, and no other code's numbers may depend on that.
with_own_random_state <- function(generator) {
  force(generator)
  random_state <- function() get0(".Random.seed", globalenv(), inherits = FALSE)
  restore <- function(state) assign(".Random.seed", state, envir = globalenv())
  seed <- sample.int(.Machine$integer.max, 1L)
  global <- random_state()
  set.seed(seed)
  state <- random_state()
  restore(global)
  function() {
    global <- random_state()
    restore(state)
    on.exit({
      state <<- random_state()
      restore(global)
    })
    generator()
  }
}

# Arrays ---------------------------------------------------------------------------------------

# In the order of the ports: by name where the list has names, else as they come.
pick_by_port <- function(data, ports, what) {
  if (is.null(data)) abort(sprintf("`%s` is missing.", what), "hornet_value_error")
  if (!is.list(data) || is.data.frame(data)) data <- list(data)
  names <- vapply(ports, function(port) port$name, "")
  given <- names(data)
  if (!is.null(given) && any(given %in% names)) {
    missing <- setdiff(names, given)
    if (length(missing)) {
      abort(sprintf("`%s` has no data for %s; the model needs %s.", what, quoted(missing, "and"),
                    quoted(names, "and")), "hornet_value_error")
    }
    return(data[names])
  }
  if (length(data) != length(ports)) {
    abort(sprintf("`%s` must have %d %s (%s), not %d.", what, length(ports),
                  if (length(ports) == 1L) "array" else "arrays", quoted(names, "and"),
                  length(data)), "hornet_value_error")
  }
  data
}

# Factors are classes from 0 in the order of their levels, which is worth saying once; sparse
# matrices are spread out. The rest is read, and checked against the model, natively.
as_arrays <- function(data, ports, what) {
  arrays <- unname(pick_by_port(data, ports, what))
  for (i in seq_along(arrays)) {
    if (inherits(arrays[[i]], "Matrix")) arrays[[i]] <- as.matrix(arrays[[i]])
    if (is.factor(arrays[[i]])) tell_class_order(arrays[[i]], what)
  }
  arrays
}

tell_class_order <- function(x, what) {
  if (isTRUE(.globals$told_class_order)) return(invisible())
  .globals$told_class_order <- TRUE
  shown <- utils::head(levels(x), 10L)
  message(sprintf("`%s` is a factor, taken as classes %s%s.", what,
                  paste(seq_along(shown) - 1L, shown, sep = " = ", collapse = ", "),
                  if (nlevels(x) > 10L) sprintf(", ... (%d levels)", nlevels(x)) else ""))
}

# One weight vector per target, or NULL where none was given.
as_sample_weights <- function(weights, targets, rows, what = "sample_weight") {
  if (is.null(weights)) return(NULL)
  outputs <- vapply(targets, function(target) target$name, "")
  if (!is.list(weights)) {
    weights <- list(weights)
  } else if (!is.null(names(weights))) {
    unknown <- setdiff(names(weights), outputs)
    if (length(unknown)) {
      abort(sprintf("`%s` names %s, but the model's outputs are %s.", what,
                    quoted(unknown, "and"), quoted(outputs, "and")), "hornet_value_error")
    }
    weights <- lapply(outputs, function(output) weights[[output]])
  }
  if (length(weights) != length(outputs)) {
    abort(sprintf("`%s` must have one vector for each of the %d outputs, not %d.", what,
                  length(outputs), length(weights)), "hornet_value_error")
  }
  # A column is as good as a vector.
  lapply(weights, function(w) if (is.numeric(w) && length(w) == rows) as.vector(w) else w)
}

# x, y and weights in the model's format, converted once, or (hdf5.R) as they are on disk.
as_dataset <- function(x, y, weights, spec, names = c("x", "y", "sample_weight")) {
  if (any_on_disk(x) || (spec$needs_targets && any_on_disk(y))) {
    return(rows_on_disk(x, y, weights, spec, names))
  }
  inputs <- as_arrays(x, spec$inputs, names[[1L]])
  rows <- NROW(inputs[[1L]])
  targets <- NULL
  if (spec$needs_targets) {
    targets <- as_arrays(y, spec$targets, names[[2L]])
    weights <- as_sample_weights(weights, spec$targets, rows, names[[3L]])
  }
  data <- list(handle = cpp_dataset(inputs, targets, weights), rows = rows)
  # Now rather than when the first batch is asked for: nothing has been printed yet.
  cpp_feeder_stop(cpp_feeder_dataset(data$handle, NULL, spec, max(rows, 1L), "none", 0, 0L, 0))
  data
}

# list(x, y) or list(x, y, weights) as a feed. The elements may have names.
array_validation_feed <- function(model, data) {
  if (!is.list(data) || is.data.frame(data) || !length(data) %in% 2:3) {
    got <- if (is.list(data) && !is.data.frame(data)) paste("a list of", length(data)) else describe(data)
    abort(sprintf(
      "`validation_data` must be a generator, list(x, y) or list(x, y, sample_weights), not %s.", got
    ), "hornet_value_error")
  }
  by_role <- stats::setNames(data, validation_roles(names(data), length(data)))
  spec <- model_feed_spec(model, "evaluate", "validation data")
  dataset <- as_dataset(by_role[["x"]], by_role[["y"]], by_role[["w"]], spec,
                        paste0("validation_data[[", 1:3, "]]"))
  dataset_feed(dataset$handle, NULL, dataset$rows, spec)
}

# By name where all names are known ones, else by position.
validation_roles <- function(names, count) {
  known <- c(x = "x", inputs = "x", y = "y", targets = "y", w = "w", weights = "w",
             sample_weight = "w", sample_weights = "w")
  roles <- unname(known[names])
  if (is.null(names) || anyNA(roles) || anyDuplicated(roles) || !all(c("x", "y") %in% roles)) {
    roles <- c("x", "y", "w")[seq_len(count)]
  }
  roles
}
