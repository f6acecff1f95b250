// Rows by number: gather and its adjoint, which are each other's gradients, and one-hot vectors.
#include "graph/ops/infer.h"

namespace hornet {
namespace {

// The shape of `indices` followed by that of a row of `table`.
Shape rows_shape(const Shape& table, const Shape& indices) {
  if (table.rank() < 1) throw shape_error("the table must have rows, it is a single number");
  if (table[0] < 0)
    throw shape_error("the axis of the batch cannot be indexed: its length is not known yet");
  std::vector<Dim> dims = indices.dims();
  dims.insert(dims.end(), table.dims().begin() + 1, table.dims().end());
  return Shape(dims);
}

Specs infer_gather(const Specs& in, const Attrs&) {
  expect_inputs(in, 2);
  expect_float(in[0], "the table");
  return {{DType::f32, rows_shape(in[0].shape, in[1].shape)}};
}

Grads gather_grad(Builder& b, int y, const std::vector<Value>& dy) {
  const Shape table = b.shape(input_of(b, y, 0));
  return {b.scatter_add(dy[0], input_of(b, y, 1), table), Value{}};
}

// Inputs dy, indices; attribute shape: of the table.
Specs infer_scatter_add(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 2);
  expect_float(in[0], "the gradient");
  const Shape table(attrs.integers("shape"));
  expect_shape(in[0], rows_shape(table, in[1].shape), "the gradient");
  return {{DType::f32, table}};
}

Grads scatter_add_grad(Builder& b, int y, const std::vector<Value>& d) {
  return {b.gather(d[0], input_of(b, y, 1)), Value{}};
}

Specs infer_one_hot(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  const Dim depth = attrs.integer("depth");
  if (depth < 1) throw shape_error("there must be at least one class");
  std::vector<Dim> dims = in[0].shape.dims();
  dims.push_back(depth);
  return {{DType::f32, Shape(dims)}};
}

}  // namespace

void add_index_ops(OpRows& rows) {
  rows.push_back({"gather", infer_gather, gather_grad, OpFlag::none});
  rows.push_back({"scatter_add", infer_scatter_add, scatter_add_grad, OpFlag::none});
  rows.push_back({"one_hot", infer_one_hot, nullptr, OpFlag::none});
}

}  // namespace hornet
