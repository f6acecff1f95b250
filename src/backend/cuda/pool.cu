// Pooling. Backward, each input cell looks at the outputs whose windows hold it.
#include "backend/functors/pool.h"

#include "backend/cuda/cuda_kernels.h"
#include "backend/cuda/skeletons.h"

namespace hornet::cuda {
namespace {

Window window_of(const BoundNode& node, const Shape& x, const Shape& y) {
  return Window(node.node->attrs, x, y, node.node->attrs.integers("size"));
}

// The sum of share(cells, output) over the outputs whose windows hold the cell `at`.
template <class Share>
HORNET_FUNCTOR float sum_over_windows(const Sliding& g, const WindowPlace& at, const Share& share) {
  float sum = 0;
  for (int kz = 0; kz < g.z.cells; ++kz) {
    const int oz = g.z.output_of(at.z, kz);
    if (oz < 0) continue;
    for (int ky = 0; ky < g.y.cells; ++ky) {
      const int oy = g.y.output_of(at.y, ky);
      if (oy < 0) continue;
      for (int kx = 0; kx < g.x.cells; ++kx) {
        const int ox = g.x.output_of(at.x, kx);
        if (ox < 0) continue;
        const Dim o = g.output_pixel(at.volume, oz, oy, ox) * g.channels + at.channel;
        sum += share(PoolCells(g, oz, oy, ox), o);
      }
    }
  }
  return sum;
}

struct MaxPoolBackward {
  Sliding g;
  const float *x, *y, *dy;
  float* dx;

  // All of dy[o] for the first cell that holds the maximum, nothing for the others.
  struct Share {
    const MaxPoolBackward& pool;
    const WindowPlace& at;

    HORNET_FUNCTOR float operator()(const PoolCells& cells, Dim o) const {
      const float maximum = pool.y[o];
      for (int z = cells.z.begin; z < cells.z.end; ++z) {
        for (int y = cells.y.begin; y < cells.y.end; ++y) {
          for (int x = cells.x.begin; x < cells.x.end; ++x) {
            const Dim pixel = pool.g.input_pixel(at.volume, z, y, x);
            if (exceeds(maximum, pool.x[pixel * pool.g.channels + at.channel])) continue;
            return z == at.z && y == at.y && x == at.x ? pool.dy[o] : 0;
          }
        }
      }
      return 0;
    }
  };

  HORNET_FUNCTOR void operator()(Dim i) const {
    const WindowPlace at = WindowPlace::in_input(g, i);
    dx[i] = sum_over_windows(g, at, Share{*this, at});
  }
};

struct AvgPoolBackward {
  Sliding g;
  const float* dy;
  float* dx;

  struct Share {
    const float* dy;

    HORNET_FUNCTOR float operator()(const PoolCells& cells, Dim o) const {
      return dy[o] / static_cast<float>(cells.count());
    }
  };

  HORNET_FUNCTOR void operator()(Dim i) const {
    dx[i] = sum_over_windows(g, WindowPlace::in_input(g, i), Share{dy});
  }
};

template <template <class> class Pool>
std::unique_ptr<Kernel> compile_forward(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  const Sliding g(window_of(node, node.inputs[0].shape, node.outputs[0].shape));
  return kernel([&queue, g](const Tensor* in, const Tensor* out, void*) {
    for_each(queue, out[0].numel(), Pool<float>{g, in[0].as<float>(), out[0].as<float>()});
  });
}

std::unique_ptr<Kernel> compile_max_pool_backward(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  const Sliding g(window_of(node, node.outputs[0].shape, node.inputs[1].shape));
  return kernel([&queue, g](const Tensor* in, const Tensor* out, void*) {  // x, y, dy -> dx
    for_each(queue, out[0].numel(),
             MaxPoolBackward{g, in[0].as<float>(), in[1].as<float>(), in[2].as<float>(),
                             out[0].as<float>()});
  });
}

std::unique_ptr<Kernel> compile_avg_pool_backward(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  const Sliding g(window_of(node, node.outputs[0].shape, node.inputs[0].shape));
  return kernel([&queue, g](const Tensor* in, const Tensor* out, void*) {  // dy -> dx
    for_each(queue, out[0].numel(), AvgPoolBackward{g, in[0].as<float>(), out[0].as<float>()});
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

}  // namespace hornet::cuda
