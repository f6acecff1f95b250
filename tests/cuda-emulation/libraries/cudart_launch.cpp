// cudart: what nvcc 13 compiles <<<>>> and __device__ variables to, and what is asked of kernels.
#include <algorithm>
#include <cstring>

#include "libraries/cudart.h"
#include "libraries/copy.h"
#include "ptx/block.h"
#include "ptx/program.h"
#include "runtime/memory.h"
#include "runtime/settings.h"
#include "runtime/stream.h"

using namespace cuda_emulation;

namespace {

constexpr std::size_t kSharedLimit = 48 * 1024, kSharedOptIn = 64 * 1024;

struct Configuration {
  dim3 grid, block;
  std::size_t shared;
  cudaStream_t stream;
};
thread_local std::vector<Configuration> pushed;

// Reports what keeps the kernel from being loaded.
cudaError_t load(const Kernel& kernel, const ptx::Function** f) {
  try {
    *f = &load_kernel(kernel, current_device_index());
    return cudaSuccess;
  } catch (const std::exception& error) {
    report("unsupported-ptx", "kernel " + kernel.name + ": " + error.what());
    return cudaErrorInvalidKernelImage;
  }
}

cudaError_t refuse(const ptx::Function& f, const std::string& why, cudaError_t error) {
  report("bad-launch", "kernel " + f.name + ": " + why);
  return error;
}

std::string text(dim3 d) {
  return "(" + std::to_string(d.x) + "," + std::to_string(d.y) + "," + std::to_string(d.z) + ")";
}

cudaError_t check(const Kernel& kernel, const ptx::Function& f, dim3 grid, dim3 block,
                  std::size_t shared) {
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  if (!grid.x || !grid.y || !grid.z || grid.x > 0x7FFFFFFF || grid.y > 65535 || grid.z > 65535)
    return refuse(f, "a grid of " + text(grid) + " blocks", cudaErrorInvalidConfiguration);
  if (!threads || threads > 1024 || block.x > 1024 || block.y > 1024 || block.z > 64)
    return refuse(f, "a block of " + text(block) + " threads", cudaErrorInvalidConfiguration);
  if (threads > f.max_threads)
    return refuse(f,
                  std::to_string(threads) + " threads a block, its launch bounds allow " +
                      std::to_string(f.max_threads),
                  cudaErrorInvalidValue);
  const std::size_t limit = std::max(kSharedLimit, f.shared_bytes + kernel.dynamic_shared_limit);
  if (f.shared_bytes + shared > limit)
    return refuse(f,
                  std::to_string(f.shared_bytes + shared) + " bytes of shared memory, of " +
                      std::to_string(limit),
                  cudaErrorInvalidValue);
  return cudaSuccess;
}

void run(const ptx::Launch& launch) {
  static long runs = 0;
  if (settings().fail_launch_after >= 0 && runs++ >= settings().fail_launch_after)
    return lose_device(launch.device, cudaErrorLaunchFailure);
  try {
    if (const int error = ptx::run_grid(launch))
      lose_device(launch.device, static_cast<cudaError_t>(error));
  } catch (const std::exception& error) {  // a function it calls does not decode
    report("unsupported-ptx", "kernel " + launch.entry->name + ": " + error.what());
    lose_device(launch.device, cudaErrorLaunchFailure);
  }
}

cudaError_t launch(const void* function, dim3 grid, dim3 block, void** arguments,
                   std::size_t shared, cudaStream_t stream) {
  const Kernel* kernel = find_kernel(function);
  if (!kernel) return cudaErrorInvalidDeviceFunction;
  const auto s = find_stream(stream, "kernel launch");
  if (!s) return cudaErrorInvalidResourceHandle;
  if (s->device() != current_device_index()) {
    report("wrong-device", "kernel " + kernel->name + ": the stream belongs to device " +
                               std::to_string(s->device()) + ", the current one is " +
                               std::to_string(current_device_index()));
    return cudaErrorInvalidResourceHandle;
  }
  const ptx::Function* f = nullptr;
  if (const cudaError_t error = load(*kernel, &f)) return error;
  if (const cudaError_t error = check(*kernel, *f, grid, block, shared)) return error;
  ptx::Launch l;
  l.entry = f;
  l.grid = grid;
  if (settings().blocks > 0) l.grid.x = std::min(l.grid.x, settings().blocks);
  l.block = block;
  l.arguments.resize(f->argument_bytes + 16);
  for (std::size_t k = 0; k < f->parameters.size(); ++k)
    std::memcpy(&l.arguments[f->parameters[k].offset], arguments[k], f->parameters[k].size);
  l.dynamic_shared = shared;
  l.device = s->device();
  ++counters().kernel_launches;
  enqueue(*s, [l = std::move(l)] { run(l); });
  return cudaSuccess;
}

cudaError_t symbol_address(const void* symbol, std::size_t offset, std::size_t bytes,
                           void** address) {
  try {
    const ptx::Variable* v = find_variable(symbol, current_device_index());
    if (!v) return cudaErrorInvalidSymbol;
    if (offset + bytes > v->size) {
      report("device-oob", "a copy of " + std::to_string(bytes) + " bytes at offset " +
                               std::to_string(offset) + " of a variable of " +
                               std::to_string(v->size));
      return cudaErrorInvalidValue;
    }
    *address = reinterpret_cast<void*>(v->address + offset);
    return cudaSuccess;
  } catch (const std::exception& error) {
    report("unsupported-ptx", error.what());
    return cudaErrorInvalidKernelImage;
  }
}

}  // namespace

extern "C" {

// The start-up code's declarations are in crt/host_runtime.h, which only nvcc can include.
void** __cudaRegisterFatBinary(void* wrapper) {
  Lock lock(runtime_mutex());
  return reinterpret_cast<void**>(register_program(wrapper));
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) { return 1; }

void __cudaRegisterFunction(void** program, const char* host_function, char*, const char* name, int,
                            uint3*, uint3*, dim3*, dim3*, int*) {
  Lock lock(runtime_mutex());
  register_kernel(reinterpret_cast<Program*>(program), host_function, name);
}

void __cudaRegisterVar(void** program, char* host_variable, char*, const char* name, int, size_t,
                       int, int) {
  Lock lock(runtime_mutex());
  register_variable(reinterpret_cast<Program*>(program), host_variable, name);
}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, cudaStream_t stream) {
  pushed.push_back({grid, block, shared, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, void* stream) {
  const Configuration c = pushed.back();
  pushed.pop_back();
  *grid = c.grid;
  *block = c.block;
  *shared = c.shared;
  *static_cast<cudaStream_t*>(stream) = c.stream;
  return cudaSuccess;
}

// A kernel's handle is its host function.
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* host_function) {
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(host_function));
  return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments,
                               size_t shared, cudaStream_t stream) {
  return entry([&] { return launch(kernel, grid, block, arguments, shared, stream); });
}

cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments,
                             size_t shared, cudaStream_t stream) {
  return entry([&] { return launch(function, grid, block, arguments, shared, stream); });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  return entry([&] {
    const Kernel* kernel = find_kernel(function);
    if (!kernel) return cudaErrorInvalidDeviceFunction;
    const ptx::Function* f = nullptr;
    if (const cudaError_t error = load(*kernel, &f)) return error;
    std::memset(attributes, 0, sizeof *attributes);
    attributes->sharedSizeBytes = f->shared_bytes;
    attributes->localSizeBytes = f->local_bytes;
    attributes->maxThreadsPerBlock = static_cast<int>(f->max_threads);
    attributes->numRegs = 32;
    attributes->ptxVersion = attributes->binaryVersion = 75;
    attributes->maxDynamicSharedSizeBytes =
        static_cast<int>(kernel->dynamic_shared_limit
                             ? kernel->dynamic_shared_limit
                             : kSharedLimit - std::min<std::size_t>(kSharedLimit, f->shared_bytes));
    return cudaSuccess;
  });
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  return entry([&] {
    Kernel* kernel = find_kernel(function);
    if (!kernel) return cudaErrorInvalidDeviceFunction;
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    const ptx::Function* f = nullptr;
    if (const cudaError_t error = load(*kernel, &f)) return error;
    if (value < 0 || f->shared_bytes + static_cast<std::size_t>(value) > kSharedOptIn)
      return cudaErrorInvalidValue;
    kernel->dynamic_shared_limit = static_cast<std::size_t>(value);
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void*,
                                                                   int threads, size_t, unsigned) {
  return entry([&] {
    if (threads < 1) return cudaErrorInvalidValue;
    *blocks = std::max(1, 1024 / threads);
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function,
                                                          int threads, size_t shared) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function, threads, shared,
                                                                0);
}

cudaError_t cudaMemcpyToSymbol(const void* symbol, const void* src, size_t bytes, size_t offset,
                               cudaMemcpyKind kind) {
  void* dst = nullptr;
  const cudaError_t error = entry([&] { return symbol_address(symbol, offset, bytes, &dst); });
  return error ? error : cudaMemcpy(dst, src, bytes, kind);
}

cudaError_t cudaMemcpyFromSymbol(void* dst, const void* symbol, size_t bytes, size_t offset,
                                 cudaMemcpyKind kind) {
  void* src = nullptr;
  const cudaError_t error = entry([&] { return symbol_address(symbol, offset, bytes, &src); });
  return error ? error : cudaMemcpy(dst, src, bytes, kind);
}

}  // extern "C"
