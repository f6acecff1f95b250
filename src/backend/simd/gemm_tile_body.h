// The innermost loop of matrix products: a register tile of sums over the whole depth.
#include "backend/simd/tile_body.h"

struct TileCall {
  const float* a;
  Dim a_row, a_col;
  const float* b;
  Dim b_row;
  Dim depth;
  float* c;
  TileOut out;
};

// One register tile: M rows, NV vectors of columns. MaskB: rows of B end with the tail.
template <int M, int NV, bool MaskB>
void gemm_tile(const TileCall& t) {
  Vec sum[M][NV];
  start_tile<M, NV>(t.out, t.c, sum);
  // A pointer for every three rows: x86 can add once and twice a stride in an address, not more.
  const float* a[4] = {t.a, t.a + 3 * t.a_row, t.a + 6 * t.a_row, t.a + 9 * t.a_row};
  const float* b = t.b;
  const Dim a_row = t.a_row, a_col = t.a_col, b_row = t.b_row;
  const int tail = t.out.tail;
  for (Dim k = t.depth; k > 0; --k) {
    Vec column[NV];
    HORNET_UNROLL
    for (int v = 0; v < NV; ++v) {
      const bool masked = MaskB && v == NV - 1;
      column[v] = masked ? load_n(b + v * kLanes, tail) : load(b + v * kLanes);
    }
    HORNET_UNROLL
    for (int i = 0; i < M; ++i) {
      const Vec x = set1(a[i / 3][i % 3 * a_row]);
      HORNET_UNROLL
      for (int v = 0; v < NV; ++v) sum[i][v] = fma(x, column[v], sum[i][v]);
    }
    b += b_row;
    for (int g = 0; g < (M + 2) / 3; ++g) a[g] += a_col;
  }
  finish_tile<M, NV>(t.out, t.c, sum);
}

using TileFn = void (*)(const TileCall&);
template <int NV, bool MaskB, int... M>
TileFn pick_tile(int rows, std::integer_sequence<int, M...>) {
  static constexpr TileFn tiles[] = {gemm_tile<M + 1, NV, MaskB>...};
  return tiles[rows - 1];
}
TileFn tile_for(int rows, int vectors, bool mask_b) {
  constexpr auto all = std::make_integer_sequence<int, kTileRows>();
  if (vectors == 1) return mask_b ? pick_tile<1, true>(rows, all) : pick_tile<1, false>(rows, all);
  return mask_b ? pick_tile<2, true>(rows, all) : pick_tile<2, false>(rows, all);
}
