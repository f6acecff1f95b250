// Arithmetic and bits of whole numbers. Compiled with -fwrapv: signed numbers wrap around.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "ptx/handlers.h"
#include "ptx/thread.h"

namespace cuda_emulation::ptx {
namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;
template <class T>
constexpr unsigned kBits = sizeof(T) * 8;
// Wide enough for any product.
template <class T>
using Wide = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;

// --- one operand ---------------------------------------------------------------------------------

struct Negate {
  template <class T>
  static T of(T a) {
    return static_cast<T>(-a);
  }
};
struct Absolute {
  template <class T>
  static T of(T a) {
    return static_cast<T>(a < T{0} ? -a : a);
  }
};
struct Not {
  template <class T>
  static T of(T a) {
    return static_cast<T>(~a);
  }
};
struct LogicalNot {
  template <class T>
  static T of(T a) {
    return a == 0;
  }
};

struct CountOnes {
  template <class T>
  static std::uint32_t of(T a) {
    return __builtin_popcountll(a);
  }
};
struct CountLeadingZeros {
  template <class T>
  static std::uint32_t of(T a) {
    return a ? __builtin_clzll(a) - (64 - kBits<T>) : kBits<T>;
  }
};
struct ReverseBits {
  template <class T>
  static T of(T a) {
    T reversed = 0;
    for (unsigned k = 0; k < kBits<T>; ++k) reversed = static_cast<T>(reversed << 1 | (a >> k & 1));
    return reversed;
  }
};
// The highest bit that differs from the sign.
struct FindBit {
  template <class T>
  static std::uint32_t of(T a) {
    const auto bits = static_cast<Unsigned<T>>(a < T{0} ? ~a : a);
    return bits ? 63 - __builtin_clzll(bits) : UINT32_MAX;
  }
};
struct FindBitShift {  // as the shift that would bring it to the top
  template <class T>
  static std::uint32_t of(T a) {
    const std::uint32_t at = FindBit::of(a);
    return at == UINT32_MAX ? at : kBits<T> - 1 - at;
  }
};

// --- two operands --------------------------------------------------------------------------------

struct Add {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(a + b);
  }
};
struct Subtract {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(a - b);
  }
};
struct AddSaturated {
  template <class T>
  static T of(T a, T b) {
    T sum;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return a < T{0} ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
  }
};
struct SubtractSaturated {
  template <class T>
  static T of(T a, T b) {
    T difference;
    if (!__builtin_sub_overflow(a, b, &difference)) return difference;
    return a < T{0} ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
  }
};
struct MultiplyLow {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  }
};
struct MultiplyHigh {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b) >> kBits<T>);
  }
};
// Hardware has no trap: x / 0 is all ones, x % 0 is x, and the least number over -1 wraps.
struct Divide {
  template <class T>
  static T of(T a, T b) {
    return b == 0 ? static_cast<T>(~T{0}) : static_cast<T>(static_cast<Wide<T>>(a) / b);
  }
};
struct Remainder {
  template <class T>
  static T of(T a, T b) {
    return b == 0 ? a : static_cast<T>(static_cast<Wide<T>>(a) % b);
  }
};
struct Minimum {
  template <class T>
  static T of(T a, T b) {
    return std::min(a, b);
  }
};
struct Maximum {
  template <class T>
  static T of(T a, T b) {
    return std::max(a, b);
  }
};
struct And {
  template <class T>
  static T of(T a, T b) {
    return a & b;
  }
};
struct Or {
  template <class T>
  static T of(T a, T b) {
    return a | b;
  }
};
struct Xor {
  template <class T>
  static T of(T a, T b) {
    return a ^ b;
  }
};

// --- three operands ------------------------------------------------------------------------------

template <class Product>
struct MultiplyAdd {
  template <class T>
  static T of(T a, T b, T c) {
    return static_cast<T>(Product::of(a, b) + c);
  }
};
struct AbsoluteDifference {
  template <class T>
  static T of(T a, T b, T c) {
    return static_cast<T>(c + (a < b ? b - a : a - b));
  }
};
struct Shuffle8 {  // prmt: picks 4 of the 8 bytes of b:a
  template <class T>
  static T of(T a, T b, T c) {
    const std::uint64_t bytes = std::uint64_t{b} << 32 | a;
    T result = 0;
    for (unsigned k = 0; k < 4; ++k) {
      const unsigned choice = c >> (4 * k) & 15;
      std::uint32_t byte = bytes >> (8 * (choice & 7)) & 255;
      if (choice & 8) byte = byte & 128 ? 255 : 0;  // its sign instead
      result |= byte << (8 * k);
    }
    return result;
  }
};

// --- handlers ------------------------------------------------------------------------------------

template <class Op>
struct Unary {
  template <class T>
  struct Of {
    static void run(Thread& t, const Instruction& i) { t.write(i.d, Op::of(t.read<T>(i.a))); }
  };
};
template <class Op>
struct Binary {
  template <class T>
  struct Of {
    static void run(Thread& t, const Instruction& i) {
      t.write<T>(i.d, Op::of(t.read<T>(i.a), t.read<T>(i.b)));
    }
  };
};
template <class Op>
struct Ternary {
  template <class T>
  struct Of {
    static void run(Thread& t, const Instruction& i) {
      t.write<T>(i.d, Op::of(t.read<T>(i.a), t.read<T>(i.b), t.read<T>(i.c)));
    }
  };
};

template <class Op>
Handler any_unary(Type t) {
  return pick<Unary<Op>::template Of, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t,
              std::int16_t, std::int32_t, std::int64_t>(t);
}
template <class Op>
Handler any_binary(Type t) {
  return pick<Binary<Op>::template Of, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t,
              std::int16_t, std::int32_t, std::int64_t>(t);
}
template <class Op>
Handler any_ternary(Type t) {
  return pick<Ternary<Op>::template Of, std::uint16_t, std::uint32_t, std::uint64_t, std::int16_t,
              std::int32_t, std::int64_t>(t);
}

template <class T>
using Doubled =
    std::conditional_t<sizeof(T) == 2,
                       std::conditional_t<std::is_signed_v<T>, std::int32_t, std::uint32_t>,
                       std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>;

template <class T>
struct MultiplyWide {
  static void run(Thread& t, const Instruction& i) {
    using D = Doubled<T>;
    t.write<D>(i.d, D{t.read<T>(i.a)} * D{t.read<T>(i.b)});
  }
};
template <class T>
struct MultiplyAddWide {
  static void run(Thread& t, const Instruction& i) {
    using D = Doubled<T>;
    t.write<D>(i.d, D{t.read<T>(i.a)} * D{t.read<T>(i.b)} + t.read<D>(i.c));
  }
};

// Shift counts are 32 bits, whatever is shifted; too long a shift leaves nothing (or the sign).
template <class T>
struct ShiftLeft {
  static void run(Thread& t, const Instruction& i) {
    const std::uint32_t by = t.read<std::uint32_t>(i.b);
    t.write<T>(i.d, by < kBits<T> ? static_cast<T>(t.read<T>(i.a) << by) : T{0});
  }
};
template <class T>
struct ShiftRight {
  static void run(Thread& t, const Instruction& i) {
    const std::uint32_t by = t.read<std::uint32_t>(i.b);
    const T a = t.read<T>(i.a);
    t.write<T>(i.d, static_cast<T>(by < kBits<T> ? a >> by : (a < T{0} ? -1 : 0)));
  }
};

// shf: 32 of the 64 bits of b:a; mode tells the direction and what a count above 31 means.
constexpr std::uint8_t kFunnelLeft = 1, kFunnelWrap = 2;
void funnel_shift(Thread& t, const Instruction& i) {
  const std::uint64_t both = t.read<std::uint64_t>(i.b) << 32 | t.read<std::uint32_t>(i.a);
  std::uint32_t by = t.read<std::uint32_t>(i.c);
  by = i.mode & kFunnelWrap ? by & 31 : std::min(by, 32u);
  const std::uint64_t result = i.mode & kFunnelLeft ? both << by >> 32 : both >> by;
  t.write<std::uint32_t>(i.d, static_cast<std::uint32_t>(result));
}

template <class T>
struct ExtractBits {
  static void run(Thread& t, const Instruction& i) {
    const auto bits = static_cast<Unsigned<T>>(t.read<T>(i.a));
    const unsigned start = t.read<std::uint32_t>(i.b) & 255, n = t.read<std::uint32_t>(i.c) & 255;
    const unsigned last = std::min(start + n - 1, kBits<T> - 1);
    const bool sign = std::is_signed_v<T> && n > 0 && (bits >> last & 1);
    Unsigned<T> result = 0;
    for (unsigned k = 0; k < kBits<T>; ++k) {
      const bool taken = k < n && start + k < kBits<T>;
      if (taken ? bits >> (start + k) & 1 : sign) result |= Unsigned<T>{1} << k;
    }
    t.write(i.d, result);
  }
};

template <class T>
struct InsertBits {
  static void run(Thread& t, const Instruction& i) {
    const unsigned start = t.read<std::uint32_t>(i.c) & 255, n = t.read<std::uint32_t>(i.e) & 255;
    const T from = t.read<T>(i.a);
    T into = t.read<T>(i.b);
    for (unsigned k = 0; k < n && start + k < kBits<T>; ++k) {
      const T bit = T{1} << (start + k);
      into = from >> k & 1 ? into | bit : into & ~bit;
    }
    t.write(i.d, into);
  }
};

void bit_mask(Thread& t, const Instruction& i) {  // bmsk.clamp: b ones from bit a on
  const std::uint64_t start = t.read<std::uint32_t>(i.a), n = t.read<std::uint32_t>(i.b);
  const std::uint64_t ones = n >= 32 ? UINT32_MAX : (std::uint64_t{1} << n) - 1;
  t.write<std::uint32_t>(i.d, start >= 32 ? 0 : static_cast<std::uint32_t>(ones << start));
}

void look_up_bits(Thread& t, const Instruction& i) {  // lop3: any function of three bits
  const std::uint32_t a = t.read<std::uint32_t>(i.a), b = t.read<std::uint32_t>(i.b),
                      c = t.read<std::uint32_t>(i.c), table = t.read<std::uint32_t>(i.e);
  std::uint32_t result = 0;
  for (unsigned row = 0; row < 8; ++row)
    if (table >> row & 1) result |= (row & 4 ? a : ~a) & (row & 2 ? b : ~b) & (row & 1 ? c : ~c);
  t.write(i.d, result);
}

void find_nth_set(Thread& t, const Instruction& i) {  // fns: the c-th one from bit b on
  const std::uint32_t mask = t.read<std::uint32_t>(i.a), base = t.read<std::uint32_t>(i.b);
  const std::int32_t offset = t.read<std::int32_t>(i.c);
  std::int32_t left = offset < 0 ? -offset : offset;
  const int step = offset < 0 ? -1 : 1;
  std::uint32_t found = UINT32_MAX;
  if (offset == 0) {
    if (mask >> (base & 31) & 1) found = base;
  } else {
    for (int at = static_cast<int>(base); at >= 0 && at < 32; at += step)
      if ((mask >> at & 1) && --left == 0) {
        found = static_cast<std::uint32_t>(at);
        break;
      }
  }
  t.write(i.d, found);
}

constexpr std::uint8_t kHighHalf = 1;

// Chains of add.cc, addc and so on; mode tells what of the carry is used.
constexpr std::uint8_t kCarryIn = 1, kCarryOut = 2;

template <class T>
void add_with_carry(Thread& t, const Instruction& i, T a, T b) {
  const unsigned __int128 sum =
      static_cast<unsigned __int128>(a) + b + (i.mode & kCarryIn ? t.carry : 0);
  if (i.mode & kCarryOut) t.carry = sum >> kBits<T> & 1;
  t.write<T>(i.d, static_cast<T>(sum));
}
template <class T>
struct AddCarry {
  static void run(Thread& t, const Instruction& i) {
    add_with_carry(t, i, t.read<T>(i.a), t.read<T>(i.b));
  }
};
template <class T>
struct SubtractCarry {  // the carry is the borrow
  static void run(Thread& t, const Instruction& i) {
    const unsigned __int128 difference = static_cast<unsigned __int128>(t.read<T>(i.a)) -
                                         t.read<T>(i.b) - (i.mode & kCarryIn ? t.carry : 0);
    if (i.mode & kCarryOut) t.carry = difference >> kBits<T> & 1;
    t.write<T>(i.d, static_cast<T>(difference));
  }
};
template <class Product>
struct MultiplyAddCarry {
  template <class T>
  struct Of {
    static void run(Thread& t, const Instruction& i) {
      add_with_carry(t, i, Product::of(t.read<T>(i.a), t.read<T>(i.b)), t.read<T>(i.c));
    }
  };
};

template <class T>
struct Select {
  static void run(Thread& t, const Instruction& i) {
    t.write(i.d, t.read<bool>(i.c) ? t.read<T>(i.a) : t.read<T>(i.b));
  }
};
void logical_not(Thread& t, const Instruction& i) { t.write<bool>(i.d, !t.read<bool>(i.a)); }

// mul24 and mad24: 24 bits of each factor, the low or the high 32 of the 48 bits.
template <class T>
struct Multiply24 {
  static void run(Thread& t, const Instruction& i) {
    const auto low24 = [](T v) { return static_cast<T>(v << 8) >> 8; };
    const auto product = static_cast<Wide<T>>(low24(t.read<T>(i.a))) * low24(t.read<T>(i.b));
    const T half = static_cast<T>(i.mode == kHighHalf ? product >> 16 : product);
    t.write<T>(i.d, half + t.read<T>(i.c));
  }
};

Handler find_carry(const Opcode& opcode, Instruction& i) {
  const bool in = opcode.name.back() == 'c';  // addc, subc, madc
  i.mode = (in ? kCarryIn : 0) | (opcode.has("cc") ? kCarryOut : 0);
  const Type type = size_of(i.type) == 8 ? Type::u64 : Type::u32;
  if (opcode.name.substr(0, 3) == "add") return pick<AddCarry, std::uint32_t, std::uint64_t>(type);
  if (opcode.name.substr(0, 3) == "sub")
    return pick<SubtractCarry, std::uint32_t, std::uint64_t>(type);
  // The high half depends on the sign, which a chain of unsigned limbs does not have.
  if (opcode.has("hi") && is_signed(i.type)) return nullptr;
  return opcode.has("hi")
             ? pick<MultiplyAddCarry<MultiplyHigh>::Of, std::uint32_t, std::uint64_t>(type)
             : pick<MultiplyAddCarry<MultiplyLow>::Of, std::uint32_t, std::uint64_t>(type);
}

Handler find_product(const Opcode& opcode, Instruction& i) {
  const bool add = opcode.name == "mad";
  if (opcode.has("wide"))
    return add ? pick<MultiplyAddWide, std::uint16_t, std::uint32_t, std::int16_t, std::int32_t>(
                     i.type)
               : pick<MultiplyWide, std::uint16_t, std::uint32_t, std::int16_t, std::int32_t>(
                     i.type);
  if (opcode.has("hi"))
    return add ? any_ternary<MultiplyAdd<MultiplyHigh>>(i.type) : any_binary<MultiplyHigh>(i.type);
  return add ? any_ternary<MultiplyAdd<MultiplyLow>>(i.type) : any_binary<MultiplyLow>(i.type);
}

}  // namespace

Handler find_integer(const Opcode& opcode, Instruction& i) {
  const std::string_view name = opcode.name;
  if (name == "selp")
    return pick<Select, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, std::int16_t,
                std::int32_t, std::int64_t, float, double>(i.type);
  if (is_float(i.type)) return nullptr;
  if (opcode.has("cc") || name == "addc" || name == "subc" || name == "madc")
    return find_carry(opcode, i);
  if (name == "add")
    return opcode.has("sat") ? pick<Binary<AddSaturated>::Of, std::int32_t>(i.type)
                             : any_binary<Add>(i.type);
  if (name == "sub")
    return opcode.has("sat") ? pick<Binary<SubtractSaturated>::Of, std::int32_t>(i.type)
                             : any_binary<Subtract>(i.type);
  if (name == "mul" || name == "mad") return find_product(opcode, i);
  if ((name == "mul24" || name == "mad24") && !opcode.has("sat")) {
    i.mode = opcode.has("hi") ? kHighHalf : 0;
    return pick<Multiply24, std::uint32_t, std::int32_t>(i.type);
  }
  if (name == "div") return any_binary<Divide>(i.type);
  if (name == "rem") return any_binary<Remainder>(i.type);
  if (name == "min") return any_binary<Minimum>(i.type);
  if (name == "max") return any_binary<Maximum>(i.type);
  if (name == "and") return any_binary<And>(i.type);
  if (name == "or") return any_binary<Or>(i.type);
  if (name == "xor") return any_binary<Xor>(i.type);
  if (name == "not") return i.type == Type::pred ? logical_not : any_unary<Not>(i.type);
  if (name == "cnot") return any_unary<LogicalNot>(i.type);
  if (name == "neg") return any_unary<Negate>(i.type);
  if (name == "abs") return any_unary<Absolute>(i.type);
  if (name == "sad") return any_ternary<AbsoluteDifference>(i.type);
  if (name == "popc") return pick<Unary<CountOnes>::Of, std::uint32_t, std::uint64_t>(i.type);
  if (name == "clz")
    return pick<Unary<CountLeadingZeros>::Of, std::uint32_t, std::uint64_t>(i.type);
  if (name == "brev") return pick<Unary<ReverseBits>::Of, std::uint32_t, std::uint64_t>(i.type);
  if (name == "bfind")
    return opcode.has("shiftamt")
               ? pick<Unary<FindBitShift>::Of, std::uint32_t, std::uint64_t, std::int32_t,
                      std::int64_t>(i.type)
               : pick<Unary<FindBit>::Of, std::uint32_t, std::uint64_t, std::int32_t, std::int64_t>(
                     i.type);
  if (name == "shl") return pick<ShiftLeft, std::uint16_t, std::uint32_t, std::uint64_t>(i.type);
  if (name == "shr")
    return pick<ShiftRight, std::uint16_t, std::uint32_t, std::uint64_t, std::int16_t, std::int32_t,
                std::int64_t>(i.type);
  if (name == "shf") {
    i.mode = (opcode.has("l") ? kFunnelLeft : 0) | (opcode.has("wrap") ? kFunnelWrap : 0);
    return funnel_shift;
  }
  if (name == "bfe")
    return pick<ExtractBits, std::uint32_t, std::uint64_t, std::int32_t, std::int64_t>(i.type);
  if (name == "bfi") return pick<InsertBits, std::uint32_t, std::uint64_t>(i.type);
  if (name == "bmsk" && opcode.has("clamp")) return bit_mask;
  if (name == "lop3") return look_up_bits;
  if (name == "prmt" && opcode.modifiers.empty())
    return pick<Ternary<Shuffle8>::Of, std::uint32_t>(i.type);
  if (name == "fns") return find_nth_set;
  return nullptr;
}

}  // namespace cuda_emulation::ptx
