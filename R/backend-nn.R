# Backend functions k_*: neural network operations.

#' Add a bias
#'
#' @param x Tensor.
#' @param bias Tensor of rank 1, one element per channel; or of the rank of one sample.
#' @param data_format Where the channels are; `NULL`: [k_image_data_format()].
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' k_eval(k_bias_add(matrix(0, 2, 3), k_constant(c(1, 2, 3))))
k_bias_add <- function(x, bias, data_format = NULL) {
  x <- as_float(x)
  bias <- as_float(bias)
  if (tensor_rank(bias) > 1L) {
    return(x + reshape_dims(bias, c(1, bias$dims)))
  }
  if (resolve_data_format(data_format) == "channels_first" && tensor_rank(x) > 2L) {
    bias <- reshape_dims(bias, c(bias$dims, rep(1, tensor_rank(x) - 2L)))
  }
  x + bias
}

#' Dropout
#'
#' Sets a share of the elements to zero and divides the others by `1 - level`.
#'
#' @param x Tensor.
#' @param level Share of elements to drop, at least 0 and less than 1.
#' @param noise_shape Shape of the mask; axes of size 1 share it. `NULL`: that of `x`.
#' @param seed Nodes with the same seed drop the same elements.
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' k_eval(k_dropout(rep(1, 10), 0.5))
k_dropout <- function(x, level, noise_shape = NULL, seed = NULL) {
  x <- as_float(x)
  level <- min(max(level, 0), 1)
  if (level == 0) return(x)
  if (level == 1) return(k_zeros_like(x))
  dims <- noise_dims(noise_shape, x)
  stream <- next_stream(seed)
  if (identical(dims, x$dims)) {
    return(emit("dropout", list(x, random_state()), list(rate = level, stream = stream)))
  }
  noise <- emit("random_uniform", list(random_state()), list(shape = dims, stream = stream))
  x * (k_greater_equal(noise, level) / (1 - level))
}

# A noise shape as engine dimensions; NULL in it is the size of x.
noise_dims <- function(noise_shape, x) {
  if (is.null(noise_shape)) return(x$dims)
  shape <- as_shape(noise_shape)
  if (length(shape) != tensor_rank(x)) {
    abort(sprintf("`noise_shape` has %d sizes, the input %d.", length(shape), tensor_rank(x)), "hornet_shape_error")
  }
  dims <- ifelse(is.na(shape), x$dims, as.numeric(shape))
  bad <- dims != 1 & dims != x$dims
  if (any(bad)) {
    abort(sprintf("`noise_shape` must have size 1 or that of the input, %s, got %s.",
                  format_shape(tensor_shape(x)), format_shape(shape)), "hornet_shape_error")
  }
  dims
}

#' Batch normalisation
#'
#' `k_batch_normalization()` with given statistics: `(x - mean) / sqrt(var + epsilon) * gamma +
#' beta`. `k_normalize_batch_in_training()` computes them from the batch.
#'
#' @param x Tensor.
#' @param mean,var,beta,gamma Tensors that can be broadcast to `x`; `beta` and `gamma` may be `NULL`.
#' @param reduction_axes Axes over which statistics are taken, counting from 1.
#' @param epsilon Added to the variance.
#' @return A tensor; `k_normalize_batch_in_training()`: list of the normalised tensor, mean and
#'   (biased) variance.
#' @family backend
#' @export
#' @examples
#' k_eval(k_batch_normalization(c(1, 3), 2, 1, 0, 1))
k_batch_normalization <- function(x, mean, var, beta, gamma, epsilon = 0.001) {
  scale <- k_pow(emit("sqrt", list(as_float(var) + epsilon)), -1)
  if (!is.null(gamma)) scale <- scale * gamma
  shift <- -mean * scale
  if (!is.null(beta)) shift <- shift + beta
  as_float(x) * scale + shift
}
#' @rdname k_batch_normalization
#' @export
k_normalize_batch_in_training <- function(x, gamma, beta, reduction_axes, epsilon = 0.001) {
  x <- as_float(x)
  mean <- k_mean(x, reduction_axes, keepdims = TRUE)
  var <- k_mean(k_square(x - mean), reduction_axes, keepdims = TRUE)
  kept <- reduced_dims(x, reduction_axes)
  spread <- function(v) if (is.null(v)) NULL else reshape_dims(as_float(v), mean$dims)
  list(
    k_batch_normalization(x, mean, var, spread(beta), spread(gamma), epsilon),
    reshape_dims(mean, kept), reshape_dims(var, kept)
  )
}

#' Is the target among the k best?
#'
#' @param predictions Tensor `(batch, classes)`.
#' @param targets Tensor `(batch)` of class numbers, counting from 0.
#' @param k Number of best classes.
#' @return Tensor `(batch)` of 1 or 0. Ties at the k-th place count as being in.
#' @family backend
#' @export
#' @examples
#' k_eval(k_in_top_k(rbind(c(0.1, 0.7, 0.2)), 2, k = 2))
k_in_top_k <- function(predictions, targets, k) {
  predictions <- as_float(predictions)
  target <- k_sum(predictions * k_one_hot(targets, predictions$dims[[2L]]), axis = -1, keepdims = TRUE)
  k_less(k_sum(k_greater(predictions, target), axis = -1), k)
}

#' Crossentropies
#'
#' One value per sample (or position), except for `k_binary_crossentropy()`, which gives one per
#' element. Without `from_logits`, probabilities are kept `k_epsilon()` away from 0 and 1.
#'
#' @param target Targets: probabilities of the shape of `output`; for the sparse version class
#'   numbers, counting from 0, with or without a last axis of size 1.
#' @param output Probabilities; with `from_logits`, values before the softmax or sigmoid.
#' @param from_logits Whether `output` is logits.
#' @return A tensor.
#' @family backend
#' @export
#' @examples
#' k_eval(k_categorical_crossentropy(rbind(c(0, 1)), rbind(c(0.25, 0.75))))
k_categorical_crossentropy <- function(target, output, from_logits = FALSE) {
  output <- as_float(output)
  if (from_logits) {
    return(k_sum(target * (k_logsumexp(output, -1, keepdims = TRUE) - output), axis = -1))
  }
  -k_sum(target * k_log(clip_probability(normalized(output))), axis = -1)
}

# A softmax sums to one already.
normalized <- function(p) {
  if (identical(p$source$op, "softmax")) p else p / k_sum(p, axis = -1, keepdims = TRUE)
}

clip_probability <- function(p) k_clip(p, k_epsilon(), 1 - k_epsilon())

#' @rdname k_categorical_crossentropy
#' @export
k_sparse_categorical_crossentropy <- function(target, output, from_logits = FALSE) {
  output <- as_float(output)
  indicators <- k_one_hot(without_last_axis(target, output), output$dims[[tensor_rank(output)]])
  if (from_logits) {
    return(k_logsumexp(output, -1) - k_sum(indicators * output, axis = -1))
  }
  p <- clip_probability(output)
  k_log(k_sum(p, axis = -1)) - k_log(k_sum(indicators * p, axis = -1))
}

# Class numbers may come as (n, 1) beside predictions (n, classes).
without_last_axis <- function(target, output) {
  target <- as_tensor(target)
  rank <- tensor_rank(target)
  if (rank == tensor_rank(output) && target$dims[[rank]] == 1) {
    reshape_dims(target, target$dims[-rank])
  } else {
    target
  }
}

#' @rdname k_categorical_crossentropy
#' @export
k_binary_crossentropy <- function(target, output, from_logits = FALSE) {
  output <- as_float(output)
  if (from_logits) return(k_softplus(output) - output * target)
  p <- clip_probability(output)
  -(target * k_log(p) + (1 - target) * k_log(1 - p))
}

#' Recurrence over time steps
#'
#' Runs a function along the second axis of its inputs, carrying states from step to step. The loop
#' is traced: the graph holds every step.
#'
#' @param step_function Function of the input of a step, `(batch, ...)`, and the list of states
#'   (followed by the constants). Returns `list(output, new_states)`.
#' @param inputs Tensor `(batch, time, ...)`.
#' @param initial_states List of tensors.
#' @param go_backwards Start from the last step? Outputs then begin with the last step, too.
#' @param mask Tensor `(batch, time)` or `(batch, time, 1)`. Where it is 0, states stay as they are
#'   and the output is that of the step before (of the first step: zeros).
#' @param constants List of tensors that every step is given after the states.
#' @param unroll,input_length Ignored: the number of steps is known, and loops are always unrolled.
#' @return `list(last_output, outputs, new_states)`, outputs of shape `(batch, time, ...)`.
#' @family backend
#' @export
#' @examples
#' # A running sum
#' x <- k_constant(array(1:6, c(2, 3, 1)))
#' step <- function(input, states) list(input + states[[1]], list(input + states[[1]]))
#' result <- k_rnn(step, x, list(k_zeros_like(x[, 1, ])))
#' k_eval(result[[2]])[, , 1]
k_rnn <- function(step_function, inputs, initial_states, go_backwards = FALSE, mask = NULL,
                  constants = NULL, unroll = FALSE, input_length = NULL) {
  inputs <- as_float(inputs)
  if (tensor_rank(inputs) < 2L || inputs$dims[[2L]] < 0) {
    abort(sprintf("k_rnn(): `inputs` must have shape (batch, time, ...), got %s.",
                  format_shape(tensor_shape(inputs))), "hornet_shape_error")
  }
  count <- inputs$dims[[2L]]
  steps <- pieces_of(inputs, 2L)
  masks <- if (!is.null(mask)) {
    mask <- as_float(mask)
    pieces_of(reshape_dims(mask, mask$dims[1:2]), 2L)
  }
  states <- as_tensor_list(initial_states)
  outputs <- list()
  for (t in if (go_backwards) rev(seq_len(count)) else seq_len(count)) {
    result <- step_function(steps[[t]], c(states, as_tensor_list(constants)))
    output <- result[[1L]]
    after <- as_tensor_list(result[[2L]])
    if (!is.null(masks)) {
      before <- if (length(outputs)) outputs[[length(outputs)]] else k_zeros_like(output)
      output <- k_switch(masks[[t]], output, before)
      after <- where_counts(masks[[t]], after, states)
    }
    states <- after
    outputs[[length(outputs) + 1L]] <- output
  }
  list(outputs[[count]], k_stack(outputs, 2), unname(states))
}

# The states after a step, or those before it for samples whose mask (batch) is 0.
where_counts <- function(mask, after, before) Map(function(new, old) k_switch(mask, new, old), after, before)
