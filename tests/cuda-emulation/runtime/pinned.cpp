#include "runtime/pinned.h"

#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>

#include "runtime/findings.h"
#include "runtime/handles.h"

namespace cuda_emulation {
namespace {

struct Range {
  std::size_t bytes;
  bool ours;  // from allocate_pinned(), not the caller's own memory
};

std::map<std::uintptr_t, Range>& ranges() {
  static auto& all = *new std::map<std::uintptr_t, Range>;
  static const bool watched = (watch_leaks("pinned memory", [] { return all.size(); }), true);
  (void)watched;
  return all;
}

std::uintptr_t key(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

}  // namespace

void* allocate_pinned(std::size_t bytes) {
  void* pointer = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (pointer) ranges()[key(pointer)] = {bytes, true};
  return pointer;
}

void free_pinned(void* pointer) {
  const auto found = ranges().find(key(pointer));
  if (found == ranges().end() || !found->second.ours) {
    report("invalid-free", "cudaFreeHost: " + hex(key(pointer)) + " is not pinned memory");
    return;
  }
  ranges().erase(found);
  std::free(pointer);
}

bool register_pinned(void* pointer, std::size_t bytes) {
  return ranges().emplace(key(pointer), Range{bytes, false}).second;
}

bool unregister_pinned(void* pointer) {
  const auto found = ranges().find(key(pointer));
  if (found == ranges().end() || found->second.ours) return false;
  ranges().erase(found);
  return true;
}

PinnedRange pinned_range(const void* pointer) {
  const auto after = ranges().upper_bound(key(pointer));
  if (after == ranges().begin()) return {};
  const auto& found = *std::prev(after);
  const std::size_t offset = key(pointer) - found.first;
  if (offset >= found.second.bytes) return {};
  return {true, found.second.bytes - offset};
}

}  // namespace cuda_emulation
