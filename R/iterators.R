# Iterators: what makes batches natively, or reads them ahead, and knows the length of a pass. An
# iterator is an environment, because it has an identity and a state, of a class of its own before
# `iterator_class`, with methods for
#   next_batch()        the next batch as R's arrays
#   iterator_feeder()   a feeder for a run of a model
#   input_shapes()      of its inputs, for models that take their shapes from data
#   length()            batches in a pass

iterator_class <- c("keras.utils.data_utils.Sequence", "keras_iterator")

is_iterator <- function(x) inherits(x, "keras_iterator")

next_batch <- function(iterator) UseMethod("next_batch")

# Gives `total` batches, for `shuffle_batches` (training) each pass in random order.
iterator_feeder <- function(iterator, spec, queue_size, total, shuffle_batches) UseMethod("iterator_feeder")

# A list of shapes without the batch; a vector has none (NULL).
input_shapes <- function(iterator) UseMethod("input_shapes")

#' The next batch of a generator
#'
#' @param generator An iterator such as that of [flow_images_from_directory()], or any other generator function.
#' @param completed What is returned at the end of a generator that has one.
#' @return A batch: a list of inputs and targets. An image iterator without targets gives an array.
#' @family generators
#' @examples
#' pictures <- array(runif(10 * 8 * 8, 0, 255), c(10, 8, 8, 1))
#' batches <- flow_images_from_data(pictures, 0:9, batch_size = 4)
#' str(generator_next(batches))
#' @export
generator_next <- function(generator, completed = NULL) {
  if (is_iterator(generator)) return(next_batch(generator))
  if (is.function(generator)) {
    batch <- generator()
    return(if (is.null(batch)) completed else batch)
  }
  abort(sprintf("`generator` must be an iterator or a function, not %s.", describe(generator)),
        "hornet_value_error")
}
