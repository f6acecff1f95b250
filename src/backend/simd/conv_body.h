// The walk of a ConvPass. A tile is kTileRows neighbouring output pixels times two vectors of
// output channels; what a pixel reads is the same set of runs, one pixel further on.
#include "backend/simd/activation_body.h"
#include "backend/simd/pack_body.h"
#include "backend/simd/tile_body.h"

struct ConvTile {
  Dim pixel;  // floats from one pixel's first input to the next one's
  const Segment* segments;
  int count;
  const float* weights;
  TileOut out;
};

// Adds what input number D from x on, of each pixel, gives with the D-th line of weights.
template <int M, int NV, int D>
HORNET_INLINE void add_products(const float* const (&x)[4], Dim pixel, const float* w,
                                Vec (&sum)[M][NV]) {
  Vec column[NV];
  HORNET_UNROLL
  for (int v = 0; v < NV; ++v) column[v] = load(w + (D * NV + v) * kLanes);
  HORNET_UNROLL
  for (int i = 0; i < M; ++i) {
    const Vec value = set1(x[i / 3][i % 3 * pixel + D]);
    HORNET_UNROLL
    for (int v = 0; v < NV; ++v) sum[i][v] = fma(value, column[v], sum[i][v]);
  }
}

// `src`: the first input of the first pixel.
template <int M, int NV>
void conv_tile(const ConvTile& t, const float* src, float* dst) {
  Vec sum[M][NV];
  start_tile<M, NV>(t.out, dst, sum);
  const Dim pixel = t.pixel;
  const float* w = t.weights;
  for (int s = 0; s < t.count; ++s) {
    const float* first = src + t.segments[s].offset;
    const float* x[4] = {first, first + 3 * pixel, first + 6 * pixel, first + 9 * pixel};
    const auto advance = [&](int d) {
      w += d * NV * kLanes;
      for (int g = 0; g < (M + 2) / 3; ++g) x[g] += d;
    };
    Dim k = t.segments[s].run;
    // By threes: kernels are three wide, mostly.
    for (; k >= 3; k -= 3) {
      add_products<M, NV, 0>(x, pixel, w, sum);
      add_products<M, NV, 1>(x, pixel, w, sum);
      add_products<M, NV, 2>(x, pixel, w, sum);
      advance(3);
    }
    for (; k > 0; --k) {
      add_products<M, NV, 0>(x, pixel, w, sum);
      advance(1);
    }
  }
  finish_tile<M, NV>(t.out, dst, sum);
}

using ConvTileFn = void (*)(const ConvTile&, const float*, float*);
template <int NV, int... M>
const ConvTileFn* list_conv_tiles(std::integer_sequence<int, M...>) {
  static constexpr ConvTileFn tiles[] = {conv_tile<M + 1, NV>...};
  return tiles;
}
// The tiles of 1, 2, ... pixels.
const ConvTileFn* conv_tiles_of(int vectors) {
  constexpr auto all = std::make_integer_sequence<int, kTileRows>();
  return vectors == 1 ? list_conv_tiles<1>(all) : list_conv_tiles<2>(all);
}

// The segments of a block that lie under rows of the image, and the weights before them.
struct RowSegments {
  int first, count;
  Dim skipped;

  RowSegments(const ConvPass& pass, int block, Dim row) : first(pass.blocks[block]), skipped(0) {
    int last = pass.blocks[block + 1];
    const auto outside = [&](int s) {
      const Dim input = row * pass.y.step + pass.y.first + pass.y.offsets[pass.segments[s].tap];
      return input < 0 || input >= pass.y.inputs;
    };
    for (; first < last && outside(first); ++first) skipped += pass.segments[first].run;
    while (last > first && outside(last - 1)) --last;
    count = last - first;
  }
};

// A panel of output channels, from channel `first` on, in one row of outputs and one depth block.
struct ConvPanel {
  ConvTile tile;
  const ConvTileFn* tiles;
  Dim first;
  int channels;
  Activation rest;  // what finish_tile() does not do

  ConvPanel() = default;
  // `weights`: the panel's, from the block on.
  ConvPanel(const ConvPass& pass, const ConvCall& call, int block, const RowSegments& segments,
            Dim first, const float* weights)
      : first(first), rest(Activation::linear) {
    const int width = panel_width(pass.out_channels - first);
    tiles = conv_tiles_of(width / kLanes);
    channels = static_cast<int>(std::min<Dim>(width, pass.out_channels - first));
    tile.pixel = pass.x.step * pass.channels;
    tile.segments = pass.segments.data() + segments.first;
    tile.count = segments.count;
    tile.weights = weights + segments.skipped * width;
    tile.out.c_row = pass.dst_column;
    tile.out.bias = call.bias ? call.bias + first : nullptr;
    tile.out.tail = channels - (width - kLanes);
    tile.out.accumulate = block > 0;
    const bool last = block + 2 == static_cast<int>(pass.blocks.size());
    tile.out.relu = last && call.activation == Activation::relu;
    if (last && call.activation > Activation::relu) rest = call.activation;
  }
  // `src`: the first input of the first pixel; `dst`: its first channel.
  void run(const float* src, float* dst, int pixels) const {
    tiles[pixels - 1](tile, src, dst + first);
    if (rest != Activation::linear) {
      activate_rows(rest, dst + first, tile.out.c_row, pixels, channels);
    }
  }
};

// Where there are few operations a pixel, writing counts. It goes best in the order of memory: all
// channels of a row at once, with weights that stay in the first-level cache together.
constexpr int kShallowPanels = 8;
constexpr Dim kShallowFloats = 1024;

// `src` and `dst`: the row's first pixel.
void shallow_row(const ConvPass& pass, const ConvCall& call, Dim row, const float* src,
                 float* dst) {
  const RowSegments segments(pass, 0, row);
  ConvPanel panels[kShallowPanels];
  int count = 0;
  for (Dim j = 0; j < pass.out_channels; j += kTileColumns) {
    panels[count++] = ConvPanel(pass, call, 0, segments, j, call.weights + j * pass.depth);
  }
  const EvenSplit columns(pass.x.outputs, kTileRows);
  const Dim pixel = panels[0].tile.pixel;
  for (Dim i = 0; i < columns.parts; ++i) {
    const int pixels = static_cast<int>(columns.at(i + 1) - columns.at(i));
    for (int p = 0; p < count; ++p) panels[p].run(src, dst, pixels);
    src += pixels * pixel;
    dst += pixels * pass.dst_column;
  }
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
  const Dim src_row = pass.y.step * pass.pitch;
  const int blocks = static_cast<int>(pass.blocks.size()) - 1;
  if (blocks == 1 && pass.depth * pass.out_channels <= kShallowFloats &&
      pass.out_channels <= kShallowPanels * kTileColumns) {
    for (Dim r = r0; r < r1; ++r, src += src_row, dst += pass.dst_row) {
      shallow_row(pass, call, r, src, dst);
    }
    return;
  }
  const EvenSplit columns(pass.x.outputs, kTileRows);
  for (Dim j = 0; j < pass.out_channels;) {
    const int width = panel_width(pass.out_channels - j);
    const float* weights = call.weights + j * pass.depth;
    for (int block = 0; block < blocks; ++block) {
      for (Dim r = 0; r < r1 - r0; ++r) {
        ConvPanel panel(pass, call, block, RowSegments(pass, block, r0 + r), j, weights);
        for (Dim i = 0; i < columns.parts; ++i) {
          const Dim column = columns.at(i);
          panel.run(src + r * src_row + column * panel.tile.pixel,
                    dst + r * pass.dst_row + column * pass.dst_column,
                    static_cast<int>(columns.at(i + 1) - column));
        }
      }
      for (int s = pass.blocks[block]; s < pass.blocks[block + 1]; ++s) {
        weights += pass.segments[s].run * width;
      }
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
