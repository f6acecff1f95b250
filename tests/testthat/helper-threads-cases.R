# The thread suite: each case is a function that stops if something is wrong. test-threads.R runs
# every one twice, here and in a fresh process, and looks for what is left alive after it.

stopped_with <- function(expr) tryCatch({ expr; NULL }, error = identity)

my_error <- function(message = "boom") {
  structure(class = c("my_error", "error", "condition"), list(message = message, call = NULL))
}

# Sends SIGINT to this process after `delay` seconds, evaluates, and returns what happened and how
# long after the signal.
interrupted <- function(expr, delay = 0.5) {
  stamp <- tempfile()
  on.exit(unlink(stamp))
  system(sprintf("(sleep %s; date +%%s.%%N > %s; kill -INT %d) &", delay, stamp, Sys.getpid()))
  outcome <- tryCatch({ expr; "finished" }, interrupt = function(condition) "interrupted")
  caught <- as.numeric(Sys.time())
  sent <- if (file.exists(stamp)) as.numeric(readLines(stamp)) else NA
  list(outcome = outcome, seconds = caught - sent)
}

# Promptly: about 0.1 s, with room for a busy machine. A case that was late may try again.
expect_interrupt <- function(run, tries = 3) {
  for (try in seq_len(tries)) {
    result <- interrupted(run())
    stopifnot(result$outcome == "interrupted")
    stopifnot(identical(live(), c(0L, 0L, 0L)))
    if (result$seconds < 0.1) return(invisible(result$seconds))
  }
  stop(sprintf("the interrupt took %.0f ms", 1000 * result$seconds))
}

thread_cases <- list(

  # --- generators -------------------------------------------------------------------------------

  "gc() in the generator, every time" = function() {
    calls <- 0
    generator <- function() {
      calls <<- calls + 1
      gc(FALSE)
      list(matrix(runif(60), 30, 2), runif(30))
    }
    stopifnot(drive(tiny_model(), generator, 10, 3) == 30, calls == 30)
  },

  "the generator is called exactly as often as needed" = function() {
    for (queue in c(0, 1, 3, 10)) {
      calls <- 0
      generator <- function() {
        calls <<- calls + 1
        tiny_batch()
      }
      stopifnot(drive(tiny_model(), generator, 7, 4, queue) == 28, calls == 28)
    }
  },

  "without read-ahead the generator is called when a batch is needed" = function() {
    calls <- 0
    ahead <- integer()
    generator <- function() {
      calls <<- calls + 1
      tiny_batch()
    }
    drive(tiny_model(), generator, 20, queue = 0,
          on_batch = function(step, values) {
            ahead[[step + 1]] <<- calls - step
            FALSE
          })
    stopifnot(max(ahead) <= 2)
  },

  "stopping early draws no more than the queue holds" = function() {
    for (queue in c(0, 1, 5)) {
      calls <- 0
      generator <- function() {
        calls <<- calls + 1
        tiny_batch()
      }
      done <- drive(tiny_model(), generator, 100, queue = queue,
                    on_batch = function(step, values) step == 9)
      stopifnot(done == 10, calls <= 10 + queue + 1)
    }
  },

  "NULL ends the data early" = function() {
    calls <- 0
    generator <- function() {
      calls <<- calls + 1
      if (calls <= 7) tiny_batch()
    }
    stopifnot(drive(tiny_model(), generator, 5, 3) == 7, calls == 8)
    feeder <- cpp_feeder_generator(function() NULL, tiny_spec(tiny_model()), 2, -1)
    on.exit(cpp_feeder_stop(feeder))
    done <- cpp_run(tiny_model()$train, feeder, "train", 3, NULL, NULL, FALSE)
    stopifnot(done$exhausted, done$steps == 0)
  },

  "batches may differ in their number of rows" = function() {
    rows <- c(1, 5, 2, 9, 4)
    k <- 0
    generator <- function() {
      k <<- k + 1
      list(matrix(1, rows[[k]], 2), rep(1, rows[[k]]))
    }
    model <- tiny_model(rate = 0)
    feeder <- cpp_feeder_generator(generator, tiny_spec(model), 2, 5)
    on.exit(cpp_feeder_stop(feeder))
    done <- cpp_run(model$train, feeder, "train", 5, NULL, NULL, FALSE)
    stopifnot(done$rows == sum(rows), abs(done$metrics - 1) < 1e-6)
  },

  "the condition of a generator's error survives" = function() {
    error <- stopped_with(drive(tiny_model(), function() stop(my_error()), 5))
    stopifnot(inherits(error, "my_error"), conditionMessage(error) == "boom")
    error <- stopped_with(drive(tiny_model(), function() log("a"), 5))
    stopifnot(grepl("non-numeric", conditionMessage(error)))
    old <- options(warn = 2)
    on.exit(options(old))
    error <- stopped_with(drive(tiny_model(), function() as.integer("x"), 5))
    stopifnot(grepl("converted from warning", conditionMessage(error)))
  },

  "batches made before a generator's error are trained on" = function() {
    for (queue in c(0, 1, 2, 10)) {
      for (fail_at in c(1, 2, queue + 1, 12)) {
        model <- tiny_model()
        calls <- steps <- 0
        generator <- function() {
          calls <<- calls + 1
          if (calls == fail_at) stop(my_error())
          tiny_batch()
        }
        count <- function(step, values) {
          steps <<- steps + 1
          FALSE
        }
        error <- stopped_with(drive(model, generator, 12, queue = queue, on_batch = count))
        stopifnot(inherits(error, "my_error"), calls == fail_at, steps == fail_at - 1)
        before <- tiny_model()
        if (fail_at > 1) drive(before, function() tiny_batch(), fail_at - 1)
        stopifnot(identical(tiny_weights(model), tiny_weights(before)))
      }
    }
  },

  "the error of a batch waits until the batch is needed" = function() {
    for (fail_at in c(4, 8, 9)) {
      model <- tiny_model()
      calls <- epochs <- seen <- 0
      generator <- function() {
        calls <<- calls + 1
        if (calls == fail_at) stop(my_error())
        tiny_batch()
      }
      error <- stopped_with(withCallingHandlers(
        drive(model, generator, 3, 4, on_epoch_end = function(epoch) epochs <<- epoch),
        error = function(e) seen <<- seen + 1
      ))
      stopifnot(inherits(error, "my_error"), seen == 1, epochs == (fail_at - 1) %/% 3)
      before <- tiny_model()
      drive(before, tiny_batch, fail_at - 1)
      stopifnot(identical(tiny_weights(model), tiny_weights(before)))
    }
    # Nobody needs the sixth batch.
    calls <- 0
    feeder <- cpp_feeder_generator(generator, tiny_spec(model), 10, -1)
    on.exit(cpp_feeder_stop(feeder))
    fail_at <- 6
    stopifnot(cpp_run(model$train, feeder, "train", 5, NULL, NULL, FALSE)$steps == 5)
  },

  "an error that the generator handles itself changes nothing" = function() {
    generator <- function() {
      try(stop("inside"), silent = TRUE)
      tryCatch(signalCondition(my_error()), my_error = function(e) NULL)
      tiny_batch()
    }
    stopifnot(drive(tiny_model(), generator, 20, 2, queue = 3) == 40)
  },

  "a calling handler sees the caller and the generator" = function() {
    calls <- NULL
    make_batch <- function() stop("deep")
    tryCatch(
      withCallingHandlers(drive(tiny_model(), function() make_batch(), 5),
                          error = function(e) calls <<- sys.calls()),
      error = function(e) NULL
    )
    heads <- vapply(calls, function(call) deparse(call)[[1]], "")
    stopifnot(any(grepl("^drive\\(", heads)), any(grepl("^generator\\(", heads)),
              any(grepl("^make_batch\\(", heads)))
  },

  "a restart of the caller can be invoked from a generator" = function() {
    answer <- withRestarts({
      drive(tiny_model(), function() invokeRestart("leave", "left"), 10)
      "stayed"
    }, leave = identity)
    stopifnot(answer == "left")
  },

  "callCC() leaves from a generator" = function() {
    stopifnot(callCC(function(k) drive(tiny_model(), function() k("out"), 10)) == "out")
  },

  "infinite recursion in a generator is an error" = function() {
    recurse <- function() recurse()
    stopifnot(inherits(stopped_with(drive(tiny_model(), recurse, 5)), "error"))
  },

  "wrong values from a generator are errors that say what came" = function() {
    wrong <- list(
      "a vector of length 3" = c(1, 2, 3),
      "a data.frame of 32 x 5" = as.data.frame(matrix(0, 32, 5)),
      "a list of 1" = list(matrix(1, 2, 2)),
      "a list of 4" = list(1, 2, 3, 4),
      "a character vector of length 1" = "text",
      "a function" = sum,
      "a list of 0" = list(),
      "a matrix of 2 x 2" = matrix(1, 2, 2)
    )
    for (got in names(wrong)) {
      k <- 0
      generator <- function() {
        k <<- k + 1
        if (k < 4) tiny_batch() else wrong[[got]]
      }
      model <- tiny_model()
      error <- stopped_with(drive(model, generator, 10, queue = 2))
      expected <- paste0(
        "generator, batch 4: expected list(inputs, targets) or list(inputs, targets, ",
        "sample_weights), got ", got
      )
      stopifnot(inherits(error, "hornet_error"), startsWith(conditionMessage(error), expected))
      before <- tiny_model()
      drive(before, function() tiny_batch(), 3)
      stopifnot(identical(tiny_weights(model), tiny_weights(before)))
    }
  },

  "wrong elements are errors that name them" = function() {
    x <- matrix(1, 3, 2)
    wrong <- list(
      "inputs: expected numbers, got a character matrix of 1 x 2" = list(matrix("a", 1, 2), 1),
      "inputs: expected shape (None, 2) for input \"x\", got (3, 4)" = list(matrix(1, 3, 4), 1:3),
      "targets: expected 3 rows, as in the first input, got 2" = list(x, 1:2),
      "targets: expected shape (None, 1) for target \"y\", got (3, 2)" = list(x, x),
      "inputs: expected at least one row, got none" = list(matrix(1, 0, 2), numeric()),
      "sample_weights: expected 3 rows, as in the first input, got 1" = list(x, 1:3, 1),
      "sample_weights: expected a vector with one weight a row, got shape (3, 1)" =
        list(x, 1:3, matrix(1, 3, 1)),
      "targets: expected 1 array, for \"y\", got an object of class \"my_class\"" =
        list(x, structure(list(), class = "my_class")),
      "targets: expected numbers, got an integer64 vector of length 3" =
        list(x, structure(c(1, 2, 3), class = "integer64")),
      "inputs: no data for input \"x\"" = list(list(other = x), 1:3),
      "inputs: expected 1 array, for \"x\", got a list of 2" = list(list(x, x), 1:3),
      "inputs: expected a data.frame with numeric columns, column \"b\" is a factor of length 3" =
        list(data.frame(a = 1:3, b = factor(1:3)), 1:3)
    )
    for (message in names(wrong)) {
      error <- stopped_with(drive(tiny_model(), function() wrong[[message]], 5))
      stopifnot(startsWith(conditionMessage(error), paste0("generator, batch 1: ", message)))
    }
    error <- stopped_with(drive(tiny_model(), function() list(c(1, 2), 1), 5))
    stopifnot(grepl("drop = FALSE", conditionMessage(error)))
  },

  "everything a generator may return arrives" = function() {
    x <- matrix(c(1, 2, 3, 4, 5, 6), 3, 2)
    y <- c(0, 1, 1)
    same <- list(
      list(x, y), list(x, matrix(y)), list(list(x), list(y)), list(list(x = x), list(y = y)),
      list(x, y, NULL), list(x, y, rep(1, 3)), list(x = x, y = y), list(y = y, x = x),
      list(inputs = x, targets = y), list(x, y == 1), list(x, as.integer(y)),
      list(x, factor(c("a", "b", "b"))), list(as.data.frame(x), y),
      list(matrix(1:6, 3, 2), y), list(x, array(y, 3)), list(x, y, list(y = NULL))
    )
    for (value in same) {
      model <- tiny_model()
      feeder <- cpp_feeder_generator(function() value, tiny_spec(model), 1, 1)
      batch <- suppressMessages(cpp_feeder_next(feeder))
      cpp_feeder_stop(feeder)
      stopifnot(identical(batch$inputs, list(x)), identical(batch$targets, list(matrix(y))),
                identical(batch$weights, list(array(1, 3))))
    }
    for (value in list(x, list(x), list(x, y), list(x, y, y), list(list(x)), list(x = x),
                       list(list(x), y), as.data.frame(x))) {
      feeder <- cpp_feeder_generator(function() value, tiny_spec(tiny_model(), "predict"), 1, 1)
      batch <- cpp_feeder_next(feeder)
      cpp_feeder_stop(feeder)
      stopifnot(identical(batch$inputs, list(x)))
    }
  },

  "the classes of a factor are told once" = function() {
    told <- 0
    y <- factor(c("cat", "dog", "cat"))
    withCallingHandlers(
      drive(tiny_model(), function() list(matrix(1, 3, 2), y), 5),
      message = function(m) {
        told <<- told + 1
        stopifnot(grepl("0 = cat, 1 = dog", conditionMessage(m)))
        invokeRestart("muffleMessage")
      }
    )
    stopifnot(told == 1)
  },

  "compact vectors of R are materialised" = function() {
    generator <- function() list(matrix(1, 1000, 2), 1:1000)
    stopifnot(drive(tiny_model(rate = 0), generator, 5) == 5)
  },

  "a generator that re-uses its buffer" = function() {
    buffer <- matrix(0, 50, 2)
    sums <- numeric()
    k <- 0
    reusing <- function() {
      k <<- k + 1
      buffer[] <<- k
      list(buffer, buffer[, 1])
    }
    feeder <- cpp_feeder_generator(reusing, tiny_spec(tiny_model()), 5, 30)
    on.exit(cpp_feeder_stop(feeder))
    for (i in 1:30) {
      batch <- cpp_feeder_next(feeder)
      stopifnot(all(batch$inputs[[1]] == i), all(batch$targets[[1]] == i))
    }
    stopifnot(is.null(cpp_feeder_next(feeder)))
  },

  "borrowed memory under gctorture" = function() {
    model <- tiny_model()
    buffer <- matrix(1, 500, 2)
    generator <- function() {
      buffer[1] <<- 1
      list(buffer, rep(1, 500), rep(1, 500))
    }
    gctorture2(10)
    on.exit(gctorture2(0))
    steps <- drive(model, generator, 8, queue = 2, on_batch = function(step, values) FALSE)
    gctorture2(0)
    expected <- tiny_model()
    drive(expected, generator, 8)
    stopifnot(steps == 8, identical(tiny_weights(model), tiny_weights(expected)))
  },

  # --- failures of native code ------------------------------------------------------------------

  "a native error in the trainer reaches R" = function() {
    k <- 0
    generator <- function() {
      k <<- k + 1
      list(matrix(1, 4, if (k == 13) 3 else 2), rep(1, 4))
    }
    error <- stopped_with(drive(tiny_model(columns = -1), generator, 50))
    stopifnot(inherits(error, "hornet_error"))
  },

  "the trainer fails while R code runs" = function() {
    k <- 0
    generator <- function() {
      k <<- k + 1
      if (k == 3) {
        Sys.sleep(0.3)
        stop("late")
      }
      list(matrix(1, 4, 3), rep(1, 4))
    }
    error <- stopped_with(drive(tiny_model(columns = -1), generator, 50, queue = 1))
    stopifnot(inherits(error, "error"))
  },

  # --- nested use -------------------------------------------------------------------------------

  "the generator predicts with the model in training" = function() {
    model <- tiny_model()
    generator <- function() {
      drive_predict(model)
      tiny_batch()
    }
    stopifnot(drive(model, generator, 10, 2) == 20)
  },

  "a fit of the model in training is refused" = function() {
    model <- tiny_model()
    generator <- function() {
      drive(model, tiny_batch, 1)
      tiny_batch()
    }
    error <- stopped_with(drive(model, generator, 5))
    stopifnot(inherits(error, "hornet_training_error"),
              grepl("already being trained", conditionMessage(error)))
    error <- stopped_with(drive(model, tiny_batch, 5,
                                on_batch = function(step, values) drive(model, tiny_batch, 1)))
    stopifnot(inherits(error, "hornet_training_error"))
    stopifnot(drive(model, tiny_batch, 5) == 5)
  },

  "a nested fit of another model, three deep" = function() {
    models <- list(tiny_model(), tiny_model(), tiny_model())
    fit <- function(depth) {
      generator <- function() {
        if (depth < 3) stopifnot(fit(depth + 1) == 2)
        tiny_batch()
      }
      drive(models[[depth]], generator, 2)
    }
    stopifnot(fit(1) == 2)
  },

  "a batch hook sees every step" = function() {
    seen <- integer()
    drive(tiny_model(), tiny_batch, 30,
          on_batch = function(step, values) {
            stopifnot(length(values) == 1, is.finite(values))
            seen <<- c(seen, step)
            FALSE
          })
    stopifnot(identical(seen, as.numeric(0:29)) || identical(seen, 0:29))
  },

  "hooks come in pairs around each step" = function() {
    model <- tiny_model()
    log <- character()
    feeder <- cpp_feeder_generator(tiny_batch, tiny_spec(model), 2, 5)
    on.exit(cpp_feeder_stop(feeder))
    hooks <- list(
      begin = function(step, rows) log <<- c(log, paste("begin", step, rows)),
      end = function(step, rows, values) {
        log <<- c(log, paste("end", step, rows))
        step == 2
      }
    )
    done <- cpp_run(model$train, feeder, "train", 5, hooks, NULL, FALSE)
    stopifnot(done$stopped, done$steps == 3,
              identical(log, paste(c("begin", "end"), rep(0:2, each = 2), 4)))
  },

  "a batch hook evaluates with a generator of its own" = function() {
    model <- tiny_model()
    steps <- drive(model, tiny_batch, 10, on_batch = function(step, values) {
      stopifnot(drive_evaluate(model, tiny_batch, 3)$steps == 3)
      FALSE
    })
    stopifnot(steps == 10)
  },

  "a validation generator predicts, and so does an epoch hook" = function() {
    model <- tiny_model()
    validation <- function() {
      drive_predict(model)
      tiny_batch()
    }
    steps <- drive(model, tiny_batch, 5, 4, validation = validation,
                   on_epoch_end = function(epoch) drive_predict(model))
    stopifnot(steps == 20)
  },

  "a batch hook reads and writes weights" = function() {
    model <- tiny_model()
    drive(model, tiny_batch, 10, on_batch = function(step, values) {
      stopifnot(all(is.finite(tiny_weights(model))))
      cpp_variable_set(model$variables, 1L, 5)
      FALSE
    })
    stopifnot(cpp_variable_get(model$variables, 1L) == 5)
  },

  # --- errors of hooks --------------------------------------------------------------------------

  "a hook fails while the producer waits for room" = function() {
    error <- stopped_with(drive(tiny_model(), tiny_batch, 1000, queue = 2,
                                on_batch = function(step, values) {
                                  if (step == 5) stop("from hook")
                                  FALSE
                                }))
    stopifnot(conditionMessage(error) == "from hook")
  },

  "an error between epochs" = function() {
    error <- stopped_with(drive(tiny_model(), tiny_batch, 5, 4,
                                on_epoch_end = function(epoch) if (epoch == 2) stop("between")))
    stopifnot(conditionMessage(error) == "between")
  },

  "an error in the validation generator" = function() {
    error <- stopped_with(drive(tiny_model(), tiny_batch, 5, 4,
                                validation = function() stop(my_error())))
    stopifnot(inherits(error, "my_error"))
  },

  "a hook and the generator fail in the same run" = function() {
    k <- 0
    generator <- function() {
      k <<- k + 1
      if (k == 5) stop(my_error("generator"))
      tiny_batch()
    }
    for (hook_fails_at in 0:4) {
      k <- 0
      error <- stopped_with(drive(tiny_model(), generator, 10, queue = 3,
                                  on_batch = function(step, values) {
                                    if (step == hook_fails_at) stop(my_error("hook"))
                                    FALSE
                                  }))
      stopifnot(conditionMessage(error) == if (hook_fails_at < 4) "hook" else "generator")
      stopifnot(identical(live(), c(0L, 0L, 0L)))
    }
  },

  "invokeRestart() leaves from a hook" = function() {
    answer <- withRestarts({
      drive(tiny_model(), tiny_batch, 100,
            on_batch = function(step, values) if (step == 3) invokeRestart("leave") else FALSE)
      "stayed"
    }, leave = function() "left")
    stopifnot(answer == "left")
  },

  "progress is drawn now and then, and not after the run" = function() {
    model <- tiny_model()
    drawn <- numeric()
    running <- TRUE
    progress <- function(step, rows, means) {
      stopifnot(running, rows == 4 * step, length(means) == 1)
      drawn <<- c(drawn, step)
    }
    generator <- function() {
      Sys.sleep(0.01)
      tiny_batch()
    }
    drive(model, generator, 60, progress = progress)
    running <- FALSE
    stopifnot(length(drawn) >= 3, length(drawn) <= 20, !is.unsorted(drawn, strictly = TRUE))
    error <- stopped_with(drive(model, generator, 60, progress = function(...) stop(my_error())))
    stopifnot(inherits(error, "my_error"))
  },

  "a time limit ends a run" = function() {
    dataset <- cpp_dataset(list(matrix(1, 8, 2)), list(rep(1, 8)), NULL)
    model <- tiny_model(rate = 0)
    feeder <- cpp_feeder_dataset(dataset, NULL, tiny_spec(model), 4, "none", 0, 2, -1)
    on.exit(cpp_feeder_stop(feeder))
    error <- stopped_with({
      setTimeLimit(elapsed = 0.3, transient = TRUE)
      cpp_run(model$train, feeder, "train", -1, NULL, NULL, FALSE)
    })
    setTimeLimit()
    stopifnot(grepl("time limit", conditionMessage(error)))
  },

  # --- ends -------------------------------------------------------------------------------------

  "a feeder that nobody stopped is collected" = function() {
    model <- tiny_model()
    feeder <- cpp_feeder_generator(tiny_batch, tiny_spec(model), 2, 10)
    cpp_run(model$train, feeder, "train", 2, NULL, NULL, FALSE)
    stopifnot(live()[[1]] == 1)
    rm(feeder)
    gc()
    gc()
  },

  "a stopped feeder is refused" = function() {
    model <- tiny_model()
    feeder <- cpp_feeder_generator(tiny_batch, tiny_spec(model), 2, 10)
    cpp_feeder_stop(feeder)
    cpp_feeder_stop(feeder)
    error <- stopped_with(cpp_run(model$train, feeder, "train", 2, NULL, NULL, FALSE))
    stopifnot(grepl("stopped", conditionMessage(error)))
  },

  "a generator stops its own feeder" = function() {
    model <- tiny_model()
    k <- 0
    generator <- function() {
      k <<- k + 1
      if (k == 5) cpp_feeder_stop(feeder)
      tiny_batch()
    }
    feeder <- cpp_feeder_generator(generator, tiny_spec(model), 2, 10)
    cpp_run(model$train, feeder, "train", 10, NULL, NULL, FALSE)
    cpp_feeder_stop(feeder)
  },

  ".Random.seed restored by a generator stays restored" = function() {
    generator <- function() {
      old <- .Random.seed
      set.seed(9)
      x <- matrix(runif(8), 4)
      assign(".Random.seed", old, globalenv())
      list(x, rep(1, 4))
    }
    set.seed(1)
    expected <- runif(1)
    set.seed(1)
    drive(tiny_model(), generator, 5)
    stopifnot(identical(runif(1), expected))
  },

  "handles from another session are refused" = function() {
    file <- tempfile()
    on.exit(unlink(file))
    model <- tiny_model()
    saveRDS(model, file)
    dead <- readRDS(file)
    error <- stopped_with(drive(dead, tiny_batch, 1))
    stopifnot(grepl("another R session", conditionMessage(error)))
    stopifnot(inherits(stopped_with(cpp_feeder_stop(1)), "hornet_error"))
    stopifnot(inherits(stopped_with(cpp_feeder_stop(model$train)), "hornet_error"))
  },

  # --- forked children --------------------------------------------------------------------------

  "a run in a forked child" = function() {
    drive(tiny_model(), tiny_batch, 3)
    child <- parallel::mcparallel(drive(tiny_model(), tiny_batch, 3))
    stopifnot(identical(parallel::mccollect(child)[[1]], 3))
  },

  "mclapply() inside the generator" = function() {
    generator <- function() {
      parts <- parallel::mclapply(1:2, function(i) matrix(i, 2, 2), mc.cores = 2)
      list(do.call(rbind, parts), rep(1, 4))
    }
    stopifnot(drive(tiny_model(), generator, 6) == 6)
  },

  "a child forked inside the generator trains its own model and predicts with ours" = function() {
    model <- tiny_model()
    k <- 0
    generator <- function() {
      k <<- k + 1
      if (k %% 4 == 0) {
        child <- parallel::mcparallel({
          steps <- drive(tiny_model(), tiny_batch, 3)
          list(steps, dim(drive_predict(model)))
        })
        answer <- parallel::mccollect(child)[[1]]
        stopifnot(identical(answer[[1]], 3), identical(answer[[2]], c(3L, 1L)))
      }
      tiny_batch()
    }
    stopifnot(drive(model, generator, 20, 2, queue = 2) == 40)
  },

  "a feeder of the parent is left alone by a forked child" = function() {
    model <- tiny_model()
    feeder <- cpp_feeder_generator(tiny_batch, tiny_spec(model), 2, 10)
    cpp_run(model$train, feeder, "train", 2, NULL, NULL, FALSE)
    child <- parallel::mcparallel({
      refused <- stopped_with(cpp_run(model$train, feeder, "train", 2, NULL, NULL, FALSE))
      cpp_feeder_stop(feeder)
      rm(feeder, envir = parent.frame())
      gc()
      gc()
      conditionMessage(refused)
    })
    answer <- parallel::mccollect(child)[[1]]
    stopifnot(grepl("forked child", answer))
    stopifnot(cpp_run(model$train, feeder, "train", 2, NULL, NULL, FALSE)$steps == 2)
    cpp_feeder_stop(feeder)
  }
)
