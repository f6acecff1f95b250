// Depthwise convolution: each channel has a few kernels of its own and meets no other channel.
#include "backend/cuda/column_sums.h"
#include "backend/cuda/cuda_kernels.h"
#include "backend/functors/window.h"

namespace hornet::cuda {
namespace {

// A convolution of images whose input channel c is seen by the output channels
// [c * multiplier, (c + 1) * multiplier).
struct Depthwise {
  Sliding g;
  int multiplier;

  explicit Depthwise(const Window& window)
      : g(window), multiplier(g.channels == 0 ? 1 : g.out_channels / g.channels) {}
};

struct Forward {
  Depthwise d;
  const float *x, *w;
  float* y;

  HORNET_FUNCTOR void operator()(Dim o) const {
    const Sliding& g = d.g;
    const WindowPlace at = WindowPlace::in_output(g, o);
    const int channel = at.channel / d.multiplier;
    float sum = 0;
    for (int ky = 0; ky < g.y.cells; ++ky) {
      const int iy = g.y.input_of(at.y, ky);
      if (iy < 0) continue;
      for (int kx = 0; kx < g.x.cells; ++kx) {
        const int ix = g.x.input_of(at.x, kx);
        if (ix < 0) continue;
        sum += x[g.input_pixel(at.volume, 0, iy, ix) * g.channels + channel] *
               w[Dim{ky * g.x.cells + kx} * g.out_channels + at.channel];
      }
    }
    y[o] = sum;
  }
};

struct BackwardData {
  Depthwise d;
  const float *dy, *w;
  float* dx;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Sliding& g = d.g;
    const WindowPlace at = WindowPlace::in_input(g, i);
    float sum = 0;
    for (int ky = 0; ky < g.y.cells; ++ky) {
      const int oy = g.y.output_of(at.y, ky);
      if (oy < 0) continue;
      for (int kx = 0; kx < g.x.cells; ++kx) {
        const int ox = g.x.output_of(at.x, kx);
        if (ox < 0) continue;
        const Dim first = Dim{at.channel} * d.multiplier;
        const float* diff = dy + g.output_pixel(at.volume, 0, oy, ox) * g.out_channels + first;
        const float* weights = w + Dim{ky * g.x.cells + kx} * g.out_channels + first;
        for (int m = 0; m < d.multiplier; ++m) sum += diff[m] * weights[m];
      }
    }
    dx[i] = sum;
  }
};

// What one row of outputs adds to the weight `column` = (cell, output channel).
struct WeightShare {
  Depthwise d;
  const float *x, *dy;

  HORNET_FUNCTOR double operator()(Dim row, Dim column) const {
    const Sliding& g = d.g;
    const int channel = take_index(&column, g.out_channels);
    const int kx = take_index(&column, g.x.cells), ky = static_cast<int>(column);
    Dim image = row;
    const int iy = g.y.input_of(take_index(&image, g.y.outputs), ky);
    if (iy < 0) return 0;
    const float* input = x + g.input_pixel(image, 0, iy, 0) * g.channels + channel / d.multiplier;
    const float* diff = dy + row * g.x.outputs * g.out_channels + channel;
    float sum = 0;
    for (int ox = 0; ox < g.x.outputs; ++ox) {
      const int ix = g.x.input_of(ox, kx);
      if (ix >= 0) sum += input[Dim{ix} * g.channels] * diff[Dim{ox} * g.out_channels];
    }
    return sum;
  }
};

struct StoreFloat {
  float* y;

  HORNET_FUNCTOR void operator()(Dim i, double value) const { y[i] = static_cast<float>(value); }
};

Depthwise depthwise(const BoundNode& node, const TensorSpec& x, const TensorSpec& w,
                    const TensorSpec& y) {
  return Depthwise(Window(node.node->attrs, x.shape, y.shape, w.shape.dims()));
}

std::unique_ptr<Kernel> compile_forward(const BoundNode& node, const Queue& queue) {  // x, w -> y
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  const Depthwise d = depthwise(node, node.inputs[0], node.inputs[1], node.outputs[0]);
  return kernel([&queue, d](const Tensor* in, const Tensor* out, void*) {
    for_each(queue, out[0].numel(),
             Forward{d, in[0].as<float>(), in[1].as<float>(), out[0].as<float>()});
  });
}

// dy, w -> dx
std::unique_ptr<Kernel> compile_backward_data(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  const Depthwise d = depthwise(node, node.outputs[0], node.inputs[1], node.inputs[0]);
  return kernel([&queue, d](const Tensor* in, const Tensor* out, void*) {
    for_each(queue, out[0].numel(),
             BackwardData{d, in[0].as<float>(), in[1].as<float>(), out[0].as<float>()});
  });
}

// x, dy -> dw
std::unique_ptr<Kernel> compile_backward_weights(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  const Depthwise d = depthwise(node, node.inputs[0], node.outputs[0], node.inputs[1]);
  const Dim rows = node.inputs[1].shape[0] * d.g.y.outputs;
  const ColumnSums<double> sums(rows, node.outputs[0].shape.numel());
  return kernel(
      [&queue, d, sums](const Tensor* in, const Tensor* out, void* workspace) {
        sums.run(queue, WeightShare{d, in[0].as<float>(), in[1].as<float>()},
                 StoreFloat{out[0].as<float>()}, workspace);
      },
      sums.workspace_bytes());
}

}  // namespace

void add_depthwise_kernels(KernelRows& rows) {
  rows.push_back({"depthwise_conv2d", compile_forward});
  rows.push_back({"depthwise_conv2d_backward_data", compile_backward_data});
  rows.push_back({"depthwise_conv2d_backward_weights", compile_backward_weights});
}

}  // namespace hornet::cuda
