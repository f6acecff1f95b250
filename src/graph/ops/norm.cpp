// Softmax and batch normalisation.
#include "graph/ops/infer.h"
#include "graph/passes.h"

namespace hornet {
namespace {

Specs infer_softmax(const Specs& in, const Attrs&) {
  expect_inputs(in, 1);
  expect_float(in[0], "the input");
  if (in[0].shape.rank() < 1) throw shape_error("a single number has no last axis");
  return {in[0]};
}

Grads softmax_grad(Builder& b, int y, const std::vector<Value>& dys) {
  const Value p{y, 0}, dy = dys[0];
  const Value total = b.sum(b.mul(dy, p), {b.shape(p).rank() - 1}, /* keepdims = */ true);
  return {b.mul(b.sub(dy, total), p)};
}

Shape channels_of(const TensorSpec& x) {
  expect_float(x, "the input");
  if (x.shape.rank() < 2) throw shape_error("the input needs at least two dimensions");
  if (x.shape[-1] < 0) throw shape_error("the last dimension cannot be the batch");
  return {x.shape[-1]};
}

// x, gamma, beta -> y, mean, variance.
Specs infer_batch_norm(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 3);
  attrs.real("epsilon");
  const Shape channels = channels_of(in[0]);
  expect_shape(in[1], channels, "gamma");
  expect_shape(in[2], channels, "beta");
  return {in[0], {DType::f32, channels}, {DType::f32, channels}};
}

// x, gamma, mean, variance, dy -> dx, dgamma, dbeta.
Specs infer_batch_norm_backward(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 5);
  attrs.real("epsilon");
  const Shape channels = channels_of(in[0]);
  expect_shape(in[1], channels, "gamma");
  expect_shape(in[2], channels, "the mean");
  expect_shape(in[3], channels, "the variance");
  expect_shape(in[4], in[0].shape, "the gradient");
  return {in[0], {DType::f32, channels}, {DType::f32, channels}};
}

Grads batch_norm_grad(Builder& b, int y, const std::vector<Value>& dy) {
  const double epsilon = b.graph().node(y).attrs.real("epsilon");
  const Value x = input_of(b, y, 0), gamma = input_of(b, y, 1);
  const Value mean{y, 1}, variance{y, 2};
  const Shape x_shape = b.shape(x);
  Value dx, d_gamma, d_beta;
  const auto add_to_dx = [&](Value more) { dx = dx ? b.add(dx, more) : more; };
  if (dy[0]) {
    dx = b.batch_norm_backward(x, gamma, mean, variance, dy[0], epsilon);
    d_gamma = {dx.node, 1};
    d_beta = {dx.node, 2};
  }
  // The statistics are outputs too: of use to those who put them into a loss.
  if (dy[1]) add_to_dx(b.broadcast(dy[1], x_shape, /* mean = */ true));
  if (dy[2]) {
    const Value slope = b.mul(b.sub(x, mean), b.scalar(2));
    add_to_dx(b.mul(b.broadcast(dy[2], x_shape, /* mean = */ true), slope));
  }
  return {dx, d_gamma, d_beta};
}

// Second derivatives are rare enough to go the long way: the same numbers in simple ops, whose
// gradients exist.
Grads batch_norm_second_grad(Builder& b, int y, const std::vector<Value>& seeds) {
  const Node node = b.graph().node(y);
  const Value x = node.inputs[0], gamma = node.inputs[1], mean = node.inputs[2],
              variance = node.inputs[3], dy = node.inputs[4];
  const Shape x_shape = b.shape(x), channels = b.shape(gamma);
  const int first_node = b.graph().size();
  const Value scale = b.reciprocal(b.sqrt(b.add(variance, b.scalar(node.attrs.real("epsilon")))));
  const Value normal = b.mul(b.sub(x, mean), scale);
  const Value mean_dy = b.sum_to(dy, channels, /* mean = */ true);
  const Value mean_product = b.sum_to(b.mul(dy, normal), channels, /* mean = */ true);
  const Value centred = b.sub(b.sub(dy, mean_dy), b.mul(normal, mean_product));
  const std::vector<Value> outputs = {b.mul(b.mul(gamma, scale), centred),
                                      b.sum_to(b.mul(dy, normal), channels),
                                      b.sum_to(dy, channels)};
  return pull_back(b.graph(), outputs, seeds, node.inputs, first_node);
}

}  // namespace

void add_norm_ops(OpRows& rows) {
  rows.push_back({"softmax", infer_softmax, softmax_grad, OpFlag::none});
  rows.push_back({"batch_norm", infer_batch_norm, batch_norm_grad, OpFlag::none});
  rows.push_back(
      {"batch_norm_backward", infer_batch_norm_backward, batch_norm_second_grad, OpFlag::none});
}

}  // namespace hornet
