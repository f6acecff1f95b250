// Matrix products and the dense layer.
#include <algorithm>

#include "backend/simd/sgemm.h"
#include "backend/simd/simd_kernels.h"
#include "rt/parallel.h"

namespace hornet::simd {

namespace {

// Operations that are worth a second thread.
constexpr Dim kTaskFlops = 1000000;

// Inputs a, b and, for "dense", a bias.
std::unique_ptr<Kernel> compile_product(const BoundNode& node) {
  for (const TensorSpec& input : node.inputs)
    if (input.dtype != DType::f32) return nullptr;
  const Attrs& attrs = node.node->attrs;
  Activation activation;
  if (!activation_of(attrs.text("activation"), &activation)) return nullptr;
  const bool transpose_a = attrs.flag("transpose_a");
  const Shape& a = node.inputs[0].shape;
  const Shape& c = node.outputs[0].shape;
  const Dim depth = transpose_a ? a[0] : a[1];
  if (depth == 0) return nullptr;
  const Sgemm gemm(c[0], c[1], depth, transpose_a, attrs.flag("transpose_b"), activation);
  const bool biased = node.inputs.size() == 3;
  return kernel(
      [gemm, biased](const Tensor* in, const Tensor* out, void* workspace) {
        gemm.run(in[0].as<float>(), in[1].as<float>(), biased ? in[2].as<float>() : nullptr,
                 out[0].as<float>(), workspace);
      },
      gemm.workspace_bytes());
}

// As many products as there are pairs of matrices. Threads share a product if it is large,
// otherwise each takes products of its own.
std::unique_ptr<Kernel> compile_batch_product(const BoundNode& node) {
  const Attrs& attrs = node.node->attrs;
  const bool transpose_a = attrs.flag("transpose_a");
  const Shape& a = node.inputs[0].shape;
  const Shape& c = node.outputs[0].shape;
  const Dim count = c[0], m = c[1], n = c[2], k = a[transpose_a ? 1 : 2];
  if (k == 0) return nullptr;
  const Sgemm gemm(m, n, k, transpose_a, attrs.flag("transpose_b"));
  const Dim worth = std::min(count, 2 * count * m * n * k / kTaskFlops);
  const int slots =
      gemm.max_tasks() > 1 ? 1 : static_cast<int>(std::clamp<Dim>(worth, 1, max_kernel_threads()));
  return kernel(
      [=](const Tensor* in, const Tensor* out, void* workspace) {
        parallel_tasks(count, slots, [&](int slot, Dim i) {
          gemm.run(in[0].as<float>() + i * m * k, in[1].as<float>() + i * k * n, nullptr,
                   out[0].as<float>() + i * m * n,
                   static_cast<char*>(workspace) + slot * gemm.workspace_bytes());
        });
      },
      slots * gemm.workspace_bytes());
}

}  // namespace

void add_matmul_kernels(KernelRows& rows) {
  rows.push_back({"matmul", compile_product});
  rows.push_back({"dense", compile_product});
  rows.push_back({"batch_matmul", compile_batch_product});
}

}  // namespace hornet::simd
