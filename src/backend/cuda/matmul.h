// The product of matrices that a node asks for.
#pragma once
#include "backend/backend.h"
#include "backend/cuda/queue.h"

namespace hornet::cuda {

// For matmul, batch_matmul and dense: how their first two inputs become the output.
class Multiplication {
 public:
  explicit Multiplication(const BoundNode& node);
  void run(const Queue& queue, const float* a, const float* b, float* c) const;

 private:
  Product product_;
};

}  // namespace hornet::cuda
