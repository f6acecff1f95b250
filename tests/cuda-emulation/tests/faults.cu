// Every fault switch, each in a process of its own.
//
//   faults          runs them all
//   faults NAME     is run with that switch set
#include <cudnn.h>
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "tests/device.h"

namespace {

__global__ void increment(int* x) { ++*x; }

void out_of_memory() {  // from the third call on
  void *a, *b, *c;
  CHECK(cudaMalloc(&a, 10) == cudaSuccess);
  CHECK(cudaMalloc(&b, 10) == cudaSuccess);
  CHECK(cudaMalloc(&c, 10) == cudaErrorMemoryAllocation);
  CHECK(cudaMalloc(&c, 10) == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  CHECK(cudaFree(a) == cudaSuccess && cudaFree(b) == cudaSuccess);
}

void small_device() {  // of 1000 bytes
  void* p;
  CHECK(cudaMalloc(&p, 1001) == cudaErrorMemoryAllocation);
  CHECK(cudaMalloc(&p, 1000) == cudaSuccess);
  CHECK(cudaFree(p) == cudaSuccess);
  CHECK(cudaMalloc(&p, 900) == cudaSuccess);
  CHECK(cudaFree(p) == cudaSuccess);
}

void lost_device() {  // after two launches
  int* x;
  CHECK(cudaMalloc(&x, sizeof *x) == cudaSuccess);
  CHECK(cudaMemset(x, 0, sizeof *x) == cudaSuccess);
  increment<<<1, 1>>>(x);
  increment<<<1, 1>>>(x);
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
  increment<<<1, 1>>>(x);
  CHECK(cudaGetLastError() == cudaSuccess);  // not yet known
  CHECK(cudaDeviceSynchronize() == cudaErrorLaunchFailure);
  CHECK(cudaGetLastError() == cudaErrorLaunchFailure);
  CHECK(cudaGetLastError() == cudaErrorLaunchFailure);  // for ever
  CHECK(cudaMalloc(&x, 4) == cudaErrorLaunchFailure);
  CHECK(cudaDeviceReset() == cudaSuccess);
  CHECK(cudaMalloc(&x, 4) == cudaSuccess && cudaFree(x) == cudaSuccess);
}

struct Answers {
  cudnnStatus_t query, convolution;
};

Answers convolve() {
  cudnnHandle_t h;
  cudnnTensorDescriptor_t t;
  cudnnFilterDescriptor_t f;
  cudnnConvolutionDescriptor_t c;
  MUST(cudnnCreate(&h));
  MUST(cudnnCreateTensorDescriptor(&t));
  MUST(cudnnCreateFilterDescriptor(&f));
  MUST(cudnnCreateConvolutionDescriptor(&c));
  MUST(cudnnSetTensor4dDescriptor(t, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, 1, 1, 1, 1));
  MUST(cudnnSetFilter4dDescriptor(f, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, 1, 1, 1, 1));
  MUST(cudnnSetConvolution2dDescriptor(c, 0, 0, 1, 1, 1, 1, CUDNN_CROSS_CORRELATION,
                                       CUDNN_DATA_FLOAT));
  Answers answers;
  int n = 0;
  cudnnConvolutionFwdAlgoPerf_t found;
  answers.query = cudnnGetConvolutionForwardAlgorithm_v7(h, t, f, c, t, 1, &n, &found);
  DeviceArray<float> x(std::vector<float>(1, 1)), y(1);
  const float one = 1, zero = 0;
  answers.convolution = cudnnConvolutionForward(h, &one, t, x.data(), f, x.data(), c,
                                                CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, nullptr,
                                                0, &zero, t, y.data());
  MUST(cudnnDestroyConvolutionDescriptor(c));
  MUST(cudnnDestroyFilterDescriptor(f));
  MUST(cudnnDestroyTensorDescriptor(t));
  MUST(cudnnDestroy(h));
  return answers;
}

void cudnn_unsupported() {
  const Answers a = convolve();
  CHECK(a.query == CUDNN_STATUS_NOT_SUPPORTED && a.convolution == CUDNN_STATUS_NOT_SUPPORTED);
}
void cudnn_alloc() {
  const Answers a = convolve();
  CHECK(a.query == CUDNN_STATUS_SUCCESS && a.convolution == CUDNN_STATUS_ALLOC_FAILED);
}

struct Driver {
  int init = -1, version = -1, count = -1;
  Driver() {
    void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    CHECK(library != nullptr);
    if (!library) return;
    init = reinterpret_cast<int (*)(unsigned)>(dlsym(library, "cuInit"))(0);
    reinterpret_cast<int (*)(int*)>(dlsym(library, "cuDriverGetVersion"))(&version);
    reinterpret_cast<int (*)(int*)>(dlsym(library, "cuDeviceGetCount"))(&count);
  }
};

void good_driver() {  // with three devices
  const Driver d;
  CHECK(d.init == 0 && d.version == 13000 && d.count == 3);
  int n = 0;
  CHECK(cudaGetDeviceCount(&n) == cudaSuccess && n == 3);
}
void no_driver() {
  CHECK(Driver().init == 100);
  int n = -5;
  CHECK(cudaGetDeviceCount(&n) == cudaErrorNoDevice && n == -5);
  cudnnHandle_t h;
  CHECK(cudnnCreate(&h) == CUDNN_STATUS_NOT_INITIALIZED);
}
void old_driver() {
  const Driver d;
  CHECK(d.init == 0 && d.version == 12040 && d.count == 1);
  int n = -5;
  CHECK(cudaGetDeviceCount(&n) == cudaErrorInsufficientDriver && n == -5);
}

struct Fault {
  const char* name;
  void (*check)();
  const char* variable;
};
const Fault kFaults[] = {
    {"out_of_memory", out_of_memory, "CUDA_EMULATION_FAIL_ALLOC_AFTER=3"},
    {"small_device", small_device, "CUDA_EMULATION_MEMORY=1000"},
    {"lost_device", lost_device, "CUDA_EMULATION_FAIL_LAUNCH_AFTER=2"},
    {"cudnn_unsupported", cudnn_unsupported, "CUDA_EMULATION_FAIL_CUDNN=unsupported"},
    {"cudnn_alloc", cudnn_alloc, "CUDA_EMULATION_FAIL_CUDNN=alloc"},
    {"good_driver", good_driver, "CUDA_EMULATION_DEVICES=3"},
    {"no_driver", no_driver, "CUDA_EMULATION_DRIVER=none"},
    {"old_driver", old_driver, "CUDA_EMULATION_DRIVER=old"},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    for (const Fault& f : kFaults)
      if (std::strcmp(f.name, argv[1]) == 0) f.check();
    return checks_done() > 0 ? checks_failed() : 1;
  }
  for (const Fault& f : kFaults)
    test(f.name, [&] {
      const pid_t child = fork();
      if (child == 0) {
        std::string variable = f.variable;
        putenv(&variable[0]);
        execl(argv[0], argv[0], f.name, nullptr);
        _exit(127);
      }
      int status = 0;
      waitpid(child, &status, 0);
      CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    });
  return check_result();
}
