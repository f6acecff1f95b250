# All of the picture pipeline against keras_preprocessing 1.1.0 (tools/golden/images_parity.py).

parity <- function(...) golden(..., file = "images-parity")

expect_near <- function(got, expected, tolerance, label) {
  expect_equal(length(got), length(expected), label = paste("length of", label))
  expect_lte(max(abs(as.vector(got) - as.numeric(expected))), tolerance, label = paste("difference of", label))
}

# `flow` gives the batches that the reference gave: pictures, labels, sizes. Brightness goes through
# whole numbers: where rounding falls the other way, a pixel is off by one level.
expect_batches <- function(flow, expected, label, tolerance = 1e-6, level = 0) {
  for (i in seq_along(expected)) {
    batch <- generator_next(flow)
    where <- paste("batch", i, "of", label)
    x <- if (is.list(batch)) batch[[1]] else batch
    expect_equal(dim(x)[[1]], expected[[i]]$n, label = paste("rows of", where))
    got <- marks_of(x)
    marks <- matrix(as.numeric(expected[[i]]$marks), nrow(got), byrow = TRUE)
    off <- abs(got - marks)
    expect_lte(max(off[, 1:2]), tolerance + level / 20, label = paste("means of", where))
    expect_lte(max(off[, -(1:2)]), tolerance + level, label = paste("pixels of", where))
    y <- expected[[i]]$y
    if (is.null(y)) next
    if (is.list(batch[[2]])) {
      for (k in seq_along(y)) expect_equal(as.vector(batch[[2]][[k]]), as.numeric(y[[k]]), label = paste("y of", where))
    } else {
      got_y <- if (is.matrix(batch[[2]])) as.vector(t(batch[[2]])) else as.vector(batch[[2]])
      expect_equal(got_y, as.numeric(y), label = paste("y of", where))
    }
  }
}

places <- c("b", "a", "b", "a", "C", "b/sub", "a", "C", "a", "b", "C", "a", "C", "b")
write_places <- function(folder) {
  for (n in seq_along(places) - 1) {
    write_png(picture(20 + n, 31 - n, 3, 19 * n), file.path(folder, places[[n + 1]], sprintf("i%02d.png", n)))
  }
}

test_that("files of all kinds are decoded to the bytes that Pillow gives", {
  skip_if_not_installed("jsonlite")
  folder <- local_folder()
  for (name in names(parity("files"))) {
    expected <- parity("files", name)
    path <- file.path(folder, name)
    writeBin(jsonlite::base64_dec(expected$base64), path)
    if (grepl("tiff?$", name) && !cpp_image_reads_tiff()) {
      expect_error(image_load(path), "installed without libtiff", class = "hornet_image_error")
    } else if (is.null(expected$rgb)) {
      expect_error(image_load(path), paste0(name, ".*not known"), class = "hornet_image_error")
    } else {
      modes <- c("rgb", "grayscale", "rgba")
      expect_equal(md5_of(lapply(modes, function(mode) bytes_of(path, mode))),
                   vapply(modes, function(mode) expected[[mode]], ""), label = name, ignore_attr = TRUE)
    }
  }
})

test_that("six kernels resize pictures of any size to the bytes that Pillow gives", {
  folder <- local_folder()
  methods <- unlist(parity("resized", "methods"))
  got <- expected <- list()
  for (number in seq_along(parity("resized", "cases"))) {
    case <- parity("resized", "cases", number)
    shape <- unlist(case$from)
    path <- file.path(folder, paste0(number, ".png"))
    image_array_save(do.call(picture, c(as.list(shape), number - 1)), path, scale = FALSE)
    mode <- c("grayscale", NA, "rgb", "rgba")[[shape[[3]]]]
    got <- c(got, lapply(methods, function(method) bytes_of(path, mode, unlist(case$to), method)))
    expected <- c(expected, unlist(case$md5))
  }
  expect_length(got, 630)
  expect_equal(md5_of(got), unlist(expected))
})

test_that("all fill modes give the same pixels", {
  for (case in parity("affine")) {
    generator <- image_data_generator(fill_mode = case$fill_mode, cval = 17.5)
    shape <- unlist(case$shape)
    out <- generator$apply_transform(do.call(picture, as.list(shape)), case$params)
    label <- paste(case$fill_mode, paste(names(case$params), unlist(case$params), collapse = " "))
    # Kept to three digits.
    expect_near(aperm(out, 3:1), unlist(case$out), 6e-4, label)
  }
})

test_that("a seed draws the same numbers, of each kind of range", {
  for (case in parity("transforms")) {
    args <- case$args
    if (identical(as.numeric(args$width_shift_range), 3)) args$width_shift_range <- 3L  # whole pixels
    got <- generator_of(args)$get_random_transform(c(150L, 100L, 3L), case$seed)
    for (name in names(case$params)) {
      expect_equal(as.numeric(got[[name]]), as.numeric(case$params[[name]]), tolerance = 1e-12,
                   label = paste(name, "of seed", case$seed))
    }
  }
})

test_that("colours are shifted, brightened and saved alike", {
  x <- picture(4, 5, 3)
  generator <- image_data_generator()
  for (case in parity("colours", "channel_shift")) {
    out <- generator$apply_transform(x, list(channel_shift_intensity = case$by))
    expect_near(aperm(out, 3:1), unlist(case$out), 1e-5, paste("channels by", case$by))
  }
  for (case in parity("colours", "brightness")) {
    out <- generator$apply_transform(x, list(brightness = case$by))
    expect_near(aperm(out, 3:1), unlist(case$out), 0, paste("brightness by", case$by))
  }
  path <- file.path(local_folder(), "x.png")
  for (case in parity("colours", "saved")) {
    image_array_save(x * case$times + case$add, path, scale = case$scale)
    expect_equal(as.integer(bytes_of(path)), unlist(case$out), label = paste("saved", case$scale, case$add))
  }
})

test_that("pictures held as arrays are resized alike", {
  for (case in parity("zoomed")) {
    out <- image_array_resize(do.call(picture, c(as.list(unlist(case$from)), 3)), case$to[[1]], case$to[[2]])
    expect_near(aperm(out, 3:1), unlist(case$out), 1e-4, "resized array")
    # Several at once, channels first.
    both <- aperm(array(do.call(picture, c(as.list(unlist(case$from)), 3)), c(unlist(case$from), 3, 2)), c(4, 3, 1, 2))
    first <- image_array_resize(both, case$to[[1]], case$to[[2]], data_format = "channels_first")
    expect_equal(dim(first), c(2, 3, unlist(case$to)))
    expect_equal(as.vector(first[2, , , ]), as.vector(aperm(out, c(3, 1, 2))))
  }
})

test_that("statistics, standardization and whitening agree", {
  expected <- parity("standardized")
  shape <- c(5, 4, 3)
  pattern <- picture(5, 4, 3)
  x <- noise(400, shape) + 3 * aperm(array(pattern, c(shape, 400)), c(4, 1:3))
  flat <- function(x) as.vector(aperm(x, rev(seq_along(dim(x)))))
  relative <- function(got, expected, tolerance, label) {
    expected <- unlist(expected)
    expect_lte(max(abs(got - expected)) / max(abs(expected)), tolerance, label = label)
  }
  featurewise <- image_data_generator(featurewise_center = TRUE, featurewise_std_normalization = TRUE)
  featurewise %>% fit_image_data_generator(x)
  relative(flat(featurewise$mean), expected$mean, 1e-5, "mean")
  relative(flat(featurewise$std), expected$std, 1e-5, "standard deviation")
  relative(flat(featurewise$standardize(x[1, , , ])), expected$featurewise, 1e-5, "featurewise")
  samplewise <- image_data_generator(samplewise_center = TRUE, samplewise_std_normalization = TRUE, rescale = 1 / 255)
  relative(flat(samplewise$standardize(x[2, , , ])), expected$samplewise, 1e-5, "samplewise")
  for (name in c("zca_fine", "zca_coarse")) {
    whitening <- image_data_generator(featurewise_center = TRUE, zca_whitening = TRUE,
                                      zca_epsilon = expected[[name]]$epsilon)
    whitening %>% fit_image_data_generator(x)
    relative(as.vector(t(whitening$principal_components[c(1, 32, 60), ])), expected[[name]]$rows, 1e-5, name)
    relative(flat(whitening$standardize(x[3, , , ])), expected[[name]]$out, 1e-4, paste(name, "applied"))
  }
  augmentation <- unlist_ranges(parity("directory_flows", 1, "args"))
  augmented <- do.call(image_data_generator, c(
    list(featurewise_center = TRUE, featurewise_std_normalization = TRUE), augmentation
  ))
  augmented %>% fit_image_data_generator(x[1:20, , , ], augment = TRUE, rounds = 2, seed = 3)
  relative(flat(augmented$mean), expected$augmented$mean, 1e-5, "augmented mean")
  relative(flat(augmented$std), expected$augmented$std, 1e-5, "augmented deviation")
})

test_that("folders give the same batches over the border of a pass, for several seeds", {
  folder <- local_folder()
  write_places(folder)
  for (case in parity("directory_flows")) {
    flow <- suppressMessages(do.call(flow_images_from_directory, c(
      list(folder, generator_of(case$args), target_size = c(18, 20), batch_size = 4, seed = case$seed), case$options
    )))
    expect_equal(flow$filenames, unlist(case$filenames))
    expect_batches(flow, case$batches, paste(case$options$class_mode, "flow with seed", case$seed),
                   level = if (is.null(case$args$brightness_range)) 0 else 1 / 255)
  }
})

test_that("a folder of mixed kinds is listed and read alike", {
  skip_if_not_installed("jsonlite")
  skip_if_not(cpp_image_reads_tiff(), "hornet was built without libtiff")
  folder <- local_folder()
  for (name in names(parity("mixed_folder", "files"))) {
    dir.create(dirname(file.path(folder, name)), FALSE, recursive = TRUE)
    writeBin(jsonlite::base64_dec(parity("mixed_folder", "files", name)), file.path(folder, name))
  }
  writeLines("x", file.path(folder, "a", "notes.txt"))
  for (case in parity("mixed_folder", "cases")) {
    flow <- suppressMessages(do.call(flow_images_from_directory, c(
      list(folder, generator_of(case$args), target_size = c(6, 7), batch_size = 5, seed = 11), case$options
    )))
    expect_equal(flow$filenames, unlist(case$filenames))
    expect_equal(flow$classes, unlist(case$classes))
    pixel <- if (is.null(case$args$rescale)) 1e-4 else 1e-6
    expect_batches(flow, case$batches, paste(case$options$class_mode, "flow"), tolerance = pixel,
                   level = if (is.null(case$args$brightness_range)) 0 else 1 / 255)
    if (case$options$class_mode == "input") {
      batch <- generator_next(flow)
      expect_identical(batch[[1]], batch[[2]])
    }
  }
})

test_that("arrays give the same batches over the border of a pass", {
  x <- aperm(simplify2array(lapply(0:10, function(n) picture(10, 12, 3, 7 * n))), c(4, 1, 2, 3))
  for (case in parity("array_flows")) {
    args <- case$args
    if (identical(as.numeric(args$width_shift_range), 3)) args$width_shift_range <- 3L  # whole pixels
    flow <- flow_images_from_data(x, 0:10, generator_of(args), batch_size = 4, seed = 5)
    expect_batches(flow, case$batches, paste(names(args), collapse = " "),
                   tolerance = if (is.null(args$rescale)) 1e-5 else 1e-6,
                   level = if (is.null(case$args$brightness_range)) 0 else 1 / 255)
  }
})

test_that("pictures are saved under the same names, with the same pixels", {
  x <- aperm(simplify2array(lapply(0:2, function(n) picture(6, 5, 3, 7 * n))), c(4, 1, 2, 3))
  folder <- local_folder()
  pictures <- local_folder()
  write_places(pictures)
  generator <- image_data_generator(horizontal_flip = TRUE, rescale = 1 / 255)
  generator_next(flow_images_from_data(x, generator = generator, batch_size = 3, seed = 5, save_to_dir = folder,
                                       save_prefix = "p"))
  generator_next(suppressMessages(flow_images_from_directory(
    pictures, generator, target_size = c(18, 20), batch_size = 4, seed = 5, save_to_dir = folder, save_prefix = "q",
    save_format = "jpeg"
  )))
  expected <- parity("saved_names")
  expect_equal(sort(dir(folder), method = "radix"), names(expected))
  expect_equal(md5_of(lapply(file.path(folder, names(expected)), bytes_of)), unlist(expected), ignore_attr = TRUE)
})

test_that("data frames give the same batches", {
  folder <- local_folder()
  write_places(folder)
  frame <- as.data.frame(lapply(parity("dataframe_flows", "frame"), unlist))
  for (case in parity("dataframe_flows", "cases")) {
    options <- lapply(case$options, unlist)
    expect_warning(
      flow <- suppressMessages(do.call(flow_images_from_dataframe, c(
        list(frame, folder, x_col = "file", generator = generator_of(case$args), target_size = c(18, 20),
             batch_size = 4, seed = 3), options
      ))), "2 invalid image filename"
    )
    expect_equal(flow$filenames, unlist(case$filenames))
    expect_batches(flow, case$batches, paste("data frame,", options$class_mode))
  }
})
