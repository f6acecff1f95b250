// The counters behind cuda_emulation_counters(); under runtime_mutex().
#pragma once
#include "cuda_emulation.h"

namespace cuda_emulation {

cuda_emulation_counts& counters();
inline void count_synchronisation() { ++counters().host_synchronisations; }

}  // namespace cuda_emulation
