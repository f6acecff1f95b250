// cuDNN: convolutions in three directions, and which algorithms there are for them.
#include <algorithm>

#include "libraries/array.h"
#include "libraries/cudnn_objects.h"
#include "runtime/counters.h"
#include "runtime/device.h"
#include "runtime/settings.h"

using namespace cuda_emulation;

namespace {

enum class Direction { forward, data, filter };

// A convolution's descriptors, as they were at the call. x, w and y are dx, dw and dy too.
struct Problem {
  std::string who;
  Direction direction;
  std::shared_ptr<cudnnContext> handle;
  cudnnTensorStruct x, y;
  cudnnFilterStruct w;
  cudnnConvolutionStruct convolution;
};

// One algorithm of a direction; `number` is the value of that direction's enumeration.
struct Algorithm {
  int number;
  bool deterministic, supported;
  std::size_t workspace;
};

bool channels_last(const cudnnTensorStruct& t) { return t.strides[1] == 1 && t.dims[1] > 1; }

// Best first; what is listed as not supported is there for callers that do not look.
std::vector<Algorithm> algorithms(const Problem& p) {
  const std::size_t some = 1024 + 4 * (p.w.extent() / p.convolution.groups);
  const bool nhwc_filter = p.w.format == CUDNN_TENSOR_NHWC;
  switch (p.direction) {
    case Direction::forward:
      return {{CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, true, true, some},
              {CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, true, !nhwc_filter, 0},
              {CUDNN_CONVOLUTION_FWD_ALGO_FFT, true, false, 0}};
    case Direction::data:
      return {{CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, true, true, some},
              {CUDNN_CONVOLUTION_BWD_DATA_ALGO_0, false, true, 0},
              {CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT, true, false, 0}};
    default:
      return {{CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0, false, true, 0},
              {CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, true, true, some},
              {CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT, true, false, 0}};
  }
}

// Finds and checks the descriptors.
cudnnStatus_t open(const char* who, Direction direction, cudnnHandle_t handle,
                   cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
                   cudnnConvolutionDescriptor_t convolution, cudnnTensorDescriptor_t y,
                   Problem* p) {
  const auto h = cudnn_handles().find(handle, who);
  const auto x_found = cudnn_tensors().find(x, who), y_found = cudnn_tensors().find(y, who);
  const auto w_found = cudnn_filters().find(w, who);
  const auto c_found = cudnn_convolutions().find(convolution, who);
  if (!h || !x_found || !y_found || !w_found || !c_found) return CUDNN_STATUS_BAD_PARAM;
  *p = {who, direction, h, *x_found, *y_found, *w_found, *c_found};
  if (device(h->device).lost) return CUDNN_STATUS_EXECUTION_FAILED;
  std::vector<int> dims;
  if (const auto status = cudnn_output_dims(who, p->convolution, p->x, p->w, &dims)) return status;
  if (p->y.dims != dims) {
    std::string expected, found;
    for (const int d : dims) expected += " " + std::to_string(d);
    for (const int d : p->y.dims) found += " " + std::to_string(d);
    return cudnn_refuse(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "bad-output-dims",
                        p->who + ": the output has dimensions" + found + ", expected" + expected);
  }
  if (p->x.type != CUDNN_DATA_FLOAT || p->w.type != CUDNN_DATA_FLOAT ||
      p->y.type != CUDNN_DATA_FLOAT || p->convolution.type != CUDNN_DATA_FLOAT)
    return cudnn_refuse(CUDNN_STATUS_NOT_SUPPORTED, "", p->who + ": only floats");
  if (p->convolution.stride.size() > 3)
    return cudnn_refuse(CUDNN_STATUS_NOT_SUPPORTED, "", p->who + ": more than 3 dimensions");
  const auto mixed = [](const cudnnTensorStruct& t) { return t.dims[1] > 1 && !channels_last(t); };
  if (p->w.format == CUDNN_TENSOR_NHWC && (mixed(p->x) || mixed(p->y)))
    return cudnn_refuse(CUDNN_STATUS_NOT_SUPPORTED, "",
                        p->who + ": an NHWC filter needs NHWC tensors");
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t injected_fault(bool asks_only) {
  if (settings().fail_cudnn == CudnnFault::unsupported)
    return cudnn_refuse(CUDNN_STATUS_NOT_SUPPORTED, "", "CUDA_EMULATION_FAIL_CUDNN");
  if (settings().fail_cudnn == CudnnFault::alloc && !asks_only)
    return cudnn_refuse(CUDNN_STATUS_ALLOC_FAILED, "", "CUDA_EMULATION_FAIL_CUDNN");
  return CUDNN_STATUS_SUCCESS;
}

template <class Performance>
cudnnStatus_t list_algorithms(const Problem& p, int requested, int* returned,
                              Performance* results) {
  if (const auto fault = injected_fault(true)) return fault;
  if (requested < 1 || !returned || !results)
    return cudnn_refuse(CUDNN_STATUS_BAD_PARAM, "bad-argument", p.who + ": no room for results");
  int n = 0;
  std::vector<Algorithm> all = algorithms(p);
  std::stable_partition(all.begin(), all.end(), [](const Algorithm& a) { return a.supported; });
  for (const Algorithm& a : all) {
    if (n == requested) break;
    Performance& result = results[n++];
    result = Performance();
    result.algo = static_cast<decltype(result.algo)>(a.number);
    result.status = a.supported ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
    result.time = -1;
    result.memory = a.workspace;
    result.determinism = a.deterministic ? CUDNN_DETERMINISTIC : CUDNN_NON_DETERMINISTIC;
    result.mathType = p.convolution.math;
  }
  *returned = n;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t workspace_of(const Problem& p, int algorithm, std::size_t* bytes) {
  for (const Algorithm& a : algorithms(p))
    if (a.number == algorithm && a.supported) {
      *bytes = a.workspace;
      return CUDNN_STATUS_SUCCESS;
    }
  return cudnn_refuse(CUDNN_STATUS_NOT_SUPPORTED, "",
                      p.who + ": algorithm " + std::to_string(algorithm));
}

// Every pair of an input and an output that a weight connects. Always three dimensions of space;
// those that lack are of size 1.
template <class Visit>
void each_product(const Problem& p, Visit visit) {
  const std::size_t rank = p.convolution.stride.size(), missing = 3 - rank;
  const auto space = [&](const std::vector<int>& values, std::size_t skip, int filler) {
    std::vector<std::ptrdiff_t> all(missing, filler);
    all.insert(all.end(), values.begin() + static_cast<std::ptrdiff_t>(skip), values.end());
    return all;
  };
  const auto x = space(p.x.dims, 2, 1), w = space(p.w.dims, 2, 1), y = space(p.y.dims, 2, 1);
  const std::vector<int> w_strides = p.w.strides();
  const auto xs = space(p.x.strides, 2, 0), ws = space(w_strides, 2, 0),
             ys = space(p.y.strides, 2, 0);
  const auto padding = space(p.convolution.padding, 0, 0),
             stride = space(p.convolution.stride, 0, 1),
             dilation = space(p.convolution.dilation, 0, 1);
  const bool flipped = p.convolution.mode == CUDNN_CONVOLUTION;
  const int channels = p.w.dims[1], per_group = p.w.dims[0] / p.convolution.groups;

  std::ptrdiff_t o[3], f[3], i[3];  // positions in the output, the filter and the input
  for (std::ptrdiff_t n = 0; n < p.x.dims[0]; ++n)
    for (std::ptrdiff_t k = 0; k < p.w.dims[0]; ++k)
      for (std::ptrdiff_t c = 0; c < channels; ++c)
        for (o[0] = 0; o[0] < y[0]; ++o[0])
          for (o[1] = 0; o[1] < y[1]; ++o[1])
            for (o[2] = 0; o[2] < y[2]; ++o[2])
              for (f[0] = 0; f[0] < w[0]; ++f[0])
                for (f[1] = 0; f[1] < w[1]; ++f[1])
                  for (f[2] = 0; f[2] < w[2]; ++f[2]) {
                    std::ptrdiff_t xo =
                        n * p.x.strides[0] + (k / per_group * channels + c) * p.x.strides[1];
                    std::ptrdiff_t wo = k * w_strides[0] + c * w_strides[1];
                    std::ptrdiff_t yo = n * p.y.strides[0] + k * p.y.strides[1];
                    bool inside = true;
                    for (int d = 0; d < 3; ++d) {
                      i[d] = o[d] * stride[d] - padding[d] + f[d] * dilation[d];
                      inside = inside && i[d] >= 0 && i[d] < x[d];
                      xo += i[d] * xs[d];
                      wo += (flipped ? w[d] - 1 - f[d] : f[d]) * ws[d];
                      yo += o[d] * ys[d];
                    }
                    if (inside) visit(xo, wo, yo);
                  }
}

// The offset of every element of a tensor, which may have gaps.
template <class Visit>
void each_element(const std::vector<int>& dims, const std::vector<int>& strides, Visit visit) {
  std::vector<int> at(dims.size(), 0);
  for (;;) {
    std::size_t offset = 0;
    for (std::size_t d = 0; d < dims.size(); ++d)
      offset += static_cast<std::size_t>(at[d]) * static_cast<std::size_t>(strides[d]);
    visit(offset);
    std::size_t d = dims.size();
    while (d > 0 && ++at[d - 1] == dims[d - 1]) at[--d] = 0;
    if (d == 0) return;
  }
}

bool convolve(const Problem& p, double alpha, double beta, const void* x, const void* w,
              const void* y) {
  const int on = p.handle->device;
  FloatArray xa, wa, ya;
  if (!xa.open(on, x, p.x.extent(), p.who + ", x") ||
      !wa.open(on, w, p.w.extent(), p.who + ", w") || !ya.open(on, y, p.y.extent(), p.who + ", y"))
    return false;
  if (p.direction == Direction::forward) {
    std::vector<double> sums(p.y.extent());
    each_product(p, [&](std::size_t xo, std::size_t wo, std::size_t yo) {
      sums[yo] += static_cast<double>(xa.get(xo)) * wa.get(wo);
    });
    each_element(p.y.dims, p.y.strides,
                 [&](std::size_t at) { ya.blend(at, alpha, sums[at], beta); });
  } else if (p.direction == Direction::data) {
    std::vector<double> sums(p.x.extent());
    each_product(p, [&](std::size_t xo, std::size_t wo, std::size_t yo) {
      sums[xo] += static_cast<double>(ya.get(yo)) * wa.get(wo);
    });
    each_element(p.x.dims, p.x.strides,
                 [&](std::size_t at) { xa.blend(at, alpha, sums[at], beta); });
  } else {
    std::vector<double> sums(p.w.extent());
    each_product(p, [&](std::size_t xo, std::size_t wo, std::size_t yo) {
      sums[wo] += static_cast<double>(xa.get(xo)) * ya.get(yo);
    });
    for (std::size_t at = 0; at < sums.size(); ++at) wa.blend(at, alpha, sums[at], beta);
  }
  return true;
}

cudnnStatus_t enqueue_convolution(const Problem& p, int algorithm, const void* alpha,
                                  const void* beta, const void* x, const void* w, const void* y,
                                  void* workspace, std::size_t bytes) {
  if (const auto fault = injected_fault(false)) return fault;
  std::size_t needed = 0;
  if (const auto status = workspace_of(p, algorithm, &needed)) return status;
  if (bytes < needed)
    return cudnn_refuse(CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT, "small-workspace",
                        p.who + ": a workspace of " + std::to_string(bytes) + " bytes, needed " +
                            std::to_string(needed));
  if (!alpha || !beta || !x || !w || !y || (needed && !workspace))
    return cudnn_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "bad-argument",
                        p.who + ": a null pointer");
  if (is_device_address(address_of(alpha)) || is_device_address(address_of(beta)))
    return cudnn_refuse(CUDNN_STATUS_BAD_PARAM, "bad-argument",
                        p.who + ": alpha and beta must be host pointers");
  const double a = *static_cast<const float*>(alpha), b = *static_cast<const float*>(beta);
  ++counters().convolutions;
  enqueue(*p.handle->stream, [=] {
    const int on = p.handle->device;
    if (!scribble(on, workspace, bytes, p.who) || !convolve(p, a, b, x, w, y))
      lose_device(on, cudaErrorIllegalAddress);
  });
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace

extern "C" {

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(
    cudnnHandle_t handle, const cudnnTensorDescriptor_t x, const cudnnFilterDescriptor_t w,
    const cudnnConvolutionDescriptor_t convolution, const cudnnTensorDescriptor_t y,
    const int requested, int* returned, cudnnConvolutionFwdAlgoPerf_t* results) {
  Lock lock(runtime_mutex());
  Problem p;
  const auto status = open("cudnnGetConvolutionForwardAlgorithm_v7", Direction::forward, handle, x,
                           w, convolution, y, &p);
  return status ? status : list_algorithms(p, requested, returned, results);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(
    cudnnHandle_t handle, const cudnnFilterDescriptor_t w, const cudnnTensorDescriptor_t dy,
    const cudnnConvolutionDescriptor_t convolution, const cudnnTensorDescriptor_t dx,
    const int requested, int* returned, cudnnConvolutionBwdDataAlgoPerf_t* results) {
  Lock lock(runtime_mutex());
  Problem p;
  const auto status = open("cudnnGetConvolutionBackwardDataAlgorithm_v7", Direction::data, handle,
                           dx, w, convolution, dy, &p);
  return status ? status : list_algorithms(p, requested, returned, results);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(
    cudnnHandle_t handle, const cudnnTensorDescriptor_t x, const cudnnTensorDescriptor_t dy,
    const cudnnConvolutionDescriptor_t convolution, const cudnnFilterDescriptor_t dw,
    const int requested, int* returned, cudnnConvolutionBwdFilterAlgoPerf_t* results) {
  Lock lock(runtime_mutex());
  Problem p;
  const auto status = open("cudnnGetConvolutionBackwardFilterAlgorithm_v7", Direction::filter,
                           handle, x, dw, convolution, dy, &p);
  return status ? status : list_algorithms(p, requested, returned, results);
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(
    cudnnHandle_t handle, const cudnnTensorDescriptor_t x, const cudnnFilterDescriptor_t w,
    const cudnnConvolutionDescriptor_t convolution, const cudnnTensorDescriptor_t y,
    cudnnConvolutionFwdAlgo_t algorithm, size_t* bytes) {
  Lock lock(runtime_mutex());
  Problem p;
  const auto status = open("cudnnGetConvolutionForwardWorkspaceSize", Direction::forward, handle, x,
                           w, convolution, y, &p);
  return status ? status : workspace_of(p, algorithm, bytes);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(
    cudnnHandle_t handle, const cudnnFilterDescriptor_t w, const cudnnTensorDescriptor_t dy,
    const cudnnConvolutionDescriptor_t convolution, const cudnnTensorDescriptor_t dx,
    cudnnConvolutionBwdDataAlgo_t algorithm, size_t* bytes) {
  Lock lock(runtime_mutex());
  Problem p;
  const auto status = open("cudnnGetConvolutionBackwardDataWorkspaceSize", Direction::data, handle,
                           dx, w, convolution, dy, &p);
  return status ? status : workspace_of(p, algorithm, bytes);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(
    cudnnHandle_t handle, const cudnnTensorDescriptor_t x, const cudnnTensorDescriptor_t dy,
    const cudnnConvolutionDescriptor_t convolution, const cudnnFilterDescriptor_t dw,
    cudnnConvolutionBwdFilterAlgo_t algorithm, size_t* bytes) {
  Lock lock(runtime_mutex());
  Problem p;
  const auto status = open("cudnnGetConvolutionBackwardFilterWorkspaceSize", Direction::filter,
                           handle, x, dw, convolution, dy, &p);
  return status ? status : workspace_of(p, algorithm, bytes);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha,
                                      const cudnnTensorDescriptor_t x_desc, const void* x,
                                      const cudnnFilterDescriptor_t w_desc, const void* w,
                                      const cudnnConvolutionDescriptor_t convolution,
                                      cudnnConvolutionFwdAlgo_t algorithm, void* workspace,
                                      size_t bytes, const void* beta,
                                      const cudnnTensorDescriptor_t y_desc, void* y) {
  Lock lock(runtime_mutex());
  Problem p;
  const auto status = open("cudnnConvolutionForward", Direction::forward, handle, x_desc, w_desc,
                           convolution, y_desc, &p);
  return status ? status
                : enqueue_convolution(p, algorithm, alpha, beta, x, w, y, workspace, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha,
                                           const cudnnFilterDescriptor_t w_desc, const void* w,
                                           const cudnnTensorDescriptor_t dy_desc, const void* dy,
                                           const cudnnConvolutionDescriptor_t convolution,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void* workspace,
                                           size_t bytes, const void* beta,
                                           const cudnnTensorDescriptor_t dx_desc, void* dx) {
  Lock lock(runtime_mutex());
  Problem p;
  const auto status = open("cudnnConvolutionBackwardData", Direction::data, handle, dx_desc, w_desc,
                           convolution, dy_desc, &p);
  return status ? status
                : enqueue_convolution(p, algorithm, alpha, beta, dx, w, dy, workspace, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha,
                                             const cudnnTensorDescriptor_t x_desc, const void* x,
                                             const cudnnTensorDescriptor_t dy_desc, const void* dy,
                                             const cudnnConvolutionDescriptor_t convolution,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm,
                                             void* workspace, size_t bytes, const void* beta,
                                             const cudnnFilterDescriptor_t dw_desc, void* dw) {
  Lock lock(runtime_mutex());
  Problem p;
  const auto status = open("cudnnConvolutionBackwardFilter", Direction::filter, handle, x_desc,
                           dw_desc, convolution, dy_desc, &p);
  return status ? status
                : enqueue_convolution(p, algorithm, alpha, beta, x, dw, dy, workspace, bytes);
}

}  // extern "C"
