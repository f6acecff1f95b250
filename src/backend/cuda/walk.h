// A strided walk as a functor may hold it.
#pragma once
#include "backend/functors/functor.h"
#include "backend/nest.h"

namespace hornet::cuda {

// The loops of a Nest, by value. (Divisions of 64 bits are slow on devices, but nvcc takes those
// of 32 bits where both numbers have no more.)
class Walk {
 public:
  static bool can_hold(const Nest& nest) { return nest.loops() <= kMaxLoops; }

  Walk() = default;
  explicit Walk(const Nest& nest) : loops_(nest.loops()) {
    for (int i = 0; i < loops_; ++i) sizes_[i] = nest.size(i), strides_[i] = nest.stride(i);
  }

  // Of the index-th turn in row-major order.
  HORNET_FUNCTOR Dim offset(Dim index) const {
    Dim offset = 0;
    HORNET_SHORT_LOOP
    for (int i = loops_ - 1; i > 0; --i) {
      const Dim rest = index / sizes_[i];
      offset += (index - rest * sizes_[i]) * strides_[i];
      index = rest;
    }
    return offset + index * strides_[0];
  }

 private:
  static constexpr int kMaxLoops = 8;
  int loops_ = 0;
  Dim sizes_[kMaxLoops] = {}, strides_[kMaxLoops] = {};
};

}  // namespace hornet::cuda
