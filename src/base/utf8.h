// UTF-8: checking, reading and writing code points.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hornet {

// Bytes in front of the first that belongs to no code point; text.size() if it is all UTF-8.
std::size_t utf8_valid_prefix(std::string_view text);

// The code point at `p`, which moves behind it. Only in checked text.
inline std::uint32_t utf8_next(const char*& p) {
  const auto byte = [&] { return static_cast<unsigned char>(*p++); };
  const auto more = [&](std::uint32_t head) { return head << 6 | (byte() & 0x3fu); };
  const std::uint32_t lead = byte();
  if (lead < 0x80) return lead;
  if (lead < 0xe0) return more(lead & 0x1f);
  if (lead < 0xf0) return more(more(lead & 0x0f));
  return more(more(more(lead & 0x07)));
}

// The code point that ends at `p`, which moves in front of it.
inline std::uint32_t utf8_previous(const char*& p) {
  do --p;
  while ((static_cast<unsigned char>(*p) & 0xc0) == 0x80);
  const char* at = p;
  return utf8_next(at);
}

// Writes at `out`, which has room for four bytes; returns what is behind.
inline char* utf8_put(std::uint32_t point, char* out) {
  const auto tail = [&](int shift) { *out++ = static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    *out++ = static_cast<char>(point);
  } else if (point < 0x800) {
    *out++ = static_cast<char>(0xc0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    *out++ = static_cast<char>(0xe0 | point >> 12);
    tail(6);
    tail(0);
  } else {
    *out++ = static_cast<char>(0xf0 | point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
  return out;
}

}  // namespace hornet
