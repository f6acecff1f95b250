// Functors say what one thread of a kernel does. They are written once: the reference back end
// runs them in loops, the CUDA back end in kernels.
#pragma once
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "base/functor.h"
#include "base/shape.h"

namespace hornet {

// In the place of a block of threads, where a thread has a row to itself: what functors of rows
// ask of either.
struct Alone {
  HORNET_FUNCTOR Dim thread() const { return 0; }
  HORNET_FUNCTOR Dim size() const { return 1; }
  HORNET_FUNCTOR void wait() const {}
  template <class T, class Combine>
  HORNET_FUNCTOR T all(T value, Combine) const {
    return value;
  }
};

}  // namespace hornet
