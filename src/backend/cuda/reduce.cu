// Reductions over any axes, argmax, and broadcast with its adjoint sum_to. Sums are taken in
// double, and everything in an order that only depends on the shapes.
#include <limits>

#include "backend/cuda/cuda_kernels.h"
#include "backend/cuda/skeletons.h"
#include "backend/cuda/types.h"
#include "backend/cuda/walk.h"
#include "backend/functors/order.h"
#include "backend/reduction.h"

namespace hornet::cuda {
namespace {

// --- what is reduced to what: reducers -----------------------------------------------------
// A reducer makes of elements x[0], x[1], ... a total, joins totals of consecutive pieces, and
// makes of the last one the result.

template <class T>
struct Sum {
  using In = T;
  using Out = T;
  using Total = std::conditional_t<std::is_integral_v<T>, std::uint32_t, double>;  // wraps around
  double factor;

  HORNET_FUNCTOR Total none() const { return 0; }
  HORNET_FUNCTOR Total one(T x, Dim) const { return static_cast<Total>(x); }
  HORNET_FUNCTOR Total join(Total a, Total b) const { return a + b; }
  HORNET_FUNCTOR T result(Total total) const {
    if constexpr (std::is_integral_v<T>) {
      const T sum = static_cast<T>(total);
      return factor == 1 ? sum : static_cast<T>(sum * factor);
    } else {
      return static_cast<T>(total * factor);
    }
  }
};

// The largest, or the smallest; NaN is both.
template <class T>
struct Extreme {
  using In = T;
  using Out = T;
  using Total = T;
  bool largest;
  T start;

  HORNET_FUNCTOR T none() const { return start; }
  HORNET_FUNCTOR T one(T x, Dim) const { return x; }
  HORNET_FUNCTOR T join(T a, T b) const {
    return (largest ? is_larger(b, a) : b < a || is_nan(b)) ? b : a;
  }
  HORNET_FUNCTOR T result(T total) const { return total; }
};

template <class T>
struct Place {
  T value;
  Dim index;  // -1: nowhere
};

// Where the first of the largest is.
template <class T>
struct ArgMax {
  using In = T;
  using Out = float;
  using Total = Place<T>;

  HORNET_FUNCTOR Total none() const { return {T(), -1}; }
  HORNET_FUNCTOR Total one(T x, Dim index) const { return {x, index}; }
  HORNET_FUNCTOR Total join(Total a, Total b) const {
    if (a.index < 0) return b;
    if (b.index < 0 || is_larger(a.value, b.value)) return a;
    return is_larger(b.value, a.value) || b.index < a.index ? b : a;
  }
  HORNET_FUNCTOR float result(Total total) const {
    return total.index < 0 ? 0.0f : static_cast<float>(total.index);
  }
};

// --- who reduces what: threads, or blocks of them ------------------------------------------

// The elements that go into an output are taken in chunks. There is an item for each (chunk,
// output), which a thread or a block of them reduces to a total.
struct Layout {
  Walk kept, reduced;
  Dim outputs, elements, chunks, chunk;
  bool by_block;

  // Neighbouring threads should read neighbouring elements: those of one row, by a block, unless
  // outputs lie side by side or rows are too short for one. Chunks are for what has few outputs:
  // as many as fill a device, but each with enough to do.
  explicit Layout(const Reduction& r)
      : kept(r.kept), reduced(r.reduced), outputs(r.kept.count()), elements(r.reduced.count()) {
    const bool side_by_side = r.kept.inner_stride() == 1 && r.kept.inner_size() >= 32;
    by_block = elements > 32 && !side_by_side;
    const Dim items = by_block ? 1024 : 65536, least = by_block ? 2048 : 32;
    const Dim wanted = std::min(items / std::max<Dim>(1, outputs), elements / least);
    chunks = std::max<Dim>(1, std::min<Dim>(wanted, kThreads));
    chunk = std::max<Dim>(1, (elements + chunks - 1) / chunks);
    chunks = std::max<Dim>(1, (elements + chunk - 1) / chunk);
  }
};

template <class Reducer>
struct Items {
  using In = typename Reducer::In;
  using Out = typename Reducer::Out;
  using Total = typename Reducer::Total;

  Layout layout;
  Reducer reducer;
  const In* x;
  Out* y;
  Total* totals;  // null: there is one chunk, and a total makes an output

  // Of elements `first`, `first + step`, ... of the item's chunk.
  HORNET_FUNCTOR Total reduce(Dim item, Dim first, Dim step) const {
    const In* const start = x + layout.kept.offset(item % layout.outputs);
    const Dim begin = item / layout.outputs * layout.chunk;
    const Dim size = layout.elements - begin;
    const Dim end = begin + (size < layout.chunk ? size : layout.chunk);
    Total total = reducer.none();
    for (Dim i = begin + first; i < end; i += step)
      total = reducer.join(total, reducer.one(start[layout.reduced.offset(i)], i));
    return total;
  }
  HORNET_FUNCTOR void store(Dim item, Total total) const {
    if (totals) totals[item] = total;
    else y[item] = reducer.result(total);
  }
};

template <class Reducer>
struct ByThread {
  Items<Reducer> items;

  HORNET_FUNCTOR void operator()(Dim item) const { items.store(item, items.reduce(item, 0, 1)); }
};

template <class Reducer>
struct Join {
  Reducer reducer;

  template <class Total>
  HORNET_FUNCTOR Total operator()(Total a, Total b) const {
    return reducer.join(a, b);
  }
};

template <class Reducer>
struct ByBlock {
  Items<Reducer> items;

  template <class Block>
  HORNET_FUNCTOR void operator()(const Block& block, Dim item) const {
    const auto total =
        block.all(items.reduce(item, block.thread(), block.size()), Join<Reducer>{items.reducer});
    if (block.thread() == 0) items.store(item, total);
  }
};

// The outputs of totals of chunks.
template <class Reducer>
struct JoinChunks {
  Reducer reducer;
  const typename Reducer::Total* totals;
  typename Reducer::Out* y;
  Dim outputs, chunks;

  template <class Block>
  HORNET_FUNCTOR void operator()(const Block& block, Dim output) const {
    auto total = reducer.none();
    for (Dim chunk = block.thread(); chunk < chunks; chunk += block.size())
      total = reducer.join(total, totals[chunk * outputs + output]);
    total = block.all(total, Join<Reducer>{reducer});
    if (block.thread() == 0) y[output] = reducer.result(total);
  }
};

template <class Reducer>
std::unique_ptr<Kernel> reduce(const Queue& queue, const Reduction& r, const Reducer& reducer) {
  using Total = typename Reducer::Total;
  if (!Walk::can_hold(r.kept) || !Walk::can_hold(r.reduced)) return nullptr;
  const Layout layout(r);
  const Dim items = layout.chunks * layout.outputs;
  const bool in_chunks = layout.chunks > 1;
  return kernel(
      [&queue, layout, reducer, items, in_chunks](const Tensor* in, const Tensor* out, void* work) {
        Total* const totals = in_chunks ? static_cast<Total*>(work) : nullptr;
        auto* const y = out[0].as<typename Reducer::Out>();
        const Items<Reducer> functor{layout, reducer, in[0].as<typename Reducer::In>(), y, totals};
        if (layout.by_block) for_rows(queue, items, ByBlock<Reducer>{functor});
        else for_each(queue, items, ByThread<Reducer>{functor});
        if (!in_chunks) return;
        for_rows(queue, layout.outputs,
                 JoinChunks<Reducer>{reducer, totals, y, layout.outputs, layout.chunks});
      },
      in_chunks ? static_cast<std::size_t>(items) * sizeof(Total) : 0);
}

// --- the ops -------------------------------------------------------------------------------

std::unique_ptr<Kernel> sum(const BoundNode& node, const Queue& queue, const Reduction& r) {
  return for_types(node.outputs[0].dtype, [&](auto zero) {
    return reduce(queue, r, Sum<decltype(zero)>{factor_of(node, r)});
  });
}

std::unique_ptr<Kernel> compile_sum(const BoundNode& node, const Queue& queue) {
  return sum(node, queue, reduction_over_axes(node));
}

std::unique_ptr<Kernel> compile_sum_to(const BoundNode& node, const Queue& queue) {
  return sum(node, queue, reduction_to_output(node));
}

std::unique_ptr<Kernel> compile_extreme(const BoundNode& node, const Queue& queue, bool largest) {
  return for_types(node.outputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    using Limits = std::numeric_limits<T>;
    const T least = std::is_integral_v<T> ? Limits::min() : -Limits::infinity();
    const T most = std::is_integral_v<T> ? Limits::max() : Limits::infinity();
    return reduce(queue, reduction_over_axes(node), Extreme<T>{largest, largest ? least : most});
  });
}

std::unique_ptr<Kernel> compile_max(const BoundNode& node, const Queue& queue) {
  return compile_extreme(node, queue, /* largest = */ true);
}

std::unique_ptr<Kernel> compile_min(const BoundNode& node, const Queue& queue) {
  return compile_extreme(node, queue, /* largest = */ false);
}

std::unique_ptr<Kernel> compile_argmax(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  return for_types(node.inputs[0].dtype, [&](auto zero) {
    return reduce(queue, reduction_over_axis(node), ArgMax<decltype(zero)>{});
  });
}

template <class T>
struct Repeat {
  using Real = std::conditional_t<std::is_integral_v<T>, double, T>;
  const T* x;
  T* y;
  Walk walk;
  Real divisor;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const T value = x[walk.offset(i)];
    y[i] = divisor == 1 ? value : static_cast<T>(value / divisor);
  }
};

std::unique_ptr<Kernel> compile_broadcast(const BoundNode& node, const Queue& queue) {
  const Repetition repetition(node);
  if (!Walk::can_hold(repetition.nest)) return nullptr;
  const Walk walk(repetition.nest);
  return for_types(node.outputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto divisor = static_cast<typename Repeat<T>::Real>(repetition.divisor);
    return kernel([&queue, walk, divisor](const Tensor* in, const Tensor* out, void*) {
      for_each(queue, out[0].numel(), Repeat<T>{in[0].as<T>(), out[0].as<T>(), walk, divisor});
    });
  });
}

}  // namespace

void add_reduce_kernels(KernelRows& rows) {
  rows.push_back({"sum", compile_sum});
  rows.push_back({"max", compile_max});
  rows.push_back({"min", compile_min});
  rows.push_back({"argmax", compile_argmax});
  rows.push_back({"broadcast", compile_broadcast});
  rows.push_back({"sum_to", compile_sum_to});
}

}  // namespace hornet::cuda
