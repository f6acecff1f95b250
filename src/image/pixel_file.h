// Decoded pictures kept in a file, for the next session.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "image/cache.h"
#include "image/pixels.h"

namespace hornet {

// One slot a picture at a fixed place, each with a checksum of its pixels and of what they are of
// (the settings, the path, the state of the file). So nothing can be taken for a picture that isn't
// one: a slot never or half written, one of another state of the file, a damaged or truncated file.
// Any number of threads and processes may read and write the same file. A file that can't be used
// is a favour not done: problem() says why. One that may only be read is a problem only when
// something is missing in it.
class PixelFile {
 public:
  // `settings` says all that the pixels of a path depend on beside its file. The file's name in
  // `folder` is made of it and the paths.
  PixelFile(const std::string& folder, const std::string& settings,
            const std::vector<std::string>& paths, PixelShape shape);
  ~PixelFile();
  PixelFile(const PixelFile&) = delete;
  PixelFile& operator=(const PixelFile&) = delete;

  // False if the picture isn't there in this state of its file.
  bool read(std::size_t index, const FileStamp& stamp, Pixels& out) const;
  void write(std::size_t index, const FileStamp& stamp, const Pixels& pixels);

  const std::string& path() const { return path_; }
  std::string problem() const;  // empty: none

 private:
  struct Head {
    std::uint64_t key, bytes, time, checksum;
  };
  Head head_of(std::size_t index, const FileStamp& stamp, const Pixels& pixels) const;
  std::int64_t place_of(std::size_t index) const;

  const PixelShape shape_;
  std::vector<std::uint64_t> keys_;  // of settings and path
  std::string path_;
  int file_ = -1;
  int refused_ = 0;            // errno of opening it for writing
  std::atomic<int> error_{0};  // errno; then nothing more is written
};

}  // namespace hornet
