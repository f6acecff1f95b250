# Builds a row of the op table (helper-op-cases.R), runs it and differentiates it. Checks return
# what is wrong as text, nothing if all is well: an expectation for each would take longer than
# the kernels.

# An array of `dim` drawn row-major, so that a table of fixed values reads in order.
draw_arg <- function(arg, batch) {
  dim <- bind_dim(arg$dim, batch)
  from_row_major(arg$draw(prod(dim)), dim)
}
bind_dim <- function(dim, batch) ifelse(dim < 0, -dim * batch, dim)

# The graph of a row, its inputs and its outputs (records). Feed 0 is a vector that nothing reads:
# it says how large the batch is where no other input does.
build_row <- function(row) {
  graph <- cpp_graph()
  variables <- cpp_variables()
  cpp_graph_input(graph, 0L, -1, "float32")
  fed <- integer()
  inputs <- vector("list", length(row$args))
  for (i in seq_along(row$args)) {
    arg <- row$args[[i]]
    if (isTRUE(arg$variable)) {
      value <- as.integer(draw_arg(arg, 1))
      id <- cpp_variable_add(variables, paste0("v", i), arg$dim, arg$dtype, value)
      inputs[[i]] <- cpp_graph_variable(graph, variables, id)
    } else {
      fed <- c(fed, i)
      inputs[[i]] <- cpp_graph_input(graph, length(fed), arg$dim, arg$dtype)
    }
  }
  # op(name, inputs, attrs) -> outputs; inputs are records, lists of one record or numbers.
  op <- function(name, inputs, attrs = list()) {
    values <- lapply(inputs, function(x) {
      if (is.numeric(x)) x else if (is.null(x$value)) x[[1]]$value else x$value
    })
    cpp_graph_op(graph, name, values, attrs, "")
  }
  outputs <- if (is.null(row$build)) op(row$op, inputs, row$attrs) else row$build(op, inputs)
  list(graph = graph, variables = variables, op = op, inputs = inputs, outputs = outputs,
       fed = fed)
}

values_of <- function(records) lapply(records, function(r) r$value)

row_function <- function(built, fetches = built$outputs) {
  cpp_function(built$graph, built$variables, values_of(fetches), list())
}

# Runs with feeds that follow the vector which gives the batch its size.
run_row <- function(fn, batch, feeds, f64 = FALSE, reference = FALSE, device = -1L) {
  cpp_function_run(fn, c(list(array(0, batch)), feeds), f64, reference, device)
}

# The GPU that the tests of this process run on (HORNET_DEVICE=gpu), -1 without.
tested_gpu <- if (startsWith(Sys.getenv("HORNET_DEVICE"), "gpu")) 0L else -1L

# What the oracle says, a list of arrays.
row_oracle <- function(row, inputs, batch) {
  arguments <- unname(inputs)
  if ("a" %in% names(formals(row$oracle))) {
    arguments <- c(arguments, list(a = c(row$attrs, list(batch = batch))))
  }
  result <- do.call(row$oracle, arguments)
  if (is.list(result)) result else list(result)
}

# The largest |x - y|, relative to the number and to the usual (geometric mean) size of all.
largest_difference <- function(x, y) {
  x <- as.vector(x)
  y <- as.vector(y)
  if (length(x) != length(y) || !identical(is.na(x), is.na(y))) return(Inf)
  finite <- is.finite(y)
  if (!all(x[!finite] == y[!finite], na.rm = TRUE)) return(Inf)
  x <- x[finite]
  y <- y[finite]
  usual <- if (any(y != 0)) exp(mean(log(abs(y[y != 0])))) else 1
  max(0, abs(x - y) / (abs(y) + usual))
}

tensor_problems <- function(got, expected, tolerance, label) {
  if (length(got) != length(expected)) return(paste0(label, ": ", length(got), " outputs"))
  problems <- character()
  for (i in seq_along(expected)) {
    what <- paste0(label, ", output ", i, ": ")
    if (!identical(as.numeric(dims(got[[i]])), as.numeric(dims(expected[[i]])))) {
      problems <- c(problems, paste0(what, "shape (", toString(dims(got[[i]])), "), expected (",
                                     toString(dims(expected[[i]])), ")"))
    }
    difference <- largest_difference(got[[i]], expected[[i]])
    if (!(difference <= tolerance)) {
      problems <- c(problems, paste0(what, "differs by ", signif(difference, 3)))
    }
  }
  problems
}

# What float32 cannot hold is infinite there.
float_range <- function(xs) {
  lapply(xs, function(x) {
    large <- which(abs(x) > 3.4028235e38)
    x[large] <- sign(x[large]) * Inf
    x
  })
}

# Shapes and numbers of a row against its oracle, on every back end.
number_problems <- function(row) {
  built <- build_row(row)
  fn <- row_function(built)
  problems <- character()
  for (batch in row$batches) {
    label <- paste0(row$label, ", batch ", batch)
    inputs <- lapply(row$args, draw_arg, batch = batch)
    expected <- row_oracle(row, inputs, batch)
    inferred <- lapply(built$outputs, function(o) as.numeric(bind_dim(o$dim, batch)))
    if (!identical(inferred, lapply(expected, function(x) as.numeric(dims(x))))) {
      problems <- c(problems, paste(label, "infers another shape"))
    }
    feeds <- inputs[built$fed]
    reference <- run_row(fn, batch, feeds, reference = TRUE)
    problems <- c(
      problems,
      # Inputs are numbers that float holds exactly, but for the extremes.
      tensor_problems(run_row(fn, batch, feeds, TRUE, TRUE), expected, 1e-9,
                      paste(label, "in double")),
      tensor_problems(reference, float_range(expected), 1e-5, paste(label, "in float")),
      tensor_problems(run_row(fn, batch, feeds), reference, 1e-5,
                      paste(label, "on the fast back end")),
      if (tested_gpu >= 0L) {
        tensor_problems(run_row(fn, batch, feeds, device = tested_gpu), reference, 1e-5,
                        paste(label, "on the GPU"))
      }
    )
  }
  problems
}

# --- derivatives -------------------------------------------------------------------------------

# The outputs as one number: each times random weights, summed. Weights are inputs that follow
# those there are.
functional <- function(built, outputs, feeds) {
  total <- NULL
  for (i in seq_along(outputs)) {
    weights <- cpp_graph_input(built$graph, feeds + i, outputs[[i]]$dim, "float32")
    term <- built$op("sum", built$op("mul", list(outputs[[i]], weights)))[[1]]
    total <- if (is.null(total)) term else built$op("add", list(total, term))[[1]]
  }
  total
}

random_weights <- function(outputs, batch) {
  lapply(outputs, function(o) draw_arg(arg(o$dim, reals(-1, 1)), batch))
}

# Central differences of fourth order: in double their error is far below the tolerance.
kDifferenceStep <- 1e-3

difference_quotient <- function(f, feeds, which, element) {
  at <- function(shift) {
    feeds[[which]][element] <- feeds[[which]][element] + shift
    f(feeds)
  }
  h <- kDifferenceStep
  (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
}

# Whether `gradients` (arrays, one for each of the feeds `wrt`) are the derivatives of the number
# that `fn` fetches, at up to `most` elements of each.
derivative_problems <- function(fn, batch, feeds, wrt, gradients, label, most, tolerance) {
  f <- function(feeds) run_row(fn, batch, feeds, TRUE, TRUE)[[1]]
  problems <- character()
  for (i in seq_along(wrt)) {
    n <- length(feeds[[wrt[i]]])
    elements <- if (n <= most) seq_len(n) else sort(sample.int(n, most))
    quotients <- vapply(elements, function(e) difference_quotient(f, feeds, wrt[i], e), 1)
    given <- as.vector(gradients[[i]])[elements]
    difference <- max(abs(given - quotients)) / max(abs(given), abs(quotients), 1e-3)
    if (!(difference <= tolerance)) {
      problems <- c(problems, paste0(label, ", input ", wrt[i], ": off by ", signif(difference, 3)))
    }
  }
  problems
}

# Differentiates a row, and its gradient if `row$second`, and holds both against differences.
gradient_problems <- function(row, batch) {
  built <- build_row(row)
  differentiated <- built$inputs[row$gradient]
  wrt <- match(row$gradient, built$fed)
  feeds <- lapply(row$args[built$fed], draw_arg, batch = batch)
  loss <- functional(built, built$outputs, length(feeds))
  weights <- random_weights(built$outputs, batch)
  grads <- cpp_graph_gradients(built$graph, loss$value, values_of(differentiated))
  if (any(vapply(grads, is.null, NA))) return(paste(row$label, "has no gradient"))

  first_feeds <- c(feeds, weights)
  fn <- row_function(built, list(loss))
  gradient_fn <- row_function(built, grads)
  gradients <- run_row(gradient_fn, batch, first_feeds, TRUE, TRUE)
  problems <- c(
    derivative_problems(fn, batch, first_feeds, wrt, gradients, paste(row$label, "derivative"),
                        24, 1e-6),
    # What a model trains with: float, all passes, the fast kernels.
    tensor_problems(run_row(gradient_fn, batch, first_feeds), gradients, 2e-5,
                    paste(row$label, "gradient in float"))
  )
  if (!identical(lapply(gradients, dims), lapply(feeds[wrt], dims))) {
    problems <- c(problems, paste(row$label, "has a gradient of another shape than its input"))
  }
  if (!row$second) return(problems)

  slope <- functional(built, grads, length(first_feeds))
  second_feeds <- c(first_feeds, random_weights(grads, batch))
  second <- cpp_graph_gradients(built$graph, slope$value, values_of(differentiated))
  seconds <- lapply(feeds[wrt], function(x) x * 0)
  there <- which(!vapply(second, is.null, NA))
  if (length(there)) {
    seconds[there] <- run_row(row_function(built, second[there]), batch, second_feeds, TRUE, TRUE)
  }
  c(problems, derivative_problems(row_function(built, list(slope)), batch, second_feeds, wrt,
                                  seconds, paste(row$label, "second derivative"), 8, 2e-6))
}
