// The CUDA back end with the host in the place of the device: its functors and all that picks and
// feeds them, under the sanitizers.
#pragma once
#include "backend/backend.h"
#include "backend/cuda/cuda_kernels.h"

namespace hornet::testing {

class HostDevice final : public Backend {
 public:
  HostDevice() {
    queue_.stream = cuda::make_stream();
    queue_.blas = cuda::make_blas(queue_.stream, false);
    queue_.convolutions = cuda::make_convolution_library(queue_.stream, false);
    queue_.column_bytes = 20000;  // so that convolutions take several turns
  }
  ~HostDevice() override { cuda::release_stream(queue_.stream); }
  const char* name() const override { return "host device"; }
  std::unique_ptr<Kernel> compile(const BoundNode& node) const override {
    return cuda::compile(node, queue_);
  }

 private:
  cuda::Queue queue_;
};

}  // namespace hornet::testing
