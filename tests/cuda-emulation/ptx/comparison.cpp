// setp, set and slct.
#include <cmath>

#include "ptx/handlers.h"
#include "ptx/thread.h"

namespace cuda_emulation::ptx {
namespace {

// Instruction::mode, in the order of their names.
enum Comparison : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kEqualOrNan,
  kNotEqualOrNan,
  kLessOrNan,
  kLessEqualOrNan,
  kGreaterOrNan,
  kGreaterEqualOrNan,
  kNumbers,
  kNan,
};

constexpr std::string_view kComparisons[] = {"eq",  "ne",  "lt",  "le",  "gt",  "ge",  "equ",
                                             "neu", "ltu", "leu", "gtu", "geu", "num", "nan"};
// Of unsigned numbers, by their own names.
constexpr std::string_view kUnsigned[] = {"lo", "ls", "hi", "hs"};

enum Combination : std::uint8_t { kAlone = 0, kWithAnd = 16, kWithOr = 32, kWithXor = 48 };
constexpr std::uint8_t kComparisonMask = 15;

template <class T>
bool compare(std::uint8_t comparison, T a, T b) {
  const bool nan = a != a || b != b;
  switch (comparison) {
    case kEqual:
      return a == b;
    case kNotEqual:
      return !nan && a != b;
    case kLess:
      return a < b;
    case kLessEqual:
      return a <= b;
    case kGreater:
      return a > b;
    case kGreaterEqual:
      return a >= b;
    case kEqualOrNan:
      return nan || a == b;
    case kNotEqualOrNan:
      return a != b;
    case kLessOrNan:
      return !(a >= b);
    case kLessEqualOrNan:
      return !(a > b);
    case kGreaterOrNan:
      return !(a <= b);
    case kGreaterEqualOrNan:
      return !(a < b);
    case kNumbers:
      return !nan;
    default:
      return nan;
  }
}

bool combine(const Thread& t, const Instruction& i, bool result) {
  if (!(i.mode & ~kComparisonMask)) return result;
  const bool c = t.read<bool>(i.c) != i.negated;
  switch (i.mode & ~kComparisonMask) {
    case kWithAnd:
      return result && c;
    case kWithOr:
      return result || c;
    default:
      return result != c;
  }
}

template <class T>
bool compared(const Thread& t, const Instruction& i) {
  T a = t.read<T>(i.a), b = t.read<T>(i.b);
  if constexpr (std::is_same_v<T, float>)
    if (i.flush) {
      if (std::fpclassify(a) == FP_SUBNORMAL) a = 0;
      if (std::fpclassify(b) == FP_SUBNORMAL) b = 0;
    }
  return compare(i.mode & kComparisonMask, a, b);
}

template <class T>
struct SetPredicate {
  static void run(Thread& t, const Instruction& i) {
    const bool result = compared<T>(t, i);
    const bool second = i.d2 != kNoRegister && combine(t, i, !result);
    t.write<bool>(i.d, combine(t, i, result));
    if (i.d2 != kNoRegister) t.write<bool>(i.d2, second);
  }
};

template <class T>
struct SetValue {  // set: all ones, or 1.0
  static void run(Thread& t, const Instruction& i) {
    const bool result = combine(t, i, compared<T>(t, i));
    if (i.type == Type::f32) t.write<float>(i.d, result ? 1.0f : 0.0f);
    else t.write<std::uint32_t>(i.d, result ? UINT32_MAX : 0);
  }
};

template <class T>
struct SelectBySign {
  static void run(Thread& t, const Instruction& i) {
    const bool first =
        i.from == Type::f32 ? t.read<float>(i.c) >= 0 : t.read<std::int32_t>(i.c) >= 0;
    t.write(i.d, first ? t.read<T>(i.a) : t.read<T>(i.b));
  }
};

}  // namespace

Handler find_comparison(const Opcode& opcode, Instruction& i) {
  if (opcode.name == "slct")
    return pick<SelectBySign, std::uint16_t, std::uint32_t, std::uint64_t, std::int16_t,
                std::int32_t, std::int64_t, float, double>(i.type);
  if (opcode.name != "setp" && opcode.name != "set") return nullptr;
  i.mode = UINT8_MAX;
  for (const std::string_view modifier : opcode.modifiers) {
    for (std::uint8_t k = 0; k < sizeof kComparisons / sizeof *kComparisons; ++k)
      if (kComparisons[k] == modifier) i.mode = k;
    for (std::uint8_t k = 0; k < 4; ++k)
      if (kUnsigned[k] == modifier) i.mode = static_cast<std::uint8_t>(kLess + k);
  }
  if (i.mode == UINT8_MAX) return nullptr;
  if (opcode.has("and")) i.mode |= kWithAnd;
  if (opcode.has("or")) i.mode |= kWithOr;
  if (opcode.has("xor")) i.mode |= kWithXor;
  if (opcode.name == "setp")
    return pick<SetPredicate, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t,
                std::int16_t, std::int32_t, std::int64_t, half, float, double>(i.type);
  return pick<SetValue, std::uint16_t, std::uint32_t, std::uint64_t, std::int16_t, std::int32_t,
              std::int64_t, half, float, double>(i.from);
}

}  // namespace cuda_emulation::ptx
