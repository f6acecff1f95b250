// Which instruction set the SIMD kernels use on this machine.
#pragma once

namespace hornet::simd {

// avx512_pairs is the 16-lane code run on pairs of AVX2 registers: only in test builds
// (HORNET_SIMD_PAIRS), so that machines without AVX-512 can check it.
enum class Isa { none, avx2, avx512, avx512_pairs };

// The best one, or what the environment variable HORNET_SIMD names (none, avx2, avx512) where the
// machine has it. Read once.
Isa isa();
// For tests and benchmarks, before kernels are compiled.
void set_isa(Isa isa);
bool runs(Isa isa);  // on this machine, in this build
const char* name_of(Isa isa);

}  // namespace hornet::simd
