// R arrays <-> row-major tensors, element types as asked. For small things: variables, k_eval().
// Batches go through data/.
#pragma once
#include <string>
#include <vector>

#include "base/tensor.h"
#include "r_serve.h"

namespace hornet {

// An R array as native code sees it: valid while R keeps the object. Made on R's thread.
struct RArray {
  const double* reals = nullptr;  // one of these
  const int* integers = nullptr;
  std::vector<Dim> dims;  // its dim attribute, or its length
  bool has_dims = false;
  Dim size = 0;

  // `what` names it in errors: "kernel", "input 1".
  RArray(SEXP array, const std::string& what);
  // A single number without dimensions.
  bool is_number() const { return size == 1 && !has_dims; }
  double operator[](Dim i) const { return reals ? reals[i] : as_double(integers[i]); }

 private:
  static double as_double(int x);
};

// Writes the array into `to`, whose shape it has. A number fills it. Any thread.
void to_tensor(const RArray& from, const Tensor& to);

// A double array (integers for i32) with a dim attribute; a plain number for rank 0. R's thread.
SEXP to_r(const Tensor& from);

}  // namespace hornet
