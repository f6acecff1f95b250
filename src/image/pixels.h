// Pictures in memory: rows x columns x channels, interleaved, 1 (grey), 3 (RGB) or 4 (RGBA) bytes
// a pixel.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

namespace hornet {

enum class ColorMode : std::uint8_t { rgb, grayscale, rgba };

inline int channels_of(ColorMode mode) {
  return mode == ColorMode::grayscale ? 1 : mode == ColorMode::rgb ? 3 : 4;
}

// Kernels may read (never write) this many bytes past the last pixel.
constexpr std::size_t kPixelPadding = 32;

// An owner of bytes that keeps what it has when it is large enough; contents are lost when it
// grows and not cleared when it doesn't.
class ByteBuffer {
 public:
  std::uint8_t* reserve(std::size_t bytes) {
    if (bytes > capacity_) {
      release();
      data_.reset(static_cast<std::uint8_t*>(std::malloc(bytes)));
      if (!data_) throw std::bad_alloc();
      capacity_ = bytes;
    }
    return data_.get();
  }
  std::uint8_t* data() const { return data_.get(); }
  std::size_t capacity() const { return capacity_; }
  void release() {
    data_.reset();
    capacity_ = 0;
  }

 private:
  struct Free {
    void operator()(std::uint8_t* p) const { std::free(p); }
  };
  std::unique_ptr<std::uint8_t, Free> data_;
  std::size_t capacity_ = 0;
};

struct PixelShape {
  int height = 0, width = 0, channels = 0;

  std::size_t row_bytes() const { return static_cast<std::size_t>(width) * channels; }
  std::size_t bytes() const { return row_bytes() * height; }
  bool operator==(const PixelShape& o) const {
    return height == o.height && width == o.width && channels == o.channels;
  }
};

// A picture whose memory is reused from one to the next.
struct Pixels {
  PixelShape shape;
  ByteBuffer buffer;

  std::uint8_t* reshape(const PixelShape& to) {
    shape = to;
    return buffer.reserve(to.bytes() + kPixelPadding);
  }
  std::uint8_t* data() const { return buffer.data(); }
  std::uint8_t* row(int y) const { return buffer.data() + shape.row_bytes() * y; }
};

// A picture somebody else owns: bytes as decoded, or floats as the user gave them.
struct ImageView {
  PixelShape shape;
  const std::uint8_t* bytes = nullptr;  // exactly one of the two is set; bytes are followed
  const float* floats = nullptr;        // by kPixelPadding readable bytes
};

}  // namespace hornet
