// What follows a product or a convolution in one node.
#pragma once
#include "backend/backend.h"
#include "backend/cuda/queue.h"
#include "graph/fused.h"

namespace hornet::cuda {

// y += bias over the last axis, then the activation named by the node, if any.
class Epilogue {
 public:
  explicit Epilogue(const BoundNode& node);
  void run(const Queue& queue, const float* bias, float* y) const;

 private:
  Dim elements_, channels_;
  bool activates_ = false;
  Instruction activation_;
};

}  // namespace hornet::cuda
