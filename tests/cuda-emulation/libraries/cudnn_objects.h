// What the files of the emulated cuDNN share: its objects, and how a call starts and fails.
#pragma once
#include <cudnn.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/findings.h"
#include "runtime/handles.h"
#include "runtime/stream.h"

// The types behind the handles are the library's own to define.
struct cudnnContext {
  int device = 0;
  std::shared_ptr<cuda_emulation::Stream> stream;
};

struct cudnnTensorStruct {
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  std::vector<int> dims, strides;  // N, C, then space; empty until set

  std::size_t extent() const;  // elements from the first to the last
};

struct cudnnFilterStruct {
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  cudnnTensorFormat_t format = CUDNN_TENSOR_NCHW;
  std::vector<int> dims;  // K, C, then space, in whatever format

  std::vector<int> strides() const;
  std::size_t extent() const;
};

struct cudnnConvolutionStruct {
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
  std::vector<int> padding, stride, dilation;  // empty until set
  int groups = 1;
};

namespace cuda_emulation {

Handles<cudnnContext, cudnnHandle_t>& cudnn_handles();
Handles<cudnnTensorStruct, cudnnTensorDescriptor_t>& cudnn_tensors();
Handles<cudnnFilterStruct, cudnnFilterDescriptor_t>& cudnn_filters();
Handles<cudnnConvolutionStruct, cudnnConvolutionDescriptor_t>& cudnn_convolutions();

// Why a call answers what it answers, for cudnnGetLastErrorString(); a finding unless the call
// is only not supported.
cudnnStatus_t cudnn_refuse(cudnnStatus_t status, const char* kind, const std::string& what);

// The output's dimensions; a status other than success after a finding.
cudnnStatus_t cudnn_output_dims(const char* who, const cudnnConvolutionStruct& convolution,
                                const cudnnTensorStruct& x, const cudnnFilterStruct& w,
                                std::vector<int>* dims);

}  // namespace cuda_emulation
