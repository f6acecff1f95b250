// Philox4x32-10: a counter-based generator (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", 2011). The same (key, counter) gives the same bits on every back end and thread count.
#pragma once
#include <cstdint>

#include "base/functor.h"

namespace hornet {

// An array of words that devices can hold.
template <int kCount>
struct Words {
  std::uint32_t word[kCount];

  HORNET_FUNCTOR std::uint32_t& operator[](int i) { return word[i]; }
  HORNET_FUNCTOR const std::uint32_t& operator[](int i) const { return word[i]; }
};
using PhiloxCounter = Words<4>;
using PhiloxKey = Words<2>;

HORNET_FUNCTOR inline PhiloxCounter philox4x32(PhiloxCounter c, PhiloxKey k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p0)};
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c;
}

// Uniform on [0, 1) with 24 bits, exact in float.
HORNET_FUNCTOR inline float uniform_from_bits(std::uint32_t bits) {
  return static_cast<float>(bits >> 8) * (1.0f / 16777216.0f);
}

// The random state of a model, an i32[4] variable: {seed_lo, seed_hi, step_lo, step_hi}. A random
// node of stream s draws element block i (4 elements) as
//   philox4x32({i_lo, i_hi, step_lo, step_hi}, {seed_lo, seed_hi ^ (s * 0x9E3779B9)}),
// and the state block of a training step adds 1 to the step.
struct RngState {
  std::uint32_t seed_lo, seed_hi, step_lo, step_hi;

  HORNET_FUNCTOR PhiloxCounter block(std::uint64_t index, std::uint32_t stream) const {
    return philox4x32({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                       step_lo, step_hi},
                      {seed_lo, seed_hi ^ (stream * 0x9E3779B9u)});
  }
};

}  // namespace hornet
