#include "image/augment.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace hornet {
namespace {

constexpr float kEpsilon = 1e-6f;

void shift_channels(float* x, std::size_t n, float by) {
  const auto range = std::minmax_element(x, x + n);
  const float low = *range.first, high = *range.second;
  for (std::size_t i = 0; i < n; ++i) x[i] = std::min(std::max(x[i] + by, low), high);
}

// Lift and divisor of to_displayable().
struct Stretch {
  float lift, divisor;

  Stretch(const float* x, std::size_t n) {
    const auto range = std::minmax_element(x, x + n);
    lift = std::max(-*range.first, 0.0f);
    divisor = *range.second + lift;
    if (divisor == 0) divisor = 1;
  }
  std::uint8_t operator()(float v) const {
    const float value = (v + lift) / divisor * 255.0f;
    return static_cast<std::uint8_t>(value > 0 ? std::min(value, 255.0f) : 0.0f);
  }
};

void change_brightness(float* x, const PixelShape& shape, float factor) {
  const std::size_t n = shape.bytes();
  const Stretch stretch(x, n);
  float values[256];  // after the factor, by 8-bit value
  for (int v = 0; v < 256; ++v)
    values[v] = std::floor(std::min(std::max(factor * v, 0.0f), 255.0f));
  const bool alpha = shape.channels == 4;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint8_t v = stretch(x[i]);
    x[i] = alpha && i % 4 == 3 ? v : values[v];
  }
}

// What networks of the VGG family were trained on: BGR minus the means of ImageNet.
void imagenet_caffe(float* x, const PixelShape& shape) {
  static const float means[] = {103.939f, 116.779f, 123.68f};
  const std::size_t n = shape.bytes();
  for (std::size_t i = 0; i < n; i += 3) {
    std::swap(x[i], x[i + 2]);
    for (std::size_t c = 0; c < 3; ++c) x[i + c] -= means[c];
  }
}

// In double and rounded once, as R computes it.
void compute(const std::vector<ArithmeticStep>& steps, std::size_t n, float* x) {
  constexpr std::size_t kBlock = 256;
  double values[kBlock];
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    const std::size_t size = std::min(kBlock, n - begin);
    std::copy_n(x + begin, size, values);
    auto each = [&](auto operation) {
      for (std::size_t i = 0; i < size; ++i) values[i] = operation(values[i]);
    };
    for (const ArithmeticStep& step : steps) {
      const double by = step.number;
      if (step.operation == '+') each([by](double v) { return v + by; });
      else if (step.operation == '-') each([by](double v) { return v - by; });
      else if (step.operation == '*') each([by](double v) { return v * by; });
      else each([by](double v) { return v / by; });
    }
    for (std::size_t i = 0; i < size; ++i) x[begin + i] = static_cast<float>(values[i]);
  }
}

void whiten(const Statistics& s, std::size_t n, AugmentScratch& scratch, float* x) {
  scratch.whitened.assign(n, 0.0f);
  float* to = scratch.whitened.data();
  for (std::size_t k = 0; k < n; ++k) {
    const float value = x[k];
    const float* row = &s.principal[k * n];
    for (std::size_t i = 0; i < n; ++i) to[i] += value * row[i];
  }
  std::copy(to, to + n, x);
}

}  // namespace

double ShiftRange::draw(NumpyRandom& random, int size) const {
  double shift = 0;
  switch (kind) {
    case Kind::none:
      return 0;
    case Kind::uniform:
      shift = random.uniform(-values[0], values[0]);
      break;
    case Kind::integer:
      shift = random.integer(static_cast<std::uint32_t>(values[0]));
      break;
    case Kind::choice:
      shift = values[random.integer(static_cast<std::uint32_t>(values.size()))];
      break;
  }
  if (kind != Kind::uniform) shift *= random.sign();
  return *std::max_element(values.begin(), values.end()) < 1 ? shift * size : shift;
}

TransformParams draw_transform(const Augmentation& a, NumpyRandom& random, int height, int width) {
  TransformParams p;
  if (a.rotation != 0) p.theta = random.uniform(-a.rotation, a.rotation);
  p.tx = a.height_shift.draw(random, height);
  p.ty = a.width_shift.draw(random, width);
  if (a.shear != 0) p.shear = random.uniform(-a.shear, a.shear);
  if (a.zoom[0] != 1 || a.zoom[1] != 1) {
    p.zx = random.uniform(a.zoom[0], a.zoom[1]);
    p.zy = random.uniform(a.zoom[0], a.zoom[1]);
  }
  p.flip_horizontal = random.uniform() < 0.5 && a.horizontal_flip;
  p.flip_vertical = random.uniform() < 0.5 && a.vertical_flip;
  if (a.channel_shift != 0) {
    p.has_channel_shift = true;
    p.channel_shift = random.uniform(-a.channel_shift, a.channel_shift);
  }
  if (a.has_brightness) {
    p.has_brightness = true;
    p.brightness = random.uniform(a.brightness[0], a.brightness[1]);
  }
  return p;
}

void apply_transform(const ImageView& in, const Augmentation& a, const TransformParams& p,
                     float scale, float* out) {
  Geometry g;
  g.map = affine_map(p.theta, p.tx, p.ty, p.shear, p.zx, p.zy, in.shape.height, in.shape.width);
  g.fill = a.fill;
  g.cval = a.cval;
  g.flip_horizontal = p.flip_horizontal;  // flips commute with what follows
  g.flip_vertical = p.flip_vertical;
  if (!p.has_channel_shift && !p.has_brightness) return transform(in, g, scale, out);

  // Brightness cuts to whole numbers, where the last bit matters.
  const std::size_t n = in.shape.bytes();
  if (p.has_brightness) transform_exact(in, g, 1, out);
  else transform(in, g, 1, out);
  if (p.has_channel_shift) shift_channels(out, n, static_cast<float>(p.channel_shift));
  if (p.has_brightness) change_brightness(out, in.shape, static_cast<float>(p.brightness));
  if (scale != 1)
    for (std::size_t i = 0; i < n; ++i) out[i] *= scale;
}

void standardize(const Standardization& s, const PixelShape& shape, AugmentScratch& scratch,
                 float* x) {
  const std::size_t n = shape.bytes();
  if (s.preprocess == Preprocess::imagenet) imagenet_caffe(x, shape);
  if (s.preprocess == Preprocess::arithmetic) compute(s.arithmetic, n, x);
  if (s.rescale != 0) {
    const float by = static_cast<float>(s.rescale);
    for (std::size_t i = 0; i < n; ++i) x[i] *= by;
  }
  if (s.samplewise_center || s.samplewise_std) {
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < n; ++i) sum += x[i];
    const double mean = sum / n;
    for (std::size_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const float center = s.samplewise_center ? static_cast<float>(mean) : 0;
    const float divisor =
        s.samplewise_std ? static_cast<float>(std::sqrt(squares / n)) + kEpsilon : 1;
    for (std::size_t i = 0; i < n; ++i) x[i] = (x[i] - center) / divisor;
  }
  if (!s.statistics) return;

  const Statistics& fitted = *s.statistics;
  const auto channels = static_cast<std::size_t>(shape.channels);
  auto check = [&](std::size_t got, std::size_t expected) {
    if (got != expected) {
      throw shape_error("the image data generator was fitted to pictures of another shape than (" +
                        std::to_string(shape.height) + ", " + std::to_string(shape.width) + ", " +
                        std::to_string(shape.channels) + ")");
    }
  };
  if (s.featurewise_center && !fitted.mean.empty()) {
    check(fitted.mean.size(), channels);
    for (std::size_t i = 0; i < n; ++i) x[i] -= fitted.mean[i % channels];
  }
  if (s.featurewise_std && !fitted.std.empty()) {
    check(fitted.std.size(), channels);
    for (std::size_t i = 0; i < n; ++i) x[i] /= fitted.std[i % channels] + kEpsilon;
  }
  if (s.whiten && !fitted.principal.empty()) {
    check(fitted.principal.size(), n * n);
    whiten(fitted, n, scratch, x);
  }
}

void to_displayable(const float* x, std::size_t n, std::uint8_t* out) {
  const Stretch stretch(x, n);
  for (std::size_t i = 0; i < n; ++i) out[i] = stretch(x[i]);
}

void to_bytes(const float* x, std::size_t n, std::uint8_t* out) {
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<std::uint8_t>(x[i] > 0 ? std::min(x[i], 255.0f) : 0.0f);
  }
}

}  // namespace hornet
