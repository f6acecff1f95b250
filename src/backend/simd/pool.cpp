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
    : batch(x[0]),
      height(x[-3]),
      width(x[-2]),
      channels(x[-1]),
      out_height(y[-3]),
      out_width(y[-2]) {
  const int axes = x.rank() - 2;
  const auto size = attrs.integers("size"),
             strides = attrs.integers("strides", std::vector<Dim>(axes, 1)),
             padding = attrs.integers("padding", std::vector<Dim>(2 * axes, 0));
  const int row = axes - 2, column = axes - 1;  // their places in the attributes
  rows = size[row];
  columns = size[column];
  stride_y = strides[row];
  stride_x = strides[column];
  top = padding[2 * row];
  left = padding[2 * column];
  if (axes == 2) return;
  depth = x[1];
  out_depth = y[1];
  planes = size[0];
  stride_z = strides[0];
  front = padding[0];
}

namespace {

bool dilated(const BoundNode& node) {
  for (std::int64_t d : node.node->attrs.integers("dilation", {}))
    if (d != 1) return true;
  return false;
}

const PoolTable* table_of(const BoundNode& node) {
  return node.inputs[0].shape.rank() == 5 ? HORNET_PICK(pool3d_table) : HORNET_PICK(pool2d_table);
}

// Output rows, or images, that are worth a thread.
Dim grain_of(Dim floats) { return std::max<Dim>(1, kElementGrain / std::max<Dim>(1, floats)); }

template <bool max>
std::unique_ptr<Kernel> compile_forward(const BoundNode& node) {
  if (dilated(node)) return nullptr;
  const PoolGeometry g(node.node->attrs, node.inputs[0].shape, node.outputs[0].shape);
  const PoolTable* table = table_of(node);
  const Dim grain = grain_of(g.out_width * g.planes * g.rows * g.columns * g.channels);
  return kernel([=](const Tensor* in, const Tensor* out, void*) {
    parallel_for(g.batch * g.out_rows(), grain, [&](Dim begin, Dim end) {
      (max ? table->max : table->average)(g, in[0].as<float>(), out[0].as<float>(), begin, end);
    });
  });
}

std::unique_ptr<Kernel> compile_max_backward(const BoundNode& node) {  // x, y, dy -> dx
  if (dilated(node)) return nullptr;
  const PoolGeometry g(node.node->attrs, node.outputs[0].shape, node.inputs[1].shape);
  const PoolTable* table = table_of(node);
  const Dim grain = grain_of(g.volume());
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
  const PoolTable* table = table_of(node);
  const Dim grain = grain_of(g.volume());
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
  rows.push_back({"max_pool3d", compile_forward<true>});
  rows.push_back({"avg_pool3d", compile_forward<false>});
  rows.push_back({"max_pool3d_backward", compile_max_backward});
  rows.push_back({"avg_pool3d_backward", compile_average_backward});
}

}  // namespace hornet::simd
