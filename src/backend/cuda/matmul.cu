// Matrix products, by cuBLAS.
#include "backend/cuda/matmul.h"

#include "backend/cuda/cuda_kernels.h"

namespace hornet::cuda {

// Of matrices or, with three axes, of as many pairs of them as the first axis is long.
Multiplication::Multiplication(const BoundNode& node) {
  const Shape& c = node.outputs[0].shape;
  product_.transpose_a = node.node->attrs.flag("transpose_a");
  product_.transpose_b = node.node->attrs.flag("transpose_b");
  product_.m = c[-2];
  product_.n = c[-1];
  product_.k = node.inputs[0].shape[product_.transpose_a ? -2 : -1];
  if (c.rank() < 3) return;
  product_.count = c[0];
  product_.a_step = product_.m * product_.k;
  product_.b_step = product_.k * product_.n;
  product_.c_step = product_.m * product_.n;
}

void Multiplication::run(const Queue& queue, const float* a, const float* b, float* c) const {
  const Dim elements = product_.count * product_.m * product_.n;
  if (product_.k == 0)
    fill_with_zeros(c, static_cast<std::size_t>(elements) * sizeof(float), queue.stream);
  else if (elements > 0) queue.blas->multiply(product_, a, b, c);
}

namespace {

std::unique_ptr<Kernel> compile_matmul(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  const Multiplication multiplication(node);
  return kernel([&queue, multiplication](const Tensor* in, const Tensor* out, void*) {
    multiplication.run(queue, in[0].as<float>(), in[1].as<float>(), out[0].as<float>());
  });
}

}  // namespace

void add_matmul_kernels(KernelRows& rows) {
  rows.push_back({"matmul", compile_matmul});
  rows.push_back({"batch_matmul", compile_matmul});
}

}  // namespace hornet::cuda
