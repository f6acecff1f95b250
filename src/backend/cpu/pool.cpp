// Pooling over (batch, height, width, channels) and (batch, depth, height, width, channels).
// Padding cells are never looked at: they are -inf to a maximum and absent from an average.
#include <algorithm>
#include <limits>

#include "backend/cpu/window.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

Window window_of(const BoundNode& node, const Shape& x, const Shape& y) {
  return Window(node.node->attrs, x, y, node.node->attrs.integers("size"));
}

// The cells [begin, end) of an axis under the window of its output `o`.
struct Extent {
  Dim begin, end;

  Extent(Dim o, Dim stride, Dim before, Dim size, Dim length)
      : begin(std::max<Dim>(0, o * stride - before)),
        end(std::min<Dim>(length, o * stride - before + size)) {}
  Dim count() const { return std::max<Dim>(0, end - begin); }
};

// The input cells of the window of one output.
struct Cells {
  Extent planes, rows, columns;

  Cells(const Window& g, Dim z, Dim y, Dim x)
      : planes(z, g.stride_z, g.front, g.planes, g.depth),
        rows(y, g.stride_y, g.top, g.rows, g.height),
        columns(x, g.stride_x, g.left, g.columns, g.width) {}
  Dim count() const { return planes.count() * rows.count() * columns.count(); }
};

// visit(cells, channel, output index) for every output of one image.
template <class Visit>
void each_output(const Window& g, Visit visit) {
  Dim index = 0;
  for (Dim z = 0; z < g.out_depth; ++z) {
    for (Dim y = 0; y < g.out_height; ++y) {
      for (Dim x = 0; x < g.out_width; ++x) {
        const Cells cells(g, z, y, x);
        for (Dim channel = 0; channel < g.channels; ++channel) visit(cells, channel, index++);
      }
    }
  }
}

// visit(input index) for each cell of a window, in row-major order.
template <class Visit>
void each_cell(const Window& g, const Cells& cells, Dim channel, Visit visit) {
  for (Dim plane = cells.planes.begin; plane < cells.planes.end; ++plane) {
    for (Dim row = cells.rows.begin; row < cells.rows.end; ++row) {
      for (Dim column = cells.columns.begin; column < cells.columns.end; ++column) {
        visit(((plane * g.height + row) * g.width + column) * g.channels + channel);
      }
    }
  }
}

// Images are independent of each other, in both directions.
template <class Body>
void each_image(const Window& g, Body body) {
  parallel_for(g.batch, grain_of(g.volume()), [&](Dim begin, Dim end) {
    for (Dim image = begin; image < end; ++image) body(image * g.volume(), image * g.out_volume());
  });
}

// The first cell that holds the maximum; -1 if the window has no cell.
template <class T>
Dim first_maximum(const Window& g, const Cells& cells, Dim channel, const T* x) {
  Dim found = -1;
  each_cell(g, cells, channel, [&](Dim i) {
    if (found < 0 || is_larger(x[i], x[found])) found = i;
  });
  return found;
}

std::unique_ptr<Kernel> compile_max_pool(const BoundNode& node) {
  const Window g = window_of(node, node.inputs[0].shape, node.outputs[0].shape);
  return for_floats(node.outputs[0].dtype, [g](auto zero) {
    using T = decltype(zero);
    return kernel([g](const Tensor* in, const Tensor* out, void*) {
      each_image(g, [&](Dim x_start, Dim y_start) {
        const T* x = in[0].as<T>() + x_start;
        T* y = out[0].as<T>() + y_start;
        each_output(g, [&](const Cells& cells, Dim channel, Dim o) {
          const Dim i = first_maximum(g, cells, channel, x);
          y[o] = i < 0 ? -std::numeric_limits<T>::infinity() : x[i];
        });
      });
    });
  });
}

std::unique_ptr<Kernel> compile_max_pool_backward(const BoundNode& node) {  // x, y, dy -> dx
  const Window g = window_of(node, node.outputs[0].shape, node.inputs[1].shape);
  return for_floats(node.outputs[0].dtype, [g](auto zero) {
    using T = decltype(zero);
    return kernel([g](const Tensor* in, const Tensor* out, void*) {
      each_image(g, [&](Dim x_start, Dim y_start) {
        const T* x = in[0].as<T>() + x_start;
        const T* dy = in[2].as<T>() + y_start;
        T* dx = out[0].as<T>() + x_start;
        std::fill_n(dx, g.volume(), T(0));
        each_output(g, [&](const Cells& cells, Dim channel, Dim o) {
          const Dim i = first_maximum(g, cells, channel, x);
          if (i >= 0) dx[i] += dy[o];
        });
      });
    });
  });
}

std::unique_ptr<Kernel> compile_avg_pool(const BoundNode& node) {
  const Window g = window_of(node, node.inputs[0].shape, node.outputs[0].shape);
  return for_floats(node.outputs[0].dtype, [g](auto zero) {
    using T = decltype(zero);
    return kernel([g](const Tensor* in, const Tensor* out, void*) {
      each_image(g, [&](Dim x_start, Dim y_start) {
        const T* x = in[0].as<T>() + x_start;
        T* y = out[0].as<T>() + y_start;
        each_output(g, [&](const Cells& cells, Dim channel, Dim o) {
          double total = 0;
          each_cell(g, cells, channel, [&](Dim i) { total += x[i]; });
          y[o] = cells.count() == 0 ? T(0) : static_cast<T>(total / cells.count());
        });
      });
    });
  });
}

std::unique_ptr<Kernel> compile_avg_pool_backward(const BoundNode& node) {  // dy -> dx
  const Window g = window_of(node, node.outputs[0].shape, node.inputs[0].shape);
  return for_floats(node.outputs[0].dtype, [g](auto zero) {
    using T = decltype(zero);
    return kernel([g](const Tensor* in, const Tensor* out, void*) {
      each_image(g, [&](Dim x_start, Dim y_start) {
        const T* dy = in[0].as<T>() + y_start;
        T* dx = out[0].as<T>() + x_start;
        std::fill_n(dx, g.volume(), T(0));
        each_output(g, [&](const Cells& cells, Dim channel, Dim o) {
          each_cell(g, cells, channel, [&](Dim i) { dx[i] += dy[o] / cells.count(); });
        });
      });
    });
  });
}

}  // namespace

void add_pool_kernels(KernelRows& rows) {
  rows.push_back({"max_pool2d", compile_max_pool});
  rows.push_back({"max_pool2d_backward", compile_max_pool_backward});
  rows.push_back({"avg_pool2d", compile_avg_pool});
  rows.push_back({"avg_pool2d_backward", compile_avg_pool_backward});
  rows.push_back({"max_pool3d", compile_max_pool});
  rows.push_back({"max_pool3d_backward", compile_max_pool_backward});
  rows.push_back({"avg_pool3d", compile_avg_pool});
  rows.push_back({"avg_pool3d_backward", compile_avg_pool_backward});
}

}  // namespace hornet::cpu
