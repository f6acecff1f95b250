# Weights of classes in the training loss.

training_spec <- function(model, actor, class_weight) {
  spec <- model_feed_spec(model, "train", actor)
  spec["class_weights"] <- list(class_weight_vectors(class_weight, spec$targets))
  spec
}

# For each output a vector whose element k is the weight of class k - 1 (NA: not given), or NULL.
class_weight_vectors <- function(class_weight, targets) {
  if (length(class_weight) == 0L) return(NULL)
  outputs <- vapply(targets, function(target) target$name, "")
  keys <- names(class_weight)
  if (is.null(keys) || !(is.list(class_weight) || is.numeric(class_weight))) {
    abort(c("`class_weight` must be a named list: its names are the classes, counted from 0.",
            'For instance: list("0" = 1, "1" = 50).'), "hornet_value_error")
  }
  by_output <- if (all(keys %in% outputs) && !all(grepl("^[0-9]+$", keys))) {
    class_weight
  } else if (length(outputs) == 1L) {
    stats::setNames(list(class_weight), outputs)
  } else {
    abort(sprintf("The model has %d outputs: `class_weight` must be a list named by them (%s) of named lists.",
                  length(outputs), quoted(outputs, "and")), "hornet_value_error")
  }
  lapply(targets, function(target) {
    weights <- by_output[[target$name]]
    if (is.null(weights)) return(numeric())
    if (length(target$dim) >= 3L) {
      abort(sprintf('`class_weight` can\'t be used for the output "%s": its targets have %d dimensions.',
                    target$name, length(target$dim)), "hornet_value_error")
    }
    class_weight_vector(weights)
  })
}

class_weight_vector <- function(weights) {
  classes <- names(weights)
  if (is.null(classes) || !all(grepl("^[0-9]+$", classes)) || anyDuplicated(classes)) {
    wrong <- c(classes[!grepl("^[0-9]+$", classes)], classes[duplicated(classes)], "no names")[[1L]]
    abort(sprintf("The names in `class_weight` must be the classes, counted from 0, each once; got %s.",
                  wrong), "hornet_value_error")
  }
  values <- vapply(weights, function(w) {
    if (is.numeric(w) && length(w) == 1L && is.finite(w) && w >= 0) as.double(w) else NA_real_
  }, 0)
  if (anyNA(values)) {
    abort(sprintf("The weight of class %s must be one number of at least 0.",
                  classes[is.na(values)][[1L]]), "hornet_value_error")
  }
  vector <- rep(NA_real_, max(as.integer(classes)) + 1L)
  vector[as.integer(classes) + 1L] <- values
  vector
}
