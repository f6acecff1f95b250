// Sixteen floats in a register (AVX-512 F, VL, BW, DQ). Names and meanings: vector_avx2.h.

using Vec = __m512;
using IVec = __m512i;
using Mask = __mmask16;
constexpr int kLanes = 16;
constexpr int kTileRows = 12;
// Masked forms with every lane on, where g++'s header reads an undefined register for the plain
// ones and warns of it; the code is the same.
constexpr Mask kAll = 0xffff;

HORNET_INLINE Vec zero() { return _mm512_setzero_ps(); }
HORNET_INLINE Vec set1(float x) { return _mm512_set1_ps(x); }
HORNET_INLINE Vec load(const float* p) { return _mm512_loadu_ps(p); }
HORNET_INLINE void store(float* p, Vec v) { _mm512_storeu_ps(p, v); }

HORNET_INLINE Mask first_lanes(int n) {
  return static_cast<Mask>(n >= 16 ? 0xffff : n <= 0 ? 0 : (1u << n) - 1);
}
HORNET_INLINE Vec load_n(const float* p, int n) { return _mm512_maskz_loadu_ps(first_lanes(n), p); }
HORNET_INLINE Vec load_n_or(const float* p, int n, Vec other) {
  return _mm512_mask_loadu_ps(other, first_lanes(n), p);
}
HORNET_INLINE void store_n(float* p, Vec v, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), v); }

HORNET_INLINE Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
HORNET_INLINE Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
HORNET_INLINE Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
HORNET_INLINE Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
HORNET_INLINE Vec sqrt(Vec a) { return _mm512_maskz_sqrt_ps(kAll, a); }
HORNET_INLINE Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
HORNET_INLINE Vec fnma(Vec a, Vec b, Vec c) { return _mm512_fnmadd_ps(a, b, c); }
HORNET_INLINE Vec floor(Vec a) {
  return _mm512_maskz_roundscale_ps(kAll, a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
HORNET_INLINE Vec round_even(Vec a) {
  return _mm512_maskz_roundscale_ps(kAll, a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
HORNET_INLINE Vec min_or(Vec a, Vec b) { return _mm512_maskz_min_ps(kAll, a, b); }
HORNET_INLINE Vec max_or(Vec a, Vec b) { return _mm512_maskz_max_ps(kAll, a, b); }

HORNET_INLINE Mask less(Vec a, Vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
HORNET_INLINE Mask less_equal(Vec a, Vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
HORNET_INLINE Mask equal(Vec a, Vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
HORNET_INLINE Mask not_equal(Vec a, Vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ); }
HORNET_INLINE Mask is_nan(Vec a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
HORNET_INLINE Mask both(Mask a, Mask b) { return static_cast<Mask>(a & b); }
HORNET_INLINE Mask but_not(Mask a, Mask b) { return static_cast<Mask>(a & ~b); }
HORNET_INLINE Mask either(Mask a, Mask b) { return static_cast<Mask>(a | b); }
HORNET_INLINE Mask no_lanes() { return 0; }
HORNET_INLINE Vec select(Mask m, Vec a, Vec b) { return _mm512_mask_blend_ps(m, b, a); }
HORNET_INLINE Vec keep(Mask m, Vec a) { return _mm512_maskz_mov_ps(m, a); }

HORNET_INLINE Vec bit_and(Vec a, Vec b) { return _mm512_and_ps(a, b); }
HORNET_INLINE Vec bit_or(Vec a, Vec b) { return _mm512_or_ps(a, b); }
HORNET_INLINE Vec bit_xor(Vec a, Vec b) { return _mm512_xor_ps(a, b); }

HORNET_INLINE IVec iset1(int x) { return _mm512_set1_epi32(x); }
HORNET_INLINE IVec iload(const void* p) { return _mm512_loadu_si512(p); }
HORNET_INLINE IVec iadd(IVec a, IVec b) { return _mm512_add_epi32(a, b); }
HORNET_INLINE IVec isub(IVec a, IVec b) { return _mm512_sub_epi32(a, b); }
HORNET_INLINE IVec ixor(IVec a, IVec b) { return _mm512_xor_si512(a, b); }
template <int n>
HORNET_INLINE IVec shift_left(IVec a) {
  return _mm512_maskz_slli_epi32(kAll, a, n);
}
template <int n>
HORNET_INLINE IVec shift_right(IVec a) {
  return _mm512_maskz_srli_epi32(kAll, a, n);
}
template <int n>
HORNET_INLINE IVec shift_right_signed(IVec a) {
  return _mm512_maskz_srai_epi32(kAll, a, n);
}
HORNET_INLINE IVec to_int(Vec a) { return _mm512_maskz_cvtps_epi32(kAll, a); }
HORNET_INLINE Vec to_float(IVec a) { return _mm512_maskz_cvtepi32_ps(kAll, a); }
HORNET_INLINE IVec as_int(Vec a) { return _mm512_castps_si512(a); }
HORNET_INLINE Vec as_float(IVec a) { return _mm512_castsi512_ps(a); }

HORNET_INLINE void mul_wide(IVec a, IVec b, IVec* low, IVec* high) {
  const IVec even = _mm512_maskz_mul_epu32(0xff, a, b);
  const IVec odd = _mm512_maskz_mul_epu32(0xff, _mm512_maskz_srli_epi64(0xff, a, 32),
                                          _mm512_maskz_srli_epi64(0xff, b, 32));
  *low = _mm512_mask_blend_epi32(0xAAAA, even, _mm512_maskz_slli_epi64(0xff, odd, 32));
  *high = _mm512_mask_blend_epi32(0xAAAA, _mm512_maskz_srli_epi64(0xff, even, 32), odd);
}
HORNET_INLINE void transpose4(IVec* a, IVec* b, IVec* c, IVec* d) {
  const IVec ab_low = _mm512_maskz_unpacklo_epi32(kAll, *a, *b),
             ab_high = _mm512_maskz_unpackhi_epi32(kAll, *a, *b);
  const IVec cd_low = _mm512_maskz_unpacklo_epi32(kAll, *c, *d),
             cd_high = _mm512_maskz_unpackhi_epi32(kAll, *c, *d);
  *a = _mm512_maskz_unpacklo_epi64(0xff, ab_low, cd_low);
  *b = _mm512_maskz_unpackhi_epi64(0xff, ab_low, cd_low);
  *c = _mm512_maskz_unpacklo_epi64(0xff, ab_high, cd_high);
  *d = _mm512_maskz_unpackhi_epi64(0xff, ab_high, cd_high);
}

template <int i>
HORNET_INLINE __m256 half(Vec v) {
  return _mm512_maskz_extractf32x8_ps(0xff, v, i);
}
HORNET_INLINE float sum_lanes(Vec v) {
  const __m256 h = _mm256_add_ps(half<0>(v), half<1>(v));
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
HORNET_INLINE float max_lanes(Vec v) {
  const __m256 h = _mm256_max_ps(half<0>(v), half<1>(v));
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
