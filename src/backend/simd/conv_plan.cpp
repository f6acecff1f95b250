// From a convolution's geometry to the memory its tiles walk over.
#include <algorithm>
#include <cstring>

#include "backend/simd/conv.h"

namespace hornet::simd {

ConvGeometry::ConvGeometry(const Attrs& attrs, const Shape& x, const Shape& w, const Shape& y)
    : batch(x[0]),
      height(x[1]),
      width(x[2]),
      channels(x[3]),
      rows(w[0]),
      columns(w[1]),
      out_height(y[1]),
      out_width(y[2]),
      out_channels(y[3]) {
  const auto strides = attrs.integers("strides", {1, 1});
  const auto padding = attrs.integers("padding", {0, 0, 0, 0});
  const auto dilation = attrs.integers("dilation", {1, 1});
  stride_y = strides[0];
  stride_x = strides[1];
  top = padding[0];
  left = padding[2];
  dilation_y = dilation[0];
  dilation_x = dilation[1];
}

TapAxis forward_axis(Dim outputs, Dim inputs, Dim taps, Dim stride, Dim padding, Dim dilation) {
  TapAxis axis{outputs, inputs, stride, -padding, {}, {}};
  for (Dim t = 0; t < taps; ++t) {
    axis.offsets.push_back(t * dilation);
    axis.taps.push_back(t);
  }
  return axis;
}

TapAxis backward_axis(Dim inputs, Dim outputs, Dim taps, Dim stride, Dim padding, Dim dilation,
                      Dim residue) {
  TapAxis axis{(inputs - residue + stride - 1) / stride, outputs, 1, 0, {}, {}};
  // Input residue + stride i met output o through tap t if
  // residue + stride i + padding - t dilation = stride o. Later taps meet earlier outputs.
  for (Dim t = taps - 1; t >= 0; --t) {
    const Dim ahead = residue + padding - t * dilation;
    if (ahead % stride != 0) continue;
    if (axis.taps.empty()) axis.first = ahead / stride;
    axis.offsets.push_back(ahead / stride - axis.first);
    axis.taps.push_back(t);
  }
  return axis;
}

void plan_segments(ConvPass& pass, Dim depth_limit) {
  pass.depth = static_cast<Dim>(pass.y.taps.size() * pass.x.taps.size()) * pass.channels;
  pass.copies = pass.depth > 0 && !(pass.y.inside() && pass.x.inside());
  pass.pitch = (pass.copies ? pass.x.extent() : pass.x.inputs) * pass.channels;

  // Taps side by side in memory make one run.
  std::vector<Segment> runs;
  for (int tap = 0; tap < static_cast<int>(pass.y.offsets.size()); ++tap) {
    bool extends = false;
    for (Dim column : pass.x.offsets) {
      const Dim offset = pass.y.offsets[tap] * pass.pitch + column * pass.channels;
      if (extends && runs.back().offset + runs.back().run == offset) {
        runs.back().run += pass.channels;
      } else {
        runs.push_back({offset, pass.channels, tap});
      }
      extends = true;
    }
  }
  pass.segments.clear();
  pass.blocks = {0};
  const Dim parts = std::max<Dim>(1, (pass.depth + depth_limit - 1) / depth_limit);
  Dim done = 0;
  for (const Segment& run : runs) {
    for (Dim used = 0; used < run.run;) {
      const Dim part = static_cast<Dim>(pass.blocks.size());
      const Dim border = pass.depth * part / parts;
      const Dim length = std::min(run.run - used, border - done);
      pass.segments.push_back({run.offset + used, length, run.tap});
      used += length;
      done += length;
      if (done == border && done < pass.depth) {
        pass.blocks.push_back(static_cast<int>(pass.segments.size()));
      }
    }
  }
  pass.blocks.push_back(static_cast<int>(pass.segments.size()));
}

void copy_band(const ConvPass& pass, const float* image, Dim first_row, Dim rows, float* band) {
  const Dim width = pass.x.inputs, channels = pass.channels;
  const Dim begin = std::clamp<Dim>(-pass.x.first, 0, pass.x.extent());
  const Dim end = std::clamp<Dim>(width - pass.x.first, begin, pass.x.extent());
  for (Dim r = 0; r < rows; ++r, band += pass.pitch) {
    const Dim row = first_row + r;
    if (row < 0 || row >= pass.y.inputs || begin == end) {
      std::memset(band, 0, pass.pitch * sizeof(float));
      continue;
    }
    const float* from = image + (row * width + pass.x.first + begin) * channels;
    std::memset(band, 0, begin * channels * sizeof(float));
    std::memcpy(band + begin * channels, from, (end - begin) * channels * sizeof(float));
    std::memset(band + end * channels, 0, (pass.x.extent() - end) * channels * sizeof(float));
  }
}

}  // namespace hornet::simd
