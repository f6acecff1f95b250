// Functors say what one thread of a kernel does. They are written once: the reference back end
// runs them in loops, the CUDA back end in kernels.
#pragma once
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "base/functor.h"
#include "base/shape.h"
