# Recurrent layers. A whole sequence is one operation where the activations have one (the fused
# ops of src/graph/ops/rnn.cpp); elsewhere, or with `unroll`, the loop over the steps is traced.

#' Recurrent layers
#'
#' Go through a sequence step by step and carry a state from each step to the next: a long
#' short-term memory (`layer_lstm()`), a gated recurrent unit (`layer_gru()`), or the output itself
#' (`layer_simple_rnn()`).
#'
#' @inheritParams layer_dense
#' @param units Size of the state, and of the output.
#' @param activation,recurrent_activation Names of [activations][activation_relu], or functions of
#'   a tensor: of the new values, and of the gates. `"tanh"`, `"sigmoid"`, `"hard_sigmoid"`,
#'   `"relu"` and `"linear"` run as one operation over the whole sequence; with others the steps are
#'   traced one by one, which takes longer to compile and to run.
#' @param kernel_initializer,recurrent_initializer,bias_initializer
#'   [Initializers][initializer_zeros] of the weights for the inputs, for the state, and the biases.
#' @param kernel_regularizer,recurrent_regularizer,bias_regularizer,activity_regularizer
#'   [Penalties][regularizer_l1] on the weights and on the output.
#' @param kernel_constraint,recurrent_constraint,bias_constraint [Constraints][constraint_maxnorm]
#'   on the weights.
#' @param unit_forget_bias Start the biases of the forget gate from 1?
#' @param reset_after Apply the reset gate after the product of state and weights (as cuDNN does)
#'   instead of before.
#' @param return_sequences Return the output of every step, or only the last?
#' @param return_state Also return the last state?
#' @param go_backwards Start from the last step? A returned sequence then begins with the last step.
#' @param stateful Start each batch from the states in which the one before ended, until
#'   [reset_states()]. Needs a fixed batch size (`batch_input_shape`), and `shuffle = FALSE` in
#'   [fit()].
#' @param unroll Trace the loop over the steps instead of using one operation for all.
#' @param dropout,recurrent_dropout Shares of the inputs and of the state that are dropped in
#'   training: for each sequence and gate the same ones at all steps.
#' @param input_shape `c(steps, features)`, or `list(NULL, features)` for any number of steps. The
#'   sequences of a batch have one length: pad them with [pad_sequences()], and let
#'   [layer_masking()] or [layer_embedding()] mark the padding.
#' @return As [layer_dense()]: of shape `(batch, units)`, or `(batch, steps, units)` with
#'   `return_sequences`. With `return_state` a list: the output, then the state `h`, for
#'   `layer_lstm()` also `c`, each of shape `(batch, units)`.
#' @section Initial states: A layer without `object` can be called with the states to start from:
#'   `layer(x, initial_state = list(h, c))`. By default they are 0.
#' @section Masks: Where the mask of the input says that a step doesn't count, states and output
#'   stay as they were at the step before. Returned sequences pass the mask on.
#' @section Weights: `kernel` (features, gates * units), `recurrent_kernel` (units, gates * units),
#'   `bias` (gates * units); `(2, 3 * units)` for `layer_gru()` with `reset_after`: of the inputs and
#'   of the state.
#' @details With x for the products of an input with its weights, bias included, U for the recurrent
#'   weights, f and g for `activation` and `recurrent_activation`:
#'
#' | layer | gates | a step |
#' |---|---|---|
#' | `layer_simple_rnn()` | one | `h = f(x + h U)` |
#' | `layer_lstm()` | i, f, c, o | `i, f, o = g(x + h U)`, `c = f * c + i * f(x_c + h U_c)`, `h = o * f(c)` |
#' | `layer_gru()` | z, r, h | `z, r = g(x + h U)`, `h = z * h + (1 - z) * f(x_h + (h * r) U_h)` |
#'
#' With `reset_after`, `(h U_h) * r` takes the place of `(h * r) U_h`.
#'
#' Second derivatives ([k_gradients()] of [k_gradients()]) need `unroll = TRUE`.
#' @references Hochreiter and Schmidhuber, *Long Short-Term Memory* (1997); Cho et al., *Learning
#'   Phrase Representations using RNN Encoder-Decoder* (2014); Gal and Ghahramani, *A Theoretically
#'   Grounded Application of Dropout in Recurrent Neural Networks* (2016).
#' @family recurrent layers
#' @export
#' @examples
#' x <- layer_input(shape = c(20, 8))
#' x %>% layer_lstm(units = 16)
#' x %>% layer_gru(units = 16, return_sequences = TRUE)
#'
#' # The states of one layer as the start of another
#' encoded <- layer_lstm(x, units = 16, return_state = TRUE)
#' decode <- layer_lstm(units = 16)
#' decode(layer_input(shape = c(5, 8)), initial_state = encoded[2:3])
layer_lstm <- function(object, units, activation = "tanh", recurrent_activation = "hard_sigmoid",
                       use_bias = TRUE, return_sequences = FALSE, return_state = FALSE,
                       go_backwards = FALSE, stateful = FALSE, unroll = FALSE,
                       kernel_initializer = "glorot_uniform",
                       recurrent_initializer = "orthogonal", bias_initializer = "zeros",
                       unit_forget_bias = TRUE, kernel_regularizer = NULL,
                       recurrent_regularizer = NULL, bias_regularizer = NULL,
                       activity_regularizer = NULL, kernel_constraint = NULL,
                       recurrent_constraint = NULL, bias_constraint = NULL, dropout = 0,
                       recurrent_dropout = 0, input_shape = NULL, batch_input_shape = NULL,
                       batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                       weights = NULL) {
  create_layer_of(LSTM, object, layer_arguments(units = positive_int(units)))
}
#' @rdname layer_lstm
#' @export
layer_gru <- function(object, units, activation = "tanh", recurrent_activation = "hard_sigmoid",
                      use_bias = TRUE, return_sequences = FALSE, return_state = FALSE,
                      go_backwards = FALSE, stateful = FALSE, unroll = FALSE, reset_after = FALSE,
                      kernel_initializer = "glorot_uniform", recurrent_initializer = "orthogonal",
                      bias_initializer = "zeros", kernel_regularizer = NULL,
                      recurrent_regularizer = NULL, bias_regularizer = NULL,
                      activity_regularizer = NULL, kernel_constraint = NULL,
                      recurrent_constraint = NULL, bias_constraint = NULL, dropout = 0,
                      recurrent_dropout = 0, input_shape = NULL, batch_input_shape = NULL,
                      batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL,
                      weights = NULL) {
  create_layer_of(GRU, object, layer_arguments(units = positive_int(units)))
}
#' @rdname layer_lstm
#' @export
layer_simple_rnn <- function(object, units, activation = "tanh", use_bias = TRUE,
                             return_sequences = FALSE, return_state = FALSE, go_backwards = FALSE,
                             stateful = FALSE, unroll = FALSE,
                             kernel_initializer = "glorot_uniform",
                             recurrent_initializer = "orthogonal", bias_initializer = "zeros",
                             kernel_regularizer = NULL, recurrent_regularizer = NULL,
                             bias_regularizer = NULL, activity_regularizer = NULL,
                             kernel_constraint = NULL, recurrent_constraint = NULL,
                             bias_constraint = NULL, dropout = 0, recurrent_dropout = 0,
                             input_shape = NULL, batch_input_shape = NULL, batch_size = NULL,
                             dtype = NULL, name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(SimpleRNN, object, layer_arguments(units = positive_int(units)))
}

#' Recurrent layers with the conventions of cuDNN
#'
#' [layer_lstm()] and [layer_gru()] as NVIDIA's library defines them: sigmoid gates, the reset gate
#' after the product, and two biases, which are added. They run everywhere.
#'
#' @inheritParams layer_lstm
#' @return As [layer_lstm()].
#' @section Masks: An input with a mask is refused (class `hornet_value_error`).
#' @section Weights: `kernel` (features, gates * units), `recurrent_kernel` (units, gates * units),
#'   `bias` (2 * gates * units): those of the inputs, then those of the state.
#' @family recurrent layers
#' @export
#' @examples
#' x <- layer_input(shape = c(20, 8))
#' x %>% layer_cudnn_lstm(units = 16)
layer_cudnn_lstm <- function(object, units, kernel_initializer = "glorot_uniform",
                             recurrent_initializer = "orthogonal", bias_initializer = "zeros",
                             unit_forget_bias = TRUE, kernel_regularizer = NULL,
                             recurrent_regularizer = NULL, bias_regularizer = NULL,
                             activity_regularizer = NULL, kernel_constraint = NULL,
                             recurrent_constraint = NULL, bias_constraint = NULL,
                             return_sequences = FALSE, return_state = FALSE, stateful = FALSE,
                             input_shape = NULL, batch_input_shape = NULL, batch_size = NULL,
                             dtype = NULL, name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(CuDNNLSTM, object, layer_arguments(units = positive_int(units)))
}
#' @rdname layer_cudnn_lstm
#' @export
layer_cudnn_gru <- function(object, units, kernel_initializer = "glorot_uniform",
                            recurrent_initializer = "orthogonal", bias_initializer = "zeros",
                            kernel_regularizer = NULL, recurrent_regularizer = NULL,
                            bias_regularizer = NULL, activity_regularizer = NULL,
                            kernel_constraint = NULL, recurrent_constraint = NULL,
                            bias_constraint = NULL, return_sequences = FALSE,
                            return_state = FALSE, stateful = FALSE, input_shape = NULL,
                            batch_input_shape = NULL, batch_size = NULL, dtype = NULL,
                            name = NULL, trainable = NULL, weights = NULL) {
  create_layer_of(CuDNNGRU, object, layer_arguments(units = positive_int(units)))
}

# What all recurrent layers share. A subclass has `gates` and `states_per_step`, and says how
#   project(x, factors)             the inputs' share in the gates of all steps
#   step(x, states, factors)        the states after one step
#   fused(x, states, mask, factors) list(sequence, states), or NULL where there is no such op
# where `factors` are those of dropout, (batch, gates * size), or NULL.
Recurrent <- R6Class("Recurrent",
  inherit = Layer, cloneable = FALSE,
  public = list(
    module = "keras.layers.recurrent", supports_masking = TRUE,
    gates = 1L, states_per_step = 1L, input_axes = 3L,
    activation = NULL, recurrent_activation = NULL, use_bias = TRUE, return_sequences = FALSE,
    return_state = FALSE, go_backwards = FALSE, unroll = FALSE, dropout = 0, recurrent_dropout = 0,
    weight_options = NULL, kernel = NULL, recurrent_kernel = NULL, bias = NULL, states = NULL,
    in_input_order = FALSE,        # returned sequences, even if made backwards

    initialize = function(activation = "tanh", recurrent_activation = "hard_sigmoid",
                          use_bias = TRUE, return_sequences = FALSE, return_state = FALSE,
                          go_backwards = FALSE, stateful = FALSE, unroll = FALSE,
                          kernel_initializer = "glorot_uniform",
                          recurrent_initializer = "orthogonal", bias_initializer = "zeros",
                          kernel_regularizer = NULL, recurrent_regularizer = NULL,
                          bias_regularizer = NULL, activity_regularizer = NULL,
                          kernel_constraint = NULL, recurrent_constraint = NULL,
                          bias_constraint = NULL, dropout = 0, recurrent_dropout = 0, ...) {
      super$initialize(...)
      self$activation <- get_activation(activation)
      self$recurrent_activation <- get_activation(recurrent_activation)
      self$use_bias <- use_bias
      self$return_sequences <- return_sequences
      self$return_state <- return_state
      self$go_backwards <- go_backwards
      self$stateful <- stateful
      self$unroll <- unroll
      self$dropout <- min(max(dropout, 0), 1)
      self$recurrent_dropout <- min(max(recurrent_dropout, 0), 1)
      self$weight_options <- list(
        kernel = weight_options(kernel_initializer, kernel_regularizer, kernel_constraint),
        recurrent_kernel = weight_options(recurrent_initializer, recurrent_regularizer, recurrent_constraint),
        bias = weight_options(bias_initializer, bias_regularizer, bias_constraint)
      )
      self$activity_regularizer <- get_regularizer(activity_regularizer)
    },

    # With initial states there are several inputs; the sequence is the first.
    build = function(input_shape) {
      if (is.list(input_shape)) input_shape <- input_shape[[1L]]
      check_axes(self, input_shape, exactly = self$input_axes)
      self$add_weights(input_shape)
    },

    call = function(inputs, mask = NULL) {
      inputs <- as_tensor_list(inputs)
      x <- as_float(inputs[[1L]])
      check_axes(self, tensor_shape(x), exactly = self$input_axes)
      mask <- mask_of_sequence(mask)
      projected <- self$project(x, self$drop_factors(self$dropout, x$dims[-2L]))
      dims <- self$state_dims(projected)
      states <- self$states_before(x, dims, inputs[-1L])
      factors <- self$drop_factors(self$recurrent_dropout, dims)
      result <- if (!self$unroll) self$fused(projected, states, mask, factors)
      if (is.null(result)) result <- self$unrolled(projected, states, mask, factors)
      if (self$stateful) {
        for (i in seq_along(result$states)) update_variable(self$states[[i]], result$states[[i]], always = TRUE)
      }
      output <- if (!self$return_sequences) {
        result$states[[1L]]
      } else if (self$go_backwards && !self$in_input_order) {
        k_reverse(result$sequence, 2)
      } else {
        result$sequence
      }
      if (self$return_state) c(list(output), result$states) else output
    },

    compute_mask = function(inputs, mask) {
      mask <- mask_of_sequence(mask)
      if (!self$supports_masking) super$compute_mask(inputs, mask)
      if (!self$return_sequences) mask <- NULL
      if (!is.null(mask) && self$go_backwards && !self$in_input_order) mask <- k_reverse(mask, 2)
      if (self$return_state) c(list(mask), vector("list", self$states_per_step)) else mask
    },

    # Zeros, what was given, or what the last batch left.
    states_before = function(x, dims, given) {
      if (self$stateful && is.null(self$states)) self$make_states(x, dims)
      if (length(given) == 0L) {
        if (self$stateful) return(self$states)
        return(rep(list(constant_tensor(0, dims)), self$states_per_step))
      }
      if (length(given) != self$states_per_step) {
        abort(sprintf('layer "%s" has %d state(s), got %d initial states.', self$name,
                      self$states_per_step, length(given)), "hornet_value_error")
      }
      for (state in given) {
        if (!identical(state$dims, dims)) {
          abort(sprintf('layer "%s" expects initial states of shape %s, got %s.', self$name,
                        format_shape(shape_of_dims(dims)), format_shape(tensor_shape(state))),
                "hornet_shape_error")
        }
      }
      lapply(given, as_float)
    },
    make_states = function(x, dims) {
      if (dims[[1L]] < 0) {
        abort(c(
          sprintf('layer "%s" is stateful and needs a fixed batch size, got inputs of shape %s.', self$name,
                  format_shape(tensor_shape(x))),
          "Give batch_input_shape = c(batch, steps, features), or layer_input(batch_shape = )."
        ), "hornet_shape_error")
      }
      self$states <- lapply(seq_len(self$states_per_step), function(i) {
        new_variable(new_store(), sprintf("%s/state_%d:0", self$name, i), dims, trainable = FALSE)
      })
    },
    reset_states = function() {
      if (!self$stateful) return(invisible())
      for (state in self$states) set_variable_value(state, array(0, state$dims))
    },

    # In training: one factor for each element and gate, the same at all steps.
    drop_factors = function(rate, dims) {
      if (rate == 0 || !in_training()) return(NULL)
      last <- length(dims)
      dims[[last]] <- dims[[last]] * self$gates
      k_dropout(constant_tensor(1, dims), rate)
    },

    # The loop over the steps, traced.
    unrolled = function(x, states, mask, factors) {
      steps <- seq_len(x$dims[[2L]])
      xs <- pieces_of(x, 2L)
      masks <- if (!is.null(mask)) pieces_of(as_float(mask), 2L)
      outputs <- vector("list", length(steps))
      for (t in if (self$go_backwards) rev(steps) else steps) {
        after <- self$step(xs[[t]], states, factors)
        if (!is.null(masks)) after <- where_counts(masks[[t]], after, states)
        states <- after
        outputs[[t]] <- states[[1L]]
      }
      list(sequence = if (self$return_sequences) k_stack(outputs, 2), states = states)
    }
  )
)

# The mask of the sequence, where initial states are inputs, too.
mask_of_sequence <- function(mask) if (is.list(mask)) mask[[1L]] else mask

# The j-th of `count` parts of the last axis.
last_axis_part <- function(x, j, count) {
  axis <- tensor_rank(x)
  size <- x$dims[[axis]] / count
  slice(x, axis, (j - 1) * size + 1, size)
}

# Layers whose state is a vector.
VectorRecurrent <- R6Class("VectorRecurrent",
  inherit = Recurrent, cloneable = FALSE,
  public = list(
    units = NULL,
    initialize = function(units, ...) {
      super$initialize(...)
      self$units <- units
    },
    state_dims = function(projected) c(projected$dims[[1L]], self$units),
    bias_shape = function() self$gates * self$units,
    bias_options = function() self$weight_options$bias,
    add_weights = function(input_shape) {
      width <- self$gates * self$units
      self$kernel <- add_weight_like(self, "kernel", c(input_shape[[3L]], width))
      self$recurrent_kernel <- add_weight_like(self, "recurrent_kernel", c(self$units, width))
      if (self$use_bias) self$bias <- add_weight_like(self, "bias", self$bias_shape(), self$bias_options())
    },
    # What is added to the products of the inputs.
    input_bias = function() self$bias,
    project = function(x, factors) {
      check_last_axis(self, x, self$kernel$dims[[1L]])
      products <- if (is.null(factors)) k_dot(x, self$kernel) else {
        k_concatenate(lapply(seq_len(self$gates), function(gate) {
          k_dot(x * k_expand_dims(last_axis_part(factors, gate, self$gates), 2),
                last_axis_part(self$kernel, gate, self$gates))
        }))
      }
      if (self$use_bias) products + self$input_bias() else products
    },
    # The state's share in each gate.
    recurrent_products = function(h, factors, gates = seq_len(self$gates)) {
      if (is.null(factors) && length(gates) == self$gates) {
        product <- self$recurrent_product(h, self$recurrent_kernel)
        return(split_axis(product, tensor_rank(product), self$gates))
      }
      lapply(gates, function(gate) {
        dropped <- if (is.null(factors)) h else h * last_axis_part(factors, gate, self$gates)
        self$recurrent_product(dropped, last_axis_part(self$recurrent_kernel, gate, self$gates))
      })
    },
    recurrent_product = function(h, kernel) k_dot(h, kernel),
    # Inputs and attributes of a fused op; NULL if an activation isn't among those it has.
    fused_call = function(op, inputs, mask, factors, ...) {
      activation <- fused_activation(self$activation)
      gate_activation <- fused_activation(self$recurrent_activation)
      if (is.null(activation) || is.null(gate_activation)) return(NULL)
      options <- drop_nulls(list(if (!is.null(mask)) as_float(mask), factors))
      outputs <- emit(op, c(inputs, options), list(
        activation = activation, gate_activation = gate_activation, reverse = self$go_backwards,
        masked = !is.null(mask), dropped = !is.null(factors), ...
      ))
      sequences <- as_tensor_list(outputs)[seq_len(self$states_per_step)]
      last <- if (self$go_backwards) 1 else sequences[[1L]]$dims[[2L]]
      states <- lapply(sequences, function(y) reshape_dims(slice(y, 2L, last, 1), y$dims[-2L]))
      list(sequence = sequences[[1L]], states = states)
    }
  )
)

fused_activation <- function(f) {
  known_name(f, activation_functions()[c("linear", "tanh", "sigmoid", "hard_sigmoid", "relu")])
}

SimpleRNN <- R6Class("SimpleRNN",
  inherit = VectorRecurrent, cloneable = FALSE,
  public = list(
    step = function(x, states, factors) {
      list(self$activation(x + self$recurrent_products(states[[1L]], factors)[[1L]]))
    },
    fused = function(x, states, mask, factors) {
      self$fused_call("simple_rnn", c(list(x, self$recurrent_kernel), states), mask, factors)
    }
  )
)

LSTM <- R6Class("LSTM",
  inherit = VectorRecurrent, cloneable = FALSE,
  public = list(
    gates = 4L, states_per_step = 2L, unit_forget_bias = TRUE,
    initialize = function(units, unit_forget_bias = TRUE, ...) {
      super$initialize(units, ...)
      self$unit_forget_bias <- unit_forget_bias
    },
    bias_options = function() {
      options <- self$weight_options$bias
      if (!self$unit_forget_bias) return(options)
      start <- options$initializer
      forget <- self$forget_biases()
      options$initializer <- function(shape) {
        value <- array(initial_value(start, shape), shape)
        value[forget] <- 1
        value
      }
      options
    },
    forget_biases = function() self$units + seq_len(self$units),
    step = function(x, states, factors) {
      products <- self$recurrent_products(states[[1L]], factors)
      sums <- lapply(1:4, function(gate) last_axis_part(x, gate, 4L) + products[[gate]])
      c <- self$recurrent_activation(sums[[2L]]) * states[[2L]] +
        self$recurrent_activation(sums[[1L]]) * self$activation(sums[[3L]])
      list(self$recurrent_activation(sums[[4L]]) * self$activation(c), c)
    },
    fused = function(x, states, mask, factors) {
      self$fused_call("lstm", c(list(x, self$recurrent_kernel), states), mask, factors)
    }
  )
)

GRU <- R6Class("GRU",
  inherit = VectorRecurrent, cloneable = FALSE,
  public = list(
    gates = 3L, reset_after = FALSE,
    initialize = function(units, reset_after = FALSE, ...) {
      super$initialize(units, ...)
      self$reset_after <- reset_after
    },
    bias_shape = function() if (self$reset_after) c(2L, 3L * self$units) else 3L * self$units,
    # With reset_after: the biases of the inputs (1) or of the state (2).
    bias_row = function(row) reshape_dims(slice(self$bias, 1L, row, 1), 3 * self$units),
    # What doesn't depend on the reset gate is added to the inputs.
    input_bias = function() {
      if (!self$reset_after) return(self$bias)
      gates <- slice(self$bias_row(2), 1L, 1, 2 * self$units)
      self$bias_row(1) + k_concatenate(list(gates, constant_tensor(0, self$units)))
    },
    candidate_bias = function() {
      if (self$use_bias) last_axis_part(self$bias_row(2), 3, 3) else constant_tensor(0, self$units)
    },
    step = function(x, states, factors) {
      h <- states[[1L]]
      products <- self$recurrent_products(h, factors, 1:2)
      z <- self$recurrent_activation(last_axis_part(x, 1, 3L) + products[[1L]])
      r <- self$recurrent_activation(last_axis_part(x, 2, 3L) + products[[2L]])
      candidate <- if (self$reset_after) {
        r * (self$recurrent_products(h, factors, 3L)[[1L]] + self$candidate_bias())
      } else {
        self$recurrent_products(r * h, factors, 3L)[[1L]]
      }
      fresh <- self$activation(last_axis_part(x, 3, 3L) + candidate)
      list(z * h + (1 - z) * fresh)
    },
    fused = function(x, states, mask, factors) {
      bias <- if (self$reset_after) list(self$candidate_bias())
      self$fused_call("gru", c(list(x, self$recurrent_kernel), states, bias), mask, factors,
                      reset_after = self$reset_after)
    }
  )
)

CuDNNLSTM <- R6Class("CuDNNLSTM",
  inherit = LSTM, cloneable = FALSE,
  public = list(
    module = "keras.layers.cudnn_recurrent", supports_masking = FALSE,
    initialize = function(units, ...) super$initialize(units, recurrent_activation = "sigmoid", ...),
    bias_shape = function() 8L * self$units,
    forget_biases = function() 5L * self$units + seq_len(self$units),
    input_bias = function() last_axis_part(self$bias, 1, 2) + last_axis_part(self$bias, 2, 2)
  )
)
CuDNNGRU <- R6Class("CuDNNGRU",
  inherit = GRU, cloneable = FALSE,
  public = list(
    module = "keras.layers.cudnn_recurrent", supports_masking = FALSE,
    initialize = function(units, ...) {
      super$initialize(units, reset_after = TRUE, recurrent_activation = "sigmoid", ...)
    },
    bias_shape = function() 6L * self$units,
    bias_row = function(row) last_axis_part(self$bias, row, 2)
  )
)

# --- states ------------------------------------------------------------------------------------

# The inputs of a call that is given states to start from.
with_initial_state <- function(layer, object, initial_state) {
  if (!inherits(layer, "Recurrent") && !inherits(layer, "Bidirectional")) {
    abort(sprintf('layer "%s" has no states: `initial_state` is for recurrent layers.', layer$name),
          "hornet_value_error")
  }
  c(as_tensor_list(object), as_tensor_list(initial_state))
}

#' Forget the states of stateful layers
#'
#' Sets the states that `stateful` recurrent layers carry from batch to batch back to zero.
#'
#' @param object A layer or model.
#' @return `object`, invisibly.
#' @family layer methods
#' @export
#' @examples
#' model <- keras_model_sequential() %>%
#'   layer_lstm(units = 4, stateful = TRUE, batch_input_shape = c(2, 5, 3))
#' x <- array(1, c(2, 5, 3))
#' first <- predict(model, x)
#' second <- predict(model, x)     # goes on from there
#' reset_states(model)
#' all.equal(predict(model, x), first)
reset_states <- function(object) {
  layer_object(object)$reset_states()
  invisible(object)
}
