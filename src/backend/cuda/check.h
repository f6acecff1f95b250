// Every call of a CUDA library goes through one of these.
#pragma once
#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

namespace hornet::cuda {

void check(cudaError_t status, const char* what);  // "copying to the device"
void check(cublasStatus_t status, const char* what);
void check(cudnnStatus_t status, const char* what);

}  // namespace hornet::cuda
