# What must hold for pictures and their batches whatever the numbers are.

rows_of <- function(x, n) aperm(array(x, c(dim(x), n)), c(4, 1:3))

test_that("right angles, whole shifts and flips move pixels and change none", {
  generator <- image_data_generator()
  x <- picture(9, 9, 2)
  # The reference turns about a point one pixel off the centre: (n + 1) / 2 from 0, here 5.
  at <- function(i) pmin(pmax(i, 0), 8) + 1
  turned <- generator$apply_transform(x, list(theta = 180))
  expect_equal(turned, x[at(10 - 0:8), at(10 - 0:8), ], tolerance = 1e-6)
  quarter <- generator$apply_transform(x, list(theta = 90))
  expect_equal(quarter, aperm(x[at(10 - 0:8), , ], c(2, 1, 3)), tolerance = 1e-6)
  shifted <- generator$apply_transform(x, list(tx = 2, ty = -3))
  expect_equal(shifted, x[at(0:8 + 2), at(0:8 - 3), ], tolerance = 1e-6)
  for (flip in c("flip_horizontal", "flip_vertical")) {
    params <- stats::setNames(list(TRUE), flip)
    once <- generator$apply_transform(x, params)
    expect_identical(once, if (flip == "flip_vertical") x[9:1, , ] else x[, 9:1, ])
    expect_identical(generator$apply_transform(once, params), x + 0)
  }
})

test_that("each pass takes every picture once, in an order of its own", {
  x <- rows_of(picture(2, 2, 1), 23)
  flow <- flow_images_from_data(x, 0:22, batch_size = 5, seed = 3)
  orders <- lapply(1:4, function(pass) unlist(lapply(1:5, function(i) as.vector(generator_next(flow)[[2]]))))
  for (order in orders) expect_setequal(order, 0:22)
  expect_length(unique(orders), 4)
  expect_equal(flow$total_batches_seen, 20)
  straight <- flow_images_from_data(x, 0:22, batch_size = 5, shuffle = FALSE)
  for (pass in 1:2) {
    expect_equal(unlist(lapply(1:5, function(i) as.vector(generator_next(straight)[[2]]))), 0:22)
  }
})

test_that("what is drawn has the distribution that the help describes", {
  generator <- image_data_generator(rotation_range = 30, width_shift_range = 4L, height_shift_range = c(1, 5),
                                    zoom_range = c(0.5, 2), horizontal_flip = TRUE, vertical_flip = TRUE,
                                    brightness_range = c(0.2, 0.7), channel_shift_range = 9)
  n <- 4000
  drawn <- lapply(seq_len(n), function(seed) unlist(generator$get_random_transform(c(50L, 50L, 3L), seed)))
  drawn <- as.data.frame(do.call(rbind, drawn))
  uniform <- function(x, from, to) expect_gt(suppressWarnings(stats::ks.test(x, "punif", from, to))$p.value, 1e-4)
  uniform(drawn$theta, -30, 30)
  uniform(drawn$zx, 0.5, 2)
  uniform(drawn$zy, 0.5, 2)
  uniform(drawn$channel_shift_intensity, -9, 9)
  uniform(drawn$brightness, 0.2, 0.7)
  expect_lt(abs(stats::cor(drawn$zx, drawn$zy)), 4 / sqrt(n))
  for (flip in c("flip_horizontal", "flip_vertical")) expect_lt(abs(mean(drawn[[flip]]) - 0.5), 4 * 0.5 / sqrt(n))
  # 4L: one of 0 to 3 with a random sign; c(1, 5): one of them with a random sign.
  shares <- function(x, values, p) {
    expect_setequal(x, values)
    for (i in seq_along(values)) {
      expect_lt(abs(mean(x == values[[i]]) - p[[i]]), 4 * sqrt(p[[i]] * (1 - p[[i]]) / n))
    }
  }
  shares(drawn$ty, -3:3, c(1, 1, 1, 2, 1, 1, 1) / 8)
  shares(drawn$tx, c(-5, -1, 1, 5), rep(1, 4) / 4)
})

test_that("pictures and masks with one seed are turned alike", {
  x <- aperm(simplify2array(lapply(1:7, function(n) picture(12, 10, 3, 31 * n))), c(4, 1:3))
  mask <- x[, , , 1, drop = FALSE]
  pair <- function(x) {
    generator <- image_data_generator(rotation_range = 40, width_shift_range = 0.2, zoom_range = 0.2,
                                      horizontal_flip = TRUE, fill_mode = "reflect")
    flow_images_from_data(x, generator = generator, batch_size = 3, seed = 8)
  }
  pictures <- pair(x)
  masks <- pair(mask)
  for (i in 1:7) expect_identical(generator_next(pictures)[, , , 1, drop = FALSE], generator_next(masks))

  folder <- local_folder()
  for (n in 1:7) {
    write_png(x[n, , , ], file.path(folder, "pictures", "all", sprintf("%d.png", n)))
    write_png(mask[n, , , 1], file.path(folder, "masks", "all", sprintf("%d.png", n)))
  }
  flow <- function(kind, ...) {
    generator <- image_data_generator(rotation_range = 40, shear_range = 20, vertical_flip = TRUE)
    suppressMessages(flow_images_from_directory(file.path(folder, kind), generator, target_size = c(12, 10),
                                                class_mode = NULL, batch_size = 3, seed = 8, ...))
  }
  pictures <- flow("pictures")
  masks <- flow("masks", color_mode = "grayscale")
  for (i in 1:7) expect_identical(generator_next(pictures)[, , , 1, drop = FALSE], generator_next(masks))
})

test_that("neither the cache nor the number of workers changes a pixel", {
  folder <- local_folder()
  for (n in 1:9) write_png(picture(14 + n, 20 - n, 3, 19 * n), file.path(folder, "all", sprintf("%d.png", n)))
  batches <- function(workers, cache) {
    withr::local_options(hornet.image_workers = workers, hornet.cache = cache)
    generator <- image_data_generator(rotation_range = 40, zoom_range = 0.3, brightness_range = c(0.5, 1.5),
                                      samplewise_center = TRUE)
    flow <- suppressMessages(flow_images_from_directory(folder, generator, target_size = c(11, 12), class_mode = NULL,
                                                        batch_size = 4, seed = 2, interpolation = "bicubic"))
    lapply(1:7, function(i) generator_next(flow))
  }
  expected <- batches(1, FALSE)
  for (workers in c(1, 4)) {
    for (cache in list(TRUE, FALSE, 1500)) expect_identical(batches(workers, cache), expected)
  }
  expect_nothing_left()
})

test_that("samplewise standardized pictures have mean 0 and deviation 1", {
  x <- rows_of(picture(9, 7, 3), 4)
  generator <- image_data_generator(samplewise_center = TRUE, samplewise_std_normalization = TRUE, rescale = 1 / 255)
  batch <- generator_next(flow_images_from_data(x, generator = generator))
  for (i in 1:4) {
    expect_lt(abs(mean(batch[i, , , ])), 1e-5)
    expect_equal(sqrt(mean(batch[i, , , ]^2)), 1, tolerance = 1e-4)
  }
})

test_that("whitened pictures have uncorrelated values", {
  x <- noise(500, c(3, 4, 3))
  generator <- image_data_generator(featurewise_center = TRUE, zca_whitening = TRUE)
  generator %>% fit_image_data_generator(x)
  white <- matrix(generator_next(flow_images_from_data(x, generator = generator, batch_size = 500)), 500)
  expect_lt(max(abs(crossprod(white) / 500 - diag(36))), 1e-3)
})
