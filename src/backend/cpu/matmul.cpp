// Matrix products, by Eigen.
#include <Eigen/Core>

#include "backend/cpu/cpu_kernels.h"

namespace hornet::cpu {

template <class T>
void matmul(const T* a, const T* b, T* c, Dim m, Dim n, Dim k, bool transpose_a, bool transpose_b) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using View = Eigen::Map<const Matrix>;
  const View left(a, transpose_a ? k : m, transpose_a ? m : k);
  const View right(b, transpose_b ? n : k, transpose_b ? k : n);
  Eigen::Map<Matrix> product(c, m, n);
  if (transpose_a && transpose_b) product.noalias() = left.transpose() * right.transpose();
  else if (transpose_a) product.noalias() = left.transpose() * right;
  else if (transpose_b) product.noalias() = left * right.transpose();
  else product.noalias() = left * right;
}

template void matmul(const float*, const float*, float*, Dim, Dim, Dim, bool, bool);
template void matmul(const double*, const double*, double*, Dim, Dim, Dim, bool, bool);

namespace {

// Of matrices or, with three axes, of as many pairs of them as the first axis is long.
std::unique_ptr<Kernel> compile_matmul(const BoundNode& node) {
  const bool transpose_a = node.node->attrs.flag("transpose_a");
  const bool transpose_b = node.node->attrs.flag("transpose_b");
  const Shape& c = node.outputs[0].shape;
  const Dim count = c.rank() == 3 ? c[0] : 1, m = c[-2], n = c[-1];
  const Dim k = node.inputs[0].shape[transpose_a ? -2 : -1];
  return for_floats(node.outputs[0].dtype, [=](auto zero) {
    using T = decltype(zero);
    return kernel([=](const Tensor* in, const Tensor* out, void*) {
      for (Dim i = 0; i < count; ++i)
        matmul<T>(in[0].as<T>() + i * m * k, in[1].as<T>() + i * k * n, out[0].as<T>() + i * m * n,
                  m, n, k, transpose_a, transpose_b);
    });
  });
}

}  // namespace

void add_matmul_kernels(KernelRows& rows) {
  rows.push_back({"matmul", compile_matmul});
  rows.push_back({"batch_matmul", compile_matmul});
}

}  // namespace hornet::cpu
