// A convolution of images in cuDNN's words. Tensors are NHWC; filters (out, height, width, in).
#pragma once
#include <cudnn.h>

#include "backend/window.h"

namespace hornet::cuda {

// A descriptor is null where the host has no memory for it, which the next call refuses.
template <class T, cudnnStatus_t (*make)(T*), cudnnStatus_t (*release)(T)>
class Descriptor {
 public:
  Descriptor() {
    if (make(&descriptor_) != CUDNN_STATUS_SUCCESS) descriptor_ = nullptr;
  }
  ~Descriptor() {
    if (descriptor_) release(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator T() const { return descriptor_; }

 private:
  T descriptor_ = nullptr;
};

struct CudnnShapes {
  using TensorShape = Descriptor<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor,
                                 cudnnDestroyTensorDescriptor>;
  TensorShape x, y;
  Descriptor<cudnnFilterDescriptor_t, cudnnCreateFilterDescriptor, cudnnDestroyFilterDescriptor> w;
  Descriptor<cudnnConvolutionDescriptor_t, cudnnCreateConvolutionDescriptor,
             cudnnDestroyConvolutionDescriptor>
      convolution;

  // False: it is none of cuDNN's convolutions.
  bool describe(const Window& g, cudnnMathType_t math) {
    if (!has_cudnn_size(g)) return false;
    return is_set(cudnnSetTensor4dDescriptor(x, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, whole(g.batch),
                                             whole(g.channels), whole(g.height), whole(g.width))) &&
           is_set(cudnnSetTensor4dDescriptor(y, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, whole(g.batch),
                                             whole(g.out_channels), whole(g.out_height),
                                             whole(g.out_width))) &&
           is_set(cudnnSetFilter4dDescriptor(w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC,
                                             whole(g.out_channels), whole(g.channels),
                                             whole(g.rows), whole(g.columns))) &&
           is_set(cudnnSetConvolution2dDescriptor(convolution, whole(g.top), whole(g.left),
                                                  whole(g.stride_y), whole(g.stride_x),
                                                  whole(g.dilation_y), whole(g.dilation_x),
                                                  CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT)) &&
           is_set(cudnnSetConvolutionMathType(convolution, math));
  }

 private:
  static bool is_set(cudnnStatus_t status) { return status == CUDNN_STATUS_SUCCESS; }
  static int whole(Dim size) { return static_cast<int>(size); }

  // cuDNN pads both sides alike. That changes nothing where it gives as many outputs: they start at
  // the same places.
  static bool has_cudnn_outputs(Dim size, Dim outputs, Dim cells, Dim stride, Dim before,
                                Dim dilation) {
    const Dim room = size + 2 * before - (cells - 1) * dilation - 1;
    return room >= 0 && room / stride + 1 == outputs;
  }

  static bool has_cudnn_size(const Window& g) {
    const Dim most = Dim{1} << 31;  // elements of a tensor, for its indices
    const Dim x_size = g.batch * g.volume(), y_size = g.batch * g.out_volume();
    const Dim w_size = g.rows * g.columns * g.channels * g.out_channels;
    for (Dim size : {x_size, y_size, w_size})
      if (size == 0 || size >= most) return false;
    for (Dim number : {g.top, g.left, g.stride_y, g.stride_x, g.dilation_y, g.dilation_x})
      if (number >= most) return false;
    return has_cudnn_outputs(g.height, g.out_height, g.rows, g.stride_y, g.top, g.dilation_y) &&
           has_cudnn_outputs(g.width, g.out_width, g.columns, g.stride_x, g.left, g.dilation_x);
  }
};

}  // namespace hornet::cuda
