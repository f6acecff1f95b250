// The random stream against numpy 1.24's legacy generator: for each seed, one draw after another.
#include <vector>

#include "check.h"
#include "image/random.h"

using namespace hornet;

namespace {

struct Draws {
  std::uint32_t seed;
  std::vector<int> permutation;      // of 17
  std::vector<double> uniform;       // -40 to 40
  std::vector<int> below_7, chosen;  // of 3, 5, 9
  std::vector<int> signs;
  std::vector<double> fractions;
  int below_1e7;
  double last;  // after draws from a single thing, which draw nothing
};

const std::vector<Draws>& expected() {
  static const std::vector<Draws> draws{
      {0u,
       {1, 6, 8, 9, 13, 4, 2, 14, 10, 7, 16, 11, 3, 0, 5, 15, 12},
       {-1.7867906142920091, 24.97349830203946, -1.6018262099954157, -8.577216311933622,
        26.8863010829902},
       {0, 1, 4, 3, 0},
       {5, 9, 3, 9, 3},
       {1, 1, 1, 1, 1},
       {0.11827442586893322, 0.6399210213275238, 0.1433532874090464},
       3449376,
       0.5218483217500717},
      {1u,
       {3, 13, 7, 2, 6, 10, 4, 1, 14, 0, 16, 15, 9, 8, 12, 11, 5},
       {27.70487333488137, -14.93811864541799, 1.9638527658297136, -4.523768497635466,
        -21.633822901613957},
       {6, 2, 4, 1, 1},
       {9, 3, 9, 5, 5},
       {1, 1, 1, 1, -1},
       {0.518152548941889, 0.8650202519789834, 0.8291469073671416},
       6349528,
       0.03905478323288236},
      {42u,
       {0, 1, 5, 15, 11, 14, 8, 13, 2, 9, 16, 4, 7, 10, 12, 3, 6},
       {-35.48707367783198, 17.75990178134598, 35.08421672126002, -39.93769873271886,
        39.376924743297394},
       {0, 3, 1, 5, 4},
       {3, 3, 9, 9, 9},
       {1, 1, 1, 1, 1},
       {0.23277134043030423, 0.0906064345328208, 0.6183860093330873},
       8242680,
       0.046450412719997725},
      {2147483647u,
       {2, 14, 5, 16, 6, 4, 3, 1, 7, 11, 0, 8, 9, 12, 13, 10, 15},
       {-27.825013521502804, 2.4085723423756704, -29.746348945642964, 23.74774880554032,
        -4.622813473439024},
       {2, 4, 1, 2, 5},
       {5, 9, 3, 5, 9},
       {-1, 1, 1, 1, 1},
       {0.42422179787874637, 0.05635905481343384, 0.07840254360935806},
       5764572,
       0.5565115349642005},
  };
  return draws;
}

}  // namespace

int main() {
  for (const Draws& draws : expected()) {
    test("numbers of seed " + std::to_string(draws.seed), [&] {
      NumpyRandom random(draws.seed);
      std::vector<int> permutation;
      random.permutation(17, permutation);
      CHECK(permutation == draws.permutation);
      for (double x : draws.uniform) CHECK(random.uniform(-40, 40) == x);
      for (int x : draws.below_7) CHECK(random.integer(7) == static_cast<std::uint32_t>(x));
      const int list[] = {3, 5, 9};
      for (int x : draws.chosen) CHECK(list[random.integer(3)] == x);
      for (int x : draws.signs) CHECK(random.sign() == x);
      for (double x : draws.fractions) CHECK(random.uniform() == x);
      CHECK(random.integer(10000000) == static_cast<std::uint32_t>(draws.below_1e7));
      random.permutation(1, permutation);
      CHECK(random.integer(1) == 0);
      CHECK(random.uniform() == draws.last);
    });
  }
  return check_result();
}
