// The order of maxima: a NaN is the largest.
#pragma once
#include "backend/functors/functor.h"

namespace hornet {

template <class T>
HORNET_FUNCTOR bool is_nan(T x) {
  return x != x;
}
template <class T>
HORNET_FUNCTOR bool is_larger(T a, T b) {
  return a > b || (is_nan(a) && !is_nan(b));
}

}  // namespace hornet
