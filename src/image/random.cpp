#include "image/random.h"

#include <numeric>
#include <utility>

namespace hornet {

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
    const std::uint32_t value = static_cast<std::uint32_t>(engine_()) & mask;
    if (value <= max) return value;
  }
}

}  // namespace hornet
