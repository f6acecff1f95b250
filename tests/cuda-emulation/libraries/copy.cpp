#include "libraries/copy.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "runtime/counters.h"
#include "runtime/device.h"
#include "runtime/findings.h"
#include "runtime/memory.h"
#include "runtime/pinned.h"
#include "runtime/stream.h"

namespace cuda_emulation {
namespace {

bool reads_device(cudaMemcpyKind kind) {
  return kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
}
bool writes_device(cudaMemcpyKind kind) {
  return kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
}
const char* name_of(bool device) { return device ? "device" : "host"; }

std::size_t extent(std::size_t width, std::size_t rows, std::size_t pitch) {
  return (rows - 1) * pitch + width;
}

// The direction, as the pointers tell it.
bool settle_kind(Copy& copy) {
  const bool to = is_device_address(address_of(copy.dst));
  const bool from = is_device_address(address_of(copy.src));
  const cudaMemcpyKind actual = to     ? from ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice
                                : from ? cudaMemcpyDeviceToHost
                                       : cudaMemcpyHostToHost;
  if (copy.kind == cudaMemcpyDefault) copy.kind = actual;
  if (copy.kind == actual) return true;
  report("bad-memcpy-direction", std::string(copy.who) + ": asked to copy from " +
                                     name_of(reads_device(copy.kind)) + " to " +
                                     name_of(writes_device(copy.kind)) + ", but the pointers are " +
                                     name_of(from) + " and " + name_of(to));
  return false;
}

bool check_device_end(const Copy& copy, const char* end, const void* pointer, int on,
                      std::size_t bytes) {
  Fault fault;
  if (find_range(on, address_of(pointer), bytes, &fault)) return true;
  report(fault.kind, std::string(copy.who) + ", " + end + ": " + fault.what);
  return false;
}

bool check_host_end(const Copy& copy, const char* end, const void* pointer, std::size_t bytes) {
  const PinnedRange range = pinned_range(pointer);
  if (!range.pinned || bytes <= range.bytes) return true;
  report("host-oob", std::string(copy.who) + ", " + end + ": " + std::to_string(bytes) +
                         " bytes, but the pinned memory ends after " + std::to_string(range.bytes));
  return false;
}

bool check_ends(const Copy& copy) {
  const std::size_t to = extent(copy.width, copy.rows, copy.dst_pitch);
  const std::size_t from = extent(copy.width, copy.rows, copy.src_pitch);
  const bool dst = writes_device(copy.kind)
                       ? check_device_end(copy, "destination", copy.dst, copy.dst_device, to)
                       : check_host_end(copy, "destination", copy.dst, to);
  const bool src = reads_device(copy.kind)
                       ? check_device_end(copy, "source", copy.src, copy.src_device, from)
                       : check_host_end(copy, "source", copy.src, from);
  return dst && src;
}

const char* plus(const void* pointer, std::size_t bytes) {
  return static_cast<const char*>(pointer) + bytes;
}

bool copy_row(const Copy& copy, std::size_t row) {
  const char* src = plus(copy.src, row * copy.src_pitch);
  auto* dst = const_cast<char*>(plus(copy.dst, row * copy.dst_pitch));
  const std::string who = copy.who;
  const void* from = src;
  void* to = dst;
  if (copy.kind == cudaMemcpyDeviceToDevice) {
    // What has no value has none at the destination either: not yet a mistake.
    Allocation* source = find_range(copy.src_device, address_of(src), copy.width, nullptr);
    Allocation* target = find_range(copy.dst_device, address_of(dst), copy.width, nullptr);
    if (!source || !target) return check_ends(copy);
    std::memmove(target->at(address_of(dst)), source->at(address_of(src)), copy.width);
    std::memmove(target->written_at(address_of(dst)), source->written_at(address_of(src)),
                 copy.width);
    return true;
  }
  if (reads_device(copy.kind))
    from = device_bytes(copy.src_device, src, copy.width, Access::read, who + ", source");
  if (writes_device(copy.kind))
    to = device_bytes(copy.dst_device, dst, copy.width, Access::write, who + ", destination");
  if (!from || !to) return false;
  std::memcpy(to, from, copy.width);
  return true;
}

void run_copy(const Copy& copy, int on) {
  for (std::size_t row = 0; row < copy.rows; ++row)
    if (!copy_row(copy, row)) return lose_device(on, cudaErrorIllegalAddress);
}

void count_bytes(const Copy& copy) {
  const std::size_t bytes = copy.width * copy.rows;
  if (copy.kind == cudaMemcpyHostToDevice) counters().bytes_to_device += bytes;
  if (copy.kind == cudaMemcpyDeviceToHost) counters().bytes_to_host += bytes;
  if (copy.kind == cudaMemcpyDeviceToDevice) counters().bytes_on_device += bytes;
}

std::uint64_t checksum(const Copy& copy) {
  std::uint64_t sum = 14695981039346656037u;  // FNV-1a
  for (std::size_t row = 0; row < copy.rows; ++row)
    for (std::size_t i = 0; i < copy.width; ++i)
      sum = (sum ^ static_cast<std::uint8_t>(plus(copy.src, row * copy.src_pitch)[i])) *
            1099511628211u;
  return sum;
}

// From pageable memory: as it is now.
void enqueue_snapshot(const Copy& copy, Stream& stream) {
  auto bytes = std::make_shared<std::vector<char>>(copy.width * copy.rows);
  for (std::size_t row = 0; row < copy.rows; ++row)
    std::memcpy(bytes->data() + row * copy.width, plus(copy.src, row * copy.src_pitch), copy.width);
  Copy later = copy;
  later.src = bytes->data();
  later.src_pitch = copy.width;
  const int on = stream.device();
  enqueue(stream, [later, bytes, on] { run_copy(later, on); });
}

// From pinned memory: as it is then, which should be the same.
void enqueue_from_pinned(const Copy& copy, Stream& stream) {
  const std::uint64_t before = checksum(copy);
  const int on = stream.device();
  enqueue(stream, [copy, before, on] {
    if (checksum(copy) != before)
      report("host-buffer-changed", std::string(copy.who) + ": the host wrote to the " +
                                        std::to_string(copy.width * copy.rows) +
                                        " pinned bytes before they were copied");
    run_copy(copy, on);
  });
}

}  // namespace

cudaError_t enqueue_copy(Copy& copy, Stream& stream) {
  if (copy.width == 0 || copy.rows == 0) return cudaSuccess;
  if (!copy.dst_pitch) copy.dst_pitch = copy.width;
  if (!copy.src_pitch) copy.src_pitch = copy.width;
  if (copy.dst_device < 0) copy.dst_device = stream.device();
  if (copy.src_device < 0) copy.src_device = stream.device();
  if (!settle_kind(copy) || !check_ends(copy)) return cudaErrorInvalidValue;
  count_bytes(copy);
  const int on = stream.device();
  if (copy.kind == cudaMemcpyHostToDevice) {
    if (pinned_range(copy.src).pinned) enqueue_from_pinned(copy, stream);
    else enqueue_snapshot(copy, stream);
    return cudaSuccess;
  }
  enqueue(stream, [copy, on] { run_copy(copy, on); });
  const bool waits = copy.kind == cudaMemcpyHostToHost ||
                     (copy.kind == cudaMemcpyDeviceToHost && !pinned_range(copy.dst).pinned);
  if (!waits) return cudaSuccess;
  if (std::strcmp(copy.who, "cudaMemcpy") != 0) count_synchronisation();
  stream.end().reach();
  return device(on).lost;
}

}  // namespace cuda_emulation
