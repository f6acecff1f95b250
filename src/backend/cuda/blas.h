// Products of matrices, row-major.
#pragma once
#include <memory>

#include "backend/cuda/runtime.h"
#include "base/shape.h"

namespace hornet::cuda {

// c (m, n) = a b + beta c. `a` is stored (k, m) if transpose_a, `b` (n, k) if transpose_b; the row
// strides are those of what is stored. `count` products, whose matrices lie `step` elements apart.
struct Product {
  Dim m, n, k;
  bool transpose_a = false, transpose_b = false;
  Dim a_stride = 0, b_stride = 0, c_stride = 0;  // of rows; 0: dense
  float beta = 0;
  Dim count = 1, a_step = 0, b_step = 0, c_step = 0;
};

class Blas {
 public:
  virtual ~Blas() = default;
  virtual void multiply(const Product& product, const float* a, const float* b, float* c) = 0;
};

// For one stream. `tf32`: inputs may be rounded to 10 bits.
std::unique_ptr<Blas> make_blas(Stream stream, bool tf32);
int blas_version();

}  // namespace hornet::cuda
