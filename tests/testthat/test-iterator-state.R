# iterator_state() and iterator_restore(): what a restored iterator gives is what the first one
# would have given, and what was read ahead does not count.

state_pictures <- array((seq_len(22 * 6 * 5 * 3) * 37) %% 256, c(22, 6, 5, 3))

# 22 pictures in batches of 4: passes of 6 batches, the last of them with 2.
state_flow <- function(seed = NULL, ..., generator = image_data_generator(
  rotation_range = 40, width_shift_range = 0.2, zoom_range = 0.2, horizontal_flip = TRUE, channel_shift_range = 20
)) {
  flow_images_from_data(state_pictures, seq_len(22) %% 3, generator, batch_size = 4, seed = seed, ...)
}

through_file <- function(state) {
  file <- withr::local_tempfile(fileext = ".rds")
  saveRDS(state, file)
  readRDS(file)
}

next_batches <- function(flow, n) lapply(seq_len(n), function(i) generator_next(flow))

state_model <- function() {
  use_session_with_seed(3, quiet = TRUE)
  model <- keras_model_sequential() %>%
    layer_flatten(input_shape = c(6, 5, 3)) %>%
    layer_dense(1)
  model %>% compile(optimizer_sgd(1e-6), "mse")
  model
}

train_on <- function(model, flow, ...) {
  model %>% fit_generator(flow, ..., verbose = 0)
  get_weights(model)
}

stop_after <- function(batches) {
  seen <- 0
  callback_lambda(on_batch_end = function(batch, logs) {
    seen <<- seen + 1
    if (seen == batches) stop("enough")
  })
}

test_that("a restored iterator gives the same batches, also across the end of a pass", {
  for (seed in list(NULL, 7)) {
    for (start in c(0, 3, 6, 8)) {
      flow <- state_flow(seed)
      next_batches(flow, start)
      state <- through_file(iterator_state(flow))
      expected <- next_batches(flow, 8)
      expect_identical(next_batches(iterator_restore(state_flow(), state), 8), expected)
      # One that was elsewhere already, and had a seed of its own.
      elsewhere <- state_flow(99)
      next_batches(elsewhere, 2)
      iterator_restore(elsewhere, state)
      expect_identical(elsewhere$seed, flow$seed)
      expect_identical(elsewhere$total_batches_seen, as.numeric(start))
      expect_identical(next_batches(elsewhere, 8), expected)
    }
  }
})

test_that("a state is made of plain values", {
  flow <- state_flow()
  generator_next(flow)
  state <- iterator_state(flow)
  types <- unique(rapply(state, typeof, how = "unlist"))
  expect_setequal(types, c("character", "integer", "double"))
  expect_length(state$position$stream, 624)
  expect_identical(state, iterator_state(flow))
})

test_that("training goes on with a restored iterator as if it had not ended", {
  for (seed in list(NULL, 7)) {
    for (steps in c(6, 4)) {  # whole passes, and epochs that end in the middle of one
      use_session_with_seed(5, quiet = TRUE)
      flow <- state_flow(seed)
      start <- iterator_state(flow)
      at_once <- train_on(state_model(), flow, steps_per_epoch = steps, epochs = 5)
      end <- iterator_state(flow)

      model <- state_model()
      flow <- iterator_restore(state_flow(), start)
      train_on(model, flow, steps_per_epoch = steps, epochs = 2)
      expect_identical(flow$total_batches_seen, 2 * steps)
      other <- iterator_restore(state_flow(), through_file(iterator_state(flow)))
      in_two <- train_on(model, other, steps_per_epoch = steps, epochs = 5, initial_epoch = 2)
      expect_identical(in_two, at_once)
      expect_identical(iterator_state(other), end)
      # The first one goes on, too.
      train_on(model, flow, steps_per_epoch = steps, epochs = 5, initial_epoch = 2)
      expect_identical(iterator_state(flow), end)
    }
  }
})

test_that("a state taken in a callback is that of the end of the epoch, however far was read ahead", {
  states <- list()
  keep <- callback_lambda(on_epoch_end = function(epoch, logs) {
    states[[epoch + 1]] <<- iterator_state(flow)
  })
  flow <- state_flow(7)
  model <- state_model()
  train_on(model, flow, steps_per_epoch = 4, epochs = 6, callbacks = keep)
  seen <- vapply(states, function(state) state$position$total_batches_seen, 0)
  expect_identical(seen, 4 * (1:6))

  model <- state_model()
  other <- state_flow(7)
  train_on(model, other, steps_per_epoch = 4, epochs = 3)
  expect_identical(iterator_state(other), states[[3]])
})

test_that("batches read ahead of training that was stopped come again", {
  for (seed in list(NULL, 7)) {
    for (generator in list(image_data_generator(rotation_range = 30),
                           image_data_generator(rotation_range = 30, preprocessing_function = function(x) x + 1))) {
      flow <- state_flow(seed, generator = generator)
      start <- iterator_state(flow)
      expect_error(train_on(state_model(), flow, steps_per_epoch = 6, epochs = 9, callbacks = stop_after(8)), "enough")
      expect_identical(flow$total_batches_seen, 8)

      other <- iterator_restore(state_flow(generator = generator), start)
      train_on(state_model(), other, steps_per_epoch = 8)
      expect_identical(iterator_state(other), iterator_state(flow))
      expect_identical(next_batches(other, 3), next_batches(flow, 3))
      expect_nothing_left()
    }
  }
})

test_that("a callback that ends training leaves the state of the last epoch", {
  flow <- state_flow(7)
  stopper <- callback_lambda(on_epoch_end = function(epoch, logs) if (epoch == 1) model$stop_training <- TRUE)
  model <- state_model()
  train_on(model, flow, epochs = 9, callbacks = stopper)
  expect_identical(flow$total_batches_seen, 12)
  other <- state_flow(7)
  train_on(state_model(), other, epochs = 2)
  expect_identical(iterator_state(other), iterator_state(flow))
})

test_that("a state says what comes next also where others drew during training", {
  flow <- state_flow(7)
  draw <- callback_lambda(on_epoch_end = function(epoch, logs) generator_next(flow))
  model <- state_model()
  for (validation in list(NULL, flow)) {
    train_on(model, flow, epochs = 2, callbacks = draw, validation_data = validation)
    other <- iterator_restore(state_flow(), iterator_state(flow))
    expect_identical(next_batches(other, 7), next_batches(flow, 7))
  }
})

test_that("evaluation and prediction start at the first batch and count what they used", {
  flow <- state_flow(shuffle = FALSE, generator = image_data_generator())
  model <- state_model()
  first <- predict_generator(model, flow, 2)
  expect_identical(predict_generator(model, flow, 2), first)
  expect_identical(flow$total_batches_seen, 4)
})

test_that("a state of other data is refused, and so is what is no state", {
  flow <- state_flow()
  state <- iterator_state(flow)
  generator_next(flow)
  before <- iterator_state(flow)
  smaller <- flow_images_from_data(state_pictures[1:21, , , ], batch_size = 4)
  expect_error(iterator_restore(smaller, state), "number of images is 22.*Here it is 21", class = "hornet_value_error")
  other_batches <- flow_images_from_data(state_pictures, batch_size = 5)
  expect_error(iterator_restore(other_batches, state), "6.*Here it is 5", class = "hornet_value_error")
  expect_error(iterator_restore(flow, list(1)), "`state` must be what iterator_state", class = "hornet_value_error")
  expect_error(iterator_restore(function() 1, state), "`iterator` must be an iterator", class = "hornet_value_error")
  expect_error(iterator_state(NULL), "`iterator` must be an iterator", class = "hornet_value_error")

  damage <- function(field, value) {
    state$position[field] <- list(value)
    expect_error(iterator_restore(flow, state), class = "hornet_error", label = field)
  }
  damage("index_array", rep(0L, 22))
  damage("index_array", c(100L, 1:21))
  damage("batch_index", 3)
  damage("batch_index", NA_real_)
  damage("batch_place", 5)
  damage("batch_order", 0:7)
  damage("total_batches_seen", -1)
  damage("total_batches_seen", NaN)
  damage("stream", numeric(3))
  damage("stream", c(NaN, numeric(623)))
  damage("stream_position", 1000)
  damage("stream", "x")
  damage("batch_size", NULL)
  for (field in c("batch_index", "total_batches_seen", "batch_place", "stream", "stream_position")) {
    for (value in list(NULL, numeric(), c(1, 2), Inf)) damage(field, value)
  }
  damage("seed", c(1, 2))
  damage("total_batches_seen", 1e300)
  state$kind <- "keras_other_iterator"
  expect_error(iterator_restore(flow, state), "keras_other_iterator", class = "hornet_value_error")
  expect_identical(iterator_state(flow), before)
})
