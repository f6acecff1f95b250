// The two shapes of our kernels. All launches, shared memory and barriers are in here.
#pragma once
#include <algorithm>

#include "backend/cuda/queue.h"
#include "backend/functors/functor.h"

namespace hornet::cuda {

constexpr int kThreads = 256;  // also below, where nvcc wants to read the number itself

#ifdef __CUDACC__

// What the threads that share a row know of each other. A functor takes it by template, so that
// the host can run it with a block of one thread.
class Block {
 public:
  __device__ explicit Block(char* shared) : shared_(shared) {}
  __device__ Dim thread() const { return threadIdx.x; }
  __device__ Dim size() const { return kThreads; }
  // Until all threads are here and see what the others wrote. All must come.
  __device__ void wait() const { __syncthreads(); }
  // combine() over the values of all threads, in a fixed order, for every thread. All must come
  // here together.
  template <class T, class Combine>
  __device__ T all(T value, Combine combine) const {
    static_assert(sizeof(T) <= kSharedPerThread);
    T* const slots = reinterpret_cast<T*>(shared_);
    const int t = static_cast<int>(threadIdx.x);
    slots[t] = value;
    __syncthreads();
    for (int half = kThreads / 2; half > 0; half /= 2) {
      if (t < half) slots[t] = combine(slots[t], slots[t + half]);
      __syncthreads();
    }
    const T result = slots[0];
    __syncthreads();  // the next all() writes there
    return result;
  }
  static constexpr int kSharedPerThread = 16;

 private:
  char* shared_;
};

template <class F>
__global__ void __launch_bounds__(256) for_each_kernel(Dim n, F f) {
  const Dim stride = static_cast<Dim>(gridDim.x) * kThreads;
  for (Dim i = static_cast<Dim>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += stride) f(i);
}

template <class F>
__global__ void __launch_bounds__(256) for_rows_kernel(Dim rows, F f) {
  __shared__ alignas(16) char shared[kThreads * Block::kSharedPerThread];
  const Block block(shared);
  for (Dim row = blockIdx.x; row < rows; row += gridDim.x) f(block, row);
}

// Enough blocks to fill any device; each goes on to further work by its stride.
inline unsigned blocks_of(Dim wanted) {
  return static_cast<unsigned>(std::min<Dim>(wanted, 65535));
}

#else

using Block = Alone;

#endif

// f(i) for i in [0, n), each by a thread.
template <class F>
void for_each(const Queue& queue, Dim n, const F& f) {
  if (n <= 0) return;
#ifdef __CUDACC__
  for_each_kernel<<<blocks_of((n + kThreads - 1) / kThreads), kThreads, 0, queue.stream>>>(n, f);
  check_launch("launching a kernel");
#else
  (void)queue;
  for (Dim i = 0; i < n; ++i) f(i);
#endif
}

// f(block, row) for each row, by a block of threads.
template <class F>
void for_rows(const Queue& queue, Dim rows, const F& f) {
  if (rows <= 0) return;
#ifdef __CUDACC__
  for_rows_kernel<<<blocks_of(rows), kThreads, 0, queue.stream>>>(rows, f);
  check_launch("launching a kernel");
#else
  (void)queue;
  for (Dim row = 0; row < rows; ++row) f(Block(), row);
#endif
}

}  // namespace hornet::cuda
