// Portable bitmaps, greymaps and pixmaps, binary and plain (P1 to P6).
#include <algorithm>
#include <cmath>
#include <cstring>

#include "image/formats.h"

namespace hornet {
namespace {

struct PnmText {
  const std::uint8_t* p;
  const std::uint8_t* end;

  static bool is_space(std::uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  void skip_blanks() {
    while (p < end && (is_space(*p) || *p == '#')) {
      if (*p == '#')
        while (p < end && *p != '\n' && *p != '\r') ++p;
      else ++p;
    }
  }
  std::int64_t number() {
    skip_blanks();
    if (p == end) throw truncated_image();
    std::int64_t value = 0;
    int digits = 0;
    for (; p < end && *p >= '0' && *p <= '9'; ++p, ++digits) {
      value = value * 10 + (*p - '0');
      if (digits > 9) throw image_error("it has a number with too many digits");
    }
    if (digits == 0) throw image_error("a number was expected in its header or pixels");
    return value;
  }
  int bit() {
    skip_blanks();
    if (p == end) throw truncated_image();
    if (*p != '0' && *p != '1') throw image_error("a bit was expected in its pixels");
    return *p++ - '0';
  }
};

}  // namespace

void read_pnm(const std::uint8_t* data, std::size_t size, const DecodeLimits& limits, Pixels& out) {
  PnmText text{data + 2, data + size};
  const int kind = data[1] - '0';
  const bool plain = kind <= 3, bitmap = kind == 1 || kind == 4;
  const int channels = kind == 3 || kind == 6 ? 3 : 1;
  const std::int64_t width = text.number(), height = text.number();
  const std::int64_t max = bitmap ? 1 : text.number();
  check_size(width, height, limits);
  if (max < 1 || max > 65535) throw image_error("its largest value is not in 1..65535");
  if (!plain) {
    if (text.p == text.end) throw truncated_image();
    ++text.p;  // exactly one white space
  }

  const PixelShape shape{static_cast<int>(height), static_cast<int>(width), channels};
  const auto row_values = static_cast<std::size_t>(width) * channels;
  const std::size_t row_bytes = bitmap ? (row_values + 7) / 8 : row_values * (max > 255 ? 2 : 1);
  const auto left = static_cast<std::size_t>(text.end - text.p);
  // A plain value takes a byte at least, so nothing is allocated for pixels that aren't there.
  if (left / static_cast<std::size_t>(height) < (plain ? row_values : row_bytes))
    throw truncated_image();
  // Values are scaled to 8 bits; wide grey ones to 16 bits and then clipped, like those of a PNG.
  const double full = max > 255 && channels == 1 ? 65535 : 255;
  auto to_byte = [&](std::int64_t value) -> std::uint8_t {
    const double scaled =
        std::nearbyint(static_cast<double>(value) / static_cast<double>(max) * full);
    return static_cast<std::uint8_t>(std::min(scaled, 255.0));
  };

  std::uint8_t* to = out.reshape(shape);
  for (std::int64_t y = 0; y < height; ++y) {
    if (y % 256 == 0) check_stop(limits);
    if (kind == 1) {
      for (std::size_t x = 0; x < row_values; ++x) *to++ = text.bit() ? 0 : 255;
    } else if (plain) {
      for (std::size_t x = 0; x < row_values; ++x) *to++ = to_byte(text.number());
    } else {
      const std::uint8_t* in = text.p;
      if (bitmap) {
        for (std::size_t x = 0; x < row_values; ++x) *to++ = in[x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
      } else if (max > 255) {
        for (std::size_t x = 0; x < row_values; ++x)
          *to++ = to_byte(in[2 * x] << 8 | in[2 * x + 1]);
      } else if (max == 255) {
        std::memcpy(to, in, row_values);
        to += row_values;
      } else {
        for (std::size_t x = 0; x < row_values; ++x) *to++ = to_byte(in[x]);
      }
      text.p += row_bytes;
    }
  }
}

}  // namespace hornet
