# Windows over time series, padded sequences, skip-grams. Numbers are keras_preprocessing's
# (tools/golden/sequences.py).

sequence_golden <- function(...) golden(..., file = "sequences")

series_of <- function(shape, step) if (length(shape) > 1L) waves(shape, step) else as.vector(waves(shape, step))

test_that("windows are those of Keras for all arguments", {
  for (case in sequence_golden("windows")) {
    arguments <- c(list(series_of(case$shape, 0.7), series_of(case$target_shape, 0.3)), case$arguments)
    batches <- do.call(timeseries_generator, arguments)
    label <- deparse1(case$arguments)
    expect_identical(length(batches), as.integer(case$count), label = label)
    for (i in seq_len(case$count)) {
      batch <- generator_next(batches)
      expect_golden(batch[[1]], case$x[[i]], label = paste(label, "x", i))
      expect_golden(batch[[2]], case$y[[i]], label = paste(label, "y", i))
      expect_identical(batches$get_item(i - 1), batch)
    }
    # Pass after pass.
    expect_golden(generator_next(batches)[[1]], case$x[[1]])
  }
})

test_that("fields are those of Keras, shapes are known", {
  x <- waves(c(50, 3), 0.7)
  y <- seq_len(50)
  batches <- timeseries_generator(x, y, length = 7, sampling_rate = 2, start_index = 5, batch_size = 4)
  expect_identical(batches$data, x)
  expect_identical(batches$targets, y)
  expect_identical(c(batches$length, batches$start_index, batches$end_index), c(7L, 12L, 49L))
  expect_identical(batches$batch_size, 4L)
  expect_identical(input_shapes(batches), list(c(4L, 3L)))
  expect_identical(input_shapes(timeseries_generator(y, y, 10)), list(10L))
  expect_output(print(batches), "windows of shape (4, 3) in 10 batches of 4", fixed = TRUE)
  expect_s3_class(batches, "keras.utils.data_utils.Sequence")
})

test_that("series may be data frames, time series and factors", {
  batch <- generator_next(timeseries_generator(data.frame(a = 1:6, b = 11:16), 1:6, length = 2))
  expect_equal(batch[[1]][1, , ], cbind(1:2, 11:12))
  expect_equal(as.vector(batch[[2]]), 3:6)
  batch <- generator_next(timeseries_generator(stats::ts(1:6, start = 2000), stats::ts(1:6), length = 3))
  expect_equal(batch[[1]], rbind(1:3, 2:4, 3:5))
  .globals$told_class_order <- TRUE
  batch <- generator_next(timeseries_generator(1:4, factor(c("a", "b", "a", "b")), length = 1))
  expect_equal(as.vector(batch[[2]]), c(1, 0, 1))
})

test_that("shuffled targets are drawn with replacement, as R's seed decides", {
  x <- seq_len(60) - 1
  draw <- function(seed) {
    set.seed(seed)
    batches <- timeseries_generator(x, x, length = 5, start_index = 10, end_index = 40, shuffle = TRUE, batch_size = 16)
    lapply(1:40, function(i) generator_next(batches))
  }
  drawn <- draw(1)
  expect_identical(draw(1), drawn)
  expect_false(identical(draw(2), drawn))
  for (batch in drawn) {
    expect_identical(dim(batch[[1]]), c(16L, 5L))
    expect_equal(batch[[1]], outer(as.vector(batch[[2]]), 5:1, `-`))
  }
  counts <- table(factor(unlist(lapply(drawn, `[[`, 2)), levels = 15:40))
  expect_true(all(counts > 0))
  expect_identical(sum(counts), 640L)
  expect_gt(stats::chisq.test(counts)$p.value, 0.001)
})

test_that("models train on windows; each pass comes in a new order, evaluation in that of time", {
  x <- waves(c(101, 2), 0.7)
  batches <- timeseries_generator(x, seq_len(101) - 1, length = 3, batch_size = 10)
  flat <- keras_model_sequential() %>%
    layer_flatten(input_shape = c(3, 2)) %>%
    layer_dense(1)
  flat %>% compile("sgd", "mse")
  set.seed(5)
  history <- flat %>% fit_generator(batches, epochs = 2, verbose = 0, validation_data = batches)
  expect_identical(history$params$steps, 10L)
  expect_named(history$metrics, c("val_loss", "loss"), ignore.order = TRUE)

  # By place, the predictions are those of the batches one by one.
  predicted <- flat %>% predict_generator(batches)
  one_by_one <- do.call(rbind, lapply(0:9, function(i) predict(flat, batches$get_item(i)[[1]])))
  expect_equal(predicted, one_by_one)
  expect_equal((flat %>% evaluate_generator(batches))[[1]], mean((predicted - 3:100)^2), tolerance = 1e-5)

  orders <- function(seed) {
    set.seed(seed)
    spec <- model_feed_spec(flat, "evaluate", "generator")
    feeder <- iterator_feeder(batches, spec, 2L, 20, shuffle_batches = TRUE)
    on.exit(cpp_feeder_stop(feeder))
    vapply(1:20, function(i) min(cpp_feeder_next(feeder)$targets[[1]]), 0)
  }
  first <- orders(1)
  expect_setequal(first[1:10], 3 + 10 * 0:9)
  expect_setequal(first[11:20], first[1:10])
  expect_false(identical(first[1:10], first[11:20]))
  expect_false(identical(first[1:10], sort(first[1:10])))
  expect_identical(orders(1), first)
  expect_nothing_left()
})

test_that("a position brings windows back", {
  x <- seq_len(40)
  for (shuffle in c(FALSE, TRUE)) {
    batches <- timeseries_generator(x, x, length = 4, batch_size = 8, shuffle = shuffle)
    for (i in 1:3) generator_next(batches)
    position <- unserialize(serialize(get_position.keras_timeseries_generator(batches), NULL))
    following <- lapply(1:7, function(i) generator_next(batches))
    other <- timeseries_generator(x, x, length = 4, batch_size = 8, shuffle = shuffle)
    set_position.keras_timeseries_generator(other, position)
    expect_identical(lapply(1:7, function(i) generator_next(other)), following)
  }
})

test_that("windows that can't be are refused", {
  x <- matrix(0, 20, 2)
  expect_error(timeseries_generator(x, 1:19, 3), "as many rows, not 20 and 19", class = "hornet_shape_error")
  expect_error(timeseries_generator(x, 1:20, 20), "start_index + length = 20, the last is row 19", fixed = TRUE,
               class = "hornet_value_error")
  expect_error(timeseries_generator(x, 1:20, 3, end_index = 20), "`end_index` must be at most 19",
               class = "hornet_value_error")
  expect_error(timeseries_generator(x, 1:20, 3, start_index = -1), "`start_index`", class = "hornet_value_error")
  expect_error(timeseries_generator(x, 1:20, 0), "`length`", class = "hornet_value_error")
  expect_error(timeseries_generator(x, 1:20, 3, stride = 0), "`stride`", class = "hornet_value_error")
  expect_error(timeseries_generator(x, 1:20, 3, batch_size = 2.5), "`batch_size`", class = "hornet_value_error")
  expect_error(timeseries_generator(letters, 1:26, 3), "`data` must be a numeric array", class = "hornet_value_error")
  expect_error(timeseries_generator(x, 1:20, 3)$get_item(1), "`i` must be at most 0", class = "hornet_value_error")
})

test_that("skip-grams are the pairs within a window", {
  case <- sequence_golden("couples")
  for (expected in case$cases) {
    grams <- skipgrams(unlist(case$sequence), 11, expected$window_size, negative_samples = 0, shuffle = FALSE)
    expect_named(grams, c("couples", "labels"))
    expect_type(grams$couples[[1]], "integer")
    expect_golden(do.call(rbind, grams$couples), expected$couples)
    expect_identical(grams$labels, rep(1L, length(grams$couples)))
    # In any order they are the same.
    shuffled <- skipgrams(case$sequence, 11, expected$window_size, negative_samples = 0, seed = 3)
    expect_false(identical(shuffled$couples, grams$couples))
    key <- function(grams) sort(vapply(grams$couples, paste, "", collapse = " "))
    expect_identical(key(shuffled), key(grams))
  }
  expect_invisible(skipgrams(1:3, 4))
  expect_identical(skipgrams(integer(), 4), list(couples = list(), labels = integer()))
  expect_identical(length(skipgrams(c(0, 5, 0), 6)$couples), 0L)
})

test_that("random pairs have the words of the others and any context, and stay with their labels", {
  words <- rep(c(1, 2, 2, 3, 4, 4, 4, 4), 200)
  grams <- skipgrams(words, 21, window_size = 2, negative_samples = 1.5, seed = 1)
  couples <- do.call(rbind, grams$couples)
  positive <- grams$labels == 1L
  expect_identical(sum(!positive), as.integer(1.5 * sum(positive)))
  expect_true(all(couples[positive, 2] <= 4))
  # Each word is used anew when all have been used: one time and a half.
  times <- table(couples[!positive, 1]) / table(couples[positive, 1])
  expect_equal(as.vector(times), rep(1.5, 4), tolerance = 0.05)
  contexts <- table(factor(couples[!positive, 2], levels = 1:20))
  expect_gt(stats::chisq.test(contexts)$p.value, 0.001)
  # Shuffled, labels come in no order; without, random pairs are last.
  expect_lt(abs(mean(grams$labels[1:1000]) - 0.4), 0.06)
  last <- skipgrams(words, 21, window_size = 2, negative_samples = 1.5, shuffle = FALSE, seed = 1)$labels
  expect_false(is.unsorted(-last))

  hot <- skipgrams(words, 21, window_size = 2, categorical = TRUE, seed = 1)$labels
  plain <- skipgrams(words, 21, window_size = 2, seed = 1)$labels
  expect_identical(hot, lapply(plain, function(label) as.integer(c(label == 0, label == 1))))
})

test_that("a seed decides about skip-grams: its own, or R's", {
  draw <- function(...) skipgrams(1:50, 51, ...)
  expect_identical(draw(seed = 1), draw(seed = 1))
  expect_false(identical(draw(seed = 1), draw(seed = 2)))
  set.seed(4)
  first <- draw()
  expect_false(identical(draw(), first))
  set.seed(4)
  expect_identical(draw(), first)
})

test_that("a sampling table is Keras's, and thins out common words", {
  for (case in sequence_golden("sampling_tables")) {
    expect_golden(array(make_sampling_table(case$size, case$factor)), case$table, tolerance = 1e-7)
  }
  words <- rep(1:4, 2000)
  table <- c(1, 0.1, 0.5, 1, 0)
  couples <- do.call(rbind, skipgrams(words, 5, 1, negative_samples = 0, sampling_table = table, seed = 1)$couples)
  kept <- tabulate(couples[, 1], 4) / 4000
  expect_equal(kept, table[-1], tolerance = 0.06)
  expect_error(skipgrams(1:9, 10, sampling_table = table), "words 0 to 4, but `sequence` holds word 5",
               class = "hornet_value_error")
})

test_that("skip-grams of what are no words are refused", {
  expect_error(skipgrams(c(1, -2), 5), "got -2 in place 2", class = "hornet_value_error")
  expect_error(skipgrams(c(1, 0.5), 5), "`sequence`", class = "hornet_value_error")
  expect_error(skipgrams(1:3, 1), "`vocabulary_size` must be at least 2", class = "hornet_value_error")
  expect_error(skipgrams(1:3, 4, negative_samples = -1), "at least 0", class = "hornet_value_error")
  expect_error(skipgrams(1:3, 4, sampling_table = "a"), "`sampling_table`", class = "hornet_value_error")
})

test_that("padded sequences are those of Keras for all arguments", {
  ragged <- function(shape) {
    lengths <- c(3, 0, 7, 1, 4, 5, 2)
    lapply(seq_along(lengths), function(i) {
      if (lengths[[i]] == 0) return(numeric())
      x <- waves(c(lengths[[i]], shape), 0.4 + 0.1 * (i - 1), 3.3 * (i - 1) - 4)
      if (length(shape)) x else as.vector(x)
    })
  }
  for (case in sequence_golden("padding")) {
    padded <- do.call(pad_sequences, c(list(ragged(unlist(case$shape))), case$arguments))
    expect_type(padded, if (case$arguments$dtype == "int32") "integer" else "double")
    expect_golden(padded, case$padded, label = deparse1(case$arguments))
  }
})
