// Arithmetic of floating point numbers. Approximate instructions give the rounded exact result,
// which is within the error that PTX allows them.
#include <cmath>
#include <limits>

#include "ptx/handlers.h"
#include "ptx/rounding.h"
#include "ptx/thread.h"

namespace cuda_emulation::ptx {
namespace {

template <class T>
bool is_subnormal(T v) {
  return v != T{0} &&
         std::fabs(static_cast<double>(v)) < static_cast<double>(std::numeric_limits<T>::min());
}
template <>
bool is_subnormal(half v) {
  return v != half{0} && std::fabs(static_cast<double>(v)) < 0x1p-14;
}

template <class T>
T flushed(T v) {
  return is_subnormal(v) ? static_cast<T>(std::copysign(0.0f, static_cast<float>(v))) : v;
}

template <class T>
T operand(const Thread& t, const Instruction& i, Operand o) {
  const T v = t.read<T>(o);
  return i.flush ? flushed(v) : v;
}

constexpr std::uint32_t kNanBits = 0x7FFFFFFF;  // the only NaN that float arithmetic gives

template <class T>
void result(Thread& t, const Instruction& i, T v) {
  if (i.flush) v = flushed(v);
  if (i.saturate) v = !(v > T{0}) ? T{0} : v > T{1} ? T{1} : v;
  if constexpr (std::is_same_v<T, float>)
    if (v != v) v = from_bits<float>(kNanBits);
  t.write<T>(i.d, v);
}

// --- operations; half is computed as float, which is exact enough to round once
// -------------------

struct Add {
  template <class T>
  static T of(T a, T b) {
    return a + b;
  }
};
struct Subtract {
  template <class T>
  static T of(T a, T b) {
    return a - b;
  }
};
struct Multiply {
  template <class T>
  static T of(T a, T b) {
    return a * b;
  }
};
struct Divide {
  template <class T>
  static T of(T a, T b) {
    return a / b;
  }
};
struct FusedMultiplyAdd {
  static float of(float a, float b, float c) { return std::fma(a, b, c); }
  static double of(double a, double b, double c) { return std::fma(a, b, c); }
  static half of(half a, half b, half c) {
    return static_cast<half>(
        std::fma(static_cast<double>(a), static_cast<double>(b), static_cast<double>(c)));
  }
};
// -0 is less than +0; a NaN loses against a number.
struct Minimum {
  template <class T>
  static T of(T a, T b) {
    if (a != a) return b;
    if (b != b) return a;
    return a < b || (a == b && std::signbit(static_cast<double>(a))) ? a : b;
  }
};
struct Maximum {
  template <class T>
  static T of(T a, T b) {
    if (a != a) return b;
    if (b != b) return a;
    return a > b || (a == b && !std::signbit(static_cast<double>(a))) ? a : b;
  }
};
template <class Op>
struct OrNan {
  template <class T>
  static T of(T a, T b) {
    return a != a ? a : b != b ? b : Op::of(a, b);
  }
};
struct CopySign {  // of the first operand
  template <class T>
  static T of(T a, T b) {
    return std::copysign(b, a);
  }
};

struct SquareRoot {
  template <class T>
  static T of(T a) {
    return std::sqrt(a);
  }
};
struct Reciprocal {
  template <class T>
  static T of(T a) {
    return T{1} / a;
  }
};
struct ReciprocalRoot {
  template <class T>
  static T of(T a) {
    return static_cast<T>(1.0 / std::sqrt(static_cast<double>(a)));
  }
};
struct Exponential2 {
  template <class T>
  static T of(T a) {
    return static_cast<T>(std::exp2(static_cast<double>(a)));
  }
};
struct Logarithm2 {
  template <class T>
  static T of(T a) {
    return static_cast<T>(std::log2(static_cast<double>(a)));
  }
};
struct Sine {
  template <class T>
  static T of(T a) {
    return static_cast<T>(std::sin(static_cast<double>(a)));
  }
};
struct Cosine {
  template <class T>
  static T of(T a) {
    return static_cast<T>(std::cos(static_cast<double>(a)));
  }
};
struct HyperbolicTangent {
  template <class T>
  static T of(T a) {
    return static_cast<T>(std::tanh(static_cast<double>(a)));
  }
};

// --- handlers: the plain ones round to nearest, as the processor does anyway
// ----------------------

template <class Op>
struct Unary {
  template <class T>
  struct Of {
    static void run(Thread& t, const Instruction& i) {
      result<T>(t, i, Op::of(operand<T>(t, i, i.a)));
    }
  };
};
template <class Op>
struct Binary {
  template <class T>
  struct Of {
    static void run(Thread& t, const Instruction& i) {
      result<T>(t, i, Op::of(operand<T>(t, i, i.a), operand<T>(t, i, i.b)));
    }
  };
};
template <class Op>
struct Ternary {
  template <class T>
  struct Of {
    static void run(Thread& t, const Instruction& i) {
      result<T>(t, i, Op::of(operand<T>(t, i, i.a), operand<T>(t, i, i.b), operand<T>(t, i, i.c)));
    }
  };
};

template <class Op>
struct DirectedUnary {
  template <class T>
  struct Of {
    static void run(Thread& t, const Instruction& i) {
      const RoundingScope scope(i.rounding);
      volatile T a = operand<T>(t, i, i.a);
      volatile T r = Op::of(static_cast<T>(a));
      result<T>(t, i, r);
    }
  };
};
template <class Op>
struct DirectedBinary {
  template <class T>
  struct Of {
    static void run(Thread& t, const Instruction& i) {
      const RoundingScope scope(i.rounding);
      volatile T a = operand<T>(t, i, i.a), b = operand<T>(t, i, i.b);
      volatile T r = Op::of(static_cast<T>(a), static_cast<T>(b));
      result<T>(t, i, r);
    }
  };
};
template <class Op>
struct DirectedTernary {
  template <class T>
  struct Of {
    static void run(Thread& t, const Instruction& i) {
      const RoundingScope scope(i.rounding);
      volatile T a = operand<T>(t, i, i.a), b = operand<T>(t, i, i.b), c = operand<T>(t, i, i.c);
      volatile T r = Op::of(static_cast<T>(a), static_cast<T>(b), static_cast<T>(c));
      result<T>(t, i, r);
    }
  };
};

template <class Op>
Handler unary(const Instruction& i) {
  return is_directed(i.rounding) ? pick<DirectedUnary<Op>::template Of, float, double>(i.type)
                                 : pick<Unary<Op>::template Of, float, double>(i.type);
}
template <class Op>
Handler binary(const Instruction& i) {
  return is_directed(i.rounding) ? pick<DirectedBinary<Op>::template Of, float, double>(i.type)
                                 : pick<Binary<Op>::template Of, half, float, double>(i.type);
}
template <class Op>
Handler ternary(const Instruction& i) {
  return is_directed(i.rounding) ? pick<DirectedTernary<Op>::template Of, float, double>(i.type)
                                 : pick<Ternary<Op>::template Of, half, float, double>(i.type);
}

// Signs are bits: a NaN keeps the rest of its bits.
template <class T>
struct Negate {
  static void run(Thread& t, const Instruction& i) {
    const std::uint64_t sign = std::uint64_t{1} << (sizeof(T) * 8 - 1);
    t.write(i.d, to_bits(operand<T>(t, i, i.a)) ^ sign);
  }
};
template <class T>
struct Absolute {
  static void run(Thread& t, const Instruction& i) {
    const std::uint64_t sign = std::uint64_t{1} << (sizeof(T) * 8 - 1);
    t.write(i.d, to_bits(operand<T>(t, i, i.a)) & ~sign);
  }
};

enum Test : std::uint8_t { kFinite, kInfinite, kNumber, kNotNumber, kNormal, kSubnormal };

template <class T>
struct TestProperty {
  static void run(Thread& t, const Instruction& i) {
    const T a = t.read<T>(i.a);
    bool is = false;
    switch (i.mode) {
      case kFinite:
        is = std::isfinite(a);
        break;
      case kInfinite:
        is = std::isinf(a);
        break;
      case kNumber:
        is = !std::isnan(a);
        break;
      case kNotNumber:
        is = std::isnan(a);
        break;
      case kNormal:
        is = std::isnormal(a);
        break;
      case kSubnormal:
        is = is_subnormal(a);
        break;
    }
    t.write<bool>(i.d, is);
  }
};

Handler find_test(const Opcode& opcode, Instruction& i) {
  constexpr std::string_view kTests[] = {"finite",     "infinite", "number",
                                         "notanumber", "normal",   "subnormal"};
  for (std::uint8_t k = 0; k < 6; ++k)
    if (opcode.has(kTests[k])) i.mode = k;
  return pick<TestProperty, float, double>(i.type);
}

}  // namespace

Handler find_floating(const Opcode& opcode, Instruction& i) {
  if (!is_float(i.type)) return nullptr;
  const std::string_view name = opcode.name;
  if (name == "add") return binary<Add>(i);
  if (name == "sub") return binary<Subtract>(i);
  if (name == "mul") return binary<Multiply>(i);
  if (name == "fma" || name == "mad") return ternary<FusedMultiplyAdd>(i);
  if (name == "div") return binary<Divide>(i);
  if (name == "min" || name == "max") {
    if (opcode.has("xorsign")) return nullptr;
    const bool nan = opcode.has("NaN");
    if (name == "min") return nan ? binary<OrNan<Minimum>>(i) : binary<Minimum>(i);
    return nan ? binary<OrNan<Maximum>>(i) : binary<Maximum>(i);
  }
  if (name == "neg") return pick<Negate, half, float, double>(i.type);
  if (name == "abs") return pick<Absolute, half, float, double>(i.type);
  if (name == "copysign") return pick<Binary<CopySign>::Of, float, double>(i.type);
  if (name == "sqrt") return unary<SquareRoot>(i);
  if (name == "rcp") return unary<Reciprocal>(i);
  if (name == "rsqrt") return unary<ReciprocalRoot>(i);
  if (name == "ex2") return pick<Unary<Exponential2>::Of, half, float>(i.type);
  if (name == "lg2") return pick<Unary<Logarithm2>::Of, float>(i.type);
  if (name == "sin") return pick<Unary<Sine>::Of, float>(i.type);
  if (name == "cos") return pick<Unary<Cosine>::Of, float>(i.type);
  if (name == "tanh") return pick<Unary<HyperbolicTangent>::Of, half, float>(i.type);
  if (name == "testp") return find_test(opcode, i);
  return nullptr;
}

}  // namespace cuda_emulation::ptx
