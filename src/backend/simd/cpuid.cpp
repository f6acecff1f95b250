// Finds out what the processor can do.
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "backend/simd/isa.h"

namespace hornet::simd {

namespace {

bool has_avx2() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

bool has_avx512() {
#if defined(__x86_64__)
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
#else
  return false;
#endif
}

Isa detect() {
  const char* asked = std::getenv("HORNET_SIMD");
  for (Isa isa : {Isa::none, Isa::avx2, Isa::avx512, Isa::avx512_pairs}) {
    if (asked && std::strcmp(asked, name_of(isa)) == 0 && runs(isa)) return isa;
  }
  return has_avx512() ? Isa::avx512 : has_avx2() ? Isa::avx2 : Isa::none;
}

Isa& chosen() {
  static Isa isa = detect();
  return isa;
}

}  // namespace

bool runs(Isa isa) {
  switch (isa) {
    case Isa::none:
      return true;
    case Isa::avx2:
      return has_avx2();
    case Isa::avx512:
      return has_avx512();
    case Isa::avx512_pairs:
#if defined(HORNET_SIMD_PAIRS)
      return has_avx2();
#else
      return false;
#endif
  }
  return false;
}

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::none:
      return "none";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512_pairs:
      return "avx512_pairs";
  }
  return "";
}

Isa isa() { return chosen(); }
void set_isa(Isa isa) { chosen() = isa; }

}  // namespace hornet::simd
