# Builds a row of the op table (helper-op-cases.R), runs it and differentiates it.

# An array of `dim` drawn row-major, so that a table of fixed values reads in order.
draw_arg <- function(arg, batch) {
  dim <- bind_dim(arg$dim, batch)
  from_row_major(arg$draw(prod(dim)), dim)
}
bind_dim <- function(dim, batch) ifelse(dim < 0, -dim * batch, dim)

as_tensor_list <- function(x) if (is.list(x)) x else list(x)

# The graph of a row, its inputs and its outputs (records).
build_row <- function(row) {
  graph <- cpp_graph()
  variables <- cpp_variables()
  feeds <- list()
  inputs <- vector("list", length(row$args))
  for (i in seq_along(row$args)) {
    arg <- row$args[[i]]
    if (isTRUE(arg$variable)) {
      value <- as.integer(draw_arg(arg, 1))
      id <- cpp_variable_add(variables, paste0("v", i), arg$dim, arg$dtype, value)
      inputs[[i]] <- cpp_graph_variable(graph, variables, id)
    } else {
      inputs[[i]] <- cpp_graph_input(graph, length(feeds), arg$dim, arg$dtype)
      feeds <- c(feeds, i)
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
       feeds = unlist(feeds))
}

values_of <- function(records) lapply(records, function(r) r$value)

row_function <- function(built, fetches = built$outputs) {
  cpp_function(built$graph, built$variables, values_of(fetches), list())
}

# What the oracle says, a list of arrays. Attribute "shape" is made concrete.
row_oracle <- function(row, inputs, batch) {
  arguments <- unname(inputs)
  if ("a" %in% names(formals(row$oracle))) {
    arguments <- c(arguments, list(a = c(row$attrs, list(batch = batch))))
  }
  as_tensor_list(do.call(row$oracle, arguments))
}

# The largest |x - y|, where both are relative to the size of the number or of its neighbours.
largest_difference <- function(x, y) {
  x <- as.vector(x)
  y <- as.vector(y)
  special <- !is.finite(y)
  if (!identical(is.nan(x) | is.na(x), is.nan(y) | is.na(y))) return(Inf)
  special_ok <- is.na(y[special]) | x[special] == y[special]
  if (!all(special_ok)) return(Inf)
  x <- x[!special]
  y <- y[!special]
  if (!length(y)) return(0)
  # Where everything is 0, so must be the other.
  size <- abs(y) + sqrt(mean(y^2))
  max(ifelse(x == y, 0, abs(x - y) / size))
}

# Expects lists of arrays to agree, in dimensions and within `tolerance`.
expect_tensors <- function(got, expected, tolerance, label) {
  expect_length(got, length(expected))
  for (i in seq_along(expected)) {
    what <- paste0(label, if (length(expected) > 1) paste(", output", i))
    expect_identical(as.numeric(dims(got[[i]])), as.numeric(dims(expected[[i]])),
                     label = paste(what, "dimensions"))
    difference <- largest_difference(got[[i]], expected[[i]])
    expect_lte(difference, tolerance, label = paste(what, "differs by", signif(difference, 3)),
               expected.label = tolerance)
  }
}

# --- derivatives -------------------------------------------------------------------------------

# The row's outputs as one number: each times fixed random weights, summed. Weights come from
# inputs that follow the row's own.
functional <- function(built, outputs, first_feed) {
  total <- NULL
  for (i in seq_along(outputs)) {
    weights <- cpp_graph_input(built$graph, first_feed + i - 1, outputs[[i]]$dim, "float32")
    term <- built$op("sum", built$op("mul", list(outputs[[i]], weights)))[[1]]
    total <- if (is.null(total)) term else built$op("add", list(total, term))[[1]]
  }
  total
}

random_weights <- function(outputs, batch) {
  lapply(outputs, function(o) draw_arg(arg(o$dim, reals(-1, 1)), batch))
}

# Central differences of fourth order: f is exact in double, so the error is far below 1e-8.
kDifferenceStep <- 1e-3

difference_quotient <- function(f, feeds, which, element) {
  at <- function(shift) {
    feeds[[which]][element] <- feeds[[which]][element] + shift
    f(feeds)
  }
  h <- kDifferenceStep
  (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
}

# Expects `gradients` (arrays, one for each of the feeds `wrt`) to be the derivatives of the number
# that `fn` fetches, at up to `most` elements of each.
expect_derivatives <- function(fn, feeds, wrt, gradients, label, most = 24, tolerance = 1e-6) {
  f <- function(feeds) cpp_function_run(fn, feeds, TRUE, TRUE)[[1]]
  for (i in seq_along(wrt)) {
    n <- length(feeds[[wrt[i]]])
    elements <- if (n <= most) seq_len(n) else sort(sample.int(n, most))
    quotients <- vapply(elements, function(e) difference_quotient(f, feeds, wrt[i], e), 1)
    given <- as.vector(gradients[[i]])[elements]
    size <- max(abs(given), abs(quotients), 1e-3)
    difference <- max(abs(given - quotients)) / size
    expect_lte(difference, tolerance,
               label = paste0(label, ", input ", wrt[i], ": derivative differs by ",
                              signif(difference, 3)), expected.label = tolerance)
  }
}

# Differentiates a row, and its gradient if `row$second`, and holds both against differences.
check_gradients <- function(row, batch) {
  built <- build_row(row)
  wrt <- match(row$gradient, built$feeds)
  feeds <- lapply(row$args[built$feeds], draw_arg, batch = batch)
  weights <- random_weights(built$outputs, batch)
  loss <- functional(built, built$outputs, length(feeds))
  grads <- cpp_graph_gradients(built$graph, loss$value, values_of(built$inputs[row$gradient]))
  missing <- vapply(grads, is.null, NA)
  expect_false(any(missing), label = paste(row$label, "has no gradient of an input"))
  if (any(missing)) return(invisible())

  all_feeds <- c(feeds, weights)
  fn <- row_function(built, list(loss))
  gradient_fn <- row_function(built, grads)
  gradients <- cpp_function_run(gradient_fn, all_feeds, TRUE, TRUE)
  for (i in seq_along(wrt)) {
    expect_identical(as.numeric(dims(gradients[[i]])), as.numeric(dims(feeds[[wrt[i]]])),
                     label = paste(row$label, "dimensions of a gradient"))
  }
  expect_derivatives(fn, all_feeds, wrt, gradients, row$label)
  # What a model trains with: float, all passes, the fast kernels.
  fast <- cpp_function_run(gradient_fn, all_feeds)
  expect_tensors(fast, gradients, 2e-5, paste(row$label, "gradient in float"))

  if (!row$second) return(invisible())
  second_weights <- random_weights(grads, batch)
  slope <- functional(built, grads, length(all_feeds))
  second <- cpp_graph_gradients(built$graph, slope$value, values_of(built$inputs[row$gradient]))
  there <- which(!vapply(second, is.null, NA))
  second_feeds <- c(all_feeds, second_weights)
  slope_fn <- row_function(built, list(slope))
  seconds <- lapply(seq_along(wrt), function(i) feeds[[wrt[i]]] * 0)
  if (length(there)) {
    seconds[there] <- cpp_function_run(row_function(built, second[there]), second_feeds, TRUE, TRUE)
  }
  expect_derivatives(slope_fn, second_feeds, wrt, seconds, paste(row$label, "second derivative"),
                     most = 8, tolerance = 2e-6)
}
