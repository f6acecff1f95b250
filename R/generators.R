# Training, evaluation and prediction from generators, and the epoch loop that fit() shares.

#' Train, evaluate and predict from a generator
#'
#' `fit_generator()` trains a model on batches that a generator makes one by one: an R function, or
#' an iterator such as that of [flow_images_from_directory()]. The generator works at the same time as
#' the model: while the model trains on one batch (on threads of its own, without R), R's main
#' thread calls the generator for the next ones, which wait in a queue.
#'
#' @section What a generator returns:
#' An R function is called without arguments and returns one batch: `list(inputs, targets)` or
#' `list(inputs, targets, sample_weights)`. Each element is an array whose first dimension is the
#' batch, or for models with several inputs or outputs a list of arrays, in the model's order or
#' named by input or output layers. Vectors count as one column. Numeric, integer and logical arrays
#' are taken, factors as codes from 0, and data frames with numeric columns as matrices. Sample
#' weights are one vector per output. Batches may differ in their number of rows.
#'
#' `NULL` means that there are no more data: training ends with a warning that says how far it came,
#' and the history so far is returned. For prediction, `list(inputs)` or an array is enough, and
#' targets are ignored.
#'
#' The function is called exactly `steps_per_epoch * (epochs - initial_epoch)` times, unless
#' training ends early, and never at the same time as other R code. It may use the model
#' (`predict()`, `evaluate()`), but not train it. An error in it ends training when its batch is
#' needed and reaches you as it is; batches made before it have been trained on. While it runs it
#' has a random number stream of its own, derived from R's when training begins: results after
#' [set.seed()] do not depend on how far it worked ahead.
#'
#' See `vignette("generators", package = "hornet")`.
#'
#' @param object A compiled model.
#' @param generator An R function without arguments, or an iterator.
#' @param steps_per_epoch Number of batches in an epoch. A fraction is cut off: 1000 / 128 gives 7.
#'   For iterators the default is one pass over the data.
#' @param epochs Index of the last epoch: epochs `initial_epoch` to `epochs - 1` (counted from 0)
#'   are trained.
#' @param verbose 0: silent, 1: progress bar, 2: one line per epoch. If not given, the option
#'   `keras.fit_verbose` decides, else 1. Where lines can't be redrawn (files, reports), 1 prints
#'   one line per epoch, too. For `predict_generator()`: 0 or 1.
#' @param callbacks A callback or a list of them; see [KerasCallback].
#' @param view_metrics Plot the metrics after each epoch, on R's graphics device? `"auto"`: in
#'   RStudio, if there is more than one epoch, a metric, and `verbose` is not 0.
#' @param validation_data What to evaluate on after each epoch: a generator, or `list(x, y)` or
#'   `list(x, y, sample_weights)`. An R function goes on where it stopped in the epoch before; an
#'   iterator starts again at its first batch. Arrays are converted once.
#' @param validation_steps Number of batches of each evaluation; needed for an R function. For
#'   iterators the default is one pass.
#' @param class_weight Weights of classes in the training loss: a named list or named vector whose
#'   names are the classes, counted from 0: `list("0" = 1, "1" = 50)`. For several outputs, a list
#'   of such lists named by output. Sample weights of a batch take precedence.
#' @param max_queue_size Number of batches that may wait in the queue.
#' @param initial_epoch Epoch at which to start, counted from 0; to resume earlier training.
#' @param workers 1: work ahead of the model; 0: call the generator only when the model needs the
#'   next batch.
#' @param steps Number of batches. For iterators the default is one pass.
#'
#' @return `fit_generator()` returns the [history][keras_training_history] invisibly.
#'   `evaluate_generator()` returns a list of the loss and metrics, named like
#'   `object$metrics_names` (a single named number if the loss is all there is): means over all
#'   rows. `predict_generator()` returns an array (for several outputs a list of arrays) with the
#'   rows of all batches in order.
#'
#' @section Ends and errors:
#' An interrupt (Ctrl-C, Esc, the stop button) ends training within a moment. The condition has class
#' `hornet_interrupt` and, like `object$history`, the history so far. The model stays usable, with
#' the weights after the last complete batch. The same holds after errors.
#'
#' @examples
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 8, activation = "relu", input_shape = 4) %>%
#'   layer_dense(units = 1)
#' model %>% compile(optimizer = "adam", loss = "mse")
#'
#' batches <- function() {
#'   x <- matrix(rnorm(32 * 4), ncol = 4)
#'   list(x, rowSums(x))
#' }
#' history <- model %>%
#'   fit_generator(batches, steps_per_epoch = 20, epochs = 2, verbose = 0,
#'                 validation_data = batches, validation_steps = 5)
#' history
#' model %>% evaluate_generator(batches, steps = 5)
#' dim(model %>% predict_generator(batches, steps = 2))
#' @export
fit_generator <- function(object, generator, steps_per_epoch, epochs = 1, verbose = 1,
                          callbacks = NULL,
                          view_metrics = getOption("keras.view_metrics", default = "auto"),
                          validation_data = NULL, validation_steps = NULL, class_weight = NULL,
                          max_queue_size = 10, initial_epoch = 0, workers = 1) {
  if (missing(verbose)) verbose <- getOption("keras.fit_verbose", default = 1)
  if (missing(steps_per_epoch)) steps_per_epoch <- NULL
  object <- model_object(object)
  before <- object$sizes
  on.exit(restore_sizes(object, before))
  generator <- build_for_generator(object, generator)
  on.exit(for (data in list(generator, validation_data)) after_run(data), add = TRUE)
  callbacks <- as_callbacks(callbacks)
  queue_size <- resolve_queue_size(generator, max_queue_size, workers)

  spec <- training_spec(object, "generator", class_weight)
  feed <- generator_feed(generator, spec, queue_size, training = TRUE)
  steps <- resolve_steps(steps_per_epoch, feed, "steps_per_epoch")
  validation <- validation_of(object, validation_data, validation_steps, queue_size)

  metrics <- object$metrics_names
  params <- drop_nulls(list(
    epochs = as_count(epochs, "epochs"),
    steps = steps,
    verbose = resolve_verbose(verbose),
    do_validation = !is.null(validation),
    metrics = c(metrics, paste0("val_", metrics)),
    validation_samples = validation$samples
  ))
  train(object, feed, steps, params,
    initial_epoch = as_count(initial_epoch, "initial_epoch"),
    callbacks = callbacks,
    view_metrics = view_metrics,
    validation = validation,
    count_mode = "steps",
    validate_when_stopped = TRUE
  )
}

#' @rdname fit_generator
#' @export
evaluate_generator <- function(object, generator, steps, max_queue_size = 10, workers = 1) {
  object <- model_object(object)
  before <- object$sizes
  on.exit(restore_sizes(object, before))
  generator <- build_for_generator(object, generator)
  on.exit(after_run(generator), add = TRUE)
  if (missing(steps)) steps <- NULL
  feed <- generator_feed(generator, model_feed_spec(object, "evaluate", "generator"),
                         resolve_queue_size(generator, max_queue_size, workers))
  as_evaluation(run_evaluation(object, feed, resolve_steps(steps, feed, "steps")), object)
}

#' @rdname fit_generator
#' @export
predict_generator <- function(object, generator, steps, max_queue_size = 10, verbose = 0,
                              workers = 1) {
  object <- model_object(object)
  before <- object$sizes
  on.exit(restore_sizes(object, before))
  generator <- build_for_generator(object, generator)
  on.exit(after_run(generator), add = TRUE)
  if (missing(steps)) steps <- NULL
  feed <- generator_feed(generator, model_feed_spec(object, "predict", "generator"),
                         resolve_queue_size(generator, max_queue_size, workers))
  run_prediction(object, feed, resolve_steps(steps, feed, "steps"),
                 verbose = resolve_verbose(verbose))
}

# Counts are truncated as as.integer() does: 1000 / 128 steps are 7.
as_count <- function(x, what) {
  if (!is.numeric(x) || length(x) != 1L || !is.finite(x) || x < 0) {
    abort(sprintf("`%s` must be one number of at least 0, not %s.", what, describe(x)),
          "hornet_value_error")
  }
  as.integer(x)
}

resolve_steps <- function(steps, feed, what) {
  if (is.null(steps)) {
    if (!is.null(feed$length)) return(as.integer(feed$length))
    abort(sprintf("`%s` is needed: how many batches to take from the %s, which has no end.",
                  what, feed$actor), "hornet_value_error")
  }
  count <- as_count(steps, what)
  if (count < 1L) {
    abort(sprintf("`%s` must be at least 1, not %s.", what, describe(steps)), "hornet_value_error")
  }
  count
}

resolve_queue_size <- function(generator, max_queue_size, workers) {
  workers <- as_count(workers, "workers")
  queue_size <- as_count(max_queue_size, "max_queue_size")
  if (workers > 1L && is.function(generator)) {
    abort(c(
      sprintf("`workers` must be 0 or 1 with an R function, not %d: R code runs on one thread.", workers),
      "With `workers = 1` the function already runs at the same time as the model."
    ), "hornet_value_error")
  }
  if (workers == 0L) 0L else queue_size
}

# The metrics viewer is wanted?
resolve_view_metrics <- function(view_metrics, epochs, metrics, verbose) {
  if (identical(view_metrics, "auto")) {
    return(epochs > 1 && length(metrics) > 0L && verbose > 0 && !is.null(getOption("viewer")) &&
             nzchar(Sys.getenv("RSTUDIO")))
  }
  isTRUE(as.logical(view_metrics))
}

# A device that can't draw (too small a pane) is no reason to end training.
show_history <- function(history) {
  tryCatch(plot(history, method = "base"), error = function(e) NULL)
}

# Training -------------------------------------------------------------------------------------

# The epochs of fit() and fit_generator(). Returns the history, invisibly; the model keeps it also
# when this ends by an error or an interrupt.
#   steps: batches in an epoch; validation: NULL or a validation(); count_mode: what the bar counts
#   validate_when_stopped: evaluate also when training was stopped in the last step of the epoch?
train <- function(model, feed, steps, params, initial_epoch, callbacks, view_metrics, validation,
                  count_mode, batch_size = NULL, validate_when_stopped = FALSE, devices = model_devices(model)) {
  call <- user_call()
  if (initial_epoch > 0L) params$initial_epoch <- initial_epoch
  run <- list(
    model = model,
    fn = model_function(model, "train"),
    feed = feed,
    devices = devices,
    steps = steps,
    batch_size = batch_size,
    epochs = seq_len(max(0L, params$epochs - initial_epoch)) + initial_epoch - 1L,
    validation = validation,
    validate_when_stopped = validate_when_stopped,
    metrics_names = model$metrics_names,
    view = resolve_view_metrics(view_metrics, params$epochs, model$metrics, params$verbose),
    timer = training_timer(),
    recorder = history_recorder(params)
  )
  bar <- if (params$verbose > 0L) list(callback_progbar_logger(count_mode))
  callbacks <- CallbackList$new(c(bar, callbacks), params, model$as_function())
  history <- function() run$recorder$history(run$timer$timing())

  # The frames of training are gone, and the model free again, when the condition is signalled.
  tryCatch(
    train_epochs(run, callbacks),
    interrupt = function(condition) signal_interrupt(history(), call)
  )
  model$history <- history()
  invisible(model$history)
}

train_epochs <- function(run, callbacks) {
  model <- run$model
  cpp_training_begin(model_variables(model))
  on.exit(cpp_training_end(model_variables(model)))
  on.exit(callbacks$abandon(), add = TRUE)
  seed_model(model)
  model$history <- run$recorder$history()

  callbacks$on_train_begin()
  model$stop_training <- FALSE
  if (length(run$epochs)) {
    total <- run$steps * length(run$epochs)
    feeder <- run$feed$open(total, run$batch_size)
    on.exit(stop_feeder(feeder), add = TRUE, after = FALSE)
    for (epoch in run$epochs) {
      if (!train_epoch(run, feeder, epoch, callbacks)) break
    }
  }
  callbacks$on_train_end()
}

# TRUE if training goes on.
train_epoch <- function(run, feeder, epoch, callbacks) {
  model <- run$model
  callbacks$on_epoch_begin(epoch)
  before <- cpp_feeder_timing(feeder)
  started <- now()
  done <- cpp_run(
    run$fn, feeder, "train", run$steps,
    callbacks$batch_hooks(run$metrics_names),
    callbacks$progress(run$metrics_names),
    callbacks$any_inherits("TerminateOnNaN"),
    run$devices
  )
  run$timer$add(epoch, done, now() - started, timing_since(before, cpp_feeder_timing(feeder)))
  callbacks$count(done$steps, done$rows)
  if (done$exhausted) report_end_of_data(run, epoch, done$steps)
  if (done$steps == 0) return(FALSE)
  report_bad_loss(run, epoch, done, callbacks)

  logs <- stats::setNames(as.list(done$metrics), run$metrics_names)
  if (must_validate(run, done)) {
    batch_size <- run$batch_size %||% max(1L, as.integer(round(done$rows / done$steps)))
    logs <- c(run$validation$evaluate(batch_size, run$devices), logs)
  }
  run$recorder$add(callbacks$on_epoch_end(epoch, logs))
  model$history <- run$recorder$history(run$timer$timing())
  if (run$view) show_history(model$history)
  !isTRUE(model$stop_training) && !done$exhausted
}

# An epoch that was cut short by a callback is not evaluated.
must_validate <- function(run, done) {
  if (is.null(run$validation)) return(FALSE)
  stopped <- isTRUE(run$model$stop_training)
  if (done$steps < run$steps) return(done$exhausted && !stopped)
  run$validate_when_stopped || !stopped
}

timing_since <- function(before, after) {
  list(source_seconds = after$source_seconds - before$source_seconds,
       blocked_seconds = after$blocked_seconds - before$blocked_seconds)
}

report_end_of_data <- function(run, epoch, steps) {
  earlier <- run$steps * (epoch - run$epochs[[1L]])
  total <- run$steps * length(run$epochs)
  if (earlier + steps == 0) stop_without_data(run$feed$actor)
  warn_out_of_data(run$feed$actor, earlier + steps, total, sprintf(
    "Training ended in epoch %d; for %d epochs of %d steps it must give %s batches.", epoch + 1L,
    length(run$epochs), run$steps, format_count(total)
  ))
}

# Once a run: which batch made the loss NaN or infinite.
report_bad_loss <- function(run, epoch, done, callbacks) {
  if (done$first_bad_step < 0) return(invisible())
  terminators <- Filter(function(callback) inherits(callback, "TerminateOnNaN"), callbacks$callbacks)
  for (callback in terminators) callback$on_bad_batch(done$first_bad_step)
  if (length(terminators) || run$recorder$any_bad()) return(invisible())
  warning(warningCondition(
    paste0(sprintf("The loss of step %d in epoch %d is not a finite number; ",
                   as.integer(done$first_bad_step) + 1L, epoch + 1L),
           "the weights are probably lost.\n",
           "Look for NA or huge values in the data, or lower the learning rate; ",
           "callback_terminate_on_naan() ends training at such a step."),
    class = c("hornet_naan_warning", "hornet_warning"), call = user_call()
  ))
}

# Tells an interrupt on, with the history so far; where nobody handles it, R's own way of ending.
signal_interrupt <- function(history, call) {
  epochs <- max(0L, vapply(history$metrics, length, 0L))
  condition <- structure(
    class = c("hornet_interrupt", "interrupt", "condition"),
    list(
      message = sprintf("Training was interrupted after %d complete %s; the history so far is in model$history.",
                        epochs, if (epochs == 1L) "epoch" else "epochs"),
      call = call, history = history
    )
  )
  signalCondition(condition)
  message(conditionMessage(condition))
  invokeRestart("abort")
}

# Evaluation and prediction --------------------------------------------------------------------

# NULL, or list(samples, evaluate(batch_size, devices) -> named list of val_ values).
validation_of <- function(model, data, steps, queue_size) {
  if (is.null(data)) return(NULL)
  feed <- if (is_generator(data)) {
    generator_feed(data, model_feed_spec(model, "evaluate", "validation generator"), queue_size)
  } else {
    array_validation_feed(model, data)
  }
  if (is.null(feed$samples)) steps <- resolve_steps(steps, feed, "validation_steps")
  validation(model, feed, steps)
}

validation <- function(model, feed, steps = NULL) {
  evaluated <- ended <- FALSE
  list(
    samples = feed$samples,
    evaluate = function(batch_size, devices) {
      if (ended) return(list())
      if (is.null(steps)) steps <- ceiling(feed$samples / batch_size)
      run <- run_evaluation(model, feed, steps, batch_size, allow_empty = evaluated, devices = devices)
      evaluated <<- TRUE
      ended <<- run$exhausted
      if (run$steps == 0) return(list())
      stats::setNames(as.list(run$metrics), paste0("val_", model$metrics_names))
    }
  )
}

# One evaluation with a feeder of its own: exactly `steps` batches are taken.
run_evaluation <- function(model, feed, steps, batch_size = NULL, verbose = 0L,
                           allow_empty = FALSE, devices = model_devices(model)) {
  run_once(model, feed, "evaluate", steps, batch_size, verbose, allow_empty, devices)
}

run_prediction <- function(model, feed, steps, batch_size = NULL, verbose = 0L) {
  run <- run_once(model, feed, "predict", steps, batch_size, verbose)
  unwrap_single(run$predictions)
}

run_once <- function(model, feed, mode, steps, batch_size, verbose = 0L, allow_empty = FALSE,
                     devices = model_devices(model)) {
  force(devices)
  fn <- model_function(model, mode)
  feeder <- feed$open(steps, batch_size)
  on.exit(stop_feeder(feeder))
  counted <- function(steps, rows) if (is.null(feed$samples)) steps else rows
  progress <- NULL
  if (verbose > 0L) {
    bar <- progress_bar(counted(steps, feed$samples))
    on.exit(bar$abandon(), add = TRUE)
    if (is_dynamic()) progress <- function(step, rows, means) bar$draw(counted(step, rows))
  }
  run <- cpp_run(fn, feeder, mode, steps, NULL, progress, FALSE, devices)
  if (isTRUE(feed$may_be_short) && run$steps > 0) run$exhausted <- FALSE
  if (run$exhausted) {
    if (run$steps == 0 && !allow_empty) stop_without_data(feed$actor)
    warn_out_of_data(feed$actor, run$steps, steps)
  }
  if (verbose > 0L) bar$finish(counted(run$steps, run$rows))
  run
}

# A list named like metrics_names; a single named number if there is only the loss.
as_evaluation <- function(run, model) {
  values <- stats::setNames(run$metrics, model$metrics_names)
  if (length(values) > 1L) as.list(values) else values
}

stop_without_data <- function(actor) {
  abort(sprintf("The %s gave no data at all: its first batch was the end.", actor),
        "hornet_data_error")
}

warn_out_of_data <- function(actor, done, asked, details = NULL) {
  message <- sprintf("The %s ran out of data after %s of %s steps.", actor, format_count(done),
                     format_count(asked))
  warning(warningCondition(paste(c(message, details), collapse = "\n"),
                           class = c("hornet_end_of_data_warning", "hornet_warning"),
                           call = user_call()))
}
