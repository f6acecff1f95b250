# Optimizers: how gradients change weights. A step is nodes of the traced graph.
#
# An optimizer is an environment: settings as numbers, `lr` and `iterations` as variables (so that
# they can change between steps), and `rule`, which makes the update:
#   rule$slots                  names of the per-weight variables it keeps
#   rule$prepare(self, lr, t)   what all weights share, e.g. a corrected rate; t counts from 1
#   rule$update(self, shared, w, g, slots) -> list(weight = new value, slots = new values)

new_optimizer <- function(class_name, lr, settings, rule, decay = 0, clipnorm = NULL, clipvalue = NULL) {
  check_not_negative(lr, "lr")
  check_not_negative(decay, "decay")
  if (!is.null(clipnorm)) check_not_negative(clipnorm, "clipnorm")
  if (!is.null(clipvalue)) check_not_negative(clipvalue, "clipvalue")
  for (name in names(settings)) if (is.numeric(settings[[name]])) check_not_negative(settings[[name]], name)
  self <- list2env(settings, parent = emptyenv())
  self$store <- new_store()
  self$lr <- new_variable(self$store, "lr", integer(), lr)
  self$iterations <- new_variable(self$store, "iterations", integer(), 0)
  self$decay <- decay
  self$clipnorm <- clipnorm
  self$clipvalue <- clipvalue
  self$class_name <- class_name
  self$rule <- rule
  self$config_names <- names(settings)
  class(self) <- c(paste0("keras.optimizers.", class_name), "keras.optimizers.Optimizer",
                   "keras_optimizer")
  self
}

#' @export
`$<-.keras_optimizer` <- function(x, name, value) {
  current <- get0(name, envir = x, inherits = FALSE)
  if (is_variable(current) && !is_variable(value)) {
    k_set_value(current, value)
  } else {
    if (!is.null(current) && name %in% get0("config_names", envir = x)) {
      abort(sprintf("`%s` can't change after the optimizer is made: only `lr` can.", name), "hornet_value_error")
    }
    assign(name, value, envir = x)
  }
  invisible(x)
}

#' @export
print.keras_optimizer <- function(x, ...) {
  config <- drop_nulls(optimizer_config(x))
  cat("<optimizer ", x$class_name, "(",
      paste(names(config), vapply(config, format, ""), sep = " = ", collapse = ", "), ")>\n", sep = "")
  invisible(x)
}
#' @export
format.keras_optimizer <- function(x, ...) sprintf("<optimizer %s>", x$class_name)

optimizer_config <- function(optimizer) {
  c(list(lr = variable_value(optimizer$lr)), mget(optimizer$config_names, envir = optimizer),
    list(decay = optimizer$decay, clipnorm = optimizer$clipnorm, clipvalue = optimizer$clipvalue))
}

#' Optimizers
#'
#' An optimizer can be given to [compile()] by name (`"adam"`, in any case), or as one of these
#' objects. `optimizer$lr`, the learning rate, is a variable: [k_get_value()], [k_set_value()] and
#' `model$optimizer$lr <- 0.01` work at any time; a change in a batch callback takes effect at the
#' next step.
#'
#' @param lr Learning rate.
#' @param momentum Share of the last update that is added to the next.
#' @param nesterov Use Nesterov momentum?
#' @param rho,beta_1,beta_2 Decay of the moving averages of gradients and their squares.
#' @param epsilon Fuzz factor; `NULL`: [k_epsilon()].
#' @param amsgrad Use the largest average of squared gradients so far?
#' @param schedule_decay Schedule of the momentum in `nadam`.
#' @param decay The rate of a step is `lr / (1 + decay * i)`, where i counts the steps before it.
#' @param clipnorm If the norm of all gradients together reaches this, they are scaled to it.
#' @param clipvalue Gradients are cut to lie between `-clipvalue` and `clipvalue`.
#' @return An optimizer. Used for another `compile()`, it keeps its rate and step count.
#' @details With gradient g of weight p, after clipping, and step t from 1:
#'
#' | optimizer | update |
#' |---|---|
#' | `sgd` | `v = momentum * v - lr * g`; `p + v`, with Nesterov `p + momentum * v - lr * g` |
#' | `rmsprop` | `a = rho * a + (1 - rho) * g^2`; `p - lr * g / (sqrt(a) + epsilon)` |
#' | `adagrad` | `a = a + g^2`; `p - lr * g / (sqrt(a) + epsilon)` |
#' | `adadelta` | a of rmsprop; `u = g * sqrt((d + epsilon) / (a + epsilon))`; `p - lr * u`; d as a, of u |
#' | `adam` | m, v moving averages of g, g^2; `p - lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)` |
#' | `adamax` | `u = max(beta_2 * u, abs(g))`; `p - lr / (1 - beta_1^t) * m / (u + epsilon)` |
#' | `nadam` | adam with Nesterov momentum and a momentum schedule |
#'
#' Constraints of weights are applied to the new value.
#' @references Tieleman and Hinton (2012, rmsprop); Duchi et al. (2011, adagrad); Zeiler (2012,
#'   adadelta); Kingma and Ba (2014, adam, adamax); Reddi et al. (2018, amsgrad); Dozat (2015, nadam);
#'   Sutskever et al. (2013, Nesterov momentum).
#' @family optimizers
#' @name optimizer_sgd
#' @examples
#' optimizer <- optimizer_sgd(lr = 0.01, momentum = 0.9, nesterov = TRUE)
#' optimizer$lr <- 0.005
#' optimizer
NULL

#' @rdname optimizer_sgd
#' @export
optimizer_sgd <- function(lr = 0.01, momentum = 0, decay = 0, nesterov = FALSE, clipnorm = NULL,
                          clipvalue = NULL) {
  rule <- list(
    slots = if (momentum > 0) "moment" else character(),
    prepare = function(self, lr, t) lr,
    update = function(self, lr, w, g, slots) {
      if (self$momentum == 0) return(list(weight = w - lr * g))
      v <- self$momentum * slots$moment - lr * g
      list(weight = if (isTRUE(self$nesterov)) w + self$momentum * v - lr * g else w + v,
           slots = list(moment = v))
    }
  )
  new_optimizer("SGD", lr, list(momentum = momentum, nesterov = isTRUE(nesterov)), rule, decay, clipnorm, clipvalue)
}

moving_average <- function(average, x, share) share * average + (1 - share) * x

raw_sqrt <- function(x) emit("sqrt", list(x))

#' @rdname optimizer_sgd
#' @export
optimizer_rmsprop <- function(lr = 0.001, rho = 0.9, epsilon = NULL, decay = 0, clipnorm = NULL,
                              clipvalue = NULL) {
  rule <- list(
    slots = "accumulator",
    prepare = function(self, lr, t) lr,
    update = function(self, lr, w, g, slots) {
      a <- moving_average(slots$accumulator, k_square(g), self$rho)
      list(weight = w - lr * g / (raw_sqrt(a) + self$epsilon), slots = list(accumulator = a))
    }
  )
  settings <- list(rho = rho, epsilon = epsilon %||% k_epsilon())
  new_optimizer("RMSprop", lr, settings, rule, decay, clipnorm, clipvalue)
}

#' @rdname optimizer_sgd
#' @export
optimizer_adagrad <- function(lr = 0.01, epsilon = NULL, decay = 0, clipnorm = NULL, clipvalue = NULL) {
  rule <- list(
    slots = "accumulator",
    prepare = function(self, lr, t) lr,
    update = function(self, lr, w, g, slots) {
      a <- slots$accumulator + k_square(g)
      list(weight = w - lr * g / (raw_sqrt(a) + self$epsilon), slots = list(accumulator = a))
    }
  )
  new_optimizer("Adagrad", lr, list(epsilon = epsilon %||% k_epsilon()), rule, decay, clipnorm, clipvalue)
}

#' @rdname optimizer_sgd
#' @export
optimizer_adadelta <- function(lr = 1, rho = 0.95, epsilon = NULL, decay = 0, clipnorm = NULL,
                               clipvalue = NULL) {
  rule <- list(
    slots = c("accumulator", "delta_accumulator"),
    prepare = function(self, lr, t) lr,
    update = function(self, lr, w, g, slots) {
      a <- moving_average(slots$accumulator, k_square(g), self$rho)
      u <- g * raw_sqrt(slots$delta_accumulator + self$epsilon) / raw_sqrt(a + self$epsilon)
      d <- moving_average(slots$delta_accumulator, k_square(u), self$rho)
      list(weight = w - lr * u, slots = list(accumulator = a, delta_accumulator = d))
    }
  )
  settings <- list(rho = rho, epsilon = epsilon %||% k_epsilon())
  new_optimizer("Adadelta", lr, settings, rule, decay, clipnorm, clipvalue)
}

# A number to the power of the step.
to_the <- function(base, t) k_pow(base, t)

#' @rdname optimizer_sgd
#' @export
optimizer_adam <- function(lr = 0.001, beta_1 = 0.9, beta_2 = 0.999, epsilon = NULL, decay = 0,
                           amsgrad = FALSE, clipnorm = NULL, clipvalue = NULL) {
  rule <- list(
    slots = c("m", "v", if (isTRUE(amsgrad)) "vhat"),
    prepare = function(self, lr, t) {
      lr * (raw_sqrt(1 - to_the(self$beta_2, t)) / (1 - to_the(self$beta_1, t)))
    },
    update = function(self, rate, w, g, slots) {
      m <- moving_average(slots$m, g, self$beta_1)
      v <- moving_average(slots$v, k_square(g), self$beta_2)
      vhat <- if (self$amsgrad) k_maximum(slots$vhat, v) else v
      list(weight = w - rate * m / (raw_sqrt(vhat) + self$epsilon),
           slots = c(list(m = m, v = v), if (self$amsgrad) list(vhat = vhat)))
    }
  )
  settings <- list(beta_1 = beta_1, beta_2 = beta_2, epsilon = epsilon %||% k_epsilon(), amsgrad = isTRUE(amsgrad))
  new_optimizer("Adam", lr, settings, rule, decay, clipnorm, clipvalue)
}

#' @rdname optimizer_sgd
#' @export
optimizer_adamax <- function(lr = 0.002, beta_1 = 0.9, beta_2 = 0.999, epsilon = NULL, decay = 0,
                             clipnorm = NULL, clipvalue = NULL) {
  rule <- list(
    slots = c("m", "u"),
    prepare = function(self, lr, t) lr / (1 - to_the(self$beta_1, t)),
    update = function(self, rate, w, g, slots) {
      m <- moving_average(slots$m, g, self$beta_1)
      u <- k_maximum(self$beta_2 * slots$u, k_abs(g))
      list(weight = w - rate * m / (u + self$epsilon), slots = list(m = m, u = u))
    }
  )
  settings <- list(beta_1 = beta_1, beta_2 = beta_2, epsilon = epsilon %||% k_epsilon())
  new_optimizer("Adamax", lr, settings, rule, decay, clipnorm, clipvalue)
}

#' @rdname optimizer_sgd
#' @export
optimizer_nadam <- function(lr = 0.002, beta_1 = 0.9, beta_2 = 0.999, epsilon = NULL,
                            schedule_decay = 0.004, clipnorm = NULL, clipvalue = NULL) {
  rule <- list(
    slots = c("m", "v"),
    prepare = function(self, lr, t) {
      share_at <- function(t) self$beta_1 * (1 - 0.5 * k_pow(0.96, t * self$schedule_decay))
      now <- share_at(t)
      then <- share_at(t + 1)
      so_far <- self$schedule * now
      update_variable(self$schedule, so_far)
      list(lr = lr, now = now, then = then, so_far = so_far, with_next = so_far * then,
           v_share = 1 - to_the(self$beta_2, t))
    },
    update = function(self, at, w, g, slots) {
      m <- moving_average(slots$m, g, self$beta_1)
      v <- moving_average(slots$v, k_square(g), self$beta_2)
      direction <- ((1 - at$now) / (1 - at$so_far)) * g + (at$then / (1 - at$with_next)) * m
      list(weight = w - at$lr * direction / (raw_sqrt(v / at$v_share) + self$epsilon),
           slots = list(m = m, v = v))
    }
  )
  settings <- list(beta_1 = beta_1, beta_2 = beta_2, epsilon = epsilon %||% k_epsilon(),
                   schedule_decay = schedule_decay)
  self <- new_optimizer("Nadam", lr, settings, rule, 0, clipnorm, clipvalue)
  assign("schedule", new_variable(self$store, "m_schedule", integer(), 1), envir = self)
  self
}

optimizers <- function() {
  list(sgd = optimizer_sgd, rmsprop = optimizer_rmsprop, adagrad = optimizer_adagrad,
       adadelta = optimizer_adadelta, adam = optimizer_adam, adamax = optimizer_adamax,
       nadam = optimizer_nadam)
}

get_optimizer <- function(optimizer) {
  if (is.character(optimizer) && length(optimizer) == 1L) {
    return(choose_by_name(optimizer, optimizers(), "optimizer")())
  }
  if (is.function(optimizer) && !is.null(known_name(optimizer, optimizers()))) return(optimizer())
  if (!inherits(optimizer, "keras_optimizer")) {
    abort(sprintf("`optimizer` must be a name or an optimizer_*(), not %s.", describe(optimizer)), "hornet_value_error")
  }
  optimizer
}

# The slots of every weight, in the order of saved files: all of one kind after all of another.
new_slots <- function(optimizer, weights) {
  store <- new_store()
  slots <- list()
  for (kind in optimizer$rule$slots) {
    slots[[kind]] <- lapply(weights, function(w) {
      new_variable(store, paste0(optimizer$class_name, "/", kind, "/", w$name), w$dims, trainable = FALSE)
    })
  }
  slots
}

# Appends the step to the trace: new weights, slots and count are assigned at the end of a run.
apply_gradients <- function(optimizer, weights, gradients, slots) {
  with_origin("optimizer", {
    gradients <- clip_gradients(optimizer, gradients)
    t <- optimizer$iterations + 1
    lr <- optimizer$lr
    if (optimizer$decay > 0) lr <- lr / (1 + optimizer$decay * optimizer$iterations)
    shared <- optimizer$rule$prepare(optimizer, lr, t)
    for (i in seq_along(weights)) {
      w <- weights[[i]]
      own <- lapply(slots, `[[`, i)
      new <- optimizer$rule$update(optimizer, shared, w, gradients[[i]], own)
      value <- if (is.null(w$constraint)) new$weight else w$constraint(new$weight)
      update_variable(w, value)
      for (kind in names(new$slots)) update_variable(own[[kind]], new$slots[[kind]])
    }
    update_variable(optimizer$iterations, t)
  })
}

clip_gradients <- function(optimizer, gradients) {
  if (!is.null(optimizer$clipnorm) && length(gradients)) {
    limit <- optimizer$clipnorm
    norm <- raw_sqrt(Reduce(`+`, lapply(gradients, function(g) k_sum(k_square(g)))))
    scale <- k_switch(k_greater_equal(norm, limit), limit / norm, 1)
    gradients <- lapply(gradients, function(g) g * scale)
  }
  if (!is.null(optimizer$clipvalue)) {
    gradients <- lapply(gradients, k_clip, -optimizer$clipvalue, optimizer$clipvalue)
  }
  gradients
}
