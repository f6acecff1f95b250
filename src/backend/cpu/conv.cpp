// Convolutions. For one row of outputs and one cell of the kernel, the inputs read are the rows of
// a strided matrix, so all three directions are sums of plain matrix products over the cells.
#include <algorithm>

#include <Eigen/Core>

#include "backend/cpu/cpu_kernels.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Rows = Eigen::Map<Matrix<T>, 0, Eigen::OuterStride<>>;
template <class T>
using ConstRows = Eigen::Map<const Matrix<T>, 0, Eigen::OuterStride<>>;

// The input row that output row `y` reads at kernel row `ky`; negative or >= height: padding.
Dim input_row(const Window& window, Dim y, Dim ky) {
  return y * window.stride_y - window.top + ky * window.dilation_y;
}

// One row of outputs, counted in elements of other kernels: a multiplication is a tenth of one.
Dim row_work(const Window& g) {
  return g.out_width * g.out_channels * g.rows * g.columns * g.channels / 10;
}

// What kernel cell (ky, kx) joins in one row of one image.
struct Cell {
  OutputRange range;  // output columns
  Dim x_offset;       // of the first input pixel, from the start of the input row
  Dim w_offset;       // of the cell's (in, out) matrix

  Cell(const Window& g, Dim ky, Dim kx)
      : range(g.out_width, g.width, g.stride_x, kx * g.dilation_x - g.left),
        x_offset((range.begin * g.stride_x + kx * g.dilation_x - g.left) * g.channels),
        w_offset((ky * g.columns + kx) * g.channels * g.out_channels) {}
  Dim count() const { return range.end - range.begin; }
};

template <class T>
void convolve_backward_data(const Window& g, const T* dy, const T* w, T* dx) {
  parallel_for(g.batch, grain_of(g.out_height * row_work(g)), [&](Dim begin, Dim end) {
    for (Dim image = begin; image < end; ++image) {
      T* dx_image = dx + image * g.height * g.width * g.channels;
      std::fill_n(dx_image, g.height * g.width * g.channels, T(0));
      for (Dim y = 0; y < g.out_height; ++y) {
        const T* dy_row = dy + (image * g.out_height + y) * g.out_width * g.out_channels;
        for (Dim ky = 0; ky < g.rows; ++ky) {
          const Dim row = input_row(g, y, ky);
          if (row < 0 || row >= g.height) continue;
          for (Dim kx = 0; kx < g.columns; ++kx) {
            const Cell cell(g, ky, kx);
            if (cell.count() <= 0) continue;
            Rows<T> pixels(dx_image + row * g.width * g.channels + cell.x_offset, cell.count(),
                           g.channels, Eigen::OuterStride<>(g.stride_x * g.channels));
            const Eigen::Map<const Matrix<T>> diff(dy_row + cell.range.begin * g.out_channels,
                                                   cell.count(), g.out_channels);
            const Eigen::Map<const Matrix<T>> weights(w + cell.w_offset, g.channels,
                                                      g.out_channels);
            pixels.noalias() += diff * weights.transpose();
          }
        }
      }
    }
  });
}

template <class T>
void convolve_backward_weights(const Window& g, const T* x, const T* dy, T* dw) {
  // A cell's sum is one thread's: the result does not depend on how many there are.
  const Dim cells = g.rows * g.columns;
  parallel_for(
      cells, grain_of(g.batch * g.out_height * row_work(g) / cells), [&](Dim begin, Dim end) {
        for (Dim index = begin; index < end; ++index) {
          const Dim ky = index / g.columns, kx = index % g.columns;
          const Cell cell(g, ky, kx);
          Eigen::Map<Matrix<T>> weights(dw + cell.w_offset, g.channels, g.out_channels);
          weights.setZero();
          if (cell.count() <= 0) continue;
          for (Dim image = 0; image < g.batch; ++image) {
            for (Dim y = 0; y < g.out_height; ++y) {
              const Dim row = input_row(g, y, ky);
              if (row < 0 || row >= g.height) continue;
              const ConstRows<T> pixels(
                  x + (image * g.height + row) * g.width * g.channels + cell.x_offset, cell.count(),
                  g.channels, Eigen::OuterStride<>(g.stride_x * g.channels));
              const T* dy_row = dy + (image * g.out_height + y) * g.out_width * g.out_channels;
              const Eigen::Map<const Matrix<T>> diff(dy_row + cell.range.begin * g.out_channels,
                                                     cell.count(), g.out_channels);
              weights.noalias() += pixels.transpose() * diff;
            }
          }
        }
      });
}

Dim ceil_div(Dim a, Dim b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

}  // namespace

OutputRange::OutputRange(Dim count, Dim size, Dim stride, Dim shift)
    : begin(std::max<Dim>(0, ceil_div(-shift, stride))),
      end(std::min<Dim>(count, ceil_div(size - shift, stride))) {}

Window::Window(const Attrs& attrs, const Shape& x, const Shape& y, Dim rows, Dim columns)
    : batch(x[0]),
      height(x[1]),
      width(x[2]),
      channels(x[3]),
      out_height(y[1]),
      out_width(y[2]),
      out_channels(y[3]),
      rows(rows),
      columns(columns) {
  const std::vector<std::int64_t> strides = attrs.integers("strides", {1, 1});
  const std::vector<std::int64_t> padding = attrs.integers("padding", {0, 0, 0, 0});
  const std::vector<std::int64_t> dilation = attrs.integers("dilation", {1, 1});
  stride_y = strides[0], stride_x = strides[1];
  top = padding[0], left = padding[2];
  dilation_y = dilation[0], dilation_x = dilation[1];
}

template <class T>
void convolve(const Window& g, const T* x, const T* w, T* y) {
  parallel_for(g.batch * g.out_height, grain_of(row_work(g)), [&](Dim begin, Dim end) {
    for (Dim index = begin; index < end; ++index) {
      const Dim image = index / g.out_height;
      T* y_row = y + index * g.out_width * g.out_channels;
      std::fill_n(y_row, g.out_width * g.out_channels, T(0));
      for (Dim ky = 0; ky < g.rows; ++ky) {
        const Dim row = input_row(g, index % g.out_height, ky);
        if (row < 0 || row >= g.height) continue;
        for (Dim kx = 0; kx < g.columns; ++kx) {
          const Cell cell(g, ky, kx);
          if (cell.count() <= 0) continue;
          const ConstRows<T> pixels(
              x + (image * g.height + row) * g.width * g.channels + cell.x_offset, cell.count(),
              g.channels, Eigen::OuterStride<>(g.stride_x * g.channels));
          const Eigen::Map<const Matrix<T>> weights(w + cell.w_offset, g.channels, g.out_channels);
          Eigen::Map<Matrix<T>> sums(y_row + cell.range.begin * g.out_channels, cell.count(),
                                     g.out_channels);
          sums.noalias() += pixels * weights;
        }
      }
    }
  });
}

template void convolve(const Window&, const float*, const float*, float*);
template void convolve(const Window&, const double*, const double*, double*);

namespace {

Window window_of(const BoundNode& node, const Shape& x, const Shape& w, const Shape& y) {
  return Window(node.node->attrs, x, y, w[0], w[1]);
}

std::unique_ptr<Kernel> compile_conv2d(const BoundNode& node) {
  const Window g =
      window_of(node, node.inputs[0].shape, node.inputs[1].shape, node.outputs[0].shape);
  return for_floats(node.outputs[0].dtype, [g](auto zero) {
    using T = decltype(zero);
    return kernel([g](const Tensor* in, const Tensor* out, void*) {
      convolve<T>(g, in[0].as<T>(), in[1].as<T>(), out[0].as<T>());
    });
  });
}

std::unique_ptr<Kernel> compile_backward_data(const BoundNode& node) {  // dy, w -> dx
  const Window g =
      window_of(node, node.outputs[0].shape, node.inputs[1].shape, node.inputs[0].shape);
  return for_floats(node.outputs[0].dtype, [g](auto zero) {
    using T = decltype(zero);
    return kernel([g](const Tensor* in, const Tensor* out, void*) {
      convolve_backward_data<T>(g, in[0].as<T>(), in[1].as<T>(), out[0].as<T>());
    });
  });
}

std::unique_ptr<Kernel> compile_backward_weights(const BoundNode& node) {  // x, dy -> dw
  const Window g =
      window_of(node, node.inputs[0].shape, node.outputs[0].shape, node.inputs[1].shape);
  return for_floats(node.outputs[0].dtype, [g](auto zero) {
    using T = decltype(zero);
    return kernel([g](const Tensor* in, const Tensor* out, void*) {
      convolve_backward_weights<T>(g, in[0].as<T>(), in[1].as<T>(), out[0].as<T>());
    });
  });
}

}  // namespace

void add_conv_kernels(KernelRows& rows) {
  rows.push_back({"conv2d", compile_conv2d});
  rows.push_back({"conv2d_backward_data", compile_backward_data});
  rows.push_back({"conv2d_backward_weights", compile_backward_weights});
}

}  // namespace hornet::cpu
