# The GPU plugin in R, on GPUs that are emulated; and machines whose CUDA is missing or broken.

test_that("where CUDA isn't emulated, the reason is said", {
  skip_on_cran()
  if (nzchar(emulation()) && nzchar(cuda_plugin())) {
    expect_true(file.exists(file.path(emulation(), "libcudart.so.13")))
  } else {
    skipped <- tryCatch(skip_unless_emulated(), skip = conditionMessage)
    expect_match(skipped, "CUDA is not emulated: (HORNET_CUDA_EMULATION|hornet was installed without)|callr")
  }
})

for (name in names(emulated_models)) {
  test_that(paste("training on a GPU is training on the CPU:", name), {
    skip_unless_emulated()
    model <- emulated_models[[name]]
    on_gpu <- on_emulated_gpu(train_emulated, model, 20)
    on_cpu <- train_emulated(model, 20)
    expect_length(on_gpu$loss, 20)
    expect_lt(max(abs(on_gpu$loss - on_cpu$loss)), 1e-4)
    expect_equal(on_gpu$predictions, on_cpu$predictions, tolerance = 1e-3)
    expect_equal(on_gpu$weights, on_cpu$weights, tolerance = 1e-3)
  })
}

test_that("without cuDNN's convolutions, or where they fail, our own give the same", {
  skip_unless_emulated()
  model <- emulated_models$convnet
  expected <- train_emulated(model, 5)$loss
  for (fault in c("unsupported", "alloc")) {
    got <- on_emulated_gpu(train_emulated, model, 5, env = c(CUDA_EMULATION_FAIL_CUDNN = fault))$loss
    expect_lt(max(abs(got - expected)), 1e-4)
  }
})

test_that("in steady state nobody waits for the GPU, and only batches go there", {
  skip_unless_emulated()
  counts <- on_emulated_gpu(function(model, counts) {
    net <- model$build()
    seen <- list()
    calls <- 0
    generator <- function() {
      calls <<- calls + 1
      if (calls %in% c(20, 70)) seen <<- c(seen, list(counts()))
      model$batch()
    }
    fit_generator(net, generator, steps_per_epoch = 80, epochs = 1, verbose = 0, max_queue_size = 1)
    seen
  }, emulated_models$convnet, emulated_counts)
  steps <- 50 + 4  # more or fewer are on their way
  change <- counts[[2]] - counts[[1]]
  expect_identical(change[["synchronisations"]], 0)
  expect_identical(change[["allocations"]], 0)
  # Images, labels and a weight a row.
  expect_lte(change[["to_device"]], steps * 8 * (8 * 8 * 2 + 3 + 1) * 4)
  expect_gte(change[["to_device"]], (steps - 8) * 8 * (8 * 8 * 2 + 3 + 1) * 4)
  expect_lte(change[["to_host"]], steps * 64)
  expect_gt(change[["launches"]], (steps - 8) * 20)
})

test_that("a GPU without room is an error that says how much, and the model goes on on the CPU", {
  skip_unless_emulated()
  result <- on_emulated_gpu(function(model) {
    net <- model$build()
    batch <- model$batch()
    weights <- get_weights(net)
    error <- tryCatch(train_on_batch(net, batch[[1]], batch[[2]]), error = identity)
    with_device("cpu", train_on_batch(net, batch[[1]], batch[[2]]))
    list(class = class(error), message = conditionMessage(error),
         trained = !identical(weights, get_weights(net)))
  }, emulated_models$convnet, env = c(CUDA_EMULATION_FAIL_ALLOC_AFTER = "3"))
  expect_true("hornet_out_of_memory_error" %in% result$class)
  expect_match(result$message, "gpu:0: the GPU has no room for [0-9]+ MB: [0-9]+ MB of [0-9]+ MB are free")
  expect_match(result$message, "Use a smaller batch_size")
  expect_true(result$trained)
})

test_that("a GPU that is lost is an error, and the weights of the last epoch survive", {
  skip_unless_emulated()
  result <- on_emulated_gpu(function(model) {
    set.seed(1)
    net <- model$build()
    set.seed(2)
    batch <- model$batch()
    epochs <- 0
    count <- callback_lambda(on_epoch_end = function(epoch, logs) epochs <<- epochs + 1)
    error <- tryCatch(
      fit(net, batch[[1]], batch[[2]], epochs = 1000, verbose = 0, callbacks = list(count)), error = identity
    )
    survived <- get_weights(net)
    again <- tryCatch(predict(net, batch[[1]]), error = conditionMessage)
    with_device("cpu", fit(net, batch[[1]], batch[[2]], verbose = 0))
    list(class = class(error), message = conditionMessage(error), epochs = epochs, weights = survived,
         again = again)
  }, emulated_models$lstm, env = c(CUDA_EMULATION_FAIL_LAUNCH_AFTER = "1500"))
  expect_true("hornet_device_error" %in% result$class)
  expect_match(result$message, "gpu:0: .*the GPU failed while")
  expect_match(result$message, "Weights are those last copied to the host")
  expect_match(result$again, "gpu:0 was lost by an earlier failure")
  expect_gt(result$epochs, 3)
  expect_true(all(is.finite(unlist(result$weights))))
})

test_that("two GPUs compute halves of a batch, and one batch that can't be halved", {
  skip_unless_emulated()
  split_batch <- emulated_models$two_outputs
  expected <- train_emulated(split_batch, 10)
  prepare <- function(net) {
    parallel <- multi_gpu_model(net, gpus = 2)
    parallel %>% compile("sgd", list("mse", "categorical_crossentropy"), loss_weights = list(1, 0.5))
    list(parallel)[[1]]
  }
  got <- on_emulated_gpu(train_emulated, split_batch, 10, prepare, env = c(CUDA_EMULATION_DEVICES = "2"))
  expect_lt(max(abs(got$loss - expected$loss)), 1e-4)
  expect_equal(got$weights, expected$weights, tolerance = 1e-3)
  one_row <- on_emulated_gpu(function(model, prepare) {
    net <- prepare(model$build())
    x <- model$batch()[[1]]
    list(predict(net, x[1:3, ], batch_size = 2), with_device("cpu", predict(net, x[1:3, ])))
  }, split_batch, prepare, env = c(CUDA_EMULATION_DEVICES = "2"))
  expect_equal(one_row[[1]], one_row[[2]], tolerance = 1e-5)
})

test_that("the self-test passes, and a GPU that passes it is used by itself", {
  skip_unless_emulated()
  result <- on_emulated_gpu(function() {
    options(hornet.selftest = TRUE)
    test <- cuda_selftest()
    model <- keras_model_sequential() %>% layer_dense(1, input_shape = 2)
    warned <- FALSE
    withCallingHandlers(predict(model, matrix(0, 1, 2)), warning = function(w) warned <<- TRUE)
    list(ok = test$ok, warned = warned, device = hornet:::run_device())
  }, env = c(HORNET_DEVICE = "auto"), options = list(hornet.cache_dir = tempfile()))
  expect_true(all(result$ok))
  expect_gt(length(result$ok), 80)
  expect_false(result$warned)
  expect_identical(result$device, 0L)
})

test_that("nothing is left on a GPU when models are gone", {
  skip_unless_emulated()
  in_use <- on_emulated_gpu(function(model, counts) {
    train <- function() {
      net <- model$build()
      fit_generator(net, model$batch, steps_per_epoch = 3, epochs = 1, verbose = 0)
      NULL
    }
    train()
    for (i in 1:3) gc()
    first <- counts()[["in_use"]]
    for (i in 1:3) train()
    for (i in 1:3) gc()
    c(first, counts()[["in_use"]])
  }, emulated_models$two_outputs, emulated_counts)
  expect_identical(in_use[[2]], in_use[[1]])
})

# --- machines without CUDA -------------------------------------------------------------------

# Why there is no GPU where libraries are looked for in `folder`; models work all the same.
why_no_gpu <- function(folder, env = character(), options = list()) {
  on_emulated_gpu(function() {
    why <- attr(list_devices(), "why_none")
    model <- keras_model_sequential() %>% layer_dense(1, input_shape = 2)
    stopifnot(all(is.finite(predict(model, matrix(1, 1, 2)))))
    why
  }, env = c(LD_LIBRARY_PATH = folder, HORNET_DEVICE = "auto", env), options = options)
}

test_that("a machine without a driver, or with one that fails, says so", {
  skip_unless_emulated()
  if (!length(Sys.glob("/usr/lib/*/libcuda.so.1"))) {
    expect_identical(why_no_gpu(tempfile()), "this machine has no NVIDIA driver (libcuda.so.1)")
  }
  expect_identical(why_no_gpu(emulation(), c(CUDA_EMULATION_DRIVER = "none")), "the NVIDIA driver finds no GPU")
  expect_match(why_no_gpu(emulation(), c(CUDA_EMULATION_DRIVER = "old")), "driver version is insufficient")
})

test_that("the stub of the CUDA toolkit is told from a driver", {
  skip_unless_emulated()
  stub <- Sys.glob(file.path(c(Sys.getenv("CUDA_HOME", "/usr/local/cuda")), "lib*", "stubs", "libcuda.so"))
  if (!length(stub)) skip("there is no stub of the CUDA toolkit")
  folder <- tempfile()
  dir.create(folder)
  file.symlink(stub[[1L]], file.path(folder, "libcuda.so.1"))
  expect_identical(why_no_gpu(folder), "libcuda.so.1 is the CUDA toolkit's stub, not an NVIDIA driver")
})

test_that("a plugin whose libraries are missing, or of another version, is left alone", {
  skip_unless_emulated()
  folder <- tempfile()
  dir.create(folder)
  withr::local_dir(folder)
  build <- function(code, ...) {
    writeLines(code, "x.c")
    stopifnot(system2("cc", c("-shared", "-fPIC", "x.c", ...)) == 0)
  }
  build("int gone(void) { return 1; }", "-o", "libgone.so")
  build("int gone(void); int use(void) { return gone(); }", "-o", "plugin.so", "-L.", "-lgone")
  unlink("libgone.so")
  expect_match(why_no_gpu(emulation(), options = list(hornet.cuda_plugin = file.path(folder, "plugin.so"))),
               "the CUDA plugin does not open: libgone.so: cannot open shared object file")
  build("static const unsigned table[2] = {99, 8}; const void* hornet_plugin(void) { return table; }",
        "-o", "old.so")
  expect_match(why_no_gpu(emulation(), options = list(hornet.cuda_plugin = file.path(folder, "old.so"))),
               "the CUDA plugin belongs to another version of hornet")
})
