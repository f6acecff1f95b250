// What an image data generator does to one picture: random transformation, then standardization.
#pragma once
#include <memory>
#include <vector>

#include "image/affine.h"
#include "image/pixels.h"
#include "image/random.h"

namespace hornet {

// How far a shift goes: a uniform fraction or number of pixels, or a choice of whole values with a
// random sign. Fractions are of the picture's size.
struct ShiftRange {
  enum class Kind { none, uniform, integer, choice } kind = Kind::none;
  std::vector<double> values;  // uniform: its range; integer: how many; choice: these

  double draw(NumpyRandom& random, int size) const;
};

// The random part. Zero ranges draw nothing, except for the flips: those always draw.
struct Augmentation {
  double rotation = 0, shear = 0, channel_shift = 0;  // degrees, degrees, +- value
  ShiftRange height_shift, width_shift;
  double zoom[2] = {1, 1};
  bool horizontal_flip = false, vertical_flip = false;
  bool has_brightness = false;
  double brightness[2] = {1, 1};
  FillMode fill = FillMode::nearest;
  float cval = 0;
};

// One draw. Degrees, pixels, factors.
struct TransformParams {
  double theta = 0, tx = 0, ty = 0, shear = 0, zx = 1, zy = 1;
  bool flip_horizontal = false, flip_vertical = false;
  bool has_channel_shift = false, has_brightness = false;
  double channel_shift = 0, brightness = 1;
};

// Draws in the reference's order.
TransformParams draw_transform(const Augmentation& a, NumpyRandom& random, int height, int width);

// What fit_image_data_generator() learned; per channel, and for whitening a symmetric matrix over
// all (row, column, channel) values of a picture.
struct Statistics {
  std::vector<float> mean, std, principal;
};

// Recognised preprocessing functions that run natively.
enum class Preprocess : std::uint8_t { none, imagenet, arithmetic };

// One operation with a constant on the right: + - * or /.
struct ArithmeticStep {
  char operation;
  double number;
};

struct Standardization {
  Preprocess preprocess = Preprocess::none;
  std::vector<ArithmeticStep> arithmetic;
  double rescale = 0;  // 0: none
  bool samplewise_center = false, samplewise_std = false;
  bool featurewise_center = false, featurewise_std = false, whiten = false;
  std::shared_ptr<const Statistics> statistics;  // may be null: not fitted

  bool is_rescale_only() const {
    return preprocess == Preprocess::none && !samplewise_center && !samplewise_std &&
           (!statistics || (!featurewise_center && !featurewise_std && !whiten));
  }
};

struct AugmentScratch {
  std::vector<float> whitened;
};

// Applies `params` to a picture; `out` has its shape. `scale` multiplies the result.
void apply_transform(const ImageView& in, const Augmentation& a, const TransformParams& params,
                     float scale, float* out);

// Standardizes in place. Throws Error if the statistics are for another shape.
void standardize(const Standardization& s, const PixelShape& shape, AugmentScratch& scratch,
                 float* x);

// Values of the whole picture lifted above zero and stretched so that the largest is 255, then cut
// to whole numbers: how the reference makes a picture file of an array.
void to_displayable(const float* x, std::size_t n, std::uint8_t* out);

// Cut to 0..255 and to whole numbers.
void to_bytes(const float* x, std::size_t n, std::uint8_t* out);

}  // namespace hornet
