#include "text/word_hash.h"

#include <array>
#include <cmath>
#include <string>

namespace hornet {
namespace {

std::uint32_t rotate_left(std::uint32_t x, int by) { return x << by | x >> (32 - by); }

// The sines that RFC 1321 takes its 64 constants from.
const std::array<std::uint32_t, 64>& sines() {
  static const auto table = [] {
    std::array<std::uint32_t, 64> made;
    for (int i = 0; i < 64; ++i) {
      made[static_cast<std::size_t>(i)] =
          static_cast<std::uint32_t>(std::floor(std::fabs(std::sin(i + 1.0)) * 4294967296.0));
    }
    return made;
  }();
  return table;
}

using Digest = std::array<std::uint32_t, 4>;

void mix_block(const char* block, Digest& state) {
  constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  std::uint32_t words[16];
  for (int i = 0; i < 16; ++i) {
    words[i] = 0;
    for (int k = 3; k >= 0; --k)
      words[i] = words[i] << 8 | static_cast<unsigned char>(block[4 * i + k]);
  }
  auto [a, b, c, d] = state;
  for (int i = 0; i < 64; ++i) {
    std::uint32_t mixed;
    int word;
    switch (i / 16) {
      case 0:
        mixed = (b & c) | (~b & d), word = i;
        break;
      case 1:
        mixed = (d & b) | (~d & c), word = 5 * i + 1;
        break;
      case 2:
        mixed = b ^ c ^ d, word = 3 * i + 5;
        break;
      default:
        mixed = c ^ (b | ~d), word = 7 * i;
    }
    const std::uint32_t sum = a + mixed + sines()[static_cast<std::size_t>(i)] + words[word % 16];
    a = d;
    d = c;
    c = b;
    b += rotate_left(sum, kShifts[i / 16][i % 4]);
  }
  state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d};
}

Digest md5(std::string_view bytes) {
  Digest state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  const std::size_t whole = bytes.size() / 64 * 64;
  for (std::size_t i = 0; i < whole; i += 64) mix_block(bytes.data() + i, state);
  // A one bit, zeros, and the length in bits end the last block.
  std::string rest(bytes.substr(whole));
  rest += static_cast<char>(0x80);
  while (rest.size() % 64 != 56) rest += '\0';
  const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
  for (int i = 0; i < 8; ++i) rest += static_cast<char>(bits >> (8 * i) & 0xff);
  for (std::size_t i = 0; i < rest.size(); i += 64) mix_block(rest.data() + i, state);
  return state;
}

}  // namespace

std::uint32_t md5_modulo(std::string_view bytes, std::uint32_t modulus) {
  std::uint64_t rest = 0;
  for (std::uint32_t part : md5(bytes)) {
    for (int i = 0; i < 4; ++i) rest = (rest << 8 | (part >> (8 * i) & 0xff)) % modulus;
  }
  return static_cast<std::uint32_t>(rest);
}

}  // namespace hornet
