# What a training step costs once everything is warm. Run by steady.sh, which preloads a counter
# of the allocations made off R's thread.
#
# One call of n steps and one of 2n steps differ by n steady steps: so do their counts.
suppressPackageStartupMessages(library(hornet))
set.seed(1)
dyn.load(Sys.getenv("HORNET_COUNTER"))

allocations <- function() .C("allocation_count", 0)[[1]]
minor_faults <- function() {
  stat <- readLines("/proc/self/stat")
  as.numeric(strsplit(sub(".*\\) ", "", stat), " ")[[1]][8])
}
resident_mb <- function() {
  line <- grep("^VmRSS", readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 1024
}

images <- function(...) array(runif(prod(...)), c(...))
nets <- list(
  mlp = function() {
    model <- keras_model_sequential() %>%
      layer_dense(128, activation = "relu", input_shape = 64) %>%
      layer_dropout(0.2) %>%
      layer_dense(10, activation = "softmax")
    compile(model, optimizer_adam(), "categorical_crossentropy", metrics = "accuracy")
    list(model = model, x = images(c(320, 64)), y = diag(10)[sample(10, 320, TRUE), ])
  },
  convnet = function() {
    model <- keras_model_sequential() %>%
      layer_conv_2d(8, c(3, 3), activation = "relu", input_shape = c(12, 12, 3)) %>%
      layer_batch_normalization() %>%
      layer_max_pooling_2d(c(2, 2)) %>%
      layer_flatten() %>%
      layer_dropout(0.2) %>%
      layer_dense(4, activation = "softmax")
    compile(model, optimizer_rmsprop(), "categorical_crossentropy", metrics = "accuracy")
    list(model = model, x = images(c(320, 12, 12, 3)), y = diag(4)[sample(4, 320, TRUE), ])
  }
)

# One native run of `steps` on data in memory.
train <- function(net, steps) {
  spec <- hornet:::model_feed_spec(net$model, "train", "data")
  dataset <- hornet:::cpp_dataset(list(net$x), list(net$y), NULL)
  feeder <- hornet:::cpp_feeder_dataset(dataset, NULL, spec, 32L, "rows", 1L, 10L, steps)
  hornet:::cpp_run(
    hornet:::model_function(net$model, "train"), feeder, "train", steps, NULL, NULL, FALSE
  )
  hornet:::cpp_feeder_stop(feeder)
}

counts <- function(net, steps) {
  before <- c(minor_faults(), allocations())
  train(net, steps)
  c(minor_faults(), allocations()) - before
}

for (name in names(nets)) {
  net <- nets[[name]]()
  for (warm in 1:3) train(net, 200)
  n <- 1000
  short <- counts(net, n)
  long <- counts(net, 2 * n)
  per_step <- (long - short) / n
  cat(sprintf(
    "%-8s steady step: %.4f minor faults, %.4f allocations off R's thread\n", name,
    per_step[1], per_step[2]
  ))
  batch <- function() list(net$x[1:32, , drop = FALSE], net$y[1:32, ])
  if (name == "convnet") batch <- function() list(net$x[1:32, , , , drop = FALSE], net$y[1:32, ])
  # R lets some 60 MB of garbage gather before it collects, and where that lies settles after a few
  # collections: growth counts from then on.
  more_steps <- function() {
    fit_generator(net$model, batch, steps_per_epoch = 2500, verbose = 0)
    train(net, 2500)
    invisible(gc())
    resident_mb()
  }
  for (warm in 1:3) before <- more_steps()
  after <- more_steps()
  cat(sprintf("%-8s resident memory after 5,000 more steps: %+.2f MB (bar 2)\n", name,
              after - before))
}
