// The CUDA back end: which op is compiled by which function. Tensors are float32 and int32, their
// addresses are the device's, and run() enqueues and returns.
#pragma once
#include <memory>
#include <vector>

#include "backend/cuda/queue.h"
#include "backend/function_kernel.h"

namespace hornet::cuda {

using CompileFn = std::unique_ptr<Kernel> (*)(const BoundNode&, const Queue&);
struct KernelRow {
  const char* op;
  CompileFn compile;
};
using KernelRows = std::vector<KernelRow>;

void add_elementwise_kernels(KernelRows& rows);
void add_reduce_kernels(KernelRows& rows);
void add_matmul_kernels(KernelRows& rows);
void add_shape_kernels(KernelRows& rows);
void add_index_kernels(KernelRows& rows);
void add_conv_kernels(KernelRows& rows);
void add_depthwise_kernels(KernelRows& rows);
void add_pool_kernels(KernelRows& rows);
void add_norm_kernels(KernelRows& rows);
void add_rnn_kernels(KernelRows& rows);
void add_random_kernels(KernelRows& rows);
void add_ctc_kernels(KernelRows& rows);
void add_state_kernels(KernelRows& rows);
void add_fused_kernels(KernelRows& rows);

// Null: no kernel for this node. `queue` must outlive the kernel.
std::unique_ptr<Kernel> compile(const BoundNode& node, const Queue& queue);

// destination[i] = the 4 bytes at sources[i], at most kMaxCollected.
constexpr std::size_t kMaxCollected = 64;
void collect(const Queue& queue, std::size_t count, const void* const* sources, void* destination);

}  // namespace hornet::cuda
