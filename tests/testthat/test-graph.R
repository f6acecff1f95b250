# Graphs from R: records, errors, functions and variables through the glue.

new_graph <- function() {
  graph <- cpp_graph()
  list(
    graph = graph,
    op = function(name, ..., attrs = list(), origin = "") {
      inputs <- lapply(list(...), function(x) if (is.list(x)) x$value else x)
      records <- cpp_graph_op(graph, name, inputs, attrs, origin)
      if (length(records) == 1L) records[[1L]] else records
    },
    input = function(index, dim, dtype = "float32") cpp_graph_input(graph, index, dim, dtype),
    fn = function(variables, fetches, updates = list()) {
      values <- function(records) lapply(records, function(r) r$value)
      cpp_function(graph, variables, values(fetches), values(updates))
    }
  )
}

test_that("records tell shape and type", {
  g <- new_graph()
  x <- g$input(0L, c(-1, 28, 28))
  expect_identical(x, list(value = c(0L, 0L), dim = c(-1, 28, 28), dtype = "float32"))
  y <- g$op("reshape", x, attrs = list(shape = c(-1, 784)))
  expect_identical(y$dim, c(-1, 784))
  expect_identical(g$op("sum", x)$dim, numeric())
  expect_identical(g$op("argmax", x, attrs = list(axis = -1))$dim, c(-1, 28))
  expect_identical(g$op("cast", x, attrs = list(dtype = "int32"))$dtype, "int32")
  norm <- g$op("batch_norm", x, cpp_graph_constant(g$graph, 1, 28, "float32"),
               cpp_graph_constant(g$graph, 0, 28, "float32"), attrs = list(epsilon = 1e-3))
  expect_length(norm, 3L)
  expect_identical(norm[[2]]$dim, 28)
})

test_that("errors name the layer, say what came, and have a class", {
  g <- new_graph()
  x <- g$input(0L, c(-1, 784))
  w <- g$input(1L, c(100, 10))
  expect_error(g$op("matmul", x, w, origin = "layer \"dense_2\""),
               "layer \"dense_2\": matmul: the left matrix has 784 columns, the right matrix has 100 rows",
               class = "hornet_shape_error", fixed = TRUE)
  expect_error(g$op("no_such_op", x), "no operation named", class = "hornet_error")
  expect_error(g$op("add", x, list(value = 1:3)), "c(node, output)", class = "hornet_error",
               fixed = TRUE)
  expect_error(g$op("add", x, list(value = c(99L, 0L))), "not a tensor of this model",
               class = "hornet_error")
  expect_error(cpp_graph_op(cpp_variables(), "neg", list(x$value), list(), ""), "handle",
               class = "hornet_error")
})

test_that("numbers are constants and broadcast", {
  g <- new_graph()
  x <- g$input(0L, c(-1, 2))
  fn <- g$fn(cpp_variables(), list(g$op("add", x, 10), g$op("mul", 2, x), g$op("sub", 1L, x)))
  m <- matrix(c(1, 2, 3, 4, 5, 6), 3)
  expect_equal(cpp_function_run(fn, list(m)), list(m + 10, 2 * m, 1 - m))
})

test_that("arrays keep their order of dimensions", {
  g <- new_graph()
  a <- array(as.numeric(1:24), c(2, 3, 4))
  x <- g$input(0L, c(-1, 3, 4))
  fn <- g$fn(cpp_variables(), list(
    x, g$op("transpose", x, attrs = list(perm = c(2, 0, 1))),
    g$op("sum", x, attrs = list(axes = c(0, 2))), g$op("sum", x),
    g$op("slice", x, attrs = list(axis = 1, begin = 1, size = 2))
  ))
  for (f64 in c(FALSE, TRUE)) for (reference in c(FALSE, TRUE)) {
    out <- cpp_function_run(fn, list(a), f64, reference)
    expect_identical(out[[1]], a)
    expect_equal(out[[2]], aperm(a, c(3, 1, 2)))
    expect_equal(out[[3]], array(apply(a, 2, sum), 3))
    expect_identical(out[[4]], sum(a))
    expect_identical(out[[5]], a[, 2:3, ])
  }
})

test_that("variables are read, written and checked", {
  v <- cpp_variables()
  m <- matrix(as.numeric(1:6), 2)
  expect_identical(cpp_variable_add(v, "kernel", c(2, 3), "float32", m), 0L)
  expect_identical(cpp_variable_add(v, "bias", 3, "float32", 0.5), 1L)
  expect_identical(cpp_variable_add(v, "state", 4, "int32", c(1L, 2L, 3L, 4L)), 2L)
  expect_identical(cpp_variable_add(v, "rate", numeric(), "float32", 0.25), 3L)
  expect_identical(cpp_variable_get(v, 0L), m)
  expect_identical(cpp_variable_get(v, 1L), array(0.5, 3))
  expect_identical(cpp_variable_get(v, 2L), array(1:4, 4))
  expect_identical(cpp_variable_get(v, 3L), 0.25)
  cpp_variable_set(v, 0L, -m)
  expect_identical(cpp_variable_get(v, 0L), -m)
  expect_error(cpp_variable_set(v, 0L, t(m)), "kernel: expected shape (2, 3), got (3, 2)",
               class = "hornet_shape_error", fixed = TRUE)
  expect_error(cpp_variable_set(v, 0L, "a"), "kernel: expected numbers", class = "hornet_error")
  expect_error(cpp_variable_get(v, 9L), "no variable 9", class = "hornet_error")
  expect_identical(cpp_variable_info(v)$name, c("kernel", "bias", "state", "rate"))
})

test_that("a function updates variables once per run", {
  v <- cpp_variables()
  cpp_variable_add(v, "count", numeric(), "float32", 0)
  g <- new_graph()
  x <- g$input(0L, c(-1, 2))
  count <- cpp_graph_variable(g$graph, v, 0L)
  update <- g$op("assign", count, g$op("add", count, g$op("sum", x)))
  fn <- g$fn(v, list(count, update), list(update))
  expect_equal(cpp_function_run(fn, list(matrix(1, 3, 2))), list(0, 6))
  expect_equal(cpp_function_run(fn, list(matrix(1, 5, 2))), list(6, 16))
  expect_equal(cpp_variable_get(v, 0L), 16)
  expect_equal(cpp_function_run(fn, list(matrix(1, 5, 2)), f64 = TRUE), list(16, 26))
  expect_equal(cpp_variable_get(v, 0L), 26)
})

test_that("gradients are graph, and NULL where none flows", {
  g <- new_graph()
  x <- g$input(0L, c(-1, 2))
  y <- g$input(1L, c(-1, 2))
  loss <- g$op("sum", g$op("mul", x, g$op("exp", x)))
  grads <- cpp_graph_gradients(g$graph, loss$value, list(x$value, y$value))
  expect_null(grads[[2]])
  fn <- g$fn(cpp_variables(), grads[1])
  m <- matrix(c(0.5, -1, 2, 0), 2)
  expect_equal(cpp_function_run(fn, list(m, m), f64 = TRUE)[[1]], exp(m) * (1 + m))
})

test_that("inputs that do not fit are named", {
  g <- new_graph()
  x <- g$input(0L, c(-1, 2))
  y <- g$input(1L, c(-1, 3))
  fn <- g$fn(cpp_variables(), list(g$op("sum", x), g$op("sum", y)))
  expect_error(cpp_function_run(fn, list(matrix(0, 4, 2), matrix(0, 5, 3))),
               "input 2: expected shape (None, 3), got (5, 3) in a batch of 4 rows",
               class = "hornet_shape_error", fixed = TRUE)
  expect_error(cpp_function_run(fn, list(matrix(0, 4, 2))), "expected 2 inputs, got 1",
               class = "hornet_error")
  expect_error(cpp_function_run(fn, list(matrix(0, 0, 2), matrix(0, 0, 3))), "input 1 has no rows",
               class = "hornet_shape_error")
  expect_error(cpp_function_run(fn, list(matrix("a", 4, 2), matrix(0, 4, 3))),
               "input 1: expected numbers", class = "hornet_error")
})

test_that("plans and graphs print", {
  g <- new_graph()
  x <- g$input(0L, c(-1, 2))
  y <- g$op("relu", g$op("mul", x, 3), origin = "layer \"a\"")
  expect_match(cpp_graph_text(g$graph), "relu(%3) -> float32 (None, 2)  # layer \"a\"", fixed = TRUE)
  text <- cpp_function_text(g$fn(cpp_variables(), list(y)), 32)
  expect_match(text, "fused", fixed = TRUE)
  expect_match(text, "arena", fixed = TRUE)
})

test_that("handles do not survive R's serialization", {
  g <- unserialize(serialize(cpp_graph(), NULL))
  expect_error(cpp_graph_text(g), "another R session", class = "hornet_error")
})
