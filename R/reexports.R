# Functions of other packages that scripts expect here.

#' @importFrom magrittr %>%
#' @export
magrittr::`%>%`

#' @importFrom zeallot %<-%
#' @export
zeallot::`%<-%`

# The generics that tidy modelling packages share; their help pages here are those of the methods.
#' @importFrom generics compile fit
#' @rawNamespace export(compile, fit)
#' @importFrom R6 R6Class
NULL
