// The gradient of a convolution's weights. A register tile holds a few rows of dw (an input cell
// under the window) times two vectors of output channels, and walks over pixels.
#pragma once
#include "backend/simd/conv.h"

namespace hornet::simd {

// Rows [row, row + rows) of dw seen as (rows x columns x in, out). Their inputs lie in threes side
// by side, `offsets` from a pixel's first input.
struct WeightsTile {
  Dim row;
  int rows;
  Dim offsets[4];
};

struct WeightsPlan {
  ConvPass pass;  // how windows lie in x; bands as large as the caches like
  std::vector<WeightsTile> tiles;
  Dim depth = 0, padded_columns = 0;  // of a partial sum: rows of dw, and columns in whole panels
  bool packs_dy = false;              // dy is copied to panels, band by band
};

struct WeightsTable {
  int lanes, tile_rows;
  // Adds images [i0, i1) to the panels [p0, p1) of `sums`, which start from zero.
  void (*range)(const WeightsPlan& plan, const float* x, const float* dy, Dim i0, Dim i1, Dim p0,
                Dim p1, float* sums, float* scratch);
  // dw's panel: the partial sums added in order.
  void (*collect)(const WeightsPlan& plan, const float* sums, Dim count, Dim panel, float* dw);
};

// Images are dealt to a number of partial sums that depends on the shape alone, and these are added
// in order: the result is the same for any number of threads.
class ConvWeightsGradient {
 public:
  explicit ConvWeightsGradient(const ConvGeometry& geometry);
  std::size_t workspace_bytes() const;
  void run(const float* x, const float* dy, float* dw, void* workspace) const;

 private:
  const WeightsTable* table_;
  Dim batch_;
  WeightsPlan plan_;
  Dim partials_ = 1, panels_ = 1;
  Dim sums_ = 0, scratch_ = 0;  // floats a partial sum, and a slot
  int slots_ = 1;
};

}  // namespace hornet::simd
