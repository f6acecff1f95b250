# The op harness: every row of helper-op-cases.R, in every way it can be checked.

nothing <- character()

test_that("shapes and numbers are those of the oracle, on every back end", {
  set.seed(20)
  for (row in op_rows()) expect_identical(number_problems(row), nothing)
})

test_that("gradients and their gradients are those of finite differences", {
  set.seed(21)
  for (row in op_rows()) {
    if (!length(row$gradient)) next
    # A middle batch: large enough for whole lanes, small enough for differences.
    batch <- row$batches[(min(length(row$batches), 4) + 2) %/% 2]
    expect_identical(gradient_problems(row, batch), nothing)
  }
})

test_that("ops without a gradient let none through", {
  ops <- as.data.frame(cpp_op_table())
  without <- ops$op[!ops$differentiable]
  for (row in op_rows()) {
    if (!row$op %in% without || !is.null(row$build)) next
    real <- which(vapply(row$args, function(a) a$dtype == "float32", NA))
    built <- build_row(row)
    if (!length(real) || built$outputs[[1]]$dtype != "float32") next
    loss <- functional(built, built$outputs, length(built$fed))
    grads <- cpp_graph_gradients(built$graph, loss$value, values_of(built$inputs[real]))
    expect_true(all(vapply(grads, is.null, NA)), label = row$label)
  }
})

test_that("the reference runs every op, and every op has a row in the table", {
  rows <- op_rows()
  for (row in rows) {
    fn <- row_function(build_row(row))
    for (f64 in c(FALSE, TRUE)) {
      support <- as.data.frame(cpp_function_support(fn, max(row$batches), f64))
      if (!all(support$reference)) fail(paste(row$label, "is not on the reference"))
    }
    if (!is.null(row$build)) expect_true(row$makes %in% support$op, label = row$label)
  }
  ops <- as.data.frame(cpp_op_table())
  # The planner itself moves what "assign" says; rng_advance has its own test below.
  expect_setequal(setdiff(ops$op[!ops$leaf], c("assign", "rng_advance")),
                  unique(vapply(rows, function(row) row$makes, "")))
})

test_that("random ops give the distributions of their names, whatever the number of threads", {
  graph <- cpp_graph()
  variables <- cpp_variables()
  id <- cpp_variable_add(variables, "rng", 4, "int32", c(11L, 22L, 33L, 44L))
  rng <- cpp_graph_variable(graph, variables, id)$value
  draw <- function(op) cpp_graph_op(graph, op, list(rng), list(shape = 1e5, stream = 3), "")[[1]]
  fetches <- list(draw("random_normal")$value, draw("random_uniform")$value)
  fn <- cpp_function(graph, variables, fetches, list())
  drawn <- cpp_function_run(fn, list())
  expect_gt(suppressWarnings(stats::ks.test(as.vector(drawn[[1]]), "pnorm"))$p.value, 1e-3)
  expect_gt(suppressWarnings(stats::ks.test(as.vector(drawn[[2]]), "punif"))$p.value, 1e-3)
  old <- cpp_threads()
  on.exit(cpp_set_threads(old))
  cpp_set_threads(1L)
  expect_identical(cpp_function_run(fn, list()), drawn)
})

test_that("rng_advance counts steps in 64 bits, after everything that draws", {
  graph <- cpp_graph()
  variables <- cpp_variables()
  id <- cpp_variable_add(variables, "rng", 4, "int32", c(1L, 2L, -2L, 0L))
  rng <- cpp_graph_variable(graph, variables, id)$value
  drawn <- cpp_graph_op(graph, "random_uniform", list(rng), list(shape = 8, stream = 0), "")[[1]]
  moved <- cpp_graph_op(graph, "rng_advance", list(rng), list(), "")[[1]]
  fn <- cpp_function(graph, variables, list(drawn$value), list(moved$value))
  for (step in c(2^32 - 2, 2^32 - 1, 2^32, 2^32 + 1)) {
    state <- c(1, 2, step %% 2^32, step %/% 2^32)
    expect_equal(as.vector(cpp_function_run(fn, list())[[1]]), oracle_uniforms(8, state, 0))
  }
  expect_identical(as.vector(cpp_variable_get(variables, id)), c(1L, 2L, 2L, 1L))
})
