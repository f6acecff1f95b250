// Sixteen floats in two AVX2 registers: lets a machine without AVX-512 run and check what the
// bodies do at that width. Names and meanings: vector_avx2.h.

struct Vec {
  __m256 low, high;
};
struct IVec {
  __m256i low, high;
};
struct Mask {
  __m256 low, high;
};
constexpr int kLanes = 16;
constexpr int kTileRows = 12;

HORNET_INLINE Vec zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
HORNET_INLINE Vec set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
HORNET_INLINE Vec load(const float* p) { return {avx2::load(p), avx2::load(p + 8)}; }
HORNET_INLINE void store(float* p, Vec v) {
  avx2::store(p, v.low);
  avx2::store(p + 8, v.high);
}
HORNET_INLINE Vec load_n(const float* p, int n) {
  return {avx2::load_n(p, n), avx2::load_n(p + 8, n - 8)};
}
HORNET_INLINE Vec load_n_or(const float* p, int n, Vec other) {
  return {avx2::load_n_or(p, n, other.low), avx2::load_n_or(p + 8, n - 8, other.high)};
}
HORNET_INLINE void store_n(float* p, Vec v, int n) {
  avx2::store_n(p, v.low, n > 0 ? n : 0);
  avx2::store_n(p + 8, v.high, n > 8 ? n - 8 : 0);
}

HORNET_INLINE Vec add(Vec a, Vec b) { return {avx2::add(a.low, b.low), avx2::add(a.high, b.high)}; }
HORNET_INLINE Vec sub(Vec a, Vec b) { return {avx2::sub(a.low, b.low), avx2::sub(a.high, b.high)}; }
HORNET_INLINE Vec mul(Vec a, Vec b) { return {avx2::mul(a.low, b.low), avx2::mul(a.high, b.high)}; }
HORNET_INLINE Vec div(Vec a, Vec b) { return {avx2::div(a.low, b.low), avx2::div(a.high, b.high)}; }
HORNET_INLINE Vec sqrt(Vec a) { return {avx2::sqrt(a.low), avx2::sqrt(a.high)}; }
HORNET_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return {avx2::fma(a.low, b.low, c.low), avx2::fma(a.high, b.high, c.high)};
}
HORNET_INLINE Vec fnma(Vec a, Vec b, Vec c) {
  return {avx2::fnma(a.low, b.low, c.low), avx2::fnma(a.high, b.high, c.high)};
}
HORNET_INLINE Vec floor(Vec a) { return {avx2::floor(a.low), avx2::floor(a.high)}; }
HORNET_INLINE Vec round_even(Vec a) { return {avx2::round_even(a.low), avx2::round_even(a.high)}; }
HORNET_INLINE Vec min_or(Vec a, Vec b) {
  return {avx2::min_or(a.low, b.low), avx2::min_or(a.high, b.high)};
}
HORNET_INLINE Vec max_or(Vec a, Vec b) {
  return {avx2::max_or(a.low, b.low), avx2::max_or(a.high, b.high)};
}

HORNET_INLINE Mask less(Vec a, Vec b) {
  return {avx2::less(a.low, b.low), avx2::less(a.high, b.high)};
}
HORNET_INLINE Mask less_equal(Vec a, Vec b) {
  return {avx2::less_equal(a.low, b.low), avx2::less_equal(a.high, b.high)};
}
HORNET_INLINE Mask equal(Vec a, Vec b) {
  return {avx2::equal(a.low, b.low), avx2::equal(a.high, b.high)};
}
HORNET_INLINE Mask not_equal(Vec a, Vec b) {
  return {avx2::not_equal(a.low, b.low), avx2::not_equal(a.high, b.high)};
}
HORNET_INLINE Mask is_nan(Vec a) { return {avx2::is_nan(a.low), avx2::is_nan(a.high)}; }
HORNET_INLINE Mask both(Mask a, Mask b) {
  return {avx2::both(a.low, b.low), avx2::both(a.high, b.high)};
}
HORNET_INLINE Mask but_not(Mask a, Mask b) {
  return {avx2::but_not(a.low, b.low), avx2::but_not(a.high, b.high)};
}
HORNET_INLINE Mask either(Mask a, Mask b) {
  return {avx2::either(a.low, b.low), avx2::either(a.high, b.high)};
}
HORNET_INLINE Mask no_lanes() { return {avx2::no_lanes(), avx2::no_lanes()}; }
HORNET_INLINE Vec select(Mask m, Vec a, Vec b) {
  return {avx2::select(m.low, a.low, b.low), avx2::select(m.high, a.high, b.high)};
}
HORNET_INLINE Vec keep(Mask m, Vec a) {
  return {avx2::keep(m.low, a.low), avx2::keep(m.high, a.high)};
}

HORNET_INLINE Vec bit_and(Vec a, Vec b) {
  return {avx2::bit_and(a.low, b.low), avx2::bit_and(a.high, b.high)};
}
HORNET_INLINE Vec bit_or(Vec a, Vec b) {
  return {avx2::bit_or(a.low, b.low), avx2::bit_or(a.high, b.high)};
}
HORNET_INLINE Vec bit_xor(Vec a, Vec b) {
  return {avx2::bit_xor(a.low, b.low), avx2::bit_xor(a.high, b.high)};
}

HORNET_INLINE IVec iset1(int x) { return {avx2::iset1(x), avx2::iset1(x)}; }
HORNET_INLINE IVec iload(const void* p) {
  return {avx2::iload(p), avx2::iload(static_cast<const char*>(p) + 32)};
}
HORNET_INLINE IVec iadd(IVec a, IVec b) {
  return {avx2::iadd(a.low, b.low), avx2::iadd(a.high, b.high)};
}
HORNET_INLINE IVec isub(IVec a, IVec b) {
  return {avx2::isub(a.low, b.low), avx2::isub(a.high, b.high)};
}
HORNET_INLINE IVec ixor(IVec a, IVec b) {
  return {avx2::ixor(a.low, b.low), avx2::ixor(a.high, b.high)};
}
template <int n>
HORNET_INLINE IVec shift_left(IVec a) {
  return {avx2::shift_left<n>(a.low), avx2::shift_left<n>(a.high)};
}
template <int n>
HORNET_INLINE IVec shift_right(IVec a) {
  return {avx2::shift_right<n>(a.low), avx2::shift_right<n>(a.high)};
}
template <int n>
HORNET_INLINE IVec shift_right_signed(IVec a) {
  return {avx2::shift_right_signed<n>(a.low), avx2::shift_right_signed<n>(a.high)};
}
HORNET_INLINE IVec to_int(Vec a) { return {avx2::to_int(a.low), avx2::to_int(a.high)}; }
HORNET_INLINE Vec to_float(IVec a) { return {avx2::to_float(a.low), avx2::to_float(a.high)}; }
HORNET_INLINE IVec as_int(Vec a) { return {avx2::as_int(a.low), avx2::as_int(a.high)}; }
HORNET_INLINE Vec as_float(IVec a) { return {avx2::as_float(a.low), avx2::as_float(a.high)}; }

HORNET_INLINE void mul_wide(IVec a, IVec b, IVec* low, IVec* high) {
  avx2::mul_wide(a.low, b.low, &low->low, &high->low);
  avx2::mul_wide(a.high, b.high, &low->high, &high->high);
}
HORNET_INLINE void transpose4(IVec* a, IVec* b, IVec* c, IVec* d) {
  avx2::transpose4(&a->low, &b->low, &c->low, &d->low);
  avx2::transpose4(&a->high, &b->high, &c->high, &d->high);
}

HORNET_INLINE float sum_lanes(Vec v) { return avx2::sum_lanes(avx2::add(v.low, v.high)); }
HORNET_INLINE float max_lanes(Vec v) { return avx2::max_lanes(avx2::max_or(v.low, v.high)); }
