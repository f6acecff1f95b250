// Device memory. Device addresses lie in a reservation nobody can touch, so a host that follows
// one gets a SIGSEGV; the bytes behind them are elsewhere. No address is ever used twice, and
// there is a gap after each allocation: what is out of bounds or freed is always recognised.
// Everything here is under runtime_mutex().
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace cuda_emulation {

using Address = std::uint64_t;

inline Address address_of(const void* pointer) { return reinterpret_cast<Address>(pointer); }

struct Allocation {
  Address start = 0;
  std::size_t size = 0;
  int device = 0;
  bool freed = false;
  bool symbol = false;                      // a __device__ variable: nobody frees it
  std::unique_ptr<std::uint8_t[]> bytes;    // 0xCD at first
  std::unique_ptr<std::uint8_t[]> written;  // one a byte: has it a value?

  bool holds(Address address, std::size_t n) const {
    return address >= start && address - start <= size && n <= size - (address - start);
  }
  std::uint8_t* at(Address address) { return bytes.get() + (address - start); }
  std::uint8_t* written_at(Address address) { return written.get() + (address - start); }
};

enum class Access { read, write, update };  // update: old values may or may not matter

bool is_device_address(Address address);
// Null where the device has no room. Zero bytes are the caller's business.
Allocation* allocate(int device, std::size_t bytes, bool symbol = false);
void release(Allocation& allocation);
std::size_t bytes_in_use(int device);
// The allocation, alive or freed, that starts last at or before the address; null if none does.
Allocation* find_allocation(Address address);

// Why [address, address + n) is not memory that `device` may touch: a finding's kind and text.
struct Fault {
  const char* kind = nullptr;
  std::string what;
};
// The allocation with all of the range; otherwise null, and why.
Allocation* find_range(int device, Address address, std::size_t n, Fault* fault);

// For copies and libraries: the range's bytes, or null after a finding that names `who`. A read
// of bytes without a value is a finding too, but they are handed out.
std::uint8_t* device_bytes(int device, const void* pointer, std::size_t n, Access access,
                           const std::string& who);

std::size_t count_device_leaks(std::size_t* bytes);
void release_all(int device);

}  // namespace cuda_emulation
