// Matrix products.
#include "graph/ops/infer.h"

namespace hornet {
namespace {

Specs infer_matmul(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 2);
  const char* sides[] = {"the left matrix", "the right matrix"};
  for (int i = 0; i < 2; ++i) {
    expect_rank(in[i], 2, sides[i]);
    expect_float(in[i], sides[i]);
  }
  const bool ta = attrs.flag("transpose_a"), tb = attrs.flag("transpose_b");
  const Dim inner_a = in[0].shape[ta ? 0 : 1], inner_b = in[1].shape[tb ? 1 : 0];
  if (inner_a != inner_b)
    throw shape_error("the left matrix has " + std::to_string(inner_a) +
                      " columns, the right matrix has " + std::to_string(inner_b) +
                      " rows (shapes " + in[0].shape.to_string() + (ta ? " transposed" : "") +
                      " and " + in[1].shape.to_string() + (tb ? " transposed)" : ")"));
  return {{DType::f32, {in[0].shape[ta ? 1 : 0], in[1].shape[tb ? 0 : 1]}}};
}

Grads matmul_grad(Builder& b, int y, const std::vector<Value>& dys) {
  const Attrs attrs = b.graph().node(y).attrs;
  const bool ta = attrs.flag("transpose_a"), tb = attrs.flag("transpose_b");
  const Value left = input_of(b, y, 0), right = input_of(b, y, 1), dy = dys[0];
  return {ta ? b.matmul(right, dy, tb, true) : b.matmul(dy, right, false, !tb),
          tb ? b.matmul(dy, left, true, ta) : b.matmul(left, dy, !ta, false)};
}

}  // namespace

void add_matmul_ops(OpRows& rows) {
  rows.push_back({"matmul", infer_matmul, matmul_grad, OpFlag::none});
}

}  // namespace hornet
