// Tiles of dw over bands of pixels.
#include "backend/simd/math_body.h"
#include "backend/simd/pack_body.h"
#include "backend/simd/tile_body.h"

struct WeightsTileCall {
  const float* x;
  Dim x_row, x_pixel;
  const Dim* offsets;
  const float* dy;
  Dim dy_row, dy_pixel;
  Dim rows, pixels;
  float* sums;
  TileOut out;
};

template <int M, int NV>
void weights_tile(const WeightsTileCall& t) {
  constexpr int kThrees = (M + 2) / 3;
  Vec sum[M][NV];
  start_tile<M, NV>(t.out, t.sums, sum);
  const Dim x_pixel = t.x_pixel, dy_pixel = t.dy_pixel;
  for (Dim r = 0; r < t.rows; ++r) {
    const float* x[kThrees];
    for (int g = 0; g < kThrees; ++g) x[g] = t.x + r * t.x_row + t.offsets[g];
    const float* dy = t.dy + r * t.dy_row;
    for (Dim p = t.pixels; p > 0; --p) {
      Vec column[NV];
      HORNET_UNROLL
      for (int v = 0; v < NV; ++v) column[v] = load(dy + v * kLanes);
      HORNET_UNROLL
      for (int i = 0; i < M; ++i) {
        const Vec value = set1(x[i / 3][i % 3]);
        HORNET_UNROLL
        for (int v = 0; v < NV; ++v) sum[i][v] = fma(value, column[v], sum[i][v]);
      }
      dy += dy_pixel;
      HORNET_UNROLL
      for (int g = 0; g < kThrees; ++g) x[g] += x_pixel;
    }
  }
  finish_tile<M, NV>(t.out, t.sums, sum);
}

using WeightsTileFn = void (*)(const WeightsTileCall&);
template <int NV, int... M>
WeightsTileFn pick_weights_tile(int rows, std::integer_sequence<int, M...>) {
  static constexpr WeightsTileFn tiles[] = {weights_tile<M + 1, NV>...};
  return tiles[rows - 1];
}
WeightsTileFn weights_tile_for(int rows, int vectors) {
  constexpr auto all = std::make_integer_sequence<int, kTileRows>();
  return vectors == 1 ? pick_weights_tile<1>(rows, all) : pick_weights_tile<2>(rows, all);
}

void weights_band(const WeightsPlan& plan, const float* x, const float* dy, Dim rows, Dim p0,
                  Dim p1, float* sums, float* packed) {
  const ConvPass& pass = plan.pass;
  WeightsTileCall t;
  t.x_row = pass.y.step * pass.pitch;
  t.x_pixel = pass.x.step * pass.channels;
  t.x = x;
  t.rows = rows;
  t.pixels = pass.x.outputs;
  t.out.bias = nullptr;
  t.out.tail = kLanes;
  t.out.accumulate = true;
  t.out.relu = false;
  for (Dim panel = p0; panel < p1; ++panel) {
    const Dim j = panel * kTileColumns;
    const int width = panel_width(pass.out_channels - j);
    if (plan.packs_dy) {
      const int count = static_cast<int>(std::min<Dim>(width, pass.out_channels - j));
      pack_straight(dy + j, pass.out_channels, rows * t.pixels, width, count, packed);
      t.dy = packed;
      t.dy_pixel = width;
    } else {
      t.dy = dy + j;
      t.dy_pixel = pass.out_channels;
    }
    t.dy_row = t.pixels * t.dy_pixel;
    t.out.c_row = width;
    for (const WeightsTile& tile : plan.tiles) {
      t.offsets = tile.offsets;
      t.sums = sums + j * plan.depth + tile.row * width;
      weights_tile_for(tile.rows, width / kLanes)(t);
    }
  }
}

void weights_range(const WeightsPlan& plan, const float* x, const float* dy, Dim i0, Dim i1, Dim p0,
                   Dim p1, float* sums, float* scratch) {
  const ConvPass& pass = plan.pass;
  const Dim first = p0 * kTileColumns, end = std::min(plan.padded_columns, p1 * kTileColumns);
  std::memset(sums + first * plan.depth, 0, (end - first) * plan.depth * sizeof(float));
  const Dim dy_row = pass.x.outputs * pass.out_channels;
  float* packed = scratch + pass.band_floats();
  for (Dim image = i0; image < i1; ++image) {
    const float* source = x + image * pass.y.inputs * pass.x.inputs * pass.channels;
    for (Dim r = 0; r < pass.y.outputs; r += pass.band_rows) {
      const Dim rows = std::min(pass.band_rows, pass.y.outputs - r);
      const float* band = source + pass.source_offset() + r * pass.y.step * pass.pitch;
      if (pass.copies) {
        copy_band(pass, source, r * pass.y.step + pass.y.first,
                  (rows - 1) * pass.y.step + pass.y.span(), scratch);
        band = scratch;
      }
      weights_band(plan, band, dy + (image * pass.y.outputs + r) * dy_row, rows, p0, p1, sums,
                   packed);
    }
  }
}

void weights_collect(const WeightsPlan& plan, const float* sums, Dim count, Dim panel, float* dw) {
  const Dim out = plan.pass.out_channels, j = panel * kTileColumns;
  const Dim size = plan.depth * plan.padded_columns;
  const int width = panel_width(out - j);
  for (Dim row = 0; row < plan.depth; ++row) {
    for (int v = 0; v < width; v += kLanes) {
      const float* from = sums + j * plan.depth + row * width + v;
      Vec sum = load(from);
      for (Dim i = 1; i < count; ++i) sum = add(sum, load(from + i * size));
      store_n(dw + row * out + j + v, sum, static_cast<int>(std::min<Dim>(kLanes, out - j - v)));
    }
  }
}

const WeightsTable weights_table = {kLanes, kTileRows, weights_range, weights_collect};
