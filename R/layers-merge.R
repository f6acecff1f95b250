# Layers that join several inputs.

#' Join several inputs elementwise
#'
#' Inputs of different shapes are broadcast: axes of size 1 are repeated, and inputs with fewer axes
#' get axes of size 1 after the batch.
#'
#' @param inputs List of at least two tensors (exactly two for `layer_subtract()`). Without it, the
#'   layer itself is returned, which can be called on such a list.
#' @inheritParams layer_dense
#' @return A tensor, or the layer.
#' @family merge layers
#' @export
#' @examples
#' a <- layer_input(shape = 4)
#' b <- layer_input(shape = 4)
#' layer_add(list(a, b))
layer_add <- function(inputs, batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                      weights = NULL) {
  create_merge(Add, inputs, list(), batch_size, dtype, name, trainable, weights)
}
#' @rdname layer_add
#' @export
layer_subtract <- function(inputs, batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                           weights = NULL) {
  create_merge(Subtract, inputs, list(), batch_size, dtype, name, trainable, weights)
}
#' @rdname layer_add
#' @export
layer_multiply <- function(inputs, batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                           weights = NULL) {
  create_merge(Multiply, inputs, list(), batch_size, dtype, name, trainable, weights)
}
#' @rdname layer_add
#' @export
layer_average <- function(inputs, batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                          weights = NULL) {
  create_merge(Average, inputs, list(), batch_size, dtype, name, trainable, weights)
}
#' @rdname layer_add
#' @export
layer_maximum <- function(inputs, batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                          weights = NULL) {
  create_merge(Maximum, inputs, list(), batch_size, dtype, name, trainable, weights)
}
#' @rdname layer_add
#' @export
layer_minimum <- function(inputs, batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                          weights = NULL) {
  create_merge(Minimum, inputs, list(), batch_size, dtype, name, trainable, weights)
}

#' Join inputs along an axis
#'
#' @inheritParams layer_add
#' @param axis Axis along which to join, counting from 0 (the batch); -1 is the last. The other
#'   sizes must agree.
#' @return A tensor, or the layer.
#' @family merge layers
#' @export
#' @examples
#' a <- layer_input(shape = 4)
#' b <- layer_input(shape = 2)
#' layer_concatenate(list(a, b))
layer_concatenate <- function(inputs, axis = -1, batch_size = NULL, dtype = NULL, name = NULL,
                              trainable = NULL, weights = NULL) {
  create_merge(Concatenate, inputs, list(axis = as_int(axis)), batch_size, dtype, name, trainable, weights)
}

#' Products of samples
#'
#' Multiplies and sums along an axis of two inputs, sample by sample.
#'
#' @inheritParams layer_add
#' @param axes Axis (or one each) along which to sum, counting from 0 (the batch).
#' @param normalize Scale to length 1 along the axis before: the cosine of the angle.
#' @return A tensor, or the layer.
#' @family merge layers
#' @export
#' @examples
#' a <- layer_input(shape = 4)
#' b <- layer_input(shape = 4)
#' layer_dot(list(a, b), axes = 1)
layer_dot <- function(inputs, axes, normalize = FALSE, batch_size = NULL, dtype = NULL, name = NULL,
                      trainable = NULL, weights = NULL) {
  create_merge(Dot, inputs, list(axes = as_int(unlist(axes), "axes"), normalize = normalize),
               batch_size, dtype, name, trainable, weights)
}

create_merge <- function(class, inputs, args, batch_size, dtype, name, trainable, weights) {
  create_layer_of(class, inputs, c(args, list(
    batch_size = batch_size, dtype = dtype, name = name, trainable = trainable, weights = weights
  )))
}

Merge <- R6Class("Merge",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.merge", supports_masking = TRUE, at_most = Inf,
    call = function(inputs) {
      inputs <- self$check_inputs(inputs)
      rank <- max(vapply(inputs, tensor_rank, 0L))
      inputs <- lapply(inputs, function(x) {
        reshape_dims(x, append(x$dims, rep(1, rank - tensor_rank(x)), after = 1L))
      })
      for (x in inputs[-1L]) self$check_broadcast(inputs[[1L]], x)
      self$join(inputs)
    },
    check_inputs = function(inputs) {
      inputs <- as_tensor_list(inputs)
      if (length(inputs) < 2L || length(inputs) > self$at_most) {
        abort(sprintf('layer "%s" joins %s inputs, got %d.', self$name,
                      if (is.finite(self$at_most)) "exactly 2" else "2 or more", length(inputs)),
              "hornet_value_error")
      }
      inputs
    },
    check_broadcast = function(x, y) {
      fits <- x$dims == y$dims | x$dims == 1 | y$dims == 1
      if (!all(fits)) {
        abort(sprintf('layer "%s" can\'t join inputs of shapes %s and %s.', self$name,
                      format_shape(tensor_shape(x)), format_shape(tensor_shape(y))), "hornet_shape_error")
      }
    },
    # All masks there are must agree that a position counts.
    compute_mask = function(inputs, mask) {
      masks <- drop_nulls(as_tensor_list(mask))
      if (length(masks)) Reduce(`*`, masks)
    }
  )
)
merge_class <- function(name, join, at_most = Inf) {
  R6Class(name, inherit = Merge, cloneable = FALSE, public = list(join = join, at_most = at_most))
}
Add <- merge_class("Add", function(inputs) Reduce(`+`, inputs))
Subtract <- merge_class("Subtract", function(inputs) inputs[[1L]] - inputs[[2L]], at_most = 2)
Multiply <- merge_class("Multiply", function(inputs) Reduce(`*`, inputs))
Average <- merge_class("Average", function(inputs) Reduce(`+`, inputs) / length(inputs))
Maximum <- merge_class("Maximum", function(inputs) Reduce(k_maximum, inputs))
Minimum <- merge_class("Minimum", function(inputs) Reduce(k_minimum, inputs))

Concatenate <- R6Class("Concatenate",
  inherit = Merge, cloneable = FALSE,
  public = list(
    axis = -1L,
    initialize = function(axis = -1L, ...) {
      super$initialize(...)
      self$axis <- axis
    },
    call = function(inputs) {
      inputs <- self$check_inputs(inputs)
      at <- python_axis(self$axis, tensor_rank(inputs[[1L]])) + 1L
      for (x in inputs[-1L]) {
        if (tensor_rank(x) != tensor_rank(inputs[[1L]]) || any((x$dims != inputs[[1L]]$dims)[-at])) {
          abort(sprintf('layer "%s" can\'t join inputs of shapes %s and %s along axis %d.', self$name,
                        format_shape(tensor_shape(inputs[[1L]])), format_shape(tensor_shape(x)), self$axis),
                "hornet_shape_error")
        }
      }
      k_concatenate(inputs, at)
    },
    # Masks go along when steps are joined, the axis that a mask has as well as its input.
    compute_mask = function(inputs, mask) {
      masks <- as_tensor_list(mask)
      at <- python_axis(self$axis, tensor_rank(inputs[[1L]])) + 1L
      rank <- max(0L, vapply(drop_nulls(masks), tensor_rank, 0L))
      if (at > rank) return(super$compute_mask(inputs, mask))
      k_concatenate(lapply(seq_along(inputs), function(i) {
        masks[[i]] %||% constant_tensor(1, inputs[[i]]$dims[seq_len(rank)])
      }), at)
    }
  )
)

Dot <- R6Class("Dot",
  inherit = Merge, cloneable = FALSE,
  public = list(
    axes = NULL, normalize = FALSE, at_most = 2,
    initialize = function(axes, normalize = FALSE, ...) {
      super$initialize(...)
      self$axes <- rep_len(axes, 2L)
      self$normalize <- normalize
    },
    call = function(inputs) {
      inputs <- self$check_inputs(inputs)
      at <- vapply(1:2, function(i) python_axis(self$axes[[i]], tensor_rank(inputs[[i]]), "axes"), 0) + 1
      sizes <- c(inputs[[1L]]$dims[[at[[1L]]]], inputs[[2L]]$dims[[at[[2L]]]])
      if (sizes[[1L]] != sizes[[2L]]) {
        abort(sprintf('layer "%s" can\'t multiply axes of sizes %s and %s (shapes %s and %s).', self$name,
                      format_dim(sizes[[1L]]), format_dim(sizes[[2L]]),
                      format_shape(tensor_shape(inputs[[1L]])), format_shape(tensor_shape(inputs[[2L]]))),
              "hornet_shape_error")
      }
      if (self$normalize) inputs <- lapply(1:2, function(i) k_l2_normalize(inputs[[i]], at[[i]]))
      k_batch_dot(inputs[[1L]], inputs[[2L]], at)
    },
    compute_mask = function(inputs, mask) NULL
  )
)
