// Elementwise kernels: loops around the definitions of backend/functors/elementwise.h.
#include <array>

#include "backend/cpu/cpu_kernels.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

// The op is known where this is compiled, so that the choice is made once and not for each element.
template <class T, Elementwise kOp>
[[gnu::flatten]] void loop(Operation<T> f, const T* a, const T* b, const T* c, T* out, Dim n) {
  constexpr int operands = operands_of(kOp);
  f.op = kOp;
  for (Dim i = 0; i < n; ++i) {
    out[i] =
        compute(f, operands > 0 ? a[i] : T(), operands > 1 ? b[i] : T(), operands > 2 ? c[i] : T());
  }
}

template <class T>
using Loop = void (*)(Operation<T>, const T*, const T*, const T*, T*, Dim);

template <class T, std::size_t... kOps>
constexpr std::array<Loop<T>, sizeof...(kOps)> loops(std::index_sequence<kOps...>) {
  return {loop<T, static_cast<Elementwise>(kOps)>...};
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

template <class T>
void apply(const Instruction& op, const T* a, const T* b, const T* c, T* out, Dim n) {
  constexpr std::size_t ops = static_cast<std::size_t>(Elementwise::select) + 1;
  static constexpr auto loop_of = loops<T>(std::make_index_sequence<ops>());
  loop_of[static_cast<std::size_t>(op.op)](Operation<T>(op), a, b, c, out, n);
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
  rows.push_back({"all_reduce", compile_copy});
}

}  // namespace hornet::cpu
