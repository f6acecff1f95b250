# Trains one small network from image folders and from a plain R closure. Called by demo.sh.
library(hornet)
set.seed(1)

source_dir <- "/usr/share/datasets/fashion-mnist" # Debian: dataset-fashion-mnist
data_dir <- "demo-data"
report_dir <- "demo-report"
train_per_class <- 600
valid_per_class <- 100
class_names <- c(
  "t-shirt", "trouser", "pullover", "dress", "coat",
  "sandal", "shirt", "sneaker", "bag", "ankle-boot"
)

# ---- the images: IDX files -> arrays -> class folders of PNG files ------------------------------

read_idx <- function(name) {
  con <- gzfile(file.path(source_dir, paste0(name, "-ubyte.gz")), "rb")
  on.exit(close(con))
  magic <- readBin(con, "integer", 1, endian = "big")
  dims <- readBin(con, "integer", magic %% 256, endian = "big")
  values <- as.integer(readBin(con, "raw", prod(dims)))
  # The file is row-major, R is column-major.
  if (length(dims) == 1) values else aperm(array(values, rev(dims)))
}

# The first images of every class: list(x = [n, 28, 28], y = class codes from 0).
balanced <- function(images, labels, per_class) {
  rows <- unlist(lapply(0:9, function(k) head(which(labels == k), per_class)))
  list(x = images[rows, , ], y = labels[rows])
}

write_folders <- function(set, directory) {
  for (k in 0:9) dir.create(file.path(directory, class_names[k + 1]), FALSE, recursive = TRUE)
  for (i in seq_along(set$y)) {
    file <- file.path(directory, class_names[set$y[i] + 1], sprintf("%05d.png", i))
    png::writePNG(set$x[i, , ] / 255, file)
  }
}

train <- balanced(
  read_idx("train-images-idx3"), read_idx("train-labels-idx1"), train_per_class
)
valid <- balanced(
  read_idx("t10k-images-idx3"), read_idx("t10k-labels-idx1"), valid_per_class
)
if (!file.exists(file.path(data_dir, ".complete"))) {
  message("Writing ", length(train$y) + length(valid$y), " images to ", data_dir, "/")
  write_folders(train, file.path(data_dir, "train"))
  write_folders(valid, file.path(data_dir, "valid"))
  invisible(file.create(file.path(data_dir, ".complete")))
}

# ---- the network --------------------------------------------------------------------------------

convnet <- function() {
  model <- keras_model_sequential() %>%
    layer_conv_2d(32, c(3, 3), activation = "relu", input_shape = c(28, 28, 1)) %>%
    layer_max_pooling_2d(c(2, 2)) %>%
    layer_conv_2d(64, c(3, 3), activation = "relu") %>%
    layer_max_pooling_2d(c(2, 2)) %>%
    layer_flatten() %>%
    layer_dense(128, activation = "relu") %>%
    layer_dropout(0.3) %>%
    layer_dense(10, activation = "softmax")
  model %>% compile(
    optimizer = optimizer_adam(lr = 0.001),
    loss = "categorical_crossentropy",
    metrics = "accuracy"
  )
  model
}

save_plot <- function(history, name) {
  png(file.path(report_dir, name), width = 900, height = 700, res = 110)
  on.exit(dev.off())
  picture <- plot(history)
  if (inherits(picture, "ggplot")) print(picture)
}

dir.create(report_dir, FALSE)
batch_size <- 64
steps <- length(train$y) %/% batch_size
valid_steps <- ceiling(length(valid$y) / batch_size)

# ---- 1: from folders, augmented by worker threads -----------------------------------------------

cat("\n== Training from image folders\n")
augmented <- image_data_generator(
  rescale = 1 / 255, horizontal_flip = TRUE,
  width_shift_range = 0.05, height_shift_range = 0.05, zoom_range = 0.05
)
train_flow <- flow_images_from_directory(
  file.path(data_dir, "train"), augmented,
  target_size = c(28, 28), color_mode = "grayscale", batch_size = batch_size, seed = 1
)
valid_flow <- flow_images_from_directory(
  file.path(data_dir, "valid"), image_data_generator(rescale = 1 / 255),
  target_size = c(28, 28), color_mode = "grayscale", batch_size = batch_size, shuffle = FALSE
)

# Shirts are the hardest class: mistakes on them count more.
codes <- unlist(train_flow$class_indices)
weights <- as.list(ifelse(names(codes) == "shirt", 1.25, 1))
names(weights) <- codes

folder_model <- convnet()
summary(folder_model)
folder_time <- system.time(
  folder_history <- folder_model %>% fit_generator(
    train_flow,
    steps_per_epoch = steps, epochs = 12,
    validation_data = valid_flow, validation_steps = valid_steps,
    class_weight = weights,
    callbacks = list(callback_early_stopping("val_loss", patience = 3)),
    verbose = 2
  )
)
print(folder_history)
save_plot(folder_history, "folders.png")

# ---- 2: from an R function, which runs while the model trains -----------------------------------

cat("\n== Training from an R function\n")
one_hot <- function(codes) diag(10)[codes + 1, ]
as_images <- function(x) array(x / 255, c(dim(x), 1))

# Shuffles at the start of every pass; each call is the next batch.
batches <- function(set, batch_size) {
  force(set)
  order <- integer()
  function() {
    if (length(order) < batch_size) order <<- sample(length(set$y))
    rows <- head(order, batch_size)
    order <<- tail(order, -batch_size)
    list(as_images(set$x[rows, , , drop = FALSE]), one_hot(set$y[rows]))
  }
}

closure_model <- convnet()
closure_time <- system.time(
  closure_history <- closure_model %>% fit_generator(
    batches(train, batch_size),
    steps_per_epoch = steps, epochs = 6,
    validation_data = list(as_images(valid$x), one_hot(valid$y)),
    verbose = 2
  )
)
print(closure_history)
save_plot(closure_history, "closure.png")

# ---- the report ---------------------------------------------------------------------------------

row <- function(name, history, time) {
  timing <- history$timing
  accuracy <- history$metrics$val_acc
  sprintf(
    "| %s | %d | %.3f | %.3f | %.1f | %.1f | %.0f %% | %.0f %% |", name, length(accuracy),
    max(accuracy), tail(accuracy, 1), time[["elapsed"]], timing$steps_per_second,
    100 * timing$wait_share, 100 * timing$blocked_share
  )
}
rows <- c(
  row("folders, augmented", folder_history, folder_time),
  row("R function", closure_history, closure_time)
)
table <- c(
  "| data | epochs | best val_acc | last val_acc | seconds | steps/s | trainer waited | producer waited |",
  "|---|---|---|---|---|---|---|---|",
  rows
)
writeLines(c(
  "# Demo report", "",
  sprintf(
    "%d training and %d validation images of Fashion-MNIST, batches of %d, %d cores, %s.",
    length(train$y), length(valid$y), batch_size, parallel::detectCores(), R.version.string
  ), "", table, "",
  "![From folders](folders.png)", "", "![From an R function](closure.png)"
), file.path(report_dir, "report.md"))

cat("\n")
writeLines(table)
cat("\nReport and plots: ", report_dir, "/\n", sep = "")
best <- max(folder_history$metrics$val_acc)
seconds <- folder_time[["elapsed"]] + closure_time[["elapsed"]]
if (best < 0.80) stop("validation accuracy is ", round(best, 3), ", expected at least 0.80")
if (seconds > 300) stop("training took ", round(seconds), " s, expected at most 300")
