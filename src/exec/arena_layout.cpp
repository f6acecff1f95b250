#include "exec/arena_layout.h"

#include <algorithm>
#include <numeric>

namespace hornet {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

// The tightest gap among `placed` (sorted by offset) that holds `bytes`, or the end of all.
std::size_t best_fit(const std::vector<const Lifetime*>& placed, std::size_t bytes) {
  std::size_t end = 0, best = 0, best_gap = 0;
  bool found = false;
  for (const Lifetime* other : placed) {
    if (other->offset > end) {
      const std::size_t gap = other->offset - end;
      if (gap >= bytes && (!found || gap < best_gap)) {
        found = true;
        best = end;
        best_gap = gap;
      }
    }
    end = std::max(end, other->offset + aligned(other->bytes));
  }
  return found ? best : end;
}

}  // namespace

std::size_t lay_out_arena(std::vector<Lifetime>& buffers) {
  std::vector<std::size_t> by_size(buffers.size());
  std::iota(by_size.begin(), by_size.end(), std::size_t{0});
  std::stable_sort(by_size.begin(), by_size.end(), [&](std::size_t a, std::size_t b) {
    return buffers[a].bytes > buffers[b].bytes;
  });

  std::size_t total = 0;
  std::vector<const Lifetime*> placed, alive;  // placed: by offset
  for (std::size_t i : by_size) {
    Lifetime& buffer = buffers[i];
    if (buffer.bytes == 0) continue;
    alive.clear();
    for (const Lifetime* other : placed)
      if (other->first <= buffer.last && buffer.first <= other->last) alive.push_back(other);
    buffer.offset = best_fit(alive, aligned(buffer.bytes));
    total = std::max(total, buffer.offset + aligned(buffer.bytes));
    const auto at = std::upper_bound(
        placed.begin(), placed.end(), buffer.offset,
        [](std::size_t offset, const Lifetime* other) { return offset < other->offset; });
    placed.insert(at, &buffer);
  }
  return total;
}

}  // namespace hornet
