# generator_from_table(): data frames, files and databases.

flowers <- function(rows = nrow(iris)) {
  set.seed(20240612)
  frame <- iris[sample(nrow(iris)), ]
  row.names(frame) <- NULL
  frame$Species <- as.character(frame$Species)
  frame$tall <- frame$Sepal.Length > 6
  frame$count <- seq_len(nrow(frame))
  utils::head(frame, rows)
}

csv_file <- function(text, env = parent.frame()) {
  path <- withr::local_tempfile(fileext = ".csv", .local_envir = env)
  if (is.data.frame(text)) utils::write.csv(text, path, row.names = FALSE) else writeBin(charToRaw(text), path)
  path
}

# All rows of a pass.
pass_of <- function(batches, count = length(batches)) {
  made <- lapply(seq_len(count), function(i) generator_next(batches))
  list(x = do.call(rbind, lapply(made, `[[`, 1)), y = do.call(rbind, lapply(made, `[[`, 2)),
       rows = vapply(made, function(batch) nrow(batch[[1]]), 0L))
}

# The table of flowers from each kind of source. `use(make)`: make(...) calls generator_from_table().
with_each_source <- function(frame, use) {
  use(function(...) generator_from_table(frame, ...), "data frame")
  if (requireNamespace("data.table", quietly = TRUE)) {
    path <- csv_file(frame)
    use(function(...) generator_from_table(path, ...), "file")
  }
  if (requireNamespace("RSQLite", quietly = TRUE)) {
    connection <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
    on.exit(DBI::dbDisconnect(connection))
    DBI::dbWriteTable(connection, "flowers", frame)
    use(function(...) generator_from_table(connection, ..., query = "select * from flowers order by count;"), "query")
  }
}

test_that("each source gives all rows in order, pass after pass, the last batch of a pass being short", {
  frame <- flowers()
  levels <- c("setosa", "versicolor", "virginica")
  with_each_source(frame, function(make, source) {
    chunk <- if (source == "file") 512 else 37
    batches <- make(Species ~ Sepal.Length + tall + count, batch_size = 40, chunk_size = chunk)
    expect_identical(length(batches), 4L, label = source)
    expect_identical(batches$levels, list(Species = levels))
    expect_identical(input_shapes(batches), list(3L))
    for (i in 1:3) {
      pass <- pass_of(batches)
      expect_identical(pass$rows, c(40L, 40L, 40L, 30L), label = source)
      expect_equal(pass$x, unname(as.matrix(frame[c("Sepal.Length", "tall", "count")])), tolerance = 1e-6)
      expect_equal(as.vector(pass$y), match(frame$Species, levels) - 1)
    }
    expect_output(print(batches), "columns Sepal.Length, tall, count, Species in batches of 40")
  })
  expect_nothing_left()
})

test_that("models train on each source alike, in order or shuffled", {
  frame <- flowers()
  results <- list()
  with_each_source(frame, function(make, source) {
    for (shuffle in c(0, 60)) {
      use_session_with_seed(4, quiet = TRUE)
      model <- keras_model_sequential() %>%
        layer_dense(3, activation = "softmax", input_shape = 2)
      model %>% compile("sgd", "sparse_categorical_crossentropy", metrics = "accuracy")
      batches <- make(Species ~ Sepal.Length + Petal.Length, batch_size = 32, shuffle = shuffle,
                      chunk_size = if (source == "file") 1000 else 45)
      history <- model %>% fit_generator(batches, epochs = 3, verbose = 0)
      result <- list(history$metrics, evaluate_generator(model, batches), predict_generator(model, batches))
      key <- paste("shuffle", shuffle)
      if (is.null(results[[key]])) results[[key]] <<- result
      expect_equal(result, results[[key]], label = paste(source, key))
      x <- as.matrix(frame[c("Sepal.Length", "Petal.Length")])
      expect_equal(result[[3]], predict(model, x), tolerance = 1e-5)
    }
  })
  expect_false(identical(results[[1]], results[[2]]))
  expect_nothing_left()
})

test_that("training draws each row once a pass", {
  frame <- data.frame(x = 0:99, y = 0:99)
  batches <- generator_from_table(frame, y ~ x, batch_size = 16, shuffle = 30, chunk_size = 7)
  spec <- model_feed_spec(line_model(inputs = 1), "evaluate", "generator")
  drawn <- function(seed) {
    set.seed(seed)
    feeder <- iterator_feeder(batches, spec, 2L, 14, shuffle_batches = TRUE)
    on.exit(stop_feeder(feeder))
    lapply(1:14, function(i) {
      batch <- cpp_feeder_next(feeder)
      expect_equal(batch$inputs[[1]], batch$targets[[1]])
      as.vector(batch$inputs[[1]])
    })
  }
  first <- drawn(1)
  for (pass in list(1:7, 8:14)) {
    rows <- unlist(first[pass])
    expect_setequal(rows, 0:99)
    expect_length(rows, 100)
    expect_true(all(rows < seq_along(rows) + 30))
    expect_lt(cor(rows[1:30], 1:30), 0.9)
  }
  expect_false(identical(first[1:7], first[8:14]))
  expect_identical(drawn(1), first)
})

test_that("`shuffle` is a number of rows, or a switch", {
  buffer <- function(shuffle) generator_from_table(data.frame(x = 1), ~ x, shuffle = shuffle)$shuffle
  expect_identical(vapply(list(TRUE, FALSE, 0, 50), buffer, 0L), c(10000L, 0L, 0L, 50L))
  for (wrong in list("all", -1, NA, 2.5)) expect_error(buffer(wrong), "`shuffle`", class = "hornet_value_error")
})

test_that("inputs, outputs and weights are chosen by name", {
  frame <- flowers(50)
  batches <- generator_from_table(frame, x = list(a = c("Sepal.Length", "Sepal.Width"), b = "tall"),
                                  y = list("Petal.Length", "Petal.Width"), weights = "count", batch_size = 20)
  batch <- generator_next(batches)
  expect_named(batch[[1]], c("a", "b"))
  expect_equal(batch[[1]]$a, unname(as.matrix(frame[1:20, 1:2])), tolerance = 1e-6)
  expect_equal(batch[[3]], 1:20)
  a <- layer_input(shape = 2, name = "a")
  b <- layer_input(shape = 1, name = "b")
  both <- layer_concatenate(list(a, b))
  model <- keras_model(list(b, a), list(layer_dense(both, 1), layer_dense(both, 1)))
  model %>% compile("sgd", "mse")
  expect_length((model %>% fit_generator(batches, epochs = 2, verbose = 0))$metrics$loss, 2)

  weighted <- generator_from_table(frame, Petal.Length ~ Sepal.Length, weights = "count", batch_size = 50)
  line <- line_model(inputs = 1)
  residuals <- frame$Petal.Length - as.vector(predict(line, frame$Sepal.Length))
  expect_equal(unname(evaluate_generator(line, weighted)), mean(frame$count * residuals^2), tolerance = 1e-4)

  inputs_only <- generator_from_table(frame, ~ Sepal.Length, batch_size = 50)
  expect_equal(line %>% predict_generator(inputs_only), predict(line, frame$Sepal.Length))
  expect_length(generator_next(inputs_only), 1)
  expect_error(line %>% fit_generator(inputs_only, verbose = 0), "no targets", class = "hornet_value_error")
})

test_that("formulas name columns", {
  frame <- data.frame(a = 1:3, b = 4:6, `c d` = 7:9, y = 0:2, check.names = FALSE)
  columns <- function(...) generator_from_table(frame, ...)$columns[1:2]
  expect_identical(columns(y ~ .), list(inputs = list(c("a", "b", "c d")), targets = list("y")))
  expect_identical(columns(y ~ `c d` + (a + b)), list(inputs = list(c("c d", "a", "b")), targets = list("y")))
  expect_identical(columns(cbind(a, y) ~ b), list(inputs = list("b"), targets = list(c("a", "y"))))
  expect_identical(columns(y ~ ., weights = "b")$inputs, list(c("a", "c d")))
  expect_error(columns(y ~ log(a)), "not log(a)", fixed = TRUE, class = "hornet_value_error")
  expect_error(columns(y ~ z), '`data` has no column "z"; its columns are "a"', class = "hornet_value_error")
  expect_error(columns(y ~ a, y = "b"), "given twice", class = "hornet_value_error")
  expect_error(columns(1), "`x` must be a formula", class = "hornet_value_error")
})

test_that("levels are given, or those of the first rows; unknown values are errors, or the last code", {
  frame <- data.frame(x = c("b", "a", NA, "c"), f = factor(c("u", "v", "u", "v"), levels = c("v", "u", "w")),
                      n = c(5, 7, 5, 9))
  codes <- function(...) as.vector(generator_next(generator_from_table(..., batch_size = 9))[[1]])
  expect_equal(codes(frame[-3, ], ~ x), c(1, 0, 2))
  expect_equal(codes(frame, ~ f), c(1, 0, 1, 0))
  expect_equal(codes(frame, ~ n, levels = list(n = c(9, 7, 5))), c(2, 1, 2, 0))
  expect_equal(codes(frame[-3, ], ~ x, levels = list(x = c("b", "z")), unknown = "last"), c(0, 2, 2))
  expect_error(codes(frame[-3, ], ~ x, levels = list(x = c("b", "a"))),
               '`data`, row 3: column "x" has the unknown value "c".\nIts levels are "b" and "a"', fixed = TRUE,
               class = "hornet_data_error")
  expect_error(codes(frame, ~ n, levels = list(x = "a")), '`levels` names "x"', class = "hornet_value_error")
  skip_if_not_installed("data.table")
  text <- paste0("x,y\n", paste0(rep(c("a,1\n", "b,2\n"), 100), collapse = ""), "c,3\n")
  batches <- generator_from_table(csv_file(text), y ~ x, batch_size = 300, chunk_size = 100)
  expect_identical(batches$levels, list(x = c("a", "b")))
  expect_error(generator_next(batches), 'row 201: column "x" has the unknown value "c"', class = "hornet_data_error")
})

test_that("missing values are errors that name their place, left out, or replaced", {
  frame <- data.frame(a = c(1, NA, 3, 4), b = c("u", "v", NA, "u"), y = c(1, 2, 3, NA))
  with_each_source(frame, function(make, source) {
    name <- switch(source, file = "\\.csv", query = "The query", "`data`")
    if (source == "query") return()
    expect_error(generator_next(make(y ~ a + b)), paste0(name, ', row 2: column "a" has no value'),
                 class = "hornet_data_error", label = source)
    batch <- generator_next(make(y ~ a + b, na = "omit"))
    expect_equal(batch, list(cbind(1, 0), cbind(1)), label = source)
    expect_error(generator_next(make(y ~ a, na = -1)), 'row 4: column "y"', class = "hornet_data_error")
    expect_equal(generator_next(make(~ a, na = -1))[[1]], cbind(c(1, -1, 3, 4)), label = source)
    expect_error(generator_next(make(~ b, na = -1)), 'row 3: column "b"', class = "hornet_data_error")
  })
  batches <- generator_from_table(frame, y ~ a, na = "omit", batch_size = 1)
  expect_identical(length(batches), NA_integer_)
  expect_error(line_model(inputs = 1) %>% fit_generator(batches, verbose = 0), "`steps_per_epoch` is needed",
               class = "hornet_value_error")
  for (i in 1:3) generator_next(batches)
  expect_identical(length(batches), 2L)
  expect_error(generator_from_table(frame, y ~ a, na = "drop"), "`na` must be", class = "hornet_value_error")
})

test_that("a generator with an end ends", {
  batches <- generator_from_table(data.frame(x = 1:5, y = 1:5), y ~ x, batch_size = 2, loop = FALSE)
  expect_identical(pass_of(batches)$rows, c(2L, 2L, 1L))
  expect_null(generator_next(batches))
  expect_identical(generator_next(batches, completed = "over"), "over")
  expect_warning(
    history <- line_model(inputs = 1) %>% fit_generator(batches, steps_per_epoch = 2, epochs = 3, verbose = 0),
    "out of data after 3 of 6 steps"
  )
})

test_that("a position brings tables back", {
  frame <- flowers()
  batches <- generator_from_table(frame, count ~ Sepal.Length, batch_size = 32, chunk_size = 20)
  for (i in 1:7) generator_next(batches)
  position <- get_position.keras_table_generator(batches)
  following <- lapply(1:6, function(i) generator_next(batches))
  other <- generator_from_table(frame, count ~ Sepal.Length, batch_size = 32, chunk_size = 20)
  set_position.keras_table_generator(other, position)
  expect_identical(lapply(1:6, function(i) generator_next(other)), following)
})

test_that("files may have quotes, line ends in fields, other separators, no header, and be compressed", {
  skip_if_not_installed("data.table")
  text <- 'id;"the ""text""";n\n1;"a;\nb";1\n2;"say ""hi""\n";2\r\n\n3;plain;3'
  path <- csv_file(text)
  for (chunk in c(1, 7, 1000)) {
    batches <- generator_from_table(path, n ~ `the "text"`, sep = ";", batch_size = 2, chunk_size = chunk,
                                    levels = list(`the "text"` = c("plain", "say \"hi\"\n", "a;\nb")))
    expect_identical(length(batches), 2L)
    pass <- pass_of(batches)
    expect_equal(as.vector(pass$x), c(2, 1, 0))
    expect_equal(as.vector(pass$y), 1:3)
  }
  compressed <- withr::local_tempfile(fileext = ".csv.gz")
  connection <- gzfile(compressed, "wb")
  writeBin(c(as.raw(c(0xef, 0xbb, 0xbf)), charToRaw("1,2\n3,4\n")), connection)
  close(connection)
  batches <- generator_from_table(compressed, b ~ a, header = c("a", "b"))
  expect_equal(generator_next(batches), list(cbind(c(1, 3)), cbind(c(2, 4))))
  batches <- generator_from_table(csv_file("a;b\n1,5;x\n-;y\n"), ~ a, sep = ";", dec = ",", na.strings = "-", na = 0)
  expect_equal(generator_next(batches)[[1]], cbind(c(1.5, 0)))
})

test_that("whatever is written to a file is read from it, however it is cut into blocks", {
  skip_if_not_installed("data.table")
  texts <- c("a", "b c", "x,y", "say \"hi\"", "\"", "\"\"", "new\nline", "return\r\nline", "\n", " spaces ",
             "\u00e4\u20ac", "1", "1,2\n3,4", "\"quoted\"", "it's", "#", "\\", "\t")
  set.seed(20240613)
  for (round in 1:25) {
    rows <- sample(1:60, 1)
    frame <- data.frame(number = round(stats::rnorm(rows), 3), text = sample(texts, rows, TRUE),
                        id = seq_len(rows))
    columns <- sample(names(frame))
    line <- function(i) {
      field <- function(x) if (is.character(x)) paste0("\"", gsub("\"", "\"\"", x, fixed = TRUE), "\"") else format(x)
      paste(vapply(columns, function(name) field(frame[[name]][[i]]), ""), collapse = ",")
    }
    end <- sample(c("\n", "\r\n"), 1)
    text <- paste(c(paste(columns, collapse = ","), vapply(seq_len(rows), line, "")), collapse = end)
    path <- csv_file(enc2utf8(paste0(text, if (round %% 2) end)))
    batches <- generator_from_table(path, id ~ number + text, levels = list(text = texts), batch_size = 7,
                                    chunk_size = sample(c(1, 20, 100, 1e4), 1))
    pass <- pass_of(batches)
    expect_equal(as.vector(pass$y), frame$id)
    expect_equal(pass$x, cbind(frame$number, match(frame$text, texts) - 1), tolerance = 1e-6)
  }
})

test_that("what is wrong with a file is told with its place", {
  skip_if_not_installed("data.table")
  pass <- function(text, ...) {
    pass_of(generator_from_table(csv_file(text), y ~ x, batch_size = 2, chunk_size = 12, ...))
  }
  expect_error(pass("x,y\n1,2\n3,4\n5,6\n7,eight\n"), 'row 4: column "y" has numbers, and also "eight"',
               class = "hornet_data_error")
  expect_error(pass(paste0("x,y\n1,2\n3,4\n5,6\n", strrep("8,8\n", 7), "7,eight\n")),
               'csv, row 11: column "y" has "eight", which is not a number', class = "hornet_data_error")
  for (record in c("5", "5,6,7")) {
    expect_error(pass(sprintf("x,y\n1,2\n3,4\n%s\n7,8\n9,1\n", record)), "expected 2 fields in each record",
                 class = "hornet_data_error")
  }
  expect_error(pass("x,y\n1,2\n3,\"4\n5,6\n"), "ends within a quoted field", class = "hornet_data_error")
  expect_error(pass("x,y\n"), "has no rows", class = "hornet_data_error")
  expect_error(pass(""), "is empty", class = "hornet_data_error")
  path <- csv_file("")
  writeBin(c(charToRaw("x,y\n1,2\n3,"), raw(1), charToRaw("\n")), path)
  expect_error(generator_from_table(path, y ~ x), "zero bytes", class = "hornet_data_error")
  expect_error(pass("x,y\n2020-01-01,2\n"), 'column "x" is of class IDate', class = "hornet_value_error")
  expect_error(generator_from_table("nowhere.csv", y ~ x), "there is no file", class = "hornet_value_error")
  expect_error(generator_from_table(tempdir(), y ~ x), "there is no file", class = "hornet_value_error")
  expect_error(pass("x,y\n1,2\n", sep = "::"), "`sep` must be one character", class = "hornet_value_error")
  # In the midst of training, too, which then has used the batches before.
  text <- paste0("x,y\n", paste0(rep("1,2\n", 100), collapse = ""), "a,1\n")
  batches <- generator_from_table(csv_file(text), y ~ x, batch_size = 10, chunk_size = 64, shuffle = 0)
  model <- line_model(inputs = 1)
  seen <- 0
  count <- callback_lambda(on_batch_end = function() seen <<- seen + 1)
  expect_error(model %>% fit_generator(batches, 20, verbose = 0, callbacks = count), 'row 101: column "x" has "a"',
               class = "hornet_data_error")
  error <- tryCatch(fit_generator(model, batches, 20, verbose = 0), error = identity)
  expect_identical(conditionCall(error)[[1]], quote(fit_generator))
  expect_gte(seen, 8) # all but those that come with the row
  expect_nothing_left()
})

test_that("what tables can't be is refused", {
  frame <- data.frame(x = 1:2, when = as.Date("2024-01-01") + 0:1)
  frame$list <- list(1, 2)
  expect_error(generator_from_table(frame, ~ when), 'column "when" is of class Date', class = "hornet_value_error")
  expect_error(generator_from_table(frame, ~ list), 'column "list" is a list', class = "hornet_value_error")
  expect_error(generator_from_table(diag(2), ~ x), "`data` must be a data frame", class = "hornet_value_error")
  expect_error(generator_from_table(frame[0, ], ~ x), "has no rows", class = "hornet_data_error")
  expect_error(generator_from_table(frame, ~ x, query = "select"), "`data` must be a DBI connection",
               class = "hornet_value_error")
  expect_error(generator_from_table(frame, ~ x, weights = c("x", "x")), "`weights`", class = "hornet_value_error")
  expect_error(generator_from_table(function() NULL, ~ x), "needs `query`", class = "hornet_value_error")
})

# Databases ----------------------------------------------------------------------------------------

test_that("a run that stops early gives the connection back", {
  skip_if_not_installed("RSQLite")
  connection <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
  withr::defer(DBI::dbDisconnect(connection))
  DBI::dbWriteTable(connection, "numbers", data.frame(x = 1:1000, y = 1:1000))
  batches <- generator_from_table(connection, y ~ x, query = "select * from numbers", batch_size = 10, chunk_size = 50)
  expect_identical(length(batches), 100L)
  line_model(inputs = 1) %>% fit_generator(batches, 3, verbose = 0)
  expect_silent(count <- DBI::dbGetQuery(connection, "select count(*) from numbers")[[1]])
  expect_identical(count, 1000L)
  expect_error(generator_from_table(connection, y ~ x, query = "select * from nothing"), "The query failed.*nothing",
               class = "hornet_data_error")
  expect_error(generator_from_table(connection, y ~ x), "needs `query`", class = "hornet_value_error")
})

test_that("a function opens a connection for each pass, which is closed again", {
  skip_if_not_installed("RSQLite")
  path <- withr::local_tempfile(fileext = ".sqlite")
  connection <- DBI::dbConnect(RSQLite::SQLite(), path)
  DBI::dbWriteTable(connection, "numbers", data.frame(x = 1:20, y = 1:20))
  DBI::dbDisconnect(connection)
  opened <- list()
  open <- function() {
    opened <<- c(opened, list(DBI::dbConnect(RSQLite::SQLite(), path)))
    opened[[length(opened)]]
  }
  batches <- generator_from_table(open, y ~ x, query = "select * from numbers", batch_size = 8, loop = FALSE)
  pass <- pass_of(batches, 3)
  expect_equal(as.vector(pass$x), 1:20)
  expect_null(generator_next(batches))
  expect_false(any(vapply(opened, DBI::dbIsValid, NA)))
  line_model(inputs = 1) %>% fit_generator(batches, 1, verbose = 0)
  expect_false(any(vapply(opened, DBI::dbIsValid, NA)))
})

# A server in a folder of its own, on a socket there; it refuses to run as root.
local_postgres <- function(env = parent.frame()) {
  programs <- Sys.glob("/usr/lib/postgresql/*/bin/pg_ctl")
  if (length(programs) == 0L) skip("no PostgreSQL server is installed")
  programs <- dirname(programs[[length(programs)]])
  root <- Sys.info()[["effective_user"]] == "root"
  folder <- tempfile("pg", tmpdir = "/tmp")
  dir.create(folder, mode = "0700")
  if (root && system2("chown", c("postgres", folder), stdout = FALSE, stderr = FALSE) != 0L) {
    skip("there is no user postgres to run the server")
  }
  run <- function(program, ...) {
    command <- paste("cd", folder, "&&", file.path(programs, program), ...)
    words <- if (root) c("-u", "postgres", "--", "sh", "-c", shQuote(command)) else c("-c", shQuote(command))
    system2(if (root) "runuser" else "sh", words, stdout = FALSE, stderr = FALSE)
  }
  data <- file.path(folder, "data")
  withr::defer({
    run("pg_ctl", "-D", data, "-m immediate -w stop")
    unlink(folder, recursive = TRUE)
  }, envir = env)
  expect_identical(run("initdb", "-D", data, "-U postgres -A trust -E UTF8 --no-sync"), 0L)
  expect_identical(run("pg_ctl", "-D", data, "-w -l", file.path(folder, "log"), "-o",
                       shQuote(sprintf("-c listen_addresses='' -k %s -F", folder)), "start"), 0L)
  folder
}

test_that("tables come from a PostgreSQL server", {
  skip_on_cran()
  skip_if_not_installed("RPostgreSQL")
  folder <- local_postgres()
  open <- function() {
    DBI::dbConnect(RPostgreSQL::PostgreSQL(), host = folder, user = "postgres", dbname = "postgres")
  }
  connection <- open()
  withr::defer(DBI::dbDisconnect(connection))
  frame <- flowers()
  names(frame) <- tolower(gsub(".", "_", names(frame), fixed = TRUE))
  DBI::dbWriteTable(connection, "flowers", frame, row.names = FALSE)
  query <- "select sepal_length, tall, count, species from flowers order by count"
  for (from in list(connection, open)) {
    batches <- generator_from_table(from, species ~ ., query = query, batch_size = 40, chunk_size = 37)
    expect_identical(length(batches), 4L)
    for (i in 1:2) {
      pass <- pass_of(batches)
      expect_equal(pass$x, unname(as.matrix(frame[c("sepal_length", "tall", "count")])), tolerance = 1e-6)
      expect_equal(as.vector(pass$y), match(frame$species, batches$levels$species) - 1)
    }
    model <- keras_model_sequential() %>%
      layer_dense(3, activation = "softmax", input_shape = 3)
    model %>% compile("adam", "sparse_categorical_crossentropy")
    model %>% fit_generator(batches, epochs = 2, verbose = 0)
    expect_identical(dim(model %>% predict_generator(batches)), c(150L, 3L))
  }
  DBI::dbSendQuery(connection, "insert into flowers (count) values (151)")
  batches <- generator_from_table(connection, species ~ count, query = "select * from flowers order by count")
  expect_error(generator_next(batches), 'The query, row 151: column "species" has no value',
               class = "hornet_data_error")
})

test_that("what is asked of a table must make sense", {
  frame <- data.frame(a = 1:3, b = 4:6)
  expect_error(generator_from_table(frame, a ~ b, batchsize = 2), '"batchsize"', class = "hornet_value_error")
  expect_error(generator_from_table(frame, "a", y = list()), "`y` must be", class = "hornet_value_error")
  expect_error(generator_from_table(frame, "a", weights = "b"), "give `y`", class = "hornet_value_error")
  names(frame) <- c("a", "a")
  expect_error(generator_from_table(frame, ~a), 'several columns "a"', class = "hornet_value_error")
})

test_that("formulas may have thousands of terms", {
  wide <- as.data.frame(matrix(0, 2L, 3000L))
  sum_of_all <- stats::as.formula(paste("V1 ~", paste0("V", 2:3000, collapse = " + ")))
  expect_equal(dim(generator_next(generator_from_table(wide, sum_of_all))[[1L]]), c(2L, 2999L))
})

test_that("a file that changes or goes away between passes is not misread, and can come back", {
  skip_if_not_installed("data.table")
  path <- withr::local_tempfile(fileext = ".csv")
  writeLines(c("a,b", "1,2"), path)
  batches <- generator_from_table(path, b ~ a)
  expect_equal(generator_next(batches)[[2L]], matrix(2))
  writeLines(c("b,a", "1,2"), path)
  expect_error(generator_next(batches), "has other columns than", class = "hornet_data_error")
  unlink(path)
  expect_error(generator_next(batches), "was it removed", class = "hornet_data_error")
  writeLines(c("a,b", "3,4"), path)
  expect_equal(generator_next(batches)[[2L]], matrix(4))
})

test_that("quotes within fields are characters, and one bad file spoils no other", {
  skip_if_not_installed("data.table")
  path <- withr::local_tempfile(fileext = ".csv")
  writeLines(c("s,b", "5\" pipe,2", "z,3"), path)
  expect_identical(generator_from_table(path, b ~ s)$levels$s, c("5\" pipe", "z"))
  writeLines(c("a,b", "1,2", "3,4,5"), path)
  expect_error(generator_from_table(path, b ~ a), "expected 2 fields", class = "hornet_data_error")
  writeLines(c("a,b", "1,2"), path)
  expect_equal(generator_next(generator_from_table(path, b ~ a))[[2L]], matrix(2))
})

test_that("a damaged compressed file is named", {
  skip_if_not_installed("data.table")
  path <- withr::local_tempfile(fileext = ".csv.gz")
  connection <- gzfile(path, "wb")
  writeLines(c("a,b", paste0(1:9999, ",", 1:9999)), connection)
  close(connection)
  bytes <- readBin(path, "raw", file.size(path))
  writeBin(utils::head(bytes, -4L), path)
  expect_error(length(generator_from_table(path, b ~ a)), "can't be read", class = "hornet_data_error")
})
