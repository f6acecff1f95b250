# Constraints: functions of a weight, applied to its new value after each update.

#' Constraints on weights
#'
#' Applied to the new value of a weight after each update of the optimizer.
#'
#' @param max_value,min_value Bounds of the norm.
#' @param rate How fast `constraint_minmaxnorm()` goes: 1 is at once.
#' @param axis Axes over which norms are taken, counting from 0: 0 for the kernel of a dense layer
#'   (each column is the weights of one unit), `c(0, 1, 2)` for that of a convolution.
#' @return A function of a tensor. With norm n and fuzz factor e ([k_epsilon()]): `maxnorm` is `w *
#'   clip(n, 0, max) / (e + n)`; `unitnorm` is `w / (e + n)`; `minmaxnorm` is `w * (rate * clip(n,
#'   min, max) + (1 - rate) * n) / (e + n)`; `nonneg` sets negative weights to 0.
#' @references Srivastava et al., *Dropout* (2014).
#' @family constraints
#' @export
#' @examples
#' layer_dense(units = 3, kernel_constraint = constraint_maxnorm(2))
constraint_maxnorm <- function(max_value = 2, axis = 0) {
  force(max_value)
  force(axis)
  new_constraint("MaxNorm", list(max_value = max_value, axis = axis), function(w) {
    norms <- norms_over(w, axis)
    w * (k_clip(norms, 0, max_value) / (k_epsilon() + norms))
  })
}
#' @rdname constraint_maxnorm
#' @export
constraint_nonneg <- function() new_constraint("NonNeg", list(), function(w) k_relu(w))
#' @rdname constraint_maxnorm
#' @export
constraint_unitnorm <- function(axis = 0) {
  force(axis)
  new_constraint("UnitNorm", list(axis = axis), function(w) w / (k_epsilon() + norms_over(w, axis)))
}
#' @rdname constraint_maxnorm
#' @export
constraint_minmaxnorm <- function(min_value = 0, max_value = 1, rate = 1, axis = 0) {
  config <- list(min_value = min_value, max_value = max_value, rate = rate, axis = axis)
  new_constraint("MinMaxNorm", config, function(w) {
    norms <- norms_over(w, axis)
    wanted <- rate * k_clip(norms, min_value, max_value) + (1 - rate) * norms
    w * (wanted / (k_epsilon() + norms))
  })
}

new_constraint <- function(name, config, f) {
  structure(f, class = c("keras_constraint", "function"), constraint = name, config = config)
}

#' @export
print.keras_constraint <- function(x, ...) {
  config <- attr(x, "config")
  cat("<constraint ", attr(x, "constraint"), "(",
      paste(names(config), vapply(config, describe, ""), sep = " = ", collapse = ", "), ")>\n", sep = "")
  invisible(x)
}

norms_over <- function(w, axis) {
  k_sqrt(k_sum(k_square(w), axis = python_axis(axis, tensor_rank(w)) + 1, keepdims = TRUE))
}

constraints <- function() {
  list(
    maxnorm = constraint_maxnorm, max_norm = constraint_maxnorm,
    nonneg = constraint_nonneg, non_neg = constraint_nonneg,
    unitnorm = constraint_unitnorm, unit_norm = constraint_unitnorm,
    minmaxnorm = constraint_minmaxnorm, min_max_norm = constraint_minmaxnorm
  )
}

get_constraint <- function(constraint) {
  constraint <- custom_or_self(constraint)
  if (is.null(constraint)) return(NULL)
  if (is.character(constraint)) return(choose_by_name(constraint, constraints(), "constraint")())
  if (inherits(constraint, "R6ClassGenerator")) constraint <- constraint$new()
  if (inherits(constraint, "R6") && is.function(constraint$call)) {
    return(function(w) call_user_function(constraint$call, list(w), "the constraint"))
  }
  if (!is.function(constraint)) {
    abort(sprintf("a constraint must be a name, a constraint_*() or a function, not %s.", describe(constraint)),
          "hornet_value_error")
  }
  if (is_own_function(constraint)) return(constraint)
  function(w) call_user_function(constraint, list(w), "the constraint")
}
