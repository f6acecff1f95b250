// The families of SIMD kernels. A compile function returns null for what its family does not
// cover (other element types, rare shapes): the reference back end takes it then.
#pragma once
#include <vector>

#include "backend/function_kernel.h"
#include "graph/op.h"

namespace hornet::simd {

using KernelRows = std::vector<KernelRow>;
void add_matmul_kernels(KernelRows& rows);
void add_conv_kernels(KernelRows& rows);
void add_conv_weights_kernels(KernelRows& rows);
void add_conv3d_kernels(KernelRows& rows);
void add_depthwise_kernels(KernelRows& rows);
void add_pool_kernels(KernelRows& rows);
void add_norm_kernels(KernelRows& rows);
void add_reduce_kernels(KernelRows& rows);
void add_elementwise_kernels(KernelRows& rows);
void add_rnn_kernels(KernelRows& rows);
void add_random_kernels(KernelRows& rows);
void add_index_kernels(KernelRows& rows);

// Elements of memory-bound work that are worth a second thread.
constexpr Dim kElementGrain = 32768;

}  // namespace hornet::simd
