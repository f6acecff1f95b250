// Decoded pictures kept in memory. Decoding and resizing come before anything random, so a cached
// picture is exactly the picture.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "image/pixels.h"

namespace hornet {

// A quarter of the memory that is free now, cgroup limits heeded.
std::size_t default_cache_bytes();
// Bytes that all caches of the process hold.
std::size_t cached_bytes();

// Tells a file from the same file changed later, or from another one in its place. The time is that
// of the last change of its inode: moving, copying and unpacking may set the others to anything.
struct FileStamp {
  std::int64_t bytes = -1, time = 0;

  static FileStamp of(const std::string& path);  // bytes = -1: no such file
  bool operator==(const FileStamp& o) const { return bytes == o.bytes && time == o.time; }
};

// One slot a picture, filled once, by whoever comes first, and then never changed. Any thread.
class PixelCache {
 public:
  // Pictures of `shape`; nothing is kept once all caches of the process hold `budget` bytes.
  PixelCache(std::size_t pictures, PixelShape shape, std::size_t budget);
  ~PixelCache();
  PixelCache(const PixelCache&) = delete;
  PixelCache& operator=(const PixelCache&) = delete;

  bool enabled() const { return budget_ > 0; }
  // Null if not kept, or kept of another state of the file. Padded like Pixels.
  const std::uint8_t* find(std::size_t index, const FileStamp& stamp) const;
  void keep(std::size_t index, const FileStamp& stamp, const Pixels& pixels);

 private:
  struct Kept {
    FileStamp stamp;
    ByteBuffer buffer;
  };
  const std::size_t pictures_, picture_bytes_, budget_;
  std::unique_ptr<std::atomic<Kept*>[]> slots_;
};

}  // namespace hornet
