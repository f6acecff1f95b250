# layer_embedding(): numbers, gradients, masks, and the check of ids.

ids <- rbind(c(0, 2, 2, 6), c(5, 1, 2, 0))

test_that("an embedding agrees with tf_keras, forward and backward", {
  expected <- golden("embedding", file = "core")
  layer <- layer_embedding(input_dim = 7, output_dim = 3)
  input <- layer_input(batch_shape = c(2, 4))
  output <- layer(input)
  set_weights(layer, list(waves(c(7, 3), 0.37, 0.5)))
  run <- function(y) k_function(input, y)(ids)
  expect_golden(run(output), expected$output)
  loss <- k_sum(output * waves(c(2, 4, 3), 0.11))
  expect_golden(run(k_gradients(loss, layer$weights)[[1]]), expected$gradient)
})

test_that("ids may have any shape, and are counted from 0", {
  table <- waves(c(5, 2), 0.3)
  layer <- layer_embedding(input_dim = 5, output_dim = 2, weights = list(table))
  scalar <- layer_input(shape = 1)
  expect_equal(k_function(scalar, layer(scalar))(cbind(c(0, 4)))[, 1, ], table[c(1, 5), ], tolerance = 1e-7)
  grid <- layer_input(shape = c(2, 3))
  x <- array(sample(0:4, 12, TRUE), c(2, 2, 3))
  y <- k_function(grid, layer(grid))(x)
  expect_identical(dim(y), c(2L, 2L, 3L, 2L))
  expect_equal(y[2, 1, 3, ], table[x[2, 1, 3] + 1, ], tolerance = 1e-7)
})

test_that("a sequential model may begin with an embedding, with or without an input_length", {
  k_clear_session()
  model <- keras_model_sequential() %>% layer_embedding(10, 4, input_length = 6, batch_size = 2)
  expect_identical(dim(model$input), c(2L, 6L))
  expect_identical(dim(model$output), c(2L, 6L, 4L))
  expect_identical(model$input_names, "embedding_1_input")
  model <- keras_model_sequential() %>% layer_embedding(10, 4, input_length = c(3, 2))
  expect_identical(dim(model$output), c(NA, 3L, 2L, 4L))
  expect_identical(layer_embedding(input_dim = 2, output_dim = 1)$name, "embedding_3")
  model <- keras_model_sequential() %>% layer_embedding(10, 4)
  expect_identical(dim(model$output), c(NA, NA, 4L))
  expect_error(layer_embedding(layer_input(shape = 3), 10, 4, input_length = 4, name = "e"),
               'layer "e" has `input_length` 4, but samples of shape \\(3,\\) came', class = "hornet_shape_error")
})

test_that("penalties and constraints hold for the table and the output", {
  model <- keras_model_sequential() %>%
    layer_embedding(4, 2, input_length = 3, embeddings_regularizer = regularizer_l2(0.5),
                    activity_regularizer = regularizer_l1(0.25), embeddings_constraint = "nonneg",
                    weights = list(waves(c(4, 2), 0.8)))
  x <- rbind(c(0, 1, 1), c(3, 3, 3))
  y <- predict(model, x)
  compile(model, optimizer_sgd(lr = 0.1), "mse")
  expect_equal(evaluate(model, x, y, verbose = 0)[["loss"]],
               0.5 * sum(waves(c(4, 2), 0.8)^2) + 0.25 * sum(abs(y)), tolerance = 1e-6)
  train_on_batch(model, x, y)
  expect_true(all(get_weights(model)[[1]] >= 0))
})

test_that("only rows that occur are trained, and a frozen table isn't", {
  model <- keras_model_sequential() %>% layer_embedding(6, 2, input_length = 2)
  compile(model, "sgd", "mse")
  before <- get_weights(model)[[1]]
  train_on_batch(model, rbind(c(1, 4)), array(1, c(1, 2, 2)))
  changed <- rowSums(get_weights(model)[[1]] != before) > 0
  expect_identical(changed, c(FALSE, TRUE, FALSE, FALSE, TRUE, FALSE))
  freeze <- keras_model_sequential() %>%
    layer_embedding(6, 2, input_length = 2, trainable = FALSE) %>%
    layer_dense(2)
  compile(freeze, "sgd", "mse")
  before <- get_weights(freeze$layers[[1]])
  train_on_batch(freeze, rbind(c(1, 4)), array(1, c(1, 2, 2)))
  expect_identical(get_weights(freeze$layers[[1]]), before)
})

test_that("gradients don't depend on the number of threads", {
  input <- layer_input(shape = 50)
  layer <- layer_embedding(input, 300, 128)$history$layer
  gradient <- k_function(input, k_gradients(k_sum(layer$inbound_nodes[[1]]$outputs[[1]]^3), layer$weights))
  x <- matrix(((1:3200) * 7) %% 11, 64)
  old <- cpp_threads()
  on.exit(cpp_set_threads(old))
  cpp_set_threads(1L)
  one <- gradient(list(x))
  cpp_set_threads(2L)
  expect_identical(gradient(list(x)), one)
})

test_that("ids that the table doesn't have are refused where data enter", {
  model <- keras_model_sequential() %>%
    layer_embedding(10, 2, input_length = 3, name = "words") %>%
    layer_flatten() %>%
    layer_dense(1)
  compile(model, "sgd", "mse")
  good <- matrix(0:8, 3)
  expect_error(fit(model, good + 2, 1:3, verbose = 0),
               'expected ids 0 to 9 for input "words_input" \\(`input_dim` of its embedding is 10\\), got 10 in row 3',
               class = "hornet_value_error")
  expect_error(predict(model, good + 2), "Ids count from 0: `input_dim` is one more than the largest")
  expect_error(predict(model, good - 1), "got -1 in row 1", class = "hornet_value_error")
  expect_error(predict(model, good + 0.5), "got 0.5 in row 1", class = "hornet_value_error")
  expect_error(fit_generator(model, function() list(good + 9, 1:3), 1, verbose = 0), "got 12 in row 1",
               class = "hornet_value_error")
  # Also through a model that is used as a layer, and for the smallest of several tables.
  outer <- layer_input(shape = 3)
  nested <- keras_model(outer, list(model(outer), layer_embedding(outer, 7, 1)))
  expect_error(predict(nested, good), "expected ids 0 to 6 .*got 7 in row 2")
  # Other inputs may hold anything.
  plain <- keras_model_sequential() %>% layer_dense(1, input_shape = 3)
  expect_silent(predict(plain, good + 0.5))
})

test_that("configuration and text are those of other layers", {
  layer <- layer_embedding(input_dim = 10, output_dim = 4, mask_zero = TRUE, name = "e")
  config <- layer$get_config()
  expect_identical(config[c("name", "input_dim", "output_dim", "mask_zero")],
                   list(name = "e", input_dim = 10L, output_dim = 4L, mask_zero = TRUE))
  expect_identical(class(layer)[[1]], "keras.layers.embeddings.Embedding")
  layer(layer_input(shape = 2))
  expect_identical(layer$weights[[1]]$name, "e/embeddings:0")
  # "uniform" is between -0.05 and 0.05.
  expect_true(all(abs(get_weights(layer)[[1]]) <= 0.05))
  expect_error(layer_embedding(input_dim = 2.5, output_dim = 1), "`input_dim` must be a whole number")
})
