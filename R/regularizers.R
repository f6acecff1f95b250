# Penalties on weights and activations.

#' Penalties
#'
#' Penalties join the loss, in training and evaluation. Given to a layer as `kernel_regularizer`,
#' `bias_regularizer` or (on its output, summed over the whole batch) `activity_regularizer`: an
#' object, a name (`"l1"`, `"l2"`, `"l1_l2"`) or a function of a tensor.
#'
#' @param l,l1,l2 Factors: `l1 * sum(abs(w)) + l2 * sum(w^2)`.
#' @return A function of a tensor.
#' @family regularizers
#' @export
#' @examples
#' k_eval(regularizer_l2(0.1)(c(1, 2)))
#' layer_dense(units = 3, kernel_regularizer = regularizer_l1_l2(0.01, 0.001))
regularizer_l1 <- function(l = 0.01) new_regularizer(l, 0)
#' @rdname regularizer_l1
#' @export
regularizer_l2 <- function(l = 0.01) new_regularizer(0, l)
#' @rdname regularizer_l1
#' @export
regularizer_l1_l2 <- function(l1 = 0.01, l2 = 0.01) new_regularizer(l1, l2)

new_regularizer <- function(l1, l2) {
  force(l1)
  force(l2)
  penalty <- function(x) {
    terms <- list(
      if (l1 != 0) l1 * k_sum(k_abs(x)),
      if (l2 != 0) l2 * k_sum(k_square(x))
    )
    terms <- drop_nulls(terms)
    if (length(terms)) Reduce(`+`, terms) else k_constant(0)
  }
  structure(penalty, class = c("keras_regularizer", "function"), config = list(l1 = l1, l2 = l2))
}

#' @export
print.keras_regularizer <- function(x, ...) {
  config <- attr(x, "config")
  cat(sprintf("<regularizer l1 = %g, l2 = %g>\n", config$l1, config$l2))
  invisible(x)
}

get_regularizer <- function(regularizer) {
  regularizer <- custom_or_self(regularizer)
  if (is.null(regularizer)) return(NULL)
  if (is.character(regularizer)) {
    return(choose_by_name(regularizer, list(l1 = regularizer_l1, l2 = regularizer_l2, l1_l2 = regularizer_l1_l2),
                          "regularizer")())
  }
  if (!is.function(regularizer)) {
    abort(sprintf("a regularizer must be a name, a regularizer_*() or a function, not %s.", describe(regularizer)),
          "hornet_value_error")
  }
  if (is_own_function(regularizer)) return(regularizer)
  function(x) call_user_function(regularizer, list(x), "the regularizer")
}
