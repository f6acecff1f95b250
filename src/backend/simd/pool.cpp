// Pooling kernels.
#include "backend/simd/pool.h"

#include <algorithm>
#include <cstring>

#include "backend/simd/simd_kernels.h"
#include "rt/parallel.h"

#define HORNET_SIMD_BODY "backend/simd/pool_body.h"
#include "backend/simd/each_isa.h"

namespace hornet::simd {

PoolGeometry::PoolGeometry(const Attrs& attrs, const Shape& x, const Shape& y)
    : batch(x[0]), height(x[1]), width(x[2]), channels(x[3]), out_height(y[1]), out_width(y[2]) {
  const auto size = attrs.integers("size"), strides = attrs.integers("strides", {1, 1}),
             padding = attrs.integers("padding", {0, 0, 0, 0});
  rows = size[0];
  columns = size[1];
  stride_y = strides[0];
  stride_x = strides[1];
  top = padding[0];
  left = padding[2];
}

namespace {

bool dilated(const BoundNode& node) {
  for (std::int64_t d : node.node->attrs.integers("dilation", {1, 1}))
    if (d != 1) return true;
  return false;
}

// Output rows, or images, that are worth a thread.
Dim grain_of(Dim floats) { return std::max<Dim>(1, kElementGrain / std::max<Dim>(1, floats)); }

template <bool max>
std::unique_ptr<Kernel> compile_forward(const BoundNode& node) {
  if (dilated(node)) return nullptr;
  const PoolGeometry g(node.node->attrs, node.inputs[0].shape, node.outputs[0].shape);
  const PoolTable* table = HORNET_PICK(pool_table);
  const Dim grain = grain_of(g.out_width * g.rows * g.columns * g.channels);
  return kernel([=](const Tensor* in, const Tensor* out, void*) {
    parallel_for(g.batch * g.out_height, grain, [&](Dim begin, Dim end) {
      (max ? table->max : table->average)(g, in[0].as<float>(), out[0].as<float>(), begin, end);
    });
  });
}

std::unique_ptr<Kernel> compile_max_backward(const BoundNode& node) {  // x, y, dy -> dx
  if (dilated(node)) return nullptr;
  const PoolGeometry g(node.node->attrs, node.outputs[0].shape, node.inputs[1].shape);
  const PoolTable* table = HORNET_PICK(pool_table);
  const Dim grain = grain_of(g.height * g.width * g.channels);
  return kernel([=](const Tensor* in, const Tensor* out, void*) {
    parallel_for(g.batch, grain, [&](Dim begin, Dim end) {
      table->max_backward(g, in[0].as<float>(), in[1].as<float>(), in[2].as<float>(),
                          out[0].as<float>(), begin, end);
    });
  });
}

std::unique_ptr<Kernel> compile_average_backward(const BoundNode& node) {  // dy -> dx
  if (dilated(node)) return nullptr;
  const PoolGeometry g(node.node->attrs, node.outputs[0].shape, node.inputs[0].shape);
  const PoolTable* table = HORNET_PICK(pool_table);
  const Dim grain = grain_of(g.height * g.width * g.channels);
  return kernel([=](const Tensor* in, const Tensor* out, void*) {
    parallel_for(g.batch, grain, [&](Dim begin, Dim end) {
      table->average_backward(g, in[0].as<float>(), out[0].as<float>(), begin, end);
    });
  });
}

}  // namespace

void add_pool_kernels(KernelRows& rows) {
  rows.push_back({"max_pool2d", compile_forward<true>});
  rows.push_back({"avg_pool2d", compile_forward<false>});
  rows.push_back({"max_pool2d_backward", compile_max_backward});
  rows.push_back({"avg_pool2d_backward", compile_average_backward});
}

}  // namespace hornet::simd
