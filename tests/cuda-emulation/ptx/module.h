// A PTX module: variables and functions. Function bodies are decoded when they are first run.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ptx/instruction.h"
#include "ptx/lexer.h"

namespace cuda_emulation::ptx {

struct Parameter {
  std::string name;
  std::uint32_t size = 0, align = 1, offset = 0;
};

struct Variable {
  Space space = Space::global;
  std::uint32_t size = 0, align = 1;
  std::uint64_t address = 0;  // of global and constant memory; an offset in the other spaces
  bool external = false;      // .extern .shared: the launch's dynamic shared memory
  std::vector<std::uint8_t> initial;
  std::vector<std::pair<std::uint32_t, std::string>> pointers;  // offset, symbol to point to
};

struct Module;

struct Function {
  Module* module = nullptr;
  std::string name;
  bool entry = false;
  std::vector<Parameter> parameters, results;
  std::uint32_t parameter_bytes = 0;         // results lie behind the parameters
  std::uint32_t argument_bytes = 0;          // both
  std::uint32_t max_threads = 1024;          // of .maxntid
  std::size_t body_begin = 0, body_end = 0;  // tokens

  // Filled by decode().
  bool decoded = false;
  std::uint32_t registers = 0;
  std::uint32_t local_bytes = 0;   // of its variables
  std::uint32_t call_bytes = 0;    // of the parameters of functions it calls
  std::uint32_t shared_bytes = 0;  // with the module's
  std::vector<std::uint64_t> constants;
  std::vector<Instruction> code;
  std::vector<std::string> text;  // of each instruction, with its line in the PTX
  std::deque<Details> details;    // stable addresses

  const std::string& text_of(const Instruction& i) const { return text[&i - code.data()]; }
};

struct Module {
  std::string text;
  std::vector<Token> tokens;
  int device = 0;
  std::unordered_map<std::string, Variable> variables;
  std::map<std::string, std::unique_ptr<Function>> functions;
  std::uint32_t shared_bytes = 0;  // static shared variables outside functions

  Function* find(const std::string& name);  // null if it is unknown or has no body
};

// Throws Error for what it does not understand. Variables get memory on the device.
std::unique_ptr<Module> parse_module(std::string text, int device);

// decoder.cpp: fills the function's code; throws Error naming the instruction.
void decode(Function& function);

// Shared by both parsers.
Variable parse_variable(Reader& reader, Space space, std::string& name);
std::uint32_t align_up(std::uint32_t offset, std::uint32_t align);

}  // namespace cuda_emulation::ptx
