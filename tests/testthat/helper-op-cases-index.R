# Rows of the op table (helper-op-cases.R): rows by number.

# The rows of `table` with the given indices, from 0; others are rows of zeros.
oracle_gather <- function(table, indices) {
  rows <- matrix(row_major(table), dim(table)[1], byrow = TRUE)
  wanted <- row_major(indices)
  inside <- !is.nan(wanted) & wanted >= 0 & wanted < nrow(rows)
  gathered <- matrix(0, length(wanted), ncol(rows))
  gathered[inside, ] <- rows[wanted[inside] + 1, ]
  from_row_major(as.vector(t(gathered)), c(dims(indices), dim(table)[-1]))
}

oracle_scatter_add <- function(dy, indices, dim) {
  wanted <- row_major(indices)
  given <- matrix(row_major(dy), length(wanted), byrow = TRUE)
  table <- matrix(0, dim[1], prod(dim[-1]))
  for (i in seq_along(wanted)) {
    row <- wanted[i] + 1
    if (!is.nan(row) && row >= 1 && row <= dim[1]) table[row, ] <- table[row, ] + given[i, ]
  }
  from_row_major(as.vector(t(table)), dim)
}

index_rows <- function() {
  one <- function(table, indices, dtype = "float32", draw = integers(0, table[1] - 1), note = NULL,
                  batches = c(1, 3)) {
    label <- paste(deparse(table), "by", deparse(indices), dtype, note)
    list(
      op_row("gather", list(arg(table), arg(indices, draw, dtype)), oracle_gather, batches = batches,
             gradient = 1, note = label),
      op_row("scatter_add", list(arg(c(indices, table[-1])), arg(indices, draw, dtype)),
             function(dy, indices, a) oracle_scatter_add(dy, indices, table),
             list(shape = as.integer(table)), batches, gradient = 1, note = label)
    )
  }
  c(
    one(c(7, 5), c(-1, 4)), one(c(7, 5), c(-1, 4), "int32"),
    one(9, -1, batches = c(1, 33)), one(c(3, 2, 4), c(-1, 2), "int32"),
    one(c(5, 33), c(6, 2)), one(c(4, 257), -1, "int32", batches = c(1, 9)),
    # Wide and long enough for two threads, with every index many times.
    one(c(3, 130), c(-1, 40), "int32", batches = c(2, 16)),
    one(c(4, 3), c(-1, 5), "int32", integers(-2, 6), "some out of range"),
    one(c(4, 3), -1, "float32", fixed(c(0, 3, -1, 4, 1e20, NaN, 2)), "no row", batches = 7)
  )
}
