// Elementwise kernels: the definitions are in backend/functors/elementwise.h. One kernel for each
// element type looks at the op when it runs: all of its threads go the same way, and wait for
// memory in the meantime.
#include "backend/cuda/cuda_kernels.h"
#include "backend/cuda/skeletons.h"
#include "backend/cuda/types.h"
#include "backend/functors/elementwise.h"
#include "graph/op.h"

namespace hornet::cuda {
namespace {

template <class T>
struct Compute {
  Operation<T> f;
  const T *a, *b;
  T* y;

  HORNET_FUNCTOR void operator()(Dim i) const { y[i] = compute(f, a[i], b[i], T()); }
};

template <class Condition, class T>
struct Select {
  const Condition* condition;
  const T *a, *b;
  T* y;

  HORNET_FUNCTOR void operator()(Dim i) const { y[i] = condition[i] != 0 ? a[i] : b[i]; }
};

template <class From, class To>
struct Cast {
  const From* x;
  To* y;

  HORNET_FUNCTOR void operator()(Dim i) const { y[i] = convert<To>(x[i]); }
};

std::unique_ptr<Kernel> compile_elementwise(const BoundNode& node, const Queue& queue) {
  const Attrs& attrs = node.node->attrs;
  Instruction op;
  if (!elementwise_code(node.node->op->name, &op.op)) return nullptr;
  if (op.op == Elementwise::elu) op.number = attrs.real("alpha");
  if (op.op == Elementwise::clip) op.number = attrs.real("min"), op.number2 = attrs.real("max");
  const DType type = node.outputs[0].dtype;
  for (const TensorSpec& input : node.inputs)
    if (input.dtype != type) return nullptr;
  if (!has_elementwise(op.op, type)) return nullptr;
  const std::size_t last = node.inputs.size() - 1;
  return for_types(type, [&](auto zero) {
    using T = decltype(zero);
    const Operation<T> f(op);
    return kernel([&queue, f, last](const Tensor* in, const Tensor* out, void*) {
      for_each(queue, out[0].numel(),
               Compute<T>{f, in[0].as<T>(), in[last].as<T>(), out[0].as<T>()});
    });
  });
}

// The condition may be of another type than the values.
std::unique_ptr<Kernel> compile_select(const BoundNode& node, const Queue& queue) {
  const DType type = node.outputs[0].dtype;
  if (node.inputs[1].dtype != type || node.inputs[2].dtype != type) return nullptr;
  return for_types(node.inputs[0].dtype, [&](auto condition_zero) {
    using Condition = decltype(condition_zero);
    return for_types(type, [&](auto zero) {
      using T = decltype(zero);
      return kernel([&queue](const Tensor* in, const Tensor* out, void*) {
        for_each(queue, out[0].numel(),
                 Select<Condition, T>{in[0].as<Condition>(), in[1].as<T>(), in[2].as<T>(),
                                      out[0].as<T>()});
      });
    });
  });
}

std::unique_ptr<Kernel> compile_copy(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype == DType::f64) return nullptr;
  return kernel([&queue](const Tensor* in, const Tensor* out, void*) {
    if (out[0].data == in[0].data) return;
    copy(out[0].data, in[0].data, out[0].bytes(), Direction::on_device, queue.stream);
  });
}

std::unique_ptr<Kernel> compile_cast(const BoundNode& node, const Queue& queue) {
  const DType to = node.outputs[0].dtype;
  return for_types(node.inputs[0].dtype, [&](auto from_zero) {
    using From = decltype(from_zero);
    return for_types(to, [&](auto zero) {
      using To = decltype(zero);
      if constexpr (std::is_same_v<From, To>) return compile_copy(node, queue);
      else
        return kernel([&queue](const Tensor* in, const Tensor* out, void*) {
          for_each(queue, out[0].numel(), Cast<From, To>{in[0].as<From>(), out[0].as<To>()});
        });
    });
  });
}

}  // namespace

void add_elementwise_kernels(KernelRows& rows) {
  for (int op = 1; op < static_cast<int>(Elementwise::select); ++op)
    rows.push_back({name_of(static_cast<Elementwise>(op)), compile_elementwise});
  rows.push_back({"select", compile_select});
  rows.push_back({"cast", compile_cast});
  rows.push_back({"stop_gradient", compile_copy});
  rows.push_back({"all_reduce", compile_copy});
}

}  // namespace hornet::cuda
