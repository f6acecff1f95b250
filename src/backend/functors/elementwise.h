// The definitions of the elementwise ops, one element at a time. NaN goes through everything;
// integers are computed in a wider type and wrap around.
#pragma once
#include "backend/functors/order.h"
#include "graph/fused.h"

namespace hornet {

// Truncates towards zero; NaN is 0 and what does not fit is the nearest number that does.
template <class From>
HORNET_FUNCTOR std::int32_t to_int32(From x) {
  if (is_nan(x)) return 0;
  if (x <= static_cast<From>(INT32_MIN)) return INT32_MIN;
  if (x >= static_cast<From>(INT32_MAX)) return INT32_MAX;
  return static_cast<std::int32_t>(x);
}

template <class To, class From>
HORNET_FUNCTOR To convert(From x) {
  if constexpr (std::is_integral_v<To> && !std::is_integral_v<From>) return to_int32(x);
  else return static_cast<To>(x);
}

// How many operands the op has.
constexpr HORNET_FUNCTOR int operands_of(Elementwise op) {
  return op == Elementwise::constant ? 0
         : op < Elementwise::add     ? 1
         : op < Elementwise::select  ? 2
                                     : 3;
}

// Functions that only real numbers have.
constexpr HORNET_FUNCTOR bool is_real_function(Elementwise op) {
  switch (op) {
    case Elementwise::exp:
    case Elementwise::log:
    case Elementwise::sqrt:
    case Elementwise::reciprocal:
    case Elementwise::sin:
    case Elementwise::cos:
    case Elementwise::round:
    case Elementwise::floor:
    case Elementwise::tanh:
    case Elementwise::sigmoid:
    case Elementwise::softplus:
    case Elementwise::elu:
    case Elementwise::div:
    case Elementwise::pow:
      return true;
    default:
      return false;
  }
}

inline bool has_elementwise(Elementwise op, DType type) {
  return type != DType::i32 || !is_real_function(op);
}

// An op with its attributes as elements of type T.
template <class T>
struct Operation {
  Elementwise op;
  T number, number2;

  Operation() = default;
  explicit Operation(const Instruction& instruction)
      : op(instruction.op),
        number(convert<T>(instruction.number)),
        number2(convert<T>(instruction.number2)) {}
};

template <class T>
HORNET_FUNCTOR inline T compute_real(const Operation<T>& f, T a, T b) {
  switch (f.op) {
    case Elementwise::exp:
      return std::exp(a);
    case Elementwise::log:
      return std::log(a);
    case Elementwise::sqrt:
      return std::sqrt(a);
    case Elementwise::reciprocal:
      return 1 / a;
    case Elementwise::sin:
      return std::sin(a);
    case Elementwise::cos:
      return std::cos(a);
    case Elementwise::round:
      return std::nearbyint(a);
    case Elementwise::floor:
      return std::floor(a);
    case Elementwise::tanh:
      return std::tanh(a);
    case Elementwise::sigmoid: {
      const T e = std::exp(-std::abs(a));  // of what is never positive: it cannot overflow
      return (a >= 0 ? 1 : e) / (1 + e);
    }
    case Elementwise::softplus:
      return (a < 0 ? 0 : a) + std::log1p(std::exp(-std::abs(a)));
    case Elementwise::elu:
      return a > 0 ? a : f.number * std::expm1(a);
    case Elementwise::div:
      return a / b;
    default:
      return std::pow(a, b);
  }
}

// f of its operands; those that it does not have are ignored.
template <class T>
HORNET_FUNCTOR inline T compute(const Operation<T>& f, T a, T b, T c) {
  if constexpr (std::is_floating_point_v<T>) {
    if (is_real_function(f.op)) return compute_real(f, a, b);
  }
  using W = std::conditional_t<std::is_integral_v<T>, std::int64_t, T>;
  switch (f.op) {
    case Elementwise::constant:
      return f.number;
    case Elementwise::neg:
      return static_cast<T>(-W(a));
    case Elementwise::abs:
      if constexpr (std::is_integral_v<T>) return static_cast<T>(a < 0 ? -W(a) : W(a));
      else return std::abs(a);
    case Elementwise::sign:
      return a > 0 ? T(1) : a < 0 ? T(-1) : a;
    case Elementwise::square:
      return static_cast<T>(W(a) * W(a));
    case Elementwise::relu:
      return a < 0 ? T(0) : a;
    case Elementwise::clip:
      return a < f.number ? f.number : a > f.number2 ? f.number2 : a;
    case Elementwise::add:
      return static_cast<T>(W(a) + W(b));
    case Elementwise::sub:
      return static_cast<T>(W(a) - W(b));
    case Elementwise::mul:
      return static_cast<T>(W(a) * W(b));
    case Elementwise::maximum:
      return a >= b || is_nan(a) ? a : b;
    case Elementwise::minimum:
      return a <= b || is_nan(a) ? a : b;
    case Elementwise::equal:
      return T(a == b);
    case Elementwise::not_equal:
      return T(a != b);
    case Elementwise::greater:
      return T(a > b);
    case Elementwise::greater_equal:
      return T(a >= b);
    case Elementwise::less:
      return T(a < b);
    case Elementwise::less_equal:
      return T(a <= b);
    default:
      return a != 0 ? b : c;  // select
  }
}

}  // namespace hornet
