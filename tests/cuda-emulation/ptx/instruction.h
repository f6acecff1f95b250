// One decoded PTX instruction: its operands are places to read from, its handler does the rest.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "ptx/types.h"

namespace cuda_emulation {
struct Allocation;
}

namespace cuda_emulation::ptx {

class Thread;
struct Function;
struct Instruction;

using Handler = void (*)(Thread&, const Instruction&);

// Where operands live. All are arrays of 64-bit values.
enum class Bank : std::uint8_t {
  registers,  // of the running call of a function
  constants,  // of the function: immediates and addresses of variables
  thread,     // %tid and the like
  block,      // %ctaid and the like
  frame,      // one value: where the call's local variables start
  clock,      // one value: instructions executed
  count,
};

struct Operand {
  Bank bank = Bank::constants;
  std::uint32_t index = 0;
};

enum class Rounding : std::uint8_t { none, nearest, zero, down, up };

constexpr std::uint32_t kNoRegister = UINT32_MAX;  // "_": the result is not wanted

// What only few instructions need.
struct CallSite {
  struct Copy {
    std::uint32_t from, to, bytes;
  };
  Function* callee = nullptr;
  std::vector<Copy> arguments, results;
};
struct Details {
  std::vector<Operand> values;           // of a vector that is stored
  std::vector<std::uint32_t> registers;  // of a vector that is loaded
  std::vector<std::uint32_t> targets;    // of brx.idx
  CallSite call;
};

struct Instruction {
  Handler run = nullptr;
  std::int32_t guard = -1;  // a predicate register, or -1
  bool guard_negated = false;
  std::uint32_t d = kNoRegister, d2 = kNoRegister;
  Operand a, b, c, e;
  bool negated = false;  // the predicate operand is ("!%p1")

  Type type = Type::none, from = Type::none;  // the result's; of cvt and setp also the source's
  Space space = Space::generic;
  Rounding rounding = Rounding::none;
  std::uint8_t vector = 1;
  std::uint8_t mode = 0;  // which comparison, atomic operation, shuffle, vote, permutation
  bool saturate = false, flush = false, volatile_ = false;
  bool call_parameter = false;  // ld/st.param: of the function about to be called, not our own
  std::uint8_t width = 8;       // bytes of the register that is written

  std::int64_t offset = 0;
  std::uint32_t target = 0;            // of a branch
  const Function* function = nullptr;  // whose code it is
  Details* details = nullptr;
  mutable Allocation* recent = nullptr;  // what the instruction touched last
};

}  // namespace cuda_emulation::ptx
