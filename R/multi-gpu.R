# Replicas of a model on several devices.

#' Replicate a model on several GPUs
#'
#' A model that computes each batch in equal parts, one on each GPU (the first parts take the
#' remainder), and shares its weights with the model it was made from: train the one, save the
#' other. Gradients, losses, metrics and statistics of [layer_batch_normalization()] are the means
#' over all rows, which the GPUs exchange by NCCL; then each updates its own copy of the weights.
#'
#' Batches with fewer rows than there are GPUs are computed by the first. On the CPU
#' (`with_device("cpu", ...)`) the model computes as the one it was made from. Where the model's
#' inputs have a fixed batch size (`batch_input_shape`, `batch_size` or `batch_shape`), parts are
#' cut out of the batch and joined within the model, all on one device.
#'
#' @param model A model.
#' @param gpus Number of GPUs (at least 2) or their numbers, counted from 0. `NULL`: all.
#' @return A model with the inputs and output names of `model`, not compiled. Layers that compute over
#'   the batch, like [layer_batch_normalization()] in training, see the part of their GPU, and so
#'   do losses that divide by the weights of a batch. Dropout differs from part to part.
#' @section Errors:
#' Fewer than two devices, or more than there are; no NCCL (class `hornet_device_error`).
#' @family models
#' @export
#' @examples
#' model <- keras_model_sequential() %>% layer_dense(units = 2, input_shape = 3)
#' tryCatch(multi_gpu_model(model, gpus = 2), error = conditionMessage)
multi_gpu_model <- function(model, gpus = NULL) {
  self <- model_object(model, "model")
  devices <- replica_devices(gpus)
  batches <- vapply(self$inputs, function(x) x$dims[[1L]], 0)
  fixed <- all(batches > 0)
  parts <- if (fixed) split_batch(batches, length(devices)) else list(NULL)
  replicas <- lapply(parts, function(part) {
    inputs <- if (is.null(part)) self$inputs else lapply(self$inputs, function(x) {
      call_layer(make_layer(BatchPart, part), list(x))
    })
    as_tensor_list(call_layer(self, inputs))
  })
  outputs <- lapply(seq_along(self$outputs), function(i) {
    results <- lapply(replicas, function(outputs) outputs[[i]])
    name <- self$output_names[[i]]
    if (length(results) == 1L) return(layer_activation(results[[1L]], "linear", name = name))
    layer_concatenate(results, axis = 0, name = name)
  })
  parallel <- keras_model(self$inputs, outputs)
  if (!fixed && all(startsWith(devices, "gpu:"))) parallel$gpus <- as.integer(substring(devices, 5L))
  parallel
}

# Numbers of the GPUs that a model's batches are computed on; -1 for the CPU. Opens them, see
# run_device().
model_devices <- function(model) {
  gpus <- model_object(model, "model")$gpus
  device <- run_device()
  if (is.null(gpus) || device < 0L) return(device)
  vapply(gpus, open_gpu, 0L)
}

# The mean over the rows of all GPUs, where each knows that of its part.
over_devices <- function(x) emit("all_reduce", list(x))

# GPUs there are. Tests let other devices stand in.
available_devices <- function() as.character(getOption("hornet.replica_devices", gpus()$device))

replica_devices <- function(gpus) {
  available <- available_devices()
  wanted <- available
  if (!is.null(gpus)) {
    ids <- as_int(gpus, "gpus")
    if (length(ids) == 1L) ids <- seq_len(max(ids, 0L)) - 1L
    wanted <- sprintf("gpu:%d", ids)
    known <- ids < length(available)
    wanted[known] <- available[ids[known] + 1L]
  }
  if (length(wanted) >= 2L && all(wanted %in% available)) return(wanted)
  list_of <- function(names) if (length(names)) quoted(names, "and") else "none"
  abort(c(
    sprintf("multi_gpu_model() needs at least 2 devices; asked for: %s, available: %s.", list_of(wanted),
            list_of(available)),
    if (!length(available)) sprintf("There is no GPU: %s.", attr(gpus(), "why_none")),
    if (length(available) < 2L) "Train the model itself: on one device there is nothing to split."
    else sprintf("Use `gpus = %d` or fewer.", length(available))
  ), "hornet_device_error")
}

# Equal parts of the batch, the last with the remainder.
split_batch <- function(batches, count) {
  batch <- batches[[1L]]
  if (any(batches != batch) || batch < count) {
    abort(sprintf("batches of %s rows can't be split into %d parts.", quoted(unique(batches), "and"), count),
          "hornet_value_error")
  }
  size <- batch %/% count
  lapply(seq_len(count), function(i) {
    begin <- (i - 1) * size + 1
    list(begin = begin, size = if (i < count) size else batch - begin + 1)
  })
}

BatchPart <- R6Class("BatchPart",
  inherit = Layer, cloneable = FALSE,
  public = list(
    begin = NULL, size = NULL,
    initialize = function(begin, size, ...) {
      super$initialize(...)
      self$begin <- begin
      self$size <- size
    },
    call = function(inputs) slice(inputs, 1L, self$begin, self$size)
  )
)
