#include "backend/cuda/memory.h"

#include "backend/cuda/runtime.h"
#include "base/error.h"

namespace hornet::cuda {
namespace {

// At most an eighth is lost to rounding; blocks of a model that grows a little are reused.
std::size_t class_of(std::size_t bytes) {
  std::size_t step = 256;
  while (step * 16 <= bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

}  // namespace

void* MemoryCache::take(std::size_t bytes) {
  const std::size_t size = keep_ ? class_of(bytes) : bytes;
  const auto found = kept_.find(size);
  if (found != kept_.end()) {
    void* memory = found->second;
    kept_.erase(found);
    taken_[memory] = size;
    return memory;
  }
  void* memory;
  try {
    memory = take_memory(size);
  } catch (const Error& error) {
    if (error.kind() != "out_of_memory" || kept_.empty()) throw;
    trim();
    memory = take_memory(size);
  }
  taken_[memory] = size;
  return memory;
}

void MemoryCache::give(void* memory) noexcept {
  const auto found = taken_.find(memory);
  if (found == taken_.end()) return;
  const std::size_t size = found->second;
  taken_.erase(found);
  if (keep_) kept_.emplace(size, memory);
  else give_memory(memory);
}

void MemoryCache::trim() noexcept {
  for (const auto& block : kept_) give_memory(block.second);
  kept_.clear();
}

}  // namespace hornet::cuda
