#include <string>
#include <unordered_map>

#include "backend/cuda/cuda_kernels.h"
#include "graph/op.h"

namespace hornet::cuda {

std::unique_ptr<Kernel> compile(const BoundNode& node, const Queue& queue) {
  static const std::unordered_map<std::string, CompileFn> compile_by_op = [] {
    KernelRows rows;
    add_elementwise_kernels(rows);
    add_reduce_kernels(rows);
    add_matmul_kernels(rows);
    add_shape_kernels(rows);
    add_index_kernels(rows);
    add_conv_kernels(rows);
    add_depthwise_kernels(rows);
    add_pool_kernels(rows);
    add_norm_kernels(rows);
    add_rnn_kernels(rows);
    add_random_kernels(rows);
    add_ctc_kernels(rows);
    add_state_kernels(rows);
    add_fused_kernels(rows);
    std::unordered_map<std::string, CompileFn> map;
    for (const KernelRow& row : rows) map.emplace(row.op, row.compile);
    return map;
  }();
  const auto found = compile_by_op.find(node.node->op->name);
  return found == compile_by_op.end() ? nullptr : found->second(node, queue);
}

}  // namespace hornet::cuda
