#include "ptx/program.h"

#include <unordered_map>

#include "ptx/fat_binary.h"

namespace cuda_emulation {
namespace {

struct Symbol {
  Program* program;
  std::string name;
};

std::unordered_map<const void*, Kernel>& kernels() {
  static auto& all = *new std::unordered_map<const void*, Kernel>;
  return all;
}
std::unordered_map<const void*, Symbol>& symbols() {
  static auto& all = *new std::unordered_map<const void*, Symbol>;
  return all;
}

}  // namespace

ptx::Module& Program::module(int device) {
  auto& made = modules_[device];
  if (!made) made = ptx::parse_module(read_ptx(wrapper_), device);
  return *made;
}

// Programs stay: kernels may still be queued when the one they came with is unloaded.
Program* register_program(const void* wrapper) { return new Program(wrapper); }

void register_kernel(Program* program, const void* host_function, const char* name) {
  kernels()[host_function] = {program, name, 0};
}

void register_variable(Program* program, const void* host_variable, const char* name) {
  symbols()[host_variable] = {program, name};
}

Kernel* find_kernel(const void* host_function) {
  const auto found = kernels().find(host_function);
  return found == kernels().end() ? nullptr : &found->second;
}

const ptx::Function& load_kernel(const Kernel& kernel, int device) {
  ptx::Function* f = kernel.program->module(device).find(kernel.name);
  if (!f) throw ptx::Error("the PTX has no kernel " + kernel.name);
  if (!f->decoded) ptx::decode(*f);
  return *f;
}

const ptx::Variable* find_variable(const void* host_variable, int device) {
  const auto found = symbols().find(host_variable);
  if (found == symbols().end()) return nullptr;
  auto& variables = found->second.program->module(device).variables;
  const auto variable = variables.find(found->second.name);
  return variable == variables.end() ? nullptr : &variable->second;
}

}  // namespace cuda_emulation
