# GPUs that are emulated: R processes of their own, whose CUDA is that of tests/cuda-emulation.

# Skips, and says what is missing: only a checkout whose tests were set up has the emulation.
skip_unless_emulated <- function() {
  skip_on_cran()
  skip_if_not_installed("callr")
  if (!nzchar(emulation())) skip("CUDA is not emulated: HORNET_CUDA_EMULATION doesn't name the folder of its libraries")
  if (!nzchar(cuda_plugin())) skip("CUDA is not emulated: hornet was installed without the GPU plugin")
}
emulation <- function() Sys.getenv("HORNET_CUDA_EMULATION")
cuda_plugin <- function() system.file("backends", "hornet_cuda.so", package = "hornet")

# The value of `f(...)` in a fresh process whose GPUs are emulated; `env`: switches of the
# emulation (its README.md) and other variables. What the emulation finds is an error.
on_emulated_gpu <- function(f, ..., env = character(), options = list()) {
  report <- tempfile()
  on.exit(unlink(report))
  environment(f) <- globalenv()
  settings <- c(
    LD_LIBRARY_PATH = emulation(), HORNET_DEVICE = "gpu", CUDA_EMULATION_REPORT = report,
    CUDA_EMULATION_MEMORY = "2000000000", CUDA_EMULATION_LEAKS = "0"
  )
  settings[names(env)] <- env
  run <- function(f, arguments, options) {
    options(c(options, hornet.selftest = FALSE, hornet.cuda_cache_memory = FALSE))
    library(hornet)
    do.call(f, arguments)
  }
  environment(run) <- globalenv()
  value <- callr::r(run, list(f, list(...), options), env = c(callr::rcmd_safe_env(), settings), timeout = 300)
  if (file.exists(report)) stop("the emulation found: ", paste(readLines(report), collapse = "\n"))
  value
}

# What the emulated runtime has counted in this process, by name.
emulated_counts <- function() {
  library <- dyn.load(file.path(Sys.getenv("HORNET_CUDA_EMULATION"), "libcudart.so.13"))
  bytes <- .C(getNativeSymbolInfo("cuda_emulation_counters", library)$address, raw(96))[[1L]]
  words <- matrix(readBin(bytes, "integer", 24L, size = 4L), 2L)
  values <- ifelse(words[1L, ] < 0, words[1L, ] + 2^32, words[1L, ]) + words[2L, ] * 2^32
  stats::setNames(values, c("findings", "launches", "synchronisations", "queries", "to_device", "to_host",
                            "on_device", "allocations", "in_use", "peak", "instructions", "convolutions"))
}

# Small models and data of kinds that a GPU computes by different ways: list(build = function() ->
# compiled model, batch = function() -> list(x, y) of 8 rows).
emulated_models <- list(
  convnet = list(
    build = function() {
      keras_model_sequential() %>%
        layer_conv_2d(4, 3, activation = "relu", padding = "same", input_shape = c(8, 8, 2)) %>%
        layer_max_pooling_2d() %>%
        layer_batch_normalization() %>%
        layer_conv_2d(5, 3, strides = 2, padding = "same", activation = "relu") %>%
        layer_flatten() %>%
        layer_dropout(0.3) %>%
        layer_dense(3, activation = "softmax") %>%
        compile("adam", "categorical_crossentropy", metrics = "accuracy")
    },
    batch = function() {
      list(array(stats::rnorm(8 * 8 * 8 * 2), c(8, 8, 8, 2)), to_categorical(sample(0:2, 8, TRUE), 3))
    }
  ),
  lstm = list(
    build = function() {
      keras_model_sequential() %>%
        layer_embedding(20, 6, input_length = 7, mask_zero = TRUE) %>%
        layer_lstm(5, recurrent_dropout = 0.2) %>%
        layer_dense(1, activation = "sigmoid") %>%
        compile("rmsprop", "binary_crossentropy")
    },
    batch = function() {
      list(matrix(sample(0:19, 56, TRUE), 8), sample(0:1, 8, TRUE))
    }
  ),
  two_outputs = list(
    build = function() {
      input <- layer_input(4)
      shared <- input %>% layer_dense(6, activation = "tanh")
      outputs <- list(layer_dense(shared, 2), layer_dense(shared, 3, activation = "softmax"))
      keras_model(input, outputs) %>%
        compile("sgd", list("mse", "categorical_crossentropy"), loss_weights = list(1, 0.5))
    },
    batch = function() {
      list(matrix(stats::rnorm(32), 8), list(matrix(stats::rnorm(16), 8), to_categorical(sample(0:2, 8, TRUE), 3)))
    }
  )
)

# Trains by a generator with fixed seeds; returns the losses of `epochs` epochs of one step, the
# weights and the predictions.
train_emulated <- function(model, steps, prepare = identity) {
  set.seed(1)
  net <- model$build()
  set.seed(2)
  batches <- lapply(seq_len(steps), function(i) model$batch())
  i <- 0
  generator <- function() {
    i <<- i %% steps + 1
    batches[[i]]
  }
  net <- prepare(net)
  set.seed(3)
  history <- fit_generator(net, generator, steps_per_epoch = 1, epochs = steps, verbose = 0)
  list(loss = history$metrics$loss, weights = get_weights(net), predictions = predict(net, batches[[1]][[1]]))
}
