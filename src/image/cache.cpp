#include "image/cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <limits>

namespace hornet {
namespace {

std::atomic<std::size_t> held{0};

// The number at the start of a file; the most there can be if it has none ("max").
std::size_t number_in(const char* path) {
  std::ifstream file(path);
  std::size_t value;
  return file >> value ? value : std::numeric_limits<std::size_t>::max();
}

std::size_t free_bytes() {
  std::ifstream info("/proc/meminfo");
  std::string key, unit;
  std::size_t kilobytes, bytes = std::size_t{2} << 30;  // where nobody tells
  while (info >> key >> kilobytes) {
    std::getline(info, unit);
    if (key == "MemAvailable:") bytes = kilobytes << 10;
  }
  const std::size_t limit = number_in("/sys/fs/cgroup/memory.max");
  const std::size_t used = number_in("/sys/fs/cgroup/memory.current");
  if (limit != std::numeric_limits<std::size_t>::max()) {
    bytes = std::min(bytes, limit > used ? limit - used : 0);
  }
  return bytes;
}

}  // namespace

std::size_t default_cache_bytes() { return free_bytes() / 4; }
std::size_t cached_bytes() { return held; }

FileStamp FileStamp::of(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return {};
  FileStamp stamp{static_cast<std::int64_t>(info.st_size),
                  static_cast<std::int64_t>(info.st_ctime)};
#ifdef __linux__
  stamp.time = stamp.time * 1000000000 + info.st_ctim.tv_nsec;
#endif
  return stamp;
}

PixelCache::PixelCache(std::size_t pictures, PixelShape shape, std::size_t budget)
    : pictures_(pictures), picture_bytes_(shape.bytes()), budget_(budget) {
  if (!enabled()) return;
  slots_ = std::make_unique<std::atomic<Kept*>[]>(pictures);
  for (std::size_t i = 0; i < pictures; ++i) slots_[i].store(nullptr, std::memory_order_relaxed);
}

PixelCache::~PixelCache() {
  for (std::size_t i = 0; slots_ && i < pictures_; ++i) {
    if (Kept* kept = slots_[i].load(std::memory_order_acquire)) {
      held -= picture_bytes_;
      delete kept;
    }
  }
}

const std::uint8_t* PixelCache::find(std::size_t index, const FileStamp& stamp) const {
  const Kept* kept = slots_[index].load(std::memory_order_acquire);
  return kept && kept->stamp == stamp ? kept->buffer.data() : nullptr;
}

void PixelCache::keep(std::size_t index, const FileStamp& stamp, const Pixels& pixels) {
  if (stamp.bytes < 0 || slots_[index].load(std::memory_order_relaxed)) return;
  if (held.fetch_add(picture_bytes_) + picture_bytes_ > budget_) {
    held -= picture_bytes_;
    return;
  }
  std::unique_ptr<Kept> kept;
  try {
    kept = std::make_unique<Kept>();
    kept->stamp = stamp;
    std::memcpy(kept->buffer.reserve(picture_bytes_ + kPixelPadding), pixels.data(),
                picture_bytes_);
  } catch (const std::bad_alloc&) {  // a cache is a favour, not a need
    held -= picture_bytes_;
    return;
  }
  Kept* none = nullptr;
  if (slots_[index].compare_exchange_strong(none, kept.get(), std::memory_order_acq_rel)) {
    kept.release();
  } else {
    held -= picture_bytes_;
  }
}

}  // namespace hornet
