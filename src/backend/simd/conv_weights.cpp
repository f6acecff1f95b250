// ConvWeightsGradient: partial sums, and who computes which.
#include "backend/simd/conv_weights.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "backend/simd/simd_kernels.h"
#include "rt/parallel.h"

#define HORNET_SIMD_BODY "backend/simd/conv_weights_body.h"
#include "backend/simd/each_isa.h"

namespace hornet::simd {

namespace {

constexpr double kTaskFlops = 1e6;
// Pixels a tile walks over before its sums go back to memory: dy's part of a panel stays in the
// first-level cache.
constexpr Dim kBandPixels = 256;
constexpr Dim kBandFloats = 32768;
// Limits of the partial sums: how many, how much memory, and how many pixels each is worth.
constexpr Dim kMaxPartials = 16;
constexpr Dim kPartialFloats = 2 << 20;
constexpr Dim kPartialPixels = 1024;
// From this many channels on, lines of dy that follow each other fall on few sets of the cache.
constexpr Dim kWideChannels = 64;
constexpr Dim kFewRows = 48;

// Rows of dw in threes that lie side by side in x; only a tile's last may be shorter.
std::vector<WeightsTile> tiles_of(const std::vector<Segment>& segments, int tile_rows) {
  std::vector<WeightsTile> tiles;
  const int threes = tile_rows / 3;
  Dim row = 0;
  bool open = false;  // the last tile takes another three
  int used = 0;
  for (const Segment& segment : segments) {
    for (Dim i = 0; i < segment.run; i += 3) {
      const int rows = static_cast<int>(std::min<Dim>(3, segment.run - i));
      if (!open) {
        tiles.push_back({row, 0, {0, 0, 0, 0}});
        used = 0;
      }
      tiles.back().offsets[used++] = segment.offset + i;
      tiles.back().rows += rows;
      row += rows;
      open = rows == 3 && used < threes;
    }
  }
  return tiles;
}

}  // namespace

ConvWeightsGradient::ConvWeightsGradient(const ConvGeometry& g)
    : table_(HORNET_PICK(weights_table)), batch_(g.batch) {
  ConvPass& pass = plan_.pass;
  pass.y = forward_axis(g.out_height, g.height, g.rows, g.stride_y, g.top, g.dilation_y);
  pass.x = forward_axis(g.out_width, g.width, g.columns, g.stride_x, g.left, g.dilation_x);
  pass.channels = g.channels;
  pass.out_channels = g.out_channels;
  plan_segments(pass, g.rows * g.columns * g.channels);
  const Dim fitting =
      std::min(kBandPixels / g.out_width, (kBandFloats - pass.y.span() * pass.pitch) /
                                              std::max<Dim>(1, pass.y.step * pass.pitch));
  const Dim bands = (g.out_height + std::max<Dim>(1, fitting) - 1) / std::max<Dim>(1, fitting);
  pass.band_rows = (g.out_height + bands - 1) / bands;

  const Dim lanes = table_->lanes, width = 2 * lanes;
  plan_.tiles = tiles_of(pass.segments, table_->tile_rows);
  plan_.depth = pass.depth;
  plan_.padded_columns = (g.out_channels + lanes - 1) / lanes * lanes;
  plan_.packs_dy =
      g.out_channels % lanes != 0 || (g.out_channels >= kWideChannels && pass.depth > kFewRows);
  panels_ = (g.out_channels + width - 1) / width;
  sums_ = plan_.depth * plan_.padded_columns;
  partials_ = std::max<Dim>(1, std::min({g.batch, kMaxPartials, kPartialFloats / sums_,
                                         g.batch * g.out_height * g.out_width / kPartialPixels}));
  scratch_ = pass.band_floats() + (plan_.packs_dy ? pass.band_rows * g.out_width * width : 0);
  scratch_ = (scratch_ + 15) / 16 * 16;
  slots_ = static_cast<int>(std::clamp<double>(g.flops() / kTaskFlops, 1, max_kernel_threads()));
}

std::size_t ConvWeightsGradient::workspace_bytes() const {
  return ((partials_ * sums_ + 15) / 16 * 16 + slots_ * scratch_) * sizeof(float);
}

void ConvWeightsGradient::run(const float* x, const float* dy, float* dw, void* workspace) const {
  float* sums = static_cast<float*>(workspace);
  float* scratch = sums + (partials_ * sums_ + 15) / 16 * 16;
  // Panels are independent, so they may be dealt by the number of threads.
  const int threads = slots_ == 1 ? 1 : std::min(slots_, kernel_threads());
  const Dim wanted = threads == 1 ? 1 : (2 * threads + partials_ - 1) / partials_;
  const Dim slices = std::min(panels_, wanted);
  parallel_tasks(partials_ * slices, slots_, [&](int slot, Dim task) {
    const Dim partial = task / slices, slice = task % slices;
    table_->range(plan_, x, dy, batch_ * partial / partials_, batch_ * (partial + 1) / partials_,
                  panels_ * slice / slices, panels_ * (slice + 1) / slices, sums + partial * sums_,
                  scratch + slot * scratch_);
  });
  parallel_tasks(panels_, slots_,
                 [&](int, Dim panel) { table_->collect(plan_, sums, partials_, panel, dw); });
}

std::unique_ptr<Kernel> conv_weights_kernel(const ConvGeometry& g) {
  const auto kernel_of = [](auto product, auto run) {
    const std::size_t bytes = product.workspace_bytes();
    return kernel(
        [product = std::move(product), run](const Tensor* in, const Tensor* out, void* space) {
          run(product, in[0].as<float>(), in[1].as<float>(), out[0].as<float>(), space);
        },
        bytes);
  };
  if (g.flops() == 0) return nullptr;
  if (g.is_product()) {
    return kernel_of(Sgemm(g.channels, g.out_channels, g.batch * g.height * g.width, true, false),
                     [](const Sgemm& gemm, const float* x, const float* dy, float* dw,
                        void* space) { gemm.run(x, dy, nullptr, dw, space); });
  }
  return kernel_of(ConvWeightsGradient(g),
                   [](const ConvWeightsGradient& gradient, const float* x, const float* dy,
                      float* dw, void* space) { gradient.run(x, dy, dw, space); });
}

void add_conv_weights_kernels(KernelRows& rows) {
  rows.push_back({"conv2d_backward_weights", [](const BoundNode& node) {
                    return conv_weights_kernel(ConvGeometry(node.node->attrs, node.inputs[0].shape,
                                                            node.outputs[0].shape,
                                                            node.inputs[1].shape));
                  }});
}

}  // namespace hornet::simd
