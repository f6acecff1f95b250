#include "image/color.h"

#include <cstring>

namespace hornet {
namespace {

inline std::uint8_t luma(const std::uint8_t* p) {
  return static_cast<std::uint8_t>((p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 0x8000) >> 16);
}

template <int From, int To>
void convert(const std::uint8_t* in, std::size_t n, std::uint8_t* out) {
  for (std::size_t i = 0; i < n; ++i, in += From, out += To) {
    if (To == 1) {
      out[0] = From >= 3 ? luma(in) : in[0];
    } else {
      for (int c = 0; c < 3; ++c) out[c] = From >= 3 ? in[c] : in[0];
      if (To == 4) out[3] = From == 4 ? in[3] : From == 2 ? in[1] : 255;
    }
  }
}

template <int From>
void convert_from(const Pixels& in, int to, std::size_t n, std::uint8_t* out) {
  if (to == 1) convert<From, 1>(in.data(), n, out);
  else if (to == 3) convert<From, 3>(in.data(), n, out);
  else convert<From, 4>(in.data(), n, out);
}

}  // namespace

void convert_channels(const Pixels& in, ColorMode mode, Pixels& out) {
  const int to = channels_of(mode), from = in.shape.channels;
  std::uint8_t* p = out.reshape({in.shape.height, in.shape.width, to});
  const std::size_t n = static_cast<std::size_t>(in.shape.height) * in.shape.width;
  if (from == to) std::memcpy(p, in.data(), in.shape.bytes());
  else if (from == 1) convert_from<1>(in, to, n, p);
  else if (from == 2) convert_from<2>(in, to, n, p);
  else if (from == 3) convert_from<3>(in, to, n, p);
  else convert_from<4>(in, to, n, p);
}

void inverted_cmyk_to_rgb(Pixels& pixels) {
  const std::size_t n = static_cast<std::size_t>(pixels.shape.height) * pixels.shape.width;
  const std::uint8_t* in = pixels.data();
  std::uint8_t* out = pixels.data();
  for (std::size_t i = 0; i < n; ++i, in += 4, out += 3) {
    const int light = in[3];  // 255 - black
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - in[c]) * light + 128;  // rounded division by 255
      const int value = light - (((product >> 8) + product) >> 8);
      out[c] = static_cast<std::uint8_t>(value < 0 ? 0 : value);
    }
  }
  pixels.shape.channels = 3;
}

}  // namespace hornet
