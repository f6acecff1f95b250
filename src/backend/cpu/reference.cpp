// The reference back end: looks a node's op up among the kernels of all families.
#include <unordered_map>

#include "backend/cpu/cpu_kernels.h"

namespace hornet {
namespace {

class ReferenceBackend final : public Backend {
 public:
  ReferenceBackend() {
    cpu::KernelRows rows;
    cpu::add_elementwise_kernels(rows);
    cpu::add_reduce_kernels(rows);
    cpu::add_matmul_kernels(rows);
    cpu::add_shape_kernels(rows);
    cpu::add_index_kernels(rows);
    cpu::add_conv_kernels(rows);
    cpu::add_depthwise_kernels(rows);
    cpu::add_pool_kernels(rows);
    cpu::add_norm_kernels(rows);
    cpu::add_rnn_kernels(rows);
    cpu::add_random_kernels(rows);
    cpu::add_ctc_kernels(rows);
    cpu::add_ctc_decode_kernels(rows);
    cpu::add_state_kernels(rows);
    cpu::add_fused_kernels(rows);
    for (const KernelRow& row : rows) kernels_.emplace(row.op, row.compile);
  }
  const char* name() const override { return "reference"; }
  std::unique_ptr<Kernel> compile(const BoundNode& node) const override {
    const auto found = kernels_.find(node.node->op->name);
    return found == kernels_.end() ? nullptr : found->second(node);
  }

 private:
  std::unordered_map<std::string, CompileFn> kernels_;
};

}  // namespace

const Backend& reference_backend() {
  static const ReferenceBackend backend;
  return backend;
}

}  // namespace hornet
