// Geometry shared by convolution and pooling: attributes <-> Window2d, output extents.
#pragma once
#include "graph/builder.h"
#include "graph/ops/infer.h"

namespace hornet {

inline Window2d window_of(const Attrs& attrs) {
  Window2d window;
  window.size = attrs.integers("size", window.size);
  window.strides = attrs.integers("strides", window.strides);
  window.padding = attrs.integers("padding", window.padding);
  window.dilation = attrs.integers("dilation", window.dilation);
  return window;
}

inline void check_window(const Window2d& window) {
  if (window.size.size() != 2 || window.strides.size() != 2 || window.dilation.size() != 2 ||
      window.padding.size() != 4)
    throw Error("sizes, strides and dilation need two numbers, padding four");
  for (int i = 0; i < 2; ++i)
    if (window.size[i] < 1 || window.strides[i] < 1 || window.dilation[i] < 1)
      throw shape_error("sizes, strides and dilation must be positive");
  for (std::int64_t p : window.padding)
    if (p < 0) throw shape_error("padding cannot be negative");
}

// Number of window positions along axis 0 (height) or 1 (width) of an image.
inline Dim window_positions(const Window2d& window, int axis, Dim length, Dim extent) {
  const Dim span = (extent - 1) * window.dilation[axis] + 1;
  const Dim padded = length + window.padding[2 * axis] + window.padding[2 * axis + 1];
  if (padded < span)
    throw shape_error("a window of " + std::to_string(span) + " does not fit into " +
                      std::to_string(padded) + (axis == 0 ? " rows" : " columns") +
                      (padded == length ? "" : " (padding included)"))
        .hint("Use padding = \"same\", a smaller window, or larger images.");
  return (padded - span) / window.strides[axis] + 1;
}

}  // namespace hornet
