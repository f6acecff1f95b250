// Matrix products.
#include "graph/ops/infer.h"

namespace hornet {
namespace {

// The product of matrices `a` and `b`, which are the last two axes.
Specs infer_product(int rank, const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 2);
  const char* sides[] = {"the left matrix", "the right matrix"};
  for (int i = 0; i < 2; ++i) {
    expect_rank(in[i], rank, sides[i]);
    expect_float(in[i], sides[i]);
  }
  const Shape &a = in[0].shape, &b = in[1].shape;
  const bool ta = attrs.flag("transpose_a"), tb = attrs.flag("transpose_b");
  const auto shapes = [&] {
    return " (shapes " + a.to_string() + (ta ? " transposed" : "") + " and " + b.to_string() +
           (tb ? " transposed)" : ")");
  };
  const Dim inner_a = a[ta ? -2 : -1], inner_b = b[tb ? -1 : -2];
  if (inner_a != inner_b)
    throw shape_error("the left matrix has " + std::to_string(inner_a) +
                      " columns, the right matrix has " + std::to_string(inner_b) + " rows" +
                      shapes());
  if (rank == 3 && a[0] != b[0])
    throw shape_error("there must be as many left matrices as right ones" + shapes());
  Shape product = a;
  product[-2] = a[ta ? -1 : -2];
  product[-1] = b[tb ? -2 : -1];
  return {{DType::f32, product}};
}

template <Value (Builder::*multiply)(Value, Value, bool, bool)>
Grads product_grad(Builder& b, int y, const std::vector<Value>& dys) {
  const Attrs attrs = b.graph().node(y).attrs;
  const bool ta = attrs.flag("transpose_a"), tb = attrs.flag("transpose_b");
  const Value left = input_of(b, y, 0), right = input_of(b, y, 1), dy = dys[0];
  return {ta ? (b.*multiply)(right, dy, tb, true) : (b.*multiply)(dy, right, false, !tb),
          tb ? (b.*multiply)(dy, left, true, ta) : (b.*multiply)(left, dy, !ta, false)};
}

Specs infer_matmul(const Specs& in, const Attrs& attrs) { return infer_product(2, in, attrs); }
Specs infer_batch_matmul(const Specs& in, const Attrs& attrs) {
  return infer_product(3, in, attrs);
}

}  // namespace

void add_matmul_ops(OpRows& rows) {
  rows.push_back({"matmul", infer_matmul, product_grad<&Builder::matmul>, OpFlag::none});
  rows.push_back(
      {"batch_matmul", infer_batch_matmul, product_grad<&Builder::batch_matmul>, OpFlag::none});
}

}  // namespace hornet
