// Reductions over any axes, argmax, and broadcast with its adjoint sum_to. Sums are taken in
// double.
#include <algorithm>
#include <limits>

#include "backend/cpu/cpu_kernels.h"
#include "backend/reduction.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

// visit(value) for each element that goes into output `index`.
template <class T, class Visit>
void each_reduced(const Reduction& r, const T* x, Dim index, Visit visit) {
  const T* start = x + r.kept.offset(index);
  const Dim n = r.reduced.inner_size(), stride = r.reduced.inner_stride();
  for (Dim row = 0; row < r.reduced.rows(); ++row) {
    const T* p = start + r.reduced.row_offset(row);
    for (Dim i = 0; i < n; ++i) visit(p[i * stride]);
  }
}

// Each sum is multiplied by `factor`.
std::unique_ptr<Kernel> sum_kernel(const Reduction& r, DType type, double factor) {
  return for_types(type, [&](auto zero) {
    using T = decltype(zero);
    return kernel([r, factor](const Tensor* in, const Tensor* out, void*) {
      const T* x = in[0].as<T>();
      T* y = out[0].as<T>();
      parallel_for(r.kept.count(), grain_of(r.reduced.count()), [&](Dim begin, Dim end) {
        for (Dim o = begin; o < end; ++o) {
          if constexpr (std::is_integral_v<T>) {
            std::uint32_t total = 0;  // wraps around
            each_reduced(r, x, o, [&](T v) { total += static_cast<std::uint32_t>(v); });
            y[o] = factor == 1 ? static_cast<T>(total)
                               : static_cast<T>(static_cast<T>(total) * factor);
          } else {
            double total = 0;
            each_reduced(r, x, o, [&](T v) { total += v; });
            y[o] = static_cast<T>(total * factor);
          }
        }
      });
    });
  });
}

std::unique_ptr<Kernel> compile_sum(const BoundNode& node) {
  const Reduction r = reduction_over_axes(node);
  return sum_kernel(r, node.inputs[0].dtype, factor_of(node, r));
}

std::unique_ptr<Kernel> compile_sum_to(const BoundNode& node) {
  const Reduction r = reduction_to_output(node);
  return sum_kernel(r, node.inputs[0].dtype, factor_of(node, r));
}

std::unique_ptr<Kernel> compile_broadcast(const BoundNode& node) {
  const Repetition repetition(node);
  return for_types(node.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return kernel([nest = repetition.nest, divisor = repetition.divisor](const Tensor* in,
                                                                         const Tensor* out, void*) {
      const Dim n = nest.inner_size(), stride = nest.inner_stride();
      parallel_for(nest.rows(), grain_of(n), [&](Dim begin, Dim end) {
        for (Dim row = begin; row < end; ++row) {
          const T* src = in[0].as<T>() + nest.row_offset(row);
          T* dst = out[0].as<T>() + row * n;
          if (divisor != 1) {
            for (Dim i = 0; i < n; ++i) dst[i] = static_cast<T>(src[i * stride] / divisor);
          } else {
            for (Dim i = 0; i < n; ++i) dst[i] = src[i * stride];
          }
        }
      });
    });
  });
}

template <bool kMax>
std::unique_ptr<Kernel> compile_extreme(const BoundNode& node) {
  const Reduction r = reduction_over_axes(node);
  return for_types(node.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    using Limits = std::numeric_limits<T>;
    constexpr T kStart = std::is_integral_v<T> ? (kMax ? Limits::min() : Limits::max())
                                               : (kMax ? -Limits::infinity() : Limits::infinity());
    return kernel([r](const Tensor* in, const Tensor* out, void*) {
      parallel_for(r.kept.count(), grain_of(r.reduced.count()), [&](Dim begin, Dim end) {
        for (Dim o = begin; o < end; ++o) {
          T best = kStart;
          each_reduced(r, in[0].as<T>(), o, [&](T v) {
            if (kMax ? is_larger(v, best) : v < best || is_nan(v)) best = v;
          });
          out[0].as<T>()[o] = best;
        }
      });
    });
  });
}

std::unique_ptr<Kernel> compile_argmax(const BoundNode& node) {
  const Reduction r = reduction_over_axis(node);
  return for_types(node.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return for_types(node.outputs[0].dtype, [&](auto index_zero) {
      using Index = decltype(index_zero);
      return kernel([r](const Tensor* in, const Tensor* out, void*) {
        parallel_for(r.kept.count(), grain_of(r.reduced.count()), [&](Dim begin, Dim end) {
          for (Dim o = begin; o < end; ++o) {
            Dim i = 0, found = 0;
            T best{};
            each_reduced(r, in[0].as<T>(), o, [&](T v) {
              if (i == 0 || is_larger(v, best)) best = v, found = i;
              ++i;
            });
            out[0].as<Index>()[o] = static_cast<Index>(found);
          }
        });
      });
    });
  });
}

}  // namespace

void add_reduce_kernels(KernelRows& rows) {
  rows.push_back({"sum", compile_sum});
  rows.push_back({"max", compile_extreme<true>});
  rows.push_back({"min", compile_extreme<false>});
  rows.push_back({"argmax", compile_argmax});
  rows.push_back({"broadcast", compile_broadcast});
  rows.push_back({"sum_to", compile_sum_to});
}

}  // namespace hornet::cpu
