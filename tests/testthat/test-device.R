# Which device models run on, and what a GPU's self-test decides. The GPUs are stand-ins.

test_that("list_devices() begins with the CPU and says why there is no GPU", {
  local_gpus(0)
  local_functions(cpu_name = function() "A processor", cpp_image_cores = function() 4L,
                  cpu_memory = function() c(16e9, 8.04e9), cpp_threads = function() 2L)
  devices <- list_devices()
  expect_s3_class(devices, c("hornet_devices", "data.frame"), exact = TRUE)
  expect_identical(devices$device, "cpu")
  expect_identical(attr(devices, "why_none"), "this machine has no NVIDIA driver (libcuda.so.1)")
  expect_snapshot(devices)
  local_gpus(2)
  expect_snapshot(list_devices())
  expect_identical(list_devices()$memory[2:3], c(80e9, 80e9))
  expect_identical(list_devices()[3, ]$cudnn, "9.19")
})

test_that("this machine is listed as it is", {
  devices <- list_devices()
  expect_identical(devices$threads[[1]], cpp_threads())
  expect_gt(nchar(devices$name[[1]]), 0)
  expect_identical(nrow(devices) > 1L, !nzchar(attr(devices, "why_none")))
})

test_that("names of devices are checked, and GPUs that aren't there refused", {
  local_gpus(0)
  expect_snapshot(error = TRUE, {
    with_device("cuda", 1)
    with_device(0, 1)
    with_device("gpu", stop("not reached"))
    cuda_selftest()
    cuda_selftest("cpu")
  })
  withr::local_options(hornet.device = "gpu")
  expect_snapshot(line_model() %>% fit(line_data()$x, line_data()$y, validation_split = 0.5), error = TRUE)
  options(hornet.device = "GPU 1")
  expect_error(line_model() %>% predict(line_data()$x), class = "hornet_value_error")
  local_gpus(2)
  expect_snapshot(with_device("gpu:2", 1), error = TRUE)
})

test_that("with_device() holds for its code only, and nests", {
  local_gpus(2)
  option <- function() getOption("hornet.device")
  expect_identical(with_device("cpu", c(option(), with_device("GPU:1", option()), option())),
                   c("cpu", "GPU:1", "cpu"))
  expect_identical(option(), "auto")
  expect_error(with_device("cpu", stop("code")), "code")
  expect_identical(option(), "auto")
  expect_invisible(with_device("cpu", invisible(1)))
})

test_that("every call runs on the device of its moment, opened before its feeder", {
  gpus <- local_gpus(2)
  data <- line_data()
  model <- line_model()
  on_devices <- function(expected, code) {
    gpus$runs <- integer()
    force(code)
    expect_identical(gpus$runs, expected)
  }
  feeder <- cpp_feeder_dataset
  local_functions(cpp_feeder_dataset = function(dataset, rows, spec, batch_size, shuffle, seed, queue_size, total) {
    if (queue_size > 0L) expect_gt(length(gpus$opened), 0)
    feeder(dataset, rows, spec, batch_size, shuffle, seed, queue_size, total)
  })
  on_devices(c(0L, 0L, 0L, 0L), model %>% fit(data$x, data$y, epochs = 2, validation_split = 0.5, verbose = 0))
  on_devices(c(1L, 1L), with_device("gpu:1", {
    model %>% fit_generator(line_generator(), 2, verbose = 0, validation_data = line_generator(), validation_steps = 1)
  }))
  on_devices(c(-1L, 0L), {
    with_device("cpu", model %>% evaluate(data$x, data$y, verbose = 0))
    with_device("gpu", model %>% predict(data$x))
  })
  on_devices(c(0L, 0L, 0L, 0L, 0L), {
    model %>% train_on_batch(data$x, data$y)
    model %>% test_on_batch(data$x, data$y)
    model %>% predict_on_batch(data$x)
    model %>% evaluate_generator(line_generator(), 1)
    model %>% predict_generator(line_generator(), 1)
  })
  x <- layer_input(2)
  f <- k_function(list(x), list(x * 2))
  on_devices(0L, f(list(data$x)))
  on_devices(-1L, k_eval(k_constant(1) * 2))
  expect_identical(gpus$tested, 1L)
})

test_that("training stays on its device when the option changes meanwhile", {
  gpus <- local_gpus(2)
  change <- callback_lambda(on_epoch_begin = function(epoch, logs) options(hornet.device = "cpu"))
  data <- line_data()
  line_model() %>% fit(data$x, data$y, epochs = 2, validation_split = 0.5, verbose = 0, callbacks = change)
  expect_identical(gpus$runs, c(0L, 0L, 0L, 0L))
})

test_that("without a GPU \"auto\" runs on the CPU, silently", {
  gpus <- local_gpus(0)
  expect_silent(line_model() %>% fit(line_data()$x, line_data()$y, epochs = 1, verbose = 0))
  expect_identical(gpus$runs, -1L)
})

test_that("the default is \"auto\", the CPU under R CMD check, and HORNET_DEVICE changes it", {
  gpus <- local_gpus(1)
  options(hornet.device = NULL)
  withr::local_envvar("_R_CHECK_LIMIT_CORES_" = "", "_R_CHECK_PACKAGE_NAME_" = "", HORNET_DEVICE = "")
  expect_identical(run_device(), 0L)
  withr::local_envvar("_R_CHECK_LIMIT_CORES_" = "TRUE")
  expect_identical(run_device(), -1L)
  expect_identical(with_device("gpu", run_device()), 0L)
  withr::local_envvar(HORNET_DEVICE = "gpu")
  expect_identical(run_device(), 0L)
  expect_identical(with_device("cpu", run_device()), -1L)
  withr::local_envvar(HORNET_DEVICE = "tpu")
  expect_error(run_device(), "`HORNET_DEVICE` must be", class = "hornet_value_error")
})

test_that("GPUs are opened once, with the precision that the options ask for", {
  withr::local_options(hornet.tf32 = TRUE)
  gpus <- local_gpus(2)
  for (i in 1:3) expect_identical(run_device(), 0L)
  with_device("gpu:1", run_device())
  # The self-test is one of full precision; the second GPU has the verdict of the first of its kind.
  tf32 <- vapply(gpus$opened, function(opened) opened$tf32, TRUE)
  expect_identical(vapply(gpus$opened, function(opened) opened$number, 0L), c(0L, 0L, 1L))
  expect_identical(tf32, c(FALSE, TRUE, TRUE))
  withr::local_options(hornet.tf32 = "yes")
  local_gpus(1)
  expect_error(run_device(), "`options(hornet.tf32 = )` must be TRUE or FALSE", fixed = TRUE,
               class = "hornet_value_error")
})

# --- the self-test ---------------------------------------------------------------------------------

test_that("cuda_selftest() reports what it compared", {
  version <- function(lines) gsub("hornet [0-9.]+", "hornet <version>", lines)
  local_gpus(1)
  expect_identical(as.data.frame(unclass(cuda_selftest())), passing_cases)
  expect_snapshot(cuda_selftest(), transform = version)
  local_gpus(1, function(number, library_convolution) if (library_convolution) failing_cases else passing_cases)
  expect_snapshot(cuda_selftest("gpu:0"), transform = version)
  local_gpus(1, function(...) failing_cases)
  expect_snapshot(cuda_selftest(), transform = version)
})

test_that("a GPU whose library convolves wrongly is used without it", {
  gpus <- local_gpus(1, function(number, library_convolution) if (library_convolution) failing_cases else passing_cases)
  expect_snapshot(number <- run_device())
  expect_identical(number, 0L)
  expect_false(gpus$opened[[length(gpus$opened)]]$library_convolution)
  expect_silent(run_device())
  expect_silent(with_device("gpu", run_device()))
})

test_that("GPUs that fail are not used but by name, and warned of once", {
  gpus <- local_gpus(2, function(...) failing_cases)
  expect_snapshot(number <- run_device())
  expect_identical(number, -1L)
  expect_silent(run_device())
  expect_identical(gpus$tested, 2L)
  .globals$gpu$warned <- NULL
  expect_snapshot(number <- with_device("gpu", run_device()))
  expect_identical(number, 0L)
})

test_that("the first GPU that passes is taken", {
  local_gpus(3, function(number, ...) if (number == 0) failing_cases else passing_cases)
  # GPUs of one kind share their verdict, so these are two kinds.
  devices <- function_now("cpp_devices")
  local_functions(cpp_devices = function() utils::modifyList(devices(), list(name = c("A", "B", "B"))))
  expect_warning(expect_identical(run_device(), 1L), "gpu:0, A, fails its self-test",
                 class = "hornet_device_warning")
})

test_that("an error in the self-test is a GPU that fails, and not remembered", {
  busy <- function(...) abort("gpu:0: the GPU has no room for 8 MB: 1 MB of 80000 MB are free", "out_of_memory")
  local_gpus(1, busy)
  expect_snapshot(number <- run_device())
  expect_identical(number, -1L)
  expect_length(list.files(getOption("hornet.cache_dir")), 0)
})

test_that("a GPU that passed but doesn't open is not used", {
  local_gpus(1)
  options(hornet.selftest = FALSE)
  withr::defer(options(hornet.selftest = NULL))
  local_functions(cpp_open_device = function(number) abort("gpu:0: the GPU failed while opening", "device"))
  expect_snapshot(number <- run_device())
  expect_identical(number, -1L)
  expect_error(with_device("gpu", run_device()), "failed while opening", class = "hornet_device_error")
})

test_that("later sessions know the verdict, until anything of it changes", {
  gpus <- local_gpus(1, function(...) failing_cases)
  new_session <- function() .globals$gpu <- new.env(parent = emptyenv())
  expect_warning(run_device(), class = "hornet_device_warning")
  expect_identical(gpus$tested, 2L)
  new_session()
  expect_warning(run_device(), "fails its self-test", class = "hornet_device_warning")
  expect_identical(gpus$tested, 2L)
  expect_length(list.files(getOption("hornet.cache_dir")), 1)

  devices <- function_now("cpp_devices")
  local_functions(cpp_devices = function() utils::modifyList(devices(), list(driver = 13020)))
  new_session()
  expect_warning(run_device(), class = "hornet_device_warning")
  expect_identical(gpus$tested, 4L)
  expect_length(list.files(getOption("hornet.cache_dir")), 1)

  old <- file.path(getOption("hornet.cache_dir"), "selftest-Old.rds")
  saveRDS(1, old)
  Sys.setFileTime(old, Sys.time() - 400 * 24 * 3600)
  writeLines("damaged", list.files(getOption("hornet.cache_dir"), "Model", full.names = TRUE))
  new_session()
  expect_warning(run_device(), class = "hornet_device_warning")
  expect_identical(gpus$tested, 6L)
  expect_false(file.exists(old))
})

test_that("a cache that can't be written is done without", {
  gpus <- local_gpus(1)
  options(hornet.cache_dir = file.path(tempfile(), "\u0001", strrep("x", 300)))
  expect_identical(run_device(), 0L)
  expect_silent(cuda_selftest())
  expect_identical(gpus$tested, 2L)
})

test_that("tests and checks keep verdicts to themselves", {
  withr::local_options(hornet.cache_dir = NULL)
  expect_identical(dirname(cache_dir()), tempdir())
  withr::local_envvar(TESTTHAT = "", "_R_CHECK_LIMIT_CORES_" = "TRUE")
  expect_identical(dirname(cache_dir()), tempdir())
})

test_that("forked processes leave GPUs to their parent", {
  skip_on_os("windows")
  local_gpus(1)
  expect_identical(run_device(), 0L)
  children <- parallel::mclapply(1:2, mc.cores = 2, function(i) {
    if (i == 1) run_device() else tryCatch(with_device("gpu", run_device()), error = class)
  })
  expect_identical(children[[1]], -1L)
  expect_true("hornet_device_error" %in% children[[2]])
})

# --- errors of a device ----------------------------------------------------------------------------

# The first run goes well, the second fails.
local_failing_run <- function(message, class, .env = parent.frame()) {
  run <- function_now("cpp_run")
  calls <- 0
  local_functions(.env = .env, cpp_run = function(...) {
    calls <<- calls + 1
    if (calls > 1) abort(message, class) else run(...)
  })
}

test_that("a GPU without room ends training with the user's call, and the model stays usable", {
  local_gpus(1)
  model <- line_model()
  data <- line_data()
  before <- get_weights(model)
  local_failing_run(c(
    "gpu:0: the GPU has no room for 900 MB: 12 MB of 16000 MB are free",
    "Use a smaller batch_size, free models that are no longer needed (rm(), gc()), or run with_device(\"cpu\", ...)."
  ), "out_of_memory")
  expect_snapshot(model %>% fit(data$x, data$y, epochs = 3, verbose = 0), error = TRUE)
  expect_length(model$history$metrics$loss, 1)
  expect_false(identical(get_weights(model), before))
  expect_nothing_left()
  # Training is possible again: the model doesn't count as being trained.
  local_gpus(1)
  model %>% fit(data$x, data$y, epochs = 1, batch_size = 8, verbose = 0)
})

test_that("the weights of a model can be read after its GPU was lost", {
  local_gpus(1)
  local_failing_run("gpu:0: the GPU failed while computing: an illegal memory access was encountered", "device")
  model <- line_model()
  data <- line_data()
  model %>% train_on_batch(data$x, data$y)
  after <- get_weights(model)
  expect_error(model %>% train_on_batch(data$x, data$y), "illegal memory access", class = "hornet_device_error")
  expect_identical(get_weights(model), after)
  expect_equal(k_get_value(model$layers[[1]]$weights[[1]]), after[[1]])
})

test_that("errors of a device arrive from native code with their class and call", {
  run <- cpp_run
  local_gpus(1)
  local_functions(cpp_run = run)
  error <- tryCatch(line_model() %>% predict(line_data()$x), error = identity)
  skip_if(!inherits(error, "error"), "this machine has a GPU")
  expect_s3_class(error, "hornet_device_error")
  expect_identical(as.character(conditionCall(error)[[1]]), "predict")
  expect_match(conditionMessage(error), "^there is no GPU: ")
})
