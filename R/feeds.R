# Where the batches of a run come from: generators, image iterators, arrays. A feed is a list of
#   open(total, batch_size)   starts a feeder that will give `total` batches
#   samples                   number of rows (arrays only)
#   length                    batches in a pass (iterators only)
#   actor                     its name in messages

# training: batches of an iterator come in random order; a function gets random numbers of its own.
generator_feed <- function(generator, spec, queue_size, training = FALSE) {
  if (is_iterator(generator)) {
    return(list(
      open = function(total, ...) {
        iterator_feeder(generator, spec, queue_size, total, shuffle_batches = training)
      },
      length = length(generator),
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

check_generator <- function(generator, actor) {
  if (!is_generator(generator)) {
    abort(sprintf("The %s must be a function that returns a batch, or an image iterator, not %s.",
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

is_iterator <- function(x) inherits(x, "keras_image_iterator")

# A model is a function, too.
is_generator <- function(x) is_iterator(x) || (is.function(x) && !is_layer(x))

# Arrays that were converted once; `rows` of them (NULL: all), `count` in number.
dataset_feed <- function(dataset, rows, count, spec, shuffle = "none") {
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

# What users give as x, y -> a list of arrays, one for each port of the model, with equal numbers
# of rows. `what` is the argument's name.
as_port_arrays <- function(data, ports, what) {
  arrays <- pick_by_port(data, ports, what)
  for (i in seq_along(ports)) {
    label <- if (length(ports) == 1L && !is.list(data)) what else sprintf("%s[[%d]]", what, i)
    arrays[[i]] <- fit_to_port(as_plain_array(arrays[[i]], label), ports[[i]], label)
  }
  rows <- vapply(arrays, row_count, 0)
  if (length(unique(rows)) > 1L) {
    abort(sprintf("All arrays in `%s` must have the same number of rows, not %s.", what,
                  paste(rows, collapse = ", ")), "hornet_shape_error")
  }
  unname(arrays)
}

# In the order of the ports: by name where the list has names, else as they come.
pick_by_port <- function(data, ports, what) {
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

# A numeric, integer or logical array, or an error that says what came.
as_plain_array <- function(x, what) {
  if (is.data.frame(x)) {
    numeric <- vapply(x, function(column) is.numeric(column) || is.logical(column), NA)
    if (!all(numeric)) {
      abort(sprintf('`%s` is a data frame whose column "%s" is not numeric but %s.', what,
                    names(x)[!numeric][[1L]], class(x[[which(!numeric)[[1L]]]])[[1L]]),
            "hornet_value_error")
    }
    return(unname(as.matrix(x)))
  }
  if (is.factor(x)) return(factor_codes(x, what))
  if (inherits(x, "integer64")) return(as.double(x))
  if (isS4(x) && inherits(x, "Matrix")) x <- as.matrix(x)
  if (!(is.numeric(x) || is.logical(x)) || length(x) == 0L) {
    abort(sprintf("`%s` must be a numeric array with at least one row, not %s.", what,
                  if (length(x)) describe(x) else "an empty one"), "hornet_value_error")
  }
  x
}

# Classes from 0, in the order of the levels.
factor_codes <- function(x, what) {
  if (!isTRUE(.globals$told_class_order)) {
    .globals$told_class_order <- TRUE
    shown <- utils::head(levels(x), 5L)
    message(sprintf("The levels of the factor `%s` are the classes %s%s.", what,
                    paste0(seq_along(shown) - 1L, " = ", dQuote(shown, FALSE), collapse = ", "),
                    if (nlevels(x) > 5L) ", ..." else ""))
  }
  as.integer(x) - 1L
}

row_count <- function(x) if (is.null(dim(x))) length(x) else dim(x)[[1L]]

# Vectors are columns. Every dimension but the first must be the port's; negative ones are free.
fit_to_port <- function(x, port, what) {
  wanted <- port$dim
  got <- dim(x) %||% length(x)
  fits <- function(got) {
    length(got) == length(wanted) && all(wanted[-1L] < 0 | wanted[-1L] == got[-1L])
  }
  if (fits(got)) return(x)
  columns <- c(got, 1L)
  if (fits(columns)) return(array(x, columns))
  if (length(got) == length(wanted) + 1L && got[[length(got)]] == 1L && fits(got[-length(got)])) {
    return(array(x, got[-length(got)]))
  }
  abort(c(
    sprintf('`%s`: expected "%s" to have shape %s, got an array of shape %s.', what, port$name,
            format_shape(shape_of_dims(wanted)), format_shape(got)),
    if (length(got) == 1L && length(wanted) == 2L) {
      "A single row of a matrix is a vector in R; take it by x[i, , drop = FALSE]."
    }
  ), "hornet_shape_error")
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
  lapply(weights, function(w) {
    if (is.null(w)) return(rep(1, rows))
    if (!(is.numeric(w) || is.logical(w)) || length(w) != rows || row_count(w) != rows) {
      abort(sprintf("`%s` must have one number for each of the %d rows, not %s.", what, rows,
                    if (is.numeric(w)) sprintf("%d", length(w)) else describe(w)),
            "hornet_shape_error")
    }
    as.double(w)
  })
}

# x, y and weights as the spec wants them, converted once to the model's format.
as_dataset <- function(x, y, weights, spec, names = c("x", "y", "sample_weight")) {
  inputs <- as_port_arrays(x, spec$inputs, names[[1L]])
  rows <- row_count(inputs[[1L]])
  targets <- NULL
  if (length(spec$targets)) {
    if (is.null(y)) {
      abort(sprintf("`%s` is needed: the targets of `%s`.", names[[2L]], names[[1L]]),
            "hornet_value_error")
    }
    targets <- as_port_arrays(y, spec$targets, names[[2L]])
    if (row_count(targets[[1L]]) != rows) {
      abort(sprintf("`%s` and `%s` must have the same number of rows, not %d and %d.", names[[1L]],
                    names[[2L]], as.integer(rows), as.integer(row_count(targets[[1L]]))),
            "hornet_shape_error")
    }
    weights <- as_sample_weights(weights, spec$targets, rows, names[[3L]])
  }
  list(handle = cpp_dataset(inputs, targets, weights), rows = as.integer(rows))
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
