// Random numbers: functions of the model's random state (base/rng.h) and a stream number, so a
// node that draws again (a gradient) draws the same.
#include "graph/ops/infer.h"

namespace hornet {
namespace {

void expect_state(const TensorSpec& rng) {
  if (rng != TensorSpec{DType::i32, {4}})
    throw Error("the random state must be an int32 tensor of 4 elements");
}

Specs infer_random(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  expect_state(in[0]);
  attrs.integer("stream");
  return {{DType::f32, Shape(attrs.integers("shape"))}};
}

Specs infer_dropout(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 2);
  expect_float(in[0], "the input");
  expect_state(in[1]);
  attrs.integer("stream");
  const double rate = attrs.real("rate");
  if (!(rate >= 0 && rate < 1)) throw Error("the rate must be at least 0 and less than 1");
  return {in[0]};
}

Grads dropout_grad(Builder& b, int y, const std::vector<Value>& dy) {
  const Attrs attrs = b.graph().node(y).attrs;
  return {b.dropout(dy[0], input_of(b, y, 1), attrs.real("rate"), attrs.integer("stream")),
          Value{}};
}

}  // namespace

void add_random_ops(OpRows& rows) {
  rows.push_back({"random_uniform", infer_random, nullptr, OpFlag::none});
  rows.push_back({"random_normal", infer_random, nullptr, OpFlag::none});
  rows.push_back({"dropout", infer_dropout, dropout_grad, OpFlag::elementwise});
}

}  // namespace hornet
