// Device memory that is kept for the next who asks: taking it from the driver waits for the device.
#pragma once
#include <cstddef>
#include <map>
#include <unordered_map>

namespace hornet::cuda {

// Of one device, used by one thread at a time. Blocks come in sizes of few classes; one that is
// given back goes to the next that asks for its class, whose work is enqueued after that of the
// one before, so nobody waits.
class MemoryCache {
 public:
  explicit MemoryCache(bool keep) : keep_(keep) {}
  ~MemoryCache() { trim(); }
  MemoryCache(const MemoryCache&) = delete;
  MemoryCache& operator=(const MemoryCache&) = delete;

  // Where the driver has nothing left, what is kept goes back to it first.
  void* take(std::size_t bytes);
  void give(void* memory) noexcept;
  void trim() noexcept;

 private:
  const bool keep_;  // false: sizes as asked, nothing kept, so that tools see every access
  std::unordered_map<void*, std::size_t> taken_;
  std::multimap<std::size_t, void*> kept_;  // by class
};

}  // namespace hornet::cuda
