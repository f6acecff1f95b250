// Convolutions by cuDNN. What it does not know, or does not want after all, is declined: there is
// another way.
#include "backend/cuda/convolution.h"

#include <string>
#include <vector>

#include "backend/cuda/check.h"
#include "backend/cuda/cudnn_shapes.h"
#include "base/error.h"

namespace hornet::cuda {

void check(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw Error(std::string("cuDNN failed while ") + what + ": " + cudnnGetErrorString(status),
              "device");
}

namespace {

constexpr std::size_t kMostWorkspace = std::size_t{256} << 20;

// The fastest of what cuDNN proposes, its results being in that order. Whoever gives the same sums
// twice goes first.
template <class Algorithm>
struct Choice {
  bool found = false;
  Algorithm algorithm{};
  std::size_t bytes = 0;

  // propose(how many it may be, how many there are, where they go)
  template <class Proposal, class Propose>
  void make(int most, Propose propose) {
    std::vector<Proposal> proposals(most);
    int count = 0;
    if (propose(most, &count, proposals.data()) != CUDNN_STATUS_SUCCESS) return;
    proposals.resize(count);
    for (bool repeats : {true, false}) {
      for (const Proposal& proposal : proposals) {
        if (proposal.status != CUDNN_STATUS_SUCCESS || proposal.memory > kMostWorkspace) continue;
        if (repeats && proposal.determinism != CUDNN_DETERMINISTIC) continue;
        found = true;
        algorithm = proposal.algo;
        bytes = proposal.memory;
        return;
      }
    }
  }
};

// Our weights (height, width, in, out) are a matrix whose transpose is cuDNN's filter. The
// workspace starts with the filter, or with its gradient.
class CudnnConvolution final : public Convolution {
 public:
  CudnnConvolution(cudnnHandle_t handle, Stream stream, Pass pass, const Window& g)
      : handle_(handle),
        stream_(stream),
        pass_(pass),
        inputs_of_filter_(g.rows * g.columns * g.channels),
        filters_(g.out_channels) {}

  // False: cuDNN declines.
  bool prepare(const Window& g, cudnnMathType_t math) {
    if (!shapes_.describe(g, math)) return false;
    switch (pass_) {
      case Pass::forward:
        forward_.make<cudnnConvolutionFwdAlgoPerf_t>(
            CUDNN_CONVOLUTION_FWD_ALGO_COUNT, [&](int most, int* count, auto* proposals) {
              return cudnnGetConvolutionForwardAlgorithm_v7(handle_, shapes_.x, shapes_.w,
                                                            shapes_.convolution, shapes_.y, most,
                                                            count, proposals);
            });
        bytes_ = forward_.bytes;
        return forward_.found;
      case Pass::backward_data:
        backward_data_.make<cudnnConvolutionBwdDataAlgoPerf_t>(
            CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT, [&](int most, int* count, auto* proposals) {
              return cudnnGetConvolutionBackwardDataAlgorithm_v7(handle_, shapes_.w, shapes_.y,
                                                                 shapes_.convolution, shapes_.x,
                                                                 most, count, proposals);
            });
        bytes_ = backward_data_.bytes;
        return backward_data_.found;
      case Pass::backward_weights:
        backward_weights_.make<cudnnConvolutionBwdFilterAlgoPerf_t>(
            CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT, [&](int most, int* count, auto* proposals) {
              return cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle_, shapes_.x, shapes_.y,
                                                                   shapes_.convolution, shapes_.w,
                                                                   most, count, proposals);
            });
        bytes_ = backward_weights_.bytes;
        return backward_weights_.found;
    }
    return false;
  }

  std::size_t workspace_bytes() const override { return filter_bytes() + bytes_; }

  // Where it is the device that has failed, our own way will say so.
  bool run(const float* first, const float* second, float* result, void* workspace) override {
    const float one = 1, zero = 0;
    float* const filter = static_cast<float*>(workspace);
    void* const rest = static_cast<char*>(workspace) + filter_bytes();
    cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
    switch (pass_) {
      case Pass::forward:
        transpose(stream_, second, filter, inputs_of_filter_, filters_);
        status = cudnnConvolutionForward(handle_, &one, shapes_.x, first, shapes_.w, filter,
                                         shapes_.convolution, forward_.algorithm, rest, bytes_,
                                         &zero, shapes_.y, result);
        break;
      case Pass::backward_data:
        transpose(stream_, second, filter, inputs_of_filter_, filters_);
        status = cudnnConvolutionBackwardData(handle_, &one, shapes_.w, filter, shapes_.y, first,
                                              shapes_.convolution, backward_data_.algorithm, rest,
                                              bytes_, &zero, shapes_.x, result);
        break;
      case Pass::backward_weights:
        status = cudnnConvolutionBackwardFilter(handle_, &one, shapes_.x, first, shapes_.y, second,
                                                shapes_.convolution, backward_weights_.algorithm,
                                                rest, bytes_, &zero, shapes_.w, filter);
        if (status == CUDNN_STATUS_SUCCESS)
          transpose(stream_, filter, result, filters_, inputs_of_filter_);
        break;
    }
    return status == CUDNN_STATUS_SUCCESS;
  }

 private:
  std::size_t filter_bytes() const {
    const std::size_t bytes =
        static_cast<std::size_t>(inputs_of_filter_ * filters_) * sizeof(float);
    return (bytes + 255) / 256 * 256;  // what follows is aligned like an allocation
  }

  cudnnHandle_t handle_;
  Stream stream_;
  Pass pass_;
  Dim inputs_of_filter_, filters_;
  CudnnShapes shapes_;
  Choice<cudnnConvolutionFwdAlgo_t> forward_;
  Choice<cudnnConvolutionBwdDataAlgo_t> backward_data_;
  Choice<cudnnConvolutionBwdFilterAlgo_t> backward_weights_;
  std::size_t bytes_ = 0;
};

class Cudnn final : public ConvolutionLibrary {
 public:
  // Takes the handle.
  Cudnn(cudnnHandle_t handle, Stream stream, bool tf32)
      : handle_(handle), stream_(stream), math_(tf32 ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH) {}
  ~Cudnn() override { cudnnDestroy(handle_); }

  std::unique_ptr<Convolution> prepare(Pass pass, const Window& window) override {
    auto convolution = std::make_unique<CudnnConvolution>(handle_, stream_, pass, window);
    if (!convolution->prepare(window, math_)) return nullptr;
    return convolution;
  }

 private:
  cudnnHandle_t handle_;
  Stream stream_;
  cudnnMathType_t math_;  // the default would let inputs be rounded to 10 bits
};

}  // namespace

std::unique_ptr<ConvolutionLibrary> make_convolution_library(Stream stream, bool tf32) {
  cudnnHandle_t handle = nullptr;
  if (cudnnCreate(&handle) != CUDNN_STATUS_SUCCESS) return nullptr;
  auto library = std::make_unique<Cudnn>(handle, stream, tf32);
  check(cudnnSetStream(handle, stream), "starting");
  return library;
}

}  // namespace hornet::cuda
