#include "ptx/fat_binary.h"

#include <zstd.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace cuda_emulation {
namespace {

// The layout of CUDA 13, as found in its output; NVIDIA does not describe it.
struct Wrapper {
  std::uint32_t magic, version;
  const char* data;
};
struct Header {
  std::uint32_t magic;
  std::uint16_t version, header_bytes;
  std::uint64_t bytes;  // of the entries that follow
};
struct Entry {
  std::uint16_t kind, version;
  std::uint32_t header_bytes;
  std::uint64_t bytes;
  std::uint32_t compressed_bytes;  // 0: not compressed
  char unknown[0x38 - 0x14];
  std::uint64_t uncompressed_bytes;
};
static_assert(sizeof(Header) == 16 && sizeof(Entry) == 0x40, "no padding");

constexpr std::uint32_t kMagic = 0xBA55ED50;
constexpr std::uint16_t kKindPtx = 1;
constexpr std::uint32_t kZstdMagic = 0xFD2FB528;

std::string text_of(const Entry& entry, const char* payload) {
  std::uint32_t start = 0;
  std::memcpy(&start, payload, sizeof start);
  if (start != kZstdMagic) {
    if (entry.compressed_bytes)
      throw std::runtime_error("its PTX is compressed, and not with zstd; build with nvcc 13");
    return std::string(payload, entry.bytes);
  }
  std::string text(entry.uncompressed_bytes, '\0');
  const std::size_t packed = entry.compressed_bytes ? entry.compressed_bytes : entry.bytes;
  const std::size_t got = ZSTD_decompress(&text[0], text.size(), payload, packed);
  if (ZSTD_isError(got))
    throw std::runtime_error(std::string("its PTX does not unpack: ") + ZSTD_getErrorName(got));
  text.resize(got);
  return text;
}

}  // namespace

std::string read_ptx(const void* wrapper) {
  const char* data = static_cast<const Wrapper*>(wrapper)->data;
  Header header;
  std::memcpy(&header, data, sizeof header);
  if (header.magic != kMagic) throw std::runtime_error("not a fat binary of CUDA 13");
  const char* const end = data + header.header_bytes + header.bytes;
  for (const char* at = data + header.header_bytes; at < end;) {
    Entry entry;
    std::memcpy(&entry, at, sizeof entry);
    if (entry.kind == kKindPtx) {
      std::string text = text_of(entry, at + entry.header_bytes);
      text.resize(std::strlen(text.c_str()));  // without the padding
      if (text.find(".target sm_75") != std::string::npos) return text;
    }
    at += entry.header_bytes + entry.bytes;
  }
  throw std::runtime_error(
      "it has no PTX of compute capability 7.5; build with "
      "-gencode arch=compute_75,code=[sm_75,compute_75]");
}

}  // namespace cuda_emulation
