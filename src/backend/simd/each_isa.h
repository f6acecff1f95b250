// Compiles a body once per instruction set. A family of kernels writes its code in a header
// ("body") against the names of vector_*.h and says
//   #define HORNET_SIMD_BODY "backend/simd/..._body.h"
//   #include "backend/simd/each_isa.h"
// at file scope, after every other #include. Each copy lives in a namespace of its own without
// linkage: one shared inline function, and the linker could give AVX-512 code to a machine without
// it. The target is set by pragma because functions made by the body (lambdas,
// templates) do not inherit an attribute of the function around them.
#if defined(__x86_64__)
#include <immintrin.h>

#include "backend/simd/isa.h"

#define HORNET_INLINE static inline __attribute__((always_inline))
#define HORNET_MEMBER inline __attribute__((always_inline))
#define HORNET_UNROLL _Pragma("GCC unroll 16")

#if defined(__clang__)
#define HORNET_TARGET_AVX2 \
  _Pragma("clang attribute push(__attribute__((target(\"avx2,fma\"))), apply_to = function)")
#define HORNET_TARGET_AVX512 \
  _Pragma(                   \
      "clang attribute push(__attribute__((target(\"avx512f,avx512vl,avx512bw,avx512dq,fma\"))), \
          apply_to = function)")
#define HORNET_TARGET_END _Pragma("clang attribute pop")
#else
#define HORNET_TARGET_AVX2 _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma\")")
#define HORNET_TARGET_AVX512 \
  _Pragma("GCC push_options") _Pragma("GCC target(\"avx512f,avx512vl,avx512bw,avx512dq,fma\")")
#define HORNET_TARGET_END _Pragma("GCC pop_options")
#endif

HORNET_TARGET_AVX2
namespace hornet::simd {
namespace {
namespace avx2 {
#include "backend/simd/vector_avx2.h"
#include HORNET_SIMD_BODY
}  // namespace avx2
}  // namespace
}  // namespace hornet::simd
#if defined(HORNET_SIMD_PAIRS)
namespace hornet::simd {
namespace {
namespace avx512_pairs {
#include "backend/simd/vector_pairs.h"
#include HORNET_SIMD_BODY
}  // namespace avx512_pairs
}  // namespace
}  // namespace hornet::simd
#endif
HORNET_TARGET_END

HORNET_TARGET_AVX512
namespace hornet::simd {
namespace {
namespace avx512 {
#include "backend/simd/vector_avx512.h"
#include HORNET_SIMD_BODY
}  // namespace avx512
}  // namespace
}  // namespace hornet::simd
HORNET_TARGET_END

#if defined(HORNET_SIMD_PAIRS)
#define HORNET_PICK_PAIRS(table) &avx512_pairs::table
#else
#define HORNET_PICK_PAIRS(table) nullptr
#endif
// The machine's copy of a variable that the body defines.
#define HORNET_PICK(table)                                 \
  (isa() == Isa::avx512         ? &avx512::table           \
   : isa() == Isa::avx512_pairs ? HORNET_PICK_PAIRS(table) \
                                : &avx2::table)
#else
#define HORNET_PICK(table) nullptr
#endif
