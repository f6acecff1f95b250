// Eight floats in a register (AVX2 and FMA). The same names in every vector_*.h; included inside
// a namespace by each_isa.h.

using Vec = __m256;
using IVec = __m256i;
using Mask = __m256;
constexpr int kLanes = 8;
// Rows of the register tile of products, at one and at two vectors of columns.
constexpr int kTileRows = 6;

HORNET_INLINE Vec zero() { return _mm256_setzero_ps(); }
HORNET_INLINE Vec set1(float x) { return _mm256_set1_ps(x); }
HORNET_INLINE Vec load(const float* p) { return _mm256_loadu_ps(p); }
HORNET_INLINE void store(float* p, Vec v) { _mm256_storeu_ps(p, v); }

// The first n lanes, the others 0; n <= 0 is none of them, n >= kLanes all.
HORNET_INLINE __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
HORNET_INLINE Vec load_n(const float* p, int n) {
  return n >= 8 ? load(p) : _mm256_maskload_ps(p, first_lanes(n));
}
// With `other` in place of the lanes that are not loaded.
HORNET_INLINE Vec load_n_or(const float* p, int n, Vec other) {
  if (n >= 8) return load(p);
  const __m256i mask = first_lanes(n);
  return _mm256_blendv_ps(other, _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
}
// Masked stores are slow on some of these processors: pieces of 4, 2 and 1 instead.
HORNET_INLINE void store_n(float* p, Vec v, int n) {
  if (n >= 8) return store(p, v);
  __m128 part = _mm256_castps256_ps128(v);
  if (n & 4) {
    _mm_storeu_ps(p, part);
    part = _mm256_extractf128_ps(v, 1);
    p += 4;
  }
  if (n & 2) {
    _mm_storel_pi(reinterpret_cast<__m64*>(p), part);
    part = _mm_movehl_ps(part, part);
    p += 2;
  }
  if (n & 1) _mm_store_ss(p, part);
}

HORNET_INLINE Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
HORNET_INLINE Vec sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
HORNET_INLINE Vec mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
HORNET_INLINE Vec div(Vec a, Vec b) { return _mm256_div_ps(a, b); }
HORNET_INLINE Vec sqrt(Vec a) { return _mm256_sqrt_ps(a); }
HORNET_INLINE Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }    // a b + c
HORNET_INLINE Vec fnma(Vec a, Vec b, Vec c) { return _mm256_fnmadd_ps(a, b, c); }  // c - a b
HORNET_INLINE Vec floor(Vec a) { return _mm256_floor_ps(a); }
HORNET_INLINE Vec round_even(Vec a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// b where either is NaN.
HORNET_INLINE Vec min_or(Vec a, Vec b) { return _mm256_min_ps(a, b); }
HORNET_INLINE Vec max_or(Vec a, Vec b) { return _mm256_max_ps(a, b); }

HORNET_INLINE Mask less(Vec a, Vec b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
HORNET_INLINE Mask less_equal(Vec a, Vec b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
HORNET_INLINE Mask equal(Vec a, Vec b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
HORNET_INLINE Mask not_equal(Vec a, Vec b) { return _mm256_cmp_ps(a, b, _CMP_NEQ_UQ); }
HORNET_INLINE Mask is_nan(Vec a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
HORNET_INLINE Mask both(Mask a, Mask b) { return _mm256_and_ps(a, b); }
HORNET_INLINE Mask but_not(Mask a, Mask b) { return _mm256_andnot_ps(b, a); }  // a and not b
HORNET_INLINE Mask either(Mask a, Mask b) { return _mm256_or_ps(a, b); }
HORNET_INLINE Mask no_lanes() { return _mm256_setzero_ps(); }
HORNET_INLINE Vec select(Mask m, Vec a, Vec b) { return _mm256_blendv_ps(b, a, m); }
HORNET_INLINE Vec keep(Mask m, Vec a) { return _mm256_and_ps(m, a); }  // a or 0

HORNET_INLINE Vec bit_and(Vec a, Vec b) { return _mm256_and_ps(a, b); }
HORNET_INLINE Vec bit_or(Vec a, Vec b) { return _mm256_or_ps(a, b); }
HORNET_INLINE Vec bit_xor(Vec a, Vec b) { return _mm256_xor_ps(a, b); }

HORNET_INLINE IVec iset1(int x) { return _mm256_set1_epi32(x); }
HORNET_INLINE IVec iload(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
HORNET_INLINE IVec iadd(IVec a, IVec b) { return _mm256_add_epi32(a, b); }
HORNET_INLINE IVec isub(IVec a, IVec b) { return _mm256_sub_epi32(a, b); }
HORNET_INLINE IVec ixor(IVec a, IVec b) { return _mm256_xor_si256(a, b); }
template <int n>
HORNET_INLINE IVec shift_left(IVec a) {
  return _mm256_slli_epi32(a, n);
}
template <int n>
HORNET_INLINE IVec shift_right(IVec a) {  // zeros come in
  return _mm256_srli_epi32(a, n);
}
template <int n>
HORNET_INLINE IVec shift_right_signed(IVec a) {
  return _mm256_srai_epi32(a, n);
}
HORNET_INLINE IVec to_int(Vec a) { return _mm256_cvtps_epi32(a); }  // to nearest
HORNET_INLINE Vec to_float(IVec a) { return _mm256_cvtepi32_ps(a); }
HORNET_INLINE IVec as_int(Vec a) { return _mm256_castps_si256(a); }
HORNET_INLINE Vec as_float(IVec a) { return _mm256_castsi256_ps(a); }

// The halves of the unsigned 64-bit products a[i] * b[i].
HORNET_INLINE void mul_wide(IVec a, IVec b, IVec* low, IVec* high) {
  const IVec even = _mm256_mul_epu32(a, b);
  const IVec odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
  *low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
  *high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
}
// Transposes the 4x4 blocks that four registers have in each 128-bit part.
HORNET_INLINE void transpose4(IVec* a, IVec* b, IVec* c, IVec* d) {
  const IVec ab_low = _mm256_unpacklo_epi32(*a, *b), ab_high = _mm256_unpackhi_epi32(*a, *b);
  const IVec cd_low = _mm256_unpacklo_epi32(*c, *d), cd_high = _mm256_unpackhi_epi32(*c, *d);
  *a = _mm256_unpacklo_epi64(ab_low, cd_low);
  *b = _mm256_unpackhi_epi64(ab_low, cd_low);
  *c = _mm256_unpacklo_epi64(ab_high, cd_high);
  *d = _mm256_unpackhi_epi64(ab_high, cd_high);
}

HORNET_INLINE float sum_lanes(Vec v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
HORNET_INLINE float max_lanes(Vec v) {  // of numbers
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
