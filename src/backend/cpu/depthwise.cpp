// Depthwise convolution: each channel has a few kernels of its own and meets no other channel.
#include <algorithm>

#include "backend/cpu/window.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

// visit(input, output) for the pixels that a cell joins: offsets from the rows that hold them.
template <class Visit>
void each_pixel(const Window& g, const Cell& cell, Visit visit) {
  for (Dim i = 0; i < cell.count(); ++i)
    visit(cell.x_offset + i * g.stride_x * g.channels, (cell.range.begin + i) * g.out_channels);
}

// visit(c, o) for each output channel o and the input channel c that it sees.
template <class Visit>
void each_channel(const Window& g, Visit visit) {
  const Dim multiplier = g.out_channels / g.channels;
  for (Dim c = 0, o = 0; c < g.channels; ++c)
    for (Dim m = 0; m < multiplier; ++m, ++o) visit(c, o);
}

Dim row_work(const Window& g) { return work_of_row(g, g.out_channels * 10); }

template <class T>
void convolve_each(const Window& g, const T* x, const T* w, T* y) {
  parallel_for(g.batch * g.out_height, grain_of(row_work(g)), [&](Dim begin, Dim end) {
    for (Dim row = begin; row < end; ++row) {
      const T* x_image = x + row / g.out_height * g.volume();
      T* y_row = y + row * g.out_width * g.out_channels;
      std::fill_n(y_row, g.out_width * g.out_channels, T(0));
      each_cell(g, row % g.out_height, [&](const Cell& cell, Dim offset) {
        const T* weights = w + cell.index * g.out_channels;
        each_pixel(g, cell, [&](Dim input, Dim output) {
          each_channel(g, [&](Dim c, Dim o) {
            y_row[output + o] += x_image[offset + input + c] * weights[o];
          });
        });
      });
    }
  });
}

template <class T>
void backward_data(const Window& g, const T* dy, const T* w, T* dx) {
  parallel_for(g.batch, grain_of(g.out_height * row_work(g)), [&](Dim begin, Dim end) {
    std::fill(dx + begin * g.volume(), dx + end * g.volume(), T(0));
    for (Dim row = begin * g.out_height; row < end * g.out_height; ++row) {
      T* dx_image = dx + row / g.out_height * g.volume();
      const T* dy_row = dy + row * g.out_width * g.out_channels;
      each_cell(g, row % g.out_height, [&](const Cell& cell, Dim offset) {
        const T* weights = w + cell.index * g.out_channels;
        each_pixel(g, cell, [&](Dim input, Dim output) {
          each_channel(g, [&](Dim c, Dim o) {
            dx_image[offset + input + c] += dy_row[output + o] * weights[o];
          });
        });
      });
    }
  });
}

template <class T>
void backward_weights(const Window& g, const T* x, const T* dy, T* dw) {
  // A cell's sums are one thread's: the result does not depend on how many there are.
  const Dim cells = g.rows * g.columns, rows = g.batch * g.out_height;
  parallel_for(cells, grain_of(rows * row_work(g) / cells), [&](Dim begin, Dim end) {
    std::fill(dw + begin * g.out_channels, dw + end * g.out_channels, T(0));
    for (Dim row = 0; row < rows; ++row) {
      const T* x_image = x + row / g.out_height * g.volume();
      const T* dy_row = dy + row * g.out_width * g.out_channels;
      each_cell(g, row % g.out_height, [&](const Cell& cell, Dim offset) {
        if (cell.index < begin || cell.index >= end) return;
        T* weights = dw + cell.index * g.out_channels;
        each_pixel(g, cell, [&](Dim input, Dim output) {
          each_channel(g, [&](Dim c, Dim o) {
            weights[o] += x_image[offset + input + c] * dy_row[output + o];
          });
        });
      });
    }
  });
}

std::unique_ptr<Kernel> compile_forward(const BoundNode& node) {
  return window_kernel(
      node, node.inputs[0], node.inputs[1], node.outputs[0],
      [](const Window& g, auto* x, auto* w, auto* y) { convolve_each(g, x, w, y); });
}

std::unique_ptr<Kernel> compile_backward_data(const BoundNode& node) {  // dy, w -> dx
  return window_kernel(
      node, node.outputs[0], node.inputs[1], node.inputs[0],
      [](const Window& g, auto* dy, auto* w, auto* dx) { backward_data(g, dy, w, dx); });
}

std::unique_ptr<Kernel> compile_backward_weights(const BoundNode& node) {  // x, dy -> dw
  return window_kernel(
      node, node.inputs[0], node.outputs[0], node.inputs[1],
      [](const Window& g, auto* x, auto* dy, auto* dw) { backward_weights(g, x, dy, dw); });
}

}  // namespace

void add_depthwise_kernels(KernelRows& rows) {
  rows.push_back({"depthwise_conv2d", compile_forward});
  rows.push_back({"depthwise_conv2d_backward_data", compile_backward_data});
  rows.push_back({"depthwise_conv2d_backward_weights", compile_backward_weights});
}

}  // namespace hornet::cpu
