// Pooling over NHWC images.
#pragma once
#include "base/shape.h"
#include "graph/graph.h"

namespace hornet::simd {

struct PoolGeometry {
  Dim batch, height, width, channels, out_height, out_width;
  Dim rows, columns, stride_y, stride_x, top, left;

  PoolGeometry(const Attrs& attrs, const Shape& x, const Shape& y);
  // No input cell lies under two windows.
  bool disjoint() const { return stride_y >= rows && stride_x >= columns; }
  // Inputs that windows laid edge to edge cover; all of them or all but a margin at the end.
  bool tiles() const {
    return stride_y == rows && stride_x == columns && top == 0 && left == 0 &&
           out_height * rows <= height && out_width * columns <= width;
  }
};

struct PoolTable {
  // Output rows [begin, end), counted over the whole batch.
  void (*max)(const PoolGeometry& g, const float* x, float* y, Dim begin, Dim end);
  void (*average)(const PoolGeometry& g, const float* x, float* y, Dim begin, Dim end);
  // Images [begin, end).
  void (*max_backward)(const PoolGeometry& g, const float* x, const float* y, const float* dy,
                       float* dx, Dim begin, Dim end);
  void (*average_backward)(const PoolGeometry& g, const float* dy, float* dx, Dim begin, Dim end);
};

}  // namespace hornet::simd
