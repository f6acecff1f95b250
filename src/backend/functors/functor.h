// Functors say what one thread of a kernel does. They are written once: the reference back end
// runs them in loops, the CUDA back end in kernels. So they hold raw pointers and numbers by
// value, and use neither the standard library's containers nor exceptions.
#pragma once
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "base/shape.h"

#ifdef __CUDACC__
#define HORNET_FUNCTOR __host__ __device__
#else
#define HORNET_FUNCTOR
#endif
