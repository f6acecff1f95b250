# Rows of the op harness (helper-op-cases.R): depthwise convolution, convolution and pooling of
# volumes, and the batched product, with what they compute in plain R.

# --- oracles ---------------------------------------------------------------------------------------

# Depthwise convolution is a convolution whose kernel joins only channels that belong together.
dense_kernel <- function(kernel) {
  in_channels <- dim(kernel)[3]
  multiplier <- dim(kernel)[4]
  dense <- array(0, c(dim(kernel)[1:3], in_channels * multiplier))
  for (i in seq_len(in_channels)) dense[, , i, (i - 1) * multiplier + seq_len(multiplier)] <- kernel[, , i, ]
  dense
}
oracle_depthwise_backward_weights <- function(x, dy, dim, attrs) {
  dense <- oracle_conv2d_backward_weights(x, dy, c(dim[1:3], dim[3] * dim[4]), attrs)
  dw <- array(0, dim)
  for (i in seq_len(dim[3])) dw[, , i, ] <- dense[, , i, (i - 1) * dim[4] + seq_len(dim[4])]
  dw
}

volume_output <- function(size, extent, attrs) {
  span <- (extent - 1) * attrs$dilation + 1
  (size + attrs$padding[c(1, 3, 5)] + attrs$padding[c(2, 4, 6)] - span) %/% attrs$strides + 1
}

# visit(place, x_at, y_at) for each cell of a kernel: its place, and the indices of the inputs and
# outputs that it joins.
each_kernel_cell <- function(size, extent, attrs, visit) {
  out <- volume_output(size, extent, attrs)
  for (cell in seq_len(prod(extent))) {
    place <- arrayInd(cell, extent)
    positions <- lapply(1:3, function(axis) {
      (seq_len(out[axis]) - 1) * attrs$strides[axis] - attrs$padding[2 * axis - 1] +
        (place[axis] - 1) * attrs$dilation[axis] + 1
    })
    inside <- lapply(1:3, function(axis) which(positions[[axis]] >= 1 & positions[[axis]] <= size[axis]))
    visit(place, Map(`[`, positions, inside), inside)
  }
}
block <- function(x, at) x[, at[[1]], at[[2]], at[[3]], , drop = FALSE]
add_block <- function(x, at, value) {
  x[, at[[1]], at[[2]], at[[3]], ] <- block(x, at) + value
  x
}
cell_of <- function(kernel, place) matrix(kernel[place[1], place[2], place[3], , ], dim(kernel)[4])

oracle_conv3d <- function(x, kernel, attrs) {
  out <- volume_output(dim(x)[2:4], dim(kernel)[1:3], attrs)
  y <- array(0, c(dim(x)[1], out, dim(kernel)[5]))
  each_kernel_cell(dim(x)[2:4], dim(kernel)[1:3], attrs, function(place, x_at, y_at) {
    y <<- add_block(y, y_at, as.vector(as_rows(block(x, x_at)) %*% cell_of(kernel, place)))
  })
  y
}
oracle_conv3d_backward_data <- function(dy, kernel, dim, attrs) {
  dx <- array(0, dim)
  each_kernel_cell(dim[2:4], dim(kernel)[1:3], attrs, function(place, x_at, y_at) {
    dx <<- add_block(dx, x_at, as.vector(as_rows(block(dy, y_at)) %*% t(cell_of(kernel, place))))
  })
  dx
}
oracle_conv3d_backward_weights <- function(x, dy, dim, attrs) {
  dw <- array(0, dim)
  each_kernel_cell(dim(x)[2:4], dim[1:3], attrs, function(place, x_at, y_at) {
    dw[place[1], place[2], place[3], , ] <<- crossprod(as_rows(block(x, x_at)), as_rows(block(dy, y_at)))
  })
  dw
}

# visit(x_at, y_at) for each window of a pool: its cells that are inside, and its output.
each_pool_window <- function(size, attrs, visit) {
  out <- volume_output(size, attrs$size, attrs)
  for (position in seq_len(prod(out))) {
    y_at <- as.list(arrayInd(position, out))
    x_at <- lapply(1:3, function(axis) {
      cells <- (y_at[[axis]] - 1) * attrs$strides[axis] - attrs$padding[2 * axis - 1] + seq_len(attrs$size[axis])
      cells[cells >= 1 & cells <= size[axis]]
    })
    visit(x_at, y_at)
  }
}
oracle_pool3d <- function(x, attrs, fun) {
  y <- array(0, c(dim(x)[1], volume_output(dim(x)[2:4], attrs$size, attrs), dim(x)[5]))
  each_pool_window(dim(x)[2:4], attrs, function(x_at, y_at) {
    y <<- add_block(y, y_at, as.vector(apply(block(x, x_at), c(1, 5), fun)))
  })
  y
}
# share(cells, diff): how a window's gradient `diff` is spread over its cells.
oracle_pool3d_backward <- function(x, dy, attrs, share) {
  dx <- array(0, dim(x))
  each_pool_window(dim(x)[2:4], attrs, function(x_at, y_at) {
    cells <- block(x, x_at)
    for (n in seq_len(dim(x)[1])) for (channel in seq_len(dim(x)[5])) {
      one <- array(cells[n, , , , channel], dim(cells)[2:4])
      cells[n, , , , channel] <- share(one, dy[n, y_at[[1]], y_at[[2]], y_at[[3]], channel])
    }
    dx <<- add_block(dx, x_at, cells)
  })
  dx
}
share_first_maximum <- function(cells, diff) {
  values <- row_major(cells)
  from_row_major(ifelse(seq_along(values) == which.max(values), diff, 0), dim(cells))
}
share_evenly <- function(cells, diff) diff / length(cells)

# --- rows ------------------------------------------------------------------------------------------

bind_batch <- function(dim, a) ifelse(dim < 0, -dim * a$batch, dim)

depthwise_rows <- function() {
  one <- function(channels, multiplier, kernel, size, strides = c(1, 1), padding = c(0, 0, 0, 0),
                  dilation = c(1, 1), batches = c(1, 3)) {
    x <- c(-1, size, channels)
    w <- c(kernel, channels, multiplier)
    attrs <- list(strides = as.integer(strides), padding = as.integer(padding),
                  dilation = as.integer(dilation))
    y <- c(-1, window_output(size, kernel, attrs), channels * multiplier)
    note <- sprintf("%dx%d, %d channels by %d, %dx%d images, strides %d %d, padding %s, dilation %d %d",
                    kernel[1], kernel[2], channels, multiplier, size[1], size[2], strides[1], strides[2],
                    paste(padding, collapse = " "), dilation[1], dilation[2])
    list(
      op_row("depthwise_conv2d", list(arg(x), arg(w)),
             function(x, w) oracle_conv2d(x, dense_kernel(w), attrs), attrs, batches, note = note),
      op_row("depthwise_conv2d_backward_data", list(arg(y), arg(w)),
             function(dy, w, a) oracle_conv2d_backward_data(dy, dense_kernel(w), bind_batch(x, a), attrs),
             c(attrs, list(shape = as.integer(x))), batches, note = note),
      op_row("depthwise_conv2d_backward_weights", list(arg(x), arg(y)),
             function(x, dy) oracle_depthwise_backward_weights(x, dy, w, attrs),
             c(attrs, list(shape = as.integer(w))), batches, note = note)
    )
  }
  same <- c(1, 1, 1, 1)
  c(
    one(1, 1, c(1, 1), c(3, 4)),
    one(3, 1, c(3, 3), c(7, 9)),
    one(8, 1, c(3, 3), c(8, 7), padding = same),
    one(16, 1, c(3, 3), c(9, 8), strides = c(2, 2), padding = c(0, 1, 0, 1)),
    one(17, 1, c(3, 3), c(6, 13), padding = same),
    one(33, 1, c(5, 5), c(7, 9), padding = c(2, 2, 2, 2)),
    one(9, 1, c(3, 2), c(8, 7), strides = c(2, 1), padding = c(0, 1, 1, 0)),
    one(5, 1, c(7, 7), c(11, 12), strides = c(2, 2), padding = c(3, 3, 3, 3)),
    one(8, 1, c(3, 3), c(11, 9), dilation = c(2, 3)),
    one(12, 1, c(3, 3), c(10, 10), dilation = c(2, 2), padding = c(2, 2, 2, 2)),
    one(4, 1, c(3, 1), c(10, 10), strides = c(2, 3), dilation = c(3, 2), padding = c(3, 2, 0, 0)),
    # A stride wider than the kernel: pixels that nothing reads.
    one(8, 1, c(1, 1), c(9, 9), strides = c(3, 3)),
    one(7, 1, c(2, 2), c(10, 11), strides = c(3, 4), padding = c(1, 0, 0, 1)),
    # Padding that a whole kernel fits into.
    one(8, 1, c(3, 3), c(4, 5), padding = c(3, 3, 3, 3)),
    one(8, 1, c(3, 3), c(1, 1), padding = same),
    one(64, 1, c(3, 3), c(5, 21), padding = same, batches = 2),
    one(1, 8, c(3, 3), c(6, 5), padding = same),
    one(3, 2, c(3, 3), c(7, 6), strides = c(2, 2), padding = c(0, 1, 1, 0)),
    one(5, 3, c(2, 3), c(6, 7), dilation = c(2, 1)),
    one(8, 17, c(3, 3), c(4, 5), padding = same)
  )
}

conv3d_rows <- function() {
  one <- function(in_channels, out_channels, kernel, size, strides = c(1, 1, 1),
                  padding = rep(0, 6), dilation = c(1, 1, 1), batches = c(1, 3)) {
    x <- c(-1, size, in_channels)
    w <- c(kernel, in_channels, out_channels)
    attrs <- list(strides = as.integer(strides), padding = as.integer(padding),
                  dilation = as.integer(dilation))
    y <- c(-1, volume_output(size, kernel, attrs), out_channels)
    note <- paste0(toString(kernel), ", ", in_channels, " to ", out_channels, " channels, volumes ",
                   toString(size), ", strides ", toString(strides), ", padding ", toString(padding),
                   ", dilation ", toString(dilation))
    list(
      op_row("conv3d", list(arg(x), arg(w)), function(x, w) oracle_conv3d(x, w, attrs), attrs, batches,
             note = note),
      op_row("conv3d_backward_data", list(arg(y), arg(w)),
             function(dy, w, a) oracle_conv3d_backward_data(dy, w, bind_batch(x, a), attrs),
             c(attrs, list(shape = as.integer(x))), batches, note = note),
      op_row("conv3d_backward_weights", list(arg(x), arg(y)),
             function(x, dy) oracle_conv3d_backward_weights(x, dy, w, attrs),
             c(attrs, list(shape = as.integer(w))), batches, note = note)
    )
  }
  same <- rep(1, 6)
  c(
    one(1, 1, c(1, 1, 1), c(2, 3, 4)),
    one(3, 5, c(1, 1, 1), c(3, 2, 4)),
    one(4, 3, c(1, 1, 1), c(5, 4, 3), strides = c(2, 1, 3)),
    one(1, 8, c(3, 3, 3), c(4, 5, 6)),
    one(3, 4, c(3, 3, 3), c(4, 5, 3), padding = same),
    one(8, 16, c(2, 3, 3), c(5, 4, 6), padding = c(0, 1, 1, 1, 1, 1)),
    one(5, 7, c(3, 2, 1), c(6, 5, 4), strides = c(2, 2, 1), padding = c(1, 0, 0, 1, 0, 0)),
    one(3, 3, c(3, 3, 3), c(5, 6, 5), strides = c(2, 2, 2), padding = same),
    one(2, 4, c(2, 2, 2), c(7, 5, 6), dilation = c(3, 2, 1)),
    one(3, 8, c(1, 3, 3), c(4, 4, 5), padding = c(0, 0, 1, 1, 1, 1)),
    one(4, 2, c(3, 1, 1), c(4, 3, 2), padding = c(2, 1, 0, 0, 0, 0)),
    # Planes that nothing reads, and planes of outputs that read nothing.
    one(3, 3, c(1, 2, 2), c(7, 4, 4), strides = c(3, 1, 1)),
    one(3, 3, c(2, 2, 2), c(2, 3, 3), padding = c(3, 3, 0, 0, 0, 0)),
    one(17, 33, c(3, 3, 3), c(3, 4, 3), padding = same, batches = 2)
  )
}

pool3d_rows <- function() {
  max_backward <- function(x, y, attrs, draw, batches, note) {
    op_row("max_pool3d_backward", list(arg(x, draw), arg(y)),
           function(x, dy) oracle_pool3d_backward(x, dy, attrs, share_first_maximum), attrs, batches,
           gradient = NULL, note = note, makes = "max_pool3d_backward",
           build = function(op, inputs) {
             y <- op("max_pool3d", inputs[1], attrs)
             op("max_pool3d_backward", list(inputs[[1]], y[[1]], inputs[[2]]), attrs)
           })
  }
  one <- function(channels, volume, size, strides = size, padding = rep(0, 6), batches = c(1, 3)) {
    x <- c(-1, volume, channels)
    attrs <- list(size = as.integer(size), strides = as.integer(strides), padding = as.integer(padding))
    every <- c(attrs, list(dilation = c(1L, 1L, 1L)))
    y <- c(-1, volume_output(volume, size, every), channels)
    note <- paste0(toString(size), ", ", channels, " channels, volumes ", toString(volume), ", strides ",
                   toString(strides), ", padding ", toString(padding))
    list(
      op_row("max_pool3d", list(arg(x, distinct())), function(x) oracle_pool3d(x, every, max), attrs, batches,
             second = FALSE, note = note),
      max_backward(x, y, every, distinct(), batches, note),
      max_backward(x, y, every, integers(0, 1), batches, paste0(note, ", ties")),
      op_row("avg_pool3d", list(arg(x)), function(x) oracle_pool3d(x, every, mean), attrs, batches, note = note),
      op_row("avg_pool3d_backward", list(arg(y)),
             function(dy, a) oracle_pool3d_backward(array(0, bind_batch(x, a)), dy, every, share_evenly),
             c(attrs, list(shape = as.integer(x))), batches, note = note)
    )
  }
  c(
    one(1, c(2, 4, 6), c(2, 2, 2)), one(3, c(5, 3, 4), c(2, 2, 2)), one(8, c(3, 3, 3), c(3, 3, 3)),
    one(17, c(4, 5, 3), c(2, 3, 3), c(1, 2, 2), c(0, 1, 1, 1, 1, 1)),
    one(9, c(4, 3, 5), c(3, 3, 3), c(2, 2, 2), rep(1, 6)),
    one(5, c(5, 4, 6), c(1, 2, 2), c(2, 3, 3)), one(4, c(3, 4, 2), c(2, 1, 1), c(1, 1, 1)),
    one(33, c(2, 2, 4), c(2, 2, 2))
  )
}

batch_matmul_rows <- function() {
  one <- function(a, b, ta = FALSE, tb = FALSE, batches = c(1, 3)) {
    op_row("batch_matmul", list(arg(a), arg(b)), function(x, y) {
      products <- lapply(seq_len(dim(x)[1]), function(i) {
        oracle_matmul(matrix(x[i, , ], dim(x)[2]), matrix(y[i, , ], dim(y)[2]), ta, tb)
      })
      aperm(array(unlist(products), c(dim(products[[1]]), dim(x)[1])), c(3, 1, 2))
    }, list(transpose_a = ta, transpose_b = tb), batches,
    note = paste0(deparse(a), " by ", deparse(b), if (ta) ", left transposed", if (tb) ", right transposed"))
  }
  c(
    list(one(c(-1, 3, 4), c(-1, 4, 5)), one(c(5, -1, 7), c(5, 7, 9)), one(c(-1, 1, 33), c(-1, 33, 1)),
         one(c(3, 17, -1), c(3, -1, 6)), one(c(1, 8, 16), c(1, 16, 33)), one(c(2, 1, 1), c(2, 1, 17))),
    list(one(c(-1, 4, 3), c(-1, 4, 5), TRUE), one(c(-1, 3, 4), c(-1, 5, 4), FALSE, TRUE),
         one(c(-1, 17, 9), c(-1, 8, 17), TRUE, TRUE), one(c(4, 6, -1), c(4, 7, -1), FALSE, TRUE))
  )
}

convolution_rows <- function() c(depthwise_rows(), conv3d_rows(), pool3d_rows(), batch_matmul_rows())
