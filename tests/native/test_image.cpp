// Picture files that are damaged: truncated at every length, and with random bytes changed. Each
// is decoded or refused by an Error, within the limits; the sanitizers watch.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "image/decode.h"
#include "image/formats.h"

using namespace hornet;

namespace {

using Bytes = std::vector<std::uint8_t>;
std::mt19937 generator(20240608);

Pixels picture(int height, int width, int channels) {
  Pixels pixels;
  std::uint8_t* data = pixels.reshape({height, width, channels});
  for (std::size_t i = 0; i < pixels.shape.bytes(); ++i) {
    data[i] = static_cast<std::uint8_t>(i * 37 + i / 7);
  }
  return pixels;
}

// What `write` leaves in a file.
template <class Write>
Bytes written(Write write) {
  char path[] = "/tmp/hornet-image-XXXXXX";
  const int descriptor = mkstemp(path);
  if (descriptor < 0) throw Error("no temporary file");
  close(descriptor);
  write(path);
  std::ifstream file(path, std::ios::binary);
  Bytes bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  unlink(path);
  return bytes;
}

Bytes bmp_file(int width, int height, int bits) {
  const std::uint32_t row = (width * bits / 8 + 3) / 4 * 4, start = 54, size = start + row * height;
  Bytes bytes(size);
  const auto put = [&](std::size_t at, std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  };
  put(0, 0x4d42, 2);
  put(2, size, 4);
  put(10, start, 4);
  put(14, 40, 4);
  put(18, width, 4);
  put(22, height, 4);
  put(26, 1, 2);
  put(28, bits, 2);
  for (std::size_t i = start; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 11);
  return bytes;
}

Bytes pnm_file(const char* header, std::size_t body) {
  Bytes bytes(header, header + std::strlen(header));
  for (std::size_t i = 0; i < body; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 13));
  return bytes;
}

// True if the bytes are a picture. Memory of just their size: a read beyond it is seen.
bool decode(const Bytes& bytes, ColorMode mode) {
  static DecodeScratch scratch;
  DecodeLimits limits;
  limits.max_pixels = 1000000;
  limits.max_decoder_bytes = 64u << 20;
  Pixels out;
  try {
    decode_image(bytes.data(), bytes.size(), mode, limits, scratch, out);
  } catch (const Error&) { return false; }
  CHECK(out.shape.channels == channels_of(mode));
  CHECK(out.shape.height > 0 && out.shape.width > 0);
  CHECK(static_cast<std::int64_t>(out.shape.height) * out.shape.width <= limits.max_pixels);
  return true;
}

void damage(const Bytes& whole) {
  for (ColorMode mode : {ColorMode::rgb, ColorMode::grayscale, ColorMode::rgba}) {
    CHECK(decode(whole, mode));
  }
  CHECK(!decode(Bytes(), ColorMode::rgb));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    decode(Bytes(whole.begin(), whole.begin() + size), ColorMode::rgb);
  }
  for (int round = 0; round < 1500; ++round) {
    Bytes bytes = whole;
    for (unsigned changes = 1 + generator() % 8; changes > 0; --changes) {
      // Headers decide most: half of the changes go there.
      const std::size_t range =
          generator() % 2 ? bytes.size() : std::min<std::size_t>(64, bytes.size());
      bytes[generator() % range] = static_cast<std::uint8_t>(generator());
    }
    decode(bytes, round % 2 ? ColorMode::rgb : ColorMode::grayscale);
  }
}

}  // namespace

int main() {
  for (int channels : {1, 3, 4}) {
    const Pixels pixels = picture(9, 11, channels);
    const std::string name = " of " + std::to_string(channels) + " channels, damaged";
    test(("PNG" + name).c_str(),
         [&] { damage(written([&](const char* p) { write_png(p, pixels); })); });
    if (channels == 4) continue;
    test(("JPEG" + name).c_str(),
         [&] { damage(written([&](const char* p) { write_jpeg(p, pixels, 80); })); });
  }
  for (int bits : {24, 32}) {
    test(("BMP of " + std::to_string(bits) + " bits, damaged").c_str(),
         [&] { damage(bmp_file(11, 9, bits)); });
  }
  test("PPM, damaged", [] { damage(pnm_file("P6\n11 9\n255\n", 11 * 9 * 3)); });
  test("PGM, damaged", [] { damage(pnm_file("P5\n# a comment\n11 9\n255\n", 11 * 9)); });
  return check_result();
}
