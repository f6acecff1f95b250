// Pooling over NHWC images and NDHWC volumes.
#pragma once
#include "base/shape.h"
#include "graph/graph.h"

namespace hornet::simd {

// Images are volumes of depth one.
struct PoolGeometry {
  Dim batch, depth = 1, height, width, channels;
  Dim out_depth = 1, out_height, out_width;
  Dim planes = 1, rows, columns;
  Dim stride_z = 1, stride_y, stride_x, front = 0, top, left;

  PoolGeometry(const Attrs& attrs, const Shape& x, const Shape& y);
  Dim volume() const { return depth * height * width * channels; }
  Dim out_rows() const { return out_depth * out_height; }  // of a volume
  // No input cell lies under two windows.
  bool disjoint() const { return stride_z >= planes && stride_y >= rows && stride_x >= columns; }
  // Inputs that windows laid edge to edge cover; all of them or all but a margin at the end.
  bool tiles() const {
    return stride_z == planes && stride_y == rows && stride_x == columns && front == 0 &&
           top == 0 && left == 0 && out_depth * planes <= depth && out_height * rows <= height &&
           out_width * columns <= width;
  }
};

struct PoolTable {
  // Output rows [begin, end), counted over the whole batch.
  void (*max)(const PoolGeometry& g, const float* x, float* y, Dim begin, Dim end);
  void (*average)(const PoolGeometry& g, const float* x, float* y, Dim begin, Dim end);
  // Images or volumes [begin, end).
  void (*max_backward)(const PoolGeometry& g, const float* x, const float* y, const float* dy,
                       float* dx, Dim begin, Dim end);
  void (*average_backward)(const PoolGeometry& g, const float* dy, float* dx, Dim begin, Dim end);
};

}  // namespace hornet::simd
