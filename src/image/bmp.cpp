// Windows and OS/2 bitmaps: 1, 4, 8, 16, 24 and 32 bits, bit fields, both run-length codes.
#include <algorithm>
#include <array>
#include <cstring>

#include "image/formats.h"

namespace hornet {
namespace {

enum Compression : std::uint32_t { kRaw = 0, kRle8 = 1, kRle4 = 2, kBitFields = 3 };

struct Bmp {
  const std::uint8_t* data;
  std::size_t size;
  std::size_t header = 0, offset = 0;  // bytes of the info header, start of the pixels
  std::int64_t width = 0, height = 0;
  bool top_down = false;
  int bits = 0;
  std::uint32_t compression = kRaw;
  std::array<std::uint32_t, 4> masks{};  // red, green, blue, alpha
  std::array<std::array<std::uint8_t, 3>, 256> palette{};

  std::uint32_t u16(std::size_t at) const {
    need(at, 2);
    return data[at] | data[at + 1] << 8;
  }
  std::uint32_t u32(std::size_t at) const { return u16(at) | u16(at + 2) << 16; }
  void need(std::size_t at, std::size_t n) const {
    if (at > size || size - at < n) throw truncated_image();
  }
};

void read_header(Bmp& bmp, const DecodeLimits& limits) {
  constexpr std::size_t kInfo = 14;
  bmp.offset = bmp.u32(10);
  bmp.header = bmp.u32(kInfo);
  if (bmp.header != 12 && (bmp.header < 40 || bmp.header > 256)) {
    throw image_error("this kind of BMP header is not known");
  }
  const bool os2 = bmp.header == 12;
  auto size_at = [&](std::size_t at) -> std::int64_t {
    return os2 ? std::int64_t{bmp.u16(at)} : std::int64_t{static_cast<std::int32_t>(bmp.u32(at))};
  };
  bmp.width = size_at(kInfo + 4);
  bmp.height = size_at(kInfo + (os2 ? 6 : 8));
  bmp.bits = static_cast<int>(bmp.u16(kInfo + (os2 ? 10 : 14)));
  bmp.compression = os2 ? kRaw : bmp.u32(kInfo + 16);
  bmp.top_down = bmp.height < 0;
  if (bmp.top_down) bmp.height = -bmp.height;
  check_size(bmp.width, bmp.height, limits);

  const bool rle =
      (bmp.compression == kRle8 && bmp.bits == 8) || (bmp.compression == kRle4 && bmp.bits == 4);
  const bool fields = bmp.compression == kBitFields && (bmp.bits == 16 || bmp.bits == 32);
  static const int known[] = {1, 4, 8, 16, 24, 32};
  if (std::find(std::begin(known), std::end(known), bmp.bits) == std::end(known) ||
      (bmp.compression != kRaw && !rle && !fields)) {
    throw image_error("BMP pixels of " + std::to_string(bmp.bits) + " bits with compression " +
                      std::to_string(bmp.compression) + " are not known");
  }

  std::size_t after = kInfo + bmp.header;  // masks, then the palette
  if (bmp.bits == 16) bmp.masks = {0x7c00, 0x3e0, 0x1f, 0};
  if (bmp.bits == 32) bmp.masks = {0xff0000, 0xff00, 0xff, 0};
  if (fields) {
    for (std::size_t i = 0; i < 3; ++i) bmp.masks[i] = bmp.u32(kInfo + 40 + 4 * i);
    if (bmp.header >= 56) bmp.masks[3] = bmp.u32(kInfo + 52);
    if (bmp.header == 40) after += 12;
  }
  if (bmp.bits <= 8) {
    std::size_t colors = std::size_t{1} << bmp.bits;
    const std::size_t used = os2 ? 0 : bmp.u32(kInfo + 32), step = os2 ? 3 : 4;
    if (used > 0 && used < colors) colors = used;
    bmp.need(after, colors * step);
    for (std::size_t i = 0; i < colors; ++i) {
      const std::uint8_t* entry = bmp.data + after + i * step;
      bmp.palette[i] = {entry[2], entry[1], entry[0]};
    }
  }
}

// A channel of a masked pixel, scaled to 0..255.
struct Field {
  std::uint32_t mask;
  int shift = 0;
  std::uint32_t max = 0;

  explicit Field(std::uint32_t m) : mask(m) {
    if (!m) return;
    while (!(m >> shift & 1)) ++shift;
    max = m >> shift;
  }
  std::uint8_t of(std::uint32_t pixel) const {
    if (!max) return 0;
    return static_cast<std::uint8_t>(std::uint64_t{(pixel & mask) >> shift} * 255 / max);
  }
};

void read_raw(const Bmp& bmp, const DecodeLimits& limits, Pixels& out) {
  const auto width = static_cast<std::size_t>(bmp.width);
  const std::size_t stride = (width * bmp.bits + 31) / 32 * 4;
  const Field red(bmp.masks[0]), green(bmp.masks[1]), blue(bmp.masks[2]), alpha(bmp.masks[3]);
  for (int y = 0; y < out.shape.height; ++y) {
    if (y % 256 == 0) check_stop(limits);
    bmp.need(bmp.offset + stride * y, (width * bmp.bits + 7) / 8);
    const std::uint8_t* in = bmp.data + bmp.offset + stride * y;
    std::uint8_t* to = out.row(bmp.top_down ? y : out.shape.height - 1 - y);
    for (std::size_t x = 0; x < width; ++x, to += out.shape.channels) {
      if (bmp.bits <= 8) {
        const std::size_t bit = x * bmp.bits;
        const int index = in[bit / 8] >> (8 - bmp.bits - bit % 8) & ((1 << bmp.bits) - 1);
        std::memcpy(to, bmp.palette[index].data(), 3);
      } else if (bmp.bits == 24) {
        for (int c = 0; c < 3; ++c) to[c] = in[3 * x + 2 - c];
      } else {
        std::uint32_t pixel = 0;
        std::memcpy(&pixel, in + x * bmp.bits / 8, bmp.bits / 8);
        to[0] = red.of(pixel);
        to[1] = green.of(pixel);
        to[2] = blue.of(pixel);
        if (out.shape.channels == 4) to[3] = alpha.of(pixel);
      }
    }
  }
}

// Runs of one index and literal stretches; what is skipped has index 0. Rows are written when they
// are reached: a file without data costs nothing.
void read_rle(const Bmp& bmp, const DecodeLimits& limits, Pixels& out) {
  const int width = out.shape.width, height = out.shape.height, per_byte = 8 / bmp.bits;
  auto index_of = [&](const std::uint8_t* bytes, int i) {
    return per_byte == 1 ? bytes[i] : bytes[i / 2] >> (i % 2 ? 0 : 4) & 15;
  };
  int x = 0, y = 0;
  auto put = [&](int index) {
    if (x == width) return;
    std::memcpy(out.row(bmp.top_down ? y : height - 1 - y) + 3 * x, bmp.palette[index].data(), 3);
    ++x;
  };
  auto end_row = [&] {
    while (x < width) put(0);
    x = 0;
    ++y;
    if (y % 256 == 0) check_stop(limits);
  };
  std::size_t at = bmp.offset;
  while (y < height && !(y == height - 1 && x == width)) {  // some leave out the end
    bmp.need(at, 2);
    const int count = bmp.data[at], code = bmp.data[at + 1];
    at += 2;
    if (count > 0) {
      const std::uint8_t pair = static_cast<std::uint8_t>(code);
      for (int i = 0; i < count; ++i) put(index_of(&pair, per_byte == 1 ? 0 : i % 2));
    } else if (code == 0) {  // end of line
      end_row();
    } else if (code == 1) {  // end of picture
      end_row();
      if (y < height) throw truncated_image();
    } else if (code == 2) {  // move
      bmp.need(at, 2);
      const int right = std::min(width, x + bmp.data[at]);
      for (int rows = bmp.data[at + 1]; rows > 0 && y < height; --rows) end_row();
      while (y < height && x < right) put(0);
      at += 2;
    } else {
      const std::size_t bytes = static_cast<std::size_t>((code + per_byte - 1) / per_byte);
      bmp.need(at, bytes);
      for (int i = 0; i < code; ++i) put(index_of(bmp.data + at, i));
      at += bytes + bytes % 2;
    }
  }
}

}  // namespace

void read_bmp(const std::uint8_t* data, std::size_t size, const DecodeLimits& limits, Pixels& out) {
  Bmp bmp;
  bmp.data = data;
  bmp.size = size;
  read_header(bmp, limits);
  const int channels = bmp.bits == 32 && bmp.masks[3] ? 4 : 3;
  const bool rle = bmp.compression == kRle8 || bmp.compression == kRle4;
  if (!rle) {  // nothing is allocated for pixels that aren't there
    const std::size_t stride = (static_cast<std::size_t>(bmp.width) * bmp.bits + 31) / 32 * 4;
    bmp.need(bmp.offset, stride * (static_cast<std::size_t>(bmp.height) - 1));
  }
  out.reshape({static_cast<int>(bmp.height), static_cast<int>(bmp.width), channels});
  if (rle) read_rle(bmp, limits, out);
  else read_raw(bmp, limits, out);
}

}  // namespace hornet
