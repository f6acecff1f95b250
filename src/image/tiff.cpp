// TIFF through libtiff, where configure found one: the first picture of a file. The kinds and the
// values are Pillow's.
#include "image/formats.h"

#ifdef HORNET_TIFF

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include <tiffio.h>

#include "image/color.h"

namespace hornet {
namespace {

constexpr std::uint64_t kMaxTileBytes = 64u << 20;  // also of each of libtiff's own pieces

// The file in memory, and the first thing that libtiff had to say against it.
struct TiffFile {
  const std::uint8_t* data;
  std::uint64_t size, at = 0;
  char message[160] = "";
};

tmsize_t on_read(thandle_t handle, void* to, tmsize_t n) {
  auto* file = static_cast<TiffFile*>(handle);
  const std::uint64_t left = file->at < file->size ? file->size - file->at : 0;
  const std::uint64_t count = std::min(left, static_cast<std::uint64_t>(n));
  std::memcpy(to, file->data + file->at, count);
  file->at += count;
  return static_cast<tmsize_t>(count);
}
tmsize_t on_write(thandle_t, void*, tmsize_t) { return -1; }
toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
  auto* file = static_cast<TiffFile*>(handle);
  const std::uint64_t base = whence == SEEK_CUR ? file->at : whence == SEEK_END ? file->size : 0;
  return file->at = base + offset;
}
int on_close(thandle_t) { return 0; }
toff_t on_size(thandle_t handle) { return static_cast<TiffFile*>(handle)->size; }
int on_map(thandle_t handle, void** base, toff_t* size) {  // nothing is copied
  auto* file = static_cast<TiffFile*>(handle);
  *base = const_cast<std::uint8_t*>(file->data);
  *size = file->size;
  return 1;
}
void on_unmap(thandle_t, void*, toff_t) {}

#if TIFFLIB_VERSION >= 20221213  // 4.5: handlers of one's own
int on_error(TIFF*, void* handle, const char*, const char* format, va_list values) {
  auto* file = static_cast<TiffFile*>(handle);
  if (!file->message[0]) std::vsnprintf(file->message, sizeof file->message, format, values);
  return 1;  // and nobody else is told
}
int on_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

TIFF* open(TiffFile* file) {
  std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                       TIFFOpenOptionsFree);
  if (!options) throw std::bad_alloc();
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMaxTileBytes);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, file);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, file);
  return TIFFClientOpenExt("picture", "rc", file, on_read, on_write, on_seek, on_close, on_size,
                           on_map, on_unmap, options.get());
}
#else
TIFF* open(TiffFile* file) {
  static std::once_flag once;  // the handlers are everybody's
  std::call_once(once, [] {
    TIFFSetErrorHandler(nullptr);
    TIFFSetWarningHandler(nullptr);
  });
  return TIFFClientOpen("picture", "rc", file, on_read, on_write, on_seek, on_close, on_size,
                        on_map, on_unmap);
}
#endif

Error refused(const TiffFile& file) {
  return image_error(file.message[0] ? file.message : "this TIFF file is damaged");
}

// What a pixel is made of.
struct Layout {
  enum class Kind { grey, grey_alpha, palette, rgb, rgba, premultiplied, cmyk } kind;
  int width, height, bits;
  int samples;  // in the file
  int kept;     // of them; the others are extra
  bool inverted = false, planar = false;
  std::array<std::array<std::uint8_t, 3>, 256> colors;

  int row_samples() const { return planar ? 1 : samples; }
  std::uint64_t row_bytes(std::uint64_t pixels) const {
    return (pixels * row_samples() * bits + 7) / 8;
  }
  int channels() const {  // of the picture, before what finish() does
    return kind == Kind::palette ? 3 : kept;
  }
};

template <class T>
T value_of(TIFF* tiff, std::uint32_t tag, T otherwise) {
  T value;
  return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : otherwise;
}

bool is_known_compression(int compression) {
  static const int known[] = {
      COMPRESSION_NONE,      COMPRESSION_CCITTRLE,      COMPRESSION_CCITTFAX3,
      COMPRESSION_CCITTFAX4, COMPRESSION_LZW,           COMPRESSION_JPEG,
      COMPRESSION_DEFLATE,   COMPRESSION_ADOBE_DEFLATE, COMPRESSION_PACKBITS};
  return std::find(std::begin(known), std::end(known), compression) != std::end(known);
}

Error unknown_pixels(int photometric, int samples, int bits) {
  return image_error("TIFF pixels of " + std::to_string(samples) + " samples of " +
                     std::to_string(bits) + " bits with photometric interpretation " +
                     std::to_string(photometric) + " are not known");
}

void read_colors(TIFF* tiff, Layout& layout) {
  std::uint16_t *red, *green, *blue;
  if (!TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue)) {
    throw image_error("it has a palette without colours");
  }
  for (int i = 0; i < 1 << layout.bits; ++i) {
    layout.colors[i] = {static_cast<std::uint8_t>(red[i] >> 8),
                        static_cast<std::uint8_t>(green[i] >> 8),
                        static_cast<std::uint8_t>(blue[i] >> 8)};
  }
}

Layout read_layout(TIFF* tiff, const DecodeLimits& limits) {
  Layout layout;
  const auto width = value_of<std::uint32_t>(tiff, TIFFTAG_IMAGEWIDTH, 0);
  const auto height = value_of<std::uint32_t>(tiff, TIFFTAG_IMAGELENGTH, 0);
  check_size(width, height, limits);
  layout.width = static_cast<int>(width);
  layout.height = static_cast<int>(height);
  layout.bits = value_of<std::uint16_t>(tiff, TIFFTAG_BITSPERSAMPLE, 1);
  layout.samples = value_of<std::uint16_t>(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
  const int photometric = value_of<std::uint16_t>(tiff, TIFFTAG_PHOTOMETRIC, 0);
  const int compression = value_of<std::uint16_t>(tiff, TIFFTAG_COMPRESSION, 1);
  const int format = value_of<std::uint16_t>(tiff, TIFFTAG_SAMPLEFORMAT, 1);
  layout.planar = layout.samples > 1 &&
                  value_of<std::uint16_t>(tiff, TIFFTAG_PLANARCONFIG, 1) == PLANARCONFIG_SEPARATE;
  if (!is_known_compression(compression)) {
    throw image_error("TIFF compression " + std::to_string(compression) + " is not known");
  }
  std::uint16_t extra = 0, *types = nullptr;
  if (!TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra, &types)) extra = 0;
  const int first_extra = extra ? types[0] : EXTRASAMPLE_UNSPECIFIED;

  const auto unknown = [&] { return unknown_pixels(photometric, layout.samples, layout.bits); };
  const bool small = layout.bits == 1 || layout.bits == 2 || layout.bits == 4;
  const bool whole = layout.bits == 8 || layout.bits == 16;
  if (format != SAMPLEFORMAT_UINT || layout.samples > 6 || !(small || whole)) throw unknown();
  if (small && layout.samples > 1) throw unknown();
  const int colors = layout.samples - extra;
  layout.kept = colors;
  switch (photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
      layout.kind = Layout::Kind::grey;
      layout.inverted = photometric == PHOTOMETRIC_MINISWHITE && layout.bits < 16;
      if (layout.samples == 2 && extra == 1 && first_extra == EXTRASAMPLE_UNASSALPHA &&
          layout.bits == 8 && photometric == PHOTOMETRIC_MINISBLACK) {
        layout.kind = Layout::Kind::grey_alpha;
        layout.kept = 2;
      } else if (layout.samples != 1) {
        throw unknown();
      }
      break;
    case PHOTOMETRIC_PALETTE:
      layout.kind = Layout::Kind::palette;
      if (layout.samples != 1 || layout.bits > 8) throw unknown();
      read_colors(tiff, layout);
      break;
    case PHOTOMETRIC_YCBCR:  // libtiff gives RGB, but of these only
      if (compression != COMPRESSION_JPEG || layout.planar || layout.bits != 8 ||
          layout.samples != 3) {
        throw unknown();
      }
      TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      [[fallthrough]];
    case PHOTOMETRIC_RGB:
      layout.kind = Layout::Kind::rgb;
      if (!whole || colors != 3) throw unknown();
      if (first_extra != EXTRASAMPLE_UNSPECIFIED) {
        layout.kind = first_extra == EXTRASAMPLE_ASSOCALPHA ? Layout::Kind::premultiplied
                                                            : Layout::Kind::rgba;
        layout.kept = 4;
      }
      break;
    case PHOTOMETRIC_SEPARATED:
      layout.kind = Layout::Kind::cmyk;
      if (!whole || colors != 4) throw unknown();
      break;
    default:
      throw unknown();
  }
  return layout;
}

// Samples of one row of a strip or tile, from sample `plane` on, to their places.
void store(const Layout& layout, const std::uint8_t* in, int n, int plane, std::uint8_t* out) {
  const int channels = layout.channels(), step = layout.row_samples(), bits = layout.bits;
  if (layout.samples == 1 && bits <= 8) {
    const int max = (1 << bits) - 1;
    for (int x = 0; x < n; ++x, out += channels) {
      const int bit = x * bits;
      const int value = in[bit / 8] >> (8 - bits - bit % 8) & max;
      if (layout.kind == Layout::Kind::palette) std::memcpy(out, layout.colors[value].data(), 3);
      else out[0] = static_cast<std::uint8_t>((layout.inverted ? max - value : value) * 255 / max);
    }
    return;
  }
  const int kept = layout.planar ? 1 : layout.kept;
  out += plane;
  for (int x = 0; x < n; ++x, out += channels) {
    for (int s = 0; s < kept; ++s) {
      const std::size_t at = static_cast<std::size_t>(x) * step + s;
      if (bits == 8) {
        out[s] = in[at];
        continue;
      }
      std::uint16_t value;  // in the machine's order; grey ones are clipped, like those of a PNG
      std::memcpy(&value, in + 2 * at, 2);
      out[s] = static_cast<std::uint8_t>(
          layout.kind == Layout::Kind::grey ? std::min<int>(value, 255) : value >> 8);
    }
  }
}

void read_strips(TIFF* tiff, const TiffFile& file, const Layout& layout, const DecodeLimits& limits,
                 Pixels& out) {
  const std::uint64_t bytes = layout.row_bytes(static_cast<std::uint64_t>(layout.width));
  if (TIFFScanlineSize64(tiff) != bytes) throw refused(file);
  std::vector<std::uint8_t> row(bytes);
  const int planes = layout.planar ? layout.kept : 1;
  for (int plane = 0; plane < planes; ++plane) {
    for (int y = 0; y < layout.height; ++y) {
      if (y % 64 == 0) check_stop(limits);
      const auto line = static_cast<std::uint32_t>(y);
      if (TIFFReadScanline(tiff, row.data(), line, static_cast<std::uint16_t>(plane)) < 0) {
        throw refused(file);
      }
      store(layout, row.data(), layout.width, plane, out.row(y));
    }
  }
}

void read_tiles(TIFF* tiff, const TiffFile& file, const Layout& layout, const DecodeLimits& limits,
                Pixels& out) {
  const auto width = value_of<std::uint32_t>(tiff, TIFFTAG_TILEWIDTH, 0);
  const auto height = value_of<std::uint32_t>(tiff, TIFFTAG_TILELENGTH, 0);
  check_size(width, height, limits);
  const std::uint64_t row_bytes = layout.row_bytes(width), bytes = row_bytes * height;
  if (bytes > kMaxTileBytes) throw image_error("it has tiles of too many bytes");
  if (TIFFTileSize64(tiff) != bytes) throw refused(file);
  std::vector<std::uint8_t> tile(bytes);
  const int planes = layout.planar ? layout.kept : 1;
  for (int plane = 0; plane < planes; ++plane) {
    for (std::int64_t y = 0; y < layout.height; y += height) {
      for (std::int64_t x = 0; x < layout.width; x += width) {
        check_stop(limits);
        const std::uint32_t index =
            TIFFComputeTile(tiff, static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y), 0,
                            static_cast<std::uint16_t>(plane));
        const auto got =
            TIFFReadEncodedTile(tiff, index, tile.data(), static_cast<tmsize_t>(bytes));
        if (got != static_cast<tmsize_t>(bytes)) throw refused(file);
        const auto rows = std::min<std::int64_t>(height, layout.height - y);
        const auto n = std::min<std::int64_t>(width, layout.width - x);
        for (std::int64_t i = 0; i < rows; ++i) {
          store(layout, tile.data() + row_bytes * i, static_cast<int>(n), plane,
                out.row(static_cast<int>(y + i)) + x * layout.channels());
        }
      }
    }
  }
}

void undo_premultiplication(Pixels& pixels) {
  std::uint8_t* p = pixels.data();
  for (std::size_t n = pixels.shape.bytes() / 4; n > 0; --n, p += 4) {
    for (int c = 0; c < 3; ++c) {
      p[c] = static_cast<std::uint8_t>(p[3] == 0 ? 0 : std::min(255, p[c] * 255 / p[3]));
    }
  }
}

// Turns the picture as its orientation says (1 to 8: where row 0 and column 0 belong).
void turn(Pixels& pixels, int orientation) {
  if (orientation < 2 || orientation > 8) return;
  const PixelShape from = pixels.shape;
  const bool transposed = orientation >= 5;
  const bool up = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const bool left = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  Pixels turned;
  turned.reshape({transposed ? from.width : from.height, transposed ? from.height : from.width,
                  from.channels});
  const int height = turned.shape.height, width = turned.shape.width;
  for (int y = 0; y < height; ++y) {
    std::uint8_t* to = turned.row(y);
    for (int x = 0; x < width; ++x, to += from.channels) {
      const int i = up ? height - 1 - y : y, j = left ? width - 1 - x : x;
      std::memcpy(to, pixels.row(transposed ? j : i) + (transposed ? i : j) * from.channels,
                  static_cast<std::size_t>(from.channels));
    }
  }
  std::swap(pixels, turned);
}

}  // namespace

bool reads_tiff() { return true; }

void read_tiff(const std::uint8_t* data, std::size_t size, const DecodeLimits& limits,
               Pixels& out) {
  TiffFile file{data, size};
  const std::unique_ptr<TIFF, void (*)(TIFF*)> tiff(open(&file), TIFFClose);
  if (!tiff) throw refused(file);
  const Layout layout = read_layout(tiff.get(), limits);
  out.reshape({layout.height, layout.width, layout.channels()});
  if (TIFFIsTiled(tiff.get())) read_tiles(tiff.get(), file, layout, limits, out);
  else read_strips(tiff.get(), file, layout, limits, out);

  if (layout.kind == Layout::Kind::premultiplied) undo_premultiplication(out);
  if (layout.kind == Layout::Kind::cmyk) {
    std::uint8_t* p = out.data();
    for (std::size_t i = 0; i < out.shape.bytes(); ++i) p[i] = static_cast<std::uint8_t>(~p[i]);
    inverted_cmyk_to_rgb(out);
  }
  turn(out, value_of<std::uint16_t>(tiff.get(), TIFFTAG_ORIENTATION, 1));
}

}  // namespace hornet

#else

namespace hornet {

bool reads_tiff() { return false; }

void read_tiff(const std::uint8_t*, std::size_t, const DecodeLimits&, Pixels&) {
  throw image_error("this is a TIFF picture, and hornet was installed without libtiff")
      .hint("Install libtiff (Debian: libtiff-dev; Fedora: libtiff-devel), then hornet again.");
}

}  // namespace hornet

#endif
