# The same pictures come out whatever keeps them (nothing, memory, a file) and however many workers
# make them.

kept_pictures <- function(env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  for (i in 0:10) {
    class <- file.path(folder, c("a", "b")[i %% 2 + 1])
    dir.create(class, FALSE)
    values <- array((seq_len(60 * 53 * 3) * (i + 7)) %% 251, c(60, 53, 3))
    image_array_save(values, file.path(class, paste0(i, if (i < 6) ".jpg" else ".png")), scale = FALSE)
  }
  folder
}

everything <- function() {
  image_data_generator(
    rotation_range = 40, width_shift_range = 0.2, height_shift_range = 3L, shear_range = 10, zoom_range = 0.2,
    channel_shift_range = 20, horizontal_flip = TRUE, vertical_flip = TRUE, brightness_range = c(0.5, 1.5),
    fill_mode = "reflect", rescale = 1 / 255, samplewise_center = TRUE
  )
}

kept_flow <- function(folder, generator = everything(), seed = 3, interpolation = "nearest", ...) {
  suppressMessages(flow_images_from_directory(
    folder, generator, target_size = c(20, 17), batch_size = 4, seed = seed, class_mode = "binary",
    interpolation = interpolation, ...
  ))
}

with_cache <- function(kind, code) {
  disk <- withr::local_tempdir()
  withr::local_options(
    hornet.cache = kind == "memory" || kind == "both",
    hornet.image_cache = if (kind %in% c("file", "both")) disk
  )
  force(code)
}

# 3 batches a pass: this goes over the border twice.
seven_batches <- function(flow) lapply(1:7, function(i) generator_next(flow))

test_that("batches are the same for any number of workers and any cache", {
  folder <- kept_pictures()
  usual <- image_data_generator(rescale = 1 / 255, rotation_range = 40, zoom_range = 0.2)
  for (generator in list(everything(), usual)) {
    for (interpolation in c("nearest", "bilinear")) {
      expected <- NULL
      for (kind in c("none", "memory", "file", "both")) {
        for (workers in c(1, 2, 4)) {
          withr::local_options(hornet.image_workers = workers)
          got <- with_cache(kind, seven_batches(kept_flow(folder, generator, interpolation = interpolation)))
          expected <- expected %||% got
          expect_identical(got, expected, label = paste(kind, workers, "workers", interpolation))
        }
      }
    }
  }
})

test_that("models are trained the same for any number of workers and any cache", {
  folder <- kept_pictures()
  for (seed in list(3, NULL)) {
    expected <- NULL
    for (kind in c("none", "memory", "file")) {
      for (workers in c(1, 2, 4)) {
        withr::local_options(hornet.image_workers = workers)
        got <- with_cache(kind, {
          use_session_with_seed(9, quiet = TRUE)
          model <- keras_model_sequential() %>%
            layer_conv_2d(4, 3, strides = 2, activation = "relu", input_shape = c(20, 17, 3)) %>%
            layer_flatten() %>%
            layer_dense(1, activation = "sigmoid")
          model %>% compile("adam", "binary_crossentropy")
          # 5 steps: passes of 3 batches and epochs don't end together.
          model %>% fit_generator(kept_flow(folder, seed = seed), steps_per_epoch = 5, epochs = 3, verbose = 0)
          get_weights(model)
        })
        expected <- expected %||% got
        expect_identical(got, expected, label = paste(kind, workers, "workers"))
      }
    }
  }
  expect_nothing_left()
})

test_that("another iterator finds what a file keeps, until a picture changes", {
  folder <- kept_pictures()
  kept <- withr::local_tempdir()
  withr::local_options(hornet.cache = FALSE, hornet.image_cache = file.path(kept, "new", "folder"))
  plain <- image_data_generator()
  first <- seven_batches(kept_flow(folder, plain))
  files <- list.files(kept, recursive = TRUE, full.names = TRUE)
  expect_length(files, 1)
  expect_gte(file.size(files), 11 * 20 * 17 * 3)

  # They come from there: the files of the pictures are not read.
  paths <- list.files(folder, recursive = TRUE, full.names = TRUE)
  if (file.exists("/proc/self/io")) {
    bytes_read <- function() as.numeric(sub(".* ", "", readLines("/proc/self/io", 1)))
    before <- bytes_read()
    again <- seven_batches(kept_flow(folder, plain))
    expect_lt(bytes_read() - before, 30 * (20 * 17 * 3 + 32))  # 7 batches have 26 pictures
    expect_identical(again, first)
  }

  # Others in their place are told from them, though their sizes and times of modification are the same.
  skip_on_os("windows")
  for (memory in c(FALSE, TRUE)) {
    withr::local_options(hornet.cache = memory)
    flow <- kept_flow(folder, plain)
    seven_batches(flow)
    time <- withr::local_tempfile()
    expect_identical(system2("touch", c("-r", paths[[1]], time)), 0L)
    bytes <- readBin(paths[[1]], "raw", 1e6)
    writeBin(raw(length(bytes)), paths[[1]])
    expect_identical(system2("touch", c("-r", time, paths[[1]])), 0L)
    expect_error(seven_batches(flow), basename(paths[[1]]), class = "hornet_image_error")
    expect_error(seven_batches(kept_flow(folder, plain)), basename(paths[[1]]), class = "hornet_image_error")
    writeBin(bytes, paths[[1]])
    expect_identical(seven_batches(kept_flow(folder, plain)), first)
  }
  withr::local_options(hornet.cache = FALSE)

  # Changed pictures are seen.
  image_array_save(array(0, c(60, 53, 3)), paths[[1]], scale = FALSE)
  Sys.setFileTime(paths[[1]], Sys.time() + 10)
  changed <- seven_batches(kept_flow(folder, plain))
  withr::local_options(hornet.image_cache = NULL)
  expect_identical(changed, seven_batches(kept_flow(folder, plain)))
  expect_false(identical(changed, first))
})

test_that("a damaged, truncated or impossible file of kept pictures changes nothing", {
  folder <- kept_pictures()
  expected <- seven_batches(kept_flow(folder))
  kept <- withr::local_tempdir()
  withr::local_options(hornet.cache = FALSE, hornet.image_cache = kept)
  seven_batches(kept_flow(folder))
  file <- list.files(kept, full.names = TRUE)
  bytes <- readBin(file, "raw", file.size(file))
  for (content in list(raw(), head(bytes, 1500), rev(bytes), raw(length(bytes)), c(bytes, bytes))) {
    writeBin(content, file)
    expect_identical(seven_batches(kept_flow(folder)), expected)
  }
  # Truncated under the hands of an iterator.
  flow <- kept_flow(folder)
  for (i in 1:2) generator_next(flow)
  writeBin(head(bytes, 700), file)
  expect_identical(c(expected[1:2], lapply(3:7, function(i) generator_next(flow))), expected)

  unlink(file)
  dir.create(file)
  expect_warning(flow <- kept_flow(folder), "decoded without it", class = "hornet_cache_warning")
  expect_silent(got <- seven_batches(flow))
  expect_identical(got, expected)

  blocked <- withr::local_tempfile()
  file.create(blocked)
  withr::local_options(hornet.image_cache = file.path(blocked, "x"))
  expect_warning(flow <- kept_flow(folder), class = "hornet_cache_warning")
  expect_identical(seven_batches(flow), expected)
  withr::local_options(hornet.image_cache = 3)
  expect_error(kept_flow(folder), "hornet.image_cache", class = "hornet_value_error")
})

test_that("rows that nearest resizing doesn't look at don't matter", {
  skip_if_not_installed("jsonlite")
  files <- jsonlite::fromJSON(testthat::test_path("golden", "images.json"), simplifyVector = FALSE)$files
  folder <- withr::local_tempdir()
  nearest <- function(from, to) {  # summed up, as Pillow does
    at <- from / to / 2 + cumsum(c(0, rep(from / to, to - 1)))
    pmin(floor(at), from - 1) + 1
  }
  for (name in names(files)) {
    path <- file.path(folder, name)
    writeBin(jsonlite::base64_dec(files[[name]]$base64), path)
    whole <- image_to_array(image_load(path))
    for (size in list(c(3, 4), c(7, 5), c(1, 1), c(dim(whole)[[1]], 3), c(40, 50))) {
      rows <- nearest(dim(whole)[[1]], size[[1]])
      columns <- nearest(dim(whole)[[2]], size[[2]])
      got <- image_to_array(image_load(path, target_size = size))
      expect_identical(got, whole[rows, columns, , drop = FALSE], label = paste(name, toString(size)))
    }
  }
})
