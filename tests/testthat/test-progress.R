values <- c(loss = 0.60251, acc = 0.59734)

test_that("running and final lines are those of Keras", {
  expect_equal(
    running_line(37, 100, 30, 2.9, values, 200),
    " 37/100 [==========>...................] - ETA: 4s - loss: 0.6025 - acc: 0.5973"
  )
  expect_equal(
    final_line(100, 100, 30, 3.3, c(loss = 0.223, acc = 0.599), 200),
    "100/100 [==============================] - 3s 33ms/step - loss: 0.2230 - acc: 0.5990"
  )
})

test_that("without a known target the count stands alone", {
  expect_equal(final_line(120, NULL, 30, 2, NULL, 200), "    120/Unknown - 2s 17ms/step")
})

test_that("large counts are written out", {
  expect_match(final_line(100000, 1e6, 30, 1, NULL, 200), "^ 100000/1000000 \\[==>\\.")
})

test_that("numbers have four digits, small ones an exponent", {
  expect_equal(
    format_value(c(1.23456, 0.001, 0.0011, -5e-4, -2, 0, NaN, Inf, -Inf, 12345.6)),
    c("1.2346", "1.0000e-03", "0.0011", "-5.0000e-04", "-2.0000", "0.0000e+00", "nan", "inf", "-inf",
      "12345.6000")
  )
})

test_that("times get the unit that fits", {
  expect_equal(vapply(c(0, 59.9, 61, 3599, 3601, 36061), format_eta, ""),
               c("0s", "59s", "1:01", "59:59", "1:00:01", "10:01:01"))
  expect_equal(format_eta(NaN), "?")
  expect_equal(format_elapsed(100, 50), "100s 2s/step")
  expect_equal(format_elapsed(3.3, 100), "3s 33ms/step")
  expect_equal(format_elapsed(0.0042, 100), "0s 42us/step")
})

test_that("no running line is wider than the terminal, and the final one loses nothing", {
  many <- stats::setNames(seq(0.1, 0.8, length.out = 8), paste0("metric_", 1:8))
  bar <- bar_width(100, names(many), 60)
  expect_equal(bar, 10L)
  expect_lt(nchar(running_line(50, 100, bar, 1, many, 60)), 60)
  lines <- strsplit(final_line(100, 100, bar, 1, many, 60), "\n")[[1]]
  expect_true(all(nchar(lines) < 60))
  for (name in names(many)) expect_match(paste(lines, collapse = ""), name)
})

test_that("where lines can't be rewritten only the final one is printed", {
  expect_output(
    {
      bar <- progress_bar(10, dynamic = FALSE)
      for (i in 1:9) bar$draw(i, values)
      bar$finish(10, values)
    },
    "^10/10 \\[={30}\\] - 0s \\d+us/step - loss: 0.6025 - acc: 0.5973$"
  )
})

test_that("a redrawn line covers the one before and is drawn at most ten times a second", {
  drawn <- capture.output({
    bar <- progress_bar(1000, dynamic = TRUE, columns = 80)
    for (i in 1:999) bar$draw(i, values)
    bar$finish(1000, NULL)
  })
  states <- strsplit(drawn, "\r")[[1]][-1]
  expect_length(states, 2)
  expect_equal(nchar(states[[2]]), nchar(states[[1]]))
})

test_that("the environment decides whether lines can be rewritten", {
  withr::local_envvar(R_CLI_DYNAMIC = "true")
  expect_true(is_dynamic())
  withr::local_envvar(R_CLI_DYNAMIC = "false")
  expect_false(is_dynamic())
})

test_that("output that is captured is not rewritten", {
  withr::local_envvar(R_CLI_DYNAMIC = NA)
  capture.output(dynamic <- is_dynamic())
  expect_false(dynamic)
})

test_that("verbose is 0, 1, 2, TRUE, FALSE or auto", {
  expect_equal(resolve_verbose(2), 2L)
  expect_equal(resolve_verbose(TRUE), 1L)
  expect_equal(resolve_verbose("auto"), 1L)
  withr::with_options(list(knitr.in.progress = TRUE), expect_equal(resolve_verbose("auto"), 2L))
  expect_snapshot(resolve_verbose("loud"), error = TRUE)
})

test_that("sparklines rise with the values and survive constants", {
  line <- sparkline(1:8)
  expect_equal(nchar(line), 8L)
  expect_length(unique(strsplit(line, "")[[1]]), 8L)
  expect_equal(nchar(sparkline(c(1, 1, NaN))), 2L)
  expect_equal(sparkline(numeric()), "")
})
