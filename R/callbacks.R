# Objects that training calls at fixed moments: their base class and their dispatch.

#' Base class of callbacks
#'
#' Inherit from this [R6][R6::R6Class] class to run code at fixed moments of training. Define only
#' the methods you need. Give objects of your class (not the class) to `callbacks` of [fit()] or
#' [fit_generator()].
#'
#' | method | called | `logs` |
#' |---|---|---|
#' | `set_context(params, model)` | once, before training begins | |
#' | `on_train_begin(logs)` | once | empty list |
#' | `on_epoch_begin(epoch, logs)` | before each epoch | empty list |
#' | `on_batch_begin(batch, logs)` | before each batch is trained on | `batch`, `size` |
#' | `on_batch_end(batch, logs)` | after each batch | `batch`, `size`, `loss` and each metric of this batch |
#' | `on_epoch_end(epoch, logs)` | after each epoch and its validation | `val_loss` and so on, means over the epoch |
#' | `on_train_end(logs)` | once; not when training fails or is interrupted | empty list |
#'
#' Epochs and batches are counted from 0. Callbacks run on R's main thread, in the order in which
#' they were given, while generators and the model wait for them between two batches. A batch method
#' costs a round trip to R for every batch (some 50 microseconds and the R code itself); without
#' one the batches of an epoch run without R.
#'
#' Inside a method, `self$model` is the model in training and `self$params` a list with `epochs`,
#' `steps` or `samples` and `batch_size`, `verbose`, `do_validation` and `metrics`. You may predict
#' or evaluate with the model, read and set its weights, change the learning rate by
#' `self$model$optimizer$lr <- 0.001`, and end training after the current batch or epoch by
#' `self$model$stop_training <- TRUE`. You can't train the same model.
#'
#' `self$add_logs(name = value)` inside `on_epoch_end()` adds values to the logs that later
#' callbacks and the history see.
#'
#' An error in a method ends training and reaches you as it is; what was trained so far is kept, and
#' the history so far is in `model$history`.
#'
#' @examples
#' LossHistory <- R6::R6Class("LossHistory",
#'   inherit = KerasCallback,
#'   public = list(
#'     losses = NULL,
#'     on_batch_end = function(batch, logs = list()) {
#'       self$losses <- c(self$losses, logs$loss)
#'     }
#'   )
#' )
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 1, input_shape = 2)
#' model %>% compile(optimizer = "sgd", loss = "mse")
#' x <- matrix(runif(128), ncol = 2)
#' recorder <- LossHistory$new()
#' model %>% fit(x, rowSums(x), epochs = 2, callbacks = recorder, verbose = 0)
#' recorder$losses
#' @family callbacks
#' @name KerasCallback
#' @export KerasCallback
NULL

KerasCallback <- R6::R6Class("KerasCallback",
  public = list(
    params = NULL,
    model = NULL,
    set_context = function(params = NULL, model = NULL) {
      self$params <- params
      self$model <- model
    },
    on_train_begin = function(logs = NULL) NULL,
    on_train_end = function(logs = NULL) NULL,
    on_epoch_begin = function(epoch, logs = NULL) NULL,
    on_epoch_end = function(epoch, logs = NULL) NULL,
    on_batch_begin = function(batch, logs = NULL) NULL,
    on_batch_end = function(batch, logs = NULL) NULL,
    add_logs = function(...) {
      private$added <- utils::modifyList(as.list(private$added), list(...))
      invisible(self)
    },
    # Returns and forgets what was added; for the dispatch.
    take_logs = function() {
      added <- private$added
      private$added <- NULL
      added
    }
  ),
  private = list(added = NULL)
)

# Does a callback do anything at this moment? Inherited do-nothing methods need no call.
overrides <- function(callback, method) {
  !identical(body(callback[[method]]), body(KerasCallback$public_methods[[method]]))
}

# What the user gave as `callbacks`, as a checked list.
as_callbacks <- function(callbacks) {
  if (is.null(callbacks)) return(list())
  if (is.environment(callbacks)) callbacks <- list(callbacks)
  if (!is.list(callbacks)) {
    abort(sprintf("`callbacks` must be a list of callbacks, not %s.", describe(callbacks)),
          "hornet_value_error")
  }
  for (i in seq_along(callbacks)) {
    if (inherits(callbacks[[i]], "KerasCallback")) next
    abort(
      c(
        sprintf("`callbacks[[%d]]` must be a callback, not %s.", i, describe(callbacks[[i]])),
        if (inherits(callbacks[[i]], "R6ClassGenerator")) "Give an object of the class: use its $new()."
      ),
      "hornet_value_error"
    )
  }
  unname(callbacks)
}

# Dispatches to callbacks in order. All share the logs of an epoch.
CallbackList <- R6::R6Class("CallbackList",
  cloneable = FALSE,
  public = list(
    callbacks = NULL,
    initialize = function(callbacks, params, model) {
      self$callbacks <- callbacks
      private$model <- model
      for (callback in callbacks) callback$set_context(params, model)
    },
    on_train_begin = function() {
      for (callback in self$callbacks) callback$on_train_begin(list())
    },
    on_train_end = function() {
      for (callback in self$callbacks) callback$on_train_end(list())
    },
    on_epoch_begin = function(epoch) {
      for (callback in self$callbacks) callback$on_epoch_begin(epoch, list())
    },
    # Returns the logs with what callbacks added.
    on_epoch_end = function(epoch, logs) {
      for (callback in self$callbacks) {
        callback$on_epoch_end(epoch, logs)
        logs <- utils::modifyList(logs, as.list(callback$take_logs()))
      }
      logs
    },
    # For cpp_run(): NULL where no callback wants batches, so that none crosses to R.
    batch_hooks = function(metrics_names) {
      begin <- Filter(function(callback) overrides(callback, "on_batch_begin"), self$callbacks)
      end <- Filter(function(callback) overrides(callback, "on_batch_end"), self$callbacks)
      stopping <- isTRUE(private$model$stop_training)
      if (!length(begin) && !length(end) && !stopping) return(NULL)
      clock <- callback_clock()
      list(
        begin = function(step, rows) {
          clock$enter()
          step <- as.integer(step)
          logs <- list(batch = step, size = as.integer(rows))
          for (callback in begin) callback$on_batch_begin(step, logs)
          clock$leave()
        },
        end = function(step, rows, values) {
          clock$enter()
          step <- as.integer(step)
          logs <- c(list(batch = step, size = as.integer(rows)),
                    stats::setNames(as.list(values), metrics_names))
          for (callback in end) callback$on_batch_end(step, logs)
          clock$leave(complete = TRUE)
          isTRUE(private$model$stop_training)
        }
      )
    },
    # For cpp_run(): NULL where nobody draws.
    progress = function(metrics_names) {
      bars <- Filter(function(callback) inherits(callback, "ProgbarLogger") && callback$draws(),
                     self$callbacks)
      if (!length(bars)) return(NULL)
      function(step, rows, means) {
        values <- stats::setNames(means, metrics_names)
        for (bar in bars) bar$on_progress(step, rows, values)
      }
    },
    # How far the epoch came; for bars, whether they were drawn meanwhile or not.
    count = function(steps, rows) {
      for (callback in self$callbacks) {
        if (inherits(callback, "ProgbarLogger")) callback$count(steps, rows)
      }
    },
    # The run is over before its time: lines of progress that stand open are ended.
    abandon = function() {
      for (callback in self$callbacks) {
        if (inherits(callback, "ProgbarLogger")) callback$abandon()
      }
    },
    any_inherits = function(class) {
      any(vapply(self$callbacks, inherits, NA, what = class))
    }
  ),
  private = list(model = NULL)
)

# Warns once when the callbacks of the last ten batches took nearly all of their time.
callback_clock <- function() {
  entered <- left <- now()
  inside <- 0
  shares <- seconds <- numeric()
  warned <- FALSE
  list(
    enter = function() entered <<- now(),
    leave = function(complete = FALSE) {
      time <- now()
      inside <<- inside + time - entered
      if (!complete || warned) return()
      shares <<- utils::tail(c(shares, inside / max(time - left, 1e-9)), 10L)
      seconds <<- utils::tail(c(seconds, inside), 10L)
      if (length(shares) == 10L && stats::median(shares) > 0.95 && stats::median(seconds) > 0.1) {
        warned <<- TRUE
        warning(sprintf("Callbacks take nearly all of the time of a batch (%.2f s).",
                        stats::median(seconds)), call. = FALSE)
      }
      inside <<- 0
      left <<- time
    }
  )
}

#' Callback made of functions
#'
#' @param on_epoch_begin,on_epoch_end Functions of `(epoch, logs)`, epochs counted from 0.
#' @param on_batch_begin,on_batch_end Functions of `(batch, logs)`, batches counted from 0 in each
#'   epoch.
#' @param on_train_begin,on_train_end Functions of `(logs)`.
#'
#' @details A function that takes fewer arguments gets the first ones. For what `logs` holds, and
#'   for callbacks that need the model, see [KerasCallback].
#'
#' @return A callback. It is an error if an argument is no function, or a function that needs more
#'   arguments than it will get.
#' @examples
#' callback_lambda(on_epoch_end = function(epoch, logs) {
#'   cat("epoch", epoch + 1, "has loss", logs$loss, "\n")
#' })
#' @family callbacks
#' @export
callback_lambda <- function(on_epoch_begin = NULL, on_epoch_end = NULL, on_batch_begin = NULL,
                            on_batch_end = NULL, on_train_begin = NULL, on_train_end = NULL) {
  functions <- drop_nulls(list(
    on_epoch_begin = on_epoch_begin, on_epoch_end = on_epoch_end,
    on_batch_begin = on_batch_begin, on_batch_end = on_batch_end,
    on_train_begin = on_train_begin, on_train_end = on_train_end
  ))
  for (name in names(functions)) {
    gets <- names(formals(KerasCallback$public_methods[[name]]))
    functions[[name]] <- function_taking_up_to(functions[[name]], gets, name)
  }
  # Only what was given is overridden: an object without batch functions costs nothing a batch.
  methods <- lapply(names(functions), function(name) {
    eval(bquote(function(...) private$functions[[.(name)]](...)))
  })
  R6::R6Class("LambdaCallback",
    inherit = KerasCallback,
    public = stats::setNames(methods, names(functions)),
    private = list(functions = functions),
    parent_env = environment()
  )$new()
}

# A function that can be called with all of `gets` and hands on the leading ones it takes.
function_taking_up_to <- function(fun, gets, what) {
  expected <- sprintf("`%s` must be a function(%s)", what, paste(gets, collapse = ", "))
  if (!is.function(fun)) {
    abort(sprintf("%s, not %s.", expected, describe(fun)), "hornet_value_error")
  }
  takes <- formals(args(fun))
  if ("..." %in% names(takes)) return(fun)
  required <- vapply(takes, function(default) identical(default, quote(expr = )), NA)
  if (sum(required) > length(gets)) {
    abort(sprintf("%s; it has %d arguments without defaults: %s.", expected, sum(required),
                  paste(names(takes)[required], collapse = ", ")), "hornet_value_error")
  }
  if (length(takes) >= length(gets)) return(fun)
  function(...) do.call(fun, list(...)[seq_along(takes)], quote = TRUE)
}
