# The table of the op harness: one row an op (and a case of it). To add an op, add a row; test-ops.R
# checks it in every way it can be checked.
#
# op        the op's name
# args      its inputs, made by arg()
# attrs     its attributes; "shape" may have -1 for the batch
# oracle    what it computes, in plain R: a function of the inputs and, if it has a parameter `a`,
#           of the attributes with a concrete shape; a list where there are several outputs
# batches   the batch sizes to run
# gradient  the inputs it has gradients of, by position
# second    whether its gradients have gradients
# build     for what only passes make: function(op, inputs) that calls op(name, inputs, attrs)
# makes     the op that the passes are then to make of it
# note      tells rows of one op apart
op_row <- function(op, args, oracle, attrs = list(), batches = c(1, 3),
                   gradient = seq_along(args), second = TRUE, build = NULL, makes = op,
                   note = NULL) {
  list(op = op, args = args, oracle = oracle, attrs = attrs, batches = batches,
       gradient = gradient, second = second, build = build, makes = makes,
       label = paste0(makes, if (!is.null(note)) paste0(" (", note, ")")))
}

# An input. `dim`: -1 is the batch. `draw`: function(n) that gives its elements, row-major.
arg <- function(dim, draw = reals(), dtype = "float32") {
  list(dim = dim, draw = draw, dtype = dtype)
}

# --- domains: numbers that float32 holds exactly, away from where a derivative jumps ----------

kStep <- 1 / 256

# Multiples of 1/256 in [from, to], at least `margin` away from the kinks. An `offset` keeps two
# inputs apart from each other.
reals <- function(from = -2, to = 2, kinks = numeric(), margin = 3 * kStep, offset = 0) {
  force(from); force(to); force(kinks); force(margin); force(offset)
  function(n) {
    grid <- seq(ceiling(from / kStep), floor(to / kStep)) * kStep + offset
    for (kink in kinks) grid <- grid[abs(grid - kink) >= margin]
    sample(grid, n, replace = TRUE)
  }
}
# No two equal, so that a maximum is one element whatever is added to it.
distinct <- function() function(n) (sample.int(n) - n / 2) * 3 * kStep
integers <- function(from, to) {
  force(from); force(to)
  function(n) sample(seq(from, to), n, replace = TRUE)
}
fixed <- function(values) {
  force(values)
  function(n) rep_len(values, n)
}

# --- elementwise -------------------------------------------------------------------------------

# Vectors of 1 to 257 elements: whole and broken SIMD lanes.
lane_sizes <- c(1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 255, 256, 257)

unary_row <- function(op, oracle, draw = reals(), attrs = list(), gradient = 1, note = NULL) {
  op_row(op, list(arg(-1, draw)), oracle, attrs, lane_sizes, gradient, note = note)
}
binary_row <- function(op, oracle, left = reals(), right = reals(offset = kStep / 2),
                       gradient = 1:2) {
  op_row(op, list(arg(-1, left), arg(-1, right)), oracle, batches = lane_sizes,
         gradient = gradient)
}

sigmoid <- function(x) 1 / (1 + exp(-x))
softplus <- function(x) pmax(x, 0) + log1p(exp(-abs(x)))
keep_dim <- function(fun) function(x, ...) tensor(fun(as.vector(x), ...), dims(x))

elementwise_rows <- function() {
  no_zero <- reals(kinks = 0)
  positive <- reals(0.25, 4)
  # What a step of a diverging training meets.
  extreme <- fixed(c(-Inf, Inf, NaN, 0, -100, 100, -20, 20, -1e-6, 1e-6, 1e30, -1e30, 88, -88))
  list(
    unary_row("neg", function(x) -x),
    unary_row("abs", abs, no_zero),
    unary_row("sign", sign, reals(kinks = 0), gradient = NULL),
    unary_row("sign", sign, fixed(c(0, -0.5, NaN)), gradient = NULL, note = "zero"),
    unary_row("exp", exp),
    unary_row("log", log, positive),
    unary_row("sqrt", sqrt, positive),
    unary_row("square", function(x) x^2),
    unary_row("reciprocal", function(x) 1 / x, reals(kinks = 0, margin = 0.25)),
    unary_row("sin", sin, reals(-8, 8)),
    unary_row("cos", cos, reals(-8, 8)),
    unary_row("round", round, gradient = NULL),
    unary_row("round", round, fixed(c(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 1e9)), gradient = NULL,
              note = "halves"),
    unary_row("floor", floor, gradient = NULL),
    unary_row("floor", floor, fixed(c(-1.5, -1, -0.25, 0, 1, 1.75, 1e9, -1e9)), gradient = NULL,
              note = "whole"),
    unary_row("tanh", tanh, reals(-6, 6)),
    unary_row("sigmoid", sigmoid, reals(-8, 8)),
    unary_row("softplus", softplus, reals(-8, 8)),
    unary_row("relu", function(x) x * (x > 0), no_zero),
    unary_row("elu", function(x) ifelse(x > 0, x, expm1(x)), no_zero, list(alpha = 1)),
    unary_row("elu", function(x) ifelse(x > 0, x, 0.3 * expm1(x)), no_zero, list(alpha = 0.3),
              note = "alpha 0.3"),
    unary_row("elu", function(x) ifelse(x > 0, x, -0.5 * expm1(x)), no_zero, list(alpha = -0.5),
              note = "alpha -0.5"),
    unary_row("clip", function(x) pmin(pmax(x, -0.5), 1), reals(kinks = c(-0.5, 1)),
              list(min = -0.5, max = 1)),
    unary_row("stop_gradient", identity, gradient = NULL),
    unary_row("all_reduce", identity),
    unary_row("exp", exp, extreme, gradient = NULL, note = "extremes"),
    unary_row("tanh", tanh, extreme, gradient = NULL, note = "extremes"),
    unary_row("sigmoid", sigmoid, extreme, gradient = NULL, note = "extremes"),
    unary_row("softplus", softplus, extreme, gradient = NULL, note = "extremes"),
    unary_row("relu", keep_dim(function(x) ifelse(x < 0, 0, x)), extreme, gradient = NULL,
              note = "extremes"),
    unary_row("elu", keep_dim(function(x) ifelse(x > 0, x, expm1(x))), extreme, list(alpha = 1),
              gradient = NULL, note = "extremes"),
    unary_row("clip", keep_dim(function(x) ifelse(x < -1, -1, ifelse(x > 1, 1, x))), extreme,
              list(min = -1, max = 1), gradient = NULL, note = "extremes"),
    unary_row("log", function(x) suppressWarnings(log(x)),
              fixed(c(0, -1, Inf, NaN, 1e-30, 1e30, 0.9999, 1.0001)), gradient = NULL,
              note = "extremes"),
    unary_row("sqrt", function(x) suppressWarnings(sqrt(x)), fixed(c(0, -1, Inf, NaN, 1e-30, 1e30)),
              gradient = NULL, note = "extremes"),
    unary_row("reciprocal", function(x) 1 / x, fixed(c(0, Inf, -Inf, NaN, 1e30, -1e-30)),
              gradient = NULL, note = "extremes"),
    binary_row("add", `+`),
    binary_row("sub", `-`),
    binary_row("mul", `*`),
    binary_row("div", `/`, right = reals(kinks = 0, margin = 0.25)),
    binary_row("pow", `^`, left = positive),
    op_row("pow", list(arg(-1, reals(kinks = 0, margin = 0.5)), arg(-1, integers(-2, 3))), `^`,
           batches = lane_sizes, gradient = 1, note = "whole exponents"),
    binary_row("maximum", pmax),
    binary_row("minimum", pmin),
    op_row("maximum", list(arg(-1, fixed(c(1, NaN, 2, NaN, Inf))), arg(-1, fixed(c(NaN, 1, 3, NaN)))),
           function(x, y) pmax(x, y), batches = lane_sizes, gradient = NULL, note = "NaN"),
    op_row("minimum", list(arg(-1, fixed(c(1, NaN, 2, NaN, Inf))), arg(-1, fixed(c(NaN, 1, 3, NaN)))),
           function(x, y) pmin(x, y), batches = lane_sizes, gradient = NULL, note = "NaN"),
    op_row("select",
           list(arg(-1, integers(-1, 1)), arg(-1), arg(-1)),
           function(condition, x, y) ifelse(condition != 0, x, y),
           batches = lane_sizes, gradient = 2:3)
  )
}

comparison_rows <- function() {
  tests <- list(equal = `==`, not_equal = `!=`, greater = `>`, greater_equal = `>=`, less = `<`,
                less_equal = `<=`)
  one <- function(op, dtype) {
    force(op)
    op_row(op, list(arg(-1, integers(0, 2), dtype), arg(-1, integers(0, 2), dtype)),
           keep_dim(function(x, y) as.numeric(tests[[op]](x, as.vector(y)))),
           batches = lane_sizes, gradient = NULL, note = if (dtype == "int32") "int32")
  }
  with_nan <- op_row("not_equal", list(arg(-1, fixed(c(1, NaN))), arg(-1, fixed(c(1, 1, NaN)))),
                     keep_dim(function(x, y) as.numeric(is.nan(x) | is.nan(y) | x != as.vector(y))),
                     batches = lane_sizes, gradient = NULL, note = "NaN")
  c(lapply(names(tests), one, "float32"), lapply(names(tests), one, "int32"), list(with_nan))
}

# Integers wrap around and have no gradients.
integer_rows <- function() {
  ints <- integers(-50, 50)
  one <- function(op, oracle, inputs = 2) {
    op_row(op, rep(list(arg(-1, ints, "int32")), inputs), oracle, batches = c(1, 9, 33),
           gradient = NULL, note = "int32")
  }
  list(
    one("add", `+`), one("sub", `-`), one("mul", `*`), one("maximum", pmax), one("minimum", pmin),
    one("neg", function(x) -x, 1), one("abs", abs, 1), one("sign", sign, 1),
    one("square", function(x) x^2, 1), one("relu", function(x) pmax(x, 0), 1),
    one("select", function(condition, x, y) ifelse(condition != 0, x, y), 3),
    op_row("sum", list(arg(c(-1, 5), ints, "int32")), function(x) array(rowSums(x)),
           list(axes = 1L), gradient = NULL, note = "int32"),
    op_row("max", list(arg(c(-1, 5), ints, "int32")), function(x) array(apply(x, 1, max)),
           list(axes = 1L), gradient = NULL, note = "int32"),
    op_row("cast", list(arg(-1, ints, "int32")), identity, list(dtype = "float32"),
           batches = lane_sizes, gradient = NULL, note = "to float32"),
    op_row("cast", list(arg(-1, fixed(c(0, 1.75, -1.75, 255, -0.5, 2^30, -2^30)))), trunc,
           list(dtype = "int32"), batches = lane_sizes, gradient = NULL, note = "to int32"),
    # What does not fit becomes what fits best; NA of R is the smallest int32.
    op_row("cast", list(arg(-1, fixed(c(NaN, 1e10, -1e10, Inf, -Inf)))),
           keep_dim(function(x) ifelse(is.nan(x), 0, ifelse(x > 0, 2^31 - 1, NA))),
           list(dtype = "int32"), batches = c(5, 33), gradient = NULL, note = "out of range")
  )
}

# Binary ops stretch their inputs as numpy does.
broadcasting_rows <- function() {
  one <- function(left, right, dim, note) {
    op_row("sub", list(arg(left), arg(right)), function(x, y, a) {
      dim[dim < 0] <- a$batch
      oracle_broadcast(x, dim) - oracle_broadcast(y, dim)
    }, batches = c(1, 3, 8), note = note)
  }
  list(
    one(c(-1, 33), 33, c(-1, 33), "vector"),
    one(c(-1, 7), c(-1, 1), c(-1, 7), "column"),
    one(integer(), c(-1, 5), c(-1, 5), "number"),
    one(c(-1, 4, 1, 3), c(5, 1), c(-1, 4, 5, 3), "both"),
    one(c(-1, 4, 6, 3), c(4, 1, 1), c(-1, 4, 6, 3), "rows")
  )
}

# --- reductions --------------------------------------------------------------------------------

reduce_rows <- function() {
  one <- function(op, dim, axes, keepdims = FALSE, mean = FALSE, draw = reals()) {
    fun <- switch(op, sum = if (mean) base::mean else sum, max = max, min = min)
    op_row(
      op, list(arg(dim, draw)),
      function(x) oracle_reduce(x, axes, keepdims, fun),
      list(axes = as.integer(axes), keepdims = keepdims, mean = mean), batches = c(1, 3, 9),
      # The share of each extreme is a step function: no second derivative to speak of.
      second = op == "sum",
      note = paste0(if (mean) "mean ", "of ", deparse(dim), " over ", deparse(as.integer(axes)))
    )
  }
  rows <- list()
  for (dim in list(c(-1, 33), c(-1, 7, 8), c(-1, 4, 5, 17))) {
    last <- length(dim) - 1
    for (axes in list(seq_along(dim) - 1, 0, last, seq_len(last), seq_len(last) - 1)) {
      rows <- c(rows, list(
        one("sum", dim, axes), one("sum", dim, axes, keepdims = TRUE),
        one("sum", dim, axes, mean = TRUE), one("max", dim, axes, draw = distinct())
      ))
    }
    rows <- c(rows, list(one("min", dim, last, TRUE, draw = distinct())))
  }
  c(rows, list(
    one("sum", c(-1, 3, 4, 5), c(0, 2)), one("max", c(-1, 3, 4, 5), c(1, 3), draw = distinct()),
    one("sum", c(257), 0), one("sum", c(-1, 1), 1), one("min", c(-1, 3), 0, draw = distinct()),
    op_row("max", list(arg(c(-1, 4), fixed(c(1, NaN, 2, 3, 4, 5)))),
           function(x) array(apply(x, 1, function(v) if (anyNA(v)) NaN else max(v))),
           list(axes = 1L), batches = c(2, 6), gradient = NULL, note = "NaN")
  ))
}

argmax_rows <- function() {
  one <- function(dim, axis, draw, note = NULL) {
    op_row("argmax", list(arg(dim, draw)), function(x) oracle_argmax(x, axis),
           list(axis = as.integer(axis)), batches = c(1, 8), gradient = NULL, note = note)
  }
  list(one(c(-1, 10), 1, distinct()), one(c(-1, 33), 1, distinct()), one(c(-1, 5, 3), 1, distinct()),
       one(c(-1, 3), 0, distinct(), "batch"), one(c(-1, 10), 1, integers(0, 2), "ties"))
}

broadcast_rows <- function() {
  one <- function(from, to, mean = FALSE) {
    bind <- function(dim, a) ifelse(dim < 0, -dim * a$batch, dim)
    note <- paste0(deparse(from), " and ", deparse(to), if (mean) ", mean")
    list(
      op_row("broadcast", list(arg(from)), function(x, a) oracle_broadcast(x, bind(to, a), mean),
             list(shape = as.integer(to), mean = mean), note = note),
      op_row("sum_to", list(arg(to)), function(x, a) oracle_sum_to(x, bind(from, a), mean),
             list(shape = as.integer(from), mean = mean), note = note)
    )
  }
  c(
    one(33, c(-1, 33)), one(33, c(-1, 33), TRUE), one(c(-1, 1), c(-1, 17)),
    one(c(-1, 1), c(-1, 17), TRUE), one(integer(), c(-1, 4, 3)), one(integer(), 257, TRUE),
    one(c(-1, 1, 1, 8), c(-1, 5, 4, 8), TRUE), one(c(5, 1, 3), c(-1, 5, 7, 3)),
    one(c(-1, 3, 1), c(-1, 3, 31)), one(1, c(-1, 9)), one(c(1, 1), c(7, 9))
  )
}

# --- shape -------------------------------------------------------------------------------------

shape_rows <- function() {
  reshape <- function(from, to) {
    op_row("reshape", list(arg(from)),
           function(x, a) from_row_major(row_major(x), ifelse(to < 0, -to * a$batch, to)),
           list(shape = as.integer(to)), note = paste(deparse(from), "to", deparse(to)))
  }
  transpose <- function(dim, perm) {
    op_row("transpose", list(arg(dim)), function(x) aperm(x, perm + 1),
           list(perm = as.integer(perm)), note = paste(deparse(dim), "by", deparse(perm)))
  }
  concat <- function(dims, axis) {
    op_row("concat", lapply(dims, arg), function(..., a) oracle_concat(list(...), axis),
           list(axis = as.integer(axis)), note = paste0(length(dims), " along ", axis))
  }
  slice <- function(dim, axis, begin, size) {
    op_row("slice", list(arg(dim)), function(x) oracle_slice(x, axis, begin, size),
           list(axis = axis, begin = begin, size = size), note = paste(deparse(dim), "along", axis))
  }
  pad <- function(dim, axis, before, after) {
    op_row("pad", list(arg(dim)), function(x) oracle_pad(x, axis, before, after),
           list(axis = axis, before = before, after = after),
           note = paste(deparse(dim), "along", axis))
  }
  reverse <- function(dim, axis) {
    op_row("reverse", list(arg(dim)), function(x) {
      index <- lapply(dim(x), seq_len)
      index[[axis + 1]] <- rev(index[[axis + 1]])
      do.call(`[`, c(list(x), index, drop = FALSE))
    }, list(axis = axis), note = paste(deparse(dim), "along", axis))
  }
  split <- function(dim, axis, parts) {
    op_row("split", list(arg(dim)), function(x) {
      size <- dim(x)[axis + 1] / parts
      lapply((seq_len(parts) - 1) * size, oracle_slice, x = x, axis = axis, size = size)
    }, list(axis = as.integer(axis), parts = as.integer(parts)), note = paste(deparse(dim), "along", axis))
  }
  list(
    reshape(c(-1, 4, 3), c(-1, 12)), reshape(c(-1, 12), c(-4, 3)), reshape(c(-4, 3), c(-1, 2, 6)),
    reshape(c(24), c(2, 3, 4)),
    transpose(c(-1, 5), c(1, 0)), transpose(c(33, 17), c(1, 0)),
    transpose(c(-1, 3, 4, 5), c(0, 3, 1, 2)), transpose(c(-1, 3, 4, 5), c(3, 2, 1, 0)),
    transpose(c(-1, 8, 2), c(0, 1, 2)), transpose(c(-1, 4, 5, 2), c(1, 2, 0, 3)),
    concat(list(c(-1, 3), c(-1, 5), c(-1, 1)), 1), concat(list(c(-1, 3), c(-2, 3)), 0),
    concat(list(c(-1, 2, 3, 4), c(-1, 2, 1, 4)), 2), concat(list(c(-1, 3)), 1),
    slice(c(-1, 9), 1L, 2L, 5L), slice(c(-1, 4, 5, 3), 2L, 0L, 3L), slice(c(7, 3), 0L, 6L, 1L),
    slice(c(-1, 6), 1L, 0L, 6L),
    reverse(c(-1, 5), 1L), reverse(c(-1, 3, 4, 2), 2L), reverse(c(7, 3), 0L), reverse(c(-1, 1), 1L),
    split(c(-1, 6), 1, 3), split(c(-1, 4, 3), 1, 4), split(c(6, 2), 0, 2), split(c(-1, 5), 1, 1),
    pad(c(-1, 4), 1L, 2L, 3L), pad(c(-1, 3, 4, 2), 2L, 0L, 1L), pad(c(5, 2), 0L, 1L, 0L),
    # Two of three batches' worth of rows, and back.
    op_row("slice", list(arg(c(-3, 2))),
           function(x, a) x[a$batch + seq_len(2 * a$batch), , drop = FALSE],
           list(axis = 0L, begin = -1L, size = -2L), note = "of the batch axis"),
    op_row("slice", list(arg(c(-1, 2))), function(x) x[2:3, , drop = FALSE],
           list(axis = 0L, begin = 1L, size = 2L), batches = c(3, 5), note = "of rows by number"),
    op_row("pad", list(arg(c(-1, 2))),
           function(x, a) oracle_pad(x, 0, 2 * a$batch, a$batch),
           list(axis = 0L, before = -2L, after = -1L), note = "of the batch axis"),
    op_row("one_hot", list(arg(-1, integers(0, 9))), function(x) oracle_one_hot(x, 10),
           list(depth = 10L), batches = c(1, 33), gradient = NULL),
    op_row("one_hot", list(arg(c(-1, 4), integers(-2, 6), "int32")), function(x) oracle_one_hot(x, 5),
           list(depth = 5L), gradient = NULL, note = "int32, some out of range"),
    op_row("one_hot", list(arg(-1, fixed(c(0, NaN, 1e20, -1, 2)))),
           function(x) oracle_one_hot(ifelse(is.nan(x), -1, x), 3),
           list(depth = 3L), batches = 7, gradient = NULL, note = "no class")
  )
}

# --- products ----------------------------------------------------------------------------------

matmul_rows <- function() {
  one <- function(n, k, ta = FALSE, tb = FALSE, batches = c(1, 3, 8, 33)) {
    op_row("matmul",
           list(arg(if (ta) c(k, -1) else c(-1, k)), arg(if (tb) c(n, k) else c(k, n))),
           function(x, y) oracle_matmul(x, y, ta, tb),
           list(transpose_a = ta, transpose_b = tb), batches,
           note = paste0("k ", k, ", n ", n, if (ta) ", left transposed",
                         if (tb) ", right transposed"))
  }
  rows <- list()
  for (ta in c(FALSE, TRUE)) for (tb in c(FALSE, TRUE)) {
    rows <- c(rows, list(one(7, 9, ta, tb), one(33, 31, ta, tb), one(16, 64, ta, tb),
                         one(1, 17, ta, tb), one(10, 1, ta, tb, batches = c(1, 256))))
  }
  # The gradient of a kernel: the sum runs over the batch.
  over_batch <- op_row("matmul", list(arg(c(-1, 17)), arg(c(-1, 9))), crossprod,
                       list(transpose_a = TRUE, transpose_b = FALSE), c(1, 3, 255),
                       note = "over the batch")
  c(rows, list(over_batch, one(257, 130, batches = c(5, 65))))
}

# --- windows -----------------------------------------------------------------------------------

conv_rows <- function() {
  one <- function(in_channels, out_channels, kernel, size, strides = c(1, 1),
                  padding = c(0, 0, 0, 0), dilation = c(1, 1), batches = c(1, 3)) {
    x <- c(-1, size, in_channels)
    w <- c(kernel, in_channels, out_channels)
    attrs <- list(strides = as.integer(strides), padding = as.integer(padding),
                  dilation = as.integer(dilation))
    y <- c(-1, window_output(size, kernel, attrs), out_channels)
    note <- sprintf("%dx%d, %d to %d channels, %dx%d images, strides %d %d, padding %s, dilation %d %d",
                    kernel[1], kernel[2], in_channels, out_channels, size[1], size[2], strides[1],
                    strides[2], paste(padding, collapse = " "), dilation[1], dilation[2])
    bound <- function(dim, a) ifelse(dim < 0, a$batch, dim)
    list(
      op_row("conv2d", list(arg(x), arg(w)), function(x, w, a) oracle_conv2d(x, w, attrs),
             attrs, batches, note = note),
      op_row("conv2d_backward_data", list(arg(y), arg(w)),
             function(dy, w, a) oracle_conv2d_backward_data(dy, w, bound(x, a), attrs),
             c(attrs, list(shape = as.integer(x))), batches, note = note),
      op_row("conv2d_backward_weights", list(arg(x), arg(y)),
             function(x, dy, a) oracle_conv2d_backward_weights(x, dy, w, attrs),
             c(attrs, list(shape = as.integer(w))), batches, note = note)
    )
  }
  same <- c(1, 1, 1, 1)
  rows <- c(
    one(1, 1, c(1, 1), c(3, 4)),
    one(1, 8, c(3, 3), c(7, 9)),
    one(3, 16, c(3, 3), c(8, 7), padding = same),
    one(3, 32, c(3, 3), c(9, 33)),
    one(8, 3, c(1, 1), c(5, 7)),
    one(16, 33, c(1, 1), c(4, 9), batches = c(1, 8)),
    one(17, 17, c(1, 1), c(7, 7), strides = c(2, 2)),
    one(33, 8, c(1, 1), c(8, 8), strides = c(2, 1)),
    one(32, 32, c(3, 3), c(6, 8), padding = same),
    one(17, 33, c(3, 3), c(7, 5), padding = same),
    one(33, 17, c(3, 3), c(5, 6)),
    one(8, 16, c(3, 3), c(9, 8), strides = c(2, 2), padding = c(0, 1, 0, 1)),
    one(16, 8, c(3, 3), c(8, 9), strides = c(2, 2), padding = same),
    one(3, 17, c(5, 5), c(9, 11), padding = c(2, 2, 2, 2)),
    one(8, 8, c(5, 5), c(9, 7), strides = c(2, 2), padding = c(1, 2, 1, 2)),
    one(3, 8, c(3, 3), c(9, 10), dilation = c(2, 2), padding = c(2, 2, 2, 2)),
    one(8, 3, c(3, 3), c(11, 9), dilation = c(2, 3)),
    one(16, 16, c(3, 3), c(10, 10), dilation = c(3, 2), strides = c(2, 1), padding = c(3, 2, 1, 0)),
    one(3, 8, c(2, 4), c(7, 8), padding = c(0, 1, 1, 2)),
    one(1, 32, c(1, 3), c(6, 9), padding = c(0, 0, 1, 1)),
    one(8, 1, c(3, 1), c(9, 6), padding = c(1, 1, 0, 0)),
    one(3, 16, c(7, 7), c(11, 12), strides = c(2, 2), padding = c(3, 3, 3, 3)),
    one(3, 3, c(3, 3), c(3, 3), padding = c(2, 0, 0, 2)),
    one(8, 16, c(3, 3), c(1, 1), padding = same),
    # A stride wider than the kernel: pixels that nothing reads.
    one(8, 8, c(1, 1), c(9, 9), strides = c(3, 3)),
    one(4, 5, c(2, 2), c(10, 11), strides = c(3, 4), padding = c(1, 0, 0, 1)),
    # Padding that a whole kernel row fits into.
    one(3, 8, c(3, 3), c(4, 5), padding = c(3, 3, 3, 3)),
    one(64, 64, c(3, 3), c(5, 5), padding = same, batches = 2)
  )
  rows
}

pool_rows <- function() {
  one <- function(channels, image, size, strides = size, padding = c(0, 0, 0, 0), batches = c(1, 3)) {
    x <- c(-1, image, channels)
    attrs <- list(size = as.integer(size), strides = as.integer(strides),
                  padding = as.integer(padding))
    y <- c(-1, window_output(image, size, window_defaults(attrs)), channels)
    note <- sprintf("%dx%d, %d channels, %dx%d images, strides %d %d, padding %s", size[1], size[2],
                    channels, image[1], image[2], strides[1], strides[2],
                    paste(padding, collapse = " "))
    max_of <- function(x) oracle_pool(x, attrs, function(v) max(v, na.rm = TRUE))
    list(
      op_row("max_pool2d", list(arg(x, distinct())), max_of, attrs, batches, second = FALSE,
             note = note),
      op_row("max_pool2d_backward", list(arg(x, distinct()), arg(y)),
             function(x, dy) oracle_pool_backward(x, dy, attrs, share_max), attrs, batches,
             gradient = NULL, note = note, makes = "max_pool2d_backward",
             build = function(op, inputs) {
               y <- op("max_pool2d", inputs[1], attrs)
               op("max_pool2d_backward", list(inputs[[1]], y[[1]], inputs[[2]]), attrs)
             }),
      op_row("avg_pool2d", list(arg(x)),
             function(x) oracle_pool(x, attrs, function(v) mean(v, na.rm = TRUE)), attrs, batches,
             note = note),
      op_row("avg_pool2d_backward", list(arg(y)),
             function(dy, a) {
               x <- array(0, ifelse(x < 0, a$batch, x))
               oracle_pool_backward(x, dy, attrs, share_mean)
             }, c(attrs, list(shape = as.integer(x))), batches, note = note)
    )
  }
  ties <- function(channels) {
    attrs <- list(size = c(3L, 3L), strides = c(2L, 2L), padding = c(1L, 1L, 1L, 1L))
    x <- c(-1, 7, 7, channels)
    y <- c(-1, 4, 4, channels)
    op_row("max_pool2d_backward", list(arg(x, integers(0, 1)), arg(y)),
           function(x, dy) oracle_pool_backward(x, dy, attrs, share_max), attrs, c(1, 3),
           gradient = NULL, note = paste("ties,", channels, "channels"),
           makes = "max_pool2d_backward",
           build = function(op, inputs) {
             y <- op("max_pool2d", inputs[1], attrs)
             op("max_pool2d_backward", list(inputs[[1]], y[[1]], inputs[[2]]), attrs)
           })
  }
  c(
    one(1, c(4, 6), c(2, 2)), one(3, c(7, 9), c(2, 2)), one(8, c(6, 6), c(3, 3)),
    one(16, c(7, 7), c(3, 3), c(2, 2), c(1, 1, 1, 1)),
    one(17, c(8, 5), c(2, 3), c(1, 2), c(0, 1, 1, 0)),
    one(32, c(5, 5), c(3, 3), c(1, 1), c(1, 1, 1, 1)),
    one(33, c(9, 4), c(2, 2), c(2, 2), c(0, 1, 0, 0)),
    one(8, c(9, 9), c(2, 2), c(3, 3)), one(3, c(5, 6), c(5, 6), c(1, 1)),
    one(4, c(3, 3), c(1, 1), c(1, 1)), one(5, c(4, 4), c(3, 3), c(3, 3), c(2, 0, 0, 2)),
    list(ties(1), ties(8), ties(19))
  )
}

# --- normalisation -------------------------------------------------------------------------------

norm_rows <- function() {
  softmax <- function(dim, draw = reals(), note = deparse(dim), gradient = 1) {
    op_row("softmax", list(arg(dim, draw)), oracle_softmax, batches = c(1, 3, 8),
           gradient = gradient, note = note)
  }
  normalise <- function(dim, batches = c(2, 3, 8), epsilon = 1e-3) {
    channels <- dim[length(dim)]
    attrs <- list(epsilon = epsilon)
    weights <- reals(0.5, 2)
    list(
      op_row("batch_norm", list(arg(dim), arg(channels, weights), arg(channels)),
             function(x, gamma, beta) oracle_batch_norm(x, gamma, beta, epsilon), attrs, batches,
             note = deparse(dim)),
      op_row("batch_norm_backward",
             list(arg(dim), arg(channels, weights), arg(channels), arg(channels, weights), arg(dim)),
             function(x, gamma, mean, variance, dy) {
               oracle_batch_norm_backward(x, gamma, mean, variance, dy, epsilon)
             }, attrs, batches, gradient = NULL, note = deparse(dim))
    )
  }
  c(
    list(
      softmax(c(-1, 10)), softmax(c(-1, 1)), softmax(c(-1, 33)), softmax(c(-1, 4, 7)),
      softmax(7), softmax(c(-1, 257)),
      softmax(c(-1, 9), fixed(c(1000, 999, -1000, 0, 88, -88, 1e30)), "extremes", NULL)
    ),
    normalise(c(-1, 1)), normalise(c(-1, 17)), normalise(c(-1, 33), c(1, 2, 257)),
    normalise(c(-1, 3, 4, 8), c(1, 3)), normalise(c(-1, 5, 5, 3)), normalise(c(-1, 4, 32), 9, 1e-5),
    # Far from zero the variance must not drown in the rounding of the squares.
    list(op_row(
      "batch_norm",
      list(arg(c(-1, 4, 3), reals(1000, 1001)), arg(3, reals(0.5, 2)), arg(3)),
      function(x, gamma, beta) oracle_batch_norm(x, gamma, beta, 1e-3), list(epsilon = 1e-3),
      c(8, 64), gradient = NULL, note = "far from zero"
    ))
  )
}

# --- random numbers and state ---------------------------------------------------------------------

# Seeds and steps, as unsigned numbers, and a stream for each. (2^31 would be R's NA.)
random_states <- list(
  list(state = c(1, 2, 3, 0), stream = 0),
  list(state = c(4294967295, 2147483649, 4294967295, 7), stream = 5),
  list(state = c(123456789, 987654321, 0, 0), stream = 70000)
)
as_int32 <- function(x) ifelse(x >= 2^31, x - 2^32, x)

random_rows <- function() {
  rng <- function(s) c(arg(4, fixed(as_int32(s$state)), "int32"), list(variable = TRUE))
  draw <- function(op, s, dim, numbers) {
    force(numbers)
    op_row(op, list(rng(s)), function(rng, a) {
      bound <- ifelse(dim < 0, a$batch, dim)
      from_row_major(numbers(prod(bound), s$state, s$stream), bound)
    }, list(shape = as.integer(dim), stream = s$stream), c(1, 2, 3, 4, 5, 33, 256),
    gradient = NULL, note = paste("stream", s$stream, deparse(dim)))
  }
  dropout <- function(s, rate) {
    op_row("dropout", list(arg(c(-1, 9)), rng(s)), function(x, rng) {
      kept <- oracle_uniforms(length(x), s$state, s$stream) >= rate
      x * from_row_major(kept / (1 - rate), dim(x))
    }, list(rate = rate, stream = s$stream), c(1, 3, 8, 33), gradient = 1,
    note = paste("rate", rate, "stream", s$stream))
  }
  rows <- list()
  for (s in random_states) {
    for (dim in list(-1, c(-1, 3), c(-1, 5, 7))) {
      rows <- c(rows, list(draw("random_uniform", s, dim, oracle_uniforms),
                           draw("random_normal", s, dim, oracle_normals)))
    }
    rows <- c(rows, lapply(c(0, 0.1, 0.5, 0.9), dropout, s = s))
  }
  rows
}

# --- what the fuse pass makes ----------------------------------------------------------------------

fusable <- list(
  none = NULL, relu = function(x) pmax(x, 0), tanh = tanh, sigmoid = sigmoid, softplus = softplus
)

fused_rows <- function() {
  with_activation <- function(op, name, x) if (name == "none") x else op(name, x, list())
  activate <- function(name, x) if (name == "none") x else fusable[[name]](x)
  dense <- function(name, units, inputs, batches = c(1, 3, 32, 33)) {
    op_row("dense", list(arg(c(-1, inputs)), arg(c(inputs, units)), arg(units)),
           function(x, w, b) activate(name, sweep(x %*% w, 2, b, "+")),
           batches = batches, gradient = NULL, note = paste(name, inputs, units),
           build = function(op, inputs) {
             product <- op("matmul", inputs[1:2], list(transpose_a = FALSE, transpose_b = FALSE))
             with_activation(op, name, op("add", c(product, inputs[3]), list()))
           })
  }
  conv <- function(name, from, to, kernel, padding, batches = c(1, 3)) {
    attrs <- list(strides = c(1L, 1L), padding = as.integer(padding), dilation = c(1L, 1L))
    op_row("conv2d_bias", list(arg(c(-1, 6, 7, from)), arg(c(kernel, from, to)), arg(to)),
           function(x, w, b) activate(name, sweep(oracle_conv2d(x, w, attrs), 4, b, "+")),
           batches = batches, gradient = NULL, note = paste(name, from, to),
           build = function(op, inputs) {
             product <- op("conv2d", inputs[1:2], attrs)
             with_activation(op, name, op("add", c(product, inputs[3]), list()))
           })
  }
  c(
    lapply(names(fusable), dense, units = 17, inputs = 9),
    list(dense("relu", 1, 33), dense("none", 64, 31), dense("sigmoid", 1, 10)),
    lapply(names(fusable), conv, from = 3, to = 8, kernel = c(3, 3), padding = c(1, 1, 1, 1)),
    list(conv("relu", 8, 33, c(3, 3), c(0, 0, 0, 0)), conv("relu", 16, 16, c(1, 1), c(0, 0, 0, 0)),
         conv("none", 3, 17, c(5, 5), c(2, 2, 2, 2))),
    fused_chain_rows()
  )
}

fused_chain_rows <- function() {
  none <- list()
  row <- function(args, oracle, build, note, batches = c(1, 7, 33, 300)) {
    op_row("fused", args, oracle, batches = batches, gradient = NULL, build = build, note = note)
  }
  list(
    row(list(arg(-1), arg(-1)), function(x, y) (x - y)^2 * 0.5 + tanh(x), function(op, inputs) {
      error <- op("square", op("sub", inputs, none), none)
      op("add", c(op("mul", c(error, list(0.5)), none), op("tanh", inputs[1], none)), none)
    }, "two vectors"),
    row(list(arg(c(-1, 13)), arg(13), arg(c(-1, 1))), function(x, b, s) {
      exp(-oracle_broadcast(s, dim(x))) * (x + oracle_broadcast(b, dim(x)))
    }, function(op, inputs) {
      scale <- op("exp", op("neg", inputs[3], none), none)
      op("mul", c(scale, op("add", inputs[1:2], none)), none)
    }, "row and column"),
    row(list(arg(c(-1, 5, 6, 3)), arg(3), arg(integer(), reals(0.5, 2))), function(x, b, s) {
      softplus(pmin(pmax((x - oracle_broadcast(b, dim(x))) / s, -1), 1.5))
    }, function(op, inputs) {
      scaled <- op("div", c(op("sub", inputs[1:2], none), inputs[3]), none)
      op("softplus", op("clip", scaled, list(min = -1, max = 1.5)), none)
    }, "channels and a number", c(1, 3)),
    row(list(arg(-1, reals(kinks = 0)), arg(-1)), function(x, y) {
      ifelse(x > 0, sigmoid(y), 0.7 * expm1(y) * (y <= 0) + y * (y > 0)) + cos(x)
    }, function(op, inputs) {
      condition <- op("greater", c(inputs[1], list(0)), none)
      chosen <- op("select", c(condition, op("sigmoid", inputs[2], none),
                               op("elu", inputs[2], list(alpha = 0.7))), none)
      op("add", c(chosen, op("cos", inputs[1], none)), none)
    }, "select")
  )
}

op_rows <- function() {
  c(
    elementwise_rows(), comparison_rows(), integer_rows(), broadcasting_rows(), reduce_rows(),
    argmax_rows(), broadcast_rows(), shape_rows(), matmul_rows(), conv_rows(), pool_rows(),
    norm_rows(), rnn_rows(), random_rows(), fused_rows(), index_rows(), ctc_rows(), convolution_rows()
  )
}
