// Reductions, and broadcast with its adjoint sum_to. Attributes "axes" are 0-based and sorted.
#include "graph/ops/infer.h"

namespace hornet {
namespace {

Shape reduced(const Shape& x, const std::vector<std::int64_t>& axes, bool keepdims) {
  std::vector<bool> gone(x.rank(), false);
  for (std::int64_t axis : axes) {
    expect_axis(axis, x.rank());
    gone[axis] = true;
  }
  std::vector<Dim> dims;
  for (int i = 0; i < x.rank(); ++i) {
    if (!gone[i]) dims.push_back(x[i]);
    else if (keepdims) dims.push_back(1);
  }
  return Shape(dims);
}

Specs infer_reduce(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  return {{in[0].dtype, reduced(in[0].shape, attrs.integers("axes"), attrs.flag("keepdims"))}};
}

// A reduced value (y or its gradient) spread over the shape of the input of node `y`.
Value spread(Builder& b, int y, Value v, bool mean = false) {
  const Attrs attrs = b.graph().node(y).attrs;
  const Shape x = b.shape(input_of(b, y, 0));
  return b.broadcast(b.reshape(v, reduced(x, attrs.integers("axes"), true)), x, mean);
}

Grads sum_grad(Builder& b, int y, const std::vector<Value>& dy) {
  return {spread(b, y, dy[0], b.graph().node(y).attrs.flag("mean"))};
}

// Equal extremes share the gradient.
Grads extreme_grad(Builder& b, int y, const std::vector<Value>& dy) {
  const Value x = input_of(b, y, 0);
  const Value mask = b.equal(x, spread(b, y, {y, 0}));
  const Value count = b.sum(mask, b.graph().node(y).attrs.integers("axes"),
                            b.graph().node(y).attrs.flag("keepdims"));
  return {b.mul(mask, spread(b, y, b.div(dy[0], count)))};
}

Specs infer_argmax(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  return {{DType::f32, reduced(in[0].shape, {attrs.integer("axis")}, false)}};
}

// `small` reaches `large` by repetition; their symbolic dimensions need not both be there.
void expect_broadcastable(const Shape& small, const Shape& large) {
  bool fits = small.rank() <= large.rank();
  for (int i = 1; fits && i <= small.rank(); ++i) fits = small[-i] == 1 || small[-i] == large[-i];
  if (!fits)
    throw shape_error("shape " + small.to_string() + " cannot be repeated to shape " +
                      large.to_string());
}

Specs infer_broadcast(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  const Shape shape(attrs.integers("shape"));
  expect_broadcastable(in[0].shape, shape);
  return {{in[0].dtype, shape}};
}

Specs infer_sum_to(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  const Shape shape(attrs.integers("shape"));
  expect_broadcastable(shape, in[0].shape);
  return {{in[0].dtype, shape}};
}

}  // namespace

void add_reduce_ops(OpRows& rows) {
  rows.push_back({"sum", infer_reduce, sum_grad, OpFlag::none});
  rows.push_back({"max", infer_reduce, extreme_grad, OpFlag::none});
  rows.push_back({"min", infer_reduce, extreme_grad, OpFlag::none});
  rows.push_back({"argmax", infer_argmax, nullptr, OpFlag::none});
  rows.push_back({"broadcast", infer_broadcast,
                  [](Builder& b, int y, const std::vector<Value>& dy) -> Grads {
                    const Shape x = b.shape(input_of(b, y, 0));
                    return {b.sum_to(dy[0], x, b.graph().node(y).attrs.flag("mean"))};
                  },
                  OpFlag::none});
  rows.push_back({"sum_to", infer_sum_to,
                  [](Builder& b, int y, const std::vector<Value>& dy) -> Grads {
                    const Shape x = b.shape(input_of(b, y, 0));
                    return {b.broadcast(dy[0], x, b.graph().node(y).attrs.flag("mean"))};
                  },
                  OpFlag::none});
}

}  // namespace hornet
