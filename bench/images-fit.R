# Does the image pipeline keep up with training?
#
#   Rscript bench/images-fit.R FOLDER [step milliseconds, 20] [epochs, 6]
#
# FOLDER holds class folders of JPEG photographs. A convnet whose number of filters is chosen so
# that a step on a batch of 20 takes that long on one thread trains on them, augmented as in the
# book, with the default number of image workers (all cores but one). Printed is the share of the
# time in which the trainer waits for a batch (the bar is 5 %), after a first epoch: with nothing
# kept, with decoded pictures in memory, and again in epochs of three steps, which a pause at their
# ends would slow down.
suppressPackageStartupMessages(library(hornet))
arguments <- commandArgs(TRUE)
folder <- arguments[[1]]
wanted <- as.numeric(c(arguments[-1], 20)[[1]]) / 1e3
epochs <- as.integer(c(arguments[-(1:2)], 6)[[1]])
options(hornet.threads = 1L)
set.seed(1)

convnet <- function(filters) {
  model <- keras_model_sequential() %>%
    layer_conv_2d(filters, 3, strides = 2, activation = "relu", input_shape = c(150, 150, 3)) %>%
    layer_max_pooling_2d(2) %>%
    layer_conv_2d(32, 3, activation = "relu") %>%
    layer_global_average_pooling_2d() %>%
    layer_dense(1, activation = "sigmoid")
  compile(model, optimizer_rmsprop(lr = 1e-4), "binary_crossentropy")
  model
}

# Processor seconds a step on data in memory, which other programs lengthen little.
x <- array(runif(60 * 150 * 150 * 3), c(60, 150, 150, 3))
step_seconds <- function(model) {
  run <- function(epochs) {
    sum(system.time(fit(model, x, rep(0:1, 30), batch_size = 20, epochs = epochs, verbose = 0))[1:2])
  }
  run(1)
  min(vapply(1:3, function(i) run(6) - run(1), 0)) / 15
}

filters <- 2
while ((step <- step_seconds(convnet(filters))) < wanted) filters <- filters + max(1, filters %/% 4)
cat(sprintf("%d filters: %.1f ms of processor a step of 20 pictures\n", filters, 1e3 * step))

augmented <- image_data_generator(
  rotation_range = 40, width_shift_range = 0.2, height_shift_range = 0.2, shear_range = 0.2, zoom_range = 0.2,
  horizontal_flip = TRUE, rescale = 1 / 255
)
flow_of <- function(cache) {
  options(hornet.cache = cache)
  suppressMessages(flow_images_from_directory(
    folder, augmented, target_size = c(150, 150), batch_size = 20, class_mode = "binary"
  ))
}
report <- function(name, history) {
  rows <- history$timing$epochs[-1, ]
  waited <- sum(rows$wait_share * rows$seconds)
  cat(sprintf("%-20s waited %4.1f%% of the time (best epoch %.1f%%), %.1f ms a step\n", name,
              100 * waited / sum(rows$seconds), 100 * min(rows$wait_share),
              1e3 * (sum(rows$seconds) - waited) / sum(rows$steps)))
}

model <- convnet(filters)
report("nothing kept", fit_generator(model, flow_of(FALSE), epochs = epochs, verbose = 0))
kept <- flow_of(TRUE)
report("kept in memory", fit_generator(model, kept, epochs = epochs, verbose = 0))
short <- fit_generator(model, kept, steps_per_epoch = 3, epochs = 5 * epochs, verbose = 0)
report("epochs of 3 steps", short)
