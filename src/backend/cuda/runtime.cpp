#include "backend/cuda/runtime.h"

#include <cstdio>
#include <string>

#include "backend/cuda/check.h"
#include "base/error.h"

namespace hornet::cuda {
namespace {

std::string megabytes(std::size_t bytes) {
  return std::to_string((bytes + (std::size_t{1} << 20) - 1) >> 20) + " MB";
}

[[noreturn]] void out_of_memory(std::size_t bytes) {
  std::size_t free = 0, total = 0;
  const bool known = cudaMemGetInfo(&free, &total) == cudaSuccess;
  throw Error("the GPU has no room for " + megabytes(bytes) +
                  (known ? ": " + megabytes(free) + " of " + megabytes(total) + " are free" : ""),
              "out_of_memory")
      .hint(
          "Use a smaller batch_size, free models that are no longer needed (rm(), gc()), or run "
          "with_device(\"cpu\", ...).");
}

}  // namespace

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  std::string message = std::string("the GPU failed while ") + what + ": " +
                        cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")";
  throw Error(std::move(message), "device")
      .hint(
          "Weights are those last copied to the host. Restart R to use the GPU again; "
          "with_device(\"cpu\", ...) works without it.");
}

int count_devices() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorNoDevice) return 0;
  check(status, "counting devices");
  return count;
}

hornet_device_facts describe(int device, bool in_use) {
  hornet_device_facts facts = {};
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, device), "reading a device's properties");
  std::snprintf(facts.name, sizeof facts.name, "%s", properties.name);
  facts.major = properties.major;
  facts.minor = properties.minor;
  check(cudaDriverGetVersion(&facts.driver), "reading the driver's version");
  check(cudaRuntimeGetVersion(&facts.runtime), "reading the runtime's version");
  facts.memory = properties.totalGlobalMem;
  if (!in_use) return facts;
  use_device(device);
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "reading the free memory");
  facts.free = free;
  return facts;
}

void use_device(int device) { check(cudaSetDevice(device), "choosing the device"); }

void* take_memory(std::size_t bytes) {
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it is not sticky: later calls shall not see it
    out_of_memory(bytes);
  }
  check(status, "allocating memory");
  return memory;
}

void give_memory(void* memory) noexcept { cudaFree(memory); }

void* take_host_memory(std::size_t bytes) {
  void* memory = nullptr;
  const cudaError_t status = cudaHostAlloc(&memory, bytes, cudaHostAllocPortable);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw Error("could not pin " + megabytes(bytes) + " of memory for copies to the GPU",
                "out_of_memory")
        .hint("Use a smaller batch_size or max_queue_size.");
  }
  check(status, "pinning memory");
  return memory;
}

void give_host_memory(void* memory) noexcept { cudaFreeHost(memory); }

void copy(void* destination, const void* source, std::size_t bytes, Direction direction,
          Stream stream) {
  if (bytes == 0) return;
  const cudaMemcpyKind kind = direction == Direction::to_device ? cudaMemcpyHostToDevice
                              : direction == Direction::to_host ? cudaMemcpyDeviceToHost
                                                                : cudaMemcpyDeviceToDevice;
  check(cudaMemcpyAsync(destination, source, bytes, kind, stream), "copying");
}

void fill_with_zeros(void* memory, std::size_t bytes, Stream stream) {
  if (bytes > 0) check(cudaMemsetAsync(memory, 0, bytes, stream), "filling memory");
}

// Not blocking: the legacy default stream, which other libraries in the process may use, is
// neither waited for nor made to wait.
Stream make_stream() {
  Stream stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
  return stream;
}

void release_stream(Stream stream) noexcept { cudaStreamDestroy(stream); }
void synchronize(Stream stream) { check(cudaStreamSynchronize(stream), "computing"); }

Event make_event() {
  Event event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "making an event");
  return event;
}

void release_event(Event event) noexcept { cudaEventDestroy(event); }
void record(Event event, Stream stream) { check(cudaEventRecord(event, stream), "computing"); }
void wait(Stream stream, Event event) { check(cudaStreamWaitEvent(stream, event, 0), "computing"); }

bool reached(Event event) {
  const cudaError_t status = cudaEventQuery(event);
  if (status == cudaErrorNotReady) return false;
  check(status, "computing");
  return true;
}

void check_launch(const char* kernel) { check(cudaGetLastError(), kernel); }

}  // namespace hornet::cuda
