// R lists and arrays -> what the image rooms take, and back.
#pragma once
#include <Rcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "image/render.h"
#include "r_handle.h"

namespace hornet {

constexpr const char* kStatisticsHandle = "image statistics";

// An element of a named list; R_NilValue if it isn't there.
SEXP list_field(SEXP list, const char* name);
template <class T>
T list_value(SEXP list, const char* name) {
  return Rcpp::as<T>(list_field(list, name));
}

Augmentation augmentation_from_r(SEXP list);
Standardization standardization_from_r(SEXP list);
Pipeline pipeline_from_r(SEXP list);
ColorMode color_mode_from_r(SEXP name);
ResizeKernel resize_kernel_from_r(SEXP name);
DecodeLimits decode_limits_from_r(SEXP max_pixels);

// Dimensions of an R array; a vector has one.
std::vector<std::int64_t> dims_of(SEXP x);
// Numbers of any type, column-major -> row-major floats and back. With `channels_first` the second
// of four axes (the first of three) is moved to the end, and back.
void floats_from_r(SEXP x, bool channels_first, float* out);
SEXP floats_to_r(const float* x, const std::vector<std::int64_t>& dims, bool channels_first);
// The row-major shape that floats_from_r() makes of the last three axes.
PixelShape picture_shape(SEXP x, bool channels_first);

}  // namespace hornet
