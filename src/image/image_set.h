// The pictures of a data set, as they are before augmentation.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "exec/memory.h"
#include "image/cache.h"
#include "image/decode.h"
#include "image/pixel_file.h"
#include "image/resize.h"

namespace hornet {

// What one worker reuses from picture to picture.
struct LoadScratch {
  DecodeScratch decode;
  ResizeScratch resize;
  Pixels decoded, resized;
};

// Any number of threads may load at once. All pictures have one shape.
class ImageSet {
 public:
  virtual ~ImageSet() = default;
  virtual int size() const = 0;
  virtual PixelShape shape() const = 0;
  // Valid until the next load with the same scratch. Throws Error naming the picture, Stopped.
  virtual ImageView load(int index, LoadScratch& scratch, const std::atomic<bool>& stop) const = 0;
  // What the user should know, though it goes on without; empty: nothing.
  virtual std::string problem() const { return {}; }
};

// Decodes and resizes a file, as image_load() does. No resizing if `height` is 0.
void load_resized(const std::string& path, ColorMode mode, int height, int width,
                  ResizeKernel kernel, const DecodeLimits& limits, LoadScratch& scratch,
                  Pixels*& out);

class FileSet : public ImageSet {
 public:
  struct Options {
    ColorMode mode = ColorMode::rgb;
    int height = 256, width = 256;
    ResizeKernel kernel = ResizeKernel::nearest;
    DecodeLimits limits;
    std::size_t cache_bytes = 0;  // 0: none
    std::string cache_folder;     // where pictures are kept for other sessions; empty: nowhere
  };
  FileSet(std::vector<std::string> paths, Options options);

  int size() const override { return static_cast<int>(paths_.size()); }
  PixelShape shape() const override { return shape_; }
  ImageView load(int index, LoadScratch& scratch, const std::atomic<bool>& stop) const override;
  std::string problem() const override { return file_ ? file_->problem() : std::string(); }

 private:
  const std::vector<std::string> paths_;
  const Options options_;
  const PixelShape shape_;
  mutable PixelCache cache_;
  const std::unique_ptr<PixelFile> file_;  // or null
};

// Pictures the user gave as an array: pictures x rows x columns x channels floats.
class ArraySet : public ImageSet {
 public:
  // `values` holds size * shape floats and kPixelPadding bytes more.
  ArraySet(int size, PixelShape shape, AlignedBuffer values);

  int size() const override { return size_; }
  PixelShape shape() const override { return shape_; }
  ImageView load(int index, LoadScratch& scratch, const std::atomic<bool>& stop) const override;

 private:
  const int size_;
  const PixelShape shape_;
  const AlignedBuffer values_;
};

}  // namespace hornet
