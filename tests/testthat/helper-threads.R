# A tiny model made of graph operations, a loop over epochs, and ways to run a case in a process of
# its own: what the thread suite (test-threads.R) stands on. Uses only the native interface.

# y = x w + b with squared error and plain gradient descent. `columns` = -1 leaves the width of the
# inputs unchecked by the feeder, so that a wrong one fails in the trainer.
tiny_model <- function(columns = 2, rate = 0.01) {
  graph <- cpp_graph()
  variables <- cpp_variables()
  op <- function(name, ..., attrs = list()) {
    cpp_graph_op(graph, name, lapply(list(...), `[[`, "value"), attrs, "tiny")[[1]]
  }
  number <- function(x) cpp_graph_constant(graph, x, numeric(), "float32")
  kernel <- cpp_variable_add(variables, "kernel", c(2, 1), "float32", array(c(0.1, -0.1), c(2, 1)))
  bias <- cpp_variable_add(variables, "bias", 1, "float32", 0)
  w <- cpp_graph_variable(graph, variables, kernel)
  b <- cpp_graph_variable(graph, variables, bias)
  x <- cpp_graph_input(graph, 0L, c(-1, 2), "float32")
  y <- cpp_graph_input(graph, 1L, c(-1, 1), "float32")
  weights <- cpp_graph_input(graph, 2L, -1, "float32")
  out <- op("add", op("matmul", x, w), b)
  error <- op("reshape", op("square", op("sub", out, y)), attrs = list(shape = -1))
  loss <- op("mean", op("mul", error, weights), attrs = list(axes = numeric(), keepdims = FALSE))
  gradients <- cpp_graph_gradients(graph, loss$value, list(w$value, b$value))
  updates <- Map(function(variable, gradient) {
    op("assign", variable, op("sub", variable, op("mul", gradient, number(rate))))
  }, list(w, b), gradients)
  values <- function(records) lapply(records, `[[`, "value")
  forward <- tiny_forward(variables)
  list(
    variables = variables,
    train = cpp_function(graph, variables, values(list(loss)), values(updates)),
    evaluate = cpp_function(graph, variables, values(list(loss)), list()),
    predict = forward,
    columns = columns
  )
}

# x w + b alone: prediction is fed with inputs only.
tiny_forward <- function(variables) {
  graph <- cpp_graph()
  op <- function(name, a, b) cpp_graph_op(graph, name, list(a$value, b$value), list(), "tiny")[[1]]
  variable <- function(id) cpp_graph_variable(graph, variables, id)
  x <- cpp_graph_input(graph, 0L, c(-1, 2), "float32")
  out <- op("add", op("matmul", x, variable(0L)), variable(1L))
  cpp_function(graph, variables, list(out$value), list())
}

tiny_spec <- function(model, mode = "train", actor = "generator") {
  list(
    actor = actor,
    inputs = list(list(name = "x", dim = c(-1, model$columns), classes = 0)),
    targets = if (mode != "predict") list(list(name = "y", dim = c(-1, 1), classes = 0)),
    needs_targets = mode != "predict", weighted = mode != "predict", class_weights = NULL
  )
}

tiny_weights <- function(model) {
  c(cpp_variable_get(model$variables, 0L), cpp_variable_get(model$variables, 1L))
}

tiny_batch <- function(rows = 4) list(matrix(1, rows, 2), rep(1, rows))

# Epochs of training, as fit_generator() runs them. Returns the number of steps done.
drive <- function(model, generator, steps, epochs = 1, queue = 10, on_batch = NULL,
                  on_epoch_end = NULL, validation = NULL, validation_steps = 3, progress = NULL) {
  cpp_training_begin(model$variables)
  on.exit(cpp_training_end(model$variables))
  feeder <- cpp_feeder_generator(generator, tiny_spec(model), queue, steps * epochs)
  on.exit(cpp_feeder_stop(feeder), add = TRUE)
  hooks <- if (!is.null(on_batch)) {
    list(end = function(step, rows, values) on_batch(step, values))
  }
  total <- 0
  for (epoch in seq_len(epochs)) {
    done <- cpp_run(model$train, feeder, "train", steps, hooks, progress, FALSE)
    total <- total + done$steps
    if (!is.null(validation)) drive_evaluate(model, validation, validation_steps)
    if (!is.null(on_epoch_end)) on_epoch_end(epoch)
    if (done$exhausted) break
  }
  total
}

drive_evaluate <- function(model, generator, steps, queue = 2) {
  feeder <- cpp_feeder_generator(generator, tiny_spec(model, "evaluate", "validation generator"),
                                 queue, steps)
  on.exit(cpp_feeder_stop(feeder))
  cpp_run(model$evaluate, feeder, "evaluate", steps, NULL, NULL, FALSE)
}

drive_predict <- function(model, x = matrix(1, 3, 2), steps = 1) {
  feeder <- cpp_feeder_dataset(cpp_dataset(list(x), NULL, NULL), NULL,
                               tiny_spec(model, "predict", "x"), nrow(x), "none", 0, 2, steps)
  on.exit(cpp_feeder_stop(feeder))
  cpp_run(model$predict, feeder, "predict", steps, NULL, NULL, FALSE)$predictions[[1]]
}

# Threads, batches and R objects that are alive.
live <- function() unname(cpp_live_counts())

# Code in a fresh R that has the cases, killed when it takes longer than `limit` seconds.
run_fresh <- function(code, limit = 60) {
  script <- tempfile(fileext = ".R")
  on.exit(unlink(script))
  helpers <- paste0("helper-threads", c("", "-cases", "-processes"), ".R")
  helpers <- normalizePath(vapply(helpers, testthat::test_path, ""))
  writeLines(c(
    sprintf(".libPaths(c(%s))", paste(encodeString(.libPaths(), quote = "'"), collapse = ", ")),
    "library(hornet)",
    "env <- new.env(parent = asNamespace('hornet'))",
    sprintf("sys.source(%s, env)", encodeString(helpers, quote = "'")),
    code
  ), script)
  out <- suppressWarnings(system2(
    "timeout", c("-s", "KILL", limit, file.path(R.home("bin"), "Rscript"), "--vanilla", script),
    stdout = TRUE, stderr = TRUE
  ))
  list(output = as.vector(out), status = attr(out, "status") %||% 0L)
}

# TRUE, or what a failing case printed.
in_fresh_process <- function(case) {
  run <- run_fresh(c(
    sprintf("eval(quote(thread_cases[[%s]]()), env)", deparse(case)),
    "eval(quote(stopifnot(identical(live(), c(0L, 0L, 0L)))), env)",
    "cat('case passed\\n')"
  ))
  if ("case passed" %in% run$output) TRUE else paste(utils::tail(run$output, 30), collapse = "\n")
}
