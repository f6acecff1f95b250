// The libraries of the device that is the host: products by their definition, no convolutions.
#include "backend/cuda/blas.h"
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

}  // namespace

std::unique_ptr<Blas> make_blas(Stream, bool) { return std::make_unique<PlainBlas>(); }
int blas_version() { return 0; }
std::unique_ptr<ConvolutionLibrary> make_convolution_library(Stream, bool) { return nullptr; }

}  // namespace hornet::cuda
