// Files that are made to cost much: each is refused, or read, within a second and 256 MB. Each is
// loaded in a process of its own, whose processor time and memory are measured.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "check.h"
#include "image/decode.h"
#include "image_files.h"

using namespace hornet;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kSeconds = 4, kMegabytes = 1e9;  // memory is mostly the sanitizer's
#else
constexpr double kSeconds = 1, kMegabytes = 256;
#endif
double worst_seconds = 0, worst_megabytes = 0;
int tried = 0;

enum class Expect { refused, read, either };

// Loads the file in a child. `why`: the refusal's words, of which some are expected.
void load(const std::string& name, const std::string& path, Expect expect, const char* words) {
  int ends[2];
  if (pipe(ends) != 0) throw Error("no pipe");
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    std::string told = "read";
    try {
      DecodeScratch scratch;
      Pixels out;
      load_image(path, ColorMode::rgb, DecodeLimits(), scratch, out);
    } catch (const Error& e) { told = e.what(); }
    const bool fine = write(ends[1], told.data(), told.size()) == static_cast<ssize_t>(told.size());
    _exit(fine ? 0 : 1);
  }
  close(ends[1]);
  std::string told;
  char buffer[512];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    told.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  rusage usage;
  wait4(child, &status, 0, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  const double time = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  const double megabytes = static_cast<double>(usage.ru_maxrss) / 1024;
  std::printf("  %-44s %6.3f s %6.1f MB  %s\n", name.c_str(), time, megabytes,
              told.substr(told.find("\": ") == std::string::npos ? 0 : told.find("\": ") + 3)
                  .substr(0, 70)
                  .c_str());
  worst_seconds = std::max(worst_seconds, time);
  worst_megabytes = std::max(worst_megabytes, megabytes);
  ++tried;
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(time <= kSeconds);
  CHECK(megabytes <= kMegabytes);
  if (expect == Expect::read) CHECK(told == "read");
  if (expect == Expect::refused) {
    CHECK(told.find(path) != std::string::npos);
    if (!CHECK(told.find(words) != std::string::npos)) std::printf("%s\n", told.c_str());
  }
}

void bomb(const std::string& name, const Bytes& bytes, const char* words,
          Expect expect = Expect::refused) {
  written([&](const char* path) {
    std::FILE* file = std::fopen(path, "wb");
    std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::fclose(file);
    load(name, path, expect, words);
  });
}

void append(Bytes& bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}
void append(Bytes& bytes, const char* text, std::size_t n) {
  bytes.insert(bytes.end(), text, text + n);
}

Bytes big_endian(std::uint32_t value) {
  Bytes bytes(4);
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  return bytes;
}

// That many zero bytes, deflated.
Bytes deflated_zeros(std::size_t count) {
  z_stream stream{};
  deflateInit(&stream, 6);
  Bytes zeros(1 << 20), out(1 << 20), result;
  for (std::size_t left = count; left > 0 || stream.avail_in > 0;) {
    if (stream.avail_in == 0) {
      stream.next_in = zeros.data();
      stream.avail_in = static_cast<uInt>(std::min(left, zeros.size()));
      left -= stream.avail_in;
    }
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, left > 0 ? Z_NO_FLUSH : Z_FINISH);
    result.insert(result.end(), out.data(), stream.next_out);
  }
  deflateEnd(&stream);
  return result;
}

// --- PNG ---

void chunk(Bytes& png, const char* type, const Bytes& data) {
  append(png, big_endian(static_cast<std::uint32_t>(data.size())));
  Bytes body(type, type + 4);
  append(body, data);
  append(png, body);
  append(png, big_endian(static_cast<std::uint32_t>(
                  crc32(0, body.data(), static_cast<uInt>(body.size())))));
}

Bytes png_start(std::uint32_t width, std::uint32_t height, int bits = 8, int color = 2,
                int interlace = 0) {
  Bytes png, header = big_endian(width);
  append(png, "\x89PNG\r\n\x1a\n", 8);
  append(header, big_endian(height));
  append(header, Bytes{static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(color), 0, 0,
                       static_cast<std::uint8_t>(interlace)});
  chunk(png, "IHDR", header);
  return png;
}

Bytes png(Bytes start, const Bytes& data) {
  chunk(start, "IDAT", data);
  chunk(start, "IEND", {});
  return start;
}

void png_bombs() {
  const Bytes zeros = deflated_zeros(std::size_t{256} << 20), small = deflated_zeros(16 * 49);
  bomb("PNG of 2^31 - 1 squared", png(png_start(0x7fffffff, 0x7fffffff), small), "pixels");
  bomb("PNG of 2^32 - 1 squared", png(png_start(0xffffffff, 0xffffffff), small), "");
  bomb("PNG of 20000 squared, deflated", png(png_start(20000, 20000), zeros), "limit");
  bomb("PNG of one row of 80 million", png(png_start(80000000, 1, 16, 6), zeros), "side");
  bomb("PNG of 80 million rows", png(png_start(1, 80000000, 1, 0), zeros), "side");
  bomb("PNG of 9000 squared without data", png(png_start(9000, 9000, 16, 6), small), "");
  bomb("PNG, the same interlaced", png(png_start(9000, 9000, 16, 6, 1), small), "");
  bomb("PNG of no columns", png(png_start(0, 16), small), "");
  bomb("PNG of no rows", png(png_start(16, 0), small), "");
  bomb("PNG of no data at all", png_start(16, 16), "truncated");
  bomb("PNG of 16 squared that inflates to 256 MB", png(png_start(16, 16), zeros), "",
       Expect::either);
  for (const char* type : {"zTXt", "iCCP"}) {
    Bytes start = png_start(16, 16), data{'x', 0, 0};
    append(data, zeros);
    chunk(start, type, data);
    bomb(std::string("PNG, ") + type + " of 256 MB inflated", png(start, small), "", Expect::read);
  }
  for (const char* type : {"tEXt", "sPLT", "abCd", "eXIf"}) {
    Bytes start = png_start(16, 16);
    chunk(start, type, Bytes(30u << 20, 'x'));
    bomb(std::string("PNG, ") + type + " of 30 MB", png(start, small), "", Expect::read);
  }
  for (const char* type : {"tEXt", "abCd", "tIME", "IDAT"}) {
    Bytes start = png_start(16, 16);
    for (int i = 0; i < 300000; ++i) chunk(start, type, Bytes());
    bomb(std::string("PNG of 300000 ") + type, png(start, small), "", Expect::either);
  }
  Bytes endless = png_start(16, 16);
  append(endless, big_endian(0x7fffffff));
  append(endless, "zTXt", 4);
  bomb("PNG with a chunk that does not end", endless, "truncated");
}

// --- JPEG ---

// Where the frame's height is.
std::size_t frame_size(const Bytes& jpeg) {
  for (std::size_t i = 0; i + 4 < jpeg.size(); ++i) {
    if (jpeg[i] == 0xff && (jpeg[i + 1] == 0xc0 || jpeg[i + 1] == 0xc2)) return i + 5;
  }
  throw Error("no frame");
}

Bytes with_size(Bytes jpeg, int width, int height) {
  const std::size_t at = frame_size(jpeg);
  jpeg[at] = static_cast<std::uint8_t>(height >> 8);
  jpeg[at + 1] = static_cast<std::uint8_t>(height);
  jpeg[at + 2] = static_cast<std::uint8_t>(width >> 8);
  jpeg[at + 3] = static_cast<std::uint8_t>(width);
  return jpeg;
}

// Its last scan, many times.
Bytes many_scans(Bytes jpeg, int count) {
  std::size_t start = jpeg.size() - 2;
  while (!(jpeg[start] == 0xff && jpeg[start + 1] == 0xda)) --start;
  const Bytes scan(jpeg.begin() + static_cast<std::ptrdiff_t>(start), jpeg.end() - 2);
  jpeg.resize(jpeg.size() - 2);
  for (int i = 0; i < count; ++i) append(jpeg, scan);
  append(jpeg, "\xff\xd9", 2);
  return jpeg;
}

Pixels flat(int height, int width, int channels) {
  Pixels pixels;
  std::uint8_t* data = pixels.reshape({height, width, channels});
  std::memset(data, 90, pixels.shape.bytes());
  return pixels;
}

void jpeg_bombs() {
  const Bytes small = written([](const char* p) { write_jpeg(p, picture(16, 16, 3), 80); });
  const Bytes progressive = progressive_jpeg(picture(16, 16, 3));
  bomb("JPEG of 65535 squared", with_size(small, 65535, 65535), "");
  bomb("JPEG of 65500 squared", with_size(small, 65500, 65500), "limit");
  bomb("JPEG of 9000 squared, hardly any data", with_size(small, 9000, 9000), "truncated");
  bomb("progressive JPEG of 9000 squared, the same", with_size(progressive, 9000, 9000),
       "truncated");
  bomb("JPEG of no columns", with_size(small, 0, 16), "");
  bomb("JPEG of no rows", with_size(small, 16, 0), "");
  bomb("progressive JPEG of 20000 scans", many_scans(progressive, 20000), "scans");
  bomb("progressive JPEG of 4000 squared, 20000 scans",
       many_scans(progressive_jpeg(flat(4000, 4000, 1)), 20000), "scans");
  bomb("progressive JPEG of 5000 squared, 5000 scans",
       many_scans(progressive_jpeg(flat(5000, 5000, 3)), 5000), "scans");
  for (int marker : {0xe1, 0xfe, 0xdd, 0xc4, 0xdb}) {
    Bytes start(small.begin(), small.begin() + 2);
    for (int i = 0; i < 1000000; ++i) {
      append(start, Bytes{0xff, static_cast<std::uint8_t>(marker), 0, 2});
    }
    start.insert(start.end(), small.begin() + 2, small.end());
    bomb("JPEG of a million markers " + std::to_string(marker), start, "", Expect::either);
  }
  Bytes filled(small.begin(), small.begin() + 2);
  filled.resize(20u << 20, 0xff);
  bomb("JPEG of 20 MB of fill bytes", filled, "");
}

// --- BMP and PNM ---

void plain_bombs() {
  const auto patched = [](int bits, int compression, std::int64_t width, std::int64_t height) {
    Bytes bytes = bmp_file(16, 16, bits, compression);
    put(bytes, 18, static_cast<std::uint64_t>(width), 4);
    put(bytes, 22, static_cast<std::uint64_t>(height), 4);
    return bytes;
  };
  bomb("BMP of 2^31 - 1 squared", patched(24, 0, 0x7fffffff, 0x7fffffff), "limit");
  bomb("BMP of -2^31 rows", patched(24, 0, 16, -2147483648LL), "");
  bomb("BMP of -16 columns", patched(24, 0, -16, 16), "");
  bomb("BMP of no columns", patched(24, 0, 0, 16), "no pixels");
  bomb("BMP of no rows", patched(8, 1, 16, 0), "no pixels");
  bomb("BMP of 9000 squared without data", patched(1, 0, 9000, 9000), "truncated");
  bomb("run-length BMP of 9000 squared without data", patched(8, 1, 9000, 9000), "truncated");
  Bytes ends = patched(8, 1, 9000, 9000);
  append(ends, Bytes{0, 1});
  bomb("run-length BMP that ends at once", ends, "truncated");
  Bytes idle = patched(8, 1, 16, 16);
  for (int i = 0; i < 5000000; ++i) append(idle, Bytes{0, 2, 0, 0});
  bomb("run-length BMP of 5 million moves to nowhere", idle, "truncated");
  Bytes far = patched(24, 0, 16, 16);
  put(far, 10, 0xffffffff, 4);
  bomb("BMP whose pixels start beyond its end", far, "truncated");

  for (const char* kind : {"P1", "P2", "P3", "P4", "P5", "P6"}) {
    const std::string name = std::string(kind) + " of ";
    const auto file = [&](const char* size) { return pnm_file(std::string(kind) + size, 100); };
    bomb(name + "999999999 squared", file(" 999999999 999999999 255\n"), "limit");
    bomb(name + "9000 squared without data", file(" 9000 9000 255\n"), "truncated");
    bomb(name + "no columns", file(" 0 16 255\n"), "no pixels");
    bomb(name + "too many digits", file((" " + std::string(1000000, '9')).c_str()), "digits");
  }
  Bytes comment = pnm_file("P3 #", 0);
  comment.resize(30u << 20, 'x');
  bomb("PPM of 30 MB of comment", comment, "truncated");
  Bytes blank = pnm_file("P3 16 16 255", 0);
  blank.resize(30u << 20, ' ');
  bomb("PPM of 30 MB of blanks", blank, "truncated");
}

// --- TIFF ---

struct Entry {
  int tag, type;
  std::uint32_t count, value;
};

// A directory that follows on itself, and `data` from byte 8 on.
Bytes tiff(std::vector<Entry> entries, const Bytes& data = {}) {
  Bytes bytes{'I', 'I', 42, 0, 0, 0, 0, 0};
  append(bytes, data);
  bytes.resize((bytes.size() + 1) / 2 * 2);
  const std::size_t start = bytes.size();
  put(bytes, 4, start, 4);
  bytes.resize(start + 2 + 12 * entries.size() + 4);
  put(bytes, start, entries.size(), 2);
  std::size_t at = start + 2;
  for (const Entry& entry : entries) {
    put(bytes, at, static_cast<std::uint64_t>(entry.tag), 2);
    put(bytes, at + 2, static_cast<std::uint64_t>(entry.type), 2);
    put(bytes, at + 4, entry.count, 4);
    put(bytes, at + 8, entry.value, 4);
    at += 12;
  }
  put(bytes, at, start, 4);
  return bytes;
}

// Grey, one strip, with changes.
std::vector<Entry> grey(std::uint32_t width, std::uint32_t height, std::vector<Entry> changes) {
  std::vector<Entry> entries{{256, 4, 1, width}, {257, 4, 1, height}, {258, 3, 1, 8},
                             {259, 3, 1, 1},     {262, 3, 1, 1},      {273, 4, 1, 8},
                             {277, 3, 1, 1},     {278, 4, 1, height}, {279, 4, 1, 256}};
  for (const Entry& change : changes) {
    const auto same = [&](const Entry& e) { return e.tag == change.tag; };
    entries.erase(std::remove_if(entries.begin(), entries.end(), same), entries.end());
    entries.push_back(change);
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.tag < b.tag; });
  return entries;
}

void tiff_bombs() {
  const Bytes data(256, 7), zeros = deflated_zeros(std::size_t{256} << 20);
  const auto file = [&](std::uint32_t width, std::uint32_t height, std::vector<Entry> changes) {
    return tiff(grey(width, height, std::move(changes)), data);
  };
  const std::uint32_t all = 0xffffffff;
  bomb("TIFF that follows on itself", file(16, 16, {}), "", Expect::read);
  bomb("TIFF of 2^32 - 1 squared", file(all, all, {}), "");
  bomb("TIFF of 20000 squared", file(20000, 20000, {}), "limit");
  bomb("TIFF of one row of 80 million", file(80000000, 1, {}), "side");
  bomb("TIFF of no columns", file(0, 16, {}), "");
  bomb("TIFF of no rows", file(16, 0, {}), "");
  bomb("TIFF of 9000 squared without data", file(9000, 9000, {}), "");
  bomb("TIFF of 9000 squared, one row a strip", file(9000, 9000, {{278, 4, 1, 1}}), "");
  bomb("TIFF of a million strips", file(16, 1000000, {{278, 4, 1, 1}}), "");
  bomb("TIFF of 2^32 - 1 strips", file(16, 16, {{273, 4, all, 8}, {279, 4, all, 8}}), "",
       Expect::either);
  bomb("TIFF of 2^28 strips", file(16, 16, {{273, 4, 1 << 28, 8}, {279, 4, 1 << 28, 8}}), "",
       Expect::either);
  bomb("TIFF of a strip beyond its end", file(16, 16, {{273, 4, 1, all}}), "");
  bomb("TIFF of a strip of 2^32 - 1 bytes", file(16, 16, {{279, 4, 1, all}}), "", Expect::either);
  bomb("TIFF of no rows a strip", file(16, 16, {{278, 4, 1, 0}}), "", Expect::either);
  for (std::uint32_t side : {0u, 65520u, 1u << 30, 0xfffffff0u}) {
    bomb("TIFF of tiles of " + std::to_string(side) + " squared",
         file(16, 16, {{322, 4, 1, side}, {323, 4, 1, side}, {324, 4, 1, 8}, {325, 4, 1, 256}}),
         "");
  }
  bomb("TIFF of one tile of 9000 squared",
       file(9000, 9000, {{322, 4, 1, 9008}, {323, 4, 1, 9008}, {324, 4, 1, 8}, {325, 4, 1, 256}}),
       "");
  bomb("TIFF of 9000 squared of tiles without data",
       file(9000, 9000, {{322, 4, 1, 16}, {323, 4, 1, 16}, {324, 4, 1, 8}, {325, 4, 1, 256}}), "");
  bomb("TIFF of 65535 bits", file(16, 16, {{258, 3, 1, 65535}}), "");
  bomb("TIFF of 65535 samples", file(16, 16, {{277, 3, 1, 65535}}), "");
  bomb("TIFF of a palette of 2^32 - 1", file(16, 16, {{262, 3, 1, 3}, {320, 3, all, 8}}), "",
       Expect::either);
  for (int tag : {270, 305, 34377, 34675, 65000}) {
    bomb("TIFF of a tag " + std::to_string(tag) + " of 2^32 - 1 bytes",
         file(16, 16, {{tag, 7, all, 8}}), "", Expect::either);
  }
  bomb("TIFF of a directory within itself", file(16, 16, {{330, 4, 1, 264}, {34665, 4, 1, 264}}),
       "", Expect::either);
  std::vector<Entry> many = grey(16, 16, {});
  for (int tag = 32768; many.size() < 30000; ++tag) many.push_back({tag, 4, 1, 0});
  bomb("TIFF of 30000 tags", tiff(many, data), "", Expect::either);
  Bytes inflated = zeros;
  const auto size = static_cast<std::uint32_t>(zeros.size());
  bomb("TIFF of 16 squared that inflates to 256 MB",
       tiff(grey(16, 16, {{259, 3, 1, 8}, {279, 4, 1, size}}), zeros), "", Expect::either);
  bomb("TIFF of 20000 squared, deflated",
       tiff(grey(20000, 20000, {{259, 3, 1, 8}, {279, 4, 1, size}}), zeros), "limit");
  bomb("TIFF of a tile that inflates to 256 MB",
       tiff(grey(16, 16,
                 {{259, 3, 1, 8},
                  {322, 4, 1, 16},
                  {323, 4, 1, 16},
                  {324, 4, 1, 8},
                  {325, 4, 1, size}}),
            zeros),
       "", Expect::either);
  for (int compression : {5, 6, 7, 8, 32773, 34661, 34712, 34887, 34892, 34925, 50000, 50001}) {
    bomb("TIFF of 9000 squared, compression " + std::to_string(compression),
         file(9000, 9000, {{259, 3, 1, static_cast<std::uint32_t>(compression)}}), "");
  }
}

// --- no files ---

void others() {
  char folder[] = "/tmp/hornet-bombs-XXXXXX";
  if (!mkdtemp(folder)) throw Error("no temporary folder");
  const std::string at = std::string(folder) + "/";
  mkfifo((at + "fifo.png").c_str(), 0600);
  mkdir((at + "folder.png").c_str(), 0700);
  const auto link_to = [&](const char* target, const char* name) {
    if (symlink(target, (at + name).c_str()) != 0) throw Error("no link");
  };
  link_to("/dev/zero", "zero.png");
  link_to("nowhere", "broken.png");
  link_to("loop.png", "loop.png");
  const int sparse = open((at + "sparse.png").c_str(), O_CREAT | O_WRONLY, 0600);
  const bool grown = ftruncate(sparse, 3LL << 30) == 0;
  close(sparse);
  std::fclose(std::fopen((at + "empty.png").c_str(), "w"));
  load("a pipe", at + "fifo.png", Expect::refused, "not a regular file");
  load("a folder", at + "folder.png", Expect::refused, "not a regular file");
  load("a device", at + "zero.png", Expect::refused, "not a regular file");
  load("a link to nowhere", at + "broken.png", Expect::refused, "no such file");
  load("a link to itself", at + "loop.png", Expect::refused, "no such file");
  if (grown) load("3 GB of nothing", at + "sparse.png", Expect::refused, "larger than");
  load("an empty file", at + "empty.png", Expect::refused, "empty");
  for (const char* name :
       {"fifo.png", "zero.png", "broken.png", "loop.png", "sparse.png", "empty.png"})
    unlink((at + name).c_str());
  rmdir((at + "folder.png").c_str());
  rmdir(folder);
}

}  // namespace

int main() {
  test("PNG files that claim much", png_bombs);
  test("JPEG files that claim much", jpeg_bombs);
  test("BMP and PNM files that claim much", plain_bombs);
  if (reads_tiff()) test("TIFF files that claim much", tiff_bombs);
  test("what is no file", others);
  std::printf("%d bombs, at worst %.2f s and %.0f MB\n", tried, worst_seconds, worst_megabytes);
  return check_result();
}
