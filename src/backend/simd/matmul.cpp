// Matrix products and the dense layer.
#include "backend/simd/sgemm.h"
#include "backend/simd/simd_kernels.h"

namespace hornet::simd {

namespace {

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

}  // namespace

void add_matmul_kernels(KernelRows& rows) {
  rows.push_back({"matmul", compile_product});
  rows.push_back({"dense", compile_product});
}

}  // namespace hornet::simd
