// "scatter_add", the gradient of an embedding. Threads share out the columns: rows that many
// indices name are no bottleneck then, and every element is summed in the order of the indices,
// whatever the number of threads.
#include <algorithm>

#include "backend/row_of.h"
#include "backend/simd/simd_kernels.h"
#include "rt/parallel.h"

namespace hornet::simd {

namespace {

struct IndexTable {
  // y[rows[i]] += x[i] in the columns [begin, end) of `width`; a negative row is none.
  void (*add_rows)(const Dim* rows, Dim count, const float* x, Dim width, Dim begin, Dim end,
                   float* y);
};

}  // namespace

}  // namespace hornet::simd

#define HORNET_SIMD_BODY "backend/simd/index_body.h"
#include "backend/simd/each_isa.h"

namespace hornet::simd {

namespace {

template <class Index>
void find_rows(const Index* indices, Dim count, Dim rows, Dim* found) {
  for (Dim i = 0; i < count; ++i) found[i] = row_of(indices[i], rows);
}

std::unique_ptr<Kernel> compile_scatter_add(const BoundNode& node) {
  const IndexTable* table = HORNET_PICK(index_table);
  const bool is_float = node.inputs[1].dtype == DType::f32;
  if (!is_float && node.inputs[1].dtype != DType::i32) return nullptr;
  const Dim rows = node.outputs[0].shape[0], width = node.outputs[0].shape.numel() / rows;
  const Dim count = node.inputs[1].shape.numel();
  // Whole cache lines, and work that is worth a thread.
  constexpr Dim kLine = 16;
  const Dim worth = kElementGrain / std::max<Dim>(1, rows + count);
  const Dim grain = (worth + kLine) / kLine * kLine;
  return kernel(
      [=](const Tensor* in, const Tensor* out, void* workspace) {
        Dim* found = static_cast<Dim*>(workspace);
        if (is_float) find_rows(in[1].as<float>(), count, rows, found);
        else find_rows(in[1].as<std::int32_t>(), count, rows, found);
        float* y = out[0].as<float>();
        parallel_for(width, grain, [&](Dim begin, Dim end) {
          for (Dim row = 0; row < rows; ++row)
            std::fill(y + row * width + begin, y + row * width + end, 0.0f);
          table->add_rows(found, count, in[0].as<float>(), width, begin, end, y);
        });
      },
      count * sizeof(Dim));
}

}  // namespace

void add_index_kernels(KernelRows& rows) { rows.push_back({"scatter_add", compile_scatter_add}); }

}  // namespace hornet::simd
