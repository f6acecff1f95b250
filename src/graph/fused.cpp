#include "graph/fused.h"

#include <iterator>

namespace hornet {
namespace {

// In the order of Elementwise.
const char* const kNames[] = {
    "constant", "neg",           "abs",  "sign",       "exp",     "log",   "sqrt",
    "square",   "reciprocal",    "sin",  "cos",        "round",   "floor", "tanh",
    "sigmoid",  "softplus",      "relu", "elu",        "clip",    "add",   "sub",
    "mul",      "div",           "pow",  "maximum",    "minimum", "equal", "not_equal",
    "greater",  "greater_equal", "less", "less_equal", "select"};

static_assert(std::size(kNames) == static_cast<std::size_t>(Elementwise::select) + 1);

Dim bound(Dim d, Dim batch) { return d < 0 ? -d * batch : d; }

}  // namespace

bool elementwise_code(const std::string& op_name, Elementwise* code) {
  for (std::size_t i = 1; i < std::size(kNames); ++i) {
    if (op_name != kNames[i]) continue;
    *code = static_cast<Elementwise>(i);
    return true;
  }
  return false;
}

const char* name_of(Elementwise code) { return kNames[static_cast<std::size_t>(code)]; }

Attrs FusedProgram::to_attrs() const {
  std::vector<std::int64_t> access, instructions, results(outputs.begin(), outputs.end());
  std::vector<double> numbers;
  for (const Access& in : inputs) access.insert(access.end(), {in.count, in.inner});
  for (const Instruction& i : code) {
    instructions.insert(instructions.end(), {static_cast<std::int64_t>(i.op), i.a, i.b, i.c});
    numbers.insert(numbers.end(), {i.number, i.number2});
  }
  return {{"access", access}, {"code", instructions}, {"numbers", numbers}, {"outputs", results}};
}

FusedProgram FusedProgram::from_attrs(const Attrs& attrs) {
  FusedProgram program;
  const auto access = attrs.integers("access"), code = attrs.integers("code");
  const auto numbers = attrs.reals("numbers");
  for (std::size_t i = 0; i + 1 < access.size(); i += 2)
    program.inputs.push_back({access[i], access[i + 1]});
  for (std::size_t i = 0; i + 3 < code.size(); i += 4) {
    Instruction instruction;
    instruction.op = static_cast<Elementwise>(code[i]);
    instruction.a = static_cast<std::int16_t>(code[i + 1]);
    instruction.b = static_cast<std::int16_t>(code[i + 2]);
    instruction.c = static_cast<std::int16_t>(code[i + 3]);
    instruction.number = numbers[i / 2];
    instruction.number2 = numbers[i / 2 + 1];
    program.code.push_back(instruction);
  }
  for (std::int64_t r : attrs.integers("outputs"))
    program.outputs.push_back(static_cast<std::int16_t>(r));
  return program;
}

FusedProgram FusedProgram::bind(Dim batch) const {
  FusedProgram program = *this;
  for (Access& in : program.inputs) in = {bound(in.count, batch), bound(in.inner, batch)};
  for (Instruction& i : program.code) {
    if (i.op != Elementwise::constant || i.number2 == 0) continue;
    i.number *= static_cast<double>(batch);
    i.number2 = 0;
  }
  return program;
}

std::string FusedProgram::to_string() const {
  std::string text;
  const auto reg = [](std::int16_t r) { return "r" + std::to_string(r); };
  for (std::size_t i = 0; i < code.size(); ++i) {
    const Instruction& in = code[i];
    text += (i ? "; " : "") + reg(static_cast<std::int16_t>(inputs.size() + i)) + " = ";
    if (in.op == Elementwise::constant) {
      text += hornet::to_string(Attrs{{"value", in.number}}) + (in.number2 != 0 ? " x batch" : "");
      continue;
    }
    text += std::string(name_of(in.op)) + "(" + reg(in.a);
    if (in.b >= 0) text += ", " + reg(in.b);
    if (in.c >= 0) text += ", " + reg(in.c);
    text += ")";
  }
  return text;
}

}  // namespace hornet
