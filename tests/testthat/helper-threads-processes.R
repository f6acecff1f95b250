# The part of the thread suite that needs processes of its own: interrupts, and how R ends.

# Cases that send signals.
process_cases <- list(

  "SIGINT while native code works" = function() {
    dataset <- cpp_dataset(list(matrix(1, 64, 2)), list(rep(1, 64)), NULL)
    model <- tiny_model(rate = 0)
    expect_interrupt(function() {
      feeder <- cpp_feeder_dataset(dataset, NULL, tiny_spec(model), 8, "none", 0, 2, -1)
      on.exit(cpp_feeder_stop(feeder))
      cpp_run(model$train, feeder, "train", -1, NULL, NULL, FALSE)
    })
    stopifnot(drive(model, tiny_batch, 3) == 3)
  },

  "SIGINT inside the generator" = function() {
    expect_interrupt(function() {
      drive(tiny_model(), function() { Sys.sleep(10); tiny_batch() }, 5)
    })
  },

  "SIGINT inside a generator that computes" = function() {
    expect_interrupt(function() drive(tiny_model(), function() repeat sqrt(2), 5))
  },

  "SIGINT with a full queue" = function() {
    model <- tiny_model(rate = 0)
    expect_interrupt(function() {
      drive(model, tiny_batch, 1e7, queue = 2, on_batch = function(step, values) FALSE)
    })
  },

  "SIGINT in a nested run" = function() {
    model <- tiny_model(rate = 0)
    expect_interrupt(function() {
      drive(model, function() { drive_predict(model, steps = -1); tiny_batch() }, 5)
    })
    stopifnot(drive(model, tiny_batch, 3) == 3)
  },

  "SIGINT in a hook" = function() {
    expect_interrupt(function() {
      drive(tiny_model(), tiny_batch, 5, on_batch = function(step, values) Sys.sleep(10))
    })
  },

  "SIGINT between epochs" = function() {
    expect_interrupt(function() {
      drive(tiny_model(), tiny_batch, 3, 99, on_epoch_end = function(epoch) Sys.sleep(5))
    })
  },

  "an interrupt can be resumed" = function() {
    seen <- FALSE
    model <- tiny_model(rate = 0)
    generator <- function() {
      Sys.sleep(0.01)
      tiny_batch()
    }
    system(sprintf("(sleep 0.3; kill -INT %d) &", Sys.getpid()))
    steps <- withCallingHandlers(
      drive(model, generator, 100),
      interrupt = function(condition) {
        seen <<- TRUE
        invokeRestart("resume")
      }
    )
    stopifnot(seen, steps == 100)
  }
)
thread_cases <- c(thread_cases, process_cases)

# How R itself ends: expressions, the exit status they must give, and what must be printed.
ending_cases <- list(
  "an unhandled error" = list(quote(drive(tiny_model(), function() stop("the end"), 5)), 1L, "the end"),
  "quit() in a generator" = list(quote({
    k <- 0
    drive(tiny_model(), function() { k <<- k + 1; if (k == 20) quit(status = 3); tiny_batch() }, 50)
  }), 3L, NULL),
  "quit() in a hook" = list(quote(
    drive(tiny_model(), tiny_batch, 50,
          on_batch = function(step, values) if (step == 7) quit(status = 4) else FALSE)
  ), 4L, NULL),
  "a feeder that was never stopped" = list(quote({
    model <- tiny_model()
    feeder <- cpp_feeder_generator(tiny_batch, tiny_spec(model), 2, 10)
    cpp_run(model$train, feeder, "train", 2, NULL, NULL, FALSE)
  }), 0L, NULL),
  "the package is unloaded with a live feeder" = list(quote({
    model <- tiny_model()
    feeder <- cpp_feeder_generator(tiny_batch, tiny_spec(model), 2, 10)
    unloadNamespace("hornet")
    rm(feeder, model)
    gc()
  }), 0L, NULL)
)
