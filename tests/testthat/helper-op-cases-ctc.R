# Rows of the op table (helper-op-cases.R): connectionist temporal classification. The oracles go
# through every path, a class for every step, and merge it to the labels it stands for.

# All paths of `steps` steps as rows, classes from 0; and the labels of one.
all_paths <- function(steps, classes) {
  as.matrix(expand.grid(rep(list(seq_len(classes) - 1), steps)))
}
labels_of <- function(path, blank) {
  merged <- rle(as.vector(path))$values
  merged[merged != blank]
}
softmax_rows <- function(x) exp(x) / rowSums(exp(x))

# One sample's paths that stand for `labels`, and their probabilities.
paths_to <- function(logits, labels) {
  p <- softmax_rows(logits)
  paths <- all_paths(nrow(p), ncol(p))
  fits <- apply(paths, 1, function(path) identical(labels_of(path, ncol(p) - 1), labels))
  paths <- paths[fits, , drop = FALSE]
  list(paths = paths, p = apply(paths, 1, function(path) prod(p[cbind(seq_along(path), path + 1)])))
}

# f(logits of the steps that count, labels that count, sample) for every sample.
by_ctc_sample <- function(logits, labels, input_length, label_length, f) {
  lapply(seq_len(dim(logits)[1]), function(i) {
    sample <- matrix(logits[i, , ], dim(logits)[2])
    valid <- label_length[i] <= dim(labels)[2] && input_length[i] <= dim(logits)[2]
    wanted <- labels[i, seq_len(min(label_length[i], dim(labels)[2]))]
    valid <- valid && all(wanted >= 0 & wanted < dim(logits)[3] - 1)
    if (!valid) return(f(NULL, NULL, i))
    f(sample[seq_len(input_length[i]), , drop = FALSE], as.vector(wanted, "double"), i)
  })
}

oracle_ctc_loss <- function(logits, labels, input_length, label_length) {
  loss <- by_ctc_sample(logits, labels, input_length, label_length, function(logits, labels, i) {
    if (is.null(logits)) NaN else -log(sum(paths_to(logits, labels)$p))
  })
  matrix(unlist(loss))
}

oracle_ctc_loss_backward <- function(logits, labels, input_length, label_length, dy) {
  result <- logits * 0
  by_ctc_sample(logits, labels, input_length, label_length, function(sample, labels, i) {
    if (is.null(sample)) {
      result[i, , ] <<- NaN
      return()
    }
    ways <- paths_to(sample, labels)
    if (!length(ways$p)) return()
    for (t in seq_len(nrow(sample))) {
      share <- vapply(seq_len(ncol(sample)) - 1, function(k) sum(ways$p[ways$paths[, t] == k]), 0)
      result[i, t, ] <<- dy[i] * (softmax_rows(sample)[t, ] - share / sum(ways$p))
    }
  })
  result
}

# The likeliest labels by the sum over their paths (what a beam finds that is wide enough), or
# those of the best class of every step.
oracle_ctc_decode <- function(logits, input_length, a) {
  steps <- dim(logits)[2]
  paths <- array(-1, c(dim(logits)[1], a$top_paths, steps))
  scores <- matrix(-Inf, dim(logits)[1], a$top_paths)
  for (i in seq_len(dim(logits)[1])) {
    sample <- matrix(logits[i, , ], steps)[seq_len(input_length[i]), , drop = FALSE]
    blank <- ncol(sample) - 1
    if (a$beam_width == 0) {
      labels <- labels_of(max.col(sample, "first") - 1, blank)
      paths[i, 1, seq_along(labels)] <- labels
      scores[i, 1] <- -sum(apply(sample, 1, max))
      next
    }
    every <- all_paths(nrow(sample), ncol(sample))
    p <- softmax_rows(sample)
    probabilities <- apply(every, 1, function(path) prod(p[cbind(seq_along(path), path + 1)]))
    meaning <- apply(every, 1, function(path) paste(labels_of(path, blank), collapse = " "))
    best <- utils::head(sort(tapply(probabilities, meaning, sum), decreasing = TRUE), a$top_paths)
    for (k in seq_along(best)) {
      labels <- scan(text = names(best)[k], quiet = TRUE)
      paths[i, k, seq_along(labels)] <- labels
      scores[i, k] <- log(best[[k]])
    }
  }
  list(paths, scores)
}

ctc_rows <- function() {
  loss <- function(steps, classes, labels, input_length, label_length, batches = c(1, 4), note = NULL,
                   dtype = "float32", finite = TRUE) {
    width <- length(labels[[1]])
    args <- list(arg(c(-1, steps, classes)), arg(c(-1, width), fixed(unlist(labels)), dtype),
                 arg(c(-1, 1), fixed(input_length), dtype), arg(c(-1, 1), fixed(label_length), dtype))
    list(
      # The gradient is an op of its own that has none.
      op_row("ctc_loss", args, oracle_ctc_loss, batches = batches,
             gradient = if (finite) 1, second = FALSE, note = note),
      op_row("ctc_loss_backward", c(args, list(arg(c(-1, 1)))), oracle_ctc_loss_backward,
             batches = batches, gradient = NULL, note = note)
    )
  }
  decode <- function(steps, classes, input_length, beam_width, top_paths, dtype = "float32") {
    op_row("ctc_decode", list(arg(c(-1, steps, classes), distinct_reals()), arg(c(-1, 1), fixed(input_length), dtype)),
           oracle_ctc_decode, list(beam_width = beam_width, top_paths = top_paths), c(1, 5),
           gradient = NULL, note = sprintf("%d steps, beam %d, %d paths", steps, beam_width, top_paths))
  }
  c(
    loss(5, 4, list(c(0, 1), c(2, 2), c(1, 9), c(9, 9)), c(5, 4, 3, 2), c(2, 2, 1, 0)),
    loss(4, 3, list(c(1, 0, 1), c(0, 0, -1)), c(4, 4), c(3, 2), note = "int32", dtype = "int32"),
    loss(1, 2, list(0, 0), 1, c(1, 0), note = "one step"),
    loss(3, 3, list(c(0, 0, 1), c(0, 0, 0), c(2, 0, 0), c(0, 5, 5)), c(3, 3, 3, 4), c(3, 2, 1, 1),
         note = "too short, in time, no label, too long", finite = FALSE),
    list(
      decode(4, 3, c(4, 3, 1), 0, 1), decode(6, 5, c(6, 2, 0), 0, 1, "int32"),
      decode(4, 3, c(4, 3, 2), 40, 3), decode(5, 3, c(5, 4), 70, 5, "int32"),
      decode(2, 2, c(2, 1), 4, 4)
    )
  )
}

# No two sums of paths are equal.
distinct_reals <- function() function(n) sample(seq(-2, 2, length.out = 8 * n), n)
