// PNG through libpng. Like libjpeg it leaves by longjmp: the functions that call it own nothing.
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <png.h>

#include "image/formats.h"
#include "rt/run_loop.h"

namespace hornet {
namespace {

constexpr png_alloc_size_t kMaxChunkBytes = 8u << 20;

struct PngReader {
  png_structp png;
  png_infop info;
  const std::uint8_t* data;
  std::size_t left;
  const DecodeLimits* limits;
  bool wide_grey;  // 16 bits a pixel, to be clipped by us
  bool in_tail;    // the last rows are being read
  std::size_t tail_left;
  bool finished;  // all rows are there, but their data go on
  bool stopped;
  char message[128];
};

void on_error(png_structp png, png_const_charp message) {
  char* to = static_cast<char*>(png_get_error_ptr(png));
  std::snprintf(to, sizeof(PngReader::message), "%s", message);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep to, png_size_t n) {
  auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
  if (n > reader->left) png_error(png, "the file is truncated");
  if (reader->in_tail) {
    // After the last row libpng inflates whatever is left, which may be gigabytes.
    reader->finished = n > reader->tail_left;
    if (reader->finished) png_error(png, "there are too many data");
    reader->tail_left -= n;
  }
  std::memcpy(to, reader->data, n);
  reader->data += n;
  reader->left -= n;
}

bool open(PngReader* reader) {
  if (setjmp(png_jmpbuf(reader->png))) return false;
  png_structp png = reader->png;
  png_infop info = reader->info;
  png_set_read_fn(png, reader, on_read);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);  // check_size() is stricter
  png_set_chunk_malloc_max(png, kMaxChunkBytes);
#ifdef PNG_HANDLE_AS_UNKNOWN_SUPPORTED
  // Colour profiles and texts change no pixel: not even inflated.
  static const png_byte unused[] = "iCCP\0zTXt\0iTXt\0tEXt\0sPLT\0hIST\0eXIf";
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, unused, sizeof unused / 5);
#endif
  png_read_info(png, info);
  const int color = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
  if (color == PNG_COLOR_TYPE_GRAY && depth == 16) {
    reader->wide_grey = true;
  } else {
    if (depth == 16) png_set_strip_16(png);
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (color == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (png_get_valid(png, info, PNG_INFO_tRNS)) png_set_tRNS_to_alpha(png);
  }
  png_set_interlace_handling(png);
  return true;
}

bool start(PngReader* reader) {
  if (setjmp(png_jmpbuf(reader->png))) return false;
  png_read_update_info(reader->png, reader->info);
  return true;
}

bool read_rows(PngReader* reader, std::uint8_t* out, std::size_t row_bytes, int height) {
  const bool interlaced = png_get_interlace_type(reader->png, reader->info) != PNG_INTERLACE_NONE;
  const png_uint_32 width = png_get_image_width(reader->png, reader->info);
  int last = interlaced ? 6 : 0;  // pass with pixels
  while (last > 0 && (PNG_PASS_ROWS(static_cast<png_uint_32>(height), last) == 0 ||
                      PNG_PASS_COLS(width, last) == 0))
    --last;
  constexpr int kTailRows = 8;  // of which a pass has one at least
  reader->tail_left = kTailRows * row_bytes * 2 + (std::size_t{1} << 15);
  if (setjmp(png_jmpbuf(reader->png))) return reader->finished;
  for (int pass = 0; pass <= last; ++pass) {
    for (int y = 0; y < height; ++y) {
      reader->in_tail = pass == last && y >= height - kTailRows;
      if (y % 64 == 0 && reader->limits->stop &&
          reader->limits->stop->load(std::memory_order_relaxed)) {
        reader->stopped = true;
        return false;
      }
      png_read_row(reader->png, out + row_bytes * static_cast<std::size_t>(y), nullptr);
    }
  }
  return true;
}

// Values beyond 255 are clipped, not scaled.
void clip_wide_grey(Pixels& pixels) {
  const std::size_t n = static_cast<std::size_t>(pixels.shape.height) * pixels.shape.width;
  const std::uint8_t* in = pixels.data();
  std::uint8_t* out = pixels.data();
  for (std::size_t i = 0; i < n; ++i) out[i] = in[2 * i] ? 255 : in[2 * i + 1];
  pixels.shape.channels = 1;
}

bool write(png_structp png, png_infop info, std::FILE* file, const std::uint8_t* data,
           const PixelShape* shape) {
  static const int colors[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                               PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
  if (setjmp(png_jmpbuf(png))) return false;
  png_init_io(png, file);
  png_set_IHDR(png, info, static_cast<png_uint_32>(shape->width),
               static_cast<png_uint_32>(shape->height), 8, colors[shape->channels],
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (int y = 0; y < shape->height; ++y) {
    png_write_row(png, data + shape->row_bytes() * static_cast<std::size_t>(y));
  }
  png_write_end(png, nullptr);
  return true;
}

}  // namespace

void read_png(const std::uint8_t* data, std::size_t size, const DecodeLimits& limits, Pixels& out) {
  PngReader reader;
  std::memset(&reader, 0, sizeof reader);
  reader.data = data;
  reader.left = size;
  reader.limits = &limits;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader.message, on_error, on_warning);
  struct Guard {
    PngReader* reader;
    ~Guard() { png_destroy_read_struct(&reader->png, &reader->info, nullptr); }
  } guard{&reader};
  if (reader.png) reader.info = png_create_info_struct(reader.png);
  if (!reader.info) throw std::bad_alloc();

  auto check = [&](bool fine) {
    if (fine) return;
    if (reader.stopped) throw Stopped{};
    throw image_error(reader.message);
  };
  check(open(&reader));
  const auto width = static_cast<std::int64_t>(png_get_image_width(reader.png, reader.info));
  const auto height = static_cast<std::int64_t>(png_get_image_height(reader.png, reader.info));
  check_size(width, height, limits);
  check(start(&reader));
  const int channels = reader.wide_grey ? 2 : png_get_channels(reader.png, reader.info);
  const PixelShape shape{static_cast<int>(height), static_cast<int>(width), channels};
  if (png_get_rowbytes(reader.png, reader.info) != shape.row_bytes()) {
    throw image_error("its pixels are of an unknown layout");
  }
  std::uint8_t* pixels = out.reshape(shape);
  check(read_rows(&reader, pixels, shape.row_bytes(), shape.height));
  if (reader.wide_grey) clip_wide_grey(out);
}

void write_png(const std::string& path, const Pixels& pixels) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  if (!file) throw write_error(path, "the file can't be opened for writing");
  char message[sizeof(PngReader::message)] = "out of memory";
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, message, on_error, on_warning);
  png_infop info = png ? png_create_info_struct(png) : nullptr;
  const bool fine = info && write(png, info, file.get(), pixels.data(), &pixels.shape);
  png_destroy_write_struct(&png, &info);
  const bool closed = std::fclose(file.release()) == 0;
  if (!fine || !closed) { throw write_error(path, fine ? "the file can't be written" : message); }
}

}  // namespace hornet
