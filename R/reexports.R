# Functions of other packages that scripts expect here.

#' @importFrom magrittr %>%
#' @export
magrittr::`%>%`

#' @importFrom generics compile
#' @export
generics::compile

#' @importFrom R6 R6Class
NULL
