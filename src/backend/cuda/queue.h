// Where the kernels of a device are enqueued, and the libraries that enqueue there too.
#pragma once
#include <memory>

#include "backend/cuda/blas.h"
#include "backend/cuda/convolution.h"
#include "backend/cuda/runtime.h"

namespace hornet::cuda {

struct Queue {
  Stream stream = nullptr;
  std::unique_ptr<Blas> blas;
  std::unique_ptr<ConvolutionLibrary> convolutions;  // null: not there, or not wanted
  std::size_t column_bytes = std::size_t{64} << 20;  // what our own convolutions unfold at once
};

}  // namespace hornet::cuda
