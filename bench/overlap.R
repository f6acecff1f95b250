# How well fit_generator() hides a generator behind the training steps.
#
#   Rscript bench/overlap.R [rounds]
#
# 1 a generator that waits as long as a step takes: wall over max(generator, steps), 200 steps
# 2 a generator that computes as long as a step takes, kernels on one thread: the same
# 3 the generator is called exactly as often as asked
# 4 what a batch of 32 x 150 x 150 x 3 doubles costs the trainer beyond the wait for it
suppressPackageStartupMessages(library(hornet))
set.seed(1)
rounds <- as.integer(c(commandArgs(TRUE), 3)[1])
steps <- 200
now <- function() as.numeric(Sys.time())

batch <- list(
  array(runif(128 * 784), c(128, 784)),
  diag(10)[sample(10, 128, TRUE), ]
)
mlp <- function() {
  model <- keras_model_sequential() %>%
    layer_dense(512, activation = "relu", input_shape = 784) %>%
    layer_dense(512, activation = "relu") %>%
    layer_dense(10, activation = "softmax")
  compile(model, optimizer_rmsprop(lr = 1e-4), "categorical_crossentropy")
  model
}

# Seconds per step on data in memory, at the present number of threads.
step_seconds <- function(model) {
  rows <- rep(seq_len(128), 50)
  x <- batch[[1]][rows, ]
  y <- batch[[2]][rows, ]
  fit(model, x, y, batch_size = 128, epochs = 1, verbose = 0)
  system.time(fit(model, x, y, batch_size = 128, epochs = 2, verbose = 0))[["elapsed"]] / 100
}

# A generator that spends its time in `work` and writes down how long that took.
timed_generator <- function(work) {
  record <- new.env()
  record$calls <- 0
  record$seconds <- 0
  record$fn <- function() {
    start <- now()
    work()
    record$calls <- record$calls + 1
    record$seconds <- record$seconds + now() - start
    batch
  }
  record
}

# One R loop that keeps a core busy for about `seconds` of processor time.
busy_for <- function(seconds) {
  spin <- function(n) {
    s <- 0
    for (i in seq_len(n)) s <- s + i %% 7
    s
  }
  spin(1e5)
  per_turn <- system.time(spin(4e6))[["user.self"]] / 4e6
  turns <- ceiling(seconds / per_turn)
  function() spin(turns)
}

overlap <- function(name, bar, threads, make_work) {
  options(hornet.threads = threads)
  model <- mlp()
  for (round in seq_len(rounds)) {
    step <- step_seconds(model)
    generator <- timed_generator(make_work(step))
    wall <- system.time(
      fit_generator(model, generator$fn, steps_per_epoch = steps, epochs = 1, verbose = 0)
    )[["elapsed"]]
    stopifnot(generator$calls == steps)
    longer <- max(generator$seconds, steps * step)
    cat(sprintf(
      "%-28s generator %.2f ms, step %.2f ms, wall %.2f ms a step: %.3f (bar %.2f)\n", name,
      1e3 * generator$seconds / steps, 1e3 * step, 1e3 * wall / steps, wall / longer, bar
    ))
  }
}

overlap("waiting generator", 1.08, 0L, function(step) function() Sys.sleep(step))
overlap("working generator, 1 thread", 1.15, 1L, busy_for)

# ---- exact calls --------------------------------------------------------------------------------

options(hornet.threads = NULL)
model <- mlp()
generator <- timed_generator(function() NULL)
fit_generator(
  model, generator$fn, steps_per_epoch = 7, epochs = 5, initial_epoch = 2, verbose = 0
)
cat(sprintf("calls: %d, expected %d\n", generator$calls, 7 * (5 - 2)))
stopifnot(generator$calls == 7 * (5 - 2))

# ---- what a large batch costs the trainer -------------------------------------------------------

photos <- list(array(runif(32 * 150 * 150 * 3), c(32, 150, 150, 3)), matrix(runif(32 * 3), 32))
model <- keras_model_sequential() %>%
  layer_activation("linear", input_shape = c(150, 150, 3)) %>%
  layer_max_pooling_2d(c(150, 150)) %>%
  layer_flatten() %>%
  layer_dense(3)
compile(model, optimizer_sgd(), "mean_squared_error")
feeder <- hornet:::cpp_feeder_generator(
  function() photos, hornet:::model_feed_spec(model, "train", "generator"), 10L, 300L
)
fn <- hornet:::model_function(model, "train")
turn <- function(n) {
  hornet:::cpp_run(fn, feeder, "train", n, NULL, NULL, FALSE)
}
invisible(turn(50))
elapsed <- system.time(result <- turn(250))[["elapsed"]]
beyond <- elapsed - result$wait_seconds - result$step_seconds - result$hook_seconds
invisible(hornet:::cpp_feeder_stop(feeder))
cat(sprintf(
  "32x150x150x3 doubles: trainer beyond waiting and stepping %.3f ms a batch (bar 0.2)\n",
  1e3 * beyond / 250
))
cat(sprintf(
  "  (waiting %.2f, step %.2f ms)\n", 1e3 * result$wait_seconds / 250,
  1e3 * result$step_seconds / 250
))
