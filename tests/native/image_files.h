// Small picture files in memory, of all kinds that are read.
#pragma once
#include <unistd.h>

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <jpeglib.h>
#ifdef HORNET_TIFF
#include <tiffio.h>
#endif

#include "base/error.h"
#include "image/formats.h"

namespace hornet {

using Bytes = std::vector<std::uint8_t>;

inline Pixels picture(int height, int width, int channels) {
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

inline Bytes progressive_jpeg(const Pixels& pixels) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &data, &size);
  info.image_width = static_cast<JDIMENSION>(pixels.shape.width);
  info.image_height = static_cast<JDIMENSION>(pixels.shape.height);
  info.input_components = pixels.shape.channels;
  info.in_color_space = pixels.shape.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = pixels.row(static_cast<int>(info.next_scanline));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  Bytes bytes(data, data + size);
  std::free(data);
  return bytes;
}

inline void put(Bytes& bytes, std::size_t at, std::uint64_t value, int count) {
  for (int i = 0; i < count; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

// `compression`: 0 none, 1 and 2 run lengths. Below 24 bits with a palette, but for 16.
inline Bytes bmp_file(int width, int height, int bits, int compression = 0) {
  const std::uint32_t row = (width * bits + 31) / 32 * 4;
  const std::uint32_t colors = bits <= 8 ? 1u << bits : 0, start = 54 + 4 * colors;
  Bytes bytes(start + (compression ? 0 : row * height));
  put(bytes, 0, 0x4d42, 2);
  put(bytes, 2, bytes.size(), 4);
  put(bytes, 10, start, 4);
  put(bytes, 14, 40, 4);
  put(bytes, 18, width, 4);
  put(bytes, 22, height, 4);
  put(bytes, 26, 1, 2);
  put(bytes, 28, bits, 2);
  put(bytes, 30, compression, 4);
  for (std::size_t i = 54; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 11);
  return bytes;
}

// Runs, literals, a move.
inline Bytes rle_bmp_file(int width, int height) {
  Bytes bytes = bmp_file(width, height, 8, 1);
  for (int y = 0; y < height; ++y) {
    if (y == 2) bytes.insert(bytes.end(), {0, 2, 3, 0});
    bytes.insert(bytes.end(), {3, static_cast<std::uint8_t>(y * 20), 0, 3, 7, 8, 9, 0, 0, 0});
  }
  bytes.insert(bytes.end(), {0, 1});
  return bytes;
}

inline Bytes pnm_file(const std::string& header, std::size_t body) {
  Bytes bytes(header.begin(), header.end());
  for (std::size_t i = 0; i < body; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 13));
  return bytes;
}

inline Bytes plain_pnm_file(int width, int height) {
  std::string text =
      "P3 # plain\n" + std::to_string(width) + " " + std::to_string(height) + " 99\n";
  for (int i = 0; i < 3 * width * height; ++i)
    text += std::to_string(i % 100) + (i % 9 ? " " : "\n");
  return Bytes(text.begin(), text.end());
}

struct TiffKind {
  std::string name, mode = "w";  // "wb": big-endian, "w8": BigTIFF
  int bits = 8, samples = 3, photometric = 2, compression = 1;
  bool planar = false, tiled = false;
  int extra = -1;
};

#ifdef HORNET_TIFF
inline std::vector<TiffKind> tiff_kinds() {
  TiffKind rgb{"raw"};
  std::vector<TiffKind> kinds{rgb};
  const auto add = [&](const char* name, auto change) {
    kinds.push_back(rgb);
    kinds.back().name = name;
    change(kinds.back());
  };
  add("LZW", [](TiffKind& k) { k.compression = COMPRESSION_LZW; });
  add("deflate", [](TiffKind& k) { k.compression = COMPRESSION_ADOBE_DEFLATE; });
  add("PackBits", [](TiffKind& k) { k.compression = COMPRESSION_PACKBITS; });
  add("JPEG", [](TiffKind& k) { k.compression = COMPRESSION_JPEG; });
  add("JPEG of YCbCr", [](TiffKind& k) {
    k.compression = COMPRESSION_JPEG;
    k.photometric = PHOTOMETRIC_YCBCR;
  });
  add("tiled JPEG", [](TiffKind& k) {
    k.compression = COMPRESSION_JPEG;
    k.tiled = true;
  });
  add("tiled", [](TiffKind& k) { k.tiled = true; });
  add("tiled planes of LZW", [](TiffKind& k) {
    k.tiled = k.planar = true;
    k.compression = COMPRESSION_LZW;
  });
  add("planes", [](TiffKind& k) { k.planar = true; });
  add("big-endian 16 bits", [](TiffKind& k) {
    k.bits = 16;
    k.mode = "wb";
  });
  add("BigTIFF", [](TiffKind& k) { k.mode = "w8"; });
  add("grey of 16 bits", [](TiffKind& k) {
    k.samples = 1;
    k.photometric = PHOTOMETRIC_MINISBLACK;
    k.bits = 16;
  });
  add("palette of 4 bits", [](TiffKind& k) {
    k.samples = 1;
    k.photometric = PHOTOMETRIC_PALETTE;
    k.bits = 4;
  });
  add("premultiplied", [](TiffKind& k) {
    k.samples = 4;
    k.extra = EXTRASAMPLE_ASSOCALPHA;
  });
  add("CMYK", [](TiffKind& k) {
    k.samples = 4;
    k.photometric = PHOTOMETRIC_SEPARATED;
  });
  for (int compression : {COMPRESSION_CCITTRLE, COMPRESSION_CCITTFAX3, COMPRESSION_CCITTFAX4}) {
    add("CCITT", [&](TiffKind& k) {
      k.name += " " + std::to_string(compression);
      k.samples = k.bits = 1;
      k.photometric = PHOTOMETRIC_MINISWHITE;
      k.compression = compression;
    });
  }
  return kinds;
}

inline Bytes tiff_file(const TiffKind& kind, std::uint32_t width, std::uint32_t height) {
  return written([&](const char* path) {
    TIFF* tiff = TIFFOpen(path, kind.mode.c_str());
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, height);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, kind.bits);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, kind.samples);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, kind.photometric);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, kind.compression);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, kind.planar ? 2 : 1);
    if (kind.photometric == PHOTOMETRIC_YCBCR) {
      TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    }
    if (kind.photometric == PHOTOMETRIC_PALETTE) {
      std::uint16_t colors[256];
      for (int i = 0; i < 256; ++i) colors[i] = static_cast<std::uint16_t>(i * 2500);
      TIFFSetField(tiff, TIFFTAG_COLORMAP, colors, colors, colors);
    }
    const std::uint16_t extra = static_cast<std::uint16_t>(kind.extra);
    if (kind.extra >= 0) TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &extra);
    Bytes data;
    const auto fill = [&](tmsize_t size) {
      data.resize(static_cast<std::size_t>(size));
      for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i * i / 5);
    };
    if (kind.tiled) {
      TIFFSetField(tiff, TIFFTAG_TILEWIDTH, 16);
      TIFFSetField(tiff, TIFFTAG_TILELENGTH, 16);
      fill(TIFFTileSize(tiff));
      for (std::uint32_t i = 0; i < TIFFNumberOfTiles(tiff); ++i) {
        TIFFWriteEncodedTile(tiff, i, data.data(), TIFFTileSize(tiff));
      }
    } else {
      TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, 16);
      fill(TIFFStripSize(tiff));
      const std::uint32_t strips = TIFFNumberOfStrips(tiff), last_rows = (height - 1) % 16 + 1;
      const std::uint32_t plane_strips = kind.planar ? strips / kind.samples : strips;
      for (std::uint32_t i = 0; i < strips; ++i) {
        const bool last = i % plane_strips == plane_strips - 1;
        TIFFWriteEncodedStrip(tiff, i, data.data(), TIFFVStripSize(tiff, last ? last_rows : 16));
      }
    }
    TIFFClose(tiff);
  });
}
#else
inline std::vector<TiffKind> tiff_kinds() { return {}; }
inline Bytes tiff_file(const TiffKind&, std::uint32_t, std::uint32_t) { return {}; }
#endif

}  // namespace hornet
