# Backend functions k_*: connectionist temporal classification.

#' Connectionist temporal classification
#'
#' For labels that aren't aligned with the time steps of the predictions, as in speech or handwriting:
#' `k_ctc_batch_cost()` is the loss, `k_ctc_decode()` finds the labels that predictions stand for,
#' `k_ctc_label_dense_to_sparse()` marks the labels that count.
#'
#' @param y_true,labels Labels `(batch, n)`, class numbers counting from 0.
#' @param y_pred Probabilities `(batch, steps, classes)`, the output of a softmax. The last class is the
#'   blank, which stands between equal labels and where there is none.
#' @param input_length,label_length,label_lengths Number of steps and of labels that count, `(batch, 1)`,
#'   `(batch)` or one number for all samples.
#' @param greedy Take the best class of every step? Otherwise, search for the best labels, carrying on
#'   the `beam_width` likeliest beginnings.
#' @param beam_width Number of beginnings to carry on.
#' @param top_paths Number of results of the search, at most `beam_width`.
#' @return `k_ctc_batch_cost()`: tensor `(batch, 1)`, the negative log probability of the labels.
#'
#'   `k_ctc_decode()`: list of two. The first is a list of `top_paths` (one if `greedy`) integer tensors
#'   `(batch, steps)`: labels, filled up with -1, best first. The second is a tensor of scores: log
#'   probabilities `(batch, top_paths)` of the labels; if `greedy`, as in the reference, the negative log
#'   probability of the best classes, `(batch, 1)`.
#'
#'   `k_ctc_label_dense_to_sparse()`: as there are no sparse tensors, the labels with -1 in place of those
#'   that don't count.
#' @details [k_epsilon()] is added to probabilities, as in the reference. The loss is infinite and has
#' gradient 0 where there are too few steps for the labels and the blanks between equal ones. It is NaN
#' where a label isn't among the classes before the blank, or a length larger than the axis.
#' @references Graves et al., *Connectionist Temporal Classification* (2006).
#' @family backend
#' @export
#' @examples
#' y_pred <- k_softmax(array(rnorm(2 * 6 * 4), c(2, 6, 4)))
#' k_eval(k_ctc_batch_cost(rbind(c(0, 1), c(2, 0)), y_pred, matrix(c(6, 5)), matrix(c(2, 1))))
#' decoded <- k_ctc_decode(y_pred, c(6, 5), greedy = FALSE, beam_width = 10, top_paths = 2)
#' k_eval(decoded[[1]][[1]])
k_ctc_batch_cost <- function(y_true, y_pred, input_length, label_length) {
  logits <- k_log(as_float(y_pred) + k_epsilon())
  batch <- logits$dims[[1L]]
  emit("ctc_loss", list(logits, y_true, one_column(input_length, batch), one_column(label_length, batch)))
}
#' @rdname k_ctc_batch_cost
#' @export
k_ctc_decode <- function(y_pred, input_length, greedy = TRUE, beam_width = 100L, top_paths = 1) {
  beam_width <- if (isTRUE(greedy)) 0L else positive_int(beam_width)
  top_paths <- if (isTRUE(greedy)) 1L else positive_int(top_paths)
  if (!isTRUE(greedy) && top_paths > beam_width) {
    abort(sprintf("`top_paths` is %d, but a beam of width %d has no more than %d paths.", top_paths,
                  beam_width, beam_width), "hornet_value_error")
  }
  logits <- k_log(as_float(y_pred) + k_epsilon())
  found <- emit("ctc_decode", list(logits, one_column(input_length, logits$dims[[1L]])),
                list(beam_width = beam_width, top_paths = top_paths))
  paths <- lapply(seq_len(top_paths), function(i) k_squeeze(slice(found[[1L]], 2L, i, 1), 2L))
  list(paths, found[[2L]])
}
#' @rdname k_ctc_batch_cost
#' @export
k_ctc_label_dense_to_sparse <- function(labels, label_lengths) {
  labels <- as_float(labels)
  counts <- k_less(k_arange(labels$dims[[2L]], dtype = "float32"), one_column(label_lengths, labels$dims[[1L]]))
  k_switch(counts, labels, -1)
}

# One for all or (batch) -> (batch, 1)
one_column <- function(x, batch) {
  x <- as_float(x)
  if (tensor_rank(x) == 1L) return(reshape_dims(x, c(x$dims, 1)))
  if (tensor_rank(x) == 0L) emit("broadcast", list(x), list(shape = c(batch, 1))) else x
}
