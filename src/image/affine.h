// Rotation, shift, shear, zoom and flips of a picture, as scipy's affine_transform of order 1
// resamples it.
#pragma once
#include "image/pixels.h"

namespace hornet {

// What lies beyond the edge. `constant` doesn't blend toward its value; `wrap` has the period
// n - 1 that scipy gives it.
enum class FillMode : std::uint8_t { nearest, constant, reflect, wrap };

// Where an output pixel (y, x) is taken from: row m[0] y + m[1] x + m[2], column m[3] y + m[4] x +
// m[5].
struct AffineMap {
  double m[6] = {1, 0, 0, 0, 1, 0};
  bool identity = true;  // then nothing is resampled
};

// Degrees and pixels. The centre is (h/2 + 0.5, w/2 + 0.5), as in the reference.
AffineMap affine_map(double theta, double tx, double ty, double shear, double zx, double zy,
                     int height, int width);

struct Geometry {
  AffineMap map;
  FillMode fill = FillMode::nearest;
  float cval = 0;
  bool flip_horizontal = false, flip_vertical = false;  // after the map
};

// out = the picture after `geometry`, times `scale`; same shape, floats. The floats of `in`, if it
// has floats, are followed by kPixelPadding readable bytes.
// `transform_exact` computes in double and rounds once, like scipy; `transform` may differ by 1e-4
// on the scale of 0..255, except that a picture which isn't resampled is exact in both.
void transform(const ImageView& in, const Geometry& geometry, float scale, float* out);
void transform_exact(const ImageView& in, const Geometry& geometry, float scale, float* out);

}  // namespace hornet
