// One reader a file format, one writer for those we write. Readers deliver the channels that the
// file has (1 grey, 2 grey and alpha, 3 RGB, 4 RGBA); palettes are looked up.
#pragma once
#include "base/error.h"
#include "image/decode.h"

namespace hornet {

inline Error image_error(std::string reason) { return Error(std::move(reason), "image"); }
inline Error write_error(const std::string& path, std::string reason) {
  return Error(std::move(reason), "file").where("image \"" + path + "\"");
}
inline Error truncated_image() { return image_error("the file is truncated"); }

// Throws if a picture of this size is beyond the limits.
void check_size(std::int64_t width, std::int64_t height, const DecodeLimits& limits);
void check_stop(const DecodeLimits& limits);

std::string jpeg_library();  // its name and version: others may give other values

void read_jpeg(const std::uint8_t* data, std::size_t size, const DecodeLimits&, const RowsWanted&,
               Pixels& out);
void read_png(const std::uint8_t* data, std::size_t size, const DecodeLimits&, Pixels& out);
void read_bmp(const std::uint8_t* data, std::size_t size, const DecodeLimits&, Pixels& out);
void read_pnm(const std::uint8_t* data, std::size_t size, const DecodeLimits&, Pixels& out);
void read_tiff(const std::uint8_t* data, std::size_t size, const DecodeLimits&, Pixels& out);
bool reads_tiff();  // or is there no libtiff?

// Throw Error (of another kind: "file") if the file can't be written. JPEG takes 1 or 3 channels.
void write_png(const std::string& path, const Pixels& pixels);
void write_jpeg(const std::string& path, const Pixels& pixels, int quality);

}  // namespace hornet
