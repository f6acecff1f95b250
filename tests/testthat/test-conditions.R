# The call that an error carries is what the user wrote, however deep it happened.
call_of_error <- function(code) {
  error <- tryCatch(eval(code, new.env(parent = globalenv())), error = identity)
  as.character(conditionCall(error)[[1]])
}

test_that("errors carry the user's call", {
  expect_equal(call_of_error(quote(hornet::layer_dense(units = 1, activation = "rellu"))),
               c("::", "hornet", "layer_dense"))
  fit <- quote({
    library(hornet)
    model <- keras_model_sequential() %>% layer_dense(1, input_shape = 2)
    model %>% compile("sgd", "mse")
    wrong <- function() list(matrix(0, 3, 5), 1:3)
    model %>% fit_generator(wrong, 1, verbose = 0)
  })
  expect_equal(call_of_error(fit), "fit_generator")
  fit[[6]] <- quote(tryCatch(lapply(1, function(i) predict(model, matrix(0, 2, 7))), warning = identity))
  expect_equal(call_of_error(fit), "predict")
  fit[[6]] <- quote(model %>% fit_generator(function() predict(model, "x"), 1, verbose = 0))
  expect_equal(call_of_error(fit), "predict")
  fit[[6]] <- quote(compile(model, "adamm", "mse"))
  expect_equal(call_of_error(fit), "compile")
})
