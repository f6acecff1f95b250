# Activation functions, by name, as functions and as layers' `activation`.

#' Activation functions
#'
#' Any of these names without `activation_` can be given as a layer's `activation`; so can a
#' function of one tensor.
#'
#' @param x Tensor.
#' @param alpha Slope (`relu`) or scale (`elu`) of the negative part.
#' @param max_value Largest output.
#' @param axis Axis to normalise, counting from 0 (the batch); -1 is the last.
#' @return A tensor of the shape of `x`.
#' @details
#' | name | value |
#' |---|---|
#' | `relu` | `max(x, 0)` (negative part `alpha * x`) |
#' | `elu` | x, or `alpha * (exp(x) - 1)` for negative x |
#' | `selu` | `1.0507009873554805 * elu(x, 1.6732632423543772)` |
#' | `softplus` | `log(1 + exp(x))` |
#' | `softsign` | `x / (1 + abs(x))` |
#' | `tanh`, `sigmoid`, `exponential`, `linear` | as named |
#' | `hard_sigmoid` | `clip(0.2 * x + 0.5, 0, 1)` |
#' | `softmax` | `exp(x) / sum(exp(x))` along `axis` |
#' @references Klambauer et al., *Self-Normalizing Neural Networks* (2017); Clevert et al., *Fast
#'   and Accurate Deep Network Learning by Exponential Linear Units* (2016).
#' @family activations
#' @name activation_relu
#' @examples
#' k_eval(activation_relu(c(-1, 2), alpha = 0.1))
#' layer_dense(units = 3, activation = "selu")
NULL

#' @rdname activation_relu
#' @export
activation_relu <- function(x, alpha = 0, max_value = NULL) k_relu(x, alpha, max_value)
#' @rdname activation_relu
#' @export
activation_elu <- function(x, alpha = 1) k_elu(x, alpha)
#' @rdname activation_relu
#' @export
activation_selu <- function(x) selu_scale * k_elu(x, selu_alpha)
#' @rdname activation_relu
#' @export
activation_hard_sigmoid <- function(x) k_hard_sigmoid(x)
#' @rdname activation_relu
#' @export
activation_linear <- function(x) x
#' @rdname activation_relu
#' @export
activation_sigmoid <- function(x) k_sigmoid(x)
#' @rdname activation_relu
#' @export
activation_softmax <- function(x, axis = -1) {
  x <- as_float(x)
  rank <- tensor_rank(x)
  if (rank < 2L) {
    abort(sprintf("softmax needs a tensor with at least two axes, got shape %s.", format_shape(tensor_shape(x))),
          "hornet_shape_error")
  }
  at <- python_axis(axis, rank)
  if (at == rank - 1) return(k_softmax(x))
  pattern <- c(setdiff(seq_len(rank), at + 1), at + 1)
  k_permute_dimensions(k_softmax(k_permute_dimensions(x, pattern)), order(pattern))
}
#' @rdname activation_relu
#' @export
activation_softplus <- function(x) k_softplus(x)
#' @rdname activation_relu
#' @export
activation_softsign <- function(x) k_softsign(x)
#' @rdname activation_relu
#' @export
activation_tanh <- function(x) k_tanh(x)
#' @rdname activation_relu
#' @export
activation_exponential <- function(x) k_exp(x)

selu_alpha <- 1.6732632423543772
selu_scale <- 1.0507009873554805

# Axes as layers take them: the batch is 0, negative ones count from the end. Returned from 0.
python_axis <- function(axis, rank, what = "axis") {
  axis <- as_int(axis, what)
  from_zero <- ifelse(axis < 0L, rank + axis, axis)
  if (any(from_zero < 0L | from_zero >= rank)) {
    abort(sprintf("`%s` is %s, but the tensor has %d axes (the batch is 0, -1 is the last).",
                  what, describe(axis), rank), "hornet_shape_error")
  }
  from_zero
}

activation_functions <- function() {
  list(
    relu = activation_relu, elu = activation_elu, selu = activation_selu,
    softplus = activation_softplus, softsign = activation_softsign, tanh = activation_tanh,
    sigmoid = activation_sigmoid, hard_sigmoid = activation_hard_sigmoid,
    linear = activation_linear, softmax = activation_softmax, exponential = activation_exponential
  )
}

# NULL, a name or a function -> a function of a tensor.
get_activation <- function(activation) {
  activation <- custom_or_self(activation)
  if (is.null(activation)) return(activation_linear)
  if (is_layer(activation)) {
    layer <- layer_object(activation)
    return(function(x) unwrap_single(apply_layer(layer, list(x))))
  }
  if (is.function(activation)) {
    if (is_own_function(activation)) return(activation)
    return(function(x) call_user_function(activation, list(x), "the activation function"))
  }
  if (!is.character(activation) || length(activation) != 1L) {
    abort(sprintf("`activation` must be a name or a function, not %s.", describe(activation)),
          "hornet_value_error")
  }
  choose_by_name(activation, activation_functions(), "activation")
}
