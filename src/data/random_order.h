// Orders of rows: the same seed gives the same order on every machine.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "base/rng.h"

namespace hornet {

class RandomOrder {
 public:
  // Streams of one seed don't depend on each other.
  explicit RandomOrder(std::uint64_t seed, std::uint64_t stream = 0)
      : seed_(seed), stream_(stream) {}

  // 64 random bits scaled: the bias is far below 2^-32 for any number of rows.
  std::int64_t below(std::int64_t bound) {
    const std::uint64_t draw = draws_++;
    const PhiloxCounter bits =
        philox4x32({low(draw), high(draw), low(stream_), high(stream_)}, {low(seed_), high(seed_)});
    const std::uint64_t scaled =
        (std::uint64_t{bits[0]} * bound) + ((std::uint64_t{bits[1]} * bound) >> 32);
    return static_cast<std::int64_t>(scaled >> 32);
  }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      std::swap(items[i - 1], items[static_cast<std::size_t>(below(static_cast<std::int64_t>(i)))]);
    }
  }

 private:
  static std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
  static std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

  std::uint64_t seed_, stream_;
  std::uint64_t draws_ = 0;
};

}  // namespace hornet
