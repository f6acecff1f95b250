# Iterators: what makes batches natively, or reads them ahead, and knows the length of a pass. An
# iterator is an environment, because it has an identity and a state, of a class of its own before
# `iterator_class`, with methods for
#   next_batch()        the next batch as R's arrays
#   iterator_feeder()   a feeder for a run of a model
#   input_shapes()      of its inputs, for models that take their shapes from data
#   length()            batches in a pass
#   get_position()      a plain list (numbers, strings, lists of them; no pointers) of all that decides
#                       about the batches to come: how far the model has got, not how far was read
#                       ahead. A native source learns this from Source::taken() and finished(), a
#                       generator in R from a follower (src/data/source.h)
#   set_position()      goes to a position of an iterator over equal data; an error if it can't be one
#   after_run()         whatever is to be said after a run of a model; by default nothing
# An iterator with the field on_error = "skip" may give fewer batches in a pass.

iterator_class <- c("keras.utils.data_utils.Sequence", "keras_iterator")

is_iterator <- function(x) inherits(x, "keras_iterator")

next_batch <- function(iterator) UseMethod("next_batch")

# Gives `total` batches, for `shuffle_batches` (training) each pass in random order.
iterator_feeder <- function(iterator, spec, queue_size, total, shuffle_batches) UseMethod("iterator_feeder")

# A list of shapes without the batch; a vector has none (NULL).
input_shapes <- function(iterator) UseMethod("input_shapes")

get_position <- function(iterator) UseMethod("get_position")

set_position <- function(iterator, position) UseMethod("set_position")

#' The state of an iterator
#'
#' `iterator_state()` tells where an iterator is; `iterator_restore()` brings an iterator over the
#' same data to there, also in another R session. What it gives from then on is exactly what the
#' first one would have given next: the same rows in the same order with the same random
#' transformations. Keep the state along with the weights to resume training as if it had not been
#' interrupted.
#'
#' The state is that after the last batch which the model has worked on. Batches that were read
#' ahead when training ended come again, and a state taken in a callback at the end of an epoch
#' is the state at the end of that epoch. Training goes on with the pass that was left; so does a
#' second [fit_generator()] with the same iterator. Where an R function takes part in making batches
#' (`preprocessing_function`) and draws random numbers, those are not part of the state.
#'
#' @param iterator An iterator, such as that of [flow_images_from_directory()].
#' @param state What `iterator_state()` gave, for an iterator of the same kind over as much data in
#'   batches of the same size. Whether it is the same data is not checked. A `seed` comes with it.
#'
#' @return `iterator_state()` returns a list that can be kept with [saveRDS()]; `iterator_restore()`
#'   the iterator, invisibly: it is changed in place.
#' @family generators
#' @examples
#' pictures <- array(runif(10 * 8 * 8, 0, 255), c(10, 8, 8, 1))
#' flow <- function() {
#'   flow_images_from_data(pictures, 0:9, image_data_generator(rotation_range = 30), batch_size = 4)
#' }
#' batches <- flow()
#' first <- generator_next(batches)
#' file <- tempfile(fileext = ".rds")
#' saveRDS(iterator_state(batches), file)
#'
#' others <- iterator_restore(flow(), readRDS(file))
#' identical(generator_next(others), generator_next(batches))
#' @export
iterator_state <- function(iterator) {
  check_iterator(iterator)
  list(kind = class(iterator)[[1L]], length = length(iterator), position = get_position(iterator))
}

#' @rdname iterator_state
#' @export
iterator_restore <- function(iterator, state) {
  check_iterator(iterator)
  if (!is.list(state) || !all(c("kind", "length", "position") %in% names(state))) {
    abort(sprintf("`state` must be what iterator_state() gave, not %s.", describe(state)), "hornet_value_error")
  }
  check_same(state$kind, class(iterator)[[1L]], "an iterator of class")
  check_same(state$length, length(iterator), "an iterator whose passes have this many batches:")
  set_position(iterator, state$position)
  invisible(iterator)
}

check_iterator <- function(x) {
  if (is_iterator(x)) return(invisible())
  abort(sprintf("`iterator` must be an iterator, such as that of flow_images_from_directory(), not %s.", describe(x)),
        "hornet_value_error")
}

# Of a state to be restored: `own` is what this iterator has.
check_same <- function(value, own, what) {
  if (identical(value, own) || isTRUE(all.equal(value, own))) return(invisible())
  abort(c(sprintf("`state` is of %s %s.", what, paste(format(value), collapse = " ")),
          sprintf("Here it is %s; a state can only be restored for the same data in the same batches.",
                  paste(format(own), collapse = " "))), "hornet_value_error")
}

after_run <- function(iterator) UseMethod("after_run")

after_run.default <- function(iterator) invisible()

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
  if (is_iterator(generator)) return(next_batch(generator) %||% completed)
  if (is.function(generator)) {
    batch <- generator()
    return(if (is.null(batch)) completed else batch)
  }
  abort(sprintf("`generator` must be an iterator or a function, not %s.", describe(generator)),
        "hornet_value_error")
}
