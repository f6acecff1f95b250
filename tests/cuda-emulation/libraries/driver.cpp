// libcuda: only what tells whether there is a device.
#include <cuda.h>

#include <cstdlib>
#include <cstring>

namespace {

// This library stands alone, as the driver does: it reads its settings itself.
bool driver_is(const char* kind) {
  const char* value = std::getenv("CUDA_EMULATION_DRIVER");
  return value && std::strcmp(value, kind) == 0;
}

}  // namespace

extern "C" {

CUresult cuInit(unsigned flags) {
  if (driver_is("none")) return CUDA_ERROR_NO_DEVICE;
  return flags == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuDeviceGetCount(int* count) {
  if (driver_is("none")) return CUDA_ERROR_NOT_INITIALIZED;
  const char* value = std::getenv("CUDA_EMULATION_DEVICES");
  *count = value && *value ? std::atoi(value) : 1;
  return CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int* version) {
  *version = driver_is("old") ? 12040 : 13000;
  return CUDA_SUCCESS;
}

}  // extern "C"
