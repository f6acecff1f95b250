// Whole numbers, conversions and rounding modes at their edges. Kernels and the host compute the
// same functors; where the host has no such operation, the functor spells it out for it.
#include <cuda_fp16.h>

#include <cfenv>
#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>

#include "tests/device.h"

namespace {

template <class F, class X, class Y, class R>
__global__ void evaluate(const X* x, const Y* y, R* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = F::of(x[i], y[i]);
}

template <class T>
bool same(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
  else return a == b;
}

// F of every pair from x and y: what the kernel gives must be what `expected` gives, bit for bit.
template <class F, class X, class Y, class Expected>
void check_pairs(const char* name, const std::vector<X>& xs, const std::vector<Y>& ys,
                 Expected expected) {
  using R = decltype(expected(X(), Y()));
  std::vector<X> x;
  std::vector<Y> y;
  for (const X& a : xs)
    for (const Y& b : ys) {
      x.push_back(a);
      y.push_back(b);
    }
  const int n = static_cast<int>(x.size());
  DeviceArray<X> dx(x);
  DeviceArray<Y> dy(y);
  DeviceArray<R> out(n);
  evaluate<F><<<(n + 127) / 128, 128>>>(dx.data(), dy.data(), out.data(), n);
  const std::vector<R> got = out.values();
  int wrong = 0, at = 0;
  for (int i = 0; i < n; ++i)
    if (!same<R>(got[i], expected(x[i], y[i])) && wrong++ == 0) at = i;
  if (!CHECK(wrong == 0))
    std::printf("  %s: %d of %d differ, as of %.17g, %.17g: %.17g, expected %.17g\n", name, wrong,
                n, double(x[at]), double(y[at]), double(got[at]), double(expected(x[at], y[at])));
}
#define CHECK_SAME(F, xs, ys) check_pairs<F>(#F, xs, ys, [](auto x, auto y) { return F::of(x, y); })

template <class T>
std::vector<T> edges() {
  using L = std::numeric_limits<T>;
  std::vector<T> v = {T(0),
                      T(1),
                      T(2),
                      T(3),
                      T(7),
                      T(10),
                      T(31),
                      T(32),
                      T(33),
                      T(100),
                      L::max(),
                      T(L::max() - 1),
                      L::min(),
                      T(L::min() + 1),
                      T(L::max() / 2),
                      T(L::max() / 3)};
  if (std::is_signed_v<T>)
    for (const int k : {-1, -2, -3, -7, -10, -100}) v.push_back(T(k));
  for (unsigned bit = 1; bit < sizeof(T) * 8 - 1; bit += 5) v.push_back(T(T(1) << bit));
  return v;
}

// --- whole numbers ---------------------------------------------------------------------------

template <class T>
using U = std::make_unsigned_t<T>;

#define OPERATION(Name, expression)             \
  struct Name {                                 \
    template <class T>                          \
    __host__ __device__ static T of(T x, T y) { \
      return static_cast<T>(expression);        \
    }                                           \
  };
OPERATION(Add, U<T>(x) + U<T>(y))
OPERATION(Subtract, U<T>(x) - U<T>(y))
OPERATION(Multiply, std::uint64_t(x) * std::uint64_t(y))
OPERATION(Minimum, x < y ? x : y)
OPERATION(Maximum, x > y ? x : y)
OPERATION(Exclusive, (x & y) | (~x ^ y))
OPERATION(Negate, U<T>(0) - U<T>(x))
OPERATION(Left, U<T>(x) << (U<T>(y) % (sizeof(T) * 8)))
OPERATION(Right, x >> (U<T>(y) % (sizeof(T) * 8)))
OPERATION(Compare, (x < y) + 2 * (x <= y) + 4 * (x == y) + 8 * (x != y))
// What C leaves undefined is left out: y is 0, or the least number is divided by -1.
template <class T>
__host__ __device__ bool divisible(T x, T y) {
  return y != 0 &&
         !(std::is_signed_v<T> && y == T(-1) && U<T>(x) == U<T>(1) << (sizeof(T) * 8 - 1));
}
OPERATION(Divide, divisible(x, y) ? x / y : T(0))
OPERATION(Remainder, divisible(x, y) ? x % y : T(0))
OPERATION(DivideBySeven, x / T(7))

template <class T>
void check_integer() {
  const std::vector<T> v = edges<T>();
  CHECK_SAME(Add, v, v);
  CHECK_SAME(Subtract, v, v);
  CHECK_SAME(Multiply, v, v);
  CHECK_SAME(Minimum, v, v);
  CHECK_SAME(Maximum, v, v);
  CHECK_SAME(Exclusive, v, v);
  CHECK_SAME(Negate, v, v);
  CHECK_SAME(Left, v, v);
  CHECK_SAME(Right, v, v);
  CHECK_SAME(Compare, v, v);
  CHECK_SAME(Divide, v, v);
  CHECK_SAME(Remainder, v, v);
  CHECK_SAME(DivideBySeven, v, v);
}

void test_integers() {
  check_integer<std::int8_t>();
  check_integer<std::uint8_t>();
  check_integer<std::int16_t>();
  check_integer<std::uint16_t>();
  check_integer<std::int32_t>();
  check_integer<std::uint32_t>();
  check_integer<std::int64_t>();
  check_integer<std::uint64_t>();
}

// One instruction each, which C does not have: computed on the device only.
#define DEVICE_OPERATION(Name, X, Y, expression) \
  struct Name {                                  \
    __device__ static auto of(X x, Y y) {        \
      (void)y;                                   \
      return expression;                         \
    }                                            \
  };
using u32 = std::uint32_t;
using u64 = unsigned long long;
DEVICE_OPERATION(HighProduct, int, int, __mulhi(x, y))
DEVICE_OPERATION(HighProductUnsigned, u32, u32, __umulhi(x, y))
DEVICE_OPERATION(HighProduct64, long long, long long, __mul64hi(x, y))
DEVICE_OPERATION(HighProduct64Unsigned, u64, u64, __umul64hi(x, y))
DEVICE_OPERATION(Ones, u32, u32, __popc(x ^ y))
DEVICE_OPERATION(Ones64, u64, u64, __popcll(x ^ y))
DEVICE_OPERATION(LeadingZeros, u32, u32, __clz(x& y))
DEVICE_OPERATION(LeadingZeros64, u64, u64, __clzll(x& y))
DEVICE_OPERATION(FirstOne, u32, u32, __ffs(x& y))
DEVICE_OPERATION(Reversed, u32, u32, __brev(x ^ y))
DEVICE_OPERATION(Reversed64, u64, u64, __brevll(x ^ y))
DEVICE_OPERATION(FunnelLeft, u32, u32, __funnelshift_l(x, y, x % 37))
DEVICE_OPERATION(FunnelRightClamped, u32, u32, __funnelshift_rc(x, y, x % 37))
DEVICE_OPERATION(AbsoluteDifference, int, int, __sad(x, y, 5u))
DEVICE_OPERATION(SaturatedAverage, int, int, __hadd(x, y))
DEVICE_OPERATION(NthSet, u32, u32, __fns(x, y % 32, static_cast<int>(x % 7) - 3))

struct Bytes {  // __byte_perm() has no signs, the instruction has
  __device__ static u32 of(u32 x, u32 y) {
    u32 r;
    asm("prmt.b32 %0, %1, %2, 0x7A15;" : "=r"(r) : "r"(x), "r"(y));
    return r;
  }
};

u32 reference_fns(u32 mask, u32 base, int offset) {
  if (offset == 0) return mask >> base & 1 ? base : UINT_MAX;
  const int step = offset > 0 ? 1 : -1;
  int left = std::abs(offset);
  for (int at = static_cast<int>(base); at >= 0 && at < 32; at += step)
    if ((mask >> at & 1) && --left == 0) return static_cast<u32>(at);
  return UINT_MAX;
}

void test_bit_operations() {
  const std::vector<int> i = edges<int>();
  const std::vector<u32> u = edges<u32>();
  const std::vector<long long> l = edges<long long>();
  const std::vector<u64> ul = edges<u64>();
#define CHECK_BITS(F, v, expression)            \
  check_pairs<F>(#F, v, v, [](auto x, auto y) { \
    (void)y;                                    \
    return expression;                          \
  })
  CHECK_BITS(HighProduct, i, int(static_cast<long long>(x) * y >> 32));
  CHECK_BITS(HighProductUnsigned, u, u32(static_cast<u64>(x) * y >> 32));
  CHECK_BITS(HighProduct64, l, static_cast<long long>(static_cast<__int128>(x) * y >> 64));
  CHECK_BITS(HighProduct64Unsigned, ul,
             static_cast<u64>(static_cast<unsigned __int128>(x) * y >> 64));
  CHECK_BITS(Ones, u, __builtin_popcount(x ^ y));
  CHECK_BITS(Ones64, ul, __builtin_popcountll(x ^ y));
  CHECK_BITS(LeadingZeros, u, (x & y) ? __builtin_clz(x & y) : 32);
  CHECK_BITS(LeadingZeros64, ul, (x & y) ? __builtin_clzll(x & y) : 64);
  CHECK_BITS(FirstOne, u, __builtin_ffs(static_cast<int>(x & y)));
  const auto reversed = [](u64 v, int bits) {
    u64 r = 0;
    for (int k = 0; k < bits; ++k) r |= (v >> k & 1) << (bits - 1 - k);
    return r;
  };
  check_pairs<Reversed>("Reversed", u, u, [&](u32 x, u32 y) { return u32(reversed(x ^ y, 32)); });
  check_pairs<Reversed64>("Reversed64", ul, ul, [&](u64 x, u64 y) { return reversed(x ^ y, 64); });
  // Selector 0x7A15: bytes 5 and 1, the sign of byte 2, byte 7
  CHECK_BITS(
      Bytes, u,
      u32((y >> 8 & 255) | (x >> 8 & 255) << 8 | ((x >> 23 & 1) ? 0xFF0000 : 0) | (y >> 24) << 24));
  CHECK_BITS(FunnelLeft, u, u32((static_cast<u64>(y) << 32 | x) << (x % 37 % 32) >> 32));
  CHECK_BITS(FunnelRightClamped, u, u32((static_cast<u64>(y) << 32 | x) >> std::min(x % 37, 32u)));
  CHECK_BITS(AbsoluteDifference, i, u32(std::llabs(static_cast<long long>(x) - y) + 5));
  CHECK_BITS(SaturatedAverage, i, int((static_cast<long long>(x) + y) >> 1));
  CHECK_BITS(NthSet, u, reference_fns(x, y % 32, static_cast<int>(x % 7) - 3));
#undef CHECK_BITS
}

// Instructions that nvcc rarely makes of C++, by themselves.
__global__ void rare_instructions(u32 a, u32 b, u64 c, u32* o, u64* w) {
  const int s = static_cast<int>(a);
  asm("bfe.u32 %0, %1, 4, 8;" : "=r"(o[0]) : "r"(a));
  asm("bfe.s32 %0, %1, 28, 20;" : "=r"(o[1]) : "r"(a));
  asm("bfi.b32 %0, %1, %2, 8, 12;" : "=r"(o[2]) : "r"(a), "r"(b));
  asm("lop3.b32 %0, %1, %2, %3, 0xE8;" : "=r"(o[3]) : "r"(a), "r"(b), "r"(~a));
  asm("slct.u32.s32 %0, %1, %2, %3;" : "=r"(o[4]) : "r"(a), "r"(b), "r"(s));
  asm("set.lt.u32.s32 %0, %1, 0;" : "=r"(o[5]) : "r"(s));
  asm("mul24.lo.u32 %0, %1, %2;" : "=r"(o[6]) : "r"(a), "r"(b));
  asm("mad.hi.u32 %0, %1, %2, 1;" : "=r"(o[7]) : "r"(a), "r"(b));
  asm("bfind.u32 %0, %1;" : "=r"(o[8]) : "r"(b));
  asm("bfind.shiftamt.s32 %0, %1;" : "=r"(o[9]) : "r"(s));
  asm("cnot.b32 %0, %1;" : "=r"(o[10]) : "r"(a));
  asm("{ .reg .pred p, q; setp.lt.and.u32 p|q, %1, %2, 1; selp.u32 %0, 1, 2, q; }"
      : "=r"(o[11])
      : "r"(a), "r"(b));
  asm("add.cc.u32 %0, %2, %3; addc.u32 %1, 0, 7;" : "=r"(o[12]), "=r"(o[13]) : "r"(a), "r"(a));
  asm("sub.cc.u32 %0, %2, %3; subc.u32 %1, 9, 0;" : "=r"(o[14]), "=r"(o[15]) : "r"(b), "r"(a));
  asm("mad.lo.cc.u32 %0, %2, %3, %2; madc.hi.u32 %1, %2, %3, 0;"
      : "=r"(o[16]), "=r"(o[17])
      : "r"(a), "r"(b));
  asm("add.sat.s32 %0, %1, %1;" : "=r"(o[18]) : "r"(s));
  asm("{ .reg .b16 l, h; mov.b32 {l, h}, %1; mov.b32 %0, {h, l}; }" : "=r"(o[19]) : "r"(a));
  asm("{ .reg .pred p; testp.subnormal.f32 p, 0f00000001; selp.u32 %0, 5, 6, p; }" : "=r"(o[20]));
  asm("bfe.s64 %0, %1, 60, 4;" : "=l"(w[0]) : "l"(c));
  asm("mad.wide.u32 %0, %1, %2, %3;" : "=l"(w[1]) : "r"(a), "r"(b), "l"(c));
  asm("sad.u64 %0, %1, 5, 6;" : "=l"(w[2]) : "l"(c));
}

void test_rare_instructions() {
  const u32 a = 0x98765432, b = 0x0FEDCBA9;
  const u64 c = 0x9234567890ABCDEF;
  DeviceArray<u32> o(21);
  DeviceArray<u64> w(3);
  rare_instructions<<<1, 1>>>(a, b, c, o.data(), w.data());
  CHECK(o.values() == (std::vector<u32>{0x43,
                                        0xFFFFFFF9,
                                        (b & 0xFFF000FF) | (a & 0xFFF) << 8,
                                        (a & b) | (a & ~a) | (b & ~a),
                                        b,
                                        0xFFFFFFFF,
                                        (a & 0xFFFFFF) * (b & 0xFFFFFF),
                                        u32(u64{a} * b >> 32) + 1,
                                        27,
                                        1,
                                        0,
                                        1,
                                        a + a,
                                        8,
                                        b - a,
                                        8,
                                        u32(u64{a} * b + a),
                                        u32((u64{a} * b + a) >> 32),
                                        0x80000000,
                                        0x54329876,
                                        5}));
  CHECK(w.values() == (std::vector<u64>{~0ull - 6, u64{a} * b + c, c - 5 + 6}));
}

// --- conversions -----------------------------------------------------------------------------

enum Mode { kNearest, kZero, kDown, kUp };

double whole(double v, int mode) {
  return mode == kNearest ? std::nearbyint(v)
         : mode == kZero  ? std::trunc(v)
         : mode == kDown  ? std::floor(v)
                          : std::ceil(v);
}
// Clamped; NaN is 0, or the least number of 64 bits.
template <class T>
T to_whole(double v, int mode) {
  using L = std::numeric_limits<T>;
  if (std::isnan(v)) return sizeof(T) == 8 ? static_cast<T>(1ull << 63) : T(0);
  const double w = whole(v, mode);
  if (w >= std::ldexp(1.0, L::digits)) return L::max();
  return w < static_cast<double>(L::min()) ? L::min() : static_cast<T>(w);
}
template <class To, class From>
To with_rounding(From v, int mode) {
  const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
  std::fesetround(modes[mode]);
  volatile From before = v;
  volatile To after = static_cast<To>(before);
  std::fesetround(FE_TONEAREST);
  return after;
}

#define CONVERSION(Name, From, suffix)             \
  struct Name {                                    \
    __device__ static auto of(From x, int mode) {  \
      return mode == kNearest ? __##suffix##_rn(x) \
             : mode == kZero  ? __##suffix##_rz(x) \
             : mode == kDown  ? __##suffix##_rd(x) \
                              : __##suffix##_ru(x); \
    }                                              \
  };
CONVERSION(FloatToInt, float, float2int)
CONVERSION(FloatToUint, float, float2uint)
CONVERSION(FloatToLong, float, float2ll)
CONVERSION(FloatToUlong, float, float2ull)
CONVERSION(DoubleToInt, double, double2int)
CONVERSION(DoubleToUint, double, double2uint)
CONVERSION(DoubleToLong, double, double2ll)
CONVERSION(DoubleToUlong, double, double2ull)
CONVERSION(DoubleToFloat, double, double2float)
CONVERSION(IntToFloat, int, int2float)
CONVERSION(UintToFloat, u32, uint2float)
CONVERSION(LongToFloat, long long, ll2float)
CONVERSION(UlongToFloat, u64, ull2float)
CONVERSION(LongToDouble, long long, ll2double)
CONVERSION(UlongToDouble, u64, ull2double)

template <class T>
std::vector<T> decimals() {
  using L = std::numeric_limits<T>;
  std::vector<T> v = {T(0),
                      T(0.3),
                      T(0.5),
                      T(1.5),
                      T(2.5),
                      T(1.0),
                      T(254.7),
                      T(1e5),
                      T(2147483520.0),
                      T(2147483647.5),
                      T(2147483648.0),
                      T(4294967295.5),
                      T(4294967296.0),
                      T(9.2e18),
                      T(9223372036854775807.0),
                      T(1.8e19),
                      T(1.9e19),
                      T(1e30),
                      T(1.0000000596),
                      T(1e-40),
                      T(65504),
                      T(65519.9),
                      T(65520),
                      T(6e-8),
                      T(3.1e-8),
                      T(2.9e-8),
                      T(0.1),
                      L::max(),
                      L::min(),
                      L::denorm_min(),
                      L::infinity()};
  const std::size_t n = v.size();
  for (std::size_t i = 0; i < n; ++i) v.push_back(-v[i]);
  v.push_back(L::quiet_NaN());
  return v;
}

void test_conversions() {
  const std::vector<int> modes = {kNearest, kZero, kDown, kUp};
  const std::vector<float> f = decimals<float>();
  const std::vector<double> d = decimals<double>();
  check_pairs<FloatToInt>("FloatToInt", f, modes, to_whole<int>);
  check_pairs<FloatToUint>("FloatToUint", f, modes, to_whole<u32>);
  check_pairs<FloatToLong>("FloatToLong", f, modes, to_whole<long long>);
  check_pairs<FloatToUlong>("FloatToUlong", f, modes, to_whole<u64>);
  check_pairs<DoubleToInt>("DoubleToInt", d, modes, to_whole<int>);
  check_pairs<DoubleToUint>("DoubleToUint", d, modes, to_whole<u32>);
  check_pairs<DoubleToLong>("DoubleToLong", d, modes, to_whole<long long>);
  check_pairs<DoubleToUlong>("DoubleToUlong", d, modes, to_whole<u64>);
  check_pairs<DoubleToFloat>("DoubleToFloat", d, modes, with_rounding<float, double>);
  check_pairs<IntToFloat>("IntToFloat", edges<int>(), modes, with_rounding<float, int>);
  check_pairs<UintToFloat>("UintToFloat", edges<u32>(), modes, with_rounding<float, u32>);
  check_pairs<LongToFloat>("LongToFloat", edges<long long>(), modes,
                           with_rounding<float, long long>);
  check_pairs<UlongToFloat>("UlongToFloat", edges<u64>(), modes, with_rounding<float, u64>);
  check_pairs<LongToDouble>("LongToDouble", edges<long long>(), modes,
                            with_rounding<double, long long>);
  check_pairs<UlongToDouble>("UlongToDouble", edges<u64>(), modes, with_rounding<double, u64>);
}

// Casts between whole numbers of all sizes, by way of one another.
struct Casts {
  template <class T>
  __host__ __device__ static double of(T x, T y) {
    double sum = static_cast<double>(static_cast<std::int8_t>(x));
    sum += 1e3 * static_cast<double>(static_cast<std::uint8_t>(x));
    sum += 1e6 * static_cast<double>(static_cast<std::int16_t>(y));
    sum += static_cast<double>(static_cast<std::uint16_t>(y));
    sum += static_cast<double>(static_cast<std::int32_t>(x));
    sum += static_cast<double>(static_cast<std::uint32_t>(y));
    sum += static_cast<double>(static_cast<std::int64_t>(x) / 1000);
    return sum + static_cast<double>(x != 0) + static_cast<double>(static_cast<bool>(y));
  }
};

void test_casts() {
  const auto check = [](auto v) { CHECK_SAME(Casts, v, v); };
  check(edges<std::int8_t>());
  check(edges<std::uint16_t>());
  check(edges<std::int32_t>());
  check(edges<std::uint64_t>());
}

// --- rounding modes and halves ---------------------------------------------------------------

#define DIRECTED(Name, T, function)                                                \
  struct Name {                                                                    \
    __device__ static T of(T x, T y) {                                             \
      const T up = function##_ru(x, y), down = function##_rd(x, y);                \
      const T zero = function##_rz(x, y), near = function##_rn(x, y);              \
      return y == T(0.1) ? up : y == T(-0.1) ? down : y == T(254.7) ? zero : near; \
    }                                                                              \
  };
DIRECTED(AddFloat, float, __fadd)
DIRECTED(MultiplyFloat, float, __fmul)
DIRECTED(DivideFloat, float, __fdiv)
DIRECTED(AddDouble, double, __dadd)
DIRECTED(MultiplyDouble, double, __dmul)
DIRECTED(DivideDouble, double, __ddiv)

template <class T, class Op>
auto directed(Op op) {
  return [op](T x, T y) {
    std::fesetround(y == T(0.1)     ? FE_UPWARD
                    : y == T(-0.1)  ? FE_DOWNWARD
                    : y == T(254.7) ? FE_TOWARDZERO
                                    : FE_TONEAREST);
    volatile T a = x, b = y;
    volatile T r = op(a, b);
    std::fesetround(FE_TONEAREST);
    return static_cast<T>(r);
  };
}

void test_rounding() {
  const std::vector<float> f = decimals<float>();
  const std::vector<double> d = decimals<double>();
  const auto add = [](volatile auto& a, volatile auto& b) { return a + b; };
  const auto multiply = [](volatile auto& a, volatile auto& b) { return a * b; };
  const auto divide = [](volatile auto& a, volatile auto& b) { return a / b; };
  check_pairs<AddFloat>("AddFloat", f, f, directed<float>(add));
  check_pairs<MultiplyFloat>("MultiplyFloat", f, f, directed<float>(multiply));
  check_pairs<DivideFloat>("DivideFloat", f, f, directed<float>(divide));
  check_pairs<AddDouble>("AddDouble", d, d, directed<double>(add));
  check_pairs<MultiplyDouble>("MultiplyDouble", d, d, directed<double>(multiply));
  check_pairs<DivideDouble>("DivideDouble", d, d, directed<double>(divide));
}

struct HalfRoundTrip {
  __device__ static float of(float x, int mode) {
    return __half2float(mode == kNearest ? __float2half_rn(x)
                        : mode == kZero  ? __float2half_rz(x)
                        : mode == kDown  ? __float2half_rd(x)
                                         : __float2half_ru(x));
  }
};
// The nearest multiple of the step between halves, in the direction.
float reference_half(float x, int mode) {
  if (std::isnan(x) || std::isinf(x) || x == 0) return x;
  const double step = std::ldexp(1.0, std::max(std::ilogb(x), -14) - 10);
  double r = whole(x / step, mode) * step;
  if (std::fabs(r) > 65504) {
    const bool to_infinity = mode == kNearest || (mode == kUp && x > 0) || (mode == kDown && x < 0);
    r = std::copysign(to_infinity ? INFINITY : 65504.0, r);
  }
  return static_cast<float>(std::copysign(r, x));
}

void test_halves() {
  check_pairs<HalfRoundTrip>("HalfRoundTrip", decimals<float>(),
                             std::vector<int>{kNearest, kZero, kDown, kUp}, reference_half);
}

struct GreatestAndLeast {  // +0 is greater than -0, and a NaN loses
  __device__ static float of(float x, float y) { return fmaxf(x, y) - 2 * fminf(x, y); }
};
struct SignOfZero {
  __device__ static float of(float x, float y) { return 1 / fmaxf(x, y) + 1 / fminf(x, y); }
};

void test_extremes() {
  check_pairs<GreatestAndLeast>(
      "GreatestAndLeast", decimals<float>(), decimals<float>(),
      [](float x, float y) { return std::fmax(x, y) - 2 * std::fmin(x, y); });
  const std::vector<float> zeros = {0.0f, -0.0f};
  check_pairs<SignOfZero>("SignOfZero", zeros, zeros, [](float x, float y) {
    const bool both = std::signbit(x) == std::signbit(y);
    return both ? std::copysign(INFINITY, x) : NAN;
  });
}

}  // namespace

int main() {
  test("whole numbers of all sizes", test_integers);
  test("operations on bits", test_bit_operations);
  test("instructions that are rare in compiled code", test_rare_instructions);
  test("conversions in all rounding modes", test_conversions);
  test("casts between whole numbers", test_casts);
  test("arithmetic in all rounding modes", test_rounding);
  test("halves", test_halves);
  test("maximum and minimum", test_extremes);
  return check_result();
}
