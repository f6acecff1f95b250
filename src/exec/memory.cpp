#include "exec/memory.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "base/error.h"

#if defined(__linux__)
#include <sys/mman.h>
#elif defined(_WIN32)
#include <malloc.h>
#endif

namespace hornet {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

[[noreturn]] void out_of_memory(std::size_t bytes) {
  throw Error("could not get " + std::to_string(bytes) + " bytes of memory", "out_of_memory")
      .hint("Use smaller batches, or free R objects and call gc().");
}

void* take_from_heap(std::size_t bytes) {
#if defined(_WIN32)
  void* data = _aligned_malloc(bytes, kAlignment);
#else
  void* data = nullptr;
  if (posix_memalign(&data, kAlignment, bytes) != 0) data = nullptr;
#endif
  if (!data) out_of_memory(bytes);
  std::memset(data, 0, bytes);
  return data;
}

void give_to_heap(void* data) {
#if defined(_WIN32)
  _aligned_free(data);
#else
  std::free(data);
#endif
}

#if defined(__linux__)
// Whole huge pages at a huge page's address: takes one too many and returns the rims.
void* take_huge(std::size_t mapped) {
  const std::size_t taken = mapped + kHugePage;
  void* start = mmap(nullptr, taken, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return nullptr;
  char* first = static_cast<char*>(start);
  const std::size_t over = reinterpret_cast<std::uintptr_t>(first) % kHugePage;
  const std::size_t before = over ? kHugePage - over : 0;
  if (before) munmap(first, before);
  if (taken - before - mapped) munmap(first + before + mapped, taken - before - mapped);
  madvise(first + before, mapped, MADV_HUGEPAGE);
  return first + before;
}
#endif

}  // namespace

AlignedBuffer::AlignedBuffer(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  if (bytes > SIZE_MAX / 2) out_of_memory(bytes);
#if defined(__linux__)
  if (bytes >= kHugePage) {
    mapped_ = (bytes + kHugePage - 1) / kHugePage * kHugePage;
    data_ = take_huge(mapped_);
    if (!data_) out_of_memory(bytes);
    return;
  }
#endif
  data_ = take_from_heap(bytes);
}

AlignedBuffer::AlignedBuffer(std::shared_ptr<void> memory, std::size_t bytes)
    : data_(memory.get()), bytes_(bytes), owner_(std::move(memory)) {}

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      mapped_(std::exchange(other.mapped_, 0)),
      owner_(std::move(other.owner_)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(mapped_, other.mapped_);
  std::swap(owner_, other.owner_);
  return *this;
}

AlignedBuffer::~AlignedBuffer() {
  if (!data_ || owner_) return;
#if defined(__linux__)
  if (mapped_) {
    munmap(data_, mapped_);
    return;
  }
#endif
  give_to_heap(data_);
}

void Arena::reserve(std::size_t bytes) {
  if (bytes <= buffer_.bytes()) return;
  buffer_ = AlignedBuffer();  // the old one goes before the new one comes
  ++generation_;
  buffer_ = AlignedBuffer(bytes);
}

}  // namespace hornet
