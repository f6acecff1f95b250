// Every call of a CUDA library goes through one of these.
#pragma once
#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#if __has_include(<cudnn.h>)
#include <cudnn.h>
#endif

namespace hornet::cuda {

void check(cudaError_t status, const char* what);  // "copying to the device"
void check(cublasStatus_t status, const char* what);
#ifdef CUDNN_VERSION
void check(cudnnStatus_t status, const char* what);
#endif

}  // namespace hornet::cuda
