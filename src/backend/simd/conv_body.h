// The walk of a ConvPass. A tile is kTileRows neighbouring output pixels times two vectors of
// output channels; what a pixel reads is the same set of runs, one pixel further on.
#include "backend/simd/activation_body.h"
#include "backend/simd/pack_body.h"
#include "backend/simd/tile_body.h"

struct ConvTile {
  const float* src;  // first input of the first pixel
  Dim pixel;         // floats from one pixel's first input to the next one's
  const Segment* segments;
  int count;
  const float* weights;
  TileOut out;
};

template <int M, int NV>
void conv_tile(const ConvTile& t) {
  Vec sum[M][NV];
  start_tile<M, NV>(t.out, sum);
  const Dim pixel = t.pixel;
  const float* w = t.weights;
  for (int s = 0; s < t.count; ++s) {
    const float* first = t.src + t.segments[s].offset;
    const float* x[4] = {first, first + 3 * pixel, first + 6 * pixel, first + 9 * pixel};
    for (Dim k = t.segments[s].run; k > 0; --k) {
      Vec column[NV];
      HORNET_UNROLL
      for (int v = 0; v < NV; ++v) column[v] = load(w + v * kLanes);
      HORNET_UNROLL
      for (int i = 0; i < M; ++i) {
        const Vec value = set1(x[i / 3][i % 3 * pixel]);
        HORNET_UNROLL
        for (int v = 0; v < NV; ++v) sum[i][v] = fma(value, column[v], sum[i][v]);
      }
      w += NV * kLanes;
      for (int g = 0; g < (M + 2) / 3; ++g) ++x[g];
    }
  }
  finish_tile<M, NV>(t.out, sum);
}

using ConvTileFn = void (*)(const ConvTile&);
template <int NV, int... M>
constexpr ConvTileFn pick_conv_tile(int pixels, std::integer_sequence<int, M...>) {
  constexpr ConvTileFn tiles[] = {conv_tile<M + 1, NV>...};
  return tiles[pixels - 1];
}
ConvTileFn conv_tile_for(int pixels, int vectors) {
  constexpr auto all = std::make_integer_sequence<int, kTileRows>();
  return vectors == 1 ? pick_conv_tile<1>(pixels, all) : pick_conv_tile<2>(pixels, all);
}

void conv_band(const ConvPass& pass, const ConvCall& call, Dim image, Dim band, float* scratch) {
  const Dim r0 = band * pass.band_rows, r1 = std::min(pass.y.outputs, r0 + pass.band_rows);
  const float* src = call.src + image * pass.y.inputs * pass.x.inputs * pass.channels;
  if (pass.copies) {
    copy_band(pass, src, r0 * pass.y.step + pass.y.first,
              (r1 - r0 - 1) * pass.y.step + pass.y.span(), scratch);
    src = scratch;
  } else {
    src += pass.source_offset() + r0 * pass.y.step * pass.pitch;
  }
  float* dst = call.dst + image * pass.dst_image + pass.dst_offset + r0 * pass.dst_row;
  const EvenSplit columns(pass.x.outputs, kTileRows);
  const int blocks = static_cast<int>(pass.blocks.size()) - 1;
  ConvTile t;
  t.pixel = pass.x.step * pass.channels;
  t.out.c_row = pass.dst_column;
  for (Dim j = 0; j < pass.out_channels;) {
    const int width = panel_width(pass.out_channels - j);
    const int count = static_cast<int>(std::min<Dim>(width, pass.out_channels - j));
    t.out.tail = count - (width - kLanes);
    t.out.bias = call.bias ? call.bias + j : nullptr;
    t.weights = call.weights + j * pass.depth;
    for (int block = 0; block < blocks; ++block) {
      const bool last = block == blocks - 1;
      t.segments = pass.segments.data() + pass.blocks[block];
      t.count = pass.blocks[block + 1] - pass.blocks[block];
      t.out.accumulate = block > 0;
      t.out.relu = last && call.activation == Activation::relu;
      for (Dim r = 0; r < r1 - r0; ++r) {
        const float* row = src + r * pass.y.step * pass.pitch;
        for (Dim i = 0; i < columns.parts; ++i) {
          const Dim column = columns.at(i);
          const int pixels = static_cast<int>(columns.at(i + 1) - column);
          t.src = row + column * t.pixel;
          t.out.c = dst + r * pass.dst_row + column * pass.dst_column + j;
          conv_tile_for(pixels, width / kLanes)(t);
          if (last && call.activation > Activation::relu) {
            activate_rows(call.activation, t.out.c, t.out.c_row, pixels, count);
          }
        }
      }
      for (int s = 0; s < t.count; ++s) t.weights += t.segments[s].run * width;
    }
    j += width;
  }
}

// One panel, from `first_column` on.
void conv_pack(const ConvPass& pass, const ConvGeometry& geometry, bool transposed, const float* w,
               Dim first_column, float* packed) {
  const Dim in = geometry.channels, out = geometry.out_channels;
  const int width = panel_width(pass.out_channels - first_column);
  const int count = static_cast<int>(std::min<Dim>(width, pass.out_channels - first_column));
  packed += first_column * pass.depth;
  for (Dim row : pass.y.taps) {
    for (Dim column : pass.x.taps) {
      const float* tap = w + (row * geometry.columns + column) * in * out;
      if (transposed) {
        pack_transposed(tap + first_column * out, out, out, width, count, packed);
      } else {
        pack_straight(tap + first_column, out, in, width, count, packed);
      }
      packed += pass.channels * width;
    }
  }
}

const ConvTable conv_table = {kLanes, kLanes == 8 ? 256 : 384, conv_pack, conv_band};
