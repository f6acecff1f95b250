// Picture files that are damaged: truncated at every length, with random bytes changed, with pieces
// removed, repeated and moved. Each is decoded or refused by an Error, within the limits; the
// sanitizers watch. And the fast ways of decoding and transforming against the plain ones.
#include <unistd.h>

#include <algorithm>
#include <cmath>
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
#include "image/affine.h"
#include "image/decode.h"
#include "image/formats.h"
#include "image/random.h"
#include "image_files.h"

using namespace hornet;

namespace {

int mutated = 0;
std::mt19937 generator(20240608);

// True if the bytes are a picture. Memory of just their size: a read beyond it is seen.
bool decode(const Bytes& bytes, ColorMode mode, const RowsWanted& rows = {}) {
  static DecodeScratch scratch;
  DecodeLimits limits;
  limits.max_pixels = 1000000;
  limits.max_decoder_bytes = 64u << 20;
  Pixels out;
  try {
    decode_image(bytes.data(), bytes.size(), mode, limits, scratch, out, rows);
  } catch (const Error&) { return false; }
  CHECK(out.shape.channels == channels_of(mode));
  CHECK(out.shape.height > 0 && out.shape.width > 0);
  CHECK(static_cast<std::int64_t>(out.shape.height) * out.shape.width <= limits.max_pixels);
  return true;
}

// Removes, repeats or moves a few pieces.
void move_pieces(Bytes& bytes) {
  for (unsigned pieces = 1 + generator() % 3; pieces > 0 && bytes.size() > 8; --pieces) {
    const std::size_t begin = generator() % bytes.size();
    const std::size_t end = std::min(bytes.size(), begin + 1 + generator() % 40);
    const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = bytes.begin() + static_cast<std::ptrdiff_t>(end);
    const Bytes piece(first, last);
    if (generator() % 2) bytes.erase(first, last);
    if (generator() % 2) {
      const auto at = static_cast<std::ptrdiff_t>(generator() % (bytes.size() + 1));
      bytes.insert(bytes.begin() + at, piece.begin(), piece.end());
    }
  }
  if (bytes.empty()) bytes.push_back(0);
}

const std::vector<int>* every_third(int height) {
  static std::vector<int> rows;
  rows.clear();
  for (int y = 1; y < height; y += 3) rows.push_back(y);
  return &rows;
}

void compare_some_rows(const Bytes& bytes) {
  DecodeScratch scratch;
  Pixels whole, some;
  decode_image(bytes.data(), bytes.size(), ColorMode::rgb, {}, scratch, whole);
  decode_image(bytes.data(), bytes.size(), ColorMode::rgb, {}, scratch, some, every_third);
  CHECK(whole.shape == some.shape);
  for (int y : *every_third(whole.shape.height))
    CHECK(std::memcmp(whole.row(y), some.row(y), whole.shape.row_bytes()) == 0);
  CHECK(!decode(Bytes(bytes.begin(), bytes.end() - 20), ColorMode::rgb, every_third));
}

// Bytes and floats, every fill mode, flips, and pictures too small to have neighbours.
void compare_transforms(int height, int width, int channels) {
  const Pixels pixels = picture(height, width, channels);
  const std::size_t n = pixels.shape.bytes();
  std::memset(pixels.data() + n, 0xff, kPixelPadding);
  std::vector<float> floats(pixels.data(), pixels.data() + n), fast(n + 1), exact(n);
  floats.resize(n + kPixelPadding, NAN);
  ImageView of_bytes, of_floats;
  of_bytes.shape = of_floats.shape = pixels.shape;
  of_bytes.bytes = pixels.data();
  of_floats.floats = floats.data();
  for (int round = 0; round < 40; ++round) {
    Geometry g;
    g.fill = static_cast<FillMode>(round % 4);
    g.cval = 7;
    g.flip_horizontal = round & 4;
    g.flip_vertical = round & 8;
    g.map = affine_map(round * 9 - 180, round % 5 - 1.7, round % 7 - 2.3, round % 3, 0.8, 1.1,
                       height, width);
    for (const ImageView* view : {&of_bytes, &of_floats}) {
      fast[n] = -1;
      transform(*view, g, 1, fast.data());
      transform_exact(*view, g, 1, exact.data());
      std::size_t off = 0;
      for (std::size_t i = 0; i < n; ++i) off += !(std::fabs(fast[i] - exact[i]) <= 1e-4f);
      CHECK(off == 0);
      CHECK(fast[n] == -1);  // nothing beyond the picture is written
    }
  }
}

void damage(const Bytes& whole) {
  for (ColorMode mode : {ColorMode::rgb, ColorMode::grayscale, ColorMode::rgba}) {
    CHECK(decode(whole, mode));
  }
  CHECK(!decode(Bytes(), ColorMode::rgb));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    decode(Bytes(whole.begin(), whole.begin() + size), ColorMode::rgb);
  }
  for (int round = 0; round < 2000; ++round, ++mutated) {
    Bytes bytes = whole;
    if (round % 4 == 3) move_pieces(bytes);
    for (unsigned changes = generator() % 9; changes > 0; --changes) {
      // Headers decide most: half of the changes go there.
      const std::size_t range =
          generator() % 2 ? bytes.size() : std::min<std::size_t>(64, bytes.size());
      const std::uint32_t random = generator();
      bytes[generator() % range] = static_cast<std::uint8_t>(random % 4   ? random >> 8
                                                             : random % 8 ? 0xff
                                                                          : 0);
    }
    decode(bytes, round % 2 ? ColorMode::rgb : ColorMode::grayscale);
    decode(bytes, ColorMode::rgb, every_third);
  }
}

}  // namespace

int main() {
  for (int channels : {1, 3, 4}) {
    const Pixels pixels = picture(9, 11, channels);
    const std::string name = " of " + std::to_string(channels) + " channels, damaged";
    test("PNG" + name, [&] { damage(written([&](const char* p) { write_png(p, pixels); })); });
    if (channels == 4) continue;
    test("JPEG" + name,
         [&] { damage(written([&](const char* p) { write_jpeg(p, pixels, 80); })); });
    test("progressive JPEG" + name, [&] { damage(progressive_jpeg(pixels)); });
  }
  for (int bits : {1, 4, 8, 16, 24, 32}) {
    test("BMP of " + std::to_string(bits) + " bits, damaged",
         [&] { damage(bmp_file(11, 9, bits)); });
  }
  test("run-length BMP, damaged", [] { damage(rle_bmp_file(11, 9)); });
  test("rows of a JPEG that are wanted are those of the whole", [] {
    for (int size : {2, 3, 16, 33, 50}) {
      const Pixels pixels = picture(size + 5, size, 3);
      compare_some_rows(written([&](const char* p) { write_jpeg(p, pixels, 80); }));
    }
  });
  test("fast transformations are close to the exact ones", [] {
    for (int channels : {1, 2, 3, 4}) {
      for (int size : {1, 2, 5, 30}) compare_transforms(size + 1, size, channels);
      compare_transforms(1, 1, channels);
      compare_transforms(3, 300, channels);  // longer than a stretch
    }
  });
  test("the random stream is MT19937's, and goes on from its state", [] {
    MersenneTwister own(42);
    std::mt19937 standard(42);
    for (int i = 0; i < 2000; ++i) {
      CHECK(own() == standard());
      own = MersenneTwister(own);
    }
  });
  test("PPM, damaged", [] { damage(pnm_file("P6\n11 9\n255\n", 11 * 9 * 3)); });
  test("PGM, damaged", [] { damage(pnm_file("P5\n# a comment\n11 9\n255\n", 11 * 9)); });
  test("wide PGM, damaged", [] { damage(pnm_file("P5 11 9 4095 ", 2 * 11 * 9)); });
  test("plain PPM, damaged", [] { damage(plain_pnm_file(11, 9)); });
  if (reads_tiff()) {
    for (const TiffKind& kind : tiff_kinds()) {
      test("TIFF, " + kind.name + ", damaged", [&] { damage(tiff_file(kind, 33, 21)); });
    }
  }
  std::printf("%d mutated files\n", mutated);
  return check_result();
}
