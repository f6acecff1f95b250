# Pictures that can't be read: hostile files, errors that name them, and leaving them out.

# A folder of `n` grey pictures of 6 x 5 in class "all", named 01.png, 02.png, ... Picture k has the
# value k everywhere; those in `broken` are files that are no pictures.
write_numbered <- function(folder, n, broken = integer(), class = "all") {
  dir.create(file.path(folder, class), FALSE, recursive = TRUE)
  paths <- file.path(folder, class, sprintf("%02d.png", seq_len(n)))
  for (k in seq_len(n)) {
    if (k %in% broken) writeLines("this is no picture", paths[[k]])
    else image_array_save(array(k, c(6, 5, 1)), paths[[k]], scale = FALSE)
  }
  paths
}

numbered_flow <- function(folder, ..., class_mode = NULL, on_error = "skip") {
  suppressMessages(flow_images_from_directory(
    folder, target_size = c(6, 5), color_mode = "grayscale", class_mode = class_mode, on_error = on_error, ...
  ))
}

values_of <- function(x) x[, 1, 1, 1]

# The warning of an expression, and its value.
warned <- function(expr) {
  warnings <- list()
  value <- withCallingHandlers(expr, warning = function(w) {
    warnings[[length(warnings) + 1L]] <<- w
    invokeRestart("muffleWarning")
  })
  list(value = value, warnings = warnings)
}

bytes <- function(...) {
  as.raw(unlist(lapply(list(...), function(x) if (is.character(x)) as.integer(charToRaw(x)) else x)))
}
le <- function(x) as.integer(x %/% 256^(0:3) %% 256)  # four bytes, the lowest first

test_that("files that are made to cost much are R errors that name the file", {
  skip_on_os("windows")
  folder <- local_folder()
  at <- function(name) file.path(folder, "all", name)
  dir.create(file.path(folder, "all"))
  huge <- 2^31 - 1
  contents <- list(
    "empty.png" = bytes(), "text.png" = bytes("not a picture"), "short.png" = bytes(137, "PNG\r\n\032\n", 0, 0),
    "huge.bmp" = bytes("BM", rep(0, 8), le(54), le(40), le(huge), le(huge), 1, 0, 24, 0, rep(0, 24)),
    "nothing.bmp" = bytes("BM", rep(0, 8), le(54), le(40), le(0), le(16), 1, 0, 24, 0, rep(0, 24)),
    "runs.bmp" = bytes("BM", rep(0, 8), le(54), le(40), le(9000), le(9000), 1, 0, 8, 0, le(1), rep(0, 1044)),
    "huge.ppm" = bytes("P6 999999999 999999999 255\n"), "missing.ppm" = bytes("P6 9000 9000 255\n"),
    "plain.ppm" = bytes("P3 2 2 255 1 2 x"), "huge.tif" = bytes(
      "II*", 0, le(8), 3, 0, 0, 1, 4, 0, le(1), le(2^32 - 1), 1, 1, 4, 0, le(1), le(2^32 - 1), 17, 1, 4, 0, le(1),
      le(8), le(8)
    ),
    "gif.png" = bytes("GIF89a", rep(0, 100)), "webp.jpg" = bytes("RIFF", le(100), "WEBP", rep(0, 100))
  )
  for (name in names(contents)) writeBin(contents[[name]], at(name))
  whole <- tempfile(fileext = ".jpg")
  image_array_save(picture(40, 40, 3), whole)
  half <- readBin(whole, "raw", 1e6)
  writeBin(head(half, length(half) %/% 2), at("half.jpg"))
  file.symlink("/dev/zero", at("device.png"))
  file.symlink("nowhere.png", at("dangling.png"))
  system2("mkfifo", at("pipe.png"))

  files <- dir(file.path(folder, "all"), all.files = TRUE, no.. = TRUE)
  expect_length(files, length(contents) + 4L)
  for (file in files) {
    spent <- system.time(expect_error(image_load(at(file)), file, class = "hornet_image_error"))
    expect_lt(sum(spent[c("user.self", "sys.self")]), 1, label = paste("seconds for", file))
  }
  expect_error(image_load(file.path(folder, "all")), "not a regular file", class = "hornet_image_error")
  # Of a batch, the first in order.
  flow <- numbered_flow(folder, shuffle = FALSE, on_error = "stop")
  expect_error(generator_next(flow), flow$filenames[[1]], fixed = TRUE, class = "hornet_image_error")
  flow <- numbered_flow(folder, shuffle = FALSE)
  expect_error(generator_next(flow), "none of the pictures can be read", class = "hornet_image_error")
  expect_setequal(flow$skipped_files$file, flow$filepaths)
  expect_nothing_left()
})

test_that("folders that are linked in circles are listed", {
  skip_on_os("windows")
  folder <- local_folder()
  write_numbered(folder, 2, class = "a")
  write_numbered(folder, 1, class = "b")
  file.symlink(folder, file.path(folder, "a", "loop"))
  file.symlink(file.path(folder, "a"), file.path(folder, "a", "self"))
  file.symlink(file.path(folder, "b"), file.path(folder, "a", "other"))
  file.symlink(file.path(folder, "a"), file.path(folder, "b", "other"))
  expect_equal(numbered_flow(folder)$n, 3)
  followed <- numbered_flow(folder, follow_links = TRUE)
  expect_true(all(c("a/01.png", "a/other/01.png", "b/other/02.png") %in% followed$filenames))
  # Every one of these links to all others: the ways through them are endless.
  crowd <- local_folder()
  rooms <- file.path(crowd, "all", letters[1:14])
  for (room in rooms) dir.create(room, recursive = TRUE)
  for (room in rooms) file.symlink(rooms, file.path(room, basename(rooms)))
  expect_error(numbered_flow(crowd, follow_links = TRUE), "again and again", class = "hornet_error")
})

test_that("a picture that can't be read is left out of its batch, and said at once", {
  folder <- local_folder()
  paths <- write_numbered(folder, 7, broken = c(2, 3, 7))
  flow <- numbered_flow(folder, batch_size = 3, shuffle = FALSE)
  expect_equal(nrow(flow$skipped_files), 0)
  first <- warned(generator_next(flow))
  expect_equal(values_of(first$value), 1)
  expect_s3_class(first$warnings[[1]], c("hornet_skipped_warning", "hornet_warning"), exact = FALSE)
  expect_match(conditionMessage(first$warnings[[1]]),
               "2 pictures could not be read and were left out:\n.*02.png: not a")
  expect_silent(second <- generator_next(flow))
  expect_equal(values_of(second), 4:6)
  # The third batch has nothing but a broken picture: the next pass begins.
  third <- warned(generator_next(flow))
  expect_equal(values_of(third$value), 1)
  expect_equal(flow$skipped_files$file, paths[c(2, 3, 7)])
  expect_match(flow$skipped_files$reason, "^not a JPEG")
  # Repaired, it is back.
  image_array_save(array(2, c(6, 5, 1)), paths[[2]], scale = FALSE)
  flow$reset()
  expect_equal(values_of(warned(generator_next(flow))$value), 1:2)
})

test_that("targets, other arrays and saved pictures go with their pictures", {
  folder <- local_folder()
  write_numbered(folder, 3, broken = 2, class = "a")
  write_numbered(folder, 4, broken = c(1, 4), class = "b")
  saved <- local_folder()
  for (mode in c("categorical", "binary", "sparse", "input")) {
    flow <- numbered_flow(folder, class_mode = mode, shuffle = FALSE, save_to_dir = saved, save_prefix = mode)
    batch <- suppressWarnings(generator_next(flow), "hornet_skipped_warning")
    expect_equal(values_of(batch[[1]]), c(1, 3, 2, 3))
    expected <- switch(mode, categorical = cbind(c(1, 1, 0, 0), c(0, 0, 1, 1)), input = batch[[1]], c(0, 0, 1, 1))
    expect_equal(batch[[2]], expected, ignore_attr = TRUE)
    names <- dir(saved, paste0("^", mode))
    expect_setequal(sub(".*_([0-9]+)_[0-9]+[.]png", "\\1", names), c("0", "2", "4", "5"))
  }
  # The random numbers of the pictures that are left stay theirs.
  augmented <- function(folder, on_error) {
    suppressMessages(flow_images_from_directory(
      folder, image_data_generator(rotation_range = 90, fill_mode = "constant"), target_size = c(6, 5),
      color_mode = "grayscale", seed = 4, on_error = on_error
    ))
  }
  whole <- local_folder()
  write_numbered(whole, 3, class = "a")
  write_numbered(whole, 4, class = "b")
  complete <- generator_next(augmented(whole, "stop"))
  flow <- augmented(folder, "skip")
  rest <- suppressWarnings(generator_next(flow), "hornet_skipped_warning")
  kept <- !(c(0:6) %in% c(1, 3, 6))[flow$index_array + 1]
  expect_equal(rest[[1]], complete[[1]][kept, , , , drop = FALSE])
  expect_equal(rest[[2]], complete[[2]][kept, ])
})

test_that("data frames leave out what can't be read, too", {
  folder <- local_folder()
  paths <- write_numbered(folder, 5, broken = 4)
  frame <- data.frame(filename = paths, size = (1:5) / 10, age = 5:1)
  flow <- suppressMessages(flow_images_from_dataframe(
    frame, y_col = c("size", "age"), class_mode = "multi_output", target_size = c(6, 5), color_mode = "grayscale",
    shuffle = FALSE, on_error = "skip"
  ))
  batch <- warned(generator_next(flow))
  expect_length(batch$warnings, 1)
  expect_equal(values_of(batch$value[[1]]), c(1:3, 5))
  expect_equal(as.vector(batch$value[[2]][[1]]), c(0.1, 0.2, 0.3, 0.5))
  expect_equal(as.vector(batch$value[[2]][[2]]), c(5, 4, 3, 1))
  expect_error(flow_images_from_dataframe(frame, class_mode = NULL, on_error = "ignore"), '"stop" or "skip"',
               class = "hornet_value_error")
})

test_that("runs of a model end with one warning, and predictions have the rows that are left", {
  folder <- local_folder()
  write_numbered(folder, 14, broken = c(1:3, 5, 9:14), class = "a")
  paths <- write_numbered(folder, 6, broken = 6, class = "b")
  model <- keras_model_sequential() %>%
    layer_flatten(input_shape = c(6, 5, 1)) %>%
    layer_dense(1, use_bias = FALSE, kernel_initializer = initializer_constant(1 / 30))
  model %>% compile(optimizer_sgd(lr = 0), "mse")
  for (user_function in list(NULL, function(x) x)) {
    generator <- image_data_generator(preprocessing_function = user_function)
    flow <- function(...) {
      suppressMessages(flow_images_from_directory(folder, generator, target_size = c(6, 5), color_mode = "grayscale",
                                                  class_mode = "binary", batch_size = 3, on_error = "skip", ...))
    }
    batches <- flow(shuffle = FALSE)
    run <- warned(model %>% predict_generator(batches))
    expect_length(run$warnings, 1)
    expect_s3_class(run$warnings[[1]], "hornet_skipped_warning")
    expect_match(conditionMessage(run$warnings[[1]]),
                 "11 pictures could not be read.*and 1 more; see `\\$skipped_files`")
    # With a function in R the iterator's own order goes on, so that nothing is missing at the end.
    readable <- c(4, 6:8, 1:5)
    if (is.null(user_function)) {
      expect_equal(as.vector(run$value), readable, tolerance = 1e-6)
      expect_equal(setdiff(batches$filepaths, batches$skipped_files$file), batches$filepaths[c(4, 6:8, 15:19)])
    }
    run <- warned(model %>% evaluate_generator(flow(shuffle = FALSE)))
    expect_length(run$warnings, 1)
    if (is.null(user_function)) {
      expect_equal(run$value[["loss"]], mean((readable - rep(0:1, c(4, 5)))^2), tolerance = 1e-5)
    }
    run <- warned(model %>% fit_generator(flow(seed = 1), 5, epochs = 3, verbose = 0,
                                          validation_data = flow(shuffle = FALSE)))
    expect_equal(vapply(run$warnings, function(w) class(w)[[1]], ""), rep("hornet_skipped_warning", 2))
    expect_length(run$value$metrics$val_loss, 3)
  }
  # Where nothing can be read, nothing goes on for ever.
  writeLines("no picture", file.path(folder, "a", "04.png"))
  unlink(file.path(folder, c("a", "b")), recursive = TRUE)
  write_numbered(folder, 4, broken = 1:4, class = "a")
  lost <- numbered_flow(folder, batch_size = 2, class_mode = "binary")
  expect_error(suppressWarnings(model %>% fit_generator(lost, 5, verbose = 0)), "none of the pictures can be read",
               class = "hornet_image_error")
  expect_error(suppressWarnings(model %>% predict_generator(lost)), "none of the pictures can be read")
  expect_nothing_left()
})

test_that("one picture is enough to go on with, wherever it comes in a pass", {
  folder <- local_folder()
  write_numbered(folder, 12, broken = c(1:6, 8:12))
  flow <- function(f = NULL, seed = NULL) {
    numbered_flow(folder, image_data_generator(preprocessing_function = f), batch_size = 3, class_mode = "sparse",
                  seed = seed)
  }
  model <- keras_model_sequential() %>%
    layer_flatten(input_shape = c(6, 5, 1)) %>%
    layer_dense(1)
  model %>% compile(optimizer_sgd(lr = 0), "mse")
  for (seed in 1:5) {
    for (user_function in list(NULL, function(x) x)) {
      batches <- flow(user_function, seed)
      history <- suppressWarnings(model %>% fit_generator(batches, 4, epochs = 3, verbose = 0))
      expect_length(history$metrics$loss, 3)
      expect_length(batches$skipped_files$file, 11)
    }
    batches <- flow(seed = seed)
    for (i in 1:6) expect_equal(values_of(suppressWarnings(generator_next(batches))[[1]]), 7)
  }
  expect_nothing_left()
})

test_that("names of files need not be valid text", {
  skip_on_os(c("windows", "mac"))
  folder <- local_folder()
  write_numbered(folder, 3)
  at <- function(byte) paste0(folder, "/all/00caf", rawToChar(as.raw(byte)), ".png")
  file.copy(file.path(folder, "all", "03.png"), at(0xe9))
  writeLines("no picture", at(0xe8))
  batches <- numbered_flow(folder, shuffle = FALSE)
  expect_equal(batches$filepaths[1:2], c(at(0xe8), at(0xe9)))
  expect_warning(x <- generator_next(batches), class = "hornet_skipped_warning")
  expect_equal(values_of(x), c(3, 1:3))
  expect_identical(batches$skipped_files$file, at(0xe8))
  expect_match(batches$skipped_files$reason, "^not a JPEG")
})

test_that("a data frame may name files of other folders", {
  folder <- local_folder()
  other <- local_folder()
  write_numbered(folder, 2)
  there <- write_numbered(other, 5)[[5]]
  frame <- data.frame(filename = c("all/01.png", there, NA))
  expect_warning(batches <- suppressMessages(flow_images_from_dataframe(
    frame, folder, target_size = c(6, 5), color_mode = "grayscale", class_mode = NULL, shuffle = FALSE
  )), "1 invalid")
  expect_equal(values_of(generator_next(batches)), c(1, 5))
})
