#include "backend/window.h"

namespace hornet {

Window::Window(const Attrs& attrs, const Shape& x, const Shape& y, const std::vector<Dim>& extents)
    : batch(x[0]),
      height(x[-3]),
      width(x[-2]),
      channels(x[-1]),
      out_height(y[-3]),
      out_width(y[-2]),
      out_channels(y[-1]) {
  const int axes = x.rank() - 2;
  const std::vector<Dim> ones(axes, 1);
  const std::vector<Dim> strides = attrs.integers("strides", ones);
  const std::vector<Dim> padding = attrs.integers("padding", std::vector<Dim>(2 * axes, 0));
  const std::vector<Dim> dilation = attrs.integers("dilation", ones);
  const int row = axes - 2, column = axes - 1;  // their places in the attributes
  rows = extents[row], columns = extents[column];
  stride_y = strides[row], stride_x = strides[column];
  top = padding[2 * row], left = padding[2 * column];
  dilation_y = dilation[row], dilation_x = dilation[column];
  if (axes == 2) return;
  depth = x[1], out_depth = y[1];
  planes = extents[0], stride_z = strides[0], front = padding[0], dilation_z = dilation[0];
}

}  // namespace hornet
