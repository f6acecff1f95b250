// cudart: devices, versions and errors.
#include <algorithm>
#include <cstring>

#include "libraries/cudart.h"
#include "runtime/memory.h"
#include "runtime/settings.h"
#include "runtime/stream.h"

namespace cuda_emulation {
namespace {

constexpr int kVersion = 13000, kOldVersion = 12040;
constexpr int kMaxSharedOptIn = 64 * 1024;  // of compute capability 7.5

bool is_device(int index) { return index >= 0 && index < device_count(); }

struct Attribute {
  cudaDeviceAttr attribute;
  int value;
};
constexpr Attribute kAttributes[] = {
    {cudaDevAttrMaxThreadsPerBlock, 1024},
    {cudaDevAttrMaxBlockDimX, 1024},
    {cudaDevAttrMaxBlockDimY, 1024},
    {cudaDevAttrMaxBlockDimZ, 64},
    {cudaDevAttrMaxGridDimX, 0x7FFFFFFF},
    {cudaDevAttrMaxGridDimY, 65535},
    {cudaDevAttrMaxGridDimZ, 65535},
    {cudaDevAttrMaxSharedMemoryPerBlock, 48 * 1024},
    {cudaDevAttrMaxSharedMemoryPerBlockOptin, kMaxSharedOptIn},
    {cudaDevAttrMaxSharedMemoryPerMultiprocessor, kMaxSharedOptIn},
    {cudaDevAttrMaxRegistersPerBlock, 65536},
    {cudaDevAttrWarpSize, 32},
    {cudaDevAttrMultiProcessorCount, 2},
    {cudaDevAttrMaxThreadsPerMultiProcessor, 1024},
    {cudaDevAttrComputeCapabilityMajor, 7},
    {cudaDevAttrComputeCapabilityMinor, 5},
    {cudaDevAttrUnifiedAddressing, 1},
    {cudaDevAttrConcurrentKernels, 1},
    {cudaDevAttrAsyncEngineCount, 1},
    {cudaDevAttrTotalConstantMemory, 65536},
};

struct ErrorText {
  cudaError_t error;
  const char *name, *text;
};
#define ERROR_TEXT(error, text) \
  { error, #error, text }
constexpr ErrorText kErrors[] = {
    ERROR_TEXT(cudaSuccess, "no error"),
    ERROR_TEXT(cudaErrorInvalidValue, "invalid argument"),
    ERROR_TEXT(cudaErrorMemoryAllocation, "out of memory"),
    ERROR_TEXT(cudaErrorInitializationError, "initialization error"),
    ERROR_TEXT(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    ERROR_TEXT(cudaErrorInvalidSymbol, "invalid device symbol"),
    ERROR_TEXT(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    ERROR_TEXT(cudaErrorInsufficientDriver,
               "CUDA driver version is insufficient for CUDA runtime version"),
    ERROR_TEXT(cudaErrorInvalidDeviceFunction, "invalid device function"),
    ERROR_TEXT(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    ERROR_TEXT(cudaErrorInvalidDevice, "invalid device ordinal"),
    ERROR_TEXT(cudaErrorInvalidKernelImage, "device kernel image is invalid"),
    ERROR_TEXT(cudaErrorNoKernelImageForDevice,
               "no kernel image is available for execution on the device"),
    ERROR_TEXT(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    ERROR_TEXT(cudaErrorNotReady, "device not ready"),
    ERROR_TEXT(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    ERROR_TEXT(cudaErrorLaunchOutOfResources, "too many resources requested for launch"),
    ERROR_TEXT(cudaErrorLaunchTimeout, "the launch timed out and was terminated"),
    ERROR_TEXT(cudaErrorPeerAccessAlreadyEnabled, "peer access is already enabled"),
    ERROR_TEXT(cudaErrorPeerAccessNotEnabled, "peer access has not been enabled"),
    ERROR_TEXT(cudaErrorAssert, "device-side assert triggered"),
    ERROR_TEXT(cudaErrorHostMemoryAlreadyRegistered,
               "part or all of the requested memory range is already mapped"),
    ERROR_TEXT(cudaErrorHostMemoryNotRegistered,
               "pointer does not correspond to a registered memory region"),
    ERROR_TEXT(cudaErrorIllegalInstruction, "an illegal instruction was encountered"),
    ERROR_TEXT(cudaErrorMisalignedAddress, "misaligned address"),
    ERROR_TEXT(cudaErrorLaunchFailure, "unspecified launch failure"),
    ERROR_TEXT(cudaErrorNotSupported, "operation not supported"),
};
#undef ERROR_TEXT

const ErrorText& text_of(cudaError_t error) {
  static const ErrorText unknown{cudaErrorUnknown, "unrecognized error code",
                                 "unrecognized error code"};
  const auto found = std::find_if(std::begin(kErrors), std::end(kErrors),
                                  [&](const ErrorText& e) { return e.error == error; });
  return found == std::end(kErrors) ? unknown : *found;
}

}  // namespace
}  // namespace cuda_emulation

using namespace cuda_emulation;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  return entry([&] {
    *count = device_count();
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int index) {
  return entry([&] {
    if (!is_device(index)) return cudaErrorInvalidDevice;
    set_current_device(index);
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* index) {
  return entry([&] {
    *index = current_device_index();
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int index) {
  return entry([&] {
    if (!is_device(index)) return cudaErrorInvalidDevice;
    std::memset(p, 0, sizeof *p);
    std::strcpy(p->name, "CUDA emulation");
    p->totalGlobalMem = settings().memory;
    p->sharedMemPerBlock = 48 * 1024;
    p->sharedMemPerBlockOptin = p->sharedMemPerMultiprocessor = kMaxSharedOptIn;
    p->regsPerBlock = p->regsPerMultiprocessor = 65536;
    p->warpSize = 32;
    p->maxThreadsPerBlock = p->maxThreadsPerMultiProcessor = 1024;
    p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
    p->maxThreadsDim[2] = 64;
    p->maxGridSize[0] = 0x7FFFFFFF;
    p->maxGridSize[1] = p->maxGridSize[2] = 65535;
    p->totalConstMem = 65536;
    p->major = 7;
    p->minor = 5;
    p->multiProcessorCount = 2;
    p->unifiedAddressing = p->concurrentKernels = p->asyncEngineCount = 1;
    p->memoryBusWidth = 256;
    p->l2CacheSize = 4 << 20;
    p->pciBusID = index + 1;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int index) {
  return entry([&] {
    if (!is_device(index)) return cudaErrorInvalidDevice;
    const auto found = std::find_if(std::begin(kAttributes), std::end(kAttributes),
                                    [&](const Attribute& a) { return a.attribute == attribute; });
    *value = found == std::end(kAttributes) ? 0 : found->value;
    return cudaSuccess;
  });
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = settings().driver == Driver::good  ? kVersion
             : settings().driver == Driver::old ? kOldVersion
                                                : 0;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = kVersion;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  return entry([] {
    count_synchronisation();
    run_device(current_device_index());
    return current_device().lost;
  });
}

cudaError_t cudaDeviceReset() {
  Lock lock(runtime_mutex());
  Device& d = current_device();
  run_device(d.index);
  release_all(d.index);
  d.lost = cudaSuccess;
  d.peers.clear();
  clear_last_error();
  return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int* can, int from, int peer) {
  return entry([&] {
    if (!is_device(from) || !is_device(peer)) return cudaErrorInvalidDevice;
    *can = from != peer;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned flags) {
  return entry([&] {
    if (flags != 0) return cudaErrorInvalidValue;
    if (!is_device(peer) || peer == current_device_index()) return cudaErrorInvalidDevice;
    return current_device().peers.insert(peer).second ? cudaSuccess
                                                      : cudaErrorPeerAccessAlreadyEnabled;
  });
}

cudaError_t cudaDeviceDisablePeerAccess(int peer) {
  return entry([&] {
    return current_device().peers.erase(peer) ? cudaSuccess : cudaErrorPeerAccessNotEnabled;
  });
}

cudaError_t cudaGetLastError() {
  Lock lock(runtime_mutex());
  const cudaError_t error = last_error();
  clear_last_error();
  return error;
}

cudaError_t cudaPeekAtLastError() {
  Lock lock(runtime_mutex());
  return last_error();
}

const char* cudaGetErrorName(cudaError_t error) { return text_of(error).name; }
const char* cudaGetErrorString(cudaError_t error) { return text_of(error).text; }

}  // extern "C"
