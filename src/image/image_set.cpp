#include "image/image_set.h"

#include <functional>
#include <utility>

#include "image/formats.h"

namespace hornet {

void load_resized(const std::string& path, ColorMode mode, int height, int width,
                  ResizeKernel kernel, const DecodeLimits& limits, LoadScratch& scratch,
                  Pixels*& out) {
  const auto nearest_rows = [&](int from) -> const std::vector<int>* {
    return from == height ? nullptr : &scratch.resize.rows.get(from, height, kernel).first;
  };
  const bool some_rows = height > 0 && kernel == ResizeKernel::nearest && mode == ColorMode::rgb;
  load_image(path, mode, limits, scratch.decode, scratch.decoded,
             some_rows ? RowsWanted(std::ref(nearest_rows)) : RowsWanted());
  const PixelShape& shape = scratch.decoded.shape;
  out = &scratch.decoded;
  if (height > 0 && (shape.height != height || shape.width != width)) {
    resize(scratch.decoded, height, width, kernel, scratch.resize, scratch.resized);
    out = &scratch.resized;
  }
}

namespace {

// All that the pixels of a file depend on, beside the file.
std::string settings_of(const FileSet::Options& o) {
  std::string text = jpeg_library();
  for (std::int64_t number :
       {std::int64_t{o.height}, std::int64_t{o.width}, static_cast<std::int64_t>(o.mode),
        static_cast<std::int64_t>(o.kernel), o.limits.max_pixels}) {
    text += " " + std::to_string(number);
  }
  return text;
}

}  // namespace

FileSet::FileSet(std::vector<std::string> paths, Options options)
    : paths_(std::move(paths)),
      options_(options),
      shape_{options.height, options.width, channels_of(options.mode)},
      cache_(paths_.size(), shape_, options.cache_bytes),
      file_(options.cache_folder.empty()
                ? nullptr
                : std::make_unique<PixelFile>(options.cache_folder, settings_of(options), paths_,
                                              shape_)) {}

ImageView FileSet::load(int index, LoadScratch& scratch, const std::atomic<bool>& stop) const {
  const std::string& path = paths_[static_cast<std::size_t>(index)];
  const auto slot = static_cast<std::size_t>(index);
  ImageView view;
  view.shape = shape_;
  FileStamp stamp;
  if (cache_.enabled() || file_) stamp = FileStamp::of(path);
  if (cache_.enabled()) {
    view.bytes = cache_.find(slot, stamp);
    if (view.bytes) return view;
  }
  if (file_ && file_->read(slot, stamp, scratch.resized)) {
    view.bytes = scratch.resized.data();
    if (cache_.enabled()) cache_.keep(slot, stamp, scratch.resized);
    return view;
  }
  DecodeLimits limits = options_.limits;
  limits.stop = &stop;
  constexpr std::size_t kKeptBytes = std::size_t{64} << 20;
  Pixels* pixels = nullptr;
  load_resized(path, options_.mode, options_.height, options_.width, options_.kernel, limits,
               scratch, pixels);
  view.bytes = pixels->data();
  if (cache_.enabled()) cache_.keep(slot, stamp, *pixels);
  if (file_) file_->write(slot, stamp, *pixels);
  if (pixels != &scratch.decoded && scratch.decoded.buffer.capacity() > kKeptBytes) {
    scratch.decoded.buffer.release();
  }
  scratch.decode.trim();
  scratch.resize.trim();
  return view;
}

ArraySet::ArraySet(int size, PixelShape shape, AlignedBuffer values)
    : size_(size), shape_(shape), values_(std::move(values)) {}

ImageView ArraySet::load(int index, LoadScratch&, const std::atomic<bool>&) const {
  ImageView view;
  view.shape = shape_;
  view.floats =
      static_cast<const float*>(values_.data()) + shape_.bytes() * static_cast<std::size_t>(index);
  return view;
}

}  // namespace hornet
