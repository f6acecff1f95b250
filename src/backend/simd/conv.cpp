// Convolution: passes, packed weights and how bands of images are shared among threads.
#include "backend/simd/conv.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "backend/simd/simd_kernels.h"
#include "rt/parallel.h"

#define HORNET_SIMD_BODY "backend/simd/conv_body.h"
#include "backend/simd/each_isa.h"

namespace hornet::simd {

namespace {

// What a band reads should stay in the second-level cache while every panel passes over it.
constexpr Dim kBandFloats = 32768;
// Operations that are worth a second thread.
constexpr double kTaskFlops = 1e6;

// Output rows a task takes: few enough for the cache, evenly split.
Dim band_rows(const ConvPass& pass) {
  const Dim row_floats = std::max<Dim>(1, pass.y.step * pass.pitch);
  const Dim fitting = std::max<Dim>(1, (kBandFloats - pass.y.span() * pass.pitch) / row_floats);
  const Dim bands = (pass.y.outputs + fitting - 1) / fitting;
  return (pass.y.outputs + bands - 1) / bands;
}

}  // namespace

Convolution::Convolution(const ConvGeometry& g, Direction direction, Activation activation)
    : geometry_(g),
      transposed_(direction == backward_data),
      activation_(activation),
      table_(HORNET_PICK(conv_table)) {
  if (direction == forward) {
    ConvPass pass;
    pass.y = forward_axis(g.out_height, g.height, g.rows, g.stride_y, g.top, g.dilation_y);
    pass.x = forward_axis(g.out_width, g.width, g.columns, g.stride_x, g.left, g.dilation_x);
    pass.channels = g.channels;
    pass.out_channels = g.out_channels;
    pass.dst_offset = 0;
    pass.dst_column = g.out_channels;
    pass.dst_row = g.out_width * pass.dst_column;
    pass.dst_image = g.out_height * pass.dst_row;
    passes_.push_back(pass);
  } else {
    for (Dim y = 0; y < std::min(g.stride_y, g.height); ++y) {
      for (Dim x = 0; x < std::min(g.stride_x, g.width); ++x) {
        ConvPass pass;
        pass.y = backward_axis(g.height, g.out_height, g.rows, g.stride_y, g.top, g.dilation_y, y);
        pass.x =
            backward_axis(g.width, g.out_width, g.columns, g.stride_x, g.left, g.dilation_x, x);
        pass.channels = g.out_channels;
        pass.out_channels = g.channels;
        pass.dst_offset = (y * g.width + x) * g.channels;
        pass.dst_column = g.stride_x * g.channels;
        pass.dst_row = g.stride_y * g.width * g.channels;
        pass.dst_image = g.height * g.width * g.channels;
        passes_.push_back(pass);
      }
    }
  }
  packed_.push_back(0);
  Dim tasks = 0;
  for (ConvPass& pass : passes_) {
    plan_segments(pass, table_->depth_limit);
    pass.band_rows = band_rows(pass);
    const Dim columns = (pass.out_channels + table_->lanes - 1) / table_->lanes * table_->lanes;
    packed_.push_back(packed_.back() + (columns * pass.depth + 15) / 16 * 16);
    scratch_ = std::max(scratch_, (pass.band_floats() + 15) / 16 * 16);
    tasks = std::max(tasks, g.batch * pass.bands());
  }
  const double worth = std::max(1.0, g.flops() / kTaskFlops);
  slots_ = static_cast<int>(
      std::min({worth, static_cast<double>(tasks), static_cast<double>(max_kernel_threads())}));
}

std::size_t Convolution::workspace_bytes() const {
  return (packed_.back() + scratch_ * slots_) * sizeof(float);
}

void Convolution::run(const float* src, const float* w, const float* bias, float* dst,
                      void* workspace) const {
  float* packed = static_cast<float*>(workspace);
  float* scratch = packed + packed_.back();
  for (std::size_t i = 0; i < passes_.size(); ++i) {
    const ConvPass& pass = passes_[i];
    const Dim width = 2 * table_->lanes;
    const Dim panels = (pass.out_channels + width - 1) / width;
    const bool many = packed_[i + 1] - packed_[i] > kElementGrain;
    parallel_tasks(panels, many ? slots_ : 1, [&](int, Dim panel) {
      table_->pack(pass, geometry_, transposed_, w, panel * width, packed + packed_[i]);
    });
    const ConvCall call = {src, packed + packed_[i], bias, dst, activation_};
    parallel_tasks(geometry_.batch * pass.bands(), slots_, [&](int slot, Dim task) {
      table_->band(pass, call, task / pass.bands(), task % pass.bands(), scratch + slot * scratch_);
    });
  }
}

namespace {

// Inputs x, w and, if `biased`, a bias.
std::unique_ptr<Kernel> forward_kernel(const ConvGeometry& g, Activation activation, bool biased) {
  const auto kernel_of = [biased](auto product) {
    const std::size_t bytes = product.workspace_bytes();
    return kernel(
        [product = std::move(product), biased](const Tensor* in, const Tensor* out, void* space) {
          product.run(in[0].as<float>(), in[1].as<float>(), biased ? in[2].as<float>() : nullptr,
                      out[0].as<float>(), space);
        },
        bytes);
  };
  if (g.flops() == 0) return nullptr;
  if (g.is_product()) {
    return kernel_of(
        Sgemm(g.batch * g.height * g.width, g.out_channels, g.channels, false, false, activation));
  }
  return kernel_of(Convolution(g, Convolution::forward, activation));
}

std::unique_ptr<Kernel> compile_forward(const BoundNode& node) {
  for (const TensorSpec& input : node.inputs)
    if (input.dtype != DType::f32) return nullptr;
  Activation activation;
  if (!activation_of(node.node->attrs.text("activation"), &activation)) return nullptr;
  const ConvGeometry g(node.node->attrs, node.inputs[0].shape, node.inputs[1].shape,
                       node.outputs[0].shape);
  return forward_kernel(g, activation, node.inputs.size() == 3);
}

std::unique_ptr<Kernel> compile_backward_data(const BoundNode& node) {
  return conv_data_kernel(ConvGeometry(node.node->attrs, node.outputs[0].shape,
                                       node.inputs[1].shape, node.inputs[0].shape));
}

}  // namespace

std::unique_ptr<Kernel> conv_kernel(const ConvGeometry& g) {
  return forward_kernel(g, Activation::linear, false);
}

std::unique_ptr<Kernel> conv_data_kernel(const ConvGeometry& g) {
  const auto kernel_of = [](auto product) {
    const std::size_t bytes = product.workspace_bytes();
    return kernel(
        [product = std::move(product)](const Tensor* in, const Tensor* out, void* space) {
          product.run(in[0].as<float>(), in[1].as<float>(), nullptr, out[0].as<float>(), space);
        },
        bytes);
  };
  if (g.flops() == 0) return nullptr;
  if (g.is_product()) {
    return kernel_of(Sgemm(g.batch * g.height * g.width, g.channels, g.out_channels, false, true));
  }
  return kernel_of(Convolution(g, Convolution::backward_data, Activation::linear));
}

void add_conv_kernels(KernelRows& rows) {
  rows.push_back({"conv2d", compile_forward});
  rows.push_back({"conv2d_bias", compile_forward});
  rows.push_back({"conv2d_backward_data", compile_backward_data});
}

}  // namespace hornet::simd
