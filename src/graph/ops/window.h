// Geometry shared by convolution and pooling: attributes <-> WindowSpec, output extents.
#pragma once
#include "graph/builder.h"
#include "graph/ops/infer.h"

namespace hornet {

inline WindowSpec window_of(const Attrs& attrs, int axes) {
  WindowSpec window(axes);
  window.size = attrs.integers("size", window.size);
  window.strides = attrs.integers("strides", window.strides);
  window.padding = attrs.integers("padding", window.padding);
  window.dilation = attrs.integers("dilation", window.dilation);
  return window;
}

inline void check_window(const WindowSpec& window, std::size_t axes) {
  if (window.size.size() != axes || window.strides.size() != axes ||
      window.dilation.size() != axes || window.padding.size() != 2 * axes)
    throw Error("sizes, strides and dilation need " + std::to_string(axes) + " numbers, padding " +
                std::to_string(2 * axes));
  for (std::size_t i = 0; i < axes; ++i)
    if (window.size[i] < 1 || window.strides[i] < 1 || window.dilation[i] < 1)
      throw shape_error("sizes, strides and dilation must be positive");
  for (std::int64_t p : window.padding)
    if (p < 0) throw shape_error("padding cannot be negative");
}

// The shape that windows over `x` give: their positions between its batch and `channels`.
// `extents`: sizes of the kernel or pool; what follows them is ignored.
inline Shape window_positions(const WindowSpec& window, const Shape& x,
                              const std::vector<Dim>& extents, Dim channels) {
  static const char* const units[] = {" columns", " rows", " planes"};
  const int axes = x.rank() - 2;
  Shape y = x;
  y[-1] = channels;
  for (int axis = 0; axis < axes; ++axis) {
    const Dim length = x[axis + 1];
    const Dim span = (extents[axis] - 1) * window.dilation[axis] + 1;
    const Dim padded = length + window.padding[2 * axis] + window.padding[2 * axis + 1];
    if (padded < span)
      throw shape_error("a window of " + std::to_string(span) + " does not fit into " +
                        std::to_string(padded) + units[axes - 1 - axis] +
                        (padded == length ? "" : " (padding included)"))
          .hint("Use padding = \"same\", a smaller window, or larger images.");
    y[axis + 1] = (padded - span) / window.strides[axis] + 1;
  }
  return y;
}

}  // namespace hornet
