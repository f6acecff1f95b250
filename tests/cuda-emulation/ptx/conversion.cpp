// cvt between any two types, and the moves that only relabel bits.
#include <cmath>
#include <limits>

#include "ptx/handlers.h"
#include "ptx/rounding.h"
#include "ptx/thread.h"

namespace cuda_emulation::ptx {
namespace {

template <class T>
constexpr bool kIsFloat = std::is_floating_point_v<T> || std::is_same_v<T, half>;

constexpr std::uint8_t kToWhole = 1;  // cvt.rni.f32.f32: still a float

// half by way of float: no processor instruction is needed, and float holds every half.
template <class T>
using Computed = std::conditional_t<std::is_same_v<T, half>, float, T>;

template <class T>
T whole(T v, Rounding rounding) {
  switch (rounding) {
    case Rounding::nearest:
      return std::nearbyint(v);
    case Rounding::zero:
      return std::trunc(v);
    case Rounding::down:
      return std::floor(v);
    case Rounding::up:
      return std::ceil(v);
    default:
      return v;
  }
}

// Out of range is clamped. NaN gives 0, but the sign bit of 64-bit numbers.
template <class To, class From>
To to_integer(From v, Rounding rounding) {
  using Limits = std::numeric_limits<To>;
  if (std::isnan(v)) return sizeof(To) == 8 ? static_cast<To>(std::uint64_t{1} << 63) : To{0};
  const double w = whole(static_cast<double>(v), rounding);
  if (w >= std::ldexp(1.0, Limits::digits)) return Limits::max();
  if (w < static_cast<double>(Limits::min())) return Limits::min();
  return static_cast<To>(w);
}

template <class To, class From>
To clamp_integer(From v) {
  using Limits = std::numeric_limits<To>;
  const auto wide = static_cast<__int128>(v);
  if (wide > static_cast<__int128>(Limits::max())) return Limits::max();
  if (wide < static_cast<__int128>(Limits::min())) return Limits::min();
  return static_cast<To>(v);
}

// From a wider type: rounded in the given direction.
template <class To, class From>
To rounded(From v, Rounding rounding) {
  if constexpr (std::is_same_v<To, half>) {
    if (!is_directed(rounding)) return static_cast<half>(v);
    const half near = static_cast<half>(v);  // then one step, where that was the wrong way
    const bool above = static_cast<double>(near) > static_cast<double>(v);
    const bool below = static_cast<double>(near) < static_cast<double>(v);
    const bool up = rounding == Rounding::up || (rounding == Rounding::zero && v < 0);
    if (!(above && !up) && !(below && up)) return near;
    auto bits = to_bits(near);
    const bool magnitude_grows = up == !(bits >> 15);
    return from_bits<half>(magnitude_grows ? bits + 1 : bits - 1);
  } else {
    if (!is_directed(rounding)) return static_cast<To>(v);
    const RoundingScope scope(rounding);
    volatile From before = v;
    volatile To after = static_cast<To>(before);
    return after;
  }
}

template <class To, class From>
To convert(const Instruction& i, From value) {
  if constexpr (kIsFloat<To> && kIsFloat<From>) {
    auto v = static_cast<Computed<From>>(value);
    if (i.flush && std::fpclassify(v) == FP_SUBNORMAL) v = std::copysign(Computed<From>{0}, v);
    const bool to_whole = i.mode == kToWhole;
    if (to_whole) v = whole(v, i.rounding);
    To result = rounded<To>(v, to_whole ? Rounding::nearest : i.rounding);
    if (i.saturate) result = !(result > To{0}) ? To{0} : result > To{1} ? To{1} : result;
    if constexpr (std::is_same_v<To, float>) {
      if (i.flush && std::fpclassify(result) == FP_SUBNORMAL) result = std::copysign(0.0f, result);
      if (result != result) result = from_bits<float>(0x7FFFFFFF);
    }
    return result;
  } else if constexpr (kIsFloat<From>) {
    auto v = static_cast<Computed<From>>(value);
    if (i.flush && std::fpclassify(v) == FP_SUBNORMAL) v = 0;
    return to_integer<To>(v, i.rounding);
  } else if constexpr (kIsFloat<To>) {
    return rounded<To>(value, i.rounding);
  } else {
    return i.saturate ? clamp_integer<To>(value) : static_cast<To>(value);
  }
}

// A signed number fills the whole register, if that is wider than the number.
template <class To>
void store(Thread& t, const Instruction& i, To v) {
  if constexpr (std::is_integral_v<To> && std::is_signed_v<To>) {
    const auto wide = static_cast<std::int64_t>(v);
    if (i.width == 2) return t.write(i.d, static_cast<std::int16_t>(wide));
    if (i.width == 4) return t.write(i.d, static_cast<std::int32_t>(wide));
    if (i.width == 8) return t.write(i.d, wide);
  }
  t.write(i.d, v);
}

template <class From>
struct ConvertFrom {
  template <class To>
  struct Of {
    static void run(Thread& t, const Instruction& i) {
      store<To>(t, i, convert<To>(i, t.read<From>(i.a)));
    }
  };
};

template <class From>
Handler to_any(Type to) {
  return pick<ConvertFrom<From>::template Of, std::uint8_t, std::uint16_t, std::uint32_t,
              std::uint64_t, std::int8_t, std::int16_t, std::int32_t, std::int64_t, half, float,
              double>(to);
}

Handler find_cvt(const Opcode& opcode, Instruction& i) {
  if (opcode.types.size() != 2) return nullptr;
  for (const char* whole : {"rni", "rzi", "rmi", "rpi"})
    if (opcode.has(whole)) i.mode = kToWhole;
  switch (as_number(i.from)) {
    case Type::u8:
      return to_any<std::uint8_t>(i.type);
    case Type::u16:
      return to_any<std::uint16_t>(i.type);
    case Type::u32:
      return to_any<std::uint32_t>(i.type);
    case Type::u64:
      return to_any<std::uint64_t>(i.type);
    case Type::s8:
      return to_any<std::int8_t>(i.type);
    case Type::s16:
      return to_any<std::int16_t>(i.type);
    case Type::s32:
      return to_any<std::int32_t>(i.type);
    case Type::s64:
      return to_any<std::int64_t>(i.type);
    case Type::f16:
      return to_any<half>(i.type);
    case Type::f32:
      return to_any<float>(i.type);
    case Type::f64:
      return to_any<double>(i.type);
    default:
      return nullptr;
  }
}

// Typed, for an immediate may have bits above those that count ("-1").
template <class T>
struct Move {
  static void run(Thread& t, const Instruction& i) { t.write(i.d, t.read<T>(i.a)); }
};
void move_address(Thread& t, const Instruction& i) {  // of a local variable
  t.write<std::uint64_t>(i.d, t.read<std::uint64_t>(i.a) + i.offset);
}
void pack(Thread& t, const Instruction& i) {
  const std::size_t bits = size_of(i.type) * 8 / i.details->values.size();
  std::uint64_t packed = 0;
  for (std::size_t k = 0; k < i.details->values.size(); ++k)
    packed |= (t.read<std::uint64_t>(i.details->values[k]) & ((std::uint64_t{1} << bits) - 1))
              << (k * bits);
  t.write(i.d, packed);
}
void unpack(Thread& t, const Instruction& i) {
  const std::size_t bits = size_of(i.type) * 8 / i.details->registers.size();
  const std::uint64_t packed = t.read<std::uint64_t>(i.a);
  for (std::size_t k = 0; k < i.details->registers.size(); ++k)
    if (i.details->registers[k] != kNoRegister)
      t.write(i.details->registers[k], packed >> (k * bits) & ((std::uint64_t{1} << bits) - 1));
}

// Shared and local memory have windows of the generic addresses; global memory is itself.
void to_generic(Thread& t, const Instruction& i) {
  const std::uint64_t window = i.space == Space::shared  ? kSharedWindow
                               : i.space == Space::local ? kLocalWindow
                               : i.space == Space::param ? kParamWindow
                                                         : 0;
  t.write<std::uint64_t>(i.d, t.read<std::uint64_t>(i.a) | window);
}
void from_generic(Thread& t, const Instruction& i) {
  const std::uint64_t address = t.read<std::uint64_t>(i.a);
  const bool window = i.space == Space::shared || i.space == Space::local;
  t.write<std::uint64_t>(i.d, window ? address & ~kWindowMask : address);
}
void is_in_space(Thread& t, const Instruction& i) {
  const std::uint64_t window = t.read<std::uint64_t>(i.a) & kWindowMask;
  t.write<bool>(i.d, i.space == Space::shared  ? window == kSharedWindow
                     : i.space == Space::local ? window == kLocalWindow
                                               : window == 0);
}

}  // namespace

Handler find_conversion(const Opcode& opcode, Instruction& i) {
  if (opcode.name == "cvt") return find_cvt(opcode, i);
  if (opcode.name == "cvta") return opcode.has("to") ? from_generic : to_generic;
  if (opcode.name == "isspacep") return is_in_space;
  if (opcode.name != "mov") return nullptr;
  if (i.details && !i.details->values.empty()) return pack;
  if (i.details && !i.details->registers.empty()) return unpack;
  if (i.offset || i.a.bank == Bank::frame) return move_address;
  return pick<Move, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, std::int16_t,
              std::int32_t, std::int64_t, half, float, double>(i.type);
}

}  // namespace cuda_emulation::ptx
