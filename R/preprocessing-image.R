# Image data generators: what is done to every picture. Iterators are in preprocessing-image-flow.R.

#' Generates batches of image data with random transformations
#'
#' `image_data_generator()` describes how pictures are augmented and standardized;
#' [flow_images_from_directory()], [flow_images_from_data()] and [flow_images_from_dataframe()]
#' make batches with it, in native threads that work in parallel to the model.
#'
#' For one picture, in this order: it is rotated, shifted, sheared and zoomed in one step about its
#' centre (linear interpolation), its channels are shifted, it is flipped, its brightness is
#' changed; then come `preprocessing_function`, `rescale`, samplewise and featurewise
#' standardization, and whitening. The stream of random numbers is that of Keras with numpy: with
#' the same seed you get the same pictures.
#'
#' @param featurewise_center,featurewise_std_normalization Subtract the mean of the data set, divide
#'   by its standard deviation, by channel. Needs [fit_image_data_generator()].
#' @param samplewise_center,samplewise_std_normalization Subtract each picture's own mean, divide by
#'   its own standard deviation.
#' @param zca_whitening,zca_epsilon Apply ZCA whitening, which needs [fit_image_data_generator()],
#'   and the constant that keeps it from dividing by 0.
#' @param rotation_range Largest rotation, in degrees.
#' @param width_shift_range,height_shift_range Largest shift. A number below 1 is a fraction of the
#'   size, otherwise a number of pixels; an integer `n` (as in `10L`) draws whole pixels below `n`;
#'   a vector or list of several numbers draws one of them. The sign is random.
#' @param brightness_range Two numbers: the brightness is multiplied by a factor between them. The
#'   picture is first stretched so that its largest value is 255.
#' @param shear_range Largest shear angle, in degrees.
#' @param zoom_range One number `z` (zooms between `1 - z` and `1 + z`) or two: the limits. Rows and
#'   columns are zoomed independently; below 1 magnifies.
#' @param channel_shift_range Largest amount that is added to all values.
#' @param fill_mode What lies beyond the edges: `"nearest"`, `"constant"`, `"reflect"` or `"wrap"`.
#' @param cval The value for `fill_mode = "constant"`.
#' @param horizontal_flip,vertical_flip Flip half of the pictures.
#' @param rescale Factor for all values, such as `1/255`. `NULL` or 0: none.
#' @param preprocessing_function An R function of one picture (a three-dimensional array) that
#'   returns one of the same shape. It runs on R's thread. [imagenet_preprocess_input()] and
#'   arithmetic with constants, such as `function(x) x / 127.5 - 1`, are recognised and run natively.
#' @param data_format `"channels_last"` or `"channels_first"`; `NULL`: [k_image_data_format()].
#' @param validation_split Fraction of the pictures kept for `subset = "validation"`.
#'
#' @return An object of class `keras_image_data_generator`. It has its arguments as fields, after
#'   fitting `$mean`, `$std` and `$principal_components`, and the methods `$flow()`,
#'   `$flow_from_directory()`, `$flow_from_dataframe()`, `$fit()`, `$standardize(x)`,
#'   `$random_transform(x, seed)`, `$get_random_transform(img_shape, seed)` and
#'   `$apply_transform(x, transform_parameters)`.
#' @family image preprocessing
#' @examples
#' generator <- image_data_generator(rescale = 1 / 255, rotation_range = 20, horizontal_flip = TRUE)
#' generator
#'
#' pictures <- array(runif(10 * 8 * 8 * 3, 0, 255), c(10, 8, 8, 3))
#' batches <- flow_images_from_data(pictures, 0:9, generator, batch_size = 5)
#' batch <- generator_next(batches)
#' dim(batch[[1]])
#' @export
image_data_generator <- function(featurewise_center = FALSE, samplewise_center = FALSE,
                                 featurewise_std_normalization = FALSE,
                                 samplewise_std_normalization = FALSE, zca_whitening = FALSE,
                                 zca_epsilon = 1e-6, rotation_range = 0, width_shift_range = 0,
                                 height_shift_range = 0, brightness_range = NULL,
                                 shear_range = 0, zoom_range = 0, channel_shift_range = 0,
                                 fill_mode = "nearest", cval = 0, horizontal_flip = FALSE,
                                 vertical_flip = FALSE, rescale = NULL,
                                 preprocessing_function = NULL, data_format = NULL,
                                 validation_split = 0) {
  if (!is.null(preprocessing_function) && !is.function(preprocessing_function)) {
    abort(sprintf("`preprocessing_function` must be a function of one picture, not %s.",
                  describe(preprocessing_function)), "hornet_value_error")
  }
  validation_split <- as_number(validation_split %||% 0, "validation_split")
  if (validation_split < 0 || validation_split >= 1) {
    abort(sprintf("`validation_split` must be 0 or between 0 and 1, not %s.",
                  describe(validation_split)), "hornet_value_error")
  }
  generator <- list2env(parent = emptyenv(), list(
    featurewise_center = as_flag(featurewise_center, "featurewise_center"),
    samplewise_center = as_flag(samplewise_center, "samplewise_center"),
    featurewise_std_normalization =
      as_flag(featurewise_std_normalization, "featurewise_std_normalization"),
    samplewise_std_normalization =
      as_flag(samplewise_std_normalization, "samplewise_std_normalization"),
    zca_whitening = as_flag(zca_whitening, "zca_whitening"),
    zca_epsilon = as_number(zca_epsilon, "zca_epsilon"),
    rotation_range = as_number(rotation_range, "rotation_range"),
    width_shift_range = width_shift_range,
    height_shift_range = height_shift_range,
    brightness_range = brightness_limits(brightness_range),
    shear_range = as_number(shear_range, "shear_range"),
    zoom_range = zoom_limits(zoom_range),
    channel_shift_range = as_number(channel_shift_range, "channel_shift_range"),
    fill_mode = one_of(fill_mode, c("nearest", "constant", "reflect", "wrap")),
    cval = as_number(cval, "cval"),
    horizontal_flip = as_flag(horizontal_flip, "horizontal_flip"),
    vertical_flip = as_flag(vertical_flip, "vertical_flip"),
    rescale = if (!is.null(rescale)) as_number(rescale, "rescale"),
    preprocessing_function = preprocessing_function,
    data_format = resolve_data_format(data_format),
    validation_split = validation_split,
    mean = NULL, std = NULL, principal_components = NULL, statistics = NULL
  ))
  shift_range(width_shift_range, "width_shift_range")
  shift_range(height_shift_range, "height_shift_range")
  settle_standardization(generator)
  add_generator_methods(generator)
  structure(generator, class = c("keras_image_data_generator",
                                 "keras.preprocessing.image.ImageDataGenerator"))
}

#' Fits an image data generator to sample pictures
#'
#' Needed for `featurewise_center`, `featurewise_std_normalization` and `zca_whitening`: computes
#' the statistics that they use.
#'
#' @param object An [image_data_generator()].
#' @param x Pictures: an array of rank 4. `rescale` is not applied to them.
#' @param augment,rounds Fit to randomly transformed pictures, and how often each is transformed.
#' @param seed Random seed.
#'
#' @return The generator, invisibly; it is changed in place.
#' @family image preprocessing
#' @examples
#' generator <- image_data_generator(featurewise_center = TRUE)
#' pictures <- array(runif(10 * 8 * 8, 0, 255), c(10, 8, 8, 1))
#' generator %>% fit_image_data_generator(pictures)
#' generator$mean
#' @export
fit_image_data_generator <- function(object, x, augment = FALSE, rounds = 1, seed = NULL) {
  object <- as_image_generator(object, "object")
  x <- as_pictures(x, "x", object$data_format)
  first <- is_channels_first(object$data_format)
  fitted <- cpp_image_fit(
    x, first, augmentation_spec(object), if (isTRUE(augment)) positive_int(rounds, "rounds") else 0L,
    as_seed(seed) %||% random_start(), object$featurewise_center,
    object$featurewise_std_normalization, object$zca_whitening
  )
  channel_shape <- if (first) function(v) array(v, c(length(v), 1, 1)) else function(v) array(v, c(1, 1, length(v)))
  if (!is.null(fitted$mean)) object$mean <- channel_shape(fitted$mean)
  if (!is.null(fitted$std)) object$std <- channel_shape(fitted$std)
  whitener <- NULL
  if (object$zca_whitening) {
    whitener <- zca_matrix(fitted$x, object$zca_epsilon)
    object$principal_components <- whitener
    if (first) {
      # Fitted with channels last; shown in the order of the pictures' own values.
      n <- dim(x)[-1L]
      order <- as.vector(aperm(array(seq_len(prod(n)), n[c(1L, 3L, 2L)]), c(2L, 3L, 1L)))
      object$principal_components <- whitener[order, order]
    }
  }
  object$statistics <- cpp_image_statistics(fitted$mean, fitted$std, whitener)
  invisible(object)
}

# W = U diag(1 / sqrt(lambda + epsilon)) U' of the covariance of centered rows.
zca_matrix <- function(x, epsilon) {
  decomposed <- eigen(crossprod(x) / nrow(x), symmetric = TRUE)
  u <- decomposed$vectors
  values <- pmax(decomposed$values, 0)
  tcrossprod(u * rep(1 / sqrt(values + epsilon), each = nrow(u)), u)
}

#' @export
print.keras_image_data_generator <- function(x, ...) {
  cat("Image data generator\n")
  defaults <- formals(image_data_generator)
  defaults$zoom_range <- c(1, 1)
  defaults$data_format <- "channels_last"
  for (name in names(defaults)) {
    value <- x[[name]]
    if (is.null(value) || isTRUE(all.equal(value, eval(defaults[[name]])))) next
    cat("  ", name, ": ", if (is.function(value)) "an R function" else toString(unlist(value)), "\n", sep = "")
  }
  if (!is.null(x$statistics)) cat("  fitted to data\n")
  invisible(x)
}

# Settings that imply others.
settle_standardization <- function(generator) {
  warn <- function(what, other) {
    warning(sprintf("`%s` overrides the setting of `%s`.", what, other), call. = FALSE)
  }
  if (generator$zca_whitening) {
    if (!generator$featurewise_center) warn("zca_whitening", "featurewise_center")
    if (generator$featurewise_std_normalization) warn("zca_whitening", "featurewise_std_normalization")
    generator$featurewise_center <- TRUE
    generator$featurewise_std_normalization <- FALSE
  }
  for (kind in c("featurewise", "samplewise")) {
    std <- paste0(kind, "_std_normalization")
    center <- paste0(kind, "_center")
    if (generator[[std]] && !generator[[center]]) {
      warn(std, center)
      generator[[center]] <- TRUE
    }
  }
}

add_generator_methods <- function(generator) {
  generator$flow <- function(x, y = NULL, ...) flow_images_from_data(x, y, generator, ...)
  generator$flow_from_directory <- function(directory, ...) {
    flow_images_from_directory(directory, generator, ...)
  }
  generator$flow_from_dataframe <- function(dataframe, directory = NULL, ...) {
    flow_images_from_dataframe(dataframe, directory, generator = generator, ...)
  }
  generator$fit <- function(x, augment = FALSE, rounds = 1, seed = NULL) {
    fit_image_data_generator(generator, x, augment, rounds, seed)
  }
  generator$get_random_transform <- function(img_shape, seed = NULL) {
    size <- as_int(unlist(img_shape), "img_shape")
    if (is_channels_first(generator$data_format)) size <- size[-1L]
    cpp_image_draw(augmentation_spec(generator), size[[1L]], size[[2L]], as_seed(seed) %||% random_start())
  }
  generator$apply_transform <- function(x, transform_parameters) {
    cpp_image_transform(as_picture(x), is_channels_first(generator$data_format),
                        augmentation_spec(generator), as.list(transform_parameters))
  }
  generator$random_transform <- function(x, seed = NULL) {
    generator$apply_transform(x, generator$get_random_transform(dim(x), seed))
  }
  generator$standardize <- function(x) {
    warn_unfitted(generator)
    user_function <- r_preprocessing(generator)
    if (!is.null(user_function)) x <- user_function(x)
    cpp_image_standardize(x, is_channels_first(generator$data_format), standardization_spec(generator))
  }
}

# For native code ------------------------------------------------------------------------------

augmentation_spec <- function(generator) {
  list(
    rotation = generator$rotation_range,
    shear = generator$shear_range,
    channel_shift = generator$channel_shift_range,
    height_shift = shift_range(generator$height_shift_range, "height_shift_range"),
    width_shift = shift_range(generator$width_shift_range, "width_shift_range"),
    zoom = as.double(generator$zoom_range),
    horizontal_flip = isTRUE(generator$horizontal_flip),
    vertical_flip = isTRUE(generator$vertical_flip),
    brightness = if (!is.null(generator$brightness_range)) as.double(generator$brightness_range),
    fill_mode = generator$fill_mode,
    cval = generator$cval
  )
}

standardization_spec <- function(generator) {
  list(
    imagenet = identical(generator$preprocessing_function, imagenet_preprocess_input),
    arithmetic = arithmetic_of(generator$preprocessing_function),
    rescale = generator$rescale %||% 0,
    samplewise_center = generator$samplewise_center,
    samplewise_std = generator$samplewise_std_normalization,
    featurewise_center = generator$featurewise_center,
    featurewise_std = generator$featurewise_std_normalization,
    whiten = generator$zca_whitening,
    statistics = generator$statistics
  )
}

# The user's own function, which must run on R's thread; NULL if there is none.
r_preprocessing <- function(generator) {
  f <- generator$preprocessing_function
  if (identical(f, imagenet_preprocess_input) || !is.null(arithmetic_of(f))) NULL else f
}

# What a function such as function(x) x / 127.5 - 1 does to a number, as list(operators, numbers) in
# the order in which R does it; NULL where it is anything else.
arithmetic_of <- function(f) {
  if (!is.function(f) || is.primitive(f) || length(formals(f)) != 1L) return(NULL)
  steps <- arithmetic_steps(body(f), as.name(names(formals(f))))
  operators <- vapply(steps, function(step) step$operator, "")
  known <- function(name) identical(get0(name, environment(f), mode = "function"), get(name, baseenv()))
  if (!length(steps) || !all(vapply(c("(", "{", operators), known, NA))) return(NULL)
  list(operators = operators, numbers = vapply(steps, function(step) step$number, 0))
}

# NULL where `expr` isn't arithmetic on `x`; an empty list is `x` itself.
arithmetic_steps <- function(expr, x) {
  if (identical(expr, x)) return(list())
  if (!is.call(expr) || !is.name(expr[[1L]])) return(NULL)
  operator <- as.character(expr[[1L]])
  if (operator %in% c("(", "{") && length(expr) == 2L) return(arithmetic_steps(expr[[2L]], x))
  if (!operator %in% c("+", "-", "*", "/") || length(expr) != 3L) return(NULL)
  number <- constant_of(expr[[3L]])
  inner <- expr[[2L]]
  if (is.null(number) && operator %in% c("+", "*")) {
    number <- constant_of(expr[[2L]])
    inner <- expr[[3L]]
  }
  steps <- arithmetic_steps(inner, x)
  if (is.null(number) || is.null(steps)) return(NULL)
  c(steps, list(list(operator = operator, number = number)))
}

# The value of an expression of numbers alone; NULL where it isn't one. Nothing is evaluated that may
# fail: catching errors here could catch that of a time limit.
constant_of <- function(expr) {
  value <- if (is.call(expr) && is.name(expr[[1L]])) {
    operator <- as.character(expr[[1L]])
    operands <- list("(" = 1L, "+" = 1:2, "-" = 1:2, "*" = 2L, "/" = 2L, "^" = 2L)[[operator]]
    if (!(length(expr) - 1L) %in% operands) return(NULL)
    values <- lapply(as.list(expr)[-1L], constant_of)
    if (!any(vapply(values, is.null, NA))) do.call(get(operator, baseenv()), unname(values))
  } else {
    expr
  }
  if (is.numeric(value) && length(value) == 1L && is.finite(value)) as.double(value)
}

warn_unfitted <- function(generator) {
  needs <- c("featurewise_center", "featurewise_std_normalization", "zca_whitening")
  needs <- needs[vapply(needs, function(name) isTRUE(generator[[name]]), NA)]
  if (length(needs) == 0L || !is.null(generator$statistics)) return(invisible())
  warning(sprintf("The image data generator specifies %s but was not fitted: pictures are left as they are.\n%s",
                  paste0("`", needs, "`", collapse = " and "),
                  "Call fit_image_data_generator() with sample pictures first."), call. = FALSE)
}

# Arguments ------------------------------------------------------------------------------------

# A shift range says how it is drawn by its type: see `width_shift_range` of the help page.
shift_range <- function(x, what) {
  values <- suppressWarnings(as.double(unlist(x)))
  if (length(values) == 0L || anyNA(values)) {
    abort(sprintf("`%s` must be numbers, not %s.", what, describe(x)), "hornet_value_error")
  }
  kind <- if (length(values) > 1L || is.list(x)) {
    "choice"
  } else if (values == 0) {
    "none"
  } else if (is.integer(x)) {
    "integer"
  } else {
    "uniform"
  }
  if (kind == "integer" && values < 0) {
    abort(sprintf("`%s` as an integer must not be negative.", what), "hornet_value_error")
  }
  list(kind = kind, values = values)
}

zoom_limits <- function(x) {
  x <- unlist(x)
  if (!is.numeric(x) || anyNA(x) || !length(x) %in% 1:2) {
    abort(sprintf("`zoom_range` must be one number or two, not %s.", describe(x)), "hornet_value_error")
  }
  if (length(x) == 1L) c(1 - x, 1 + x) else as.double(x)
}

brightness_limits <- function(x) {
  if (is.null(x)) return(NULL)
  x <- unlist(x)
  if (!is.numeric(x) || anyNA(x) || length(x) != 2L) {
    abort(sprintf("`brightness_range` must be two numbers, not %s.", describe(x)), "hornet_value_error")
  }
  as.double(x)
}

as_image_generator <- function(x, what) {
  if (inherits(x, "keras_image_data_generator")) return(x)
  abort(sprintf("`%s` must be an image_data_generator(), not %s.", what, describe(x)), "hornet_value_error")
}

is_channels_first <- function(data_format) identical(data_format, "channels_first")

# One picture as a three-dimensional array.
as_picture <- function(x, what = "x") {
  if (inherits(x, "keras_image")) x <- image_to_array(x)
  if (!is.numeric(x) || length(dim(x)) != 3L) {
    abort(sprintf("`%s` must be one picture, an array of rank 3, not %s.", what, describe(x)),
          "hornet_shape_error")
  }
  x
}

# Pictures as an array of rank 4, warning about odd numbers of channels.
as_pictures <- function(x, what, data_format) {
  if (!(is.numeric(x) || is.logical(x)) || length(dim(x)) != 4L) {
    abort(sprintf("`%s` must be an array of rank 4 (pictures, rows, columns, channels), not %s.", what,
                  describe(x)), "hornet_shape_error")
  }
  if (length(x) == 0L) abort(sprintf("`%s` has no pictures.", what), "hornet_value_error")
  channels <- dim(x)[[if (is_channels_first(data_format)) 2L else 4L]]
  if (!channels %in% c(1L, 3L, 4L)) {
    warning(sprintf("`%s` has %d channels in %s format; pictures usually have 1, 3 or 4.", what, channels,
                    dQuote(data_format, FALSE)), call. = FALSE)
  }
  x
}
