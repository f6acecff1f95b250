// Depthwise convolution over NHWC images, a vector of channels at a time; one kernel a channel.
// Forward and backward-data are the same walk, as in conv.h.
#pragma once
#include <vector>

#include "backend/simd/conv.h"

namespace hornet::simd {

// What one cell of the kernel reads, in floats: from an output pixel's first input, and in w.
struct DepthwiseTap {
  Dim offset, weights;
};

// A sum over taps for a grid of output pixels.
struct DepthwisePass {
  TapAxis y, x;
  Dim channels = 0;
  std::vector<DepthwiseTap> taps;         // row-major over the axes' taps
  Dim first_inside = 0, last_inside = 0;  // columns whose taps all lie in the image
  Dim dst_offset = 0, dst_row = 0, dst_column = 0, dst_image = 0;
};

struct DepthwiseTable {
  // Rows [begin, end) of the grid, counted over the batch.
  void (*rows)(const DepthwisePass& pass, const float* src, const float* w, float* dst, Dim begin,
               Dim end);
  // Adds to dw what rows [begin, end) of dy give; `pass` is the forward one.
  void (*add_weights)(const DepthwisePass& pass, const float* x, const float* dy, float* dw,
                      Dim begin, Dim end);
};

}  // namespace hornet::simd
