// The kernel made of a function.
#pragma once
#include <memory>
#include <utility>

#include "backend/backend.h"

namespace hornet {

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

}  // namespace hornet
