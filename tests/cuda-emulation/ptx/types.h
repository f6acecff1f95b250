// The types and state spaces of PTX.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace cuda_emulation::ptx {

enum class Type : std::uint8_t {
  none,
  pred,
  b8,
  b16,
  b32,
  b64,
  u8,
  u16,
  u32,
  u64,
  s8,
  s16,
  s32,
  s64,
  f16,
  f32,
  f64,
};
Type type_named(std::string_view name);  // "f32"; none if there is no such type
std::size_t size_of(Type type);          // bytes
bool is_signed(Type type);
bool is_float(Type type);

enum class Space : std::uint8_t { generic, global, shared, local, constant, param };

// Generic addresses that are not global memory: each kind has a window of them. Offsets start at
// kFirstOffset, so that a null pointer is never valid.
constexpr std::uint64_t kSharedWindow = std::uint64_t{1} << 52;
constexpr std::uint64_t kLocalWindow = std::uint64_t{2} << 52;
constexpr std::uint64_t kParamWindow = std::uint64_t{3} << 52;
constexpr std::uint64_t kWindowMask = ~((std::uint64_t{1} << 52) - 1);
constexpr std::uint64_t kFirstOffset = 256;

using half = _Float16;

// A register holds the value's bits, and zeros above them.
template <class T>
T from_bits(std::uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <class T>
std::uint64_t to_bits(T value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

template <class T>
constexpr Type type_for() {
  if constexpr (std::is_same_v<T, std::uint8_t>) return Type::u8;
  else if constexpr (std::is_same_v<T, std::uint16_t>) return Type::u16;
  else if constexpr (std::is_same_v<T, std::uint32_t>) return Type::u32;
  else if constexpr (std::is_same_v<T, std::uint64_t>) return Type::u64;
  else if constexpr (std::is_same_v<T, std::int8_t>) return Type::s8;
  else if constexpr (std::is_same_v<T, std::int16_t>) return Type::s16;
  else if constexpr (std::is_same_v<T, std::int32_t>) return Type::s32;
  else if constexpr (std::is_same_v<T, std::int64_t>) return Type::s64;
  else if constexpr (std::is_same_v<T, half>) return Type::f16;
  else if constexpr (std::is_same_v<T, float>) return Type::f32;
  else return Type::f64;
}

// Untyped bits behave as unsigned numbers.
inline Type as_number(Type type) {
  switch (type) {
    case Type::pred:
    case Type::b8:
      return Type::u8;
    case Type::b16:
      return Type::u16;
    case Type::b32:
      return Type::u32;
    case Type::b64:
      return Type::u64;
    default:
      return type;
  }
}

}  // namespace cuda_emulation::ptx
