#include "image/pixel_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace hornet {
namespace {

// Changes with the layout of the file and with the values that decoders give.
constexpr const char* kFormat = "hornet pixels 1\n";

std::uint64_t mixed(std::uint64_t h, std::uint64_t word) {
  h = (h ^ word) * 0x9e3779b97f4a7c15u;
  return h ^ (h >> 32);
}

// Four independent chains keep the multiplier busy.
std::uint64_t hash(const void* data, std::size_t bytes, std::uint64_t seed) {
  const auto* p = static_cast<const unsigned char*>(data);
  std::uint64_t chains[4] = {seed, seed + 1, seed + 2, seed + 3}, words[4];
  std::size_t left = bytes;
  for (; left >= sizeof words; left -= sizeof words, p += sizeof words) {
    std::memcpy(words, p, sizeof words);
    for (int i = 0; i < 4; ++i) chains[i] = mixed(chains[i], words[i]);
  }
  std::memset(words, 0, sizeof words);
  std::memcpy(words, p, left);
  std::uint64_t h = mixed(seed, bytes);
  for (int i = 0; i < 4; ++i) h = mixed(h, mixed(chains[i], words[i]));
  return h;
}

std::uint64_t hash(const std::string& text, std::uint64_t seed) {
  return hash(text.data(), text.size(), seed);
}

std::string absolute(const std::string& path) {
  std::error_code ignored;
  const auto whole = std::filesystem::absolute(path, ignored);
  return ignored ? path : whole.string();
}

// Bytes free for us on the disk of an open file; -1: not known.
std::int64_t free_bytes(int file) {
  struct statvfs info;
  if (fstatvfs(file, &info) != 0) return -1;
  return static_cast<std::int64_t>(info.f_bavail) * static_cast<std::int64_t>(info.f_frsize);
}

}  // namespace

PixelFile::PixelFile(const std::string& folder, const std::string& settings,
                     const std::vector<std::string>& paths, PixelShape shape)
    : shape_(shape) {
  const std::uint64_t seed = hash(kFormat + settings, 0);
  std::uint64_t all[2] = {seed, ~seed};
  for (const std::string& path : paths) {
    keys_.push_back(hash(absolute(path), seed));
    for (std::uint64_t& h : all) h = mixed(h, keys_.back());
  }
  char name[64];
  std::snprintf(name, sizeof name, "/%016llx%016llx.pixels",
                static_cast<unsigned long long>(all[0]), static_cast<unsigned long long>(all[1]));
  path_ = folder + name;
  // Not to wait where somebody put a pipe there.
  file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  if (file_ < 0) {
    refused_ = errno;
    file_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  }
  struct stat info;
  if (file_ < 0 || fstat(file_, &info) != 0) {
    error_ = refused_ ? refused_ : errno;
  } else if (!S_ISREG(info.st_mode)) {
    error_ = refused_ ? refused_ : EINVAL;
  } else if (!refused_) {
    const std::int64_t free = free_bytes(file_);
    const std::int64_t used = static_cast<std::int64_t>(info.st_blocks) * 512;
    if (free >= 0 && place_of(paths.size()) > used + free) error_ = ENOSPC;
  }
}

PixelFile::~PixelFile() {
  if (file_ >= 0) close(file_);
}

std::string PixelFile::problem() const {
  return error_ ? "\"" + path_ + "\" can't be used: " + std::strerror(error_) : std::string();
}

std::int64_t PixelFile::place_of(std::size_t index) const {
  return static_cast<std::int64_t>(index) *
         static_cast<std::int64_t>(sizeof(Head) + shape_.bytes());
}

PixelFile::Head PixelFile::head_of(std::size_t index, const FileStamp& stamp,
                                   const Pixels& pixels) const {
  Head head{keys_[index], static_cast<std::uint64_t>(stamp.bytes),
            static_cast<std::uint64_t>(stamp.time), 0};
  head.checksum = hash(pixels.data(), shape_.bytes(), hash(&head, sizeof head, 0));
  return head;
}

bool PixelFile::read(std::size_t index, const FileStamp& stamp, Pixels& out) const {
  if (file_ < 0 || stamp.bytes < 0) return false;
  Head head;
  iovec parts[] = {{&head, sizeof head}, {out.reshape(shape_), shape_.bytes()}};
  const ssize_t got = preadv(file_, parts, 2, place_of(index));
  if (got != static_cast<ssize_t>(sizeof head + shape_.bytes())) return false;
  const Head expected = head_of(index, stamp, out);
  return std::memcmp(&head, &expected, sizeof head) == 0;
}

void PixelFile::write(std::size_t index, const FileStamp& stamp, const Pixels& pixels) {
  if (file_ < 0 || error_ || stamp.bytes < 0 || !(pixels.shape == shape_)) return;
  if (refused_) {
    error_ = refused_;
    return;
  }
  Head head = head_of(index, stamp, pixels);
  iovec parts[] = {{&head, sizeof head}, {pixels.data(), shape_.bytes()}};
  const ssize_t put = pwritev(file_, parts, 2, place_of(index));
  if (put < 0) error_ = errno;
  else if (put != static_cast<ssize_t>(sizeof head + shape_.bytes())) error_ = ENOSPC;
}

}  // namespace hornet
