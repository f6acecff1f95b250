// The families of SIMD kernels. A compile function returns null for what its family does not
// cover (other element types, rare shapes): the reference back end takes it then.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "backend/backend.h"
#include "graph/op.h"

namespace hornet::simd {

using KernelRows = std::vector<KernelRow>;
void add_matmul_kernels(KernelRows& rows);
void add_conv_kernels(KernelRows& rows);
void add_conv_weights_kernels(KernelRows& rows);
void add_pool_kernels(KernelRows& rows);
void add_norm_kernels(KernelRows& rows);
void add_reduce_kernels(KernelRows& rows);
void add_elementwise_kernels(KernelRows& rows);
void add_random_kernels(KernelRows& rows);

// Elements of memory-bound work that are worth a second thread.
constexpr Dim kElementGrain = 32768;

template <class Body>
class FunctionKernel final : public Kernel {
 public:
  FunctionKernel(Body body, std::size_t workspace)
      : body_(std::move(body)), workspace_(workspace) {}
  std::size_t workspace_bytes() const override { return workspace_; }
  void run(const Tensor* inputs, const Tensor* outputs, void* workspace) override {
    body_(inputs, outputs, workspace);
  }

 private:
  Body body_;
  std::size_t workspace_;
};

// The kernel whose run() is body(const Tensor* inputs, const Tensor* outputs, void* workspace).
template <class Body>
std::unique_ptr<Kernel> kernel(Body body, std::size_t workspace = 0) {
  return std::make_unique<FunctionKernel<Body>>(std::move(body), workspace);
}

}  // namespace hornet::simd
