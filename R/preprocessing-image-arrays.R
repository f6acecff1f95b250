# Single pictures: loading, arrays, resizing, saving; row-major reshaping.

#' Loads a picture
#'
#' Reads JPEG, PNG, BMP and PPM files, and TIFF files if hornet was installed with libtiff. They are
#' told apart by their contents, not by their names. The pixels are those that Python's Pillow gives:
#' transparency is dropped, 16-bit grey values are cut off at 255, colour profiles are not applied. Of
#' a file with several pictures, the first is read. TIFF pictures are turned as their orientation
#' says, JPEG pictures are not.
#'
#' @param path The file.
#' @param grayscale Load it as grey values; otherwise as RGB.
#' @param target_size `NULL`: as it is, else `c(height, width)` to resize it to.
#' @param interpolation How it is resized: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos"`,
#'   `"box"` or `"hamming"`. All but `"nearest"` average over the pixels that fall together.
#'
#' @return An object of class `keras_image` with the fields `size` (width and height), `width`,
#'   `height` and `mode` (`"RGB"` or `"L"`), for [image_to_array()].
#' @family image preprocessing
#' @examples
#' file <- tempfile(fileext = ".png")
#' image_array_save(array(0:47, c(4, 4, 3)), file)
#' picture <- image_load(file, target_size = c(2, 3))
#' picture
#' dim(image_to_array(picture))
#' @export
image_load <- function(path, grayscale = FALSE, target_size = NULL, interpolation = "nearest") {
  if (!is.character(path) || length(path) != 1L || is.na(path)) {
    abort(sprintf("`path` must be the name of one file, not %s.", describe(path)), "hornet_value_error")
  }
  size <- if (is.null(target_size)) c(0L, 0L) else int_tuple(unlist(target_size), 2L, "target_size")
  grayscale <- as_flag(grayscale, "grayscale")
  pixels <- cpp_image_load(path.expand(path), if (grayscale) "grayscale" else "rgb", size[[1L]], size[[2L]],
                           resolve_interpolation(interpolation), max_image_pixels())
  shape <- dim(pixels)
  structure(
    list(pixels = pixels, width = shape[[2L]], height = shape[[3L]], size = shape[2:3],
         mode = if (grayscale) "L" else "RGB"),
    class = "keras_image"
  )
}

#' @export
print.keras_image <- function(x, ...) {
  cat(sprintf("<image, %d x %d pixels, %s>\n", x$width, x$height, x$mode))
  invisible(x)
}

#' Makes an array of a picture
#'
#' @param img A picture from [image_load()].
#' @param data_format `"channels_last"` gives (height, width, channels), `"channels_first"` gives
#'   (channels, height, width).
#' @return An array of rank 3 with values from 0 to 255.
#' @family image preprocessing
#' @examples
#' file <- tempfile(fileext = ".png")
#' image_array_save(array(0:47, c(4, 4, 3)), file)
#' x <- image_to_array(image_load(file))
#' x <- array_reshape(x, c(1, dim(x)))
#' dim(x)
#' @export
image_to_array <- function(img, data_format = c("channels_last", "channels_first")) {
  data_format <- one_of(data_format, c("channels_last", "channels_first"))
  if (!inherits(img, "keras_image")) {
    abort(sprintf("`img` must be a picture from image_load(), not %s.", describe(img)), "hornet_value_error")
  }
  cpp_image_to_array(img$pixels, is_channels_first(data_format))
}

#' Resizes pictures held as arrays
#'
#' Linear interpolation between pixels; corners stay corners and nothing is averaged when pictures
#' get smaller.
#'
#' @param img One picture (rank 3), or several (rank 4).
#' @param height,width The new size.
#' @param data_format Where the channels are.
#' @return The resized array.
#' @family image preprocessing
#' @examples
#' dim(image_array_resize(array(runif(48), c(4, 4, 3)), height = 6, width = 9))
#' @export
image_array_resize <- function(img, height, width, data_format = c("channels_last", "channels_first")) {
  data_format <- one_of(data_format, c("channels_last", "channels_first"))
  first <- is_channels_first(data_format)
  if (inherits(img, "keras_image")) img <- image_to_array(img, data_format)
  if (!is.numeric(img) || !length(dim(img)) %in% 3:4 || length(img) == 0L) {
    abort(sprintf("`img` must be an array of rank 3 or 4, not %s.", describe(img)), "hornet_shape_error")
  }
  cpp_image_zoom(img, positive_int(height, "height"), positive_int(width, "width"), first)
}

#' Saves a picture held as an array
#'
#' @param img One picture: an array of rank 3, or a matrix of grey values.
#' @param path The file. Its extension (png, jpg or jpeg) says what kind of file it becomes.
#' @param data_format Where the channels are; `NULL`: [k_image_data_format()].
#' @param file_format `"png"` or `"jpeg"`, if the extension does not say.
#' @param scale Stretch the values so that the largest becomes 255 (negative ones are first lifted to
#'   0). Otherwise values beyond 0 and 255 are cut off.
#' @return `path`, invisibly.
#' @family image preprocessing
#' @examples
#' file <- tempfile(fileext = ".png")
#' image_array_save(array(runif(48), c(4, 4, 3)), file)
#' @export
image_array_save <- function(img, path, data_format = NULL, file_format = NULL, scale = TRUE) {
  data_format <- if (inherits(img, "keras_image")) "channels_last" else resolve_data_format(data_format)
  if (is.matrix(img)) dim(img) <- if (is_channels_first(data_format)) c(1L, dim(img)) else c(dim(img), 1L)
  file_format <- file_format %||% sub(".*[.]", "", basename(path))
  cpp_image_save(path.expand(path), file_format, as_picture(img, "img"), is_channels_first(data_format),
                 as_flag(scale, "scale"))
  invisible(path)
}

#' Prepares pictures for networks trained on ImageNet
#'
#' @param x Pictures with values from 0 to 255 in RGB order: an array of rank 3 or 4.
#' @param data_format Where the channels are; `NULL`: [k_image_data_format()].
#' @param mode `"caffe"`: BGR order, the means of ImageNet subtracted. `"tf"`: scaled to -1..1.
#'   `"torch"`: scaled to 0..1, then standardized by the means and deviations of ImageNet.
#' @return An array like `x`.
#' @family image preprocessing
#' @examples
#' x <- array(runif(2 * 4 * 4 * 3, 0, 255), c(2, 4, 4, 3))
#' range(imagenet_preprocess_input(x, mode = "tf"))
#' @export
imagenet_preprocess_input <- function(x, data_format = NULL, mode = "caffe") {
  mode <- one_of(mode, c("caffe", "tf", "torch"))
  if (mode == "tf") return(x / 127.5 - 1)
  first <- is_channels_first(resolve_data_format(data_format))
  rank <- length(dim(x))
  if (!is.numeric(x) || !rank %in% 3:4 || dim(x)[[if (first) rank - 2L else rank]] != 3L) {
    abort(sprintf("`x` must be pictures with 3 channels, an array of rank 3 or 4, not %s.", describe(x)),
          "hornet_shape_error")
  }
  channel <- function(k) {
    at <- rep(list(TRUE), rank)
    at[[if (first) rank - 2L else rank]] <- k
    at
  }
  take <- function(k) do.call(`[`, c(list(x), channel(k)))
  means <- if (mode == "caffe") c(103.939, 116.779, 123.68) else c(0.485, 0.456, 0.406)
  deviations <- if (mode == "caffe") c(1, 1, 1) else c(0.229, 0.224, 0.225)
  scale <- if (mode == "caffe") 1 else 255
  sources <- if (mode == "caffe") 3:1 else 1:3
  result <- x + 0
  for (k in 1:3) {
    value <- (take(sources[[k]]) / scale - means[[k]]) / deviations[[k]]
    result <- do.call(`[<-`, c(list(result), channel(k), list(value = value)))
  }
  result
}

#' Reshapes an array in row-major order
#'
#' Like `dim(x) <- dim`, but values are read and written with the last dimension changing fastest, as
#' Python and this package's layers do.
#'
#' @param x An array or vector.
#' @param dim The new dimensions; one of them may be -1, which means whatever is left.
#' @param order `"C"` for row-major order, `"F"` for column-major order, R's own.
#' @return `x` with the new dimensions.
#' @examples
#' x <- matrix(1:6, nrow = 2, byrow = TRUE)
#' array_reshape(x, c(3, 2))
#' array_reshape(x, -1)
#' @export
array_reshape <- function(x, dim, order = c("C", "F")) {
  order <- one_of(order, c("C", "F"))
  if (is.data.frame(x)) x <- unname(as.matrix(x))
  to <- if (is.list(dim)) vapply(dim, function(d) as.numeric(d %||% -1), 0) else as.numeric(dim)
  if (length(to) == 0L || anyNA(to) || any(to != trunc(to)) || any(to < -1) || sum(to == -1) > 1L) {
    abort(sprintf("`dim` must be whole numbers, at most one of them -1, not %s.", describe(dim)),
          "hornet_value_error")
  }
  free <- to == -1
  if (any(free)) to[free] <- length(x) %/% max(1, prod(to[!free]))
  if (prod(to) != length(x)) {
    abort(sprintf("an array of %d values can't be reshaped to %s.", length(x), format_shape(as.numeric(dim))),
          "hornet_shape_error")
  }
  from <- base::dim(x) %||% length(x)
  dimnames(x) <- NULL
  if (order == "F" || (length(from) == 1L && length(to) == 1L)) return(array(x, to))
  # What leads in both stays where it is: often that is the many rows of a data set.
  keep <- if (length(from) > 1L && length(to) > 1L && from[[1L]] == to[[1L]]) 1L else integer()
  reversed <- function(n) c(keep, rev(setdiff(seq_len(n), keep)))
  if (length(from) > 1L + length(keep)) x <- aperm(x, reversed(length(from)))
  x <- array(x, to[reversed(length(to))])
  if (length(to) > 1L + length(keep)) x <- aperm(x, reversed(length(to)))
  x
}

interpolations <- c("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")

resolve_interpolation <- function(x) {
  if (is.character(x) && length(x) == 1L && x %in% interpolations) return(x)
  abort(sprintf("`interpolation` must be %s, not %s.", quoted(interpolations), describe(x)),
        "hornet_value_error")
}

# NULL: the native default.
max_image_pixels <- function() getOption("hornet.max_pixels")
