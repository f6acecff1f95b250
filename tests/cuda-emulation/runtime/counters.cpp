#include "runtime/counters.h"

#include "runtime/findings.h"

namespace cuda_emulation {

cuda_emulation_counts& counters() {
  static cuda_emulation_counts counts{};
  return counts;
}

}  // namespace cuda_emulation

extern "C" void cuda_emulation_counters(cuda_emulation_counts* counts) {
  cuda_emulation::Lock lock(cuda_emulation::runtime_mutex());
  *counts = cuda_emulation::counters();
}

extern "C" void cuda_emulation_reset_counters(void) {
  cuda_emulation::Lock lock(cuda_emulation::runtime_mutex());
  const uint64_t in_use = cuda_emulation::counters().bytes_in_use;
  cuda_emulation::counters() = {};
  cuda_emulation::counters().bytes_in_use = cuda_emulation::counters().bytes_peak = in_use;
}
