#include "exec/device_memory.h"

#include "backend/devices.h"

namespace hornet {

void DeviceArena::reserve(std::size_t bytes) {
  if (bytes <= buffer_.bytes()) return;
  buffer_ = DeviceBuffer();  // the old one goes before the new one comes
  ++generation_;
  buffer_ = DeviceBuffer(device_, bytes);
}

// Where the system grants no pinned memory, other memory will do: it is only slower.
AlignedBuffer copy_buffer(std::size_t bytes) {
  const std::shared_ptr<Device> device = bytes > 0 ? any_open_device() : nullptr;
  if (!device) return AlignedBuffer(bytes);
  void* memory;
  try {
    memory = device->allocate_host(bytes);
  } catch (const Error&) { return AlignedBuffer(bytes); }
  return AlignedBuffer(
      std::shared_ptr<void>(memory, [device](void* pinned) { device->release_host(pinned); }),
      bytes);
}

}  // namespace hornet
