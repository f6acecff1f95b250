// What a model keeps on a device beside its variables.
#pragma once
#include <cstddef>
#include <memory>

#include "backend/device.h"
#include "exec/memory.h"

namespace hornet {

// Grows, never shrinks; contents are lost when it grows. `generation` changes with the address.
class DeviceArena {
 public:
  explicit DeviceArena(std::shared_ptr<Device> device) : device_(std::move(device)) {}
  void reserve(std::size_t bytes);
  char* base() const { return static_cast<char*>(buffer_.data()); }
  unsigned generation() const { return generation_; }

 private:
  std::shared_ptr<Device> device_;
  DeviceBuffer buffer_;
  unsigned generation_ = 0;
};

// Host memory that devices copy from or to: pinned while a device is open, so that copies go on
// by themselves.
AlignedBuffer copy_buffer(std::size_t bytes);

}  // namespace hornet
