// Single-precision matrix product with a fused epilogue. Results do not depend on threads: every
// element of C is one chain of multiply-adds in the order of k.
#pragma once
#include <cstddef>

#include "base/shape.h"

namespace hornet::simd {

// What is applied to a finished sum.
enum class Activation { linear, relu, sigmoid, tanh, softplus };
// False if `name` is none of them.
bool activation_of(const std::string& name, Activation* activation);

// The operands as a thread's loop sees them: element (i, k) of A at a[i * a_row + k * a_col].
struct GemmCall {
  Dim m, n, k;
  const float* a;
  Dim a_row, a_col;
  const float* b;
  Dim b_row, b_col;
  float* c;
  Dim c_row;
  const float* bias = nullptr;  // n numbers or null
  Activation activation = Activation::linear;
};

// One instruction set's code. `scratch` is 64-byte aligned and scratch_floats(call) long.
struct SgemmTable {
  int tile_rows, tile_columns;
  Dim (*scratch_floats)(Dim m, Dim n, Dim k);
  // C's rows [m0, m1) and columns [n0, n1).
  void (*range)(const GemmCall& call, Dim m0, Dim m1, Dim n0, Dim n1, float* scratch);
};

// A product of fixed sizes: C (m, n) = op(A) op(B) row-major, where A is stored (k, m) if
// transpose_a and B (n, k) if transpose_b.
class Sgemm {
 public:
  Sgemm(Dim m, Dim n, Dim k, bool transpose_a, bool transpose_b,
        Activation activation = Activation::linear);
  std::size_t workspace_bytes() const;
  int max_tasks() const { return max_tasks_; }  // threads that run() asks for at most
  void run(const float* a, const float* b, const float* bias, float* c, void* workspace) const;

 private:
  const SgemmTable* table_;
  GemmCall call_;
  Dim scratch_ = 0;  // floats a thread
  int max_tasks_ = 1;
};

}  // namespace hornet::simd
