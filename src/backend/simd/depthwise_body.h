// The walk of a DepthwisePass: tiles of a few neighbouring output pixels times a vector of
// channels.
#include "backend/simd/math_body.h"

// Taps [first, last) of an axis whose inputs are inside for output `i`.
struct TapRange {
  int first, last;

  TapRange(const TapAxis& axis, Dim i) : first(0), last(static_cast<int>(axis.offsets.size())) {
    const Dim start = i * axis.step + axis.first;
    while (first < last && start + axis.offsets[first] < 0) ++first;
    while (last > first && start + axis.offsets[last - 1] >= axis.inputs) --last;
  }
};

// One row of a pass: what its tiles share.
struct DepthwiseRow {
  const DepthwiseTap* taps;  // all of the kernel's
  int taps_across;
  TapRange y;
  Dim src;    // of the first input of column 0
  Dim pixel;  // floats from one pixel's first input to the next one's

  DepthwiseRow(const DepthwisePass& pass, Dim row)
      : taps(pass.taps.data()),
        taps_across(static_cast<int>(pass.x.offsets.size())),
        y(pass.y, row % pass.y.outputs),
        src(row / pass.y.outputs * pass.y.inputs * pass.x.inputs * pass.channels +
            ((row % pass.y.outputs * pass.y.step + pass.y.first) * pass.x.inputs + pass.x.first) *
                pass.channels),
        pixel(pass.x.step * pass.channels) {}
};

// P pixels from `column` on, which all see the taps `x`.
template <int P>
HORNET_INLINE void depthwise_tile(const DepthwisePass& pass, const DepthwiseRow& row,
                                  const TapRange& x, Dim column, const float* src, const float* w,
                                  float* dst) {
  const Dim first = row.src + column * row.pixel;
  dst += column * pass.dst_column;
  for (Dim c = 0; c < pass.channels; c += kLanes) {
    const int lanes = static_cast<int>(std::min<Dim>(kLanes, pass.channels - c));
    Vec sum[P];
    HORNET_UNROLL
    for (int p = 0; p < P; ++p) sum[p] = zero();
    for (int ty = row.y.first; ty < row.y.last; ++ty) {
      for (int tx = x.first; tx < x.last; ++tx) {
        const DepthwiseTap& tap = row.taps[ty * row.taps_across + tx];
        const Vec weight = load_n(w + tap.weights + c, lanes);
        const float* from = src + (first + tap.offset + c);
        HORNET_UNROLL
        for (int p = 0; p < P; ++p)
          sum[p] = fma(load_n(from + p * row.pixel, lanes), weight, sum[p]);
      }
    }
    HORNET_UNROLL
    for (int p = 0; p < P; ++p) store_n(dst + p * pass.dst_column + c, sum[p], lanes);
  }
}

constexpr int kDepthwisePixels = 4;

void depthwise_rows(const DepthwisePass& pass, const float* src, const float* w, float* dst,
                    Dim begin, Dim end) {
  for (Dim index = begin; index < end; ++index) {
    const DepthwiseRow row(pass, index);
    float* to = dst + index / pass.y.outputs * pass.dst_image + pass.dst_offset +
                index % pass.y.outputs * pass.dst_row;
    Dim column = 0;
    for (; column < pass.first_inside; ++column)
      depthwise_tile<1>(pass, row, TapRange(pass.x, column), column, src, w, to);
    const TapRange all(pass.x, column);
    for (; column + kDepthwisePixels <= pass.last_inside; column += kDepthwisePixels)
      depthwise_tile<kDepthwisePixels>(pass, row, all, column, src, w, to);
    for (; column < pass.x.outputs; ++column)
      depthwise_tile<1>(pass, row, TapRange(pass.x, column), column, src, w, to);
  }
}

// Adds to the T vectors of dw under `taps` what the columns [begin, end) of one row give. `start`:
// the first input of column 0.
template <int T>
HORNET_INLINE void depthwise_sums(const DepthwisePass& pass, const DepthwiseTap* taps,
                                  const float* x, Dim start, Dim pixel, const float* dy, float* dw,
                                  Dim begin, Dim end, int lanes) {
  Vec sum[T];
  HORNET_UNROLL
  for (int t = 0; t < T; ++t) sum[t] = load_n(dw + taps[t].weights, lanes);
  for (Dim column = begin; column < end; ++column) {
    const Vec diff = load_n(dy + column * pass.channels, lanes);
    HORNET_UNROLL
    for (int t = 0; t < T; ++t)
      sum[t] = fma(load_n(x + (start + column * pixel + taps[t].offset), lanes), diff, sum[t]);
  }
  HORNET_UNROLL
  for (int t = 0; t < T; ++t) store_n(dw + taps[t].weights, sum[t], lanes);
}

void depthwise_add_weights(const DepthwisePass& pass, const float* x, const float* dy, float* dw,
                           Dim begin, Dim end) {
  for (Dim index = begin; index < end; ++index) {
    const DepthwiseRow row(pass, index);
    const float* diff = dy + index * pass.x.outputs * pass.channels;
    for (Dim c = 0; c < pass.channels; c += kLanes) {
      const int lanes = static_cast<int>(std::min<Dim>(kLanes, pass.channels - c));
      const auto add_sums = [&](auto count, const DepthwiseTap* taps, Dim first, Dim last) {
        depthwise_sums<decltype(count)::value>(pass, taps, x, row.src + c, row.pixel, diff + c,
                                               dw + c, first, last, lanes);
      };
      using One = std::integral_constant<int, 1>;
      for (int ty = row.y.first; ty < row.y.last; ++ty) {
        const DepthwiseTap* taps = row.taps + ty * row.taps_across;
        int tx = 0;
        for (; tx + 3 <= row.taps_across; tx += 3)
          add_sums(std::integral_constant<int, 3>(), taps + tx, pass.first_inside,
                   pass.last_inside);
        for (; tx < row.taps_across; ++tx)
          add_sums(One(), taps + tx, pass.first_inside, pass.last_inside);
        const auto add_border = [&](Dim column) {
          const TapRange inside(pass.x, column);
          for (int t = inside.first; t < inside.last; ++t)
            add_sums(One(), taps + t, column, column + 1);
        };
        for (Dim column = 0; column < pass.first_inside; ++column) add_border(column);
        for (Dim column = pass.last_inside; column < pass.x.outputs; ++column) add_border(column);
      }
    }
  }
}

const DepthwiseTable depthwise_table = {depthwise_rows, depthwise_add_weights};
