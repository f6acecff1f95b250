#include "runtime/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>

#include "runtime/counters.h"
#include "runtime/device.h"
#include "runtime/findings.h"
#include "runtime/settings.h"

namespace cuda_emulation {
namespace {

constexpr std::size_t kSpan = std::size_t{1} << 40;  // of addresses, shared by all devices
constexpr std::size_t kAlignment = 256;              // cudaMalloc's
constexpr std::size_t kRedZone = 256;
constexpr int kFresh = 0xCD;

struct Space {
  Address start = 0, next = 0;
  std::map<Address, std::unique_ptr<Allocation>> allocations;  // freed ones stay, without bytes
  std::map<int, std::size_t> in_use;                           // by device

  Space() {
    void* reserved =
        mmap(nullptr, kSpan, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED) {
      std::perror("cuda emulation: reserving device addresses");
      std::abort();
    }
    start = address_of(reserved);
    next = start + kAlignment;
  }
};

Space& space() {
  static Space& made = *new Space;
  return made;
}

std::string describe(const Allocation& a) {
  return std::to_string(a.size) + " bytes at " + hex(a.start) + " on device " +
         std::to_string(a.device);
}

}  // namespace

bool is_device_address(Address address) {
  return address >= space().start && address - space().start < kSpan;
}

Allocation* allocate(int device, std::size_t bytes, bool symbol) {
  Space& s = space();
  if (!symbol && bytes > settings().memory - std::min(settings().memory, s.in_use[device]))
    return nullptr;
  const std::size_t taken = (bytes + kAlignment - 1) / kAlignment * kAlignment + kRedZone;
  if (taken > s.start + kSpan - s.next) return nullptr;
  auto made = std::make_unique<Allocation>();
  made->start = s.next;
  made->size = bytes;
  made->device = device;
  made->symbol = symbol;
  made->bytes.reset(new (std::nothrow) std::uint8_t[bytes]);
  made->written.reset(new (std::nothrow) std::uint8_t[bytes]());
  if (!made->bytes || !made->written) return nullptr;
  std::memset(made->bytes.get(), kFresh, bytes);
  s.next += taken;
  if (!symbol) {
    s.in_use[device] += bytes;
    counters().bytes_in_use += bytes;
    counters().bytes_peak = std::max(counters().bytes_peak, counters().bytes_in_use);
  }
  Allocation* result = made.get();
  s.allocations.emplace(made->start, std::move(made));
  return result;
}

void release(Allocation& allocation) {
  allocation.freed = true;
  allocation.bytes.reset();
  allocation.written.reset();
  if (allocation.symbol) return;
  space().in_use[allocation.device] -= allocation.size;
  counters().bytes_in_use -= allocation.size;
}

std::size_t bytes_in_use(int device) { return space().in_use[device]; }

Allocation* find_allocation(Address address) {
  auto& all = space().allocations;
  auto after = all.upper_bound(address);
  return after == all.begin() ? nullptr : std::prev(after)->second.get();
}

Allocation* find_range(int device, Address address, std::size_t n, Fault* fault) {
  const std::string range = std::to_string(n) + " bytes at " + hex(address);
  if (!is_device_address(address)) {
    if (fault) *fault = {"host-pointer-as-device", range + " are not device memory"};
    return nullptr;
  }
  Allocation* a = find_allocation(address);
  if (!a || address - a->start >= a->size + kRedZone + kAlignment) {
    if (fault) *fault = {"device-oob", range + " lie in no allocation"};
    return nullptr;
  }
  if (a->freed) {
    if (fault) *fault = {"use-after-free", range + " lie in freed memory, " + describe(*a)};
    return nullptr;
  }
  if (!a->holds(address, n)) {
    if (fault)
      *fault = {"device-oob", range + " reach " + std::to_string(address + n - a->start - a->size) +
                                  " bytes past the end of " + describe(*a)};
    return nullptr;
  }
  if (!may_access(device, a->device)) {
    if (fault)
      *fault = {"peer-access", range + " belong to device " + std::to_string(a->device) +
                                   ", which device " + std::to_string(device) +
                                   " has no access to"};
    return nullptr;
  }
  return a;
}

std::uint8_t* device_bytes(int device, const void* pointer, std::size_t n, Access access,
                           const std::string& who) {
  Fault fault;
  const Address address = address_of(pointer);
  Allocation* a = find_range(device, address, n, &fault);
  if (!a) {
    report(fault.kind, who + ": " + fault.what);
    return nullptr;
  }
  std::uint8_t* written = a->written_at(address);
  if (access == Access::read) {
    const auto* first = static_cast<std::uint8_t*>(std::memchr(written, 0, n));
    if (first)
      report("uninitialised-read", who + ": byte " + std::to_string(first - written) + " of " +
                                       std::to_string(n) + " was never written, in " +
                                       describe(*a));
  }
  if (access == Access::write) std::memset(written, 1, n);
  return a->at(address);
}

std::size_t count_device_leaks(std::size_t* bytes) {
  std::size_t leaks = 0;
  *bytes = 0;
  for (const auto& entry : space().allocations) {
    const Allocation& a = *entry.second;
    if (a.freed || a.symbol) continue;
    ++leaks;
    *bytes += a.size;
  }
  return leaks;
}

void release_all(int device) {
  for (auto& entry : space().allocations) {
    Allocation& a = *entry.second;
    if (a.device == device && !a.freed && !a.symbol) release(a);
  }
}

}  // namespace cuda_emulation
