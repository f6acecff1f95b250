// Convolutions by a library, where it has one that fits.
#pragma once
#include <cstddef>
#include <memory>

#include "backend/cuda/runtime.h"
#include "backend/window.h"

namespace hornet::cuda {

// x, w -> y; dy, w -> dx; x, dy -> dw. Images (batch, height, width, channels), kernels (height,
// width, in, out).
enum class Pass { forward, backward_data, backward_weights };

// One convolution, ready to run.
class Convolution {
 public:
  virtual ~Convolution() = default;
  virtual std::size_t workspace_bytes() const = 0;
  // The pass's two inputs and its output, in the order above. False: the library declines after
  // all, for good; the result may hold anything.
  virtual bool run(const float* first, const float* second, float* result, void* workspace) = 0;
};

class ConvolutionLibrary {
 public:
  virtual ~ConvolutionLibrary() = default;
  // Null where the library declines: the caller has a way of its own.
  virtual std::unique_ptr<Convolution> prepare(Pass pass, const Window& window) = 0;
};

// y (columns, rows) = x' for x (rows, columns).
void transpose(Stream stream, const float* x, float* y, Dim rows, Dim columns);

// Null where there is none.
std::unique_ptr<ConvolutionLibrary> make_convolution_library(Stream stream, bool tf32);
int convolution_version();  // of cuDNN; 0: absent

}  // namespace hornet::cuda
