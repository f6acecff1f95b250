// Row-major products by cuBLAS, which thinks in columns: a row-major matrix is its transpose
// there, so c = a b is asked for as c' = b' a'. Nowhere else are operands swapped.
#include "backend/cuda/blas.h"

#include <algorithm>
#include <climits>
#include <string>

#include "backend/cuda/check.h"
#include "base/error.h"

namespace hornet::cuda {

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(std::string("cuBLAS failed while ") + what + ": " + cublasGetStatusString(status),
              status == CUBLAS_STATUS_ALLOC_FAILED ? "out_of_memory" : "device");
}

namespace {

int whole(Dim size) {
  if (size > INT_MAX)
    throw Error("a matrix with " + std::to_string(size) + " rows is too large for cuBLAS");
  return static_cast<int>(size);
}

class CublasBlas final : public Blas {
 public:
  CublasBlas(Stream stream, bool tf32) {
    check(cublasCreate(&handle_), "starting");
    check(cublasSetStream(handle_, stream), "starting");
    check(cublasSetMathMode(handle_, tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH),
          "starting");
  }
  ~CublasBlas() override { cublasDestroy(handle_); }

  void multiply(const Product& p, const float* a, const float* b, float* c) override {
    if (p.m == 0 || p.n == 0 || p.count == 0) return;
    const Dim c_stride = p.c_stride ? p.c_stride : p.n;
    if (p.k == 0 && p.beta == 1) return;
    const Dim a_stride = p.a_stride ? p.a_stride : p.transpose_a ? p.m : p.k;
    const Dim b_stride = p.b_stride ? p.b_stride : p.transpose_b ? p.k : p.n;
    const auto transposed = [](bool yes) { return yes ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const float one = 1;
    const int m = whole(p.m), n = whole(p.n), k = whole(p.k);
    // With k = 0 the operands are empty, but leading dimensions must be positive all the same.
    const int lda = whole(std::max<Dim>(1, a_stride)), ldb = whole(std::max<Dim>(1, b_stride));
    if (p.count == 1) {
      check(cublasSgemm(handle_, transposed(p.transpose_b), transposed(p.transpose_a), n, m, k,
                        &one, b, ldb, a, lda, &p.beta, c, whole(c_stride)),
            "multiplying matrices");
    } else {
      check(cublasSgemmStridedBatched(handle_, transposed(p.transpose_b), transposed(p.transpose_a),
                                      n, m, k, &one, b, ldb, p.b_step, a, lda, p.a_step, &p.beta, c,
                                      whole(c_stride), p.c_step, whole(p.count)),
            "multiplying matrices");
    }
  }

 private:
  cublasHandle_t handle_ = nullptr;
};

}  // namespace

std::unique_ptr<Blas> make_blas(Stream stream, bool tf32) {
  return std::make_unique<CublasBlas>(stream, tf32);
}

int blas_version() { return CUBLAS_VERSION; }

}  // namespace hornet::cuda
