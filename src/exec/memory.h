// Host memory that is taken once and kept: first touch of a page costs more than reading it often.
#pragma once
#include <cstddef>
#include <memory>

namespace hornet {

// 64-byte aligned, zero-filled; large ones ask for huge pages. Failure throws
// Error(kind "out_of_memory") that says how many bytes were asked.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t bytes);
  // Memory of somebody else, kept as long as this.
  AlignedBuffer(std::shared_ptr<void> memory, std::size_t bytes);
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;
  ~AlignedBuffer();

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;   // as asked
  std::size_t mapped_ = 0;  // as taken, 0 if from the heap
  std::shared_ptr<void> owner_;
};

// Grows, never shrinks; contents are lost when it grows. `generation` changes with the address.
class Arena {
 public:
  void reserve(std::size_t bytes);
  char* base() const { return static_cast<char*>(buffer_.data()); }
  unsigned generation() const { return generation_; }

 private:
  AlignedBuffer buffer_;
  unsigned generation_ = 0;
};

}  // namespace hornet
