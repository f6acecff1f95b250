// Which handler carries out an instruction. Each finder knows one family of opcodes, sets what of
// the instruction depends on the modifiers, and answers null for what it does not know.
#pragma once
#include <string_view>
#include <vector>

#include "ptx/instruction.h"

namespace cuda_emulation::ptx {

// "setp.lt.and.f32" taken apart.
struct Opcode {
  std::string_view name;
  std::vector<std::string_view> modifiers;  // without the types
  std::vector<Type> types;

  explicit Opcode(std::string_view text);
  bool has(std::string_view modifier) const;
  Type type() const { return types.empty() ? Type::none : types.front(); }
  bool writes() const;  // the first operand is a destination
};

Handler find_integer(const Opcode& opcode, Instruction& i);
Handler find_floating(const Opcode& opcode, Instruction& i);
Handler find_comparison(const Opcode& opcode, Instruction& i);
Handler find_conversion(const Opcode& opcode, Instruction& i);
Handler find_memory(const Opcode& opcode, Instruction& i);
Handler find_atomic(const Opcode& opcode, Instruction& i);
Handler find_control(const Opcode& opcode, Instruction& i);

// Of a call that is no function of the module: what it does is mode.
enum BuiltInCall : std::uint8_t { kCallAssert, kCallPrint };

// The handler instance for one of some types; null if the type is none of them.
template <template <class> class Make, class... Types>
Handler pick(Type type) {
  Handler found = nullptr;
  ((as_number(type) == type_for<Types>() ? void(found = &Make<Types>::run) : void()), ...);
  return found;
}

}  // namespace cuda_emulation::ptx
