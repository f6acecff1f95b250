// The libraries of the device that is the host: products by their definition, and convolutions that
// are promised, begun and then declined.
#include <algorithm>
#include <cmath>

#include "backend/cuda/blas.h"
#include "backend/cuda/collective.h"
#include "backend/cuda/convolution.h"

namespace hornet::cuda {
namespace {

class PlainBlas final : public Blas {
 public:
  void multiply(const Product& p, const float* a, const float* b, float* c) override {
    const Dim a_stride = p.a_stride ? p.a_stride : p.transpose_a ? p.m : p.k;
    const Dim b_stride = p.b_stride ? p.b_stride : p.transpose_b ? p.k : p.n;
    const Dim c_stride = p.c_stride ? p.c_stride : p.n;
    for (Dim i = 0; i < p.count; ++i, a += p.a_step, b += p.b_step, c += p.c_step) {
      for (Dim row = 0; row < p.m; ++row) {
        for (Dim column = 0; column < p.n; ++column) {
          double sum = 0;
          for (Dim k = 0; k < p.k; ++k) {
            sum += double{p.transpose_a ? a[k * a_stride + row] : a[row * a_stride + k]} *
                   (p.transpose_b ? b[column * b_stride + k] : b[k * b_stride + column]);
          }
          float& to = c[row * c_stride + column];
          to = static_cast<float>(sum + (p.beta == 0 ? 0.0 : double{p.beta} * to));
        }
      }
    }
  }
};

class FickleConvolution final : public Convolution {
 public:
  FickleConvolution(Pass pass, const Window& g)
      : result_(pass == Pass::forward         ? g.batch * g.out_volume()
                : pass == Pass::backward_data ? g.batch * g.volume()
                                              : g.rows * g.columns * g.channels * g.out_channels) {}
  std::size_t workspace_bytes() const override { return kWorkspace * sizeof(float); }
  bool run(const float*, const float*, float* result, void* workspace) override {
    std::fill_n(static_cast<float*>(workspace), kWorkspace, NAN);
    std::fill_n(result, result_, NAN);
    return false;
  }

 private:
  static constexpr std::size_t kWorkspace = 99;
  Dim result_;
};

class FickleLibrary final : public ConvolutionLibrary {
 public:
  std::unique_ptr<Convolution> prepare(Pass pass, const Window& g) override {
    if (g.stride_x > 1) return nullptr;
    return std::make_unique<FickleConvolution>(pass, g);
  }
};

class PlainCollective final : public Collective {
 public:
  void sum(std::size_t count, const std::vector<float*>& values) override {
    for (std::size_t i = 0; i < count; ++i) {
      float total = 0;
      for (const float* v : values) total += v[i];
      for (float* v : values) v[i] = total;
    }
  }
};

}  // namespace

std::unique_ptr<Collective> make_collective(const std::vector<int>&,
                                            const std::vector<const Queue*>&) {
  return std::make_unique<PlainCollective>();
}
std::unique_ptr<Blas> make_blas(Stream, bool) { return std::make_unique<PlainBlas>(); }
int blas_version() { return 0; }
std::unique_ptr<ConvolutionLibrary> make_convolution_library(Stream, bool) {
  return std::make_unique<FickleLibrary>();
}
int convolution_version() { return 0; }

}  // namespace hornet::cuda
