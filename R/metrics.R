# Metrics: like losses, but only looked at.

#' Metrics
#'
#' A metric can be given to [compile()] by name, as one of these functions, or as your own function
#' of `y_true` and `y_pred` (see [custom_metric()]), which is traced once. All losses are metrics,
#' too. `"accuracy"` (`"acc"`) means the accuracy that fits the loss and the output: binary if the
#' output's last axis has size 1 or the loss is `binary_crossentropy`, sparse for
#' `sparse_categorical_crossentropy`, else categorical; `"crossentropy"` (`"ce"`) likewise.
#'
#' @param y_true Targets.
#' @param y_pred Predictions.
#' @param k Number of best classes that count as right. To use another k than 5, write
#'   `custom_metric("top_3", function(y_true, y_pred) metric_top_k_categorical_accuracy(y_true,
#'   y_pred, 3))`.
#' @return A tensor with one value per sample (or position), 1 or 0 for the accuracies. Reported is
#'   the mean.
#' @details `binary_accuracy` compares the target to the rounded prediction,
#'   `categorical_accuracy` the places of the largest elements, `sparse_categorical_accuracy` the
#'   class number to the place of the largest.
#' @family metrics
#' @name metric_binary_accuracy
#' @examples
#' k_eval(metric_categorical_accuracy(rbind(c(0, 1)), rbind(c(0.4, 0.6))))
NULL

#' @rdname metric_binary_accuracy
#' @export
metric_binary_accuracy <- function(y_true, y_pred) k_mean(k_equal(y_true, k_round(y_pred)), axis = -1)
#' @rdname metric_binary_accuracy
#' @export
metric_categorical_accuracy <- function(y_true, y_pred) k_equal(k_argmax(y_true), k_argmax(y_pred))
#' @rdname metric_binary_accuracy
#' @export
metric_sparse_categorical_accuracy <- function(y_true, y_pred) {
  k_equal(as_float(without_last_axis(y_true, as_tensor(y_pred))), k_argmax(y_pred))
}
#' @rdname metric_binary_accuracy
#' @export
metric_top_k_categorical_accuracy <- function(y_true, y_pred, k = 5) {
  k_in_top_k(y_pred, k_argmax(y_true), k)
}
#' @rdname metric_binary_accuracy
#' @export
metric_sparse_top_k_categorical_accuracy <- function(y_true, y_pred, k = 5) {
  k_in_top_k(y_pred, without_last_axis(y_true, as_tensor(y_pred)), k)
}

#' @rdname metric_binary_accuracy
#' @export
metric_binary_crossentropy <- loss_binary_crossentropy
#' @rdname metric_binary_accuracy
#' @export
metric_categorical_crossentropy <- loss_categorical_crossentropy
#' @rdname metric_binary_accuracy
#' @export
metric_cosine_proximity <- loss_cosine_proximity
#' @rdname metric_binary_accuracy
#' @export
metric_hinge <- loss_hinge
#' @rdname metric_binary_accuracy
#' @export
metric_kullback_leibler_divergence <- loss_kullback_leibler_divergence
#' @rdname metric_binary_accuracy
#' @export
metric_mean_absolute_error <- loss_mean_absolute_error
#' @rdname metric_binary_accuracy
#' @export
metric_mean_absolute_percentage_error <- loss_mean_absolute_percentage_error
#' @rdname metric_binary_accuracy
#' @export
metric_mean_squared_error <- loss_mean_squared_error
#' @rdname metric_binary_accuracy
#' @export
metric_mean_squared_logarithmic_error <- loss_mean_squared_logarithmic_error
#' @rdname metric_binary_accuracy
#' @export
metric_poisson <- loss_poisson
#' @rdname metric_binary_accuracy
#' @export
metric_sparse_categorical_crossentropy <- loss_sparse_categorical_crossentropy
#' @rdname metric_binary_accuracy
#' @export
metric_squared_hinge <- loss_squared_hinge

#' A metric of your own
#'
#' @param name Name under which it is reported.
#' @param metric_fn Function of `y_true` and `y_pred` that returns a tensor, written with `k_*`
#'   functions and operators. It is traced once and then runs without R.
#' @return `metric_fn`, with its name.
#' @family metrics
#' @export
#' @examples
#' largest_error <- custom_metric("largest_error", function(y_true, y_pred) {
#'   k_max(k_abs(y_true - y_pred))
#' })
custom_metric <- function(name, metric_fn) {
  if (!is.function(metric_fn)) abort("`metric_fn` must be a function of y_true and y_pred.", "hornet_value_error")
  attr(metric_fn, "py_function_name") <- name
  metric_fn
}

metric_functions <- function() {
  c(
    list(
      binary_accuracy = metric_binary_accuracy,
      categorical_accuracy = metric_categorical_accuracy,
      sparse_categorical_accuracy = metric_sparse_categorical_accuracy,
      top_k_categorical_accuracy = metric_top_k_categorical_accuracy,
      sparse_top_k_categorical_accuracy = metric_sparse_top_k_categorical_accuracy
    ),
    loss_functions()
  )
}

# A metric for one output: list(name, f). `loss` and `y_pred` decide what "accuracy" means.
resolve_metric <- function(metric, given_name, loss_name, y_pred) {
  if (is.character(metric) && is.function(custom_or_self(metric))) given_name <- given_name %||% metric
  metric <- custom_or_self(metric)
  if (is.character(metric) && length(metric) == 1L) {
    kind <- switch(tolower(metric), accuracy = , acc = "acc", crossentropy = , ce = "ce", "")
    if (nzchar(kind)) return(list(name = kind, f = metric_that_fits(kind, loss_name, y_pred)))
    functions <- metric_functions()
    f <- choose_by_name(metric, c(functions, list(accuracy = NULL, crossentropy = NULL)), "metric", loss_aliases)
    return(list(name = known_name(f, functions), f = f))
  }
  if (!is.function(metric)) {
    abort(sprintf("a metric must be a name or a function of y_true and y_pred, not %s.", describe(metric)),
          "hornet_value_error")
  }
  name <- attr(metric, "py_function_name") %||% given_name %||% known_name(metric, metric_functions())
  f <- if (is_own_function(metric)) metric else {
    function(y_true, y_pred) {
      call_user_function(metric, list(y_true, y_pred), sprintf('the metric "%s"', name %||% "metric"))
    }
  }
  list(name = name %||% "metric", f = f)
}

metric_that_fits <- function(kind, loss_name, y_pred) {
  family <- if (y_pred$dims[[tensor_rank(y_pred)]] == 1 || identical(loss_name, "binary_crossentropy")) {
    "binary"
  } else if (identical(loss_name, "sparse_categorical_crossentropy")) {
    "sparse_categorical"
  } else {
    "categorical"
  }
  metric_functions()[[paste0(family, if (kind == "acc") "_accuracy" else "_crossentropy")]]
}
