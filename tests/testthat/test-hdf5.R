# hdf5_matrix(): data that stay in their file.

# Written by Python (tools/golden/h5py_file.py).
h5py <- test_path("golden", "h5py.h5")

h5_file <- function(..., env = parent.frame()) {
  skip_if_not_installed("hdf5r")
  path <- tempfile(fileext = ".h5")
  withr::defer(unlink(path), envir = env)
  file <- hdf5r::H5File$new(path, mode = "w")
  arrays <- list(...)
  # In the order of the file, axes are reversed.
  for (name in names(arrays)) {
    x <- arrays[[name]]
    file[[name]] <- if (is.array(x) && length(dim(x)) > 1L) aperm(x) else x
  }
  file$close_all()
  path
}

test_that("axes are in the order of the file, rows count from 1", {
  skip_if_not_installed("hdf5r")
  x <- hdf5_matrix(h5py, "group/x")
  expect_identical(dim(x), c(4L, 3L, 2L))
  expect_identical(length(x), 4L)
  expect_identical(x$shape, list(4L, 3L, 2L))
  whole <- aperm(array(0:23 + 0, c(2, 3, 4)))
  expect_equal(x[1:4], whole)
  expect_equal(x[, , ], whole)
  expect_equal(x[2], whole[2, , , drop = FALSE])
  expect_equal(x[c(4, 1, 1), , ], whole[c(4, 1, 1), , ])
  expect_equal(x[-1], whole[-1, , ])
  expect_equal(x[c(TRUE, FALSE, TRUE, FALSE)], whole[c(1, 3), , ])
  expect_equal(x[2:3, 1, ], whole[2:3, 1, , drop = FALSE])
  expect_equal(x[2, , , drop = TRUE], whole[2, , ])
  expect_identical(dim(x[integer()]), c(0L, 3L, 2L))
  expect_error(x[5], "rows 1 to 4", class = "hornet_value_error")
  expect_output(print(x), "h5py.h5.*shape \\(4, 3, 2\\)")
  expect_equal(hdf5_matrix(h5py, "mask")[1:3], array(c(TRUE, FALSE, TRUE)))
  expect_equal(hdf5_matrix(h5py, "long")[1:2], array(c(1, 2^40)))
})

test_that("start, end and a normalizer choose and change rows", {
  path <- h5_file(x = waves(c(10, 3), 0.7), v = 1:10)
  x <- hdf5_matrix(path, "x", start = 2, end = 9, normalizer = function(x) 2 * x)
  expect_identical(dim(x), c(7L, 3L))
  expect_equal(x[1:7], 2 * waves(c(10, 3), 0.7)[3:9, ])
  expect_equal(x[c(7, 2)], 2 * waves(c(10, 3), 0.7)[c(9, 4), ])
  sums <- hdf5_matrix(path, "x", normalizer = rowSums)
  expect_identical(dim(sums), 10L)
  expect_equal(sums[2:4], array(rowSums(waves(c(10, 3), 0.7))[2:4]))
  expect_equal(as.vector(hdf5_matrix(path, "v", 9)[1]), 10)
  expect_error(hdf5_matrix(path, "x", normalizer = function(x) "a"), "`normalizer` must return an array of 1 rows",
               class = "hornet_shape_error")
})

test_that("what isn't there or can't be read is refused", {
  path <- h5_file(x = diag(3), text = c("a", "b"))
  expect_error(hdf5_matrix(tempfile(), "x"), "there is no file", class = "hornet_value_error")
  expect_error(hdf5_matrix(path, "y"), 'no data set "y".*\n.*holds.*"x"', class = "hornet_value_error")
  expect_error(hdf5_matrix(path, "a/b"), 'no data set "a/b"', class = "hornet_value_error")
  expect_error(hdf5_matrix(path, "text"), "must hold an array of numbers.*string", class = "hornet_value_error")
  expect_error(hdf5_matrix(path, "x", 3), "rows of .* from 0 to 3, not 3 and 3", class = "hornet_value_error")
  expect_error(hdf5_matrix(path, "x", 0, 4), "not 0 and 4", class = "hornet_value_error")
  expect_error(hdf5_matrix(path, "x", normalizer = 2), "`normalizer` must be a function", class = "hornet_value_error")
  expect_error(hdf5_matrix(h5py, "scalar"), "not a single value", class = "hornet_value_error")
  expect_error(hdf5_matrix(h5py, "pair"), "compound", class = "hornet_value_error")
  expect_error(hdf5_matrix(h5py, "elsewhere"), "in other files", class = "hornet_value_error")
  expect_error(hdf5_matrix(h5py, "huge"), "more than 2147483647 rows", class = "hornet_value_error")
  expect_error(hdf5_matrix(h5py, "wide"), "Can't read rows 1 to 1", class = "hornet_data_error")
  writeLines("no", text <- withr::local_tempfile())
  expect_error(hdf5_matrix(text, "x"), "not an HDF5 file", class = "hornet_value_error")
})

test_that("models work on data in files as on arrays", {
  x <- waves(c(90, 4), 0.7)
  y <- rowSums(x)
  path <- h5_file(x = x, y = y)
  on_disk <- list(x = hdf5_matrix(path, "x"), y = hdf5_matrix(path, "y"))
  run <- function(x, y, ...) {
    use_session_with_seed(3, quiet = TRUE)
    model <- line_model(inputs = 4, metrics = "mae")
    history <- model %>% fit(x, y, epochs = 2, batch_size = 16, verbose = 0, ...)
    list(history$metrics, get_weights(model), evaluate(model, x, y, verbose = 0), predict(model, x))
  }
  expect_equal(run(on_disk$x, on_disk$y, shuffle = FALSE), run(x, y, shuffle = FALSE))
  expect_equal(run(on_disk$x, y, shuffle = FALSE, validation_split = 0.3),
               run(x, y, shuffle = FALSE, validation_split = 0.3))
  weights <- seq_len(90) / 50
  expect_equal(run(on_disk$x, on_disk$y, shuffle = FALSE, sample_weight = weights, validation_data = unname(on_disk)),
               run(x, y, shuffle = FALSE, sample_weight = weights, validation_data = list(x, y)))
  expect_equal(train_on_batch(line_model(inputs = 4), on_disk$x, on_disk$y),
               train_on_batch(line_model(inputs = 4), x, y), tolerance = 1)
  for (shuffle in list(TRUE, "batch")) {
    first <- run(on_disk$x, on_disk$y, shuffle = shuffle)
    expect_identical(run(on_disk$x, on_disk$y, shuffle = shuffle), first)
    expect_false(identical(first[[2]], run(x, y, shuffle = FALSE)[[2]]))
  }
  expect_nothing_left()
})

test_that("each row comes once a pass, whatever the order", {
  path <- h5_file(x = matrix(0:99 + 0, 100, 2), y = 0:99)
  data <- list(inputs = list(hdf5_matrix(path, "x")), targets = list(hdf5_matrix(path, "y")), weights = NULL)
  rows_of_pass <- function(reader) {
    seen <- list()
    while (!is.null(block <- reader())) {
      expect_equal(block[[1]][[1]][, 1], as.vector(block[[2]][[1]]))
      seen <- c(seen, list(as.vector(block[[2]][[1]])))
    }
    seen
  }
  plain <- block_reader(data, 1:100, 8, "none")
  expect_equal(unlist(rows_of_pass(plain)), 0:99)
  expect_equal(unlist(rows_of_pass(plain)), 0:99)
  for (shuffle in c("rows", "batch")) {
    reader <- block_reader(data, 11:100, 8, shuffle)
    first <- rows_of_pass(reader)
    second <- rows_of_pass(reader)
    expect_setequal(unlist(first), 10:99)
    expect_setequal(unlist(second), 10:99)
    expect_false(identical(first, second))
    expect_true(is.unsorted(unlist(first)))
  }
  # Batches stay whole.
  expect_true(all(vapply(first, function(rows) all(diff(rows) == 1), NA)))
})

test_that("several inputs may be in files, or partly, and shapes are checked before anything is printed", {
  path <- h5_file(a = waves(c(20, 3), 0.7), y = rep(0:1, 10))
  a <- layer_input(shape = 3, name = "a")
  b <- layer_input(shape = 2, name = "b")
  output <- layer_concatenate(list(a, b)) %>% layer_dense(2, activation = "softmax")
  model <- keras_model(list(a, b), output)
  model %>% compile("sgd", "sparse_categorical_crossentropy")
  x <- list(b = waves(c(20, 2), 0.3), a = hdf5_matrix(path, "a"))
  history <- model %>% fit(x, hdf5_matrix(path, "y"), epochs = 1, verbose = 0, shuffle = "batch")
  expect_length(history$metrics$loss, 1)
  expect_equal(predict(model, x), predict(model, list(a = waves(c(20, 3), 0.7), b = x$b)))
  expect_error(fit(model, list(x$a, x$a), hdf5_matrix(path, "y"), verbose = 0), 'shape \\(None, 2\\) for input "b"',
               class = "hornet_shape_error")
  expect_error(fit(model, x, hdf5_matrix(path, "y", end = 19), verbose = 0), "expected 20 rows.*got 19",
               class = "hornet_shape_error")
})

test_that("what goes wrong while rows are read ends the run with that error", {
  path <- h5_file(x = waves(c(100, 2), 0.7), y = 1:100)
  blocks <- 0
  fails <- function(x) {
    blocks <<- blocks + 1
    if (blocks > 4) stop("disk is gone")
    x
  }
  x <- hdf5_matrix(path, "x", normalizer = fails)
  expect_error(line_model() %>% fit(x, hdf5_matrix(path, "y"), shuffle = "batch", verbose = 0, batch_size = 10),
               "disk is gone")
  expect_nothing_left()
})

test_that("links that lead nowhere do no harm", {
  skip_if_not_installed("hdf5r")
  path <- withr::local_tempfile(fileext = ".h5")
  file <- hdf5r::H5File$new(path, mode = "w")
  file[["x"]] <- 1:3
  file$link_create_external("nowhere.h5", "x", "elsewhere")
  file$link_create_soft("/none", "gone")
  file$close_all()
  for (name in c("elsewhere", "gone", "none")) {
    expect_error(hdf5_matrix(path, name), 'holds.*"x"', class = "hornet_value_error")
  }
  expect_error(hdf5_matrix(path, NULL), "`dataset` must be", class = "hornet_value_error")
})

test_that("matrices can be saved and read in another session", {
  skip_if_not_installed("hdf5r")
  path <- withr::local_tempfile(fileext = ".h5")
  file <- hdf5r::H5File$new(path, mode = "w")
  file[["x"]] <- 1:3
  file$close_all()
  saved <- unserialize(serialize(hdf5_matrix(path, "x"), NULL))
  assign(".session", "of yesterday", saved)
  expect_equal(saved[2:3], array(2:3, 2L))
  assign(".session", "of yesterday", saved)
  unlink(path)
  expect_error(saved[2:3], "is not there any more", class = "hornet_value_error")
})
