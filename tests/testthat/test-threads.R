# The protocol between R's thread and the others, case by case (helper-threads-cases.R): here, and
# in a fresh process with a deadline. Nothing may be left alive after a case. Then how R ends.

for (case in setdiff(names(thread_cases), names(process_cases))) {
  test_that(case, {
    if (grepl("fork|mclapply", case)) skip_on_os("windows")
    expect_no_error <- function(expr) expect_error(expr, NA)
    expect_no_error(thread_cases[[case]]())
    gc()
    expect_identical(live(), c(0L, 0L, 0L))
  })
}

for (case in names(thread_cases)) {
  test_that(paste0(case, ", in a fresh process"), {
    skip_on_cran()
    skip_on_os("windows")
    expect_true(in_fresh_process(case))
  })
}

for (case in names(ending_cases)) {
  test_that(paste("R ends as it should:", case), {
    skip_on_cran()
    skip_on_os("windows")
    expected <- ending_cases[[case]]
    run <- run_fresh(c("eval(quote(", deparse(expected[[1]]), "), env)"))
    expect_identical(run$status, expected[[2]], info = paste(run$output, collapse = "\n"))
    if (!is.null(expected[[3]])) expect_match(run$output, expected[[3]], all = FALSE)
    expect_false(any(grepl("terminate called|segfault|core dumped", run$output)))
  })
}
