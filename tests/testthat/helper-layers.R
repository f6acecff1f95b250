# Runs a layer as tools/golden/keras_numbers.py does, and holds it against the stored numbers.

# The layer that make() gives, on sines of these shapes: its output, and the gradients of
# sum(output * waves) by inputs and weights.
run_layer_case <- function(make, shapes, training = FALSE, arguments = list()) {
  # The batch is fixed, so that the waves have the output's shape.
  inputs <- lapply(shapes, function(shape) layer_input(batch_shape = shape))
  layer <- make()
  given <- list(if (length(inputs) == 1) inputs[[1]] else inputs, training = training)
  output <- do.call(layer, c(given, arguments))
  names <- vapply(layer$weights, function(w) w$name, "")
  # Trainable first, as tf_keras lists them too.
  values <- lapply(seq_along(layer$weights), function(i) {
    waves(as.integer(layer$weights[[i]]$dims), 0.37 + 0.1 * (i - 1), 0.5) +
      if (grepl("variance|gamma", names[[i]])) 1 else 0
  })
  set_weights(layer, values)
  xs <- lapply(seq_along(shapes), function(i) waves(shapes[[i]], 0.7 + 0.2 * (i - 1)))
  y <- k_function(inputs, output)(xs)
  loss <- k_sum(output * waves(dim(y), 0.11))
  wrt <- c(inputs, layer$trainable_weights)
  gradients <- k_function(inputs, k_gradients(loss, wrt))(xs)
  list(
    output = y,
    input_gradients = gradients[seq_along(inputs)],
    weight_gradients = gradients[-seq_along(inputs)]
  )
}

# `...`: where the numbers are, see golden().
expect_layer <- function(..., make, shapes, training = FALSE, arguments = list(), tolerance = 1e-5,
                         file = "model_language") {
  expected <- golden(..., file = file)
  case <- paste(..., sep = "/")
  got <- run_layer_case(make, shapes, training, arguments)
  expect_golden(got$output, expected$output, tolerance, paste(case, "output"))
  for (what in c("input_gradients", "weight_gradients")) {
    expect_length(got[[what]], length(expected[[what]]))
    for (i in seq_along(expected[[what]])) {
      expect_golden(got[[what]][[i]], expected[[what]][[i]], tolerance, paste(case, what, i))
    }
  }
}
