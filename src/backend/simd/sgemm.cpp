// Sgemm: how a product is shared among threads. The arithmetic is in sgemm_body.h.
#include "backend/simd/sgemm.h"

#include <algorithm>
#include <string>
#include <utility>

#include "rt/parallel.h"

#define HORNET_SIMD_BODY "backend/simd/sgemm_body.h"
#include "backend/simd/each_isa.h"

namespace hornet::simd {

namespace {

// Operations that are worth a second thread.
constexpr Dim kTaskFlops = 1000000;

struct Grid {
  Dim rows, columns;
};

// How `tasks` threads share C. Threads of one row of the grid pack the same part of A, those of
// one column the same part of B: prefer what packs least.
Grid grid_of(Dim tasks, Dim m, Dim n, int tile_rows, int tile_columns) {
  Grid best = {1, 1};
  double best_cost = 1e300;
  for (Dim rows = 1; rows <= tasks; ++rows) {
    const Dim columns = tasks / rows;
    const Dim height = (m + rows * tile_rows - 1) / (rows * tile_rows) * tile_rows;
    const Dim width = (n + columns * tile_columns - 1) / (columns * tile_columns) * tile_columns;
    // An element of A or B that is packed costs about as much as 8 multiply-adds.
    const double cost = static_cast<double>(height) * width + 8.0 * (height + width);
    if (cost < best_cost) {
      best_cost = cost;
      best = {rows, columns};
    }
  }
  return best;
}

// The i-th of `parts` borders in [0, total], a multiple of `unit` but at the end.
Dim border(Dim total, Dim parts, Dim unit, Dim i) {
  return std::min(total, (total + unit - 1) / unit * i / parts * unit);
}

}  // namespace

bool activation_of(const std::string& name, Activation* activation) {
  static const std::pair<const char*, Activation> known[] = {
      {"", Activation::linear},   {"linear", Activation::linear},
      {"relu", Activation::relu}, {"sigmoid", Activation::sigmoid},
      {"tanh", Activation::tanh}, {"softplus", Activation::softplus}};
  for (const auto& [text, value] : known) {
    if (name != text) continue;
    *activation = value;
    return true;
  }
  return false;
}

Sgemm::Sgemm(Dim m, Dim n, Dim k, bool transpose_a, bool transpose_b, Activation activation)
    : table_(HORNET_PICK(sgemm_table)) {
  call_ = {m,
           n,
           k,
           nullptr,
           transpose_a ? 1 : k,
           transpose_a ? m : 1,
           nullptr,
           transpose_b ? 1 : n,
           transpose_b ? k : 1,
           nullptr,
           n,
           nullptr,
           activation};
  // A line of one element has no direction.
  if (k == 1) call_.b_col = 1;
  scratch_ = (table_->scratch_floats(m, n, k) + 15) / 16 * 16;
  max_tasks_ =
      static_cast<int>(std::clamp<Dim>(2 * m * n * k / kTaskFlops, 1, max_kernel_threads()));
}

std::size_t Sgemm::workspace_bytes() const { return scratch_ * max_tasks_ * sizeof(float); }

void Sgemm::run(const float* a, const float* b, const float* bias, float* c,
                void* workspace) const {
  GemmCall call = call_;
  call.a = a;
  call.b = b;
  call.bias = bias;
  call.c = c;
  float* scratch = static_cast<float*>(workspace);
  const int tasks = max_tasks_ == 1 ? 1 : std::min(max_tasks_, kernel_threads());
  if (tasks == 1) {
    table_->range(call, 0, call.m, 0, call.n, scratch);
    return;
  }
  const Grid grid = grid_of(tasks, call.m, call.n, table_->tile_rows, table_->tile_columns);
  parallel_for(grid.rows * grid.columns, 1, [&](Dim begin, Dim end) {
    for (Dim task = begin; task < end; ++task) {
      const Dim row = task / grid.columns, column = task % grid.columns;
      const Dim m0 = border(call.m, grid.rows, table_->tile_rows, row);
      const Dim m1 = border(call.m, grid.rows, table_->tile_rows, row + 1);
      const Dim n0 = border(call.n, grid.columns, table_->tile_columns, column);
      const Dim n1 = border(call.n, grid.columns, table_->tile_columns, column + 1);
      if (m0 < m1 && n0 < n1) table_->range(call, m0, m1, n0, n1, scratch + task * scratch_);
    }
  });
}

}  // namespace hornet::simd
