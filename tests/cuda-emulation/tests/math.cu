// Mathematical functions of nvcc's device library, run by the interpreter, against the host's
// libm in the next wider type. The bounds are those of the CUDA programming guide, in units in
// the last place from the correctly rounded result, which itself is half a unit off at most.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tests/device.h"

// long double is only ever computed on the host.
#pragma nv_diag_suppress 20011, 20012, 20013, 20014, 20015, 20208

namespace {

#define FUNCTION(Name, expression)              \
  struct Name {                                 \
    template <class T>                          \
    __host__ __device__ static T of(T x, T y) { \
      using namespace std;                      \
      (void)y;                                  \
      return expression;                        \
    }                                           \
  };
FUNCTION(Exp, exp(x))
FUNCTION(Exp2, exp2(x))
FUNCTION(Expm1, expm1(x))
FUNCTION(Log, log(x))
FUNCTION(Log2, log2(x))
FUNCTION(Log10, log10(x))
FUNCTION(Log1p, log1p(x))
FUNCTION(Sqrt, sqrt(x))
FUNCTION(Cbrt, cbrt(x))
FUNCTION(Sin, sin(x))
FUNCTION(Cos, cos(x))
FUNCTION(Tan, tan(x))
FUNCTION(Asin, asin(x))
FUNCTION(Acos, acos(x))
FUNCTION(Atan, atan(x))
FUNCTION(Sinh, sinh(x))
FUNCTION(Cosh, cosh(x))
FUNCTION(Tanh, tanh(x))
FUNCTION(Asinh, asinh(x))
FUNCTION(Acosh, acosh(x))
FUNCTION(Atanh, atanh(x))
FUNCTION(Erf, erf(x))
FUNCTION(Erfc, erfc(x))
FUNCTION(Lgamma, lgamma(x))
FUNCTION(Tgamma, tgamma(x))
FUNCTION(Floor, floor(x))
FUNCTION(Ceil, ceil(x))
FUNCTION(Trunc, trunc(x))
FUNCTION(Round, round(x))
FUNCTION(Rint, rint(x))
FUNCTION(Reciprocal, T(1) / x)
FUNCTION(Absolute, fabs(x))
FUNCTION(Divide, x / y)
FUNCTION(Multiply, x* y)
FUNCTION(Add, x + y)
FUNCTION(Fused, fma(x, y, x))
FUNCTION(Pow, pow(x, y))
FUNCTION(Atan2, atan2(x, y))
FUNCTION(Hypot, hypot(x, y))
FUNCTION(Fmod, fmod(x, y))
FUNCTION(Fmax, fmax(x, y) + T(0))  // C lets the sign of a zero open
FUNCTION(Fmin, fmin(x, y) + T(0))
FUNCTION(CopySign, copysign(x, y))

template <class F, class T>
__global__ void evaluate(const T* x, const T* y, T* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = F::of(x[i], y[i]);
}

constexpr double kRounding = 0.5 + 1e-3;  // and what the wider type rounds

template <class T>
using Wider = std::conditional_t<std::is_same_v<T, float>, double, long double>;

template <class T>
double error_in_ulps(T got, Wider<T> exact) {
  const T rounded = static_cast<T>(exact);
  if (std::isnan(exact) || std::isnan(got)) return std::isnan(exact) && std::isnan(got) ? 0 : 1e9;
  if (std::isinf(rounded) || std::isinf(got)) {
    if (got == rounded) return 0;
    // Around the greatest number, one side may have overflowed already.
    const T other = std::isinf(got) ? rounded : got;
    return std::fabs(other) >= std::numeric_limits<T>::max() ? 1 : 1e9;
  }
  if (got == 0 && rounded == 0 && exact == 0)
    return std::signbit(got) == std::signbit(exact) ? 0 : 1e9;
  const T magnitude = std::max(std::fabs(rounded), std::numeric_limits<T>::min());
  const Wider<T> ulp =
      std::ldexp(Wider<T>(1), std::ilogb(magnitude) + 1 - std::numeric_limits<T>::digits);
  return static_cast<double>(std::fabs(static_cast<Wider<T>>(got) - exact) / ulp);
}

template <class T>
std::vector<T> special_values() {
  using L = std::numeric_limits<T>;
  return {T(0),           -T(0),           T(1),          T(-1),
          T(0.5),         T(-0.5),         T(1.5),        T(2),
          T(-2),          T(2.5),          T(3),          T(-3),
          T(10),          T(-10),          T(88.5),       T(-88.5),
          T(1e-10),       T(-1e-10),       T(12345),      T(-1e7),
          T(1e10),        L::max(),        -L::max(),     L::min(),
          -L::min(),      L::denorm_min(), L::infinity(), -L::infinity(),
          L::quiet_NaN(), T(0.1)};
}

// Special values (pairs of all of them for y), and random numbers from [lo, hi].
template <class T>
void make_arguments(double lo, double hi, std::vector<T>* x, std::vector<T>* y) {
  const std::vector<T> special = special_values<T>();
  for (const T a : special)
    for (const T b : special) {
      x->push_back(a);
      y->push_back(b);
    }
  std::mt19937 random(7);
  std::uniform_real_distribution<double> in_range(lo, hi);
  for (int i = 0; i < 600; ++i) {
    x->push_back(static_cast<T>(in_range(random)));
    y->push_back(static_cast<T>(in_range(random)));
  }
}

template <class F, class T>
void check_function(const char* name, double lo, double hi, double bound) {
  std::vector<T> x, y;
  make_arguments(lo, hi, &x, &y);
  const int n = static_cast<int>(x.size());
  DeviceArray<T> dx(x), dy(y), out(n);
  evaluate<F><<<(n + 127) / 128, 128>>>(dx.data(), dy.data(), out.data(), n);
  const std::vector<T> got = out.values();
  double worst = 0;
  int at = 0;
  for (int i = 0; i < n; ++i) {
    const double error =
        error_in_ulps<T>(got[i], F::of(static_cast<Wider<T>>(x[i]), static_cast<Wider<T>>(y[i])));
    if (error > worst) {
      worst = error;
      at = i;
    }
  }
  if (!CHECK(worst <= bound + kRounding))
    std::printf("  %s of %.17g, %.17g: %.17g, %g ulp (allowed: %g)\n", name, double(x[at]),
                double(y[at]), double(got[at]), worst, bound);
}

template <class T>
void test_all(bool single) {
  const auto either = [&](double of_float, double of_double) {
    return single ? of_float : of_double;
  };
#define CHECK_FUNCTION(Name, lo, hi, of_float, of_double) \
  check_function<Name, T>(#Name, lo, hi, either(of_float, of_double))
  CHECK_FUNCTION(Exp, -80, 80, 2, 1);
  CHECK_FUNCTION(Exp2, -100, 100, 2, 1);
  CHECK_FUNCTION(Expm1, -5, 50, 1, 1);
  CHECK_FUNCTION(Log, 0, 100, 1, 1);
  CHECK_FUNCTION(Log2, 0, 100, 1, 1);
  CHECK_FUNCTION(Log10, 0, 100, 2, 1);
  CHECK_FUNCTION(Log1p, -1, 10, 1, 1);
  CHECK_FUNCTION(Sqrt, 0, 1e6, 0, 0);
  CHECK_FUNCTION(Cbrt, -1e3, 1e3, 1, 1);
  CHECK_FUNCTION(Sin, -30, 30, 2, 2);
  CHECK_FUNCTION(Cos, -30, 30, 2, 2);
  CHECK_FUNCTION(Tan, -30, 30, 4, 2);
  CHECK_FUNCTION(Asin, -1, 1, 2, 2);
  CHECK_FUNCTION(Acos, -1, 1, 2, 2);
  CHECK_FUNCTION(Atan, -10, 10, 2, 2);
  CHECK_FUNCTION(Sinh, -20, 20, 3, 2);
  CHECK_FUNCTION(Cosh, -20, 20, 2, 1);
  CHECK_FUNCTION(Tanh, -10, 10, 2, 1);
  CHECK_FUNCTION(Asinh, -1e3, 1e3, 3, 3);
  CHECK_FUNCTION(Acosh, 1, 1e3, 4, 3);
  CHECK_FUNCTION(Atanh, -1, 1, 3, 2);
  CHECK_FUNCTION(Erf, -4, 4, 2, 2);
  CHECK_FUNCTION(Erfc, -4, 9, 4, 5);
  CHECK_FUNCTION(Lgamma, 0, 50, 6, 4);
  CHECK_FUNCTION(Tgamma, 0, 30, 5, 10);
  CHECK_FUNCTION(Floor, -1e3, 1e3, 0, 0);
  CHECK_FUNCTION(Ceil, -1e3, 1e3, 0, 0);
  CHECK_FUNCTION(Trunc, -1e3, 1e3, 0, 0);
  CHECK_FUNCTION(Round, -1e3, 1e3, 0, 0);
  CHECK_FUNCTION(Rint, -1e3, 1e3, 0, 0);
  CHECK_FUNCTION(Reciprocal, -10, 10, 0, 0);
  CHECK_FUNCTION(Absolute, -10, 10, 0, 0);
  CHECK_FUNCTION(Divide, -10, 10, 0, 0);
  CHECK_FUNCTION(Multiply, -1e5, 1e5, 0, 0);
  CHECK_FUNCTION(Add, -1e5, 1e5, 0, 0);
  CHECK_FUNCTION(Fused, -1e5, 1e5, 0, 0);
  CHECK_FUNCTION(Pow, 0, 20, 4, 2);
  CHECK_FUNCTION(Atan2, -10, 10, 3, 2);
  CHECK_FUNCTION(Hypot, -100, 100, 3, 2);
  CHECK_FUNCTION(Fmod, -100, 100, 0, 0);
  CHECK_FUNCTION(Fmax, -1, 1, 0, 0);
  CHECK_FUNCTION(Fmin, -1, 1, 0, 0);
  CHECK_FUNCTION(CopySign, -1, 1, 0, 0);
#undef CHECK_FUNCTION
}

}  // namespace

int main() {
  test("functions of float", [] { test_all<float>(true); });
  test("functions of double", [] { test_all<double>(false); });
  return check_result();
}
