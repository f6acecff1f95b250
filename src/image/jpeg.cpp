// JPEG through the libjpeg API. libjpeg leaves by longjmp, so the functions that call it are plain
// C frames: they own nothing and return whether they got to their end.
#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>

#include <jpeglib.h>
#include <jerror.h>

#include "image/color.h"
#include "image/formats.h"
#include "rt/run_loop.h"

namespace hornet {
namespace {

struct JpegErrors {
  jpeg_error_mgr manager;  // first: libjpeg's pointer to it is ours
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

struct JpegReader {
  jpeg_decompress_struct info;
  JpegErrors errors;
  jpeg_progress_mgr progress;
  const DecodeLimits* limits;
  bool stopped;
};

[[noreturn]] void leave(j_common_ptr info, const char* message) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  std::snprintf(errors->message, sizeof errors->message, "%s", message);
  std::longjmp(errors->escape, 1);
}

void on_error(j_common_ptr info) {
  char message[JMSG_LENGTH_MAX];
  info->err->format_message(info, message);
  leave(info, message);
}

// Damage inside the data is decoded as well as can be, like Pillow does; a missing end is not.
void on_message(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) leave(info, "the file is truncated");
}

void on_progress(j_common_ptr info) {
  auto* reader = static_cast<JpegReader*>(info->client_data);
  const DecodeLimits& limits = *reader->limits;
  const std::int64_t pixels = std::int64_t{reader->info.image_width} * reader->info.image_height;
  const std::int64_t scans = std::clamp<std::int64_t>(limits.max_scanned_pixels / pixels,
                                                      limits.usual_scans, limits.max_scans);
  if (reader->info.input_scan_number > scans) leave(info, "it has too many scans");
  if (reader->limits->stop && reader->limits->stop->load(std::memory_order_relaxed)) {
    reader->stopped = true;
    leave(info, "stopped");
  }
}

bool open(JpegReader* reader, const std::uint8_t* data, std::size_t size) {
  jpeg_decompress_struct* info = &reader->info;
  if (setjmp(reader->errors.escape)) return false;
  jpeg_create_decompress(info);
  info->client_data = reader;
  info->progress = &reader->progress;
  info->mem->max_memory_to_use = static_cast<long>(reader->limits->max_decoder_bytes);
  jpeg_mem_src(info, const_cast<std::uint8_t*>(data), static_cast<unsigned long>(size));
  jpeg_read_header(info, TRUE);
  switch (info->num_components) {
    case 1:
      info->out_color_space = JCS_GRAYSCALE;
      break;
    case 3:
      info->out_color_space = JCS_RGB;
      break;
    case 4:
      info->out_color_space = JCS_CMYK;
      break;
    default:
      leave(reinterpret_cast<j_common_ptr>(info), "it has an unusual number of channels");
  }
  return true;
}

// Can rows be passed over? In the usual layouts (4:4:4, 4:2:2, 4:2:0) libjpeg-turbo then gives the
// same values as if it had read them; not where it upsamples without looking at neighbours, as in
// very narrow pictures.
bool skips_rows(const jpeg_decompress_struct& info) {
#if defined(LIBJPEG_TURBO_VERSION_NUMBER) && LIBJPEG_TURBO_VERSION_NUMBER >= 2001000
  const jpeg_component_info* c = info.comp_info;
  const bool plain = c[1].h_samp_factor == 1 && c[1].v_samp_factor == 1 &&
                     c[2].h_samp_factor == 1 && c[2].v_samp_factor == 1;
  const int h = c[0].h_samp_factor, v = c[0].v_samp_factor;
  return info.num_components == 3 && plain && (h == 1 || h == 2) &&
         (v == 1 || (v == 2 && h == 2)) && info.image_width >= 8;
#else
  return false;
#endif
}

// `wanted`: `count` rows, ascending; the others are passed over where that can be done. Not the
// last ones: that the file ends too early is only found by reading them.
bool read_rows(JpegReader* reader, const int* wanted, std::size_t count, std::uint8_t* out,
               std::size_t row_bytes) {
  jpeg_decompress_struct* info = &reader->info;
  if (setjmp(reader->errors.escape)) return false;
  jpeg_start_decompress(info);
#ifdef LIBJPEG_TURBO_VERSION_NUMBER
  for (std::size_t k = 0; k < count; ++k) {
    const JDIMENSION y = static_cast<JDIMENSION>(wanted[k]);
    if (y < info->output_scanline) continue;
    if (y > info->output_scanline) jpeg_skip_scanlines(info, y - info->output_scanline);
    JSAMPROW row = out + y * row_bytes;
    jpeg_read_scanlines(info, &row, 1);
  }
#endif
  while (info->output_scanline < info->output_height) {
    JSAMPROW rows[16];
    JDIMENSION n = info->output_height - info->output_scanline;
    if (n > 16) n = 16;
    for (JDIMENSION i = 0; i < n; ++i) rows[i] = out + (info->output_scanline + i) * row_bytes;
    jpeg_read_scanlines(info, rows, n);
  }
  return true;
}

bool destroy(JpegReader* reader) {
  if (setjmp(reader->errors.escape)) return false;
  jpeg_destroy_decompress(&reader->info);
  return true;
}

struct JpegWriter {
  jpeg_compress_struct info;
  JpegErrors errors;
};

bool write(JpegWriter* writer, std::FILE* file, const std::uint8_t* data, const PixelShape* shape,
           int quality) {
  jpeg_compress_struct* info = &writer->info;
  if (setjmp(writer->errors.escape)) return false;
  jpeg_create_compress(info);
  jpeg_stdio_dest(info, file);
  info->image_width = static_cast<JDIMENSION>(shape->width);
  info->image_height = static_cast<JDIMENSION>(shape->height);
  info->input_components = shape->channels;
  info->in_color_space = shape->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(info);
  jpeg_set_quality(info, quality, TRUE);
  jpeg_start_compress(info, TRUE);
  while (info->next_scanline < info->image_height) {
    auto* row = const_cast<JSAMPROW>(data + info->next_scanline * shape->row_bytes());
    jpeg_write_scanlines(info, &row, 1);
  }
  jpeg_finish_compress(info);
  return true;
}

}  // namespace

std::string jpeg_library() {
  const std::string api = "libjpeg " + std::to_string(JPEG_LIB_VERSION);
#ifdef LIBJPEG_TURBO_VERSION_NUMBER
  return api + " turbo " + std::to_string(LIBJPEG_TURBO_VERSION_NUMBER);
#else
  return api;
#endif
}

void read_jpeg(const std::uint8_t* data, std::size_t size, const DecodeLimits& limits,
               const RowsWanted& rows, Pixels& out) {
  JpegReader reader;
  std::memset(&reader, 0, sizeof reader);
  reader.limits = &limits;
  reader.info.err = jpeg_std_error(&reader.errors.manager);
  reader.errors.manager.error_exit = on_error;
  reader.errors.manager.emit_message = on_message;
  reader.progress.progress_monitor = on_progress;
  struct Guard {
    JpegReader* reader;
    ~Guard() { destroy(reader); }
  } guard{&reader};

  auto check = [&](bool fine) {
    if (fine) return;
    if (reader.stopped) throw Stopped{};
    throw image_error(reader.errors.message);
  };
  check(open(&reader, data, size));
  check_size(reader.info.image_width, reader.info.image_height, limits);
  // A Huffman code has a bit at least, and there is one for each 8 x 8 pixels.
  const std::int64_t blocks =
      std::int64_t{reader.info.image_width / 8} * (reader.info.image_height / 8);
  if (!reader.info.arith_code && static_cast<std::int64_t>(size) < blocks / 8) {
    throw truncated_image();
  }
  const int channels = reader.info.num_components;
  std::uint8_t* pixels = out.reshape({static_cast<int>(reader.info.image_height),
                                      static_cast<int>(reader.info.image_width), channels});
  const std::vector<int>* wanted =
      rows && skips_rows(reader.info) ? rows(out.shape.height) : nullptr;
  check(read_rows(&reader, wanted ? wanted->data() : nullptr, wanted ? wanted->size() : 0, pixels,
                  out.shape.row_bytes()));
  if (channels == 4) inverted_cmyk_to_rgb(out);
}

void write_jpeg(const std::string& path, const Pixels& pixels, int quality) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  if (!file) throw write_error(path, "the file can't be opened for writing");
  JpegWriter writer;
  std::memset(&writer, 0, sizeof writer);
  writer.info.err = jpeg_std_error(&writer.errors.manager);
  writer.errors.manager.error_exit = on_error;
  writer.errors.manager.emit_message = on_message;
  const bool fine = write(&writer, file.get(), pixels.data(), &pixels.shape, quality);
  jpeg_destroy_compress(&writer.info);
  const bool closed = std::fclose(file.release()) == 0;
  if (!fine || !closed) {
    throw write_error(path, fine ? "the file can't be written" : writer.errors.message);
  }
}

}  // namespace hornet
