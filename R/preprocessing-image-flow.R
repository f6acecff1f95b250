# Image iterators: batches of pictures from folders, arrays and data frames.

#' Batches of pictures from a folder of class folders
#'
#' Reads pictures (of the kinds that [image_load()] knows) from the sub-folders of `directory`, one for
#' each class, and makes batches of them without end. Decoding, resizing and augmentation run in
#' native threads while the model trains; use the result in [fit_generator()], [evaluate_generator()]
#' and [predict_generator()].
#'
#' Folders and files are sorted by the bytes of their names, on every system. Each pass goes through
#' all pictures once; the last batch of a pass may be smaller. With a `seed`, the same pictures in the
#' same order come out as in Keras, whatever the number of threads; without one, R's [set.seed()]
#' decides. [fit_generator()] takes the batches of each pass in random order, and goes on with the
#' pass that earlier training left.
#'
#' Options: `hornet.image_workers` (number of threads, by default all cores but one, and that one while
#' the model waits), `hornet.cache` (bytes of memory for decoded pictures, by default a quarter of
#' what is free; `FALSE` for none), `hornet.image_cache` (a folder in which decoded and resized
#' pictures are kept for other sessions; height x width x channels bytes for each picture. Pictures
#' whose file has changed are decoded anew, and any of its files may be deleted at any time),
#' `hornet.max_pixels` (pictures beyond are refused). No picture depends on what is kept where.
#'
#' @param directory The folder. Pictures may be in sub-folders of the class folders, too.
#' @param generator An [image_data_generator()].
#' @param target_size `c(height, width)` to which all pictures are resized.
#' @param color_mode `"rgb"`, `"grayscale"` or `"rgba"`.
#' @param classes Names of the class folders; their order gives the classes. `NULL`: all folders.
#' @param class_mode What the targets are: `"categorical"` (one column a class), `"binary"` or
#'   `"sparse"` (the class as a number from 0), `"input"` (the pictures themselves) or `NULL` (none).
#' @param batch_size Number of pictures in a batch.
#' @param shuffle Go through the pictures in random order.
#' @param seed Random seed for order and transformations.
#' @param save_to_dir A folder to which transformed pictures are also written, to look at them.
#' @param save_prefix,save_format Start of the names of these files, and `"png"` or `"jpeg"`.
#' @param follow_links Follow symbolic links to folders inside class folders.
#' @param subset `"training"` or `"validation"`: the part of the pictures according to the
#'   `validation_split` of the generator. Of each class, the first ones are for validation.
#' @param interpolation How pictures are resized, see [image_load()].
#' @param on_error What to do about pictures that can't be read: `"stop"` with an error that names
#'   the file, or `"skip"` them, see below.
#'
#' @section Pictures that can't be read:
#' With `on_error = "skip"`, a picture whose file is missing, damaged or too large is left out of its
#' batch, together with its target and whatever else belongs to it: the batch is smaller. A batch
#' without any readable picture is passed over. One warning of class `hornet_skipped_warning` says
#' which files were left out and why: at the end of [fit_generator()], [evaluate_generator()] or
#' [predict_generator()], or at once from [generator_next()]. The field `$skipped_files` of the
#' iterator is a data frame with the columns `file` and `reason`, of all that were ever left out.
#'
#' Predictions have no rows for such pictures. With `shuffle = FALSE`, their rows are those of
#' `setdiff(batches$filepaths, batches$skipped_files$file)`, in this order. Not so with a
#' `preprocessing_function` that runs in R: then batches are taken as [generator_next()] takes them,
#' and those of the next pass fill up the number of steps.
#'
#' @return An iterator for [generator_next()] and the generator functions of models. Among its fields
#'   are `$n`, `$batch_size`, `$class_indices`, `$classes`, `$filenames`, `$filepaths`,
#'   `$image_shape`, `$batch_index` and `$index_array`; its methods are `$reset()`, `$next()` and
#'   `$on_epoch_end()`. Its `length()` is the number of batches in a pass.
#' @family image preprocessing
#' @examples
#' folder <- tempfile()
#' for (class in c("dark", "light")) {
#'   dir.create(file.path(folder, class), recursive = TRUE)
#'   for (i in 1:4) {
#'     picture <- array(runif(48) + 3 * (class == "light"), c(4, 4, 3)) * 60
#'     image_array_save(picture, file.path(folder, class, paste0(i, ".png")), scale = FALSE)
#'   }
#' }
#' batches <- flow_images_from_directory(
#'   folder, image_data_generator(rescale = 1 / 255), target_size = c(4, 4),
#'   class_mode = "binary", batch_size = 4
#' )
#' batches$class_indices
#' batch <- generator_next(batches)
#' dim(batch[[1]])
#' @export
flow_images_from_directory <- function(directory, generator = image_data_generator(),
                                       target_size = c(256, 256), color_mode = "rgb",
                                       classes = NULL, class_mode = "categorical",
                                       batch_size = 32, shuffle = TRUE, seed = NULL,
                                       save_to_dir = NULL, save_prefix = "", save_format = "png",
                                       follow_links = FALSE, subset = NULL,
                                       interpolation = "nearest", on_error = "stop") {
  generator <- as_image_generator(generator, "generator")
  if (!is.character(directory) || length(directory) != 1L || is.na(directory)) {
    abort(sprintf("`directory` must be the name of one folder, not %s.", describe(directory)),
          "hornet_value_error")
  }
  if (!is.null(class_mode)) class_mode <- one_of(class_mode, c("categorical", "binary", "sparse", "input"))
  split <- subset_limits(subset, generator)
  listing <- cpp_image_list(path.expand(directory), if (!is.null(classes)) as.character(unlist(classes)),
                            as_flag(follow_links, "follow_links"), split[[1L]], split[[2L]])
  if (listing$has_tiff && !cpp_image_reads_tiff()) {
    warning("There are TIFF files in the folder, and hornet was installed without libtiff: it can't read them.",
            call. = FALSE)
  }
  n <- length(listing$filenames)
  num_classes <- length(listing$class_names)
  message(sprintf("Found %d images belonging to %d classes.", n, num_classes))

  iterator <- file_iterator(
    "DirectoryIterator", generator, in_folder(directory, listing$filenames),
    labels_of_classes(listing$classes, num_classes, class_mode), target_size, color_mode, interpolation,
    flow_options(batch_size, shuffle, seed), save_options(save_to_dir, save_prefix, save_format), on_error
  )
  add_fields(iterator, list(
    directory = directory, filenames = listing$filenames, classes = listing$classes,
    class_indices = stats::setNames(as.list(seq_len(num_classes) - 1L), listing$class_names),
    num_classes = num_classes, class_mode = class_mode, subset = subset, samples = n
  ))
}

#' Batches of pictures from arrays
#'
#' @inheritParams flow_images_from_directory
#' @param x Pictures: an array of rank 4. Or a list of such an array and further arrays (or a list of
#'   them) with as many rows, which become further inputs and are not transformed.
#' @param y Targets: a vector, matrix or array with as many rows. `NULL`: none.
#' @param subset `"training"` or `"validation"`: the part of the rows according to the
#'   `validation_split` of the generator. The first ones are for validation.
#' @param sample_weight A weight for each picture.
#'
#' @return An iterator, see [flow_images_from_directory()]. Its batches are `list(x, y)`, with
#'   weights `list(x, y, sample_weight)`, without targets `x`.
#' @family image preprocessing
#' @examples
#' pictures <- array(runif(10 * 8 * 8, 0, 255), c(10, 8, 8, 1))
#' batches <- flow_images_from_data(
#'   pictures, rep(0:1, 5), image_data_generator(rotation_range = 30), batch_size = 4
#' )
#' length(batches)
#' str(generator_next(batches))
#' @export
flow_images_from_data <- function(x, y = NULL, generator = image_data_generator(), batch_size = 32,
                                  shuffle = TRUE, seed = NULL, save_to_dir = NULL,
                                  save_prefix = "", save_format = "png", subset = NULL,
                                  sample_weight = NULL) {
  generator <- as_image_generator(generator, "generator")
  others <- list()
  if (is.list(x) && !is.data.frame(x)) {
    others <- if (is.list(x[[2L]]) && !is.data.frame(x[[2L]])) x[[2L]] else x[-1L]
    x <- x[[1L]]
  }
  x <- as_pictures(x, "x", generator$data_format)
  others <- lapply(unname(others), as_plain_array, "x[[2]]")
  if (!is.null(y)) y <- as_plain_array(y, "y")
  if (!is.null(sample_weight)) sample_weight <- as.double(sample_weight)
  n <- dim(x)[[1L]]
  check_rows(n, others, "the other arrays of `x`")
  if (!is.null(y)) check_rows(n, list(y), "`y`")
  if (!is.null(sample_weight)) check_rows(n, list(sample_weight), "`sample_weight`")

  if (!is.null(subset)) {
    rows <- subset_rows(n, subset, generator, y)
    x <- x[rows, , , , drop = FALSE]
    others <- lapply(others, take_rows, rows)
    if (!is.null(y)) y <- take_rows(y, rows)
    sample_weight <- sample_weight[rows]
    n <- length(rows)
  }
  first <- is_channels_first(generator$data_format)
  labels <- list(
    native = list(kind = if (is.null(y)) "none" else "tables", targets = if (!is.null(y)) list(y),
                  inputs = others, weights = if (!is.null(sample_weight)) list(sample_weight)),
    targets = function(rows, x) if (!is.null(y)) take_rows(y, rows)
  )
  save <- save_options(save_to_dir, save_prefix, save_format)
  options <- flow_options(batch_size, shuffle, seed)
  options$marks <- if (is.null(save)) 0 else 1e4
  iterator <- new_iterator(
    "NumpyArrayIterator", generator, cpp_image_flow_array(x, first, labels$native, options), n,
    dim(x)[-1L], labels, options, save
  )
  add_fields(iterator, list(
    x = x, y = y, sample_weight = sample_weight, subset = subset, samples = n,
    other_inputs = others
  ))
}

#' Batches of pictures named by a data frame
#'
#' @inheritParams flow_images_from_directory
#' @param dataframe A data frame with the names of files and their targets.
#' @param directory The folder of the files; `NULL` if the names are whole paths.
#' @param x_col The column with the names. Rows whose file does not exist or is not a picture are left
#'   out, with a warning.
#' @param y_col The column with the targets, for some class modes several.
#' @param classes Classes to take; others are left out. `NULL`: all. They are sorted in any case.
#' @param class_mode As in [flow_images_from_directory()]; a list column gives several classes for a
#'   picture in mode `"categorical"`. Also `"raw"` (or `"other"`): the numbers in `y_col` as they are;
#'   `"multi_output"`: one target for each column.
#' @param subset `"training"` or `"validation"`: the part of the rows according to the
#'   `validation_split` of the generator. The first ones are for validation.
#' @param drop_duplicates Take each file name once.
#'
#' @inheritSection flow_images_from_directory Pictures that can't be read
#'
#' @return An iterator, see [flow_images_from_directory()].
#' @family image preprocessing
#' @examples
#' folder <- tempfile()
#' dir.create(folder)
#' files <- paste0(1:4, ".png")
#' for (file in files) image_array_save(array(runif(48), c(4, 4, 3)), file.path(folder, file))
#' frame <- data.frame(filename = files, class = c("a", "b", "a", "b"))
#' batches <- flow_images_from_dataframe(frame, folder, target_size = c(4, 4), batch_size = 2)
#' batches$class_indices
#' @export
flow_images_from_dataframe <- function(dataframe, directory = NULL, x_col = "filename",
                                       y_col = "class", generator = image_data_generator(),
                                       target_size = c(256, 256), color_mode = "rgb",
                                       classes = NULL, class_mode = "categorical",
                                       batch_size = 32, shuffle = TRUE, seed = NULL,
                                       save_to_dir = NULL, save_prefix = "", save_format = "png",
                                       subset = NULL, interpolation = "nearest",
                                       drop_duplicates = TRUE, on_error = "stop") {
  generator <- as_image_generator(generator, "generator")
  if (identical(class_mode, "other")) class_mode <- "raw"
  if (!is.null(class_mode)) {
    class_mode <- one_of(class_mode, c("categorical", "binary", "sparse", "input", "raw", "multi_output"))
  }
  frame <- image_rows(dataframe, directory, x_col, y_col, class_mode, drop_duplicates)
  by_class <- !is.null(class_mode) && class_mode %in% c("categorical", "binary", "sparse")
  if (by_class) {
    known <- classes_of_frame(frame[[y_col]], classes, class_mode)
    frame <- frame[known$rows, , drop = FALSE]
  }
  split <- subset_limits(subset, generator)
  n <- nrow(frame)
  kept <- seq_len(n)[seq_len(n) > trunc(split[[1L]] * n) & seq_len(n) <= trunc(split[[2L]] * n)]
  frame <- frame[kept, , drop = FALSE]
  filenames <- as.character(frame[[x_col]])
  n <- length(filenames)
  message(sprintf("Found %d validated image filenames%s.", n,
                  if (by_class) sprintf(" belonging to %d classes", length(known$names)) else ""))

  labels <- if (by_class) {
    labels_of_classes(known$codes[kept], length(known$names), class_mode)
  } else {
    labels_of_columns(frame, y_col, class_mode)
  }
  iterator <- file_iterator(
    "DataFrameIterator", generator, in_folder(directory, filenames), labels, target_size, color_mode, interpolation,
    flow_options(batch_size, shuffle, seed), save_options(save_to_dir, save_prefix, save_format), on_error
  )
  fields <- list(directory = directory, filenames = filenames, class_mode = class_mode,
                 subset = subset, samples = n)
  if (by_class) {
    fields$classes <- known$codes[kept]
    fields$class_indices <- stats::setNames(as.list(seq_along(known$names) - 1L), known$names)
    fields$num_classes <- length(known$names)
  }
  add_fields(iterator, fields)
}

# Iterators ------------------------------------------------------------------------------------

# An environment: iterators have an identity and a state. `labels` is list(native, targets):
# what native code needs to know about targets, and a function of rows and pictures that gives
# them in R.
new_iterator <- function(kind, generator, flow, n, image_shape, labels, options, save) {
  iterator <- new.env(parent = emptyenv())
  fields <- list(
    n = n, batch_size = options$batch_size, shuffle = options$shuffle, seed = options$seed,
    image_data_generator = generator, data_format = generator$data_format,
    image_shape = image_shape, save_to_dir = save$directory, save_prefix = save$prefix,
    save_format = save$format, .flow = flow, .labels = labels, .save = save, .warned = FALSE,
    .warned_problem = FALSE
  )
  add_fields(iterator, fields)
  for (name in c("batch_index", "total_batches_seen", "index_array")) {
    local({
      field <- name
      makeActiveBinding(field, function() cpp_image_flow_position(flow)[[field]], iterator)
    })
  }
  iterator$reset <- function() invisible(cpp_image_flow_reset(flow))
  iterator$on_epoch_end <- function() invisible(cpp_image_flow_end_pass(flow))
  iterator$`next` <- function() next_batch(iterator)
  structure(iterator, class = c("keras_image_iterator", paste0("keras.preprocessing.image.", kind),
                                "keras.preprocessing.image.Iterator", iterator_class))
}

file_iterator <- function(kind, generator, paths, labels, target_size, color_mode, interpolation,
                          options, save, on_error) {
  on_error <- one_of(on_error, c("stop", "skip"))
  color_mode <- one_of(color_mode, c("rgb", "grayscale", "rgba"))
  interpolation <- resolve_interpolation(interpolation)
  target_size <- int_tuple(unlist(target_size), 2L, "target_size")
  channels <- c(rgb = 3L, grayscale = 1L, rgba = 4L)[[color_mode]]
  first <- is_channels_first(generator$data_format)
  options$marks <- if (is.null(save)) 0 else 1e7
  files <- list(height = target_size[[1L]], width = target_size[[2L]], color_mode = color_mode,
                interpolation = interpolation, max_pixels = max_image_pixels(), cache = cache_bytes(),
                cache_folder = image_cache_folder())
  flow <- cpp_image_flow_files(paths, files, labels$native, options)
  iterator <- new_iterator(kind, generator, flow, length(paths),
                           if (first) c(channels, target_size) else c(target_size, channels),
                           labels, options, save)
  warn_problem(iterator)
  add_fields(iterator, list(filepaths = paths, target_size = target_size, color_mode = color_mode,
                            interpolation = interpolation, on_error = on_error))
  makeActiveBinding("skipped_files", function() skipped_files(iterator, newly = FALSE), iterator)
  iterator
}

# Pictures that were left out because they can't be read: a data frame of files and reasons.
skipped_files <- function(iterator, newly) {
  skipped <- cpp_image_flow_skipped(iterator$.flow, newly)
  file <- iterator$filepaths[skipped$index]
  # By bytes: the name of a file may be no valid text.
  named <- sprintf('image "%s": ', file)
  reason <- skipped$why
  Encoding(reason) <- "bytes"
  reason <- substring(reason, ifelse(startsWith(skipped$why, named), nchar(named, "bytes"), 0L) + 1L)
  Encoding(reason) <- "unknown"
  data.frame(file = file, reason = reason, stringsAsFactors = FALSE)
}

warn_skipped <- function(iterator) {
  if (!identical(iterator$on_error, "skip")) return(invisible())
  skipped <- skipped_files(iterator, newly = TRUE)
  n <- nrow(skipped)
  if (n == 0L) return(invisible())
  shown <- utils::head(skipped, 10L)
  lines <- c(
    sprintf("%s could not be read and %s left out:", if (n == 1L) "A picture" else paste(format_count(n), "pictures"),
            if (n == 1L) "was" else "were"),
    sprintf("  %s: %s", shown$file, sub("\n.*", "", shown$reason)),
    if (n > 10L) sprintf("  and %s more; see `$skipped_files` of the iterator.", format_count(n - 10L))
  )
  warning(warningCondition(paste(lines, collapse = "\n"), files = skipped,
                           class = c("hornet_skipped_warning", "hornet_warning"), call = user_call()))
}

add_fields <- function(iterator, fields) {
  for (name in names(fields)) assign(name, fields[[name]], envir = iterator)
  iterator
}

#' @export
length.keras_image_iterator <- function(x) as.integer(ceiling(get("n", x) / get("batch_size", x)))

#' @export
print.keras_image_iterator <- function(x, ...) {
  get_field <- function(name) get0(name, x, inherits = FALSE)
  cat(sprintf("<image iterator: %s images of shape %s in batches of %d", format_count(get_field("n")),
              format_shape(get_field("image_shape")), get_field("batch_size")))
  if (!is.null(get_field("num_classes"))) cat(",", get_field("num_classes"), "classes")
  cat(">\n")
  invisible(x)
}

next_batch.keras_image_iterator <- function(iterator) {
  batch <- image_batch(iterator)
  warn_skipped(iterator)
  batch
}

after_run.keras_image_iterator <- function(iterator) warn_skipped(iterator)

get_position.keras_image_iterator <- function(iterator) {
  c(list(n = iterator$n, batch_size = iterator$batch_size), cpp_image_flow_position(iterator$.flow))
}

set_position.keras_image_iterator <- function(iterator, position) {
  own <- get_position(iterator)
  # The orders' lengths are checked natively.
  is_order <- names(own) %in% c("index_array", "batch_order")
  fits <- function(name, order) {
    x <- position[[name]]
    if (is.null(x)) return(order || name == "seed")
    is.numeric(x) && all(is.finite(x)) && (order || length(x) == max(1L, length(own[[name]])))
  }
  if (!is.list(position) || !setequal(names(position), names(own)) || !all(mapply(fits, names(own), is_order))) {
    abort("`state` is not that of an image iterator.", "hornet_value_error")
  }
  check_same(position$n, own$n, "an iterator whose number of images is")
  check_same(position$batch_size, own$batch_size, "an iterator whose batch size is")
  cpp_image_flow_move(iterator$.flow, position)
  assign("seed", position$seed, envir = iterator)
}

# `run`: who keeps the place of a run that reads ahead.
image_batch <- function(iterator, run = NULL) {
  generator <- iterator$image_data_generator
  user_function <- r_preprocessing(generator)
  made <- cpp_image_flow_batch(iterator$.flow, pipeline_spec(iterator), image_workers(), run)
  x <- made$x
  if (!is.null(user_function)) x <- preprocess_in_r(iterator, x, made, user_function)
  others <- lapply(iterator$.labels$native$inputs, take_rows, made$index)
  inputs <- if (length(others)) c(list(x), others) else x
  targets <- iterator$.labels$targets(made$index, x)
  if (is.null(targets)) return(inputs)
  weights <- iterator$.labels$native$weights
  c(list(inputs, targets), if (length(weights)) list(take_rows(weights[[1L]], made$index)))
}

# The user's function sees one picture at a time, on R's thread; then the rest is done natively.
preprocess_in_r <- function(iterator, x, made, user_function) {
  shape <- dim(x)[-1L]
  for (i in seq_len(dim(x)[[1L]])) {
    picture <- user_function(array(x[i, , , ], shape))
    if (!is.numeric(picture) || !identical(as.integer(dim(picture)), as.integer(shape))) {
      abort(sprintf("`preprocessing_function` must return an array of shape %s, not %s.",
                    format_shape(shape), describe(picture)), "hornet_shape_error")
    }
    x[i, , , ] <- picture
  }
  first <- is_channels_first(iterator$data_format)
  x <- cpp_image_standardize(x, first, standardization_spec(iterator$image_data_generator))
  save <- iterator$.save
  for (i in seq_along(made$marks)) {
    name <- sprintf("%s_%d_%.0f.%s", save$prefix, made$index[[i]] - 1L, made$marks[[i]], save$format)
    cpp_image_save(file.path(save$directory, name), save$format, array(x[i, , , ], shape), first, TRUE)
  }
  x
}

# A feeder for a model: the batches of whole passes by their place, in random order where
# `shuffle_batches` is set. With a preprocessing function of the user, who is called on R's thread,
# the iterator's own order.
iterator_feeder.keras_image_iterator <- function(iterator, spec, queue_size, total, shuffle_batches) {
  if (iterator$n == 0) abort("The image iterator has no images.", "hornet_data_error")
  if (is.null(r_preprocessing(iterator$image_data_generator))) {
    source <- cpp_image_source(iterator$.flow, pipeline_spec(iterator), image_workers(), total, shuffle_batches)
    return(cpp_feeder_source(source, spec, queue_size, total))
  }
  without_targets <- identical(iterator$.labels$native$kind, "none")
  run <- cpp_image_flow_run(iterator$.flow)
  generator <- function() {
    batch <- image_batch(iterator, run)
    if (without_targets) list(batch) else batch
  }
  if (shuffle_batches) generator <- with_own_random_state(generator)
  cpp_feeder_generator(generator, spec, queue_size, total, run)
}

input_shapes.keras_image_iterator <- function(iterator) {
  others <- lapply(iterator$.labels$native$inputs, function(x) dim(x)[-1L])
  c(list(iterator$image_shape), others)
}

# The generator's fields are read for each run: fitting it, or changing it, affects its iterators.
pipeline_spec <- function(iterator) {
  generator <- iterator$image_data_generator
  warn_problem(iterator)
  if (!iterator$.warned) {
    warn_unfitted(generator)
    iterator$.warned <- TRUE
  }
  list(
    augmentation = augmentation_spec(generator),
    standardization = standardization_spec(generator),
    standardize = is.null(r_preprocessing(generator)),
    channels_first = is_channels_first(iterator$data_format),
    skip_unreadable = identical(iterator$on_error, "skip"),
    save = if (is.null(r_preprocessing(generator))) iterator$.save
  )
}

# Options --------------------------------------------------------------------------------------

flow_options <- function(batch_size, shuffle, seed) {
  seed <- as_seed(seed)
  list(batch_size = positive_int(batch_size, "batch_size"), shuffle = as_flag(shuffle, "shuffle"),
       seed = seed, start = if (is.null(seed)) random_start(), marks = 0)
}

save_options <- function(directory, prefix, format) {
  if (is.null(directory)) return(NULL)
  if (!dir.exists(directory)) {
    abort(sprintf("`save_to_dir`: there is no folder %s.", dQuote(directory, FALSE)), "hornet_value_error")
  }
  list(directory = path.expand(directory), prefix = as.character(prefix),
       format = one_of(format, c("png", "jpeg", "jpg"), "save_format"))
}

# Bytes for decoded pictures; NULL: the native default.
cache_bytes <- function() {
  cache <- getOption("hornet.cache", TRUE)
  if (isTRUE(cache)) return(NULL)
  if (isFALSE(cache)) return(0)
  if (!is.numeric(cache) || length(cache) != 1L || is.na(cache) || cache < 0) {
    abort("options(hornet.cache = ) must be TRUE, FALSE or a number of bytes.", "hornet_value_error")
  }
  as.double(cache)
}

# A folder for decoded pictures, or NULL.
image_cache_folder <- function() {
  folder <- getOption("hornet.image_cache")
  if (is.null(folder)) return(NULL)
  if (!is.character(folder) || length(folder) != 1L || is.na(folder) || !nzchar(folder)) {
    abort("options(hornet.image_cache = ) must be NULL or the name of one folder.", "hornet_value_error")
  }
  dir.create(folder, showWarnings = FALSE, recursive = TRUE)
  normalizePath(folder, mustWork = FALSE)
}

# Once an iterator: what works, but not as it was asked for.
warn_problem <- function(iterator) {
  if (iterator$.warned_problem) return(invisible())
  problem <- cpp_image_flow_problem(iterator$.flow)
  if (is.null(problem)) return(invisible())
  iterator$.warned_problem <- TRUE
  warning(warningCondition(
    paste0("The cache of decoded images ", problem, ".\nImages are decoded without it."),
    class = c("hornet_cache_warning", "hornet_warning"), call = user_call()
  ))
}

# Threads that always work, and those that take part while the trainer waits.
image_workers <- function() {
  workers <- getOption("hornet.image_workers")
  if (!is.null(workers)) return(list(workers = positive_int(workers, "options(hornet.image_workers = )"), helpers = 0L))
  cores <- if (under_check()) 1L else cpp_image_cores()
  list(workers = max(1L, cores - 1L), helpers = as.integer(cores > 1L))
}

# Which part of n files: fractions from, to.
subset_limits <- function(subset, generator) {
  if (is.null(subset)) return(c(0, 1))
  subset <- one_of(subset, c("training", "validation"))
  split <- generator$validation_split
  if (subset == "validation") c(0, split) else c(split, 1)
}

subset_rows <- function(n, subset, generator, y) {
  limits <- subset_limits(subset, generator)
  first <- trunc(n * generator$validation_split)
  validation <- seq_len(first)
  training <- seq_len(n)[-validation]
  if (first == 0) training <- seq_len(n)
  same_labels <- is.null(y) || setequal(take_rows(y, validation), take_rows(y, training))
  if (!same_labels) {
    abort(c(
      "Training and validation subsets have different classes after the split.",
      "If the rows are sorted by class, shuffle them first."
    ), "hornet_value_error")
  }
  if (limits[[1L]] == 0 && subset == "validation") validation else training
}

# What comes along with pictures, as a numeric array: labels, other inputs.
as_plain_array <- function(x, what) {
  if (is.factor(x)) {
    tell_class_order(x, what)
    return(as.integer(x) - 1L)
  }
  if (is.data.frame(x) || inherits(x, "Matrix")) x <- unname(as.matrix(x))
  if (!(is.numeric(x) || is.logical(x)) || inherits(x, "integer64") || length(x) == 0L) {
    abort(sprintf("`%s` must be a numeric array with at least one row, not %s.", what,
                  if (length(x)) describe(x) else "an empty one"), "hornet_value_error")
  }
  x
}

check_rows <- function(n, arrays, what) {
  for (array in arrays) {
    if (NROW(array) != n) {
      abort(sprintf("`x` has %d pictures, but %s %d rows.", n, what, NROW(array)),
            "hornet_shape_error")
    }
  }
}

# Rows of a vector or an array, as an array.
take_rows <- function(x, rows) {
  rank <- length(dim(x))
  if (rank <= 1L) return(array(as.vector(x)[rows], length(rows)))
  do.call(`[`, c(list(x, rows), rep(list(TRUE), rank - 1L), list(drop = FALSE)))
}

# Labels ---------------------------------------------------------------------------------------

# `codes`: classes from 0, one for each picture or (a list) several.
labels_of_classes <- function(codes, num_classes, class_mode) {
  if (is.null(class_mode)) return(list(native = list(kind = "none"), targets = function(rows, x) NULL))
  switch(class_mode,
    input = list(native = list(kind = "pictures"), targets = function(rows, x) x),
    categorical = list(
      native = list(kind = "classes", classes = num_classes, codes = as.integer(unlist(codes)),
                    first_code = as.integer(cumsum(c(0L, lengths(codes))))),
      targets = function(rows, x) one_hot(codes[rows], num_classes)
    ),
    list(native = list(kind = "tables", targets = list(as.double(codes))),
         targets = function(rows, x) array(as.double(codes[rows]), length(rows)))
  )
}

one_hot <- function(codes, num_classes) {
  hot <- matrix(0, length(codes), num_classes)
  hot[cbind(rep(seq_along(codes), lengths(codes)), unlist(codes) + 1L)] <- 1
  hot
}

labels_of_columns <- function(frame, y_col, class_mode) {
  if (is.null(class_mode) || class_mode == "input") return(labels_of_classes(NULL, 0L, class_mode))
  columns <- lapply(y_col, function(name) as_plain_array(frame[[name]], sprintf('column "%s"', name)))
  if (class_mode == "raw" && length(columns) > 1L) columns <- list(do.call(cbind, columns))
  targets <- function(rows, x) lapply(columns, take_rows, rows)
  list(native = list(kind = "tables", targets = columns),
       targets = if (class_mode == "raw") function(rows, x) targets(rows, x)[[1L]] else targets)
}

# The paths of files in a folder (NULL: they are paths), unless they are absolute. file.path() refuses
# names that are no valid text.
in_folder <- function(folder, names) {
  relative <- !is.null(folder) & !(startsWith(names, "/") %in% TRUE)
  names[relative] <- paste0(path.expand(folder %||% ""), "/", names[relative])
  names[!relative] <- path.expand(names[!relative])
  names
}

# Data frames ----------------------------------------------------------------------------------

# The rows of a data frame whose files can be pictures.
image_rows <- function(dataframe, directory, x_col, y_col, class_mode, drop_duplicates) {
  if (!is.data.frame(dataframe)) {
    abort(sprintf("`dataframe` must be a data frame, not %s.", describe(dataframe)), "hornet_value_error")
  }
  frame <- as.data.frame(dataframe)
  y_col <- unlist(y_col)
  needed <- c(x_col, if (!is.null(class_mode) && class_mode != "input") y_col)
  missing <- setdiff(needed, names(frame))
  if (length(missing)) {
    abort(sprintf("`dataframe` has no column %s; its columns are %s.", quoted(missing, "and"),
                  quoted(names(frame), "and")), "hornet_value_error")
  }
  if (!is.character(frame[[x_col]]) && !is.factor(frame[[x_col]])) {
    abort(sprintf('Column "%s" must hold the names of files.', x_col), "hornet_value_error")
  }
  files <- as.character(frame[[x_col]])
  paths <- in_folder(directory, files)
  valid <- !is.na(files)
  valid[valid] <- cpp_image_has_extension(files[valid]) & file.exists(paths[valid]) & !dir.exists(paths[valid])
  if (!all(valid)) {
    warning(sprintf('Found %d invalid image filename(s) in x_col="%s". These filename(s) will be ignored.',
                    sum(!valid), x_col), call. = FALSE)
  }
  if (isTRUE(drop_duplicates)) valid <- valid & !duplicated(files)
  frame[valid, , drop = FALSE]
}

# list(names, rows, codes): the classes in order, the rows that have one of them, and these rows'
# classes from 0.
classes_of_frame <- function(labels, classes, class_mode) {
  if (is.factor(labels)) labels <- as.character(labels)
  several <- class_mode == "categorical" && is.list(labels)
  if (!several && !is.character(labels)) {
    abort(sprintf('class_mode = "%s" needs labels that are strings or a factor, not numbers; %s.', class_mode,
                  "use as.character()"), "hornet_value_error")
  }
  if (several) labels <- lapply(labels, as.character)
  names <- sort(unique(as.character(unlist(classes %||% labels))), method = "radix")
  names <- names[!is.na(names)]
  if (class_mode == "binary" && length(names) != 2L) {
    abort(sprintf('class_mode = "binary" needs 2 classes, there are %d.', length(names)), "hornet_value_error")
  }
  codes <- if (several) {
    lapply(labels, function(label) stats::na.omit(match(label, names)) - 1L)
  } else {
    match(labels, names) - 1L
  }
  rows <- if (several) lengths(codes) > 0L else !is.na(codes)
  list(names = names, rows = rows, codes = codes[rows])
}
