// The reference back end: plain loops, Eigen for products, float and double, every op. It is the
// referee of the other back ends, so each kernel says its definition rather than its speed.
// NaN goes through everything (relu, clip, maximum, pooling too), or training would hide it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "backend/function_kernel.h"
#include "backend/functors/elementwise.h"
#include "backend/window.h"
#include "graph/fused.h"
#include "graph/op.h"

namespace hornet::cpu {

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
void add_ctc_decode_kernels(KernelRows& rows);
void add_state_kernels(KernelRows& rows);
void add_fused_kernels(KernelRows& rows);

// Elements a thread takes at least in a loop that does little for each, and how many items of
// `elements` each are as much work.
constexpr Dim kGrain = 16384;
inline Dim grain_of(Dim elements) { return std::max<Dim>(1, kGrain / std::max<Dim>(1, elements)); }

// make(T()) for the C++ type T of `type`; null for the integer type.
template <class Make>
std::unique_ptr<Kernel> for_floats(DType type, Make make) {
  if (type == DType::f32) return make(float());
  if (type == DType::f64) return make(double());
  return nullptr;
}
template <class Make>
std::unique_ptr<Kernel> for_types(DType type, Make make) {
  if (type == DType::i32) return make(std::int32_t());
  return for_floats(type, make);
}

// --- shared between families ---------------------------------------------------------------

// out[i] = op(a[i], b[i], c[i]); operands the op does not have are ignored; out may be an operand.
template <class T>
void apply(const Instruction& op, const T* a, const T* b, const T* c, T* out, Dim n);

// c (m, n) = a b, row-major; a is stored (k, m) if transpose_a, b (n, k) if transpose_b.
template <class T>
void matmul(const T* a, const T* b, T* c, Dim m, Dim n, Dim k, bool transpose_a, bool transpose_b);

template <class T>
void convolve(const Window& window, const T* x, const T* w, T* y);

}  // namespace hornet::cpu
