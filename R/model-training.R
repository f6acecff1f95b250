# Training, evaluation and prediction on arrays and single batches.

#' Train a model on arrays
#'
#' Trains for a number of epochs, in batches, on data that are in memory. The data are converted
#' once to the model's format and reused by every epoch.
#'
#' @param object A compiled model.
#' @param x Inputs: an array whose first dimension are the samples (a vector counts as one column, a
#'   data frame of numeric columns as a matrix); for several inputs a list of them in the model's
#'   order, or named by input layers. Data that stay in a file, see [hdf5_matrix()], are read while the
#'   model works. A generator (an R function or an iterator) is handed to [fit_generator()].
#' @param y Targets, likewise by outputs. For `sparse_categorical_crossentropy` classes from 0; a
#'   factor counts as its codes from 0.
#' @param batch_size Samples in a batch; default 32, or what the model's inputs fix.
#' @param epochs Index of the last epoch: epochs `initial_epoch` to `epochs - 1` (counted from 0) are
#'   trained.
#' @param validation_split Share of the samples, between 0 and 1, that is not trained on but
#'   evaluated after each epoch: the last ones, before shuffling.
#' @param validation_data `list(x, y)` or `list(x, y, sample_weights)` to evaluate after each epoch,
#'   or a generator; overrides `validation_split`.
#' @param shuffle `TRUE`: new order of samples in each epoch; `"batch"`: new order of whole batches;
#'   `FALSE`: the order given.
#' @param sample_weight Weight of each sample in the training loss: a vector; for several outputs a
#'   list of vectors in order or named by outputs. Takes precedence over `class_weight`.
#' @param steps_per_epoch Number of batches in an epoch; default: all samples once. With more steps
#'   than batches the data are gone through again. Can't be combined with `batch_size`.
#' @param validation_steps Number of batches of each evaluation; default: all.
#' @param ... Unused.
#' @inheritParams fit_generator
#'
#' @return The [history][keras_training_history], invisibly. The model is changed in place.
#' @section Errors:
#' Arrays that don't fit the model give a `hornet_shape_error` that names the array, the layer, and
#' both shapes, before anything is trained. After an error or an interrupt the model keeps what it
#' learned so far, and `object$history` the complete epochs.
#'
#' @seealso [fit_generator()], [generator_from_table()] and [hdf5_matrix()] for data that don't fit in memory or
#'   are made while training;
#'   [KerasCallback] for code that runs during training.
#' @examples
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 8, activation = "relu", input_shape = 4) %>%
#'   layer_dense(units = 3, activation = "softmax")
#' model %>% compile(
#'   optimizer = "adam",
#'   loss = "sparse_categorical_crossentropy",
#'   metrics = "accuracy"
#' )
#' x <- scale(as.matrix(iris[, 1:4]))
#' y <- as.integer(iris$Species) - 1L
#' shuffled <- sample(nrow(x))
#' history <- model %>%
#'   fit(x[shuffled, ], y[shuffled], epochs = 5, validation_split = 0.2, verbose = 0)
#' history
#' @name fit
NULL

#' @rdname fit
#' @method fit keras.engine.training.Model
#' @export
fit.keras.engine.training.Model <- function(
  object, x = NULL, y = NULL, batch_size = NULL, epochs = 10,
  verbose = getOption("keras.fit_verbose", default = 1), callbacks = NULL,
  view_metrics = getOption("keras.view_metrics", default = "auto"), validation_split = 0,
  validation_data = NULL, shuffle = TRUE, class_weight = NULL, sample_weight = NULL,
  initial_epoch = 0, steps_per_epoch = NULL, validation_steps = NULL, ...
) {
  if (is_generator(x)) {
    if (!is.null(y) || !is.null(sample_weight)) {
      abort("`y` and `sample_weight` come from the generator: it returns list(x, y, sample_weight).",
            "hornet_value_error")
    }
    return(fit_generator(object, x, steps_per_epoch, epochs, verbose, callbacks, view_metrics,
                         validation_data, validation_steps, class_weight,
                         initial_epoch = initial_epoch))
  }
  object <- model_object(object)
  before <- build_for_data(object, x)
  on.exit(restore_sizes(object, before))
  callbacks <- as_callbacks(callbacks)
  if (!is.null(batch_size) && !is.null(steps_per_epoch)) {
    abort("Only one of `batch_size` and `steps_per_epoch` can be given.", "hornet_value_error")
  }
  batch_size <- as_batch_size(batch_size, object)

  spec <- training_spec(object, "training data", class_weight)
  data <- as_dataset(x, y, sample_weight, spec)
  rows <- split_rows(data$rows, if (is.null(validation_data)) validation_split else 0)
  check_whole_batches(object, rows$train_count, batch_size, "The training data")
  if (!is.null(rows$validation)) {
    check_whole_batches(object, length(rows$validation), batch_size, "The validation split")
  }
  feed <- dataset_feed(data$handle, rows$training, rows$train_count, spec, as_shuffle(shuffle))
  validation <- if (!is.null(rows$validation)) {
    spec <- model_feed_spec(object, "evaluate", "validation data")
    held_out <- dataset_feed(data$handle, rows$validation, length(rows$validation), spec)
    validation(object, held_out, validation_steps)
  } else {
    validation_of(object, validation_data, validation_steps, queue_size = 10L)
  }

  metrics <- object$metrics_names
  params <- drop_nulls(list(
    batch_size = if (is.null(steps_per_epoch)) batch_size,
    epochs = as_count(epochs, "epochs"),
    steps = if (!is.null(steps_per_epoch)) resolve_steps(steps_per_epoch, feed, "steps_per_epoch"),
    samples = rows$train_count,
    verbose = resolve_verbose(verbose),
    do_validation = !is.null(validation),
    metrics = c(metrics, if (!is.null(validation)) paste0("val_", metrics)),
    validation_samples = validation$samples
  ))
  devices <- model_devices(object)
  if (params$verbose > 0L && !is.null(validation$samples)) {
    cat(sprintf("Train on %d samples, validate on %d samples\n", rows$train_count,
                validation$samples))
  }
  train(object, feed, params$steps %||% as.integer(ceiling(rows$train_count / batch_size)), params,
    initial_epoch = as_count(initial_epoch, "initial_epoch"),
    callbacks = callbacks,
    view_metrics = view_metrics,
    validation = validation,
    count_mode = if (is.null(steps_per_epoch)) "samples" else "steps",
    batch_size = batch_size,
    devices = devices
  )
}

#' Evaluate a model
#'
#' Loss and metrics of a compiled model on arrays.
#'
#' @param object A compiled model.
#' @param x,y,sample_weight As for [fit()]. A generator as `x` is handed to [evaluate_generator()].
#' @param batch_size Samples in a batch; default 32. Changes speed and memory, not results (but for
#'   losses with sample weights, which are means over batches).
#' @param verbose 1: progress bar, 0: silent.
#' @param steps Number of batches; default: all.
#' @param ... Unused.
#'
#' @return A list of the loss and metrics, named like `object$metrics_names`; a single named number
#'   if the loss is all there is. Means over the samples.
#' @examples
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 1, input_shape = 2)
#' model %>% compile(optimizer = "sgd", loss = "mse", metrics = "mae")
#' x <- matrix(runif(64), ncol = 2)
#' model %>% evaluate(x, rowSums(x), verbose = 0)
#' @export
evaluate <- function(object, ...) UseMethod("evaluate")

#' @rdname evaluate
#' @method evaluate keras.engine.training.Model
#' @export
evaluate.keras.engine.training.Model <- function(object, x = NULL, y = NULL, batch_size = NULL,
                                                 verbose = 1, sample_weight = NULL, steps = NULL,
                                                 ...) {
  if (is_generator(x)) return(evaluate_generator(object, x, steps))
  object <- model_object(object)
  before <- build_for_data(object, x)
  on.exit(restore_sizes(object, before))
  batch_size <- as_batch_size(batch_size, object)
  spec <- model_feed_spec(object, "evaluate", "data")
  data <- as_dataset(x, y, sample_weight, spec)
  check_whole_batches(object, data$rows, batch_size, "`x`")
  feed <- dataset_feed(data$handle, NULL, data$rows, spec)
  run <- run_evaluation(object, feed, array_steps(steps, data$rows, batch_size), batch_size,
                        resolve_verbose(verbose))
  as_evaluation(run, object)
}

#' Predict with a model
#'
#' The model's outputs for inputs that are in memory. The model need not be compiled.
#'
#' @param object A model.
#' @param x Inputs, as for [fit()]. A generator is handed to [predict_generator()].
#' @param batch_size Samples in a batch; default 32. Changes speed and memory, not results.
#' @param verbose 1: progress bar, 0: silent.
#' @param steps Number of batches; default: all.
#' @param ... Unused.
#'
#' @return `predict()` and `predict_proba()`: an array whose first dimension are the samples; for
#'   several outputs a list of arrays. `predict_proba()` warns if values are not between 0 and 1.
#'   `predict_classes()`: for one output unit an integer matrix of one column, 1 where the output is
#'   above 0.5; else for each sample the unit with the largest output, counted from 0.
#' @section Errors:
#' Inputs that don't fit the model give a `hornet_shape_error`. A row of a matrix must stay a matrix:
#' `predict(model, x[1, , drop = FALSE])`.
#' @examples
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 3, activation = "softmax", input_shape = 4)
#' x <- as.matrix(iris[1:6, 1:4])
#' predict(model, x)
#' model %>% predict_classes(x)
#' @name predict
NULL

#' @rdname predict
#' @importFrom stats predict
#' @method predict keras.engine.training.Model
#' @export
predict.keras.engine.training.Model <- function(object, x, batch_size = NULL, verbose = 0,
                                                steps = NULL, ...) {
  if (is_generator(x)) return(predict_generator(object, x, steps, verbose = verbose))
  object <- model_object(object)
  before <- build_for_data(object, x)
  on.exit(restore_sizes(object, before))
  batch_size <- as_batch_size(batch_size, object)
  spec <- model_feed_spec(object, "predict", "data")
  data <- as_dataset(x, NULL, NULL, spec)
  check_whole_batches(object, data$rows, batch_size, "`x`")
  feed <- dataset_feed(data$handle, NULL, data$rows, spec)
  run_prediction(object, feed, array_steps(steps, data$rows, batch_size), batch_size,
                 resolve_verbose(verbose))
}

#' @rdname predict
#' @export
predict_proba <- function(object, x, batch_size = NULL, verbose = 0, steps = NULL) {
  values <- stats::predict(object, x, batch_size = batch_size, verbose = verbose, steps = steps)
  if (any(unlist(values) < 0 | unlist(values) > 1, na.rm = TRUE)) {
    warning("Some predictions are not between 0 and 1: the last layer has no sigmoid or softmax.",
            call. = FALSE)
  }
  values
}

#' @rdname predict
#' @export
predict_classes <- function(object, x, batch_size = NULL, verbose = 0, steps = NULL) {
  values <- stats::predict(object, x, batch_size = batch_size, verbose = verbose, steps = steps)
  if (is.list(values)) {
    abort("`predict_classes()` needs a model with one output.", "hornet_value_error")
  }
  as_classes(values)
}

as_classes <- function(values) {
  dim <- dim(values)
  units <- dim[[length(dim)]]
  if (units == 1L) return(array(as.integer(values > 0.5), dim))
  by_unit <- matrix(values, ncol = units)
  array(max.col(by_unit, ties.method = "first") - 1L, dim[-length(dim)])
}

#' Train, test or predict one batch
#'
#' One step on all of the data given; for training loops of your own.
#'
#' @param object A model; compiled but for `predict_on_batch()`.
#' @param x,y,class_weight,sample_weight As for [fit()].
#'
#' @return `train_on_batch()` (before its update) and `test_on_batch()`: the loss, one number; with
#'   metrics an unnamed list in the order of `object$metrics_names`. `predict_on_batch()`: an array,
#'   or a list of arrays for several outputs.
#' @examples
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 1, input_shape = 2)
#' model %>% compile(optimizer = "sgd", loss = "mse")
#' x <- matrix(runif(64), ncol = 2)
#' for (step in 1:3) print(model %>% train_on_batch(x, rowSums(x)))
#' model %>% test_on_batch(x, rowSums(x))
#' @export
train_on_batch <- function(object, x, y, class_weight = NULL, sample_weight = NULL) {
  object <- model_object(object)
  before <- build_for_data(object, x)
  on.exit(restore_sizes(object, before))
  spec <- training_spec(object, "batch", class_weight)
  seed_model(object)
  run_batch(object, "train", x, y, sample_weight, spec)
}

#' @rdname train_on_batch
#' @export
test_on_batch <- function(object, x, y, sample_weight = NULL) {
  object <- model_object(object)
  before <- build_for_data(object, x)
  on.exit(restore_sizes(object, before))
  run_batch(object, "evaluate", x, y, sample_weight, model_feed_spec(object, "evaluate", "batch"))
}

#' @rdname train_on_batch
#' @export
predict_on_batch <- function(object, x) {
  object <- model_object(object)
  before <- build_for_data(object, x)
  on.exit(restore_sizes(object, before))
  spec <- model_feed_spec(object, "predict", "batch")
  data <- as_dataset(x, NULL, NULL, spec)
  run_prediction(object, dataset_feed(data$handle, NULL, data$rows, spec), 1L, data$rows)
}

run_batch <- function(model, mode, x, y, sample_weight, spec) {
  data <- as_dataset(x, y, sample_weight, spec)
  feed <- dataset_feed(data$handle, NULL, data$rows, spec)
  run <- run_once(model, feed, mode, 1L, data$rows)
  if (length(run$metrics) == 1L) run$metrics else as.list(run$metrics)
}

# Arguments ------------------------------------------------------------------------------------

as_batch_size <- function(batch_size, model) {
  if (is.null(batch_size)) return(fixed_batch(model) %||% 32L)
  size <- as_count(batch_size, "batch_size")
  if (size < 1L) {
    abort(sprintf("`batch_size` must be at least 1, not %s.", describe(batch_size)),
          "hornet_value_error")
  }
  size
}

# The batch size that the inputs fix, or NULL.
fixed_batch <- function(model) {
  size <- model$inputs[[1L]]$dims[[1L]]
  if (size > 0) as.integer(size)
}

# A model with a fixed batch size sees whole batches only.
check_whole_batches <- function(model, rows, batch_size, what) {
  fixed <- fixed_batch(model)
  if (is.null(fixed) || (rows %% fixed == 0L && batch_size == fixed)) return(invisible())
  abort(sprintf("%s has %d samples in batches of %d, but model \"%s\" takes whole batches of %d.", what,
                rows, batch_size, model$name, fixed), "hornet_shape_error")
}

as_shuffle <- function(shuffle) {
  if (identical(shuffle, "batch")) return("batch")
  if (!is.logical(shuffle) || length(shuffle) != 1L || is.na(shuffle)) {
    abort(sprintf('`shuffle` must be TRUE, FALSE or "batch", not %s.', describe(shuffle)),
          "hornet_value_error")
  }
  if (shuffle) "rows" else "none"
}

# The last rows validate. Without a split `training` is NULL: all rows.
split_rows <- function(count, validation_split) {
  if (!is.numeric(validation_split) || length(validation_split) != 1L ||
        is.na(validation_split) || validation_split < 0 || validation_split >= 1) {
    abort(sprintf("`validation_split` must be a number between 0 and 1, not %s.",
                  describe(validation_split)), "hornet_value_error")
  }
  train_count <- as.integer(count * (1 - validation_split))
  if (train_count < 1L) {
    abort(sprintf("`validation_split` leaves none of the %d samples for training.", count),
          "hornet_value_error")
  }
  if (train_count == count) return(list(train_count = count))
  list(train_count = train_count, training = seq_len(train_count),
       validation = seq.int(train_count + 1L, count))
}

# All batches, or the first `steps` of them.
array_steps <- function(steps, rows, batch_size) {
  all <- as.integer(ceiling(rows / batch_size))
  if (is.null(steps)) all else min(all, resolve_steps(steps, list(), "steps"))
}
