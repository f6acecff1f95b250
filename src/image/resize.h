// Resizing of 8-bit pictures by Pillow's six kernels, bit for bit, and of float pictures by the
// corner-aligned bilinear rule of scipy's zoom.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "image/pixels.h"

namespace hornet {

// All but `nearest` are antialiased: their support grows with the reduction.
enum class ResizeKernel : std::uint8_t { nearest, box, bilinear, hamming, bicubic, lanczos };

// Weights of one axis, made once for a pair of sizes.
struct ResizeTable {
  int in = 0, out = 0;
  ResizeKernel kernel = ResizeKernel::nearest;
  int taps = 0;            // weights a target; a multiple of 8, the surplus zero
  std::vector<int> first;  // of the source pixels (nearest: the source pixel)
  std::vector<int> count;
  std::vector<std::int32_t> weights;    // fixed point, 22 bits after the point
  std::vector<std::int16_t> high, low;  // weights = high * 2^15 + low, for 16-bit products
};

// The last tables of one axis. A table stays valid until the next call.
class ResizeTables {
 public:
  const ResizeTable& get(int in, int out, ResizeKernel kernel);

 private:
  static constexpr std::size_t kTables = 16;
  std::vector<std::unique_ptr<ResizeTable>> tables_;
  std::size_t newest_ = 0;
};

// What one thread reuses.
struct ResizeScratch {
  ResizeTables rows, columns;
  Pixels between, premultiplied;  // between the two passes; RGBA before them

  void trim();
};

// `out` is another picture than `in`; 1, 3 or 4 channels. RGBA is resampled premultiplied.
void resize(const Pixels& in, int height, int width, ResizeKernel kernel, ResizeScratch& scratch,
            Pixels& out);

// rows x columns x channels floats to another number of rows and columns; corners stay.
void zoom(const float* in, const PixelShape& shape, int height, int width, float* out);

}  // namespace hornet
