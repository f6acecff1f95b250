// Rows by number, and the collection of scalars. An index outside of the table means a row of
// zeros: data are checked where they enter.
#include "backend/cuda/cuda_kernels.h"
#include "backend/cuda/skeletons.h"
#include "backend/cuda/types.h"
#include "backend/row_of.h"

namespace hornet::cuda {
namespace {

// y[i, j] = table[index[i], j]; elements of four bytes.
template <class Index>
struct Gather {
  const std::uint32_t* table;
  const Index* index;
  std::uint32_t* y;
  Dim rows, elements;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim row = row_of(index[i / elements], rows);
    y[i] = row < 0 ? 0 : table[row * elements + i % elements];
  }
};

// table[index[i], j] += x[i, j]. Rows that occur more than once meet in one place, in any order.
template <class Index>
struct ScatterAdd {
  const float* x;
  const Index* index;
  float* table;
  Dim rows, elements;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim row = row_of(index[i / elements], rows);
    if (row >= 0) add_to(table + row * elements + i % elements, x[i]);
  }
};

template <class Index, class T>
struct OneHot {
  const Index* index;
  T* y;
  Dim depth;

  HORNET_FUNCTOR void operator()(Dim i) const {
    y[i] = row_of(index[i / depth], depth) == i % depth ? T(1) : T(0);
  }
};

std::unique_ptr<Kernel> compile_gather(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype == DType::f64) return nullptr;
  const Dim rows = node.inputs[0].shape[0], elements = row_elements(node.inputs[0].shape);
  return for_types(node.inputs[1].dtype, [&](auto index_zero) {
    using Index = decltype(index_zero);
    return kernel([&queue, rows, elements](const Tensor* in, const Tensor* out, void*) {
      for_each(queue, out[0].numel(),
               Gather<Index>{in[0].as<std::uint32_t>(), in[1].as<Index>(),
                             out[0].as<std::uint32_t>(), rows, elements});
    });
  });
}

std::unique_ptr<Kernel> compile_scatter_add(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  const Dim rows = node.outputs[0].shape[0], elements = row_elements(node.outputs[0].shape);
  return for_types(node.inputs[1].dtype, [&](auto index_zero) {
    using Index = decltype(index_zero);
    return kernel([&queue, rows, elements](const Tensor* in, const Tensor* out, void*) {
      fill_with_zeros(out[0].data, out[0].bytes(), queue.stream);
      for_each(queue, in[1].numel() * elements,
               ScatterAdd<Index>{in[0].as<float>(), in[1].as<Index>(), out[0].as<float>(), rows,
                                 elements});
    });
  });
}

std::unique_ptr<Kernel> compile_one_hot(const BoundNode& node, const Queue& queue) {
  const Dim depth = node.outputs[0].shape[-1];
  return for_types(node.inputs[0].dtype, [&](auto index_zero) {
    using Index = decltype(index_zero);
    return for_types(node.outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      return kernel([&queue, depth](const Tensor* in, const Tensor* out, void*) {
        for_each(queue, out[0].numel(), OneHot<Index, T>{in[0].as<Index>(), out[0].as<T>(), depth});
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

}  // namespace hornet::cuda
