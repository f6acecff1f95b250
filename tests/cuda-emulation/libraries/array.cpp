#include "libraries/array.h"

#include <cstring>

namespace cuda_emulation {

bool scribble(int device, void* workspace, std::size_t bytes, const std::string& who) {
  if (bytes == 0) return true;
  std::uint8_t* found = device_bytes(device, workspace, bytes, Access::update, who + ", workspace");
  if (!found) return false;
  std::memset(found, 0x5A, bytes);
  Allocation* a = find_allocation(address_of(workspace));
  std::memset(a->written_at(address_of(workspace)), 0, bytes);
  return true;
}

}  // namespace cuda_emulation
