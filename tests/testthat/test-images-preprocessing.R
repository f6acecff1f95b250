# Preprocessing functions that are recognised and run natively.

steps_of <- function(f) {
  steps <- arithmetic_of(f)
  if (is.null(steps)) return(NULL)
  paste(steps$operators, steps$numbers, collapse = " ")
}

test_that("arithmetic with constants is recognised, and nothing else", {
  expect_identical(steps_of(function(x) x / 255), "/ 255")
  expect_identical(steps_of(function(img) { img * (1 / 4) }), "* 0.25")
  expect_identical(steps_of(function(x) (x / 127.5) - 1L), "/ 127.5 - 1")
  expect_identical(steps_of(function(x) 2 * x + -3), "* 2 + -3")
  expect_identical(steps_of(function(x) x * 1 / 4), "* 1 / 4")
  expect_identical(steps_of(function(x) x / (2^8 - 1L) - (3 * 2 + 1) / 4), "/ 255 - 1.75")
  m <- 5
  others <- list(
    function(x) x, function(x) x / m, function(x) 255 / x, function(x) 1 - x, function(x, y = 2) x / 255,
    function(x) x / x, function(x) x / NA, function(x) x / c(1, 2), function(x) { m <<- 1; x / 255 },
    function(x) sqrt(x), function(x) x^2, function(x) x / "a", function(x) x / -"a", function(x) x / (1 / 0),
    function(x) x + `*`(1, 2, 3), function(x) x - `^`(2), function(...) ..1 / 255, function() 1, `/`, NULL,
    imagenet_preprocess_input
  )
  for (f in others) expect_null(arithmetic_of(f))
  `/` <- function(a, b) a
  expect_null(arithmetic_of(function(x) x / 255))
})

test_that("recognised functions give what R gives, in workers", {
  pictures <- array((seq_len(9 * 8 * 7 * 3) * 31) %% 256, c(9, 8, 7, 3))
  batches <- function(f, ...) {
    generator <- image_data_generator(
      rotation_range = 30, horizontal_flip = TRUE, preprocessing_function = f, rescale = 3,
      samplewise_center = TRUE, ...
    )
    flow <- flow_images_from_data(pictures, 0:8, generator, batch_size = 4, seed = 2)
    lapply(1:4, function(i) generator_next(flow))
  }
  calls <- 0
  in_r <- function(f) {
    force(f)
    function(x) {
      calls <<- calls + 1
      f(x)
    }
  }
  for (f in list(function(x) x / 255, function(x) x * (1 / 255), function(x) x / 127.5 - 1, function(x) 0.1 * x + 7)) {
    calls <- 0
    expect_identical(batches(f), batches(in_r(f)))
    expect_equal(calls, 4 + 4 + 1 + 4)
  }
  first <- aperm(pictures, c(1, 4, 2, 3))
  flow <- function(f) {
    generator <- image_data_generator(preprocessing_function = f, data_format = "channels_first", shear_range = 20)
    generator_next(flow_images_from_data(first, generator = generator, seed = 4))
  }
  expect_identical(flow(function(x) x / 255), flow(in_r(function(x) x / 255)))
})
