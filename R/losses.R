# Losses: functions of targets and predictions that leave one value per sample (or position).

#' Losses
#'
#' A loss can be given to [compile()] by name (`"mean_squared_error"`, or an alias such as `"mse"`),
#' as one of these functions, or as your own function of `y_true` and `y_pred` written with `k_*`
#' functions and operators, which is traced once.
#'
#' @param y_true Targets. For `sparse_categorical_crossentropy` class numbers counting from 0, else
#'   of the shape of `y_pred`.
#' @param y_pred Predictions.
#' @return A tensor without the last axis of `y_pred`.
#' @details With t and p for targets and predictions, e for [k_epsilon()], means and sums over the
#' last axis:
#'
#' | name (aliases) | value |
#' |---|---|
#' | `mean_squared_error` (`mse`) | `mean((p - t)^2)` |
#' | `mean_absolute_error` (`mae`) | `mean(abs(p - t))` |
#' | `mean_absolute_percentage_error` (`mape`) | `100 * mean(abs((t - p) / max(abs(t), e)))` |
#' | `mean_squared_logarithmic_error` (`msle`) | `mean((log(max(p, e) + 1) - log(max(t, e) + 1))^2)` |
#' | `squared_hinge`, `hinge` | `mean(max(1 - t * p, 0)^2)`, without the square; targets are -1 or 1 |
#' | `categorical_hinge` | `max(0, max((1 - t) * p) - sum(t * p) + 1)` |
#' | `logcosh` | `mean(log(cosh(p - t)))` |
#' | `categorical_crossentropy` | `-sum(t * log(p / sum(p)))`, p kept e away from 0 and 1 |
#' | `sparse_categorical_crossentropy` | the same for class numbers |
#' | `binary_crossentropy` | `-mean(t * log(p) + (1 - t) * log(1 - p))` |
#' | `kullback_leibler_divergence` (`kld`) | `sum(t * log(t / p))`, both kept between e and 1 |
#' | `poisson` | `mean(p - t * log(p + e))` |
#' | `cosine_proximity` (`cosine`), `cosine_similarity` | `-sum(t * p)` of vectors scaled to length 1 |
#'
#' The loss of a batch is the sum over samples of value times weight, divided by the number of
#' samples whose weight isn't zero.
#' @family losses
#' @name loss_mean_squared_error
#' @examples
#' k_eval(loss_mean_squared_error(rbind(c(0, 1)), rbind(c(1, 3))))
NULL

#' @rdname loss_mean_squared_error
#' @export
loss_mean_squared_error <- function(y_true, y_pred) k_mean(k_square(y_pred - y_true), axis = -1)
#' @rdname loss_mean_squared_error
#' @export
loss_mean_absolute_error <- function(y_true, y_pred) k_mean(k_abs(y_pred - y_true), axis = -1)
#' @rdname loss_mean_squared_error
#' @export
loss_mean_absolute_percentage_error <- function(y_true, y_pred) {
  100 * k_mean(k_abs((y_true - y_pred) / k_maximum(k_abs(y_true), k_epsilon())), axis = -1)
}
#' @rdname loss_mean_squared_error
#' @export
loss_mean_squared_logarithmic_error <- function(y_true, y_pred) {
  log_of <- function(x) k_log(k_maximum(x, k_epsilon()) + 1)
  k_mean(k_square(log_of(y_pred) - log_of(y_true)), axis = -1)
}
#' @rdname loss_mean_squared_error
#' @export
loss_squared_hinge <- function(y_true, y_pred) k_mean(k_square(k_relu(1 - y_true * y_pred)), axis = -1)
#' @rdname loss_mean_squared_error
#' @export
loss_hinge <- function(y_true, y_pred) k_mean(k_relu(1 - y_true * y_pred), axis = -1)
#' @rdname loss_mean_squared_error
#' @export
loss_categorical_hinge <- function(y_true, y_pred) {
  right <- k_sum(y_true * y_pred, axis = -1)
  wrong <- k_max((1 - y_true) * y_pred, axis = -1)
  k_relu(wrong - right + 1)
}
#' @rdname loss_mean_squared_error
#' @export
loss_logcosh <- function(y_true, y_pred) {
  d <- y_pred - y_true
  k_mean(d + k_softplus(-2 * d) - log(2), axis = -1)
}
#' @rdname loss_mean_squared_error
#' @export
loss_categorical_crossentropy <- function(y_true, y_pred) k_categorical_crossentropy(y_true, y_pred)
#' @rdname loss_mean_squared_error
#' @export
loss_sparse_categorical_crossentropy <- function(y_true, y_pred) {
  k_sparse_categorical_crossentropy(y_true, y_pred)
}
#' @rdname loss_mean_squared_error
#' @export
loss_binary_crossentropy <- function(y_true, y_pred) {
  k_mean(k_binary_crossentropy(y_true, y_pred), axis = -1)
}
#' @rdname loss_mean_squared_error
#' @export
loss_kullback_leibler_divergence <- function(y_true, y_pred) {
  y_true <- k_clip(y_true, k_epsilon(), 1)
  y_pred <- k_clip(y_pred, k_epsilon(), 1)
  k_sum(y_true * k_log(y_true / y_pred), axis = -1)
}
#' @rdname loss_mean_squared_error
#' @export
loss_poisson <- function(y_true, y_pred) {
  k_mean(y_pred - y_true * k_log(y_pred + k_epsilon()), axis = -1)
}
#' @rdname loss_mean_squared_error
#' @export
loss_cosine_proximity <- function(y_true, y_pred) {
  -k_sum(k_l2_normalize(y_true, axis = -1) * k_l2_normalize(y_pred, axis = -1), axis = -1)
}
#' @rdname loss_mean_squared_error
#' @export
loss_cosine_similarity <- function(y_true, y_pred) loss_cosine_proximity(y_true, y_pred)

loss_functions <- function() {
  list(
    mean_squared_error = loss_mean_squared_error,
    mean_absolute_error = loss_mean_absolute_error,
    mean_absolute_percentage_error = loss_mean_absolute_percentage_error,
    mean_squared_logarithmic_error = loss_mean_squared_logarithmic_error,
    squared_hinge = loss_squared_hinge,
    hinge = loss_hinge,
    categorical_hinge = loss_categorical_hinge,
    logcosh = loss_logcosh,
    categorical_crossentropy = loss_categorical_crossentropy,
    sparse_categorical_crossentropy = loss_sparse_categorical_crossentropy,
    binary_crossentropy = loss_binary_crossentropy,
    kullback_leibler_divergence = loss_kullback_leibler_divergence,
    poisson = loss_poisson,
    cosine_proximity = loss_cosine_proximity,
    cosine_similarity = loss_cosine_similarity
  )
}
loss_aliases <- c(
  mse = "mean_squared_error", mae = "mean_absolute_error", mape = "mean_absolute_percentage_error",
  msle = "mean_squared_logarithmic_error", kld = "kullback_leibler_divergence",
  cosine = "cosine_proximity"
)

# A name, a loss_*() or a function -> list(name, f). Functions that are ours are known by what they
# are, so a string and a function mean the same.
resolve_loss <- function(loss, given_name = NULL) {
  if (is.character(loss)) given_name <- loss[[1L]]
  loss <- custom_or_self(loss)
  functions <- loss_functions()
  if (is.character(loss) && length(loss) == 1L) {
    f <- choose_by_name(loss, functions, "loss", loss_aliases)
    return(list(name = known_name(f, functions), f = f))
  }
  if (!is.function(loss)) {
    abort(sprintf("a loss must be a name or a function of y_true and y_pred, not %s.", describe(loss)),
          "hornet_value_error")
  }
  name <- known_name(loss, functions)
  if (!is.null(name)) return(list(name = name, f = loss))
  user <- function(y_true, y_pred) call_user_function(loss, list(y_true, y_pred), "the loss function")
  list(name = given_name %||% attr(loss, "py_function_name") %||% "loss", f = user, custom = TRUE)
}

known_name <- function(f, functions) {
  for (name in names(functions)) if (identical(f, functions[[name]])) return(name)
  NULL
}
