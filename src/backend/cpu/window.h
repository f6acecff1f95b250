// What a window meets while it slides, row by row.
#pragma once
#include <vector>

#include "backend/cpu/cpu_kernels.h"
#include "backend/window.h"

namespace hornet::cpu {

// The outputs [begin, end) of `count` that read inside the input: 0 <= o stride + shift < size.
struct OutputRange {
  Dim begin, end;
  OutputRange(Dim count, Dim size, Dim stride, Dim shift);
};

// What kernel cell (kz, ky, kx) joins in one row of one volume.
struct Cell {
  Dim index;          // of the cell, row-major
  OutputRange range;  // output columns
  Dim x_offset;       // of the first input pixel, from the start of the input row

  Cell(const Window& g, Dim kz, Dim ky, Dim kx)
      : index((kz * g.rows + ky) * g.columns + kx),
        range(g.out_width, g.width, g.stride_x, kx * g.dilation_x - g.left),
        x_offset((range.begin * g.stride_x + kx * g.dilation_x - g.left) * g.channels) {}
  Dim count() const { return range.end - range.begin; }
};

// visit(cell, offset of the input row in its volume) for the cells that meet the input in output
// row `row`, counted over the planes of a volume.
template <class Visit>
void each_cell(const Window& g, Dim row, Visit visit) {
  const Dim z = row / g.out_height, y = row % g.out_height;
  for (Dim kz = 0; kz < g.planes; ++kz) {
    const Dim input_plane = z * g.stride_z - g.front + kz * g.dilation_z;
    if (input_plane < 0 || input_plane >= g.depth) continue;
    for (Dim ky = 0; ky < g.rows; ++ky) {
      const Dim input_row = y * g.stride_y - g.top + ky * g.dilation_y;
      if (input_row < 0 || input_row >= g.height) continue;
      for (Dim kx = 0; kx < g.columns; ++kx) {
        const Cell cell(g, kz, ky, kx);
        if (cell.count() > 0)
          visit(cell, (input_plane * g.height + input_row) * g.width * g.channels);
      }
    }
  }
}

// One row of outputs, counted in elements of other kernels: a multiplication is a tenth of one.
inline Dim work_of_row(const Window& g, Dim products_of_a_cell) {
  return g.out_width * g.planes * g.rows * g.columns * products_of_a_cell / 10;
}

// The kernel of a convolution of x with w to y, or of one of its adjoints: the node's two inputs
// and its output are these three in some order. Runs body(window, first input, second input,
// output).
template <class Body>
std::unique_ptr<Kernel> window_kernel(const BoundNode& node, const TensorSpec& x,
                                      const TensorSpec& w, const TensorSpec& y, Body body) {
  const Window g(node.node->attrs, x.shape, y.shape, w.shape.dims());
  return for_floats(node.outputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return kernel([g, body](const Tensor* in, const Tensor* out, void*) {
      body(g, in[0].as<T>(), in[1].as<T>(), out[0].as<T>());
    });
  });
}

}  // namespace hornet::cpu
