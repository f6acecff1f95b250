// Offsets for buffers whose lifetimes are known: those never alive together share memory.
#pragma once
#include <cstddef>
#include <vector>

namespace hornet {

// Alive from step `first` to step `last`, both included.
struct Lifetime {
  std::size_t bytes = 0;
  int first = 0, last = 0;
  std::size_t offset = 0;  // the answer, a multiple of kArenaAlignment
};

constexpr std::size_t kArenaAlignment = 64;

// Fills the offsets; returns the bytes of the whole arena. Largest first, each into the tightest
// gap between those alive at the same time: O(n^2), and close to the lower bound on real graphs.
std::size_t lay_out_arena(std::vector<Lifetime>& buffers);

}  // namespace hornet
