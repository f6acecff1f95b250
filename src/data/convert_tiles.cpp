// Four rows at a time across all columns: four output rows are written from left to right, and the
// rest of the input's cache lines is still near when the next four rows come. Blocks that use a
// line whole at once, and wider registers, were both slower (bench/staging.cpp).
#include "data/convert_tiles.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HORNET_X86 1
#include <immintrin.h>
#define HORNET_AVX __attribute__((target("avx")))
#endif

namespace hornet {
namespace {

template <class T>
inline void scalar_tile(const T* from, const Dim* offsets, Dim row0, Dim row1, Dim column0,
                        Dim column1, float* to, Dim stride) {
  for (Dim i = row0; i < row1; ++i) {
    for (Dim k = column0; k < column1; ++k) to[i * stride + k] = to_float(from[offsets[k] + i]);
  }
}

#ifdef HORNET_X86

// Loads of four values, for any x86-64.
struct Sse {
  static __m128 load(const double* x) {
    return _mm_movelh_ps(_mm_cvtpd_ps(_mm_loadu_pd(x)), _mm_cvtpd_ps(_mm_loadu_pd(x + 2)));
  }
  static __m128 load(const std::int32_t* x) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x));
    const __m128i na = _mm_cmpeq_epi32(v, _mm_set1_epi32(std::numeric_limits<std::int32_t>::min()));
    return _mm_or_ps(_mm_cvtepi32_ps(v), _mm_castsi128_ps(na));  // all bits set is a NaN
  }
  static __m128 load(const std::uint8_t* x) { return _mm_setr_ps(x[0], x[1], x[2], x[3]); }
};

template <class T>
void sse_tile(const T* from, const Dim* offsets, Dim rows, Dim columns, float* to, Dim stride) {
  Dim i = 0;
  for (; i + 4 <= rows; i += 4) {
    const T* row = from + i;
    float* out = to + i * stride;
    Dim k = 0;
    for (; k + 4 <= columns; k += 4) {
      __m128 r0 = Sse::load(row + offsets[k]), r1 = Sse::load(row + offsets[k + 1]);
      __m128 r2 = Sse::load(row + offsets[k + 2]), r3 = Sse::load(row + offsets[k + 3]);
      _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
      _mm_storeu_ps(out + k, r0);
      _mm_storeu_ps(out + k + stride, r1);
      _mm_storeu_ps(out + k + 2 * stride, r2);
      _mm_storeu_ps(out + k + 3 * stride, r3);
    }
    if (k < columns) scalar_tile(from, offsets, i, i + 4, k, columns, to, stride);
  }
  if (i < rows) scalar_tile(from, offsets, i, rows, 0, columns, to, stride);
}

HORNET_AVX void avx_tile(const double* from, const Dim* offsets, Dim rows, Dim columns, float* to,
                         Dim stride) {
  Dim i = 0;
  for (; i + 4 <= rows; i += 4) {
    const double* row = from + i;
    float* out = to + i * stride;
    Dim k = 0;
    for (; k + 4 <= columns; k += 4) {
      __m128 r0 = _mm256_cvtpd_ps(_mm256_loadu_pd(row + offsets[k]));
      __m128 r1 = _mm256_cvtpd_ps(_mm256_loadu_pd(row + offsets[k + 1]));
      __m128 r2 = _mm256_cvtpd_ps(_mm256_loadu_pd(row + offsets[k + 2]));
      __m128 r3 = _mm256_cvtpd_ps(_mm256_loadu_pd(row + offsets[k + 3]));
      _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
      _mm_storeu_ps(out + k, r0);
      _mm_storeu_ps(out + k + stride, r1);
      _mm_storeu_ps(out + k + 2 * stride, r2);
      _mm_storeu_ps(out + k + 3 * stride, r3);
    }
    if (k < columns) scalar_tile(from, offsets, i, i + 4, k, columns, to, stride);
  }
  if (i < rows) scalar_tile(from, offsets, i, rows, 0, columns, to, stride);
}

bool has_avx() {
  static const bool yes = __builtin_cpu_supports("avx");
  return yes;
}

#endif

}  // namespace

template <class T>
void columns_to_rows(const T* from, const Dim* offsets, Dim rows, Dim columns, float* to,
                     Dim stride) {
#ifdef HORNET_X86
  if constexpr (sizeof(T) == sizeof(double)) {
    if (has_avx()) return avx_tile(from, offsets, rows, columns, to, stride);
  }
  sse_tile(from, offsets, rows, columns, to, stride);
#else
  scalar_tile(from, offsets, 0, rows, 0, columns, to, stride);
#endif
}

template <class T>
void to_floats(const T* from, Dim count, float* to) {
  Dim i = 0;
#ifdef HORNET_X86
  for (; i + 4 <= count; i += 4) _mm_storeu_ps(to + i, Sse::load(from + i));
#endif
  for (; i < count; ++i) to[i] = to_float(from[i]);
}

void rows_to_columns(const float* from, Dim stride, Dim rows, Dim columns, double* to,
                     const Dim* offsets) {
  Dim i = 0;
#ifdef HORNET_X86
  for (; i + 4 <= rows; i += 4) {
    const float* in = from + i * stride;
    double* row = to + i;
    Dim k = 0;
    for (; k + 4 <= columns; k += 4) {
      __m128 r0 = _mm_loadu_ps(in + k), r1 = _mm_loadu_ps(in + k + stride);
      __m128 r2 = _mm_loadu_ps(in + k + 2 * stride), r3 = _mm_loadu_ps(in + k + 3 * stride);
      _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
      const __m128 r[4] = {r0, r1, r2, r3};
      for (int c = 0; c < 4; ++c) {
        double* out = row + offsets[k + c];
        _mm_storeu_pd(out, _mm_cvtps_pd(r[c]));
        _mm_storeu_pd(out + 2, _mm_cvtps_pd(_mm_movehl_ps(r[c], r[c])));
      }
    }
    for (; k < columns; ++k) {
      for (Dim n = 0; n < 4; ++n) row[offsets[k] + n] = in[n * stride + k];
    }
  }
#endif
  for (; i < rows; ++i) {
    for (Dim k = 0; k < columns; ++k) to[offsets[k] + i] = from[i * stride + k];
  }
}

template void columns_to_rows(const double*, const Dim*, Dim, Dim, float*, Dim);
template void columns_to_rows(const std::int32_t*, const Dim*, Dim, Dim, float*, Dim);
template void columns_to_rows(const std::uint8_t*, const Dim*, Dim, Dim, float*, Dim);
template void to_floats(const double*, Dim, float*);
template void to_floats(const std::int32_t*, Dim, float*);
template void to_floats(const std::uint8_t*, Dim, float*);

}  // namespace hornet
