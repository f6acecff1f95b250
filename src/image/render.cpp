#include "image/render.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "image/color.h"
#include "image/formats.h"

namespace hornet {
namespace {

constexpr int kJpegQuality = 75;

void put_channels_first(const float* in, const PixelShape& shape, float* out) {
  const std::size_t n = static_cast<std::size_t>(shape.height) * shape.width;
  for (int c = 0; c < shape.channels; ++c) {
    for (std::size_t i = 0; i < n; ++i) *out++ = in[i * shape.channels + c];
  }
}

}  // namespace

Shape delivered_shape(const PixelShape& s, const Pipeline& pipeline) {
  return pipeline.channels_first ? Shape{-1, s.channels, s.height, s.width}
                                 : Shape{-1, s.height, s.width, s.channels};
}

void render(const ImageSet& set, const BatchPlan& plan, std::size_t i, const Pipeline& pipeline,
            RenderScratch& scratch, const std::atomic<bool>& stop, float* out) {
  const ImageView image = set.load(plan.index[i], scratch.load, stop);
  const Standardization& s = pipeline.standardization;
  float* x = out;
  if (pipeline.channels_first) {
    scratch.interleaved.resize(image.shape.bytes());
    x = scratch.interleaved.data();
  }
  const bool scale_only = pipeline.standardize && s.is_rescale_only();
  const float scale = scale_only && s.rescale != 0 ? static_cast<float>(s.rescale) : 1.0f;
  apply_transform(image, pipeline.augmentation, plan.params[i], scale, x);
  if (pipeline.standardize && !scale_only) standardize(s, image.shape, scratch.augment, x);

  const SaveOptions& save = pipeline.save;
  if (!save.directory.empty() && i < plan.marks.size()) {
    const std::string path = save.directory + "/" + save.prefix + "_" +
                             std::to_string(plan.index[i]) + "_" + std::to_string(plan.marks[i]) +
                             "." + save.format;
    save_image(path, save.format, image.shape, x, /* stretch = */ true, scratch.saved);
  }
  if (pipeline.channels_first) put_channels_first(x, image.shape, out);
}

void save_image(const std::string& path, const std::string& format, const PixelShape& shape,
                const float* x, bool stretch, Pixels& scratch) {
  std::string kind = format;
  for (char& c : kind) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool jpeg = kind == "jpg" || kind == "jpeg";
  if (!jpeg && kind != "png") {
    throw image_error("pictures can be saved as \"png\" or \"jpeg\", not as \"" + format + "\"");
  }
  if (shape.channels != 1 && shape.channels != 3 && shape.channels != 4) {
    throw image_error("a picture has 1, 3 or 4 channels, this array has " +
                      std::to_string(shape.channels));
  }
  std::uint8_t* bytes = scratch.reshape(shape);
  if (stretch) to_displayable(x, shape.bytes(), bytes);
  else to_bytes(x, shape.bytes(), bytes);
  if (!jpeg) return write_png(path, scratch);
  if (shape.channels < 4) return write_jpeg(path, scratch, kJpegQuality);
  Pixels opaque;
  convert_channels(scratch, ColorMode::rgb, opaque);
  write_jpeg(path, opaque, kJpegQuality);
}

}  // namespace hornet
