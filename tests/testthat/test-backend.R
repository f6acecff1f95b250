# k_* functions against tf_keras, on arrays and on symbolic tensors in a function; values of tensors;
# the backend as an object.

x <- waves(c(4, 3), 0.7, 2)
y <- waves(c(4, 3), 0.9, 2)
a <- waves(c(2, 3, 4), 0.7, 2)
b <- waves(c(2, 4, 5), 0.9)
image <- waves(c(2, 5, 4, 3), 0.7)
kernel <- waves(c(2, 3, 3, 2), 0.3)
volume <- waves(c(2, 2, 3, 2, 2), 0.7)
series <- waves(c(2, 6, 3), 0.7)
filters <- waves(c(2, 3, 4), 0.3)
v3 <- waves(3, 0.5)
positive <- abs(x) + 0.1
soft <- exp(x) / rowSums(exp(x))
bits <- (y > 0) + 0
target <- diag(3)[c(1, 3, 2, 2), ]

# A row: the function of tensors, and its inputs. `constant`: not with a symbolic batch.
on <- function(f, ..., constant = FALSE) list(f = f, inputs = list(...), constant = constant)

rows <- list(
  abs = on(k_abs, x), clip = on(function(x) k_clip(x, -0.5, 0.75), x), cos = on(k_cos, x), sin = on(k_sin, x),
  exp = on(k_exp, x), log = on(k_log, positive), sqrt = on(k_sqrt, x), square = on(k_square, x),
  pow = on(function(x) k_pow(x, 3), x), pow_fraction = on(function(x) k_pow(x, 1.5), positive),
  round = on(k_round, x), sign = on(k_sign, x), maximum = on(k_maximum, x, y), minimum = on(k_minimum, x, y),
  relu = on(k_relu, x), relu_all = on(function(x) k_relu(x, alpha = 0.2, max_value = 1), x),
  elu = on(function(x) k_elu(x, 0.7), x), sigmoid = on(k_sigmoid, x), hard_sigmoid = on(k_hard_sigmoid, x),
  tanh = on(k_tanh, x), softmax = on(k_softmax, x), softplus = on(k_softplus, x), softsign = on(k_softsign, x),
  equal = on(k_equal, round(x), round(y)), not_equal = on(k_not_equal, round(x), round(y)),
  greater = on(k_greater, round(x), round(y)), greater_equal = on(k_greater_equal, round(x), round(y)),
  less = on(k_less, round(x), round(y)), less_equal = on(k_less_equal, round(x), round(y)),
  switch = on(function(x, y) k_switch(k_greater(x, 0), x, y), x, y),
  sum = on(k_sum, x), sum_axis = on(function(x) k_sum(x, axis = 2), a),
  sum_keepdims = on(function(x) k_sum(x, axis = -1, keepdims = TRUE), a),
  sum_axes = on(function(x) k_sum(x, axis = c(1, 3)), a), mean = on(k_mean, x),
  mean_axis = on(function(x) k_mean(x, axis = 3), a), max = on(function(x) k_max(x, axis = 2), a),
  min = on(function(x) k_min(x, axis = -1), a), prod = on(function(x) k_prod(x, axis = 2), a),
  prod_all = on(k_prod, x, constant = TRUE), var = on(function(x) k_var(x, axis = 2), a), std = on(k_std, x),
  any = on(function(x) k_any(k_greater(x, 1.5), axis = 3), a),
  all = on(function(x) k_all(k_greater(x, -1.5), axis = 2), a), argmax = on(k_argmax, a),
  argmax_axis = on(function(x) k_argmax(x, axis = 2), a), argmin = on(k_argmin, a),
  cumsum = on(k_cumsum, x, constant = TRUE), cumsum_axis = on(function(x) k_cumsum(x, axis = 2), a),
  cumprod = on(function(x) k_cumprod(x, axis = 3), a), logsumexp = on(function(x) k_logsumexp(10 * x, axis = 2), a),
  dot = on(function(x) k_dot(x, matrix(v3)), x), dot_3 = on(function(x) k_dot(x, waves(c(4, 2), 0.4)), a),
  batch_dot = on(function(x, y) k_batch_dot(x, y, axes = c(3, 2)), a, b),
  batch_dot_2 = on(function(x, y) k_batch_dot(x, y, axes = 2), x, y),
  batch_dot_negative = on(function(x) k_batch_dot(x, x, axes = c(-1, -1)), a),
  transpose = on(k_transpose, x), gather = on(function(x) k_gather(x, c(2, 0, 2)), x, constant = TRUE),
  one_hot = on(function(x) k_one_hot(x, 3), array(c(0, 2, 1))),
  l2_normalize = on(function(x) k_l2_normalize(x, axis = 3), a),
  reshape = on(function(x) k_reshape(x, c(-1, 6, 2)), a), flatten = on(k_flatten, a),
  batch_flatten = on(k_batch_flatten, a), expand_dims = on(k_expand_dims, x),
  expand_dims_axis = on(function(x) k_expand_dims(x, 2), x),
  squeeze = on(function(x) k_squeeze(x, 2), array(x, c(4, 1, 3))),
  concatenate = on(function(x) k_concatenate(list(x, 2 * x)), a),
  concatenate_axis = on(function(x) k_concatenate(list(x, 2 * x), axis = 2), a),
  stack = on(function(x, y) k_stack(list(x, y), axis = 2), x, y),
  permute_dimensions = on(function(x) k_permute_dimensions(x, c(1, 3, 2)), a),
  `repeat` = on(function(x) k_repeat(x, 2), x),
  repeat_elements = on(function(x) k_repeat_elements(x, 2, axis = 2), a),
  tile = on(function(x) k_tile(x, c(1, 2, 3)), a),
  reverse = on(function(x) k_reverse(x, c(2, 3)), a),
  temporal_padding = on(function(x) k_temporal_padding(x, c(1, 2)), a),
  spatial_2d_padding = on(function(x) k_spatial_2d_padding(x, list(c(1, 0), c(2, 1))), image),
  spatial_3d_padding = on(function(x) k_spatial_3d_padding(x, list(c(1, 0), c(0, 1), c(1, 1))), volume),
  cast = on(function(x) k_cast_to_floatx(k_cast(x, "int32")), x), zeros_like = on(k_zeros_like, x),
  ones_like = on(k_ones_like, x), bias_add = on(function(x) k_bias_add(x, v3), image),
  conv1d = on(function(x) k_conv1d(x, filters, strides = 2, padding = "same"), series),
  conv2d = on(function(x) k_conv2d(x, kernel, strides = c(2, 1), padding = "same"), image),
  pool2d = on(function(x) k_pool2d(x, c(2, 3), c(1, 2), padding = "same", pool_mode = "avg"), image),
  batch_normalization = on(function(x) k_batch_normalization(x, v3, v3^2 + 1, 2 * v3, v3 + 2), x),
  in_top_k = on(function(x, t) k_in_top_k(x, t, 2), x, array(c(0, 1, 2, 0))),
  binary_crossentropy = on(k_binary_crossentropy, bits, soft),
  binary_crossentropy_logits = on(function(t, p) k_binary_crossentropy(t, p, from_logits = TRUE), bits, x),
  categorical_crossentropy = on(k_categorical_crossentropy, target, soft),
  categorical_crossentropy_logits = on(function(t, p) k_categorical_crossentropy(t, p, from_logits = TRUE), target, x),
  sparse_categorical_crossentropy = on(k_sparse_categorical_crossentropy, matrix(c(0, 2, 1, 1)), soft),
  map_fn = on(function(x) k_map_fn(function(v) k_sum(v * v), x), x, constant = TRUE),
  foldl = on(function(x) k_foldl(function(total, v) 2 * total + v, x), x, constant = TRUE),
  foldr = on(function(x) k_foldr(function(total, v) 2 * total + v, x), x, constant = TRUE),
  arange = on(function() k_arange(1, 10, 3)), eye = on(function() k_eye(3))
)

test_that("every function agrees with tf_keras on arrays", {
  expect_setequal(names(rows), names(golden("backend", file = "core")))
  for (name in names(rows)) {
    value <- k_eval(do.call(rows[[name]]$f, rows[[name]]$inputs))
    expect_golden(value, golden("backend", name, file = "core"), label = name)
  }
})

test_that("every function agrees with tf_keras on the tensors of a model", {
  for (name in names(rows)) {
    row <- rows[[name]]
    if (row$constant || !length(row$inputs)) next
    tensors <- lapply(row$inputs, function(x) layer_input(batch_shape = c(NA, dim(x)[-1])))
    value <- k_function(tensors, do.call(row$f, tensors))(row$inputs)
    expect_golden(value, golden("backend", name, file = "core"), label = name)
  }
})

test_that("gradients of gradients agree with tf_keras", {
  fs <- list(
    tanh_softmax = function(x) k_softmax(k_tanh(x))^2,
    sigmoid_exp = function(x) k_sigmoid(x) * k_exp(-x),
    normalize = function(x) k_l2_normalize(x, axis = 2)^3,
    logsumexp = function(x) k_logsumexp(x, axis = 2)^2,
    dot = function(x) k_dot(x, waves(c(3, 2), 0.4))^3
  )
  for (name in names(fs)) {
    v <- k_variable(x)
    slope <- k_sum(k_gradients(fs[[name]](v), v)[[1]] * y)
    # Second derivatives are sums of terms that cancel.
    expect_golden(k_eval(k_gradients(slope, v)[[1]]), golden("second_derivatives", name, file = "core"),
                  tolerance = 1e-4, label = name)
  }
})

test_that("functions that give lists, variables or random numbers do so", {
  normalised <- lapply(k_normalize_batch_in_training(x, k_constant(v3), k_constant(2 * v3), 1, 0.01), k_eval)
  mean <- colMeans(x)
  var <- colMeans(sweep(x, 2, mean)^2)
  expect_equal(normalised[[2]], array(mean), tolerance = 1e-6)
  expect_equal(normalised[[3]], array(var), tolerance = 1e-6)
  scaled <- sweep(sweep(x, 2, mean), 2, v3 / sqrt(var + 0.01), "*")
  expect_equal(normalised[[1]], sweep(scaled, 2, 2 * v3, "+"), tolerance = 1e-5)
  set.seed(6)
  n <- 20000
  draws <- list(
    k_random_normal(n, 1, 2), k_random_uniform(n, -1, 3), k_random_binomial(n, 0.3), k_truncated_normal(n, 1, 2),
    k_random_normal_variable(n, 1, 2), k_random_uniform_variable(n, -1, 3)
  )
  # The sd of a normal cut at two of them is 0.8796.
  moments <- list(c(1, 2), c(1, 4 / sqrt(12)), c(0.3, sqrt(0.21)), c(1, 2 * 0.8796), c(1, 2), c(1, 4 / sqrt(12)))
  for (i in seq_along(draws)) {
    z <- as.numeric(draws[[i]])
    expect_lt(abs(base::mean(z) - moments[[i]][[1]]), 5 * moments[[i]][[2]] / sqrt(n))
    expect_lt(abs(stats::sd(z) / moments[[i]][[2]] - 1), 0.05)
  }
  expect_true(all(abs(as.numeric(draws[[4]]) - 1) <= 4))
  v <- k_variable(c(1, 2))
  expect_equal(k_batch_get_value(list(v, k_variable(3))), list(array(c(1, 2)), 3))
  k_batch_set_value(list(list(v, c(5, 6))))
  expect_equal(k_get_value(v), array(c(5, 6)))
})

test_that("updates are made by functions, also when given as pairs", {
  v <- k_variable(1)
  w <- k_variable(10)
  input <- layer_input(batch_shape = c(1, 1))
  f <- k_function(list(input), list(k_sum(input)),
                  updates = list(k_update_add(v, k_sum(input)), list(w, w * 2), k_update_sub(k_variable(0), 1)))
  f(list(matrix(3)))
  expect_equal(c(k_get_value(v), k_get_value(w)), c(4, 20))
  average <- k_variable(1)
  k_function(list(), list(k_constant(0)), updates = list(k_moving_average_update(average, 3, 0.75)))(list())
  expect_equal(k_get_value(average), 1.5)
})

test_that("properties of tensors are told", {
  input <- layer_input(shape = c(28, 3))
  expect_identical(k_int_shape(input), list(NULL, 28L, 3L))
  expect_identical(k_shape(input), c(NA, 28L, 3L))
  expect_identical(k_ndim(input), 3L)
  expect_identical(k_dtype(input), "float32")
  expect_identical(k_dtype(k_cast(input, "int32")), "int32")
  expect_equal(k_count_params(k_zeros(c(3, 4))), 12)
  expect_true(k_is_keras_tensor(input) && k_is_placeholder(input) && k_is_tensor(input))
  expect_false(k_is_keras_tensor(k_variable(1)) || k_is_placeholder(input + 1) || k_is_sparse(input))
  expect_error(k_is_keras_tensor(1), class = "hornet_value_error")
  expect_identical(k_to_dense(input), input)
})

test_that("there are no sessions, which is said", {
  expect_error(k_get_session(), "no TensorFlow session.*k_eval", class = "hornet_unsupported_error")
  expect_error(k_set_session(NULL), class = "hornet_unsupported_error")
  expect_null(k_manual_variable_initialization(TRUE))
})

test_that("k_batch_dot() wants to be told the axes", {
  expect_error(k_batch_dot(x, y), "axes")
  expect_equal(k_eval(k_batch_dot(a, b, NULL)), k_eval(k_batch_dot(a, b, c(3, 2))))
})

# --- values -------------------------------------------------------------------------------------

test_that("a tensor that depends on no input has a value, and shows it", {
  tensor <- k_constant(matrix(1:4, 2)) * 2
  expect_output(print(tensor), "<keras_tensor \"mul\" shape=\\(2, 2\\).*\\[1,\\]    2    6")
  expect_equal(as.array(tensor), matrix(c(2, 4, 6, 8), 2))
  expect_equal(as.matrix(tensor), matrix(c(2, 4, 6, 8), 2))
  expect_identical(as.numeric(tensor), c(2, 4, 6, 8))
  expect_identical(as.vector(tensor), c(2, 4, 6, 8))
  expect_identical(as.integer(tensor), c(2L, 4L, 6L, 8L))
  expect_identical(as.logical(k_greater(tensor, 3)), c(FALSE, TRUE, TRUE, TRUE))
  v <- k_variable(3)
  expect_output(print(v), "keras_variable.*\n\\[1\\] 3")
  expect_equal(as.numeric(v^2), 9)
  # The value is the one of now.
  square <- v^2
  k_set_value(v, 4)
  expect_equal(as.numeric(square), 16)
  # Large ones are cut.
  expect_lt(length(capture.output(print(k_zeros(c(1000, 10))))), 50)
  # Looking makes no update.
  capture.output(print(k_update_add(v, 1)))
  expect_equal(k_get_value(v), 4)
})

test_that("a tensor that depends on an input has none, and says so", {
  input <- layer_input(shape = 2)
  tensor <- layer_dense(2 * input, 3) + k_constant(1)
  expect_identical(capture.output(print(tensor)), format(tensor))
  for (f in list(as.array, as.matrix, as.numeric, as.vector, as.integer, as.logical, as.character)) {
    expect_error(f(tensor), "only known when the model runs", class = "hornet_trace_error")
  }
  # Nothing has a value while something is traced.
  asking <- keras_model(input, layer_activation(input, function(x) x + as.numeric(k_constant(1))))
  expect_error(predict(asking, matrix(0, 1, 2)), "only known when the model runs", class = "hornet_trace_error")
})

test_that("operators and indexing follow R", {
  input <- layer_input(shape = dim(a)[-1])
  run <- function(f) k_function(input, f(input))(a)
  both <- list(
    function(x) x + 1, function(x) 2 - x, function(x) -x * x / 3, function(x) x %% 0.7, function(x) x %/% 0.7,
    function(x) abs(x)^1.5, function(x) sqrt(abs(x)) + exp(x) - log1p(abs(x)), function(x) tan(x / 2) + cosh(x),
    function(x) floor(x) + ceiling(x) + trunc(x) + round(x, 1), function(x) (x > 0) + 0,
    function(x) (x > 0 & x < 1) + 0, function(x) (x < 0 | !(x < 1)) + 0, function(x) (x == x) + (x != x),
    function(x) x[, 2, ], function(x) x[, 2:3, -1], function(x) x[, , 3, drop = FALSE], function(x) x[, c(3, 1), 4:2],
    function(x) x[, c(TRUE, FALSE, TRUE), ]
  )
  for (f in both) {
    # Floats: where %% jumps no element is near.
    expect_equal(run(f), f(a), tolerance = 1e-5, label = paste(deparse(f), collapse = ""))
    expect_equal(as.array(f(k_constant(a))), f(a), tolerance = 1e-5, label = paste(deparse(f), collapse = ""))
  }
  summaries <- list(sum, mean, max, min, range)
  for (f in summaries) expect_equal(as.vector(run(f)), f(a), tolerance = 1e-5)
  expect_equal(as.array(t(k_constant(x))), t(x), tolerance = 1e-6)
  expect_equal(as.array(k_constant(x)[2, ]), array(x[2, ]), tolerance = 1e-6)
  expect_error(input[-1, , ], "axis 1 is indexed by -1, but its size is not known yet", class = "hornet_shape_error")
  expect_error(input[, 4, ], "index out of bounds: axis 2 has size 3", class = "hornet_shape_error")
  expect_error(input[, 1], "takes 3 indices, got 2", class = "hornet_shape_error")
})

# --- the backend as an object ---------------------------------------------------------------------

test_that("backend() has the functions under their Python names, with axes from 0", {
  K <- backend()
  expect_equal(k_eval(K$sum(a, axis = 1L)), k_eval(k_sum(a, axis = 2)))
  expect_equal(k_eval(K$sum(a, axis = c(0, 2))), k_eval(k_sum(a, axis = c(1, 3))))
  expect_equal(k_eval(K$mean(x)), mean(x), tolerance = 1e-6)
  expect_equal(k_eval(K$argmax(a)), k_eval(k_argmax(a)))
  expect_equal(k_eval(K$max(a, axis = -1L)), k_eval(k_max(a, axis = -1)))
  # Defaults mean the same axes.
  expect_equal(k_eval(K$cumsum(x)), k_eval(k_cumsum(x)))
  expect_equal(k_eval(K$stack(list(x, y))), k_eval(k_stack(list(x, y))))
  expect_equal(k_eval(K$permute_dimensions(a, c(0, 2, 1))), aperm(a, c(1, 3, 2)), tolerance = 1e-7)
  expect_equal(k_eval(K$batch_dot(a, b, axes = c(2L, 1L))), k_eval(k_batch_dot(a, b, c(3, 2))))
  expect_equal(k_eval(K$reverse(a, 2)), k_eval(k_reverse(a, 3)))
  expect_identical(K$epsilon(), k_epsilon())
  expect_identical(K[["floatx"]](), "float32")
  expect_true(all(c("mean", "function", "gradients", "ctc_decode") %in% names(K)))
  expect_error(K$men(x), 'no function "men"', class = "hornet_value_error")
  expect_error(K$sum(x, axis = 2), "the tensor has 2 axes", class = "hornet_shape_error")
  expect_output(print(K), "axes from 0")
  # In a model, as a loss.
  model <- keras_model_sequential() %>% layer_dense(2, input_shape = 3)
  compile(model, "sgd", function(y_true, y_pred) K$mean(K$square(y_pred - y_true), axis = -1L))
  expect_true(is.finite(train_on_batch(model, x, x[, 1:2])))
})
