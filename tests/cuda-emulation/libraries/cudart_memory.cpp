// cudart: memory, and copies in all directions.
#include <cstring>

#include "libraries/cudart.h"
#include "libraries/copy.h"
#include "runtime/memory.h"
#include "runtime/pinned.h"
#include "runtime/settings.h"
#include "runtime/stream.h"

using namespace cuda_emulation;

namespace {

cudaError_t malloc_device(void** pointer, std::size_t bytes) {
  static long calls = 0;
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  ++calls;
  if (settings().fail_alloc_after >= 0 && calls >= settings().fail_alloc_after)
    return cudaErrorMemoryAllocation;
  const Allocation* made = allocate(current_device_index(), bytes);
  if (!made) return cudaErrorMemoryAllocation;
  ++counters().allocations;
  *pointer = reinterpret_cast<void*>(made->start);
  return cudaSuccess;
}

cudaError_t free_device(void* pointer) {
  if (!pointer) return cudaSuccess;
  Allocation* a = find_allocation(address_of(pointer));
  if (!is_device_address(address_of(pointer)) || !a || a->symbol ||
      a->start != address_of(pointer)) {
    report("invalid-free", "cudaFree: no allocation starts at " + hex(address_of(pointer)));
    return cudaErrorInvalidValue;
  }
  if (a->freed) {
    report("double-free", "cudaFree: " + std::to_string(a->size) + " bytes at " + hex(a->start));
    return cudaErrorInvalidValue;
  }
  count_synchronisation();
  run_device(a->device);
  release(*a);
  return device(a->device).lost;
}

cudaError_t malloc_pinned(void** pointer, std::size_t bytes) {
  *pointer = bytes ? allocate_pinned(bytes) : nullptr;
  return *pointer || !bytes ? cudaSuccess : cudaErrorMemoryAllocation;
}

void run_all_devices() {
  for (int i = 0; i < device_count(); ++i) run_device(i);
}

// Bytes set, in the stream.
cudaError_t set_memory(void* pointer, int value, std::size_t bytes, Stream& stream) {
  if (bytes == 0) return cudaSuccess;
  const int on = stream.device();
  Fault fault;
  if (!find_range(on, address_of(pointer), bytes, &fault)) {
    report(fault.kind, "cudaMemset: " + fault.what);
    return cudaErrorInvalidValue;
  }
  enqueue(stream, [=] {
    if (std::uint8_t* to = device_bytes(on, pointer, bytes, Access::write, "cudaMemset"))
      std::memset(to, value, bytes);
    else lose_device(on, cudaErrorIllegalAddress);
  });
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return entry([&] { return malloc_device(pointer, bytes); });
}

cudaError_t cudaFree(void* pointer) {
  return entry([&] { return free_device(pointer); });
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  return entry([&] { return malloc_pinned(pointer, bytes); });
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  return entry([&] { return malloc_pinned(pointer, bytes); });
}

cudaError_t cudaFreeHost(void* pointer) {
  return entry([&] {
    if (!pointer) return cudaSuccess;
    if (!pinned_range(pointer).pinned) {
      free_pinned(pointer);  // says what is wrong
      return cudaErrorInvalidValue;
    }
    run_all_devices();
    free_pinned(pointer);
    return cudaSuccess;
  });
}

cudaError_t cudaHostRegister(void* pointer, size_t bytes, unsigned) {
  return entry([&] {
    if (!pointer || !bytes) return cudaErrorInvalidValue;
    return register_pinned(pointer, bytes) ? cudaSuccess : cudaErrorHostMemoryAlreadyRegistered;
  });
}

cudaError_t cudaHostUnregister(void* pointer) {
  return entry([&] {
    run_all_devices();
    return unregister_pinned(pointer) ? cudaSuccess : cudaErrorHostMemoryNotRegistered;
  });
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  return entry([&] {
    *total = settings().memory;
    *free = settings().memory - bytes_in_use(current_device_index());
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpy(void* dst, const void* src, size_t bytes, cudaMemcpyKind kind) {
  return entry([&] {
    Copy copy{"cudaMemcpy", dst, src, bytes, kind};
    const cudaError_t error = enqueue_copy(copy, *current_device().null_stream);
    if (error || bytes == 0 || copy.kind == cudaMemcpyDeviceToDevice) return error;
    count_synchronisation();
    current_device().null_stream->run_all();
    return current_device().lost;
  });
}

cudaError_t cudaMemcpyAsync(void* dst, const void* src, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return entry([&] {
    const auto s = find_stream(stream, "cudaMemcpyAsync");
    if (!s) return cudaErrorInvalidResourceHandle;
    Copy copy{"cudaMemcpyAsync", dst, src, bytes, kind};
    return enqueue_copy(copy, *s);
  });
}

cudaError_t cudaMemcpy2DAsync(void* dst, size_t dst_pitch, const void* src, size_t src_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  return entry([&] {
    const auto s = find_stream(stream, "cudaMemcpy2DAsync");
    if (!s) return cudaErrorInvalidResourceHandle;
    if (width > dst_pitch || width > src_pitch) {
      report("bad-pitch", "cudaMemcpy2DAsync: rows of " + std::to_string(width) +
                              " bytes do not fit pitches of " + std::to_string(dst_pitch) +
                              " and " + std::to_string(src_pitch));
      return cudaErrorInvalidValue;
    }
    Copy copy{"cudaMemcpy2DAsync", dst, src, width, kind};
    copy.rows = height;
    copy.dst_pitch = dst_pitch;
    copy.src_pitch = src_pitch;
    return enqueue_copy(copy, *s);
  });
}

cudaError_t cudaMemcpyPeerAsync(void* dst, int dst_device, const void* src, int src_device,
                                size_t bytes, cudaStream_t stream) {
  return entry([&] {
    const auto s = find_stream(stream, "cudaMemcpyPeerAsync");
    if (!s) return cudaErrorInvalidResourceHandle;
    if (dst_device < 0 || dst_device >= device_count() || src_device < 0 ||
        src_device >= device_count())
      return cudaErrorInvalidDevice;
    Copy copy{"cudaMemcpyPeerAsync", dst, src, bytes, cudaMemcpyDeviceToDevice};
    copy.dst_device = dst_device;
    copy.src_device = src_device;
    return enqueue_copy(copy, *s);
  });
}

cudaError_t cudaMemset(void* pointer, int value, size_t bytes) {
  return entry([&] {
    count_synchronisation();
    return set_memory(pointer, value, bytes, *current_device().null_stream);
  });
}

cudaError_t cudaMemsetAsync(void* pointer, int value, size_t bytes, cudaStream_t stream) {
  return entry([&] {
    const auto s = find_stream(stream, "cudaMemsetAsync");
    return s ? set_memory(pointer, value, bytes, *s) : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return entry([&] {
    std::memset(attributes, 0, sizeof *attributes);
    attributes->device = current_device_index();
    if (is_device_address(address_of(pointer))) {
      const Allocation* a = find_allocation(address_of(pointer));
      if (!a || a->freed || !a->holds(address_of(pointer), 1)) return cudaErrorInvalidValue;
      attributes->type = cudaMemoryTypeDevice;
      attributes->device = a->device;
      attributes->devicePointer = const_cast<void*>(pointer);
    } else {
      const bool pinned = pinned_range(pointer).pinned;
      attributes->type = pinned ? cudaMemoryTypeHost : cudaMemoryTypeUnregistered;
      if (pinned) attributes->hostPointer = const_cast<void*>(pointer);
    }
    return cudaSuccess;
  });
}

}  // extern "C"
