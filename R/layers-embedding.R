# Embedding: vectors for numbered things.

#' Embedding layer
#'
#' Turns whole numbers into trained vectors: row `i` of the table `embeddings` for the id `i`, counting
#' from 0. Sequences of words, for example, become sequences of vectors.
#'
#' @inheritParams layer_dense
#' @param input_dim Number of different ids: one more than the largest.
#' @param output_dim Length of the vectors.
#' @param embeddings_initializer,embeddings_regularizer,embeddings_constraint
#'   [Initializer][initializer_zeros], [penalty][regularizer_l1] and
#'   [constraint][constraint_maxnorm] of the table.
#' @param activity_regularizer [Penalty][regularizer_l1] on the output.
#' @param mask_zero Whether the id 0 stands for padding. Layers that know about masks then leave these
#'   time steps out, and so do the loss and the metrics of outputs with time steps; other layers refuse
#'   the mask. The first id of a real thing is 1, and `input_dim` one more than without.
#' @param input_length Length of the sequences (for several axes a vector). `NULL`: whatever length the
#'   data have; [pad_sequences()] brings sequences to one length.
#' @return As [layer_dense()]; ids of shape `(batch, input_length)` become `(batch, input_length,
#'   output_dim)`.
#' @section Weights: `embeddings` (input_dim, output_dim).
#' @section Errors:
#' Data that come into a model where an embedding takes its ids are checked: ids that aren't whole
#' numbers from 0 to `input_dim - 1` are refused with their row (`hornet_value_error`). Ids that are
#' computed inside of the model give a vector of zeros if they are out of range. A length that isn't
#' `input_length` is a `hornet_shape_error`.
#' @family embedding layers
#' @export
#' @examples
#' model <- keras_model_sequential() %>%
#'   layer_embedding(input_dim = 1000, output_dim = 8, input_length = 20) %>%
#'   layer_flatten() %>%
#'   layer_dense(units = 1, activation = "sigmoid")
#' predict(model, matrix(sample(0:999, 40), 2))
layer_embedding <- function(object, input_dim, output_dim, embeddings_initializer = "uniform",
                            embeddings_regularizer = NULL, activity_regularizer = NULL,
                            embeddings_constraint = NULL, mask_zero = FALSE, input_length = NULL,
                            batch_size = NULL, name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(Embedding, object, layer_arguments(
    input_dim = positive_int(input_dim), output_dim = positive_int(output_dim),
    input_length = as_int(unlist(input_length), "input_length")
  ))
}

Embedding <- R6Class("Embedding",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.embeddings",
    input_dim = NULL, output_dim = NULL, mask_zero = FALSE, input_length = NULL,
    weight_options = NULL, embeddings = NULL,
    initialize = function(input_dim, output_dim, embeddings_initializer = "uniform",
                          embeddings_regularizer = NULL, activity_regularizer = NULL,
                          embeddings_constraint = NULL, mask_zero = FALSE, input_length = NULL, ...) {
      super$initialize(input_shape = input_length %||% NA, ...)
      self$input_dim <- input_dim
      self$output_dim <- output_dim
      self$mask_zero <- isTRUE(as.logical(mask_zero))
      self$input_length <- input_length
      self$weight_options <- list(
        embeddings = weight_options(embeddings_initializer, embeddings_regularizer, embeddings_constraint)
      )
      self$activity_regularizer <- get_regularizer(activity_regularizer)
    },
    build = function(input_shape) {
      check_axes(self, input_shape, at_least = 1L)
      self$embeddings <- add_weight_like(self, "embeddings", c(self$input_dim, self$output_dim))
    },
    call = function(inputs) {
      got <- tensor_shape(inputs)[-1L]
      if (!is.null(self$input_length) && !identical(got, self$input_length)) {
        abort(sprintf('layer "%s" has `input_length` %s, but samples of shape %s came.', self$name,
                      describe(self$input_length), format_shape(got)), "hornet_shape_error")
      }
      k_gather(self$embeddings, inputs)
    },
    compute_mask = function(inputs, mask) if (self$mask_zero) k_not_equal(inputs, 0)
  )
)
