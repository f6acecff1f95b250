// Lists what nvcc embedded in a program: one line for each piece of each of its sources, "1 ptx 75"
// or "1 code 80". With --ptx the text of all PTX instead.
#include <zstd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

namespace {

// The layout of CUDA 13, as found in its output; NVIDIA does not describe it.
struct Header {
  std::uint32_t magic;
  std::uint16_t version, header_bytes;
  std::uint64_t bytes;  // of the entries that follow
};
struct Entry {
  std::uint16_t kind, version;  // kind 1: PTX, 2: machine code
  std::uint32_t header_bytes;
  std::uint64_t bytes;
  std::uint32_t packed_bytes;  // 0: not compressed
  std::uint32_t unknown[2];
  std::uint32_t arch;
  std::uint32_t more[6];
  std::uint64_t unpacked_bytes;
};
static_assert(sizeof(Header) == 16 && sizeof(Entry) == 64, "no padding");
constexpr std::uint32_t kMagic = 0xBA55ED50;

std::string unpacked(const Entry& entry, const char* payload) {
  if (entry.packed_bytes == 0) return {payload, entry.bytes};
  std::string text(entry.unpacked_bytes, '\0');
  const std::size_t got = ZSTD_decompress(&text[0], text.size(), payload, entry.packed_bytes);
  return ZSTD_isError(got) ? "" : text.substr(0, got);
}

}  // namespace

int main(int argc, char** argv) {
  const bool ptx = argc == 3 && std::strcmp(argv[1], "--ptx") == 0;
  std::ifstream file(argc > 1 ? argv[argc - 1] : "", std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "usage: list_code [--ptx] PROGRAM\n");
    return 2;
  }
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  int sources = 0;
  for (std::size_t at = 0; at + sizeof(Header) <= all.size(); at += 8) {
    Header header;
    std::memcpy(&header, &all[at], sizeof header);
    if (header.magic != kMagic || header.header_bytes != sizeof header) continue;
    ++sources;
    std::size_t next = at + sizeof header;
    const std::size_t end = next + header.bytes;
    while (next + sizeof(Entry) <= end) {
      Entry entry;
      std::memcpy(&entry, &all[next], sizeof entry);
      const char* payload = &all[next] + entry.header_bytes;
      if (!ptx) std::printf("%d %s %u\n", sources, entry.kind == 1 ? "ptx" : "code", entry.arch);
      else if (entry.kind == 1) std::printf("%s\n", unpacked(entry, payload).c_str());
      next += entry.header_bytes + entry.bytes;
    }
  }
  return sources > 0 ? 0 : 1;
}
