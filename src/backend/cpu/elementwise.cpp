// Elementwise kernels. apply() holds every definition; the fused op runs it on pieces.
#include <limits>

#include "backend/cpu/cpu_kernels.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

template <class T, class F>
void map(const T* a, T* out, Dim n, F f) {
  for (Dim i = 0; i < n; ++i) out[i] = f(a[i]);
}
template <class T, class F>
void map(const T* a, const T* b, T* out, Dim n, F f) {
  for (Dim i = 0; i < n; ++i) out[i] = f(a[i], b[i]);
}

// Functions that only real numbers have. False if `op` is none of them.
template <class T>
bool apply_real(const Instruction& op, const T* a, const T* b, T* out, Dim n) {
  switch (op.op) {
    case Elementwise::exp:
      map(a, out, n, [](T x) { return std::exp(x); });
      return true;
    case Elementwise::log:
      map(a, out, n, [](T x) { return std::log(x); });
      return true;
    case Elementwise::sqrt:
      map(a, out, n, [](T x) { return std::sqrt(x); });
      return true;
    case Elementwise::reciprocal:
      map(a, out, n, [](T x) { return 1 / x; });
      return true;
    case Elementwise::sin:
      map(a, out, n, [](T x) { return std::sin(x); });
      return true;
    case Elementwise::cos:
      map(a, out, n, [](T x) { return std::cos(x); });
      return true;
    case Elementwise::round:
      map(a, out, n, [](T x) { return std::nearbyint(x); });
      return true;
    case Elementwise::floor:
      map(a, out, n, [](T x) { return std::floor(x); });
      return true;
    case Elementwise::tanh:
      map(a, out, n, [](T x) { return std::tanh(x); });
      return true;
    case Elementwise::sigmoid:
      // The exponent is never positive, so that it cannot overflow.
      map(a, out, n, [](T x) {
        const T e = std::exp(-std::abs(x));
        return (x >= 0 ? 1 : e) / (1 + e);
      });
      return true;
    case Elementwise::softplus:
      map(a, out, n, [](T x) { return (x < 0 ? 0 : x) + std::log1p(std::exp(-std::abs(x))); });
      return true;
    case Elementwise::elu: {
      const T alpha = static_cast<T>(op.number);
      map(a, out, n, [alpha](T x) { return x > 0 ? x : alpha * std::expm1(x); });
      return true;
    }
    case Elementwise::div:
      map(a, b, out, n, [](T x, T y) { return x / y; });
      return true;
    case Elementwise::pow:
      map(a, b, out, n, [](T x, T y) { return std::pow(x, y); });
      return true;
    default:
      return false;
  }
}

// Truncates towards zero; NaN is 0 and what does not fit is the nearest number that does.
std::int32_t to_int32(double x) {
  if (std::isnan(x)) return 0;
  if (x <= std::numeric_limits<std::int32_t>::min()) {
    return std::numeric_limits<std::int32_t>::min();
  }
  if (x >= std::numeric_limits<std::int32_t>::max()) {
    return std::numeric_limits<std::int32_t>::max();
  }
  return static_cast<std::int32_t>(x);
}

template <class To, class From>
To convert(From x) {
  if constexpr (std::is_integral_v<To> && !std::is_integral_v<From>) return to_int32(x);
  else return static_cast<To>(x);
}

std::unique_ptr<Kernel> compile_elementwise(const BoundNode& node) {
  Instruction op;
  if (!elementwise_code(node.node->op->name, &op.op)) return nullptr;
  if (op.op == Elementwise::elu) op.number = node.node->attrs.real("alpha");
  if (op.op == Elementwise::clip) {
    op.number = node.node->attrs.real("min");
    op.number2 = node.node->attrs.real("max");
  }
  const DType type = node.outputs[0].dtype;
  for (const TensorSpec& input : node.inputs)
    if (input.dtype != type) return nullptr;
  if (!has_elementwise(op.op, type)) return nullptr;
  const std::size_t operands = node.inputs.size();
  return for_types(type, [op, operands](auto zero) {
    using T = decltype(zero);
    return kernel([op, operands](const Tensor* in, const Tensor* out, void*) {
      const T* a = in[0].as<T>();
      const T* b = operands > 1 ? in[1].as<T>() : a;
      T* y = out[0].as<T>();
      parallel_for(out[0].numel(), kGrain, [&](Dim begin, Dim end) {
        apply<T>(op, a + begin, b + begin, a + begin, y + begin, end - begin);
      });
    });
  });
}

// The condition may be of another type than the values.
std::unique_ptr<Kernel> compile_select(const BoundNode& node) {
  const DType type = node.outputs[0].dtype;
  if (node.inputs[1].dtype != type || node.inputs[2].dtype != type) return nullptr;
  return for_types(node.inputs[0].dtype, [type](auto condition_zero) {
    using C = decltype(condition_zero);
    return for_types(type, [](auto zero) {
      using T = decltype(zero);
      return kernel([](const Tensor* in, const Tensor* out, void*) {
        const C* condition = in[0].as<C>();
        const T* a = in[1].as<T>();
        const T* b = in[2].as<T>();
        T* y = out[0].as<T>();
        parallel_for(out[0].numel(), kGrain, [&](Dim begin, Dim end) {
          for (Dim i = begin; i < end; ++i) y[i] = condition[i] != 0 ? a[i] : b[i];
        });
      });
    });
  });
}

std::unique_ptr<Kernel> compile_cast(const BoundNode& node) {
  const DType to = node.outputs[0].dtype;
  return for_types(node.inputs[0].dtype, [to](auto from_zero) {
    using From = decltype(from_zero);
    return for_types(to, [](auto zero) {
      using To = decltype(zero);
      return kernel([](const Tensor* in, const Tensor* out, void*) {
        const From* x = in[0].as<From>();
        To* y = out[0].as<To>();
        parallel_for(out[0].numel(), kGrain, [&](Dim begin, Dim end) {
          for (Dim i = begin; i < end; ++i) y[i] = convert<To>(x[i]);
        });
      });
    });
  });
}

std::unique_ptr<Kernel> compile_copy(const BoundNode&) {
  return kernel([](const Tensor* in, const Tensor* out, void*) {
    if (out[0].data != in[0].data) std::memcpy(out[0].data, in[0].data, out[0].bytes());
  });
}

}  // namespace

bool has_elementwise(Elementwise op, DType type) {
  if (type != DType::i32) return true;
  // With no elements nothing is computed: only the question whether the op is among them.
  return !apply_real<float>({op}, nullptr, nullptr, nullptr, 0);
}

template <class T>
void apply(const Instruction& op, const T* a, const T* b, const T* c, T* out, Dim n) {
  if constexpr (std::is_floating_point_v<T>) {
    if (apply_real(op, a, b, out, n)) return;
  }
  // Integers are computed in a wider type and wrap around.
  using W = std::conditional_t<std::is_integral_v<T>, std::int64_t, T>;
  switch (op.op) {
    case Elementwise::constant: {
      const T value = convert<T>(op.number);
      for (Dim i = 0; i < n; ++i) out[i] = value;
      return;
    }
    case Elementwise::neg:
      return map(a, out, n, [](T x) { return static_cast<T>(-W(x)); });
    case Elementwise::abs:
      if constexpr (std::is_integral_v<T>) {
        return map(a, out, n, [](T x) { return static_cast<T>(x < 0 ? -W(x) : W(x)); });
      } else {
        return map(a, out, n, [](T x) { return std::abs(x); });
      }
    case Elementwise::sign:
      return map(a, out, n, [](T x) { return x > 0 ? T(1) : x < 0 ? T(-1) : x; });
    case Elementwise::square:
      return map(a, out, n, [](T x) { return static_cast<T>(W(x) * W(x)); });
    case Elementwise::relu:
      return map(a, out, n, [](T x) { return x < 0 ? T(0) : x; });
    case Elementwise::clip: {
      const T min = convert<T>(op.number), max = convert<T>(op.number2);
      return map(a, out, n, [min, max](T x) { return x < min ? min : x > max ? max : x; });
    }
    case Elementwise::add:
      return map(a, b, out, n, [](T x, T y) { return static_cast<T>(W(x) + W(y)); });
    case Elementwise::sub:
      return map(a, b, out, n, [](T x, T y) { return static_cast<T>(W(x) - W(y)); });
    case Elementwise::mul:
      return map(a, b, out, n, [](T x, T y) { return static_cast<T>(W(x) * W(y)); });
    case Elementwise::maximum:
      return map(a, b, out, n, [](T x, T y) { return x >= y || is_nan(x) ? x : y; });
    case Elementwise::minimum:
      return map(a, b, out, n, [](T x, T y) { return x <= y || is_nan(x) ? x : y; });
    case Elementwise::equal:
      return map(a, b, out, n, [](T x, T y) { return T(x == y); });
    case Elementwise::not_equal:
      return map(a, b, out, n, [](T x, T y) { return T(x != y); });
    case Elementwise::greater:
      return map(a, b, out, n, [](T x, T y) { return T(x > y); });
    case Elementwise::greater_equal:
      return map(a, b, out, n, [](T x, T y) { return T(x >= y); });
    case Elementwise::less:
      return map(a, b, out, n, [](T x, T y) { return T(x < y); });
    case Elementwise::less_equal:
      return map(a, b, out, n, [](T x, T y) { return T(x <= y); });
    case Elementwise::select:
      for (Dim i = 0; i < n; ++i) out[i] = a[i] != 0 ? b[i] : c[i];
      return;
    default:
      return;  // apply_real() did it, or has_elementwise() said no
  }
}

template void apply(const Instruction&, const float*, const float*, const float*, float*, Dim);
template void apply(const Instruction&, const double*, const double*, const double*, double*, Dim);
template void apply(const Instruction&, const std::int32_t*, const std::int32_t*,
                    const std::int32_t*, std::int32_t*, Dim);

void add_elementwise_kernels(KernelRows& rows) {
  for (const char* op :
       {"neg",           "abs",  "sign",      "exp",     "log",   "sqrt",      "square",
        "reciprocal",    "sin",  "cos",       "round",   "floor", "tanh",      "sigmoid",
        "softplus",      "relu", "elu",       "clip",    "add",   "sub",       "mul",
        "div",           "pow",  "maximum",   "minimum", "equal", "not_equal", "greater",
        "greater_equal", "less", "less_equal"}) {
    rows.push_back({op, compile_elementwise});
  }
  rows.push_back({"select", compile_select});
  rows.push_back({"cast", compile_cast});
  rows.push_back({"stop_gradient", compile_copy});
}

}  // namespace hornet::cpu
