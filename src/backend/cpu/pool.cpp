// Pooling over (batch, height, width, channels) and (batch, depth, height, width, channels).
// Gradients go from each output to the cells of its window.
#include "backend/functors/pool.h"

#include <algorithm>

#include "backend/cpu/cpu_kernels.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

Window window_of(const BoundNode& node, const Shape& x, const Shape& y) {
  return Window(node.node->attrs, x, y, node.node->attrs.integers("size"));
}

// The kernel that computes each output by Pool<T>.
template <template <class> class Pool>
std::unique_ptr<Kernel> compile_forward(const BoundNode& node) {
  const Window window = window_of(node, node.inputs[0].shape, node.outputs[0].shape);
  const Sliding g(window);
  const Dim grain = grain_of(g.cells());
  return for_floats(node.outputs[0].dtype, [=](auto zero) {
    using T = decltype(zero);
    return kernel([=](const Tensor* in, const Tensor* out, void*) {
      const Pool<T> pool{g, in[0].as<T>(), out[0].as<T>()};
      parallel_for(out[0].numel(), grain, [&](Dim begin, Dim end) {
        for (Dim o = begin; o < end; ++o) pool(o);
      });
    });
  });
}

// visit(place, its cells, output index) for every output, dx starting from zeros. Volumes are
// independent of each other.
template <class T, class Visit>
void each_output(const Window& window, T* dx, Visit visit) {
  const Sliding g(window);
  const Dim volume = window.volume(), outputs = window.out_volume();
  parallel_for(window.batch, grain_of(volume), [&](Dim begin, Dim end) {
    std::fill(dx + begin * volume, dx + end * volume, T(0));
    for (Dim o = begin * outputs; o < end * outputs; ++o) {
      const WindowPlace at = WindowPlace::in_output(g, o);
      visit(g, at, PoolCells(g, at.z, at.y, at.x), o);
    }
  });
}

std::unique_ptr<Kernel> compile_max_pool_backward(const BoundNode& node) {  // x, y, dy -> dx
  const Window window = window_of(node, node.outputs[0].shape, node.inputs[1].shape);
  return for_floats(node.outputs[0].dtype, [window](auto zero) {
    using T = decltype(zero);
    return kernel([window](const Tensor* in, const Tensor* out, void*) {
      const T *x = in[0].as<T>(), *dy = in[2].as<T>();
      T* dx = out[0].as<T>();
      each_output(window, dx,
                  [&](const Sliding& g, const WindowPlace& at, const PoolCells& cells, Dim o) {
                    const Dim i = first_maximum(g, cells, at.volume, at.channel, x);
                    if (i >= 0) dx[i] += dy[o];
                  });
    });
  });
}

std::unique_ptr<Kernel> compile_avg_pool_backward(const BoundNode& node) {  // dy -> dx
  const Window window = window_of(node, node.outputs[0].shape, node.inputs[0].shape);
  return for_floats(node.outputs[0].dtype, [window](auto zero) {
    using T = decltype(zero);
    return kernel([window](const Tensor* in, const Tensor* out, void*) {
      const T* dy = in[0].as<T>();
      T* dx = out[0].as<T>();
      each_output(window, dx,
                  [&](const Sliding& g, const WindowPlace& at, const PoolCells& cells, Dim o) {
                    for (int z = cells.z.begin; z < cells.z.end; ++z)
                      for (int y = cells.y.begin; y < cells.y.end; ++y)
                        for (int x = cells.x.begin; x < cells.x.end; ++x)
                          dx[g.input_pixel(at.volume, z, y, x) * g.channels + at.channel] +=
                              dy[o] / cells.count();
                  });
    });
  });
}

}  // namespace

void add_pool_kernels(KernelRows& rows) {
  rows.push_back({"max_pool2d", compile_forward<MaxPool>});
  rows.push_back({"max_pool2d_backward", compile_max_pool_backward});
  rows.push_back({"avg_pool2d", compile_forward<AvgPool>});
  rows.push_back({"avg_pool2d_backward", compile_avg_pool_backward});
  rows.push_back({"max_pool3d", compile_forward<MaxPool>});
  rows.push_back({"max_pool3d_backward", compile_max_pool_backward});
  rows.push_back({"avg_pool3d", compile_forward<AvgPool>});
  rows.push_back({"avg_pool3d_backward", compile_avg_pool_backward});
}

}  // namespace hornet::cpu
