// Blocked product after Goto: panels of B in L1, blocks of A in L2, a register tile of
// kTileRows x 2 vectors. Small products skip the packing.
#include "backend/simd/activation_body.h"
#include "backend/simd/gemm_tile_body.h"
#include "backend/simd/pack_body.h"

// A panel of B (kBlockDepth x kTileColumns) takes half of the first-level cache.
constexpr Dim kBlockDepth = kLanes == 8 ? 256 : 384;
constexpr Dim kBlockRows = kTileRows * (kLanes == 8 ? 16 : 20);
constexpr Dim kBlockColumns = kTileColumns * (kLanes == 8 ? 48 : 32);
// B up to this many floats is read in place.
constexpr Dim kInPlaceFloats = 4096;

bool reads_b_in_place(Dim m, Dim n, Dim k) { return n * k <= kInPlaceFloats || m <= kTileRows; }
bool packs_a(Dim n) { return n > 6 * kTileColumns; }

Dim packed_columns(Dim n) { return (n + kLanes - 1) / kLanes * kLanes; }

Dim gemm_scratch_floats(Dim m, Dim n, Dim k) {
  const Dim depth = std::min(k, kBlockDepth);
  const Dim a = packs_a(n) ? std::min(m + kTileRows, kBlockRows + kTileRows) * depth : 0;
  return (a + packed_columns(std::min(n, kBlockColumns) + kLanes) * depth + 15) / 16 * 16;
}

// Products too small for blocks.
void gemm_in_place(const GemmCall& g, Dim m0, Dim m1, Dim n0, Dim n1) {
  const EvenSplit rows(m1 - m0, kTileRows);
  TileCall t;
  t.a_row = g.a_row;
  t.a_col = g.a_col;
  t.b_row = g.b_row;
  t.out.c_row = g.c_row;
  t.depth = g.k;
  t.out.accumulate = false;
  t.out.relu = g.activation == Activation::relu;
  for (Dim j = n0; j < n1;) {
    const int width = panel_width(n1 - j);
    const int columns = static_cast<int>(std::min<Dim>(width, n1 - j));
    t.out.tail = columns - (width - kLanes);
    t.b = g.b + j;
    t.out.bias = g.bias ? g.bias + j : nullptr;
    for (Dim i = 0; i < rows.parts; ++i) {
      const Dim row = m0 + rows.at(i);
      const int count = static_cast<int>(rows.at(i + 1) - rows.at(i));
      t.a = g.a + row * g.a_row;
      t.c = g.c + row * g.c_row + j;
      tile_for(count, width / kLanes, t.out.tail < kLanes)(t);
    }
    j += width;
  }
}

// Panels of B's rows [k0, k0 + depth), columns [jc, jc + columns). A few rows at a time, so that B
// is read along its rows.
void pack_b(const GemmCall& g, Dim k0, Dim depth, Dim jc, Dim columns, float* packed) {
  const Dim rows = g.b_col == 1 ? kPrefetchedLines : depth;
  for (Dim k = 0; k < depth; k += rows) {
    const Dim some = std::min(rows, depth - k);
    for (Dim j = 0; j < columns;) {
      const int width = panel_width(columns - j);
      const int count = static_cast<int>(std::min<Dim>(width, columns - j));
      const float* b = g.b + (k0 + k) * g.b_row + (jc + j) * g.b_col;
      float* to = packed + j * depth + k * width;
      if (g.b_col == 1) pack_straight(b, g.b_row, some, width, count, to);
      else pack_transposed(b, g.b_col, some, width, count, to);
      j += width;
    }
  }
}

void gemm_blocked(const GemmCall& g, Dim m0, Dim m1, Dim n0, Dim n1, float* scratch) {
  const bool pack_a = packs_a(g.n);
  const EvenSplit depths(g.k, kBlockDepth);
  float* packed_b = scratch;
  float* packed_a =
      scratch + packed_columns(std::min(g.n, kBlockColumns) + kLanes) * std::min(g.k, kBlockDepth);
  TileCall t;
  t.out.c_row = g.c_row;
  for (Dim jc = n0; jc < n1; jc += kBlockColumns) {
    const Dim columns = std::min(kBlockColumns, n1 - jc);
    for (Dim p = 0; p < depths.parts; ++p) {
      const Dim k0 = depths.at(p), depth = depths.at(p + 1) - k0;
      t.depth = depth;
      t.out.accumulate = p > 0;
      const bool last = p == depths.parts - 1;
      t.out.relu = last && g.activation == Activation::relu;
      pack_b(g, k0, depth, jc, columns, packed_b);
      for (Dim ic = m0; ic < m1; ic += kBlockRows) {
        const EvenSplit rows(std::min(kBlockRows, m1 - ic), kTileRows);
        if (pack_a) {
          for (Dim i = 0; i < rows.parts; ++i) {
            const int count = static_cast<int>(rows.at(i + 1) - rows.at(i));
            const float* a = g.a + (ic + rows.at(i)) * g.a_row + k0 * g.a_col;
            float* to = packed_a + i * kTileRows * depth;
            if (g.a_row == 1) pack_straight(a, g.a_col, depth, kTileRows, count, to);
            else pack_transposed(a, g.a_row, depth, kTileRows, count, to);
          }
          t.a_row = 1;
          t.a_col = kTileRows;
        } else {
          t.a_row = g.a_row;
          t.a_col = g.a_col;
        }
        for (Dim j = 0; j < columns;) {
          const int width = panel_width(columns - j);
          const int count = static_cast<int>(std::min<Dim>(width, columns - j));
          t.b = packed_b + j * depth;
          t.b_row = width;
          t.out.tail = count - (width - kLanes);
          t.out.bias = g.bias ? g.bias + jc + j : nullptr;
          for (Dim i = 0; i < rows.parts; ++i) {
            const Dim row = ic + rows.at(i);
            t.a = pack_a ? packed_a + i * kTileRows * depth : g.a + row * g.a_row + k0 * g.a_col;
            t.c = g.c + row * g.c_row + jc + j;
            const int height = static_cast<int>(rows.at(i + 1) - rows.at(i));
            tile_for(height, width / kLanes, false)(t);
            if (last && g.activation > Activation::relu) {
              activate_rows(g.activation, t.c, g.c_row, height, count);
            }
          }
          j += width;
        }
      }
    }
  }
}

// One column of C: dot products along k, four chains a row.
void gemm_column(const GemmCall& g, Dim m0, Dim m1) {
  for (Dim i = m0; i < m1; ++i) {
    const float* a = g.a + i * g.a_row;
    Vec sums[4] = {zero(), zero(), zero(), zero()};
    Dim k = 0;
    for (; k + 4 * kLanes <= g.k; k += 4 * kLanes) {
      HORNET_UNROLL
      for (int v = 0; v < 4; ++v) {
        sums[v] = fma(load(a + k + v * kLanes), load(g.b + k + v * kLanes), sums[v]);
      }
    }
    for (; k + kLanes <= g.k; k += kLanes) sums[0] = fma(load(a + k), load(g.b + k), sums[0]);
    if (k < g.k) {
      const int rest = static_cast<int>(g.k - k);
      sums[1] = fma(load_n(a + k, rest), load_n(g.b + k, rest), sums[1]);
    }
    float y = sum_lanes(add(add(sums[0], sums[1]), add(sums[2], sums[3])));
    if (g.bias) y += g.bias[0];
    if (g.activation == Activation::relu && y < 0) y = 0;
    g.c[i * g.c_row] = y;
  }
}

void gemm_range(const GemmCall& g, Dim m0, Dim m1, Dim n0, Dim n1, float* scratch) {
  if (g.n == 1 && g.a_col == 1 && g.b_row == 1) {
    gemm_column(g, m0, m1);
  } else if (g.b_col == 1 && reads_b_in_place(g.m, g.n, g.k)) {
    gemm_in_place(g, m0, m1, n0, n1);
  } else {
    gemm_blocked(g, m0, m1, n0, n1, scratch);
    return;
  }
  if (g.activation > Activation::relu) {
    activate_rows(g.activation, g.c + m0 * g.c_row + n0, g.c_row, m1 - m0, n1 - n0);
  }
}

const SgemmTable sgemm_table = {kTileRows, kTileColumns, gemm_scratch_floats, gemm_range};
