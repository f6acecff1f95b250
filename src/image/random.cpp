#include "image/random.h"

#include <numeric>
#include <utility>

namespace hornet {

MersenneTwister::MersenneTwister(std::uint32_t seed) {
  words[0] = seed;
  for (std::uint32_t i = 1; i < kWords; ++i) {
    words[i] = 1812433253u * (words[i - 1] ^ (words[i - 1] >> 30)) + i;
  }
}

std::uint32_t MersenneTwister::operator()() {
  if (position >= kWords) {
    constexpr int kShift = 397;
    for (int i = 0; i < kWords; ++i) {
      const std::uint32_t y = (words[i] & 0x80000000u) | (words[(i + 1) % kWords] & 0x7fffffffu);
      words[i] = words[(i + kShift) % kWords] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    position = 0;
  }
  std::uint32_t y = words[position++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

double NumpyRandom::uniform() {
  const std::uint32_t high = engine_() >> 5, low = engine_() >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

double NumpyRandom::uniform(double low, double high) { return low + (high - low) * uniform(); }

std::uint32_t NumpyRandom::integer(std::uint32_t below) { return below > 1 ? up_to(below - 1) : 0; }

int NumpyRandom::sign() { return integer(2) == 0 ? -1 : 1; }

void NumpyRandom::permutation(int n, std::vector<int>& out) {
  out.resize(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  for (int i = n - 1; i > 0; --i) std::swap(out[i], out[up_to(static_cast<std::uint32_t>(i))]);
}

// Draws under the smallest mask that covers `max` until one fits.
std::uint32_t NumpyRandom::up_to(std::uint32_t max) {
  if (max == 0) return 0;
  std::uint32_t mask = max;
  for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
  for (;;) {
    const std::uint32_t value = engine_() & mask;
    if (value <= max) return value;
  }
}

}  // namespace hornet
