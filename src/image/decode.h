// Picture files -> pixels, with the values that Pillow gives. The kind of a file is told by its
// first bytes, not by its name.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "image/pixels.h"

namespace hornet {

// What a file may cost before it is refused.
struct DecodeLimits {
  std::int64_t max_pixels = 89478485;  // Pillow warns about a "decompression bomb" here
  std::int64_t max_side = 1 << 20;     // decoders hold whole rows
  std::size_t max_file_bytes = std::size_t{1} << 29;
  std::size_t max_decoder_bytes = std::size_t{1} << 29;  // libjpeg's own memory
  // Of a progressive JPEG: fewer the larger it is, but always what encoders make.
  int max_scans = 500, usual_scans = 24;
  std::int64_t max_scanned_pixels = 400000000;
  const std::atomic<bool>* stop = nullptr;  // set: decoding ends soon, throwing Stopped
};

// Buffers that one thread reuses from picture to picture.
struct DecodeScratch {
  ByteBuffer file;
  Pixels raw;  // in the file's own channels, of which LA has two

  void trim();  // gives back what only a rare huge picture needed
};

// Reads a whole regular file into `buffer` and returns its size. Throws Error.
std::size_t read_file(const std::string& path, std::size_t max_bytes, ByteBuffer& buffer);

// The rows of a picture of that height that somebody will look at, ascending; null: all. A decoder
// may leave the others as they are.
using RowsWanted = std::function<const std::vector<int>*(int height)>;

// Decodes a picture to `mode`. Throws Error that says why not (without naming the file), Stopped.
void decode_image(const std::uint8_t* data, std::size_t size, ColorMode mode,
                  const DecodeLimits& limits, DecodeScratch& scratch, Pixels& out,
                  const RowsWanted& rows = {});

// Both of the above; errors name the file.
void load_image(const std::string& path, ColorMode mode, const DecodeLimits& limits,
                DecodeScratch& scratch, Pixels& out, const RowsWanted& rows = {});

}  // namespace hornet
