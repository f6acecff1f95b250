// The random stream of numpy's legacy generator, so that one seed gives the pictures that the
// reference gives.
#pragma once
#include <cstdint>
#include <random>
#include <vector>

namespace hornet {

// MT19937 with numpy's ways of making doubles, integers and permutations of it.
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed = 0) : engine_(seed) {}

  void seed(std::uint32_t seed) { engine_.seed(seed); }
  double uniform();                                // [0, 1), 53 bits
  double uniform(double low, double high);         // [low, high)
  std::uint32_t integer(std::uint32_t below);      // 0 .. below-1; below = 1 draws nothing
  int sign();                                      // -1 or 1
  void permutation(int n, std::vector<int>& out);  // of 0 .. n-1

 private:
  std::uint32_t up_to(std::uint32_t max);  // 0 .. max
  std::mt19937 engine_;
};

}  // namespace hornet
