// Convolutions. For one row of outputs and one cell of the kernel, the inputs read are the rows of
// a strided matrix, so all three directions are sums of plain matrix products over the cells.
#include <algorithm>

#include <Eigen/Core>

#include "backend/cpu/window.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Rows = Eigen::Map<Matrix<T>, 0, Eigen::OuterStride<>>;
template <class T>
using ConstRows = Eigen::Map<const Matrix<T>, 0, Eigen::OuterStride<>>;

// The (in, out) matrix of a cell.
template <class T>
Eigen::Map<const Matrix<T>> weights_of(const Window& g, const Cell& cell, const T* w) {
  return {w + cell.index * g.channels * g.out_channels, g.channels, g.out_channels};
}

// The pixels of an input row that a cell meets.
template <class T>
ConstRows<T> pixels_of(const Window& g, const Cell& cell, const T* input_row) {
  return {input_row + cell.x_offset, cell.count(), g.channels,
          Eigen::OuterStride<>(g.stride_x * g.channels)};
}

// The pixels of an output row that a cell contributes to.
template <class T>
Eigen::Map<const Matrix<T>> outputs_of(const Window& g, const Cell& cell, const T* output_row) {
  return {output_row + cell.range.begin * g.out_channels, cell.count(), g.out_channels};
}

Dim row_work(const Window& g) { return work_of_row(g, g.channels * g.out_channels); }

template <class T>
void convolve_backward_data(const Window& g, const T* dy, const T* w, T* dx) {
  const Dim rows = g.out_depth * g.out_height;
  parallel_for(g.batch, grain_of(rows * row_work(g)), [&](Dim begin, Dim end) {
    for (Dim image = begin; image < end; ++image) {
      T* dx_image = dx + image * g.volume();
      std::fill_n(dx_image, g.volume(), T(0));
      for (Dim row = 0; row < rows; ++row) {
        const T* dy_row = dy + (image * rows + row) * g.out_width * g.out_channels;
        each_cell(g, row, [&](const Cell& cell, Dim offset) {
          Rows<T> pixels(dx_image + offset + cell.x_offset, cell.count(), g.channels,
                         Eigen::OuterStride<>(g.stride_x * g.channels));
          pixels.noalias() += outputs_of(g, cell, dy_row) * weights_of(g, cell, w).transpose();
        });
      }
    }
  });
}

template <class T>
void convolve_backward_weights(const Window& g, const T* x, const T* dy, T* dw) {
  // A cell's sum is one thread's: the result does not depend on how many there are.
  const Dim cells = g.planes * g.rows * g.columns, rows = g.out_depth * g.out_height;
  parallel_for(cells, grain_of(g.batch * rows * row_work(g) / cells), [&](Dim begin, Dim end) {
    std::fill(dw + begin * g.channels * g.out_channels, dw + end * g.channels * g.out_channels,
              T(0));
    for (Dim row = 0; row < g.batch * rows; ++row) {
      const T* x_image = x + row / rows * g.volume();
      const T* dy_row = dy + row * g.out_width * g.out_channels;
      each_cell(g, row % rows, [&](const Cell& cell, Dim offset) {
        if (cell.index < begin || cell.index >= end) return;
        Eigen::Map<Matrix<T>> weights(dw + cell.index * g.channels * g.out_channels, g.channels,
                                      g.out_channels);
        weights.noalias() +=
            pixels_of(g, cell, x_image + offset).transpose() * outputs_of(g, cell, dy_row);
      });
    }
  });
}

Dim ceil_div(Dim a, Dim b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

}  // namespace

OutputRange::OutputRange(Dim count, Dim size, Dim stride, Dim shift)
    : begin(std::max<Dim>(0, ceil_div(-shift, stride))),
      end(std::min<Dim>(count, ceil_div(size - shift, stride))) {}

template <class T>
void convolve(const Window& g, const T* x, const T* w, T* y) {
  const Dim rows = g.out_depth * g.out_height;
  parallel_for(g.batch * rows, grain_of(row_work(g)), [&](Dim begin, Dim end) {
    for (Dim row = begin; row < end; ++row) {
      const T* x_image = x + row / rows * g.volume();
      T* y_row = y + row * g.out_width * g.out_channels;
      std::fill_n(y_row, g.out_width * g.out_channels, T(0));
      each_cell(g, row % rows, [&](const Cell& cell, Dim offset) {
        Eigen::Map<Matrix<T>> sums(y_row + cell.range.begin * g.out_channels, cell.count(),
                                   g.out_channels);
        sums.noalias() += pixels_of(g, cell, x_image + offset) * weights_of(g, cell, w);
      });
    }
  });
}

template void convolve(const Window&, const float*, const float*, float*);
template void convolve(const Window&, const double*, const double*, double*);

namespace {

std::unique_ptr<Kernel> compile_forward(const BoundNode& node) {
  return window_kernel(node, node.inputs[0], node.inputs[1], node.outputs[0],
                       [](const Window& g, auto* x, auto* w, auto* y) { convolve(g, x, w, y); });
}

std::unique_ptr<Kernel> compile_backward_data(const BoundNode& node) {  // dy, w -> dx
  return window_kernel(
      node, node.outputs[0], node.inputs[1], node.inputs[0],
      [](const Window& g, auto* dy, auto* w, auto* dx) { convolve_backward_data(g, dy, w, dx); });
}

std::unique_ptr<Kernel> compile_backward_weights(const BoundNode& node) {  // x, dy -> dw
  return window_kernel(node, node.inputs[0], node.outputs[0], node.inputs[1],
                       [](const Window& g, auto* x, auto* dy, auto* dw) {
                         convolve_backward_weights(g, x, dy, dw);
                       });
}

}  // namespace

void add_conv_kernels(KernelRows& rows) {
  rows.push_back({"conv2d", compile_forward});
  rows.push_back({"conv2d_backward_data", compile_backward_data});
  rows.push_back({"conv2d_backward_weights", compile_backward_weights});
  rows.push_back({"conv3d", compile_forward});
  rows.push_back({"conv3d_backward_data", compile_backward_data});
  rows.push_back({"conv3d_backward_weights", compile_backward_weights});
}

}  // namespace hornet::cpu
