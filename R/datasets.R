# The data sets that come with Keras: their files are read where Keras keeps them, or downloaded.

#' Data sets to learn with
#'
#' They are read from the files that Keras keeps in `~/.keras/datasets`; what isn't there is
#' downloaded once, with [get_file()]. Without a connection, the error says which file belongs where
#' and what its checksum is. Files are read natively: neither Python nor anything in them is run.
#'
#' @param path A file name below `~/.keras/datasets`, an absolute path (then any file of that format
#'   will do), or a URL.
#' @param num_words Words to keep: the `num_words - 1` most frequent ones, counting `index_from` and
#'   the special numbers in. `NULL`: all but the rarest.
#' @param skip_top Leave out this many of the most frequent words.
#' @param maxlen Leave out texts of this length or longer.
#' @param seed Seed of numpy's generator for the order of the rows: the same rows come in the same
#'   order as in Keras.
#' @param start_char The number that starts each text; `NULL`: none.
#' @param oov_char The number for words that are left out; `NULL`: they are dropped.
#' @param index_from Word numbers start behind this one, so that the special numbers stay free.
#' @param test_split Fraction of the rows that is for testing.
#' @param label_mode `"fine"`: 100 classes, or `"coarse"`: 20.
#'
#' @details
#' | function | x | y | rows |
#' |---|---|---|---|
#' | `dataset_mnist()` | 28 x 28 grey values, 0 to 255 | digit, 0 to 9 | 60,000 + 10,000 |
#' | `dataset_fashion_mnist()` | 28 x 28 grey values, 0 to 255 | garment, 0 to 9 | 60,000 + 10,000 |
#' | `dataset_cifar10()`, `dataset_cifar100()` | 32 x 32 x 3 colours | class, in one column | 50,000 + 10,000 |
#' | `dataset_imdb()` | film reviews: lists of word numbers | 1: liked | 25,000 + 25,000 |
#' | `dataset_reuters()` | news wires: lists of word numbers | topic, 0 to 45 | 8,982 + 2,246 |
#' | `dataset_boston_housing()` | 13 numbers of a suburb | price of houses, 1000 $ | 404 + 102 |
#'
#' `dataset_fashion_mnist()` also finds the files of Debian's package dataset-fashion-mnist.
#'
#' @return `list(train = list(x, y), test = list(x, y))`, integers except for houses. The word
#'   indices are named lists: the number of each word, most frequent first, without `index_from`.
#' @family datasets
#' @name datasets
#' @examples
#' \dontrun{
#' c(c(x_train, y_train), c(x_test, y_test)) %<-% dataset_mnist()
#' x_train <- array_reshape(x_train, c(nrow(x_train), 784)) / 255
#'
#' reviews <- dataset_imdb(num_words = 10000)
#' x <- pad_sequences(reviews$train$x, maxlen = 100)
#' }
NULL

keras_files <- "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

#' @rdname datasets
#' @export
dataset_mnist <- function(path = "mnist.npz") {
  data <- read_npz(dataset_file(path, paste0(keras_files, "mnist.npz"), "8a61469f7ea1b51cbae51d4f78837e45"),
                   c("x_train", "y_train", "x_test", "y_test"))
  check_same_rows(data$x_train, data$y_train, path)
  check_same_rows(data$x_test, data$y_test, path)
  as_dataset_parts(data$x_train, data$y_train, data$x_test, data$y_test)
}

#' @rdname datasets
#' @export
dataset_fashion_mnist <- function() {
  hashes <- c("train-images-idx3-ubyte.gz" = "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
              "train-labels-idx1-ubyte.gz" = "25c81989df183df01b3e8a0aad5dffbe",
              "t10k-images-idx3-ubyte.gz" = "bef4ecab320f06d8554ea6380940ec79",
              "t10k-labels-idx1-ubyte.gz" = "bb300cfdad3c16e7a12a480ee83cd310")
  debian <- "/usr/share/datasets/fashion-mnist"
  kept <- file.path(keras_folder(), "datasets", "fashion-mnist")
  use_debian <- !all(file.exists(file.path(kept, names(hashes)))) && all(file.exists(file.path(debian, names(hashes))))
  arrays <- lapply(names(hashes), function(name) {
    read_idx(if (use_debian) {
      file.path(debian, name)
    } else {
      get_file(name, paste0(keras_files, name), hashes[[name]], cache_subdir = file.path("datasets", "fashion-mnist"))
    })
  })
  do.call(as_dataset_parts, arrays)
}

#' @rdname datasets
#' @export
dataset_cifar10 <- function() {
  folder <- cifar_folder("cifar-10", "c58f30108f718f92721af3b95e74349a")
  train <- lapply(1:5, function(i) read_pickle(file.path(folder, paste0("data_batch_", i))))
  test <- read_pickle(file.path(folder, "test_batch"))
  labels <- function(batches) as.integer(unlist(lapply(batches, function(batch) batch$labels)))
  as_dataset_parts(
    cifar_pictures(do.call(rbind, lapply(train, function(batch) batch$data))), matrix(labels(train)),
    cifar_pictures(test$data), matrix(labels(list(test)))
  )
}

#' @rdname datasets
#' @export
dataset_cifar100 <- function(label_mode = c("fine", "coarse")) {
  labels <- paste0(one_of(label_mode, c("fine", "coarse")), "_labels")
  folder <- cifar_folder("cifar-100", "eb9058c3a382ffc7106e4002c42a8d85")
  train <- read_pickle(file.path(folder, "train"))
  test <- read_pickle(file.path(folder, "test"))
  as_dataset_parts(cifar_pictures(train$data), matrix(as.integer(unlist(train[[labels]]))),
                   cifar_pictures(test$data), matrix(as.integer(unlist(test[[labels]]))))
}

#' @rdname datasets
#' @export
dataset_imdb <- function(path = "imdb.npz", num_words = NULL, skip_top = 0L, maxlen = NULL, seed = 113L,
                         start_char = 1L, oov_char = 2L, index_from = 3L) {
  data <- read_npz(dataset_file(path, paste0(keras_files, "imdb.npz"), "599dadb1135973df5b59232a0e9a887c"),
                   c("x_train", "y_train", "x_test", "y_test"))
  check_texts(data$x_train, data$y_train, path)
  check_texts(data$x_test, data$y_test, path)
  order <- cpp_numpy_permutations(as_seed(seed), c(length(data$x_train), length(data$x_test)))
  train <- keep_short(shift_words(data$x_train[order[[1L]]], start_char, index_from), data$y_train[order[[1L]]], maxlen)
  test <- keep_short(shift_words(data$x_test[order[[2L]]], start_char, index_from), data$y_test[order[[2L]]], maxlen)
  num_words <- num_words %||% largest_word(c(train$x, test$x))
  as_dataset_parts(limit_words(train$x, skip_top, num_words, oov_char), as_vector(train$y),
                   limit_words(test$x, skip_top, num_words, oov_char), as_vector(test$y))
}

#' @rdname datasets
#' @export
dataset_imdb_word_index <- function(path = "imdb_word_index.json") {
  read_word_index(dataset_file(path, paste0(keras_files, "imdb_word_index.json"), "bfafd718b763782e994055a2d397834f"))
}

#' @rdname datasets
#' @export
dataset_reuters <- function(path = "reuters.npz", num_words = NULL, skip_top = 0L, maxlen = NULL, test_split = 0.2,
                            seed = 113L, start_char = 1L, oov_char = 2L, index_from = 3L) {
  data <- read_npz(dataset_file(path, paste0(keras_files, "reuters.npz"), "87aedbeb0cb229e378797a632c1997b6"),
                   c("x", "y"))
  check_texts(data$x, data$y, path)
  order <- cpp_numpy_permutations(as_seed(seed), length(data$x))[[1L]]
  all <- keep_short(shift_words(data$x[order], start_char, index_from), data$y[order], maxlen)
  x <- limit_words(all$x, skip_top, num_words %||% largest_word(all$x), oov_char)
  rows <- split_test(length(x), test_split)
  as_dataset_parts(x[rows$train], as_vector(all$y[rows$train]), x[rows$test], as_vector(all$y[rows$test]))
}

#' @rdname datasets
#' @export
dataset_reuters_word_index <- function(path = "reuters_word_index.pkl") {
  # Keras moved from one to the other; only the second can still be downloaded.
  if (identical(path, "reuters_word_index.pkl") && !file.exists(file.path(keras_folder(), "datasets", path))) {
    path <- "reuters_word_index.json"
  }
  hash <- if (grepl("[.]json$", path)) "4d44cc38712099c9e383dc6e5f11a921"
  read_word_index(dataset_file(path, paste0(keras_files, "reuters_word_index.json"), hash))
}

#' @rdname datasets
#' @export
dataset_boston_housing <- function(path = "boston_housing.npz", test_split = 0.2, seed = 113L) {
  hash <- "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"
  if (!requireNamespace("digest", quietly = TRUE)) hash <- NULL # read_npz() has its own checks
  data <- read_npz(dataset_file(path, paste0(keras_files, "boston_housing.npz"), hash), c("x", "y"))
  if (length(dim(data$x)) != 2L) abort(sprintf("%s does not hold a matrix.", path), "hornet_data_error")
  check_same_rows(data$x, data$y, path)
  order <- cpp_numpy_permutations(as_seed(seed), nrow(data$x))[[1L]]
  rows <- lapply(split_test(nrow(data$x), test_split), function(rows) order[rows])
  as_dataset_parts(data$x[rows$train, , drop = FALSE], as_vector(data$y[rows$train]),
                   data$x[rows$test, , drop = FALSE], as_vector(data$y[rows$test]))
}

# Files ----------------------------------------------------------------------------------------

# A file that the user named is taken as it is.
dataset_file <- function(path, origin, hash) {
  if (!is.character(path) || length(path) != 1L || is.na(path)) {
    abort(sprintf("`path` must be one string, not %s.", describe(path)), "hornet_value_error")
  }
  if (grepl("^[a-z]+://", path)) return(get_file(basename(path), path))
  if (!is_absolute(path)) return(get_file(path, origin, hash))
  if (!file.exists(path)) abort(sprintf("There is no file %s.", path), "hornet_value_error")
  path.expand(path)
}

# The folder with the batches, which Keras and the authors' archive name differently.
cifar_folder <- function(name, hash) {
  inner <- paste0(name, if (name == "cifar-10") "-batches-py" else "-python")
  kept <- file.path(keras_folder(), "datasets")
  found <- function() {
    places <- file.path(kept, c(inner, file.path(paste0(inner, "-target"), inner), paste0(inner, "-target")))
    Filter(function(place) file.exists(file.path(place, if (name == "cifar-10") "test_batch" else "test")), places)
  }
  if (length(found()) == 0L) {
    get_file(paste0(inner, ".tar.gz"), paste0("https://www.cs.toronto.edu/~kriz/", name, "-python.tar.gz"), hash,
             extract = TRUE)
  }
  places <- found()
  if (length(places) == 0L) abort(sprintf("The archive in %s has no folder %s.", kept, inner), "hornet_data_error")
  places[[1L]]
}

read_word_index <- function(path) {
  if (grepl("[.]pkl$", path)) return(read_pickle(path))
  need_package("jsonlite", "Reading a word index")
  index <- reading(path, jsonlite::fromJSON(path))
  if (!is.list(index) || is.null(names(index)) || !all(vapply(index, is.numeric, NA) & lengths(index) == 1L)) {
    abort(sprintf("%s does not hold a number for each word.", path), "hornet_data_error")
  }
  index
}

# Arrays ---------------------------------------------------------------------------------------

as_dataset_parts <- function(x_train, y_train, x_test, y_test) {
  list(train = list(x = x_train, y = y_train), test = list(x = x_test, y = y_test))
}

check_same_rows <- function(x, y, path) {
  if (NROW(x) == NROW(y)) return(invisible())
  abort(sprintf("%s holds %d rows of data, but %d labels.", path, NROW(x), NROW(y)), "hornet_data_error")
}

as_vector <- function(y) array(as.vector(y), length(y))

# Rows of 3072 bytes, channel by channel -> pictures.
cifar_pictures <- function(data) {
  n <- nrow(data)
  if (is.null(n) || ncol(data) != 3072L) abort("A batch of CIFAR has no rows of 3072 bytes.", "hornet_data_error")
  pictures <- aperm(array(data, c(n, 32L, 32L, 3L)), c(1L, 3L, 2L, 4L))
  if (k_image_data_format() == "channels_first") aperm(pictures, c(1L, 4L, 2L, 3L)) else pictures
}

split_test <- function(n, test_split) {
  if (!is.numeric(test_split) || length(test_split) != 1L || is.na(test_split) || test_split < 0 || test_split >= 1) {
    abort(sprintf("`test_split` must be a number from 0 to below 1, not %s.", describe(test_split)),
          "hornet_value_error")
  }
  train <- seq_len(as.integer(n * (1 - test_split)))
  list(train = train, test = setdiff(seq_len(n), train))
}

# Texts ----------------------------------------------------------------------------------------

check_texts <- function(x, y, path) {
  if (!is.list(x) || !all(vapply(x, is.numeric, NA) | lengths(x) == 0L)) {
    abort(sprintf("%s does not hold texts: lists of word numbers.", path), "hornet_data_error")
  }
  check_same_rows(x, y, path)
}

# NULL, or one whole number.
as_word <- function(x, what) {
  if (is.null(x)) NULL else int_from_zero(x, what)
}

shift_words <- function(texts, start_char, index_from) {
  index_from <- as_word(index_from, "index_from") %||% 0L
  start <- as_word(start_char, "start_char")
  lapply(texts, function(words) c(start, as.integer(words) + index_from))
}

keep_short <- function(texts, labels, maxlen) {
  if (is.null(maxlen)) return(list(x = texts, y = labels))
  keep <- lengths(texts) < positive_int(maxlen, "maxlen")
  if (!any(keep)) {
    abort(sprintf("No text is shorter than `maxlen` = %d words; the shortest has %d.", maxlen, min(lengths(texts))),
          "hornet_value_error")
  }
  list(x = texts[keep], y = labels[keep])
}

largest_word <- function(texts) max(0L, unlist(texts))

limit_words <- function(texts, skip_top, num_words, oov_char) {
  skip_top <- int_from_zero(skip_top, "skip_top")
  num_words <- int_from_zero(num_words, "num_words")
  oov_char <- as_word(oov_char, "oov_char")
  lapply(texts, function(words) {
    keep <- words >= skip_top & words < num_words
    if (is.null(oov_char)) return(words[keep])
    words[!keep] <- oov_char
    words
  })
}
