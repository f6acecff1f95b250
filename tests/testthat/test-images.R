# The picture pipeline against keras_preprocessing 1.1.0 (tools/golden/images.py).

image_golden <- function(name) golden(name, file = "images")

expect_batch <- function(got, expected, tolerance, label) {
  x <- if (is.list(got)) got[[1]] else got
  expect_equal(dim(x)[[1]], expected$n, label = paste("rows of", label))
  expect_lt(abs(mean(x) - expected$mean), tolerance, label = paste("mean of", label))
  expect_lt(max(abs(x[1, 1, , ] - as_golden_array(expected$first))), tolerance, label = paste("start of", label))
  last <- x[dim(x)[[1]], dim(x)[[2]], , ]
  expect_lt(max(abs(last - as_golden_array(expected$last))), tolerance, label = paste("end of", label))
  if (!is.null(expected$y)) {
    expect_equal(as.vector(got[[2]]), as.vector(as_golden_array(expected$y)), label = paste("y of", label))
  }
}

test_that("files of all kinds are decoded as Pillow does", {
  skip_if_not_installed("jsonlite")
  folder <- local_folder()
  for (name in names(image_golden("files"))) {
    expected <- image_golden("files")[[name]]
    path <- file.path(folder, name)
    writeBin(jsonlite::base64_dec(expected$base64), path)
    expect_pixels(image_to_array(image_load(path)), expected$rgb, label = name)
    gray <- expected$grayscale
    gray$dim <- c(gray$dim, 1L)
    expect_pixels(image_to_array(image_load(path, grayscale = TRUE)), gray, label = paste(name, "in grey"))
  }
})

test_that("pictures are resized as Pillow does", {
  path <- file.path(local_folder(), "x.png")
  write_png(picture(13, 17, 3), path)
  for (case in image_golden("resized")) {
    got <- image_to_array(image_load(path, target_size = case$size, interpolation = case$method))
    expect_pixels(got, case$out, label = paste(case$method, paste(case$size, collapse = " x ")))
  }
})

test_that("the same seed draws the same transformation", {
  for (case in image_golden("transforms")) {
    got <- generator_of(case$args)$get_random_transform(c(150L, 100L, 3L), case$seed)
    for (name in names(case$params)) {
      expected <- case$params[[name]]
      if (is.null(expected)) {
        expect_null(got[[name]])
      } else {
        expect_equal(as.numeric(got[[name]]), expected, tolerance = 1e-6, label = paste(name, "of seed", case$seed))
      }
    }
  }
})

test_that("transformations give the same pixels", {
  x <- picture(6, 8, 3)
  for (case in image_golden("applied")) {
    generator <- image_data_generator(fill_mode = case$fill_mode, cval = 17.5)
    label <- paste(case$fill_mode, paste(names(case$params), unlist(case$params), collapse = " "))
    # Brightness goes through whole numbers: where rounding falls the other way it is off by one.
    tolerance <- if ("brightness" %in% names(case$params)) 1 else 2e-3
    expect_pixels(generator$apply_transform(x, case$params), case$out, tolerance, label)
  }
})

places <- c("b", "a", "b", "a", "C", "b/sub", "a", "C", "a", "b", "C", "a")
write_folders <- function(folder) {
  for (n in seq_along(places)) {
    write_png(picture(8, 9, 3, 19 * (n - 1)), file.path(folder, places[[n]], sprintf("i%02d.png", n - 1)))
  }
  writeLines("x", file.path(folder, "a", "notes.txt"))
}

test_that("folders give the same batches, whatever the number of workers", {
  folder <- local_folder()
  write_folders(folder)
  for (workers in c(1, 3)) {
    withr::local_options(hornet.image_workers = workers)
    for (case in image_golden("directory_flows")) {
      expect_message(
        flow <- flow_images_from_directory(
          folder, generator_of(case$args), target_size = c(6, 7), batch_size = 5,
          class_mode = case$class_mode, seed = 11, subset = case$subset, interpolation = case$interpolation
        ), "Found [0-9]+ images belonging to 3 classes."
      )
      expect_equal(flow$filenames, case$filenames)
      expect_equal(as.vector(flow$classes), case$classes)
      expect_equal(flow$class_indices, list(C = 0, a = 1, b = 2), ignore_attr = TRUE)
      augmented <- length(case$args) > 2
      for (i in seq_along(case$batches)) {
        expect_batch(generator_next(flow), case$batches[[i]], if (augmented) 0.01 else 1e-4,
                     paste(case$class_mode, "batch", i))
      }
    }
  }
  expect_nothing_left()
})

test_that("arrays give the same batches", {
  x <- aperm(simplify2array(lapply(0:10, function(n) picture(6, 5, 3, 7 * n))), c(4, 1, 2, 3))
  case <- image_golden("array_flow")
  flow <- flow_images_from_data(x, 0:10, generator_of(case$args), batch_size = 4, seed = 5)
  for (i in seq_along(case$batches)) {
    expect_batch(generator_next(flow), case$batches[[i]], 0.02, paste("batch", i))
  }
  expect_equal(length(flow), 3)
})

test_that("labels may be factors, matrices and data frames, and must fit", {
  x <- array(0, c(4, 2, 2, 1))
  y_of <- function(y) generator_next(flow_images_from_data(x, y, shuffle = FALSE))[[2]]
  .globals$told_class_order <- NULL
  expect_message(codes <- y_of(factor(c("cat", "dog", "cat", "dog"))), "0 = cat, 1 = dog")
  expect_equal(as.vector(codes), c(0, 1, 0, 1))
  expect_equal(y_of(diag(4)), diag(4))
  expect_equal(y_of(data.frame(a = 1:4, b = 5:8)), cbind(1:4, 5:8), ignore_attr = TRUE)
  expect_error(flow_images_from_data(x, 1:3), "`x` has 4 pictures, but `y` 3 rows", class = "hornet_shape_error")
  expect_error(flow_images_from_data(x, letters[1:4]), "`y` must be a numeric array", class = "hornet_value_error")
})

test_that("a broken file is an error that names it, and R goes on", {
  folder <- local_folder()
  write_folders(folder)
  bad <- file.path(folder, "a", "broken.png")
  whole <- readBin(file.path(folder, "a", "i01.png"), "raw", 1e5)
  for (content in list(raw(), as.raw(1:50), head(whole, length(whole) %/% 2))) {
    writeBin(content, bad)
    model <- keras_model_sequential() %>%
      layer_flatten(input_shape = c(6, 7, 3)) %>%
      layer_dense(3, activation = "softmax")
    model %>% compile("sgd", "categorical_crossentropy")
    flow <- suppressMessages(
      flow_images_from_directory(folder, target_size = c(6, 7), batch_size = 3, seed = 1)
    )
    expect_error(model %>% fit_generator(flow, 10, verbose = 0), "broken.png", class = "hornet_error")
    expect_nothing_left()
  }
})

test_that("models train on pictures, and an R preprocessing function sees each of them", {
  folder <- local_folder()
  write_folders(folder)
  model <- keras_model_sequential() %>%
    layer_conv_2d(4, 3, activation = "relu", input_shape = c(6, 7, 3)) %>%
    layer_flatten() %>%
    layer_dense(3, activation = "softmax")
  model %>% compile("adam", "categorical_crossentropy", metrics = "accuracy")
  seen <- 0
  generator <- image_data_generator(rescale = 1 / 255, preprocessing_function = function(x) {
    seen <<- seen + 1
    stopifnot(identical(dim(x), c(6L, 7L, 3L)))
    x
  })
  flow <- suppressMessages(
    flow_images_from_directory(folder, generator, target_size = c(6, 7), batch_size = 4, seed = 1)
  )
  history <- model %>% fit_generator(flow, epochs = 2, verbose = 0, validation_data = flow)
  expect_named(history$metrics, c("val_loss", "val_acc", "loss", "acc"))
  expect_gte(seen, 2 * 12)
  expect_equal(dim(model %>% predict_generator(flow, 3)), c(12L, 3L))
  expect_nothing_left()
})
