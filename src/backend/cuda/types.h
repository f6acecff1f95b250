// The element types of a device, and what its functors share.
#pragma once
#include <memory>

#include "backend/backend.h"
#include "backend/functors/functor.h"

namespace hornet::cuda {

// make(T()) for the C++ type T of `type`; null for double, which devices do not compute in.
template <class Make>
std::unique_ptr<Kernel> for_types(DType type, Make make) {
  if (type == DType::f32) return make(float());
  if (type == DType::i32) return make(std::int32_t());
  return nullptr;
}

// Adds in one piece, whoever else adds there.
HORNET_FUNCTOR inline void add_to(float* sum, float value) {
#ifdef __CUDA_ARCH__
  atomicAdd(sum, value);
#else
  *sum += value;
#endif
}

}  // namespace hornet::cuda
