// Elementary functions of a register, to about one unit in the last place, right at infinities,
// NaN and denormals. Coefficients are minimax fits on the reduced ranges (relative error < 6e-9).

HORNET_INLINE Vec abs(Vec x) { return bit_and(x, as_float(iset1(0x7fffffff))); }
HORNET_INLINE Vec sign_bit(Vec x) {
  return bit_and(x, as_float(iset1(static_cast<int>(1u << 31))));
}
// NaN wins.
HORNET_INLINE Vec maximum(Vec a, Vec b) { return select(is_nan(a), a, max_or(a, b)); }
HORNET_INLINE Vec minimum(Vec a, Vec b) { return select(is_nan(a), a, min_or(a, b)); }

// 2^n for n in [-126, 127].
HORNET_INLINE Vec power_of_two(IVec n) { return as_float(shift_left<23>(iadd(n, iset1(127)))); }

// x = n ln 2 + r with |r| <= ln 2 / 2; returns r^2 q(r) + r = exp(r) - 1. x in [-104, 89] or NaN.
HORNET_INLINE Vec reduced_expm1(Vec x, IVec* n) {
  const Vec rounded = round_even(mul(x, set1(1.44269504f)));
  *n = to_int(rounded);
  Vec r = fnma(rounded, set1(0.693359375f), x);  // the high part has few bits
  r = fnma(rounded, set1(-2.12194440e-4f), r);
  Vec q = set1(1.381460132e-03f);
  q = fma(q, r, set1(8.368715276e-03f));
  q = fma(q, r, set1(4.166838790e-02f));
  q = fma(q, r, set1(1.666652064e-01f));
  q = fma(q, r, set1(4.999999345e-01f));
  return fma(mul(r, r), q, r);
}

HORNET_INLINE Vec exp(Vec x) {
  // Constants first: a NaN in x comes out of min_or and max_or.
  x = max_or(set1(-104.0f), min_or(set1(89.0f), x));
  IVec n;
  const Vec y = add(reduced_expm1(x, &n), set1(1));
  // Two factors, since 2^n alone may overflow or be denormal where the result is not.
  const IVec half = shift_right_signed<1>(n);
  return mul(mul(y, power_of_two(half)), power_of_two(isub(n, half)));
}

// exp(x) - 1 for x <= 0.
HORNET_INLINE Vec expm1_negative(Vec x) {
  x = max_or(set1(-87.0f), x);
  IVec n;
  const Vec y = reduced_expm1(x, &n);
  const Vec scale = power_of_two(n);
  return fma(y, scale, sub(scale, set1(1)));
}

HORNET_INLINE Vec log(Vec x) {
  const Mask tiny = less(x, set1(1.17549435e-38f));
  const Vec scaled = select(tiny, mul(x, set1(8388608.0f)), x);
  // The mantissa goes to [sqrt(1/2), sqrt(2)).
  const IVec bits = isub(as_int(scaled), iset1(0x3f3504f3));
  const IVec exponent = shift_right_signed<23>(bits);
  const Vec m = as_float(isub(as_int(scaled), shift_left<23>(exponent)));
  const Vec e = sub(to_float(exponent), keep(tiny, set1(23)));
  const Vec f = sub(m, set1(1));
  Vec p = set1(-7.634474389e-02f);
  p = fma(p, f, set1(1.276156815e-01f));
  p = fma(p, f, set1(-1.316018659e-01f));
  p = fma(p, f, set1(1.420175949e-01f));
  p = fma(p, f, set1(-1.662335706e-01f));
  p = fma(p, f, set1(2.000122681e-01f));
  p = fma(p, f, set1(-2.500082104e-01f));
  p = fma(p, f, set1(3.333333171e-01f));
  const Vec square = mul(f, f);
  Vec y = mul(mul(f, square), p);
  y = fma(e, set1(-2.12194440e-4f), y);
  y = fnma(square, set1(0.5f), y);
  y = fma(e, set1(0.693359375f), add(f, y));
  const Vec infinity = set1(__builtin_inff());
  y = select(equal(x, infinity), x, y);
  y = select(equal(x, zero()), set1(-__builtin_inff()), y);
  return select(less_equal(zero(), x), y, set1(__builtin_nanf("")));  // negative or NaN
}

HORNET_INLINE Vec tanh(Vec x) {
  const Vec size = abs(x);
  const Vec z = mul(x, x);
  Vec p = set1(-5.717042150e-03f);
  p = fma(p, z, set1(2.065058447e-02f));
  p = fma(p, z, set1(-5.374349713e-02f));
  p = fma(p, z, set1(1.333149127e-01f));
  p = fma(p, z, set1(-3.333328392e-01f));
  const Vec small = fma(mul(x, z), p, x);
  const Vec large = sub(set1(1), div(set1(2), add(exp(add(size, size)), set1(1))));
  return select(less(size, set1(0.625f)), small, bit_or(large, sign_bit(x)));
}

HORNET_INLINE Vec sigmoid(Vec x) {
  const Vec e = exp(sub(zero(), abs(x)));  // never above 1
  return div(select(less(x, zero()), e, set1(1)), add(set1(1), e));
}

// max(x, 0) + log(1 + exp(-|x|)); the rounding of 1 + e is put back.
HORNET_INLINE Vec softplus(Vec x) {
  const Vec e = exp(sub(zero(), abs(x)));
  const Vec u = add(set1(1), e);
  const Vec lost = sub(e, sub(u, set1(1)));
  return add(max_or(zero(), x), add(log(u), div(lost, u)));
}

// max(x, 0); a NaN is the second operand and comes out.
HORNET_INLINE Vec relu(Vec x) { return max_or(zero(), x); }
