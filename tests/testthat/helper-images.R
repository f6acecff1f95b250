# Pictures for the tests of the image pipeline, and folders of them.

picture <- function(height, width, channels, shift = 0) {
  at <- function(i, j, k) (37 * i + 101 * j + 59 * k + 13 * i * j + shift) %% 256
  grid <- expand.grid(i = seq_len(height) - 1, j = seq_len(width) - 1, k = seq_len(channels) - 1)
  array(at(grid$i, grid$j, grid$k), c(height, width, channels))
}

write_png <- function(x, path) {
  testthat::skip_if_not_installed("png")
  dir.create(dirname(path), FALSE, recursive = TRUE)
  png::writePNG(x / 255, path)
}

# A folder that is gone after the test.
local_folder <- function(env = parent.frame()) {
  folder <- tempfile("pictures")
  dir.create(folder)
  withr::defer(unlink(folder, recursive = TRUE), env)
  folder
}

expect_pixels <- function(got, expected, tolerance = 0, label = "picture") {
  expected <- as_golden_array(expected)
  testthat::expect_equal(as.integer(dim(got)), as.integer(dim(expected)), label = paste("dim of", label))
  testthat::expect_lte(max(abs(got - expected)), tolerance, label = paste("difference of", label))
}

generator_of <- function(args) do.call(image_data_generator, unlist_ranges(args))

unlist_ranges <- function(args) lapply(args, unlist)

# Lehmer's generator, as tools/golden/images_parity.py has it: rows of pictures.
noise <- function(n, shape) {
  values <- numeric(n * prod(shape))
  state <- 1
  for (i in seq_along(values)) {
    state <- (state * 16807) %% 2147483647
    values[[i]] <- state %% 256
  }
  from_row_major(values, c(n, shape))
}

from_row_major <- function(values, shape) {
  x <- array(as.numeric(values), rev(shape))
  aperm(x, rev(seq_along(shape)))
}

# The start of the MD5 sums of bytes.
md5_of <- function(contents) {
  files <- tempfile(rep("bytes", length(contents)))
  on.exit(unlink(files))
  for (i in seq_along(contents)) writeBin(contents[[i]], files[[i]])
  substr(unname(tools::md5sum(files)), 1L, 12L)
}

# The bytes of a picture, row by row.
bytes_of <- function(path, mode = "rgb", size = c(0L, 0L), interpolation = "nearest") {
  as.vector(cpp_image_load(path, mode, size[[1L]], size[[2L]], interpolation, NULL))
}

# Of each picture of a batch its mean, a weighted sum and some pixels.
marks_of <- function(x) {
  flat <- t(apply(x, 1L, function(one) as.vector(aperm(one, 3:1))))
  k <- seq_len(ncol(flat)) - 1
  at <- seq(1L, by = ncol(flat) %/% 5L, length.out = 5L)
  cbind(rowMeans(flat), as.vector(flat %*% ((k * 7919) %% 1009 / 1009)) / length(k), flat[, at, drop = FALSE])
}
