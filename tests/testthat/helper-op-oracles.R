# What each op should compute, in plain R on plain arrays: slow, short and written from the
# definitions in src/graph/builder.h. Arrays have the tensor's dimensions; a tensor without
# dimensions is a number.

# --- shapes --------------------------------------------------------------------------------

dims <- function(x) if (is.null(dim(x))) integer() else dim(x)

# An array, or a number if there are no dimensions.
tensor <- function(values, dim) if (length(dim)) array(values, dim) else as.vector(values)[1]

# x repeated to `dim`, aligned at the right as numpy does.
oracle_broadcast <- function(x, dim, mean = FALSE) {
  at <- arrayInd(seq_len(prod(dim)), if (length(dim)) dim else 1L)
  own <- dims(x)
  at <- at[, seq_along(own) + length(dim) - length(own), drop = FALSE]
  for (axis in seq_along(own)) if (own[axis] == 1) at[, axis] <- 1L
  y <- tensor(if (length(own)) x[at] else x, dim)
  if (mean) y * length(x) / length(y) else y
}

oracle_reduce <- function(x, axes, keepdims, fun) {
  kept <- setdiff(seq_along(dim(x)), axes + 1)
  if (!length(axes)) kept <- integer()
  new_dim <- dim(x)[kept]
  if (keepdims) {
    new_dim <- dim(x)
    new_dim[setdiff(seq_along(new_dim), kept)] <- 1
  }
  tensor(if (length(kept)) apply(x, kept, fun) else fun(x), new_dim)
}

oracle_sum_to <- function(x, dim, mean = FALSE) {
  missing <- length(dim(x)) - length(dim)
  repeated <- c(seq_len(missing), missing + which(dim != dim(x)[missing + seq_along(dim)]))
  y <- if (length(repeated)) oracle_reduce(x, repeated - 1, FALSE, sum) else x
  y <- tensor(y, dim)
  if (mean) y * length(y) / length(x) else y
}

# Row-major order is R's order of the reversed axes.
row_major <- function(x) as.vector(if (length(dims(x)) > 1) aperm(x) else x)
from_row_major <- function(values, dim) {
  if (length(dim) > 1) aperm(array(values, rev(dim))) else tensor(values, dim)
}

oracle_concat <- function(xs, axis) {
  new_dim <- dim(xs[[1]])
  new_dim[axis + 1] <- sum(vapply(xs, function(x) dim(x)[axis + 1], 1))
  y <- array(0, new_dim)
  begin <- 0
  for (x in xs) {
    y <- oracle_put(y, x, axis, begin)
    begin <- begin + dim(x)[axis + 1]
  }
  y
}

# The indices of elements `begin + 1 ... begin + size` of an axis, all of the others.
slab <- function(dim, axis, begin, size) {
  at <- lapply(dim, seq_len)
  at[[axis + 1]] <- begin + seq_len(size)
  at
}
oracle_slice <- function(x, axis, begin, size) {
  do.call(`[`, c(list(x), slab(dim(x), axis, begin, size), drop = FALSE))
}
oracle_put <- function(y, x, axis, begin) {
  do.call(`[<-`, c(list(y), slab(dim(y), axis, begin, dim(x)[axis + 1]), list(value = x)))
}
oracle_pad <- function(x, axis, before, after) {
  new_dim <- dim(x)
  new_dim[axis + 1] <- new_dim[axis + 1] + before + after
  oracle_put(array(0, new_dim), x, axis, before)
}

oracle_one_hot <- function(x, depth) {
  classes <- rep(seq_len(depth) - 1, each = length(x))
  tensor(as.numeric(rep(as.vector(x), depth) == classes), c(dims(x), depth))
}

oracle_argmax <- function(x, axis) {
  oracle_reduce(x, axis, FALSE, function(v) which.max(v) - 1)
}

# --- products ------------------------------------------------------------------------------

oracle_matmul <- function(a, b, transpose_a = FALSE, transpose_b = FALSE) {
  (if (transpose_a) t(a) else a) %*% (if (transpose_b) t(b) else b)
}

# --- windows -------------------------------------------------------------------------------

window_defaults <- function(attrs) {
  utils::modifyList(
    list(strides = c(1, 1), padding = c(0, 0, 0, 0), dilation = c(1, 1)),
    attrs
  )
}

window_output <- function(size, extent, w) {
  span <- (extent - 1) * w$dilation + 1
  (size + c(w$padding[1] + w$padding[2], w$padding[3] + w$padding[4]) - span) %/% w$strides + 1
}

# Images (batch, h, w, channels) with their padding around them.
pad_images <- function(x, padding, value = 0) {
  padded <- array(value, dim(x) + c(0, sum(padding[1:2]), sum(padding[3:4]), 0))
  padded[, padding[1] + seq_len(dim(x)[2]), padding[3] + seq_len(dim(x)[3]), ] <- x
  padded
}
unpad_images <- function(x, padding) {
  x[, padding[1] + seq_len(dim(x)[2] - sum(padding[1:2])),
    padding[3] + seq_len(dim(x)[3] - sum(padding[3:4])), , drop = FALSE]
}

# The rows and columns of padded images that cell (i, j) of a window meets at each position.
window_rows <- function(i, count, w) (seq_len(count) - 1) * w$strides[1] + (i - 1) * w$dilation[1] + 1
window_columns <- function(j, count, w) (seq_len(count) - 1) * w$strides[2] + (j - 1) * w$dilation[2] + 1

as_rows <- function(x) matrix(x, ncol = dim(x)[length(dim(x))])

oracle_conv2d <- function(x, kernel, attrs) {
  w <- window_defaults(attrs)
  out <- window_output(dim(x)[2:3], dim(kernel)[1:2], w)
  new_dim <- c(dim(x)[1], out, dim(kernel)[4])
  padded <- pad_images(x, w$padding)
  y <- matrix(0, prod(new_dim[1:3]), new_dim[4])
  for (i in seq_len(dim(kernel)[1])) for (j in seq_len(dim(kernel)[2])) {
    seen <- padded[, window_rows(i, out[1], w), window_columns(j, out[2], w), , drop = FALSE]
    y <- y + as_rows(seen) %*% matrix(kernel[i, j, , ], dim(kernel)[3])
  }
  array(y, new_dim)
}

oracle_conv2d_backward_data <- function(dy, kernel, dim, attrs) {
  w <- window_defaults(attrs)
  out <- dim(dy)[2:3]
  dx <- pad_images(array(0, dim), w$padding)
  for (i in seq_len(dim(kernel)[1])) for (j in seq_len(dim(kernel)[2])) {
    rows <- window_rows(i, out[1], w)
    columns <- window_columns(j, out[2], w)
    share <- as_rows(dy) %*% t(matrix(kernel[i, j, , ], dim(kernel)[3]))
    dx[, rows, columns, ] <- dx[, rows, columns, , drop = FALSE] +
      array(share, c(dim[1], out, dim[4]))
  }
  unpad_images(dx, w$padding)
}

oracle_conv2d_backward_weights <- function(x, dy, dim, attrs) {
  w <- window_defaults(attrs)
  out <- dim(dy)[2:3]
  padded <- pad_images(x, w$padding)
  dw <- array(0, dim)
  for (i in seq_len(dim[1])) for (j in seq_len(dim[2])) {
    seen <- padded[, window_rows(i, out[1], w), window_columns(j, out[2], w), , drop = FALSE]
    dw[i, j, , ] <- crossprod(as_rows(seen), as_rows(dy))
  }
  dw
}

# visit(cells): `cells` are the values of one window, NA where there is padding; a number back.
oracle_pool <- function(x, attrs, fun) {
  w <- window_defaults(attrs)
  out <- window_output(dim(x)[2:3], w$size, w)
  padded <- pad_images(x, w$padding, NA)
  y <- array(0, c(dim(x)[1], out, dim(x)[4]))
  for (i in seq_len(out[1])) for (j in seq_len(out[2])) {
    rows <- (i - 1) * w$strides[1] + seq_len(w$size[1])
    columns <- (j - 1) * w$strides[2] + seq_len(w$size[2])
    y[, i, j, ] <- apply(padded[, rows, columns, , drop = FALSE], c(1, 4), fun)
  }
  y
}

# share(cells, diff): how a window's gradient `diff` is spread over its cells (a matrix).
oracle_pool_backward <- function(x, dy, attrs, share) {
  w <- window_defaults(attrs)
  padded <- pad_images(x, w$padding, NA)
  dx <- array(0, dim(padded))
  for (n in seq_len(dim(dy)[1])) for (channel in seq_len(dim(dy)[4])) {
    for (i in seq_len(dim(dy)[2])) for (j in seq_len(dim(dy)[3])) {
      rows <- (i - 1) * w$strides[1] + seq_len(w$size[1])
      columns <- (j - 1) * w$strides[2] + seq_len(w$size[2])
      cells <- matrix(padded[n, rows, columns, channel], length(rows))
      dx[n, rows, columns, channel] <- dx[n, rows, columns, channel] +
        share(cells, dy[n, i, j, channel])
    }
  }
  unpad_images(dx, w$padding)
}

# The whole gradient to the first maximum in row-major order.
share_max <- function(cells, diff) {
  rows_first <- t(cells)
  given <- array(0, dim(rows_first))
  given[which.max(rows_first)] <- diff
  t(given)
}
share_mean <- function(cells, diff) ifelse(is.na(cells), 0, diff / sum(!is.na(cells)))

# --- normalisation -------------------------------------------------------------------------

oracle_softmax <- function(x) {
  rows <- as_rows(x)
  e <- exp(rows - apply(rows, 1, max))
  array(e / rowSums(e), dim(x))
}

oracle_batch_norm <- function(x, gamma, beta, epsilon) {
  rows <- as_rows(x)
  mean <- colMeans(rows)
  variance <- colMeans(sweep(rows, 2, mean)^2)
  y <- sweep(rows, 2, mean)
  y <- sweep(sweep(y, 2, gamma / sqrt(variance + epsilon), "*"), 2, beta, "+")
  list(array(y, dim(x)), array(mean), array(variance))
}

oracle_batch_norm_backward <- function(x, gamma, mean, variance, dy, epsilon) {
  normal <- sweep(sweep(as_rows(x), 2, mean), 2, sqrt(variance + epsilon), "/")
  diff <- as_rows(dy)
  centred <- sweep(diff, 2, colMeans(diff)) - sweep(normal, 2, colMeans(normal * diff), "*")
  dx <- sweep(centred, 2, gamma / sqrt(variance + epsilon), "*")
  list(array(dx, dim(x)), array(colSums(normal * diff)), array(colSums(diff)))
}

# --- random numbers ------------------------------------------------------------------------

# Unsigned 32-bit arithmetic in doubles.
xor32 <- function(a, b) {
  bitwXor(a %/% 65536, b %/% 65536) * 65536 + bitwXor(a %% 65536, b %% 65536)
}
multiply32 <- function(a, b) {
  low <- (a %% 65536) * b
  middle <- (a %/% 65536) * b + low %/% 65536
  list(high = middle %/% 65536, low = (middle %% 65536) * 65536 + low %% 65536)
}

# Philox4x32-10 (Salmon et al. 2011): counter is a matrix of four columns, key two numbers.
oracle_philox <- function(counter, key) {
  for (round in 1:10) {
    p <- multiply32(0xD2511F53, counter[, 1])
    q <- multiply32(0xCD9E8D57, counter[, 3])
    counter <- cbind(
      xor32(xor32(q$high, counter[, 2]), key[1]), q$low,
      xor32(xor32(p$high, counter[, 4]), key[2]), p$low
    )
    key <- (key + c(0x9E3779B9, 0xBB67AE85)) %% 2^32
  }
  unname(counter)
}

# The first n uniforms of a stream; `state` is the random state as unsigned numbers.
oracle_uniforms <- function(n, state, stream) {
  blocks <- seq_len(ceiling(n / 4)) - 1
  key <- c(state[1], xor32(state[2], multiply32(stream, 0x9E3779B9)$low))
  bits <- oracle_philox(cbind(blocks, 0, state[3], state[4]), key)
  as.vector(t(bits %/% 256))[seq_len(n)] / 2^24
}

oracle_normals <- function(n, state, stream) {
  u <- matrix(oracle_uniforms(ceiling(n / 2) * 2, state, stream), 2)
  r <- sqrt(-2 * log(1 - u[1, ]))
  as.vector(rbind(r * cos(2 * pi * u[2, ]), r * sin(2 * pi * u[2, ])))[seq_len(n)]
}
