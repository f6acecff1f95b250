// The back end made of SIMD kernels, one node at a time.
#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_map>

#include "backend/simd/isa.h"
#include "backend/simd/simd_kernels.h"

namespace hornet {

namespace {

class SimdBackend final : public Backend {
 public:
  SimdBackend() {
    simd::KernelRows rows;
    simd::add_matmul_kernels(rows);
    simd::add_conv_kernels(rows);
    simd::add_conv_weights_kernels(rows);
    simd::add_conv3d_kernels(rows);
    simd::add_depthwise_kernels(rows);
    simd::add_elementwise_kernels(rows);
    simd::add_pool_kernels(rows);
    simd::add_norm_kernels(rows);
    simd::add_reduce_kernels(rows);
    simd::add_rnn_kernels(rows);
    simd::add_random_kernels(rows);
    simd::add_index_kernels(rows);
    for (const KernelRow& row : rows) compile_by_op_[row.op] = row.compile;
  }

  const char* name() const override { return "simd"; }

  std::unique_ptr<Kernel> compile(const BoundNode& node) const override {
    const auto row = compile_by_op_.find(node.node->op->name);
    if (row == compile_by_op_.end()) return nullptr;
    for (const TensorSpec& output : node.outputs) {
      if (output.dtype != DType::f32 || output.shape.numel() <= 0) return nullptr;
    }
    return row->second(node);
  }

 private:
  std::unordered_map<std::string, CompileFn> compile_by_op_;
};

}  // namespace

const Backend* simd_backend() {
  static const Backend* backend = []() -> const Backend* {
    if (simd::isa() == simd::Isa::none) return nullptr;
    static const SimdBackend simd;
    return &simd;
  }();
  return backend;
}

}  // namespace hornet
