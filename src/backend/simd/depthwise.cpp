// Depthwise convolution: passes, and how rows are shared among threads.
#include "backend/simd/depthwise.h"

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "backend/simd/simd_kernels.h"
#include "rt/parallel.h"

#define HORNET_SIMD_BODY "backend/simd/depthwise_body.h"
#include "backend/simd/each_isa.h"

namespace hornet::simd {

namespace {

// Multiplications that are worth a second thread, and limits of the partial sums of dw.
constexpr Dim kGrain = 4 * kElementGrain;
constexpr Dim kMaxPartials = 16;

// Fills in what follows from the axes. `columns`: of the kernel.
void plan_taps(DepthwisePass& pass, Dim columns) {
  const Dim pitch = pass.x.inputs * pass.channels;
  for (std::size_t y = 0; y < pass.y.taps.size(); ++y) {
    for (std::size_t x = 0; x < pass.x.taps.size(); ++x) {
      pass.taps.push_back({pass.y.offsets[y] * pitch + pass.x.offsets[x] * pass.channels,
                           (pass.y.taps[y] * columns + pass.x.taps[x]) * pass.channels});
    }
  }
  const auto inside = [&](Dim column) {
    const Dim first = column * pass.x.step + pass.x.first;
    return first >= 0 && first + pass.x.span() <= pass.x.inputs;
  };
  Dim& first = pass.first_inside;
  while (first < pass.x.outputs && !inside(first)) ++first;
  pass.last_inside = first;
  while (pass.last_inside < pass.x.outputs && inside(pass.last_inside)) ++pass.last_inside;
}

DepthwisePass forward_pass(const ConvGeometry& g) {
  DepthwisePass pass;
  pass.y = forward_axis(g.out_height, g.height, g.rows, g.stride_y, g.top, g.dilation_y);
  pass.x = forward_axis(g.out_width, g.width, g.columns, g.stride_x, g.left, g.dilation_x);
  pass.channels = g.channels;
  pass.dst_column = g.channels;
  pass.dst_row = g.out_width * g.channels;
  pass.dst_image = g.out_height * pass.dst_row;
  plan_taps(pass, g.columns);
  return pass;
}

// One for each residue of the strides.
std::vector<DepthwisePass> backward_passes(const ConvGeometry& g) {
  std::vector<DepthwisePass> passes;
  for (Dim y = 0; y < std::min(g.stride_y, g.height); ++y) {
    for (Dim x = 0; x < std::min(g.stride_x, g.width); ++x) {
      DepthwisePass pass;
      pass.y = backward_axis(g.height, g.out_height, g.rows, g.stride_y, g.top, g.dilation_y, y);
      pass.x = backward_axis(g.width, g.out_width, g.columns, g.stride_x, g.left, g.dilation_x, x);
      pass.channels = g.channels;
      pass.dst_offset = (y * g.width + x) * g.channels;
      pass.dst_column = g.stride_x * g.channels;
      pass.dst_row = g.stride_y * g.width * g.channels;
      pass.dst_image = g.height * g.width * g.channels;
      plan_taps(pass, g.columns);
      passes.push_back(pass);
    }
  }
  return passes;
}

// Several kernels a channel are one kernel each for as many copies of the channel.
struct Copies {
  Dim pixels, channels, multiplier;

  explicit Copies(const ConvGeometry& g)
      : pixels(g.batch * g.height * g.width),
        channels(g.channels),
        multiplier(g.out_channels / g.channels) {}
  std::size_t bytes() const {
    return multiplier == 1 ? 0 : pixels * channels * multiplier * sizeof(float);
  }
  // x, or its copies in `wide`.
  const float* spread(const float* x, float* wide) const {
    if (multiplier == 1) return x;
    parallel_for(pixels * channels, kElementGrain / multiplier + 1, [&](Dim begin, Dim end) {
      for (Dim i = begin; i < end; ++i) std::fill_n(wide + i * multiplier, multiplier, x[i]);
    });
    return wide;
  }
  // The adjoint: each element of x is the sum of its copies.
  void collect(const float* wide, float* x) const {
    parallel_for(pixels * channels, kElementGrain / multiplier + 1, [&](Dim begin, Dim end) {
      for (Dim i = begin; i < end; ++i)
        x[i] = std::accumulate(wide + i * multiplier, wide + (i + 1) * multiplier, 0.0f);
    });
  }
};

// The convolution of the copies.
ConvGeometry widened(ConvGeometry g) {
  g.channels = g.out_channels;
  return g;
}

bool is_empty(const ConvGeometry& g) {
  return g.batch * g.out_height * g.out_width * g.out_channels == 0;
}

Dim row_grain(const DepthwisePass& pass) {
  const Dim row = pass.x.outputs * std::max<Dim>(1, pass.taps.size()) * pass.channels;
  return std::max<Dim>(1, kGrain / row);
}

void run_pass(const DepthwiseTable* table, const DepthwisePass& pass, Dim batch, const float* src,
              const float* w, float* dst) {
  parallel_for(batch * pass.y.outputs, row_grain(pass),
               [&](Dim begin, Dim end) { table->rows(pass, src, w, dst, begin, end); });
}

std::unique_ptr<Kernel> compile_forward(const BoundNode& node) {  // x, w -> y
  const ConvGeometry g(node.node->attrs, node.inputs[0].shape, node.inputs[1].shape,
                       node.outputs[0].shape);
  if (is_empty(g)) return nullptr;
  const DepthwiseTable* table = HORNET_PICK(depthwise_table);
  const Copies copies(g);
  return kernel(
      [=, pass = forward_pass(widened(g))](const Tensor* in, const Tensor* out, void* workspace) {
        const float* x = copies.spread(in[0].as<float>(), static_cast<float*>(workspace));
        run_pass(table, pass, g.batch, x, in[1].as<float>(), out[0].as<float>());
      },
      copies.bytes());
}

std::unique_ptr<Kernel> compile_backward_data(const BoundNode& node) {  // dy, w -> dx
  const ConvGeometry g(node.node->attrs, node.outputs[0].shape, node.inputs[1].shape,
                       node.inputs[0].shape);
  if (is_empty(g)) return nullptr;
  const DepthwiseTable* table = HORNET_PICK(depthwise_table);
  const Copies copies(g);
  return kernel(
      [=, passes = backward_passes(widened(g))](const Tensor* in, const Tensor* out,
                                                void* workspace) {
        float* const dx = out[0].as<float>();
        float* const wide = copies.multiplier == 1 ? dx : static_cast<float*>(workspace);
        for (const DepthwisePass& pass : passes)
          run_pass(table, pass, g.batch, in[0].as<float>(), in[1].as<float>(), wide);
        if (wide != dx) copies.collect(wide, dx);
      },
      copies.bytes());
}

// Rows are dealt to a number of partial sums that depends on the shape alone, and these are added
// in order: the result is the same for any number of threads.
std::unique_ptr<Kernel> compile_backward_weights(const BoundNode& node) {  // x, dy -> dw
  const ConvGeometry g(node.node->attrs, node.inputs[0].shape, node.outputs[0].shape,
                       node.inputs[1].shape);
  if (is_empty(g)) return nullptr;
  const DepthwiseTable* table = HORNET_PICK(depthwise_table);
  const Copies copies(g);
  const DepthwisePass pass = forward_pass(widened(g));
  const Dim rows = g.batch * g.out_height, weights = g.rows * g.columns * g.out_channels;
  const Dim partials = std::clamp<Dim>(rows / row_grain(pass), 1, kMaxPartials);
  return kernel(
      [=](const Tensor* in, const Tensor* out, void* workspace) {
        float* const sums = static_cast<float*>(workspace);
        const float* x = copies.spread(in[0].as<float>(), sums + partials * weights);
        parallel_for(partials, 1, [&](Dim begin, Dim end) {
          std::fill(sums + begin * weights, sums + end * weights, 0.0f);
          for (Dim i = begin; i < end; ++i)
            table->add_weights(pass, x, in[1].as<float>(), sums + i * weights, rows * i / partials,
                               rows * (i + 1) / partials);
        });
        float* const dw = out[0].as<float>();
        std::copy(sums, sums + weights, dw);
        for (Dim i = 1; i < partials; ++i)
          for (Dim j = 0; j < weights; ++j) dw[j] += sums[i * weights + j];
      },
      partials * weights * sizeof(float) + copies.bytes());
}

}  // namespace

void add_depthwise_kernels(KernelRows& rows) {
  rows.push_back({"depthwise_conv2d", compile_forward});
  rows.push_back({"depthwise_conv2d_backward_data", compile_backward_data});
  rows.push_back({"depthwise_conv2d_backward_weights", compile_backward_weights});
}

}  // namespace hornet::simd
