// "sum" and "sum_to" where the reduced axes lie side by side; the rest is the reference's.
#include <algorithm>

#include "backend/simd/columns.h"
#include "backend/simd/simd_kernels.h"
#include "rt/parallel.h"

namespace hornet::simd {

namespace {

struct ReduceTable {
  int lanes;
  void (*columns)(const float* x, Dim rows, Dim width, float* sums);
  float (*row)(const float* x, Dim n);
};

}  // namespace

}  // namespace hornet::simd

#define HORNET_SIMD_BODY "backend/simd/reduce_body.h"
#include "backend/simd/each_isa.h"

namespace hornet::simd {

namespace {

// A row longer than this is summed in parts, which are then added in double.
constexpr Dim kPart = 4096;

// A tensor seen as (outer, reduced, inner).
struct Reduction {
  Dim outer = 1, reduced = 1, inner = 1;
  bool possible = true;

  Reduction(const Shape& x, const std::vector<bool>& is_reduced) {
    for (int axis = 0; axis < x.rank(); ++axis) {
      if (x[axis] == 1) continue;
      if (is_reduced[axis]) {
        possible = possible && inner == 1;
        reduced *= x[axis];
      } else {
        (reduced == 1 ? outer : inner) *= x[axis];
      }
    }
  }
};

std::unique_ptr<Kernel> row_sums(const Reduction& r, double factor) {
  const ReduceTable* table = HORNET_PICK(reduce_table);
  const Dim parts = (r.reduced + kPart - 1) / kPart;
  const Dim grain = std::max<Dim>(1, kElementGrain / std::min(kPart, r.reduced));
  const auto part = [table, r](const float* x, Dim row, Dim i) {
    return table->row(x + row * r.reduced + i * kPart, std::min(kPart, r.reduced - i * kPart));
  };
  if (parts == 1) {
    return kernel([=](const Tensor* in, const Tensor* out, void*) {
      parallel_for(r.outer, grain, [&](Dim begin, Dim end) {
        for (Dim row = begin; row < end; ++row) {
          out[0].as<float>()[row] = static_cast<float>(part(in[0].as<float>(), row, 0) * factor);
        }
      });
    });
  }
  return kernel(
      [=](const Tensor* in, const Tensor* out, void* workspace) {
        float* sums = static_cast<float*>(workspace);
        parallel_for(r.outer * parts, grain, [&](Dim begin, Dim end) {
          for (Dim i = begin; i < end; ++i) {
            sums[i] = part(in[0].as<float>(), i / parts, i % parts);
          }
        });
        for (Dim row = 0; row < r.outer; ++row) {
          double total = 0;
          for (Dim i = 0; i < parts; ++i) total += sums[row * parts + i];
          out[0].as<float>()[row] = static_cast<float>(total * factor);
        }
      },
      r.outer * parts * sizeof(float));
}

std::unique_ptr<Kernel> column_sums_kernel(const Reduction& r, double factor) {
  const ReduceTable* table = HORNET_PICK(reduce_table);
  const Columns columns(r.reduced, r.inner, table->lanes);
  const Dim width = columns.width(), chunk_floats = width + columns.channels;
  // One chunk's sums: of the folded part, then of the rest.
  const auto chunk_sums = [=](const float* x, Dim chunk, float* sums) {
    x += columns.begin(chunk) * columns.channels;
    table->columns(x, columns.folded(chunk), width, sums);
    table->columns(x + columns.folded(chunk) * width, columns.rest(chunk), columns.channels,
                   sums + width);
  };
  const auto collect = [=](const float* sums, float* y) {
    for (Dim c = 0; c < columns.channels; ++c) {
      double total = 0;
      for (Dim chunk = 0; chunk < columns.chunks; ++chunk) {
        for (Dim f = c; f < chunk_floats; f += columns.channels) {
          total += sums[chunk * chunk_floats + f];
        }
      }
      y[c] = static_cast<float>(total * factor);
    }
  };
  const Dim matrix = r.reduced * r.inner;
  if (columns.chunks == 1) {
    const int slots = static_cast<int>(
        std::clamp<Dim>(r.outer * matrix / kElementGrain, 1, max_kernel_threads()));
    const Dim matrices = std::max<Dim>(1, 4096 / matrix);  // a task
    return kernel(
        [=](const Tensor* in, const Tensor* out, void* workspace) {
          parallel_tasks((r.outer + matrices - 1) / matrices, slots, [&](int slot, Dim task) {
            float* sums = static_cast<float*>(workspace) + slot * chunk_floats;
            for (Dim i = task * matrices; i < std::min(r.outer, (task + 1) * matrices); ++i) {
              chunk_sums(in[0].as<float>() + i * matrix, 0, sums);
              collect(sums, out[0].as<float>() + i * r.inner);
            }
          });
        },
        slots * chunk_floats * sizeof(float));
  }
  return kernel(
      [=](const Tensor* in, const Tensor* out, void* workspace) {
        float* sums = static_cast<float*>(workspace);
        parallel_for(r.outer * columns.chunks, 1, [&](Dim begin, Dim end) {
          for (Dim i = begin; i < end; ++i) {
            chunk_sums(in[0].as<float>() + i / columns.chunks * matrix, i % columns.chunks,
                       sums + i * chunk_floats);
          }
        });
        for (Dim i = 0; i < r.outer; ++i) {
          collect(sums + i * columns.chunks * chunk_floats, out[0].as<float>() + i * r.inner);
        }
      },
      r.outer * columns.chunks * chunk_floats * sizeof(float));
}

std::unique_ptr<Kernel> compile_reduction(const BoundNode& node,
                                          const std::vector<bool>& is_reduced) {
  if (node.inputs[0].dtype != DType::f32) return nullptr;
  const Reduction r(node.inputs[0].shape, is_reduced);
  if (!r.possible || node.inputs[0].shape.numel() == 0) return nullptr;
  const double factor = node.node->attrs.flag("mean") ? 1.0 / static_cast<double>(r.reduced) : 1.0;
  return r.inner == 1 ? row_sums(r, factor) : column_sums_kernel(r, factor);
}

std::unique_ptr<Kernel> compile_sum(const BoundNode& node) {
  std::vector<bool> is_reduced(node.inputs[0].shape.rank());
  for (std::int64_t axis : node.node->attrs.integers("axes")) is_reduced[axis] = true;
  return compile_reduction(node, is_reduced);
}

// Shapes are aligned at the right; what differs is reduced.
std::unique_ptr<Kernel> compile_sum_to(const BoundNode& node) {
  const Shape& large = node.inputs[0].shape;
  const Shape& small = node.outputs[0].shape;
  const int missing = large.rank() - small.rank();
  std::vector<bool> is_reduced(large.rank());
  for (int axis = 0; axis < large.rank(); ++axis) {
    is_reduced[axis] = axis < missing || small[axis - missing] != large[axis];
  }
  return compile_reduction(node, is_reduced);
}

}  // namespace

void add_reduce_kernels(KernelRows& rows) {
  rows.push_back({"sum", compile_sum});
  rows.push_back({"sum_to", compile_sum_to});
}

}  // namespace hornet::simd
