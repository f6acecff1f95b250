// Convolution over NHWC images as a walk of register tiles: no im2col, no other layout. Forward and
// backward-data are the same walk (a ConvPass) over differently ordered weights.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "backend/function_kernel.h"
#include "backend/simd/sgemm.h"
#include "graph/builder.h"

namespace hornet::simd {

// Sizes of a convolution from x (batch, height, width, channels) to y (batch, out_height, ...).
struct ConvGeometry {
  Dim batch, height, width, channels;
  Dim rows, columns;  // of the kernel
  Dim out_height, out_width, out_channels;
  Dim stride_y, stride_x, top, left, dilation_y, dilation_x;

  ConvGeometry(const Attrs& attrs, const Shape& x, const Shape& w, const Shape& y);
  double flops() const {
    return 2.0 * batch * out_height * out_width * out_channels * rows * columns * channels;
  }
  // y is x, seen as a matrix of pixels, times w.
  bool is_product() const {
    return rows == 1 && columns == 1 && stride_y == 1 && stride_x == 1 && out_height == height &&
           out_width == width;
  }
};

// What a kernel reads along one axis: output i meets its t-th tap at input i * step + first +
// offsets[t]. Taps are sorted by offset, the smallest being 0.
struct TapAxis {
  Dim outputs = 0, inputs = 0, step = 1, first = 0;
  std::vector<Dim> offsets, taps;  // taps[t]: index into the kernel

  Dim span() const { return offsets.empty() ? 1 : offsets.back() + 1; }
  // Inputs from `first` to the end of the last window.
  Dim extent() const { return (outputs - 1) * step + span(); }
  bool inside() const { return first >= 0 && first + extent() <= inputs; }
};

// `run` floats in memory order, `offset` from an output pixel's first input; all under the kernel's
// `tap`-th row of those that the axis lists.
struct Segment {
  Dim offset, run;
  int tap;
};

// A sum over taps for a grid of output pixels.
struct ConvPass {
  TapAxis y, x;
  Dim channels = 0, out_channels = 0;
  // Where the grid's pixels lie, in floats.
  Dim dst_offset = 0, dst_row = 0, dst_column = 0, dst_image = 0;
  bool copies = false;            // windows leave the image: bands are copied
  Dim pitch = 0;                  // floats a row of what is read
  std::vector<Segment> segments;  // by depth, cut at the depth blocks
  std::vector<int> blocks;        // first segment of each block, and the end
  Dim depth = 0;
  Dim band_rows = 1;  // output rows a task takes

  // Where source rows begin for band row 0, if not copied.
  Dim source_offset() const { return (y.first * x.inputs + x.first) * channels; }
  Dim bands() const { return (y.outputs + band_rows - 1) / band_rows; }
  Dim band_floats() const { return copies ? ((band_rows - 1) * y.step + y.span()) * pitch : 0; }
};

struct ConvCall {
  const float* src;
  const float* weights;  // packed: a panel after the other, each `depth` lines
  const float* bias;
  float* dst;
  Activation activation;
};

struct ConvTable {
  int lanes;
  Dim depth_limit;
  // Panels of w (taps, in, out): columns are out channels, or in channels if `transposed`.
  void (*pack)(const ConvPass& pass, const ConvGeometry& geometry, bool transposed, const float* w,
               Dim first_column, float* packed);
  void (*band)(const ConvPass& pass, const ConvCall& call, Dim image, Dim band, float* scratch);
};

// Forward, or backward-data: one pass for each residue of the strides.
class Convolution {
 public:
  enum Direction { forward, backward_data };
  Convolution(const ConvGeometry& geometry, Direction direction, Activation activation);
  std::size_t workspace_bytes() const;
  // Forward: src is x, dst is y. Backward-data: src is dy, dst is dx.
  void run(const float* src, const float* w, const float* bias, float* dst, void* workspace) const;

 private:
  ConvGeometry geometry_;
  bool transposed_;
  Activation activation_;
  const ConvTable* table_;
  std::vector<ConvPass> passes_;
  std::vector<Dim> packed_;  // where each pass's weights begin, in floats, and the end
  Dim scratch_ = 0;          // floats a slot
  int slots_ = 1;
};

// Kernels of convolutions of these sizes. Null if there is nothing to compute.
std::unique_ptr<Kernel> conv_kernel(const ConvGeometry& geometry);          // x, w -> y
std::unique_ptr<Kernel> conv_data_kernel(const ConvGeometry& geometry);     // dy, w -> dx
std::unique_ptr<Kernel> conv_weights_kernel(const ConvGeometry& geometry);  // x, dy -> dw

// Which inputs the outputs along an axis of a convolution see.
TapAxis forward_axis(Dim outputs, Dim inputs, Dim taps, Dim stride, Dim padding, Dim dilation);
// Reverse: inputs `residue`, residue + stride, ... of a convolution, from its outputs.
TapAxis backward_axis(Dim inputs, Dim outputs, Dim taps, Dim stride, Dim padding, Dim dilation,
                      Dim residue);
// Fills in segments, blocks, depth, pitch and copies from the axes.
void plan_segments(ConvPass& pass, Dim depth_limit);

// Rows [first_row, first_row + rows) of an image as the pass reads them, zeros where there is none.
void copy_band(const ConvPass& pass, const float* image, Dim first_row, Dim rows, float* band);

}  // namespace hornet::simd
