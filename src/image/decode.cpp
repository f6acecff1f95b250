#include "image/decode.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>

#include "image/color.h"
#include "image/formats.h"
#include "rt/run_loop.h"

namespace hornet {
namespace {

constexpr std::size_t kKeptBytes = std::size_t{32} << 20;

struct CloseFile {
  void operator()(std::FILE* f) const { std::fclose(f); }
};

bool begins(const std::uint8_t* data, std::size_t size, const char* magic, std::size_t n) {
  return size >= n && std::memcmp(data, magic, n) == 0;
}

std::string unsupported(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return "the file is empty";
  const char* kind = nullptr;
  if (begins(data, size, "GIF8", 4)) kind = "GIF";
  else if (size >= 12 && begins(data, size, "RIFF", 4) && std::memcmp(data + 8, "WEBP", 4) == 0)
    kind = "WebP";
  else if (size >= 12 && std::memcmp(data + 4, "ftyp", 4) == 0) kind = "HEIF";
  return kind ? std::string("this is a ") + kind +
                    " picture; JPEG, PNG, BMP, PPM and TIFF can be read"
              : std::string("not a JPEG, PNG, BMP, PPM or TIFF picture");
}

bool is_tiff(const std::uint8_t* data, std::size_t size) {  // BigTIFF has a +
  return begins(data, size, "II*\0", 4) || begins(data, size, "II+\0", 4) ||
         begins(data, size, "MM\0*", 4) || begins(data, size, "MM\0+", 4);
}

}  // namespace

void DecodeScratch::trim() {
  if (file.capacity() > kKeptBytes) file.release();
  if (raw.buffer.capacity() > kKeptBytes) raw.buffer.release();
}

void check_size(std::int64_t width, std::int64_t height, const DecodeLimits& limits) {
  if (width < 1 || height < 1) throw image_error("the picture has no pixels");
  if (height > limits.max_pixels / width) {
    throw image_error("the picture claims " + std::to_string(width) + " x " +
                      std::to_string(height) + " pixels, more than the limit of " +
                      std::to_string(limits.max_pixels))
        .hint("If it can be trusted, raise options(hornet.max_pixels = ).");
  }
  if (width > limits.max_side || height > limits.max_side) {
    throw image_error("the picture claims " + std::to_string(width) + " x " +
                      std::to_string(height) + " pixels, and no side may have more than " +
                      std::to_string(limits.max_side));
  }
}

void check_stop(const DecodeLimits& limits) {
  if (limits.stop && limits.stop->load(std::memory_order_relaxed)) throw Stopped{};
}

std::size_t read_file(const std::string& path, std::size_t max_bytes, ByteBuffer& buffer) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) throw image_error("there is no such file");
  const auto check_regular = [&] {
    if ((info.st_mode & S_IFMT) != S_IFREG) throw image_error("this is not a regular file");
  };
  check_regular();
  // By now it may be another one. Not to wait if it is a pipe.
  const int handle = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  std::unique_ptr<std::FILE, CloseFile> file(handle < 0 ? nullptr : fdopen(handle, "rb"));
  if (!file) {
    if (handle >= 0) close(handle);
    throw image_error("the file can't be opened for reading");
  }
  if (fstat(handle, &info) != 0) throw image_error("the file can't be read");
  check_regular();
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > max_bytes)
    throw image_error("the file is larger than " + std::to_string(max_bytes) + " bytes");
  std::uint8_t* data = buffer.reserve(size + 1);
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // one read, straight into the buffer
  return std::fread(data, 1, size, file.get());
}

void decode_image(const std::uint8_t* data, std::size_t size, ColorMode mode,
                  const DecodeLimits& limits, DecodeScratch& scratch, Pixels& out,
                  const RowsWanted& rows) {
  // The usual case, a colour file for a colour picture, is decoded in place.
  Pixels* target = mode == ColorMode::rgb ? &out : &scratch.raw;
  if (begins(data, size, "\xff\xd8\xff", 3)) read_jpeg(data, size, limits, rows, *target);
  else if (begins(data, size, "\x89PNG\r\n\x1a\n", 8)) read_png(data, size, limits, *target);
  else if (begins(data, size, "BM", 2)) read_bmp(data, size, limits, *target);
  else if (size > 2 && data[0] == 'P' && data[1] >= '1' && data[1] <= '6')
    read_pnm(data, size, limits, *target);
  else if (is_tiff(data, size)) read_tiff(data, size, limits, *target);
  else throw image_error(unsupported(data, size));

  if (target->shape.channels == channels_of(mode)) {
    if (target != &out) std::swap(*target, out);
    return;
  }
  if (target == &out) std::swap(scratch.raw, out);
  convert_channels(scratch.raw, mode, out);
}

void load_image(const std::string& path, ColorMode mode, const DecodeLimits& limits,
                DecodeScratch& scratch, Pixels& out, const RowsWanted& rows) {
  try {
    const std::size_t size = read_file(path, limits.max_file_bytes, scratch.file);
    decode_image(scratch.file.data(), size, mode, limits, scratch, out, rows);
  } catch (Error& e) {
    throw std::move(e).where("image \"" + path + "\"");
  } catch (const std::bad_alloc&) {
    throw Error("image \"" + path + "\": not enough memory to decode it", "out_of_memory");
  }
}

}  // namespace hornet
