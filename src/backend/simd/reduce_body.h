// Sums along rows and down columns.
#include "backend/simd/columns_body.h"

void reduce_columns(const float* x, Dim rows, Dim width, float* sums) {
  column_sums(rows, width, PlainTerm{x}, sums);
}

float reduce_row(const float* x, Dim n) {
  Vec sums[4] = {zero(), zero(), zero(), zero()};
  Dim i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    HORNET_UNROLL
    for (int v = 0; v < 4; ++v) sums[v] = add(sums[v], load(x + i + v * kLanes));
  }
  for (; i < n; i += kLanes) {
    sums[0] = add(sums[0], load_n(x + i, static_cast<int>(std::min<Dim>(kLanes, n - i))));
  }
  return sum_lanes(add(add(sums[0], sums[1]), add(sums[2], sums[3])));
}

const ReduceTable reduce_table = {kLanes, reduce_columns, reduce_row};
