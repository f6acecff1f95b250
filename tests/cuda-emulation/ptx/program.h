// What nvcc's start-up code registers: fat binaries, their kernels and variables, each by the
// address of its stand-in on the host. A module is parsed per device, when first needed. Under
// runtime_mutex().
#pragma once
#include <map>
#include <memory>
#include <string>

#include "ptx/module.h"

namespace cuda_emulation {

class Program {
 public:
  explicit Program(const void* wrapper) : wrapper_(wrapper) {}
  // Throws std::runtime_error if there is no usable PTX.
  ptx::Module& module(int device);

 private:
  const void* wrapper_;
  std::map<int, std::unique_ptr<ptx::Module>> modules_;
};

struct Kernel {
  Program* program = nullptr;
  std::string name;
  std::size_t dynamic_shared_limit = 0;  // of cudaFuncSetAttribute; 0: not set
};

Program* register_program(const void* wrapper);
void register_kernel(Program* program, const void* host_function, const char* name);
void register_variable(Program* program, const void* host_variable, const char* name);

Kernel* find_kernel(const void* host_function);  // null if there is none
// Decoded and ready; throws std::runtime_error.
const ptx::Function& load_kernel(const Kernel& kernel, int device);
// A __device__ or __constant__ variable; null if there is none.
const ptx::Variable* find_variable(const void* host_variable, int device);

}  // namespace cuda_emulation
