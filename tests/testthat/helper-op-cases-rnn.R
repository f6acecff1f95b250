# Rows of the op harness (helper-op-cases.R) for recurrent ops. Oracles take one step of one
# sequence after the other, on vectors.

cell_activations <- list(
  linear = identity, tanh = tanh, sigmoid = function(x) 1 / (1 + exp(-x)),
  hard_sigmoid = function(x) pmin(pmax(0.2 * x + 0.5, 0), 1), relu = function(x) pmax(x, 0)
)

# Cells: from the inputs of a step (a list of one vector a gate), the states before and a function
# multiply(h, gate) to the states after and what else the op puts out.
oracle_simple_rnn_cell <- function(x, states, multiply, activate, gate_activate, bias) {
  list(h = activate(x[[1]] + multiply(states$h, 1)))
}
oracle_lstm_cell <- function(x, states, multiply, activate, gate_activate, bias) {
  sums <- lapply(1:4, function(gate) x[[gate]] + multiply(states$h, gate))
  gates <- lapply(1:4, function(gate) (if (gate == 3) activate else gate_activate)(sums[[gate]]))
  c <- gates[[2]] * states$c + gates[[1]] * gates[[3]]
  list(h = gates[[4]] * activate(c), c = c, gates = unlist(gates))
}
oracle_gru_cell <- function(x, states, multiply, activate, gate_activate, bias) {
  z <- gate_activate(x[[1]] + multiply(states$h, 1))
  r <- gate_activate(x[[2]] + multiply(states$h, 2))
  product <- if (!is.null(bias)) multiply(states$h, 3) + bias
  n <- activate(x[[3]] + if (is.null(bias)) multiply(r * states$h, 3) else r * product)
  list(h = z * states$h + (1 - z) * n, gates = c(z, r, n), product = product)
}

# Runs a cell over all sequences. `states`: list of (batch, units) matrices. Outputs in the order
# of the inputs; those that a masked step doesn't decide are NA.
oracle_recurrence <- function(cell, x, kernel, states, attrs, mask = NULL, dropout = NULL, bias = NULL) {
  units <- nrow(kernel)
  gates <- ncol(kernel) / units
  part <- function(v, gate) v[seq_len(units) + (gate - 1) * units]
  outputs <- NULL
  for (b in seq_len(dim(x)[1])) {
    now <- lapply(states, function(s) s[b, ])
    multiply <- function(h, gate) {
      if (!is.null(dropout)) h <- h * part(dropout[b, ], gate)
      drop(h %*% kernel[, seq_len(units) + (gate - 1) * units, drop = FALSE])
    }
    steps <- seq_len(dim(x)[2])
    for (t in if (attrs$reverse) rev(steps) else steps) {
      inputs <- lapply(seq_len(gates), function(gate) part(x[b, t, ], gate))
      result <- cell(inputs, now, multiply, cell_activations[[attrs$activation]],
                     cell_activations[[attrs$gate_activation]], bias)
      if (is.null(mask) || mask[b, t] != 0) now <- result[names(now)] else result[names(now)] <- now
      result <- Filter(Negate(is.null), result)
      if (is.null(outputs)) outputs <- lapply(result, function(r) array(NA_real_, c(dim(x)[1:2], length(r))))
      for (name in names(result)) outputs[[name]][b, t, ] <- result[[name]]
    }
  }
  unname(outputs)
}

# The adjoint of f (arrays -> list of arrays) with respect to one of its inputs, by differences.
oracle_adjoint <- function(f, inputs, which, weights) {
  value <- function(x) {
    inputs[[which]] <- x
    sum(mapply(function(y, w) if (is.null(w)) 0 else sum(y * w), f(inputs), weights))
  }
  x <- inputs[[which]]
  array(vapply(seq_along(x), function(i) {
    at <- function(shift) {
      x[i] <- x[i] + shift
      value(x)
    }
    h <- 2^-8
    (45 * (at(h) - at(-h)) - 9 * (at(2 * h) - at(-2 * h)) + (at(3 * h) - at(-3 * h))) / (60 * h)
  }, 0), dim(x))
}

rnn_cells <- list(
  simple_rnn = list(cell = oracle_simple_rnn_cell, gates = 1, states = "h"),
  lstm = list(cell = oracle_lstm_cell, gates = 4, states = c("h", "c")),
  gru = list(cell = oracle_gru_cell, gates = 3, states = "h")
)

rnn_rows <- function() {
  one <- function(op, units, steps, activation = "tanh", gate_activation = "sigmoid", reverse = FALSE,
                  masked = FALSE, dropped = FALSE, reset_after = FALSE, batches = c(1, 3),
                  backward = FALSE) {
    kind <- rnn_cells[[op]]
    columns <- kind$gates * units
    attrs <- list(activation = activation, gate_activation = gate_activation, reverse = reverse,
                  masked = masked, dropped = dropped, reset_after = reset_after)
    # Away from the corner of relu, and never near those of hard_sigmoid.
    small <- if (activation == "relu") reals(0.25, 1) else reals(-0.75, 0.75)
    args <- c(
      list(arg(c(-1, steps, columns), small), arg(c(units, columns), small)),
      rep(list(arg(c(-1, units), small)), length(kind$states)),
      if (reset_after) list(arg(units, small)),
      if (masked) list(arg(c(-1, steps), fixed(c(1, 0, 1, 1, 0, 0, 1)))),
      if (dropped) list(arg(c(-1, columns), fixed(c(0, 1.5, 1.5, 1.5, 0))))
    )
    differentiated <- seq_len(2 + length(kind$states) + reset_after)
    forward <- function(inputs) {
      states <- stats::setNames(inputs[2 + seq_along(kind$states)], kind$states)
      rest <- inputs[-seq_len(2 + length(kind$states))]
      bias <- if (reset_after) rest[[1]]
      if (reset_after) rest <- rest[-1]
      oracle_recurrence(kind$cell, inputs[[1]], inputs[[2]], states, attrs,
                        if (masked) rest[[1]], if (dropped) rest[[1 + masked]], bias)
    }
    note <- paste0(
      units, " units, ", steps, " steps, ", activation, " ", gate_activation,
      if (reverse) ", reversed", if (masked) ", masked", if (dropped) ", dropped",
      if (reset_after) ", reset after"
    )
    # dh and, for lstm, dc. What the gates and products are worth is nobody's loss.
    gradients <- length(kind$states)
    rows <- list(
      op_row(op, args, function(...) forward(list(...)), attrs, batches, gradient = NULL, note = note),
      # The states as they are differentiated in layers: gates stay inside.
      op_row(op, args, function(...) forward(list(...))[seq_len(gradients)], attrs, min(batches),
             gradient = differentiated, second = FALSE, note = paste(note, "states"), makes = op,
             build = function(op_of, inputs) op_of(op, inputs, attrs)[seq_len(gradients)])
    )
    # Differences take their time, so the adjoints have fewer rows of their own.
    if (!backward) return(rows)
    c(rows, list(
      op_row(paste0(op, "_backward"), c(args, rep(list(arg(c(-1, steps, units))), gradients)),
             function(...) {
               inputs <- list(...)
               dy <- inputs[-seq_along(args)]
               f <- function(inputs) forward(inputs)[seq_len(gradients)]
               lapply(c(1, 2 + seq_along(kind$states)), function(which) {
                 oracle_adjoint(f, inputs[seq_along(args)], which, dy)
               })
             }, attrs, batches, gradient = NULL, note = note, makes = paste0(op, "_backward"),
             build = function(op_of, inputs) {
               y <- op_of(op, inputs[seq_along(args)], attrs)
               dy <- inputs[-seq_along(args)]
               options <- inputs[seq_along(args)][-seq_len(max(differentiated))]
               backward <- switch(op,
                 simple_rnn = c(inputs[2], y[1], dy),
                 lstm = c(inputs[c(2, 4)], y[2:3], dy),
                 gru = c(inputs[2:3], y[1:2], dy, y[-(1:2)])
               )
               # The gradient of the recurrent product is part of the kernel's.
               op_of(paste0(op, "_backward"), c(backward, options), attrs)[1:(1 + gradients)]
             })
    ))
  }
  c(
    one("simple_rnn", 3, 4), one("simple_rnn", 17, 3, "relu", batches = c(1, 9)),
    one("simple_rnn", 2, 1, "linear", backward = TRUE),
    one("simple_rnn", 5, 7, masked = TRUE, reverse = TRUE, dropped = TRUE),
    one("simple_rnn", 8, 2, "sigmoid", batches = c(2, 33)),
    one("lstm", 3, 4), one("lstm", 2, 1), one("lstm", 9, 3, masked = TRUE, dropped = TRUE),
    one("lstm", 16, 2, reverse = TRUE, batches = c(1, 13)),
    one("lstm", 2, 3, reverse = TRUE, masked = TRUE, batches = 2, backward = TRUE),
    one("lstm", 5, 3, "tanh", "hard_sigmoid"), one("lstm", 3, 3, "linear", "tanh", dropped = TRUE),
    one("gru", 3, 4), one("gru", 2, 1, reset_after = TRUE), one("gru", 9, 3, masked = TRUE, dropped = TRUE),
    one("gru", 16, 2, reverse = TRUE, reset_after = TRUE, batches = c(1, 13)),
    one("gru", 2, 3, reverse = TRUE, masked = TRUE, reset_after = TRUE, dropped = TRUE, batches = 2,
        backward = TRUE),
    one("gru", 2, 2, batches = 2, backward = TRUE),
    one("gru", 5, 3, "tanh", "hard_sigmoid", reset_after = TRUE), one("gru", 5, 3, "tanh", "hard_sigmoid"),
    one("gru", 3, 3, "linear", "tanh", dropped = TRUE)
  )
}
