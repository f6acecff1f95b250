// How a window slides over volumes (batch, depth, height, width, channels). An image is a volume of
// depth one. Back ends share it.
#pragma once
#include <vector>

#include "base/shape.h"
#include "graph/attrs.h"

namespace hornet {

struct Window {
  Dim batch, depth = 1, height, width, channels;  // of the input
  Dim out_depth = 1, out_height, out_width, out_channels;
  Dim planes = 1, rows, columns;  // of the kernel or pool
  Dim stride_z = 1, stride_y, stride_x, front = 0, top, left;
  Dim dilation_z = 1, dilation_y, dilation_x;

  // `extents`: sizes of the kernel or pool; what follows them is ignored.
  Window(const Attrs& attrs, const Shape& x, const Shape& y, const std::vector<Dim>& extents);

  Dim volume() const { return depth * height * width * channels; }
  Dim out_volume() const { return out_depth * out_height * out_width * out_channels; }
};

}  // namespace hornet
