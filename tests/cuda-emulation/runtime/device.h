// The devices, the calling thread's current one, and errors. Under runtime_mutex().
#pragma once
#include <driver_types.h>

#include <memory>
#include <set>

namespace cuda_emulation {

class Stream;

struct Device {
  int index = 0;
  cudaError_t lost = cudaSuccess;       // set by a fault in a kernel; every later call answers so
  std::shared_ptr<Stream> null_stream;  // the legacy default stream
  std::set<int> peers;                  // devices whose memory this one may touch
};

int device_count();
Device& device(int index);
Device& current_device();
int current_device_index();
void set_current_device(int index);
bool may_access(int from, int owner);

// The error every call starts with: a driver that is missing or too old, a lost device.
cudaError_t entry_error();
// Remembers it for cudaGetLastError() of this thread; returns it.
cudaError_t remember(cudaError_t error);
cudaError_t last_error();
void clear_last_error();
void lose_device(int index, cudaError_t error);

}  // namespace cuda_emulation
