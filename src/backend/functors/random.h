// Random numbers from the model's random state. Every back end draws the same ones:
// block b of the stream (base/rng.h) gives the bits of elements 4b ... 4b + 3, as uniforms
// u0 ... u3 on a grid of 2^-24, and
//   random_uniform:  element 4b + j is u_j;
//   random_normal:   with r = sqrt(-2 ln(1 - u0)) and a = 2 pi u1, elements 4b and 4b + 1 are
//                    r cos a and r sin a; u2 and u3 give the next two in the same way;
//   dropout:         element 4b + j is 0 where u_j < rate, rate rounded to float, and else
//                    x / (1 - rate).
// Functors are called with the number of a block.
#pragma once
#include "backend/functors/functor.h"
#include "base/rng.h"

namespace hornet {

inline Dim random_blocks(Dim elements) { return (elements + 3) / 4; }

// Where a node draws.
struct RandomStream {
  const RngState* state;
  std::uint32_t stream;

  struct Uniforms {
    float u[4];
  };
  HORNET_FUNCTOR Uniforms block(Dim index) const {
    const PhiloxCounter bits = state->block(static_cast<std::uint64_t>(index), stream);
    return {{uniform_from_bits(bits[0]), uniform_from_bits(bits[1]), uniform_from_bits(bits[2]),
             uniform_from_bits(bits[3])}};
  }
};

template <class T>
struct RandomUniform {
  RandomStream from;
  T* y;
  Dim n;

  HORNET_FUNCTOR void operator()(Dim block) const {
    const RandomStream::Uniforms uniforms = from.block(block);
    for (int j = 0; j < 4; ++j)
      if (4 * block + j < n) y[4 * block + j] = uniforms.u[j];
  }
};

template <class T>
struct RandomNormal {
  RandomStream from;
  T* y;
  Dim n;

  HORNET_FUNCTOR void operator()(Dim block) const {
    const RandomStream::Uniforms uniforms = from.block(block);
    for (int j = 0; j < 4; j += 2) {
      const double r = std::sqrt(-2 * std::log(1 - double{uniforms.u[j]}));
      const double angle = 2 * 3.14159265358979323846 * uniforms.u[j + 1];
      const Dim i = 4 * block + j;
      if (i < n) y[i] = static_cast<T>(r * std::cos(angle));
      if (i + 1 < n) y[i + 1] = static_cast<T>(r * std::sin(angle));
    }
  }
};

template <class T>
struct Dropout {
  RandomStream from;
  const T* x;
  T* y;
  Dim n;
  float rate;
  T keep;  // 1 - rate

  HORNET_FUNCTOR void operator()(Dim block) const {
    const RandomStream::Uniforms uniforms = from.block(block);
    for (int j = 0; j < 4; ++j) {
      const Dim i = 4 * block + j;
      if (i < n) y[i] = uniforms.u[j] < rate ? T(0) : x[i] / keep;
    }
  }
};

}  // namespace hornet
