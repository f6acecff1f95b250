// The random stream of numpy's legacy generator, so that one seed gives the pictures that the
// reference gives.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

namespace hornet {

// The Mersenne Twister MT19937. (That of the standard library keeps its state to itself.)
struct MersenneTwister {
  static constexpr int kWords = 624;
  std::array<std::uint32_t, kWords> words;
  int position = kWords;  // of the next word; kWords: all are used up

  explicit MersenneTwister(std::uint32_t seed);
  std::uint32_t operator()();
};

// A Mersenne Twister with numpy's ways of making doubles, integers and permutations of it.
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed = 0) : engine_(seed) {}
  explicit NumpyRandom(const MersenneTwister& engine) : engine_(engine) {}

  void seed(std::uint32_t seed) { engine_ = MersenneTwister(seed); }
  const MersenneTwister& engine() const { return engine_; }
  double uniform();                                // [0, 1), 53 bits
  double uniform(double low, double high);         // [low, high)
  std::uint32_t integer(std::uint32_t below);      // 0 .. below-1; below = 1 draws nothing
  int sign();                                      // -1 or 1
  void permutation(int n, std::vector<int>& out);  // of 0 .. n-1

 private:
  std::uint32_t up_to(std::uint32_t max);  // 0 .. max
  MersenneTwister engine_;
};

}  // namespace hornet
