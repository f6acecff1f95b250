// What the entry points of the emulated cudart have in common.
#pragma once
#include <cuda_runtime_api.h>

#include "runtime/counters.h"
#include "runtime/device.h"
#include "runtime/findings.h"

namespace cuda_emulation {

// One call of the runtime: under the lock, refused where there is no driver or the device is
// lost; its error is remembered.
template <class Body>
cudaError_t entry(Body&& body) {
  Lock lock(runtime_mutex());
  if (const cudaError_t error = entry_error()) return remember(error);
  return remember(body());
}

}  // namespace cuda_emulation
