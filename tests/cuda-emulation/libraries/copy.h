// A copy between host and device memory: checked when it is asked for, and again when it runs.
#pragma once
#include <driver_types.h>

#include <cstddef>

namespace cuda_emulation {

class Stream;

struct Copy {
  const char* who;
  void* dst;
  const void* src;
  std::size_t width;  // bytes of a row
  cudaMemcpyKind kind;
  std::size_t rows = 1, dst_pitch = 0, src_pitch = 0;
  int dst_device = -1, src_device = -1;  // -1: the stream's device, and what that may access
};

// Queues the copy; sets `kind` if it was cudaMemcpyDefault. Pageable host memory is read at once,
// and has been written when this returns, as the documentation of asynchronous copies says.
cudaError_t enqueue_copy(Copy& copy, Stream& stream);

}  // namespace cuda_emulation
