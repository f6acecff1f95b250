// Hashes of words that never change: FNV-1a and MD5.
#pragma once
#include <cstdint>
#include <string_view>

namespace hornet {

// FNV-1a with 64 bits.
inline std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
  return hash;
}

// The MD5 digest as a number, first byte first, modulo `modulus`.
std::uint32_t md5_modulo(std::string_view bytes, std::uint32_t modulus);

}  // namespace hornet
