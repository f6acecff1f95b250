#include "runtime/device.h"

#include <vector>

#include "runtime/settings.h"
#include "runtime/stream.h"

namespace cuda_emulation {
namespace {

thread_local int current = 0;
thread_local cudaError_t last = cudaSuccess;

std::vector<Device>& devices() {
  static auto& all = *[] {
    auto* made = new std::vector<Device>(settings().devices);
    for (int i = 0; i < settings().devices; ++i) {
      (*made)[i].index = i;
      (*made)[i].null_stream =
          std::make_shared<Stream>(i, /* blocking = */ true, settings().eager == Eager::all);
    }
    return made;
  }();
  return all;
}

}  // namespace

int device_count() { return settings().devices; }
Device& device(int index) { return devices()[index]; }
Device& current_device() { return device(current); }
int current_device_index() { return current; }
void set_current_device(int index) { current = index; }

bool may_access(int from, int owner) { return from == owner || device(from).peers.count(owner); }

cudaError_t entry_error() {
  if (settings().driver == Driver::old) return cudaErrorInsufficientDriver;
  if (settings().driver == Driver::none || device_count() == 0) return cudaErrorNoDevice;
  return current_device().lost;
}

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) last = error;
  return error;
}

cudaError_t last_error() {
  if (device_count() > 0 && current_device().lost) return current_device().lost;
  return last;
}

void clear_last_error() { last = cudaSuccess; }

void lose_device(int index, cudaError_t error) {
  if (!device(index).lost) device(index).lost = error;
}

}  // namespace cuda_emulation
