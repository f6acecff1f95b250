// atom and red.
#include <algorithm>

#include "ptx/block.h"
#include "ptx/handlers.h"

namespace cuda_emulation::ptx {
namespace {

enum AtomicOperation : std::uint8_t {
  kAdd,
  kMin,
  kMax,
  kExchange,
  kCompareAndSwap,
  kAnd,
  kOr,
  kXor,
  kIncrement,
  kDecrement,
};
constexpr std::string_view kOperations[] = {"add", "min", "max", "exch", "cas",
                                            "and", "or",  "xor", "inc",  "dec"};

template <class T>
T changed(std::uint8_t operation, T old, T b, T c) {
  switch (operation) {
    case kAdd:
      return static_cast<T>(old + b);
    case kMin:
      return std::min(old, b);
    case kMax:
      return std::max(old, b);
    case kExchange:
      return b;
    case kCompareAndSwap:
      return to_bits(old) == to_bits(b) ? c : old;
    default:
      break;
  }
  if constexpr (std::is_integral_v<T>) {
    switch (operation) {
      case kAnd:
        return old & b;
      case kOr:
        return old | b;
      case kXor:
        return old ^ b;
      case kIncrement:
        return old >= b ? T{0} : static_cast<T>(old + 1);
      default:
        return old == 0 || old > b ? b : static_cast<T>(old - 1);
    }
  }
  return old;
}

template <class T>
struct Atomic {
  static void run(Thread& t, const Instruction& i) {
    std::uint8_t* bytes = t.block().memory(
        t, i, i.space, t.read<std::uint64_t>(i.a) + static_cast<std::uint64_t>(i.offset), sizeof(T),
        Access::update);
    T old;
    std::memcpy(&old, bytes, sizeof old);
    const T now = changed<T>(i.mode, old, t.read<T>(i.b), t.read<T>(i.c));
    std::memcpy(bytes, &now, sizeof now);
    if (i.d != kNoRegister) t.write(i.d, old);
  }
};

}  // namespace

Handler find_atomic(const Opcode& opcode, Instruction& i) {
  if (opcode.name != "atom" && opcode.name != "red") return nullptr;
  i.mode = UINT8_MAX;
  for (std::uint8_t k = 0; k < sizeof kOperations / sizeof *kOperations; ++k)
    if (opcode.has(kOperations[k])) i.mode = k;
  if (i.mode == UINT8_MAX || i.vector > 1) return nullptr;
  if (is_float(i.type) && i.mode > kCompareAndSwap) return nullptr;
  return pick<Atomic, std::uint16_t, std::uint32_t, std::uint64_t, std::int32_t, std::int64_t, half,
              float, double>(i.type);
}

}  // namespace cuda_emulation::ptx
