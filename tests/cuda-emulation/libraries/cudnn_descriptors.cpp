// cuDNN: handles, and descriptors of tensors, filters and convolutions.
#include <cstdio>
#include <functional>
#include <numeric>

#include "libraries/cudnn_objects.h"
#include "runtime/device.h"

using namespace cuda_emulation;

std::size_t cudnnTensorStruct::extent() const {
  std::size_t last = 0;
  for (std::size_t i = 0; i < dims.size(); ++i)
    last += static_cast<std::size_t>(dims[i] - 1) * static_cast<std::size_t>(strides[i]);
  return last + 1;
}

namespace {

// Packed; channels come last in NHWC, whatever the number of dimensions.
std::vector<int> packed_strides(cudnnTensorFormat_t format, const std::vector<int>& dims) {
  std::vector<std::size_t> order(dims.size());  // from the slowest to the fastest
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (format == CUDNN_TENSOR_NHWC && order.size() > 2) {
    order.erase(order.begin() + 1);
    order.push_back(1);
  }
  std::vector<int> strides(dims.size());
  int stride = 1;
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    strides[*at] = stride;
    stride *= dims[*at];
  }
  return strides;
}

thread_local std::string last_message;

cudnnStatus_t bad_param(const std::string& what) {
  return cudnn_refuse(CUDNN_STATUS_BAD_PARAM, "bad-argument", what);
}

bool all_positive(const std::vector<int>& values) {
  for (const int v : values)
    if (v < 1) return false;
  return true;
}

cudnnStatus_t set_tensor(const char* who, cudnnTensorDescriptor_t handle, cudnnDataType_t type,
                         std::vector<int> dims, std::vector<int> strides) {
  Lock lock(runtime_mutex());
  const auto t = cudnn_tensors().find(handle, who);
  if (!t) return CUDNN_STATUS_BAD_PARAM;
  if (dims.size() < 3 || dims.size() > CUDNN_DIM_MAX)
    return cudnn_refuse(
        CUDNN_STATUS_NOT_SUPPORTED, "bad-argument",
        std::string(who) + ": a tensor of " + std::to_string(dims.size()) + " dimensions");
  if (!all_positive(dims) || !all_positive(strides))
    return bad_param(std::string(who) + ": dimensions and strides must be positive");
  t->type = type;
  t->dims = std::move(dims);
  t->strides = std::move(strides);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set_filter(const char* who, cudnnFilterDescriptor_t handle, cudnnDataType_t type,
                         cudnnTensorFormat_t format, std::vector<int> dims) {
  Lock lock(runtime_mutex());
  const auto f = cudnn_filters().find(handle, who);
  if (!f) return CUDNN_STATUS_BAD_PARAM;
  if (format != CUDNN_TENSOR_NCHW && format != CUDNN_TENSOR_NHWC)
    return cudnn_refuse(CUDNN_STATUS_NOT_SUPPORTED, "bad-argument",
                        std::string(who) + ": only NCHW and NHWC");
  if (dims.size() < 3 || dims.size() > CUDNN_DIM_MAX || !all_positive(dims))
    return bad_param(std::string(who) + ": dimensions must be positive, and three or more");
  f->type = type;
  f->format = format;
  f->dims = std::move(dims);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set_convolution(const char* who, cudnnConvolutionDescriptor_t handle,
                              std::vector<int> padding, std::vector<int> stride,
                              std::vector<int> dilation, cudnnConvolutionMode_t mode,
                              cudnnDataType_t type) {
  Lock lock(runtime_mutex());
  const auto c = cudnn_convolutions().find(handle, who);
  if (!c) return CUDNN_STATUS_BAD_PARAM;
  for (const int p : padding)
    if (p < 0) return bad_param(std::string(who) + ": padding is negative");
  if (!all_positive(stride) || !all_positive(dilation))
    return bad_param(std::string(who) + ": strides and dilations must be positive");
  c->padding = std::move(padding);
  c->stride = std::move(stride);
  c->dilation = std::move(dilation);
  c->mode = mode;
  c->type = type;
  return CUDNN_STATUS_SUCCESS;
}

template <class Objects, class Handle>
cudnnStatus_t create(Objects& objects, Handle* handle,
                     std::shared_ptr<std::remove_pointer_t<Handle>> made) {
  Lock lock(runtime_mutex());
  *handle = objects.add(std::move(made));
  return CUDNN_STATUS_SUCCESS;
}

template <class Objects, class Handle>
cudnnStatus_t destroy(Objects& objects, Handle handle, const char* who) {
  Lock lock(runtime_mutex());
  if (!handle) return CUDNN_STATUS_SUCCESS;
  return objects.remove(handle, who) ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

}  // namespace

std::vector<int> cudnnFilterStruct::strides() const { return packed_strides(format, dims); }
std::size_t cudnnFilterStruct::extent() const {
  return std::accumulate(dims.begin(), dims.end(), std::size_t{1}, std::multiplies<>());
}

namespace cuda_emulation {

Handles<cudnnContext, cudnnHandle_t>& cudnn_handles() {
  static auto& all = *new Handles<cudnnContext, cudnnHandle_t>("cuDNN handles");
  return all;
}
Handles<cudnnTensorStruct, cudnnTensorDescriptor_t>& cudnn_tensors() {
  static auto& all =
      *new Handles<cudnnTensorStruct, cudnnTensorDescriptor_t>("cuDNN tensor descriptors");
  return all;
}
Handles<cudnnFilterStruct, cudnnFilterDescriptor_t>& cudnn_filters() {
  static auto& all =
      *new Handles<cudnnFilterStruct, cudnnFilterDescriptor_t>("cuDNN filter descriptors");
  return all;
}
Handles<cudnnConvolutionStruct, cudnnConvolutionDescriptor_t>& cudnn_convolutions() {
  static auto& all = *new Handles<cudnnConvolutionStruct, cudnnConvolutionDescriptor_t>(
      "cuDNN convolution descriptors");
  return all;
}

cudnnStatus_t cudnn_refuse(cudnnStatus_t status, const char* kind, const std::string& what) {
  last_message = what;
  if (status < CUDNN_STATUS_NOT_SUPPORTED) report(kind, what);
  return status;
}

cudnnStatus_t cudnn_output_dims(const char* who, const cudnnConvolutionStruct& c,
                                const cudnnTensorStruct& x, const cudnnFilterStruct& w,
                                std::vector<int>* dims) {
  const std::size_t rank = c.stride.size();
  if (rank == 0 || x.dims.size() != rank + 2 || w.dims.size() != rank + 2)
    return bad_param(std::string(who) + ": the descriptors are not set, or differ in dimensions");
  if (x.dims[1] != w.dims[1] * c.groups || w.dims[0] % c.groups != 0)
    return bad_param(std::string(who) + ": " + std::to_string(x.dims[1]) +
                     " input channels, filters of " + std::to_string(w.dims[1]) + " in " +
                     std::to_string(c.groups) + " groups, " + std::to_string(w.dims[0]) +
                     " output channels");
  *dims = {x.dims[0], w.dims[0]};
  for (std::size_t i = 0; i < rank; ++i) {
    const int room = x.dims[2 + i] + 2 * c.padding[i] - ((w.dims[2 + i] - 1) * c.dilation[i] + 1);
    if (room < 0) return bad_param(std::string(who) + ": the filter is larger than its input");
    dims->push_back(room / c.stride[i] + 1);
  }
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace cuda_emulation

extern "C" {

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  Lock lock(runtime_mutex());
  if (entry_error()) return CUDNN_STATUS_NOT_INITIALIZED;
  auto made = std::make_shared<cudnnContext>();
  made->device = current_device_index();
  made->stream = current_device().null_stream;
  *handle = cudnn_handles().add(std::move(made));
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  return destroy(cudnn_handles(), handle, "cudnnDestroy");
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  Lock lock(runtime_mutex());
  const auto h = cudnn_handles().find(handle, "cudnnSetStream");
  const auto s = find_stream(stream, "cudnnSetStream");
  if (!h || !s) return CUDNN_STATUS_BAD_PARAM;
  if (s->device() != h->device)
    return cudnn_refuse(CUDNN_STATUS_BAD_PARAM_STREAM_MISMATCH, "wrong-device",
                        "cudnnSetStream: the stream belongs to device " +
                            std::to_string(s->device()) + ", the handle to device " +
                            std::to_string(h->device));
  h->stream = s;
  return CUDNN_STATUS_SUCCESS;
}

size_t cudnnGetVersion() { return CUDNN_VERSION; }
size_t cudnnGetCudartVersion() { return 13000; }

const char* cudnnGetErrorString(cudnnStatus_t status) {
  switch (status) {
    case CUDNN_STATUS_SUCCESS:
      return "CUDNN_STATUS_SUCCESS";
    case CUDNN_STATUS_NOT_INITIALIZED:
      return "CUDNN_STATUS_NOT_INITIALIZED";
    case CUDNN_STATUS_BAD_PARAM:
      return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_BAD_PARAM_NULL_POINTER:
      return "CUDNN_STATUS_BAD_PARAM_NULL_POINTER";
    case CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT:
      return "CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT";
    case CUDNN_STATUS_BAD_PARAM_STREAM_MISMATCH:
      return "CUDNN_STATUS_BAD_PARAM_STREAM_MISMATCH";
    case CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH:
      return "CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH";
    case CUDNN_STATUS_NOT_SUPPORTED:
      return "CUDNN_STATUS_NOT_SUPPORTED";
    case CUDNN_STATUS_ALLOC_FAILED:
      return "CUDNN_STATUS_ALLOC_FAILED";
    case CUDNN_STATUS_EXECUTION_FAILED:
      return "CUDNN_STATUS_EXECUTION_FAILED";
    default:
      return "CUDNN_STATUS_INTERNAL_ERROR";
  }
}

void cudnnGetLastErrorString(char* message, size_t max_size) {
  if (max_size) std::snprintf(message, max_size, "%s", last_message.c_str());
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* t) {
  return create(cudnn_tensors(), t, std::make_shared<cudnnTensorStruct>());
}
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t t) {
  return destroy(cudnn_tensors(), t, "cudnnDestroyTensorDescriptor");
}
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t t, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
  return set_tensor("cudnnSetTensor4dDescriptor", t, type, {n, c, h, w},
                    packed_strides(format, {n, c, h, w}));
}
cudnnStatus_t cudnnSetTensor4dDescriptorEx(cudnnTensorDescriptor_t t, cudnnDataType_t type, int n,
                                           int c, int h, int w, int sn, int sc, int sh, int sw) {
  return set_tensor("cudnnSetTensor4dDescriptorEx", t, type, {n, c, h, w}, {sn, sc, sh, sw});
}
cudnnStatus_t cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t t, cudnnDataType_t type, int n,
                                         const int dims[], const int strides[]) {
  return set_tensor("cudnnSetTensorNdDescriptor", t, type, {dims, dims + n},
                    {strides, strides + n});
}
cudnnStatus_t cudnnSetTensorNdDescriptorEx(cudnnTensorDescriptor_t t, cudnnTensorFormat_t format,
                                           cudnnDataType_t type, int n, const int dims[]) {
  return set_tensor("cudnnSetTensorNdDescriptorEx", t, type, {dims, dims + n},
                    packed_strides(format, {dims, dims + n}));
}
cudnnStatus_t cudnnGetTensorSizeInBytes(const cudnnTensorDescriptor_t t, size_t* bytes) {
  Lock lock(runtime_mutex());
  const auto found = cudnn_tensors().find(t, "cudnnGetTensorSizeInBytes");
  if (!found) return CUDNN_STATUS_BAD_PARAM;
  *bytes = found->dims.empty() ? 0 : found->extent() * sizeof(float);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* f) {
  return create(cudnn_filters(), f, std::make_shared<cudnnFilterStruct>());
}
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t f) {
  return destroy(cudnn_filters(), f, "cudnnDestroyFilterDescriptor");
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t f, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
  return set_filter("cudnnSetFilter4dDescriptor", f, type, format, {k, c, h, w});
}
cudnnStatus_t cudnnSetFilterNdDescriptor(cudnnFilterDescriptor_t f, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int n, const int dims[]) {
  return set_filter("cudnnSetFilterNdDescriptor", f, type, format, {dims, dims + n});
}

cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* c) {
  return create(cudnn_convolutions(), c, std::make_shared<cudnnConvolutionStruct>());
}
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t c) {
  return destroy(cudnn_convolutions(), c, "cudnnDestroyConvolutionDescriptor");
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t c, int pad_h, int pad_w,
                                              int u, int v, int dilation_h, int dilation_w,
                                              cudnnConvolutionMode_t mode, cudnnDataType_t type) {
  return set_convolution("cudnnSetConvolution2dDescriptor", c, {pad_h, pad_w}, {u, v},
                         {dilation_h, dilation_w}, mode, type);
}
cudnnStatus_t cudnnSetConvolutionNdDescriptor(cudnnConvolutionDescriptor_t c, int n,
                                              const int padding[], const int stride[],
                                              const int dilation[], cudnnConvolutionMode_t mode,
                                              cudnnDataType_t type) {
  return set_convolution("cudnnSetConvolutionNdDescriptor", c, {padding, padding + n},
                         {stride, stride + n}, {dilation, dilation + n}, mode, type);
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t c, cudnnMathType_t math) {
  Lock lock(runtime_mutex());
  const auto found = cudnn_convolutions().find(c, "cudnnSetConvolutionMathType");
  if (!found) return CUDNN_STATUS_BAD_PARAM;
  found->math = math;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t c, int groups) {
  Lock lock(runtime_mutex());
  const auto found = cudnn_convolutions().find(c, "cudnnSetConvolutionGroupCount");
  if (!found) return CUDNN_STATUS_BAD_PARAM;
  if (groups < 1) return bad_param("cudnnSetConvolutionGroupCount: " + std::to_string(groups));
  found->groups = groups;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolution2dForwardOutputDim(const cudnnConvolutionDescriptor_t c,
                                                    const cudnnTensorDescriptor_t x,
                                                    const cudnnFilterDescriptor_t w, int* n,
                                                    int* channels, int* height, int* width) {
  int dims[4] = {};
  const cudnnStatus_t status = cudnnGetConvolutionNdForwardOutputDim(c, x, w, 4, dims);
  if (status) return status;
  *n = dims[0];
  *channels = dims[1];
  *height = dims[2];
  *width = dims[3];
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionNdForwardOutputDim(const cudnnConvolutionDescriptor_t c,
                                                    const cudnnTensorDescriptor_t x,
                                                    const cudnnFilterDescriptor_t w, int n,
                                                    int dims[]) {
  Lock lock(runtime_mutex());
  const char* who = "cudnnGetConvolutionForwardOutputDim";
  const auto convolution = cudnn_convolutions().find(c, who);
  const auto input = cudnn_tensors().find(x, who);
  const auto filter = cudnn_filters().find(w, who);
  if (!convolution || !input || !filter) return CUDNN_STATUS_BAD_PARAM;
  std::vector<int> found;
  if (const auto status = cudnn_output_dims(who, *convolution, *input, *filter, &found))
    return status;
  if (static_cast<int>(found.size()) != n)
    return bad_param(std::string(who) + ": asked for " + std::to_string(n) + " dimensions");
  std::copy(found.begin(), found.end(), dims);
  return CUDNN_STATUS_SUCCESS;
}

}  // extern "C"
