// Finds out what the processor can do.
#include <cstdlib>
#include <cstring>

#include "backend/simd/isa.h"

namespace hornet::simd {

namespace {

Isa detect() {
#if defined(__x86_64__)
  const char* asked = std::getenv("HORNET_SIMD");
  if (asked && std::strcmp(asked, "none") == 0) return Isa::none;
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return Isa::none;
  if (asked && std::strcmp(asked, "avx2") == 0) return Isa::avx2;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
    return Isa::avx512;
  }
  return Isa::avx2;
#else
  return Isa::none;
#endif
}

Isa& chosen() {
  static Isa isa = detect();
  return isa;
}

}  // namespace

Isa isa() { return chosen(); }
void set_isa(Isa isa) { chosen() = isa; }

}  // namespace hornet::simd
