# Numbers computed by tf_keras (the scripts in tools/golden), and the data they belong to.

# golden("layers", "dense"): what tests/testthat/golden/<file>.json holds there.
golden <- local({
  numbers <- list()
  function(..., file = "model_language") {
    testthat::skip_if_not_installed("jsonlite")
    if (is.null(numbers[[file]])) {
      path <- testthat::test_path("golden", paste0(file, ".json"))
      numbers[[file]] <<- jsonlite::fromJSON(path, simplifyDataFrame = FALSE, simplifyMatrix = FALSE)
    }
    Reduce(`[[`, list(...), numbers[[file]])
  }
})

as_golden_array <- function(x) {
  value <- as.numeric(x$value)
  if (length(x$dim)) array(value, x$dim) else value
}

# scale * sin(step), sin(2 step), ... filling an array.
waves <- function(dim, step, scale = 1) array(scale * sin(step * seq_len(prod(dim))), dim)

# Largest difference, relative to the size of the numbers.
expect_golden <- function(got, expected, tolerance = 1e-5, label = "value") {
  expected <- as_golden_array(expected)
  got_dim <- dim(got)
  if (is.null(got_dim)) got_dim <- if (length(dim(expected))) length(got) else NULL
  testthat::expect_identical(as.integer(got_dim), as.integer(dim(expected)), label = paste("dim of", label))
  difference <- max(abs(got - expected)) / max(1e-3, max(abs(expected)))
  testthat::expect_lt(difference, tolerance, label = paste("relative difference of", label))
}
