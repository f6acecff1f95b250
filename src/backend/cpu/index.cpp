// Rows by number. An index outside of the table means a row of zeros: data are checked where they
// enter.
#include <algorithm>

#include "backend/cpu/cpu_kernels.h"
#include "backend/row_of.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

std::unique_ptr<Kernel> compile_gather(const BoundNode& node) {
  const Dim rows = node.inputs[0].shape[0], elements = row_elements(node.inputs[0].shape);
  const Dim bytes = elements * static_cast<Dim>(size_of(node.inputs[0].dtype));
  return for_types(node.inputs[1].dtype, [&](auto index_zero) {
    using Index = decltype(index_zero);
    return kernel([=](const Tensor* in, const Tensor* out, void*) {
      parallel_for(in[1].numel(), grain_of(elements), [&](Dim begin, Dim end) {
        for (Dim i = begin; i < end; ++i) {
          const Dim row = row_of(in[1].as<Index>()[i], rows);
          char* y = out[0].as<char>() + i * bytes;
          if (row < 0) std::memset(y, 0, bytes);
          else std::memcpy(y, in[0].as<char>() + row * bytes, bytes);
        }
      });
    });
  });
}

std::unique_ptr<Kernel> compile_scatter_add(const BoundNode& node) {
  const Dim rows = node.outputs[0].shape[0], elements = row_elements(node.outputs[0].shape);
  return for_types(node.inputs[1].dtype, [&](auto index_zero) {
    using Index = decltype(index_zero);
    return for_floats(node.outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      return kernel([=](const Tensor* in, const Tensor* out, void*) {
        std::fill_n(out[0].as<T>(), rows * elements, T(0));
        for (Dim i = 0; i < in[1].numel(); ++i) {
          const Dim row = row_of(in[1].as<Index>()[i], rows);
          if (row < 0) continue;
          const T* x = in[0].as<T>() + i * elements;
          T* y = out[0].as<T>() + row * elements;
          for (Dim j = 0; j < elements; ++j) y[j] += x[j];
        }
      });
    });
  });
}

std::unique_ptr<Kernel> compile_one_hot(const BoundNode& node) {
  const Dim depth = node.outputs[0].shape[-1];
  return for_types(node.inputs[0].dtype, [&](auto index_zero) {
    using Index = decltype(index_zero);
    return for_types(node.outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      return kernel([depth](const Tensor* in, const Tensor* out, void*) {
        T* y = out[0].as<T>();
        std::fill_n(y, out[0].numel(), T(0));
        for (Dim i = 0; i < in[0].numel(); ++i) {
          const Dim index = row_of(in[0].as<Index>()[i], depth);
          if (index >= 0) y[i * depth + index] = 1;
        }
      });
    });
  });
}

}  // namespace

void add_index_kernels(KernelRows& rows) {
  rows.push_back({"gather", compile_gather});
  rows.push_back({"scatter_add", compile_scatter_add});
  rows.push_back({"one_hot", compile_one_hot});
}

}  // namespace hornet::cpu
