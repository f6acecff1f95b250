# Data sets and the files they come in, against tf_keras (tools/golden/datasets.py).

dataset_golden <- function(...) golden(..., file = "datasets")

# KERAS_HOME in a fresh folder with a file in it.
local_keras_folder <- function(name = "x", content = raw(), env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  withr::local_envvar(KERAS_HOME = folder, .local_envir = env)
  dir.create(file.path(folder, "datasets"))
  writeBin(content, file.path(folder, "datasets", name))
  file.path(folder, "datasets", name)
}

decoded <- function(case) jsonlite::base64_dec(case$file)

expect_part <- function(got, expected, label) {
  if (is.list(got$x)) {
    expect_identical(unname(got$x), lapply(expected$x, as.integer), label = paste("x of", label))
  } else {
    expect_golden(got$x, expected$x, label = paste("x of", label))
  }
  expect_golden(got$y, expected$y, label = paste("y of", label))
}

test_that("texts and tables come out in Keras's order and numbering", {
  loaders <- list(imdb = dataset_imdb, reuters = dataset_reuters, boston = dataset_boston_housing)
  for (name in names(loaders)) {
    path <- withr::local_tempfile(fileext = ".npz")
    writeBin(decoded(dataset_golden("words", name)), path)
    for (case in dataset_golden("words", name)$cases) {
      data <- do.call(loaders[[name]], c(list(path = path), case$args))
      expect_part(data$train, case$parts[[1]], paste(name, "train", toString(case$args)))
      expect_part(data$test, case$parts[[2]], paste(name, "test", toString(case$args)))
    }
  }
  expect_error(dataset_reuters(path), "does not hold texts", class = "hornet_data_error")
  skip_if_not_installed("jsonlite")
  index <- withr::local_tempfile(lines = "[1, 2]", fileext = ".json")
  expect_error(dataset_imdb_word_index(index), "a number for each word", class = "hornet_data_error")
})

test_that("CIFAR's archives are unpacked and their pickles read", {
  for (name in names(dataset_golden("cifar"))) {
    case <- dataset_golden("cifar", name)
    load <- if (name == "cifar-10-batches-py") dataset_cifar10 else dataset_cifar100
    archive <- local_keras_folder(paste0(name, ".tar.gz"), decoded(case))
    get_file(basename(archive), "file:///", extract = TRUE)
    for (mode in case$cases) {
      data <- do.call(load, mode$args)
      for (part in 1:2) {
        expect_equal(sum(data[[part]]$x), mode$parts[[part]]$sum)
        expect_golden(data[[part]]$x[, 1:2, 1:3, , drop = FALSE], mode$parts[[part]]$corner)
        expect_golden(data[[part]]$y, mode$parts[[part]]$y)
      }
    }
    unlink(sub(".tar.gz", "", archive, fixed = TRUE), recursive = TRUE)
    # A file of that name with other contents is not taken for it.
    expect_error(suppressMessages(load()), "md5 is", class = "hornet_download_error")
  }
})

test_that("fashion MNIST is found where Debian has it", {
  skip_if_not(file.exists("/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz"), "no dataset-fashion-mnist")
  skip_on_cran()
  local_keras_folder()
  data <- dataset_fashion_mnist()
  expect_equal(dim(data$train$x), c(60000L, 28L, 28L))
  expect_equal(range(data$test$x), c(0, 255))
  expect_equal(as.vector(table(data$train$y)), rep(6000L, 10))
  # The first garment is an ankle boot.
  expect_equal(data$train$y[[1]], 9)
})

test_that("numpy's arrays of all types are read", {
  for (name in names(dataset_golden("arrays", "npy"))) {
    case <- dataset_golden("arrays", "npy", name)
    got <- hornet:::cpp_read_npy(decoded(case))
    if (length(got)) expect_golden(got + 0, case$value, label = name)
    expect_type(got, switch(substr(sub("[<>]", "", name), 1, 1), i = "integer", u = "integer", b = "logical", "double"))
  }
})

test_that("pickles of all protocols are read as data", {
  for (pickle in dataset_golden("arrays", "pickles")) {
    got <- hornet:::cpp_read_pickle(jsonlite::base64_dec(pickle))
    expect_identical(got$a, c(1L, 2L, 70000L, -5L))
    expect_identical(got$b, list(1.5, NULL, TRUE))
    expect_identical(got$c$d, "\u00fc\u4e2d")
    expect_identical(got$e, "bytes")
    expect_identical(got$f, matrix(0:5, 2, byrow = TRUE))
    expect_identical(got$g, c(2^40, 2^31 - 1))
    expect_identical(got$h, list())
    expect_identical(got$i, 2.5)
  }
})

test_that("what a pickle asks Python to do is not done", {
  system_call <- charToRaw("cos\nsystem\n(S'touch /tmp/hornet-was-here'\ntR.")
  expect_error(hornet:::cpp_read_pickle(system_call), 'the Python object "os.system"', class = "hornet_data_error")
  # A list in a list in a list, each twice: 2^40 values in 100 bytes.
  bomb <- as.raw(c(0x80, 2, 0x5d, 0x71, 0, rep(c(0x5d, 0x28, 0x68, 0, 0x68, 0, 0x65, 0x71, 0), 40), 0x2e))
  expect_error(hornet:::cpp_read_pickle(bomb), "too often|too deeply", class = "hornet_data_error")
  itself <- as.raw(c(0x80, 2, 0x5d, 0x71, 0, 0x68, 0, 0x61, 0x2e))
  expect_error(hornet:::cpp_read_pickle(itself), "contain themselves", class = "hornet_data_error")
  huge <- as.raw(c(0x80, 4, 0x8e, rep(0xff, 8), 0x2e))
  expect_error(hornet:::cpp_read_pickle(huge), "truncated", class = "hornet_data_error")
})

test_that("damaged files are errors that name them", {
  path <- withr::local_tempfile(fileext = ".npz")
  whole <- decoded(dataset_golden("words", "imdb"))
  for (content in list(raw(), whole[1:100], head(whole, length(whole) %/% 2))) {
    writeBin(content, path)
    expect_error(dataset_imdb(path), basename(path), class = "hornet_data_error")
  }
  set.seed(1)
  bytes <- decoded(dataset_golden("arrays", "npy", "<f4"))
  pickle <- jsonlite::base64_dec(dataset_golden("arrays", "pickles")[[3]])
  for (i in 1:300) {
    for (read in list(hornet:::cpp_read_npy, hornet:::cpp_read_pickle)) {
      damaged <- if (identical(read, hornet:::cpp_read_npy)) bytes else pickle
      damaged[sample(length(damaged), 3)] <- as.raw(sample(0:255, 3))
      outcome <- tryCatch({
        read(damaged)
        "read"
      }, hornet_error = function(e) "refused")
      expect_true(outcome %in% c("read", "refused"))
    }
  }
  expect_error(dataset_mnist("/nowhere/mnist.npz"), "no file", class = "hornet_value_error")
})

test_that("what can't be downloaded says where it belongs", {
  folder <- dirname(local_keras_folder())
  missing <- paste0("file://", tempfile())
  expect_error(suppressMessages(get_file("mnist.npz", missing, "8a61469f7ea1b51cbae51d4f78837e45")),
               paste0(folder, "/mnist.npz.*md5 is 8a61469f"), class = "hornet_download_error")
})

test_that("files are downloaded once, whole, and go on where they ended", {
  skip_if_not_installed("curl")
  folder <- dirname(local_keras_folder())
  source <- withr::local_tempfile()
  writeBin(as.raw(rep(1:200, 50)), source)
  hash <- unname(tools::md5sum(source))
  url <- paste0("file://", source)
  path <- file.path(folder, "data.bin")
  expect_message(expect_identical(get_file("data.bin", url, hash), path), "Downloading")
  expect_identical(unname(tools::md5sum(path)), hash)
  expect_silent(get_file("data.bin", url, hash))

  # Another first half shows that only the second one was fetched.
  part <- paste0(path, ".part")
  unlink(path)
  writeBin(as.raw(rep(9, 5000)), part)
  half <- withr::local_tempfile()
  writeBin(c(as.raw(rep(9, 5000)), readBin(source, "raw", 1e5)[5001:10000]), half)
  mixed <- unname(tools::md5sum(half))
  suppressMessages(get_file("data.bin", url, mixed))
  expect_identical(unname(tools::md5sum(path)), mixed)
  expect_identical(list.files(folder, "part"), character())

  # Nothing tells whether the parts belong together: all of it is fetched.
  unlink(path)
  writeBin(as.raw(rep(9, 5000)), part)
  suppressMessages(get_file("data.bin", url))
  expect_identical(unname(tools::md5sum(path)), hash)
  unlink(c(path, part))

  # A part that does not fit is found out, and all of it is fetched; so is a file that has another checksum.
  writeBin(as.raw(rep(9, 5000)), part)
  suppressMessages(get_file("data.bin", url, hash))
  expect_identical(unname(tools::md5sum(path)), hash)
  unlink(path)
  writeBin(as.raw(rep(9, 5000)), part)
  suppressMessages(get_file("data.bin", url, hash))
  expect_identical(unname(tools::md5sum(path)), hash)
  expect_error(suppressMessages(get_file("other.bin", url, strrep("0", 32))), "instead of 0000", class = "hornet_error")
  expect_false(file.exists(file.path(folder, "other.bin")))
})

test_that("archives are unpacked beside themselves, and only there", {
  tar <- Sys.which("tar")
  skip_if(!nzchar(tar), "no tar program")
  folder <- dirname(local_keras_folder())
  inside <- withr::local_tempdir()
  withr::with_dir(inside, {
    dir.create("pictures")
    writeLines("a", "pictures/a.txt")
    file.symlink("/etc", "link")
    utils::tar("good.tar.gz", "pictures", "gzip", tar = "internal")
    utils::tar("linked.tar", "link", tar = tar)
    writeLines("b", "../outside.txt")
    utils::tar("outside.tar", "../outside.txt", tar = "internal")
  })
  for (name in c("good.tar.gz", "linked.tar", "outside.tar")) file.copy(file.path(inside, name), folder)
  get_file("good.tar.gz", "file:///", extract = TRUE)
  expect_identical(readLines(file.path(folder, "pictures", "a.txt")), "a")
  expect_error(get_file("linked.tar", "file:///", extract = TRUE), '"link" is a link', class = "hornet_data_error")
  expect_error(get_file("outside.tar", "file:///", extract = TRUE), "would write to", class = "hornet_data_error")
  expect_setequal(list.files(folder), c("x", "good.tar.gz", "linked.tar", "outside.tar", "pictures"))
})

test_that("a pickle that repeats a long text is refused", {
  path <- withr::local_tempfile()
  long <- charToRaw(strrep("a", 1e5))
  size <- writeBin(length(long), raw(), endian = "little")
  writeBin(c(charToRaw("](X"), size, long, charToRaw("q"), as.raw(1), rep(c(charToRaw("h"), as.raw(1)), 1e5),
             charToRaw("e.")), path)
  expect_error(read_pickle(path), "repeats its contents", class = "hornet_data_error")
})

test_that("archives as git makes them are unpacked", {
  folder <- withr::local_tempdir()
  field <- function(text, width) c(charToRaw(text), raw(width - nchar(text)))
  header <- function(name, kind, size) {
    bytes <- c(field(name, 100), field("0000644", 8), field("0000000", 8), field("0000000", 8),
               field(sprintf("%011o", size), 12), field("00000000000", 12), charToRaw("        "), charToRaw(kind),
               raw(100), field("ustar", 6), charToRaw("00"), raw(247))
    bytes[149:154] <- charToRaw(sprintf("%06o", sum(as.integer(bytes))))
    bytes[155] <- as.raw(0)
    bytes
  }
  pax <- function(text) c(header("pax_global_header", "g", nchar(text)), field(text, 512))
  rest <- c(header("made/a", "0", 3L), field("abc", 512), raw(1024))
  path <- file.path(folder, "datasets", "git.tar")
  dir.create(dirname(path))
  writeBin(c(pax("52 comment=0123456789012345678901234567890123456789\n"), rest), path)
  get_file("git.tar", "file:///nowhere", cache_dir = folder, extract = TRUE)
  expect_identical(readChar(file.path(folder, "datasets", "made", "a"), 3L), "abc")
  writeBin(c(pax("17 path=../evil\n"), rest), path)
  expect_error(get_file("git.tar", "file:///nowhere", cache_dir = folder, extract = TRUE), "one name",
               class = "hornet_data_error")
})
