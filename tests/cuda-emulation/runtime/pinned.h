// Host memory the device may copy from and to by itself. Under runtime_mutex().
#pragma once
#include <cstddef>

namespace cuda_emulation {

void* allocate_pinned(std::size_t bytes);
void free_pinned(void* pointer);  // a finding if it is none
bool register_pinned(void* pointer, std::size_t bytes);
bool unregister_pinned(void* pointer);

struct PinnedRange {
  bool pinned = false;    // the pointer is in pinned memory
  std::size_t bytes = 0;  // from the pointer to the end of it
};
PinnedRange pinned_range(const void* pointer);

}  // namespace cuda_emulation
