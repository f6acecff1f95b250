#include "base/utf8.h"

#include <cstring>

namespace hornet {

std::size_t utf8_valid_prefix(std::string_view text) {
  const auto* s = reinterpret_cast<const unsigned char*>(text.data());
  const std::size_t n = text.size();
  std::size_t i = 0;
  while (i < n) {
    if (s[i] < 0x80) {
      std::uint64_t eight;
      while (i + 8 <= n) {
        std::memcpy(&eight, s + i, 8);
        if (eight & 0x8080808080808080u) break;
        i += 8;
      }
      while (i < n && s[i] < 0x80) ++i;
      continue;
    }
    const unsigned lead = s[i];
    const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead < 0xc2 || lead > 0xf4 || i + length > n) return i;
    // Neither longer than needed, nor half of a surrogate pair, nor beyond the last code point.
    const unsigned least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const unsigned most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (s[i + 1] < least || s[i + 1] > most) return i;
    for (std::size_t k = 2; k < length; ++k) {
      if ((s[i + k] & 0xc0) != 0x80) return i;
    }
    i += length;
  }
  return n;
}

}  // namespace hornet
