# Replicas of a model on several devices.

#' Replicate a model on several GPUs
#'
#' A model that computes each batch in equal parts, one for each device (the last part takes the
#' remainder), and joins the results. For now all parts are computed on one device, that of
#' [with_device()]. It shares its weights with the model it was made from: train
#' the one, save the other.
#'
#' Batches are split where the model's inputs have a fixed batch size (`batch_input_shape`,
#' `batch_size` or `batch_shape`). Otherwise a batch, whose size is only known when it
#' comes, is computed in one replica: the results are the same.
#'
#' @param model A model.
#' @param gpus Number of GPUs (at least 2) or their numbers, counted from 0. `NULL`: all.
#' @return A model with the inputs and output names of `model`, not compiled. Layers that compute over
#'   the batch, like [layer_batch_normalization()] in training, see the part of their replica.
#' @section Errors:
#' Fewer than two devices, or more than there are (class `hornet_device_error`).
#' @family models
#' @export
#' @examples
#' model <- keras_model_sequential() %>% layer_dense(units = 2, input_shape = 3)
#' tryCatch(multi_gpu_model(model, gpus = 2), error = conditionMessage)
multi_gpu_model <- function(model, gpus = NULL) {
  self <- model_object(model, "model")
  devices <- replica_devices(gpus)
  batches <- vapply(self$inputs, function(x) x$dims[[1L]], 0)
  parts <- if (all(batches > 0)) split_batch(batches, length(devices)) else list(NULL)
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
  keras_model(self$inputs, outputs)
}

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
