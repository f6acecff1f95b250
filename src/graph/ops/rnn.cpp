// Recurrent layers, a whole sequence a node: only what has to go step by step. The products of
// inputs and kernel before, and the gradient of the recurrent kernel after, are ops of their own.
#include <algorithm>

#include "graph/ops/recurrence_of.h"
#include "graph/recurrence.h"

namespace hornet {

namespace {

// Sizes from the recurrent kernel (units, gates * units) and any (batch, time, ...) tensor.
struct Sizes {
  Dim batch, steps, units, gates;

  Sizes(const TensorSpec& kernel, const TensorSpec& sequence, Dim gates) : gates(gates) {
    expect_rank(kernel, 2, "the recurrent kernel");
    expect_rank(sequence, 3, "the sequence");
    batch = sequence.shape[0];
    steps = sequence.shape[1];
    units = kernel.shape[0];
    expect_shape(kernel, {units, gates * units}, "the recurrent kernel");
    if (steps < 1) throw shape_error("the sequence has no steps");
  }
  TensorSpec state() const { return {DType::f32, {batch, units}}; }
  TensorSpec sequence() const { return {DType::f32, {batch, steps, units}}; }
  TensorSpec projected() const { return {DType::f32, {batch, steps, gates * units}}; }
};

void expect_spec(const TensorSpec& x, const TensorSpec& spec, const char* what) {
  expect_float(x, what);
  expect_shape(x, spec.shape, what);
}

// Mask and dropout come after `required` inputs.
void expect_options(const Specs& in, const Attrs& attrs, std::size_t required, const Sizes& sizes) {
  const RecurrenceAttrs r(attrs);
  if (r.masked) expect_spec(in[required], {DType::f32, {sizes.batch, sizes.steps}}, "the mask");
  if (r.dropped)
    expect_spec(in[required + r.masked], {DType::f32, {sizes.batch, sizes.gates * sizes.units}},
                "dropout");
}

void expect_count(const Specs& in, const Attrs& attrs, std::size_t required) {
  expect_inputs(in, required + attrs.flag("masked") + attrs.flag("dropped"));
}

// --- inference -----------------------------------------------------------------------------

Specs infer_simple_rnn(const Specs& in, const Attrs& attrs) {
  expect_count(in, attrs, 3);
  const Sizes sizes(in[1], in[0], 1);
  expect_spec(in[0], sizes.projected(), "the input");
  expect_spec(in[2], sizes.state(), "the state");
  expect_options(in, attrs, 3, sizes);
  return {sizes.sequence()};
}

Specs infer_simple_rnn_backward(const Specs& in, const Attrs& attrs) {
  expect_count(in, attrs, 3);
  const Sizes sizes(in[0], in[1], 1);
  for (int i : {1, 2}) expect_spec(in[i], sizes.sequence(), "the output and its gradient");
  expect_options(in, attrs, 3, sizes);
  return {sizes.projected(), sizes.state()};
}

Specs infer_lstm(const Specs& in, const Attrs& attrs) {
  expect_count(in, attrs, 4);
  const Sizes sizes(in[1], in[0], 4);
  expect_spec(in[0], sizes.projected(), "the input");
  for (int i : {2, 3}) expect_spec(in[i], sizes.state(), "the state");
  expect_options(in, attrs, 4, sizes);
  return {sizes.sequence(), sizes.sequence(), sizes.projected()};
}

Specs infer_lstm_backward(const Specs& in, const Attrs& attrs) {
  expect_count(in, attrs, 6);
  const Sizes sizes(in[0], in[2], 4);
  expect_spec(in[1], sizes.state(), "the state");
  for (int i : {2, 4, 5}) expect_spec(in[i], sizes.sequence(), "the outputs and their gradients");
  expect_spec(in[3], sizes.projected(), "the gates");
  expect_options(in, attrs, 6, sizes);
  return {sizes.projected(), sizes.state(), sizes.state()};
}

Specs infer_gru(const Specs& in, const Attrs& attrs) {
  const bool after = attrs.flag("reset_after");
  expect_count(in, attrs, after ? 4 : 3);
  const Sizes sizes(in[1], in[0], 3);
  expect_spec(in[0], sizes.projected(), "the input");
  expect_spec(in[2], sizes.state(), "the state");
  if (after) expect_spec(in[3], {DType::f32, {sizes.units}}, "the recurrent bias");
  expect_options(in, attrs, after ? 4 : 3, sizes);
  if (after) return {sizes.sequence(), sizes.projected(), sizes.sequence()};
  return {sizes.sequence(), sizes.projected()};
}

Specs infer_gru_backward(const Specs& in, const Attrs& attrs) {
  const bool after = attrs.flag("reset_after");
  expect_count(in, attrs, after ? 6 : 5);
  const Sizes sizes(in[0], in[2], 3);
  expect_spec(in[1], sizes.state(), "the state");
  expect_spec(in[3], sizes.projected(), "the gates");
  for (int i : {2, 4}) expect_spec(in[i], sizes.sequence(), "the output and its gradient");
  if (after) expect_spec(in[5], sizes.sequence(), "the recurrent product");
  expect_options(in, attrs, after ? 6 : 5, sizes);
  if (after) return {sizes.projected(), sizes.state(), sizes.sequence()};
  return {sizes.projected(), sizes.state()};
}

// --- gradients -----------------------------------------------------------------------------

Recurrence recurrence_of_node(Builder& b, int node, std::size_t required) {
  return recurrence_of(b.graph().node(node).inputs, b.graph().node(node).attrs, required);
}

// The state that each step starts from: `h` moved by one step, `before` in the free place.
Value states_before(Builder& b, Value h, Value before, bool reverse) {
  const Shape shape = b.shape(h);
  const Value first = b.reshape(before, {shape[0], 1, shape[2]});
  if (shape[1] == 1) return first;
  const Value rest = b.slice(h, 1, reverse ? 1 : 0, shape[1] - 1);
  return reverse ? b.concat({rest, first}, 1) : b.concat({first, rest}, 1);
}

Value as_rows(Builder& b, Value x) {
  const Shape shape = b.shape(x);
  return b.reshape(x, {shape[0] * shape[1], shape[2]});
}

// The gradient of the recurrent kernel, gates [0, gates) of it: dx sums over all steps what the
// states before contribute.
Value kernel_gradient(Builder& b, Value before, Value dx, Value dropout, Dim gates) {
  const Dim units = b.shape(before)[2];
  if (!dropout)
    return b.matmul(as_rows(b, before), as_rows(b, b.slice(dx, 2, 0, gates * units)), true);
  std::vector<Value> parts;
  for (Dim gate = 0; gate < gates; ++gate) {
    const Value factor = b.slice(dropout, 1, gate * units, units);
    const Value dropped = b.mul(before, b.reshape(factor, {b.shape(factor)[0], 1, units}));
    parts.push_back(
        b.matmul(as_rows(b, dropped), as_rows(b, b.slice(dx, 2, gate * units, units)), true));
  }
  return b.concat(parts, 1);
}

// The gradients of the inputs of a node: mask and dropout factors have none.
Grads padded(Builder& b, int node, Grads grads) {
  grads.resize(b.graph().node(node).inputs.size());
  return grads;
}

Value given_or_zeros(Builder& b, int node, int output, const std::vector<Value>& dys) {
  return dys[output] ? dys[output] : b.zeros_like({node, output});
}

Grads simple_rnn_grad(Builder& b, int y, const std::vector<Value>& dys) {
  const Recurrence r = recurrence_of_node(b, y, 3);
  const Value kernel = input_of(b, y, 1), h = input_of(b, y, 2);
  const Value dx = b.simple_rnn_backward(kernel, {y, 0}, dys[0], r);
  const Value before = states_before(b, {y, 0}, h, r.reverse);
  return padded(b, y, {dx, kernel_gradient(b, before, dx, r.dropout, 1), {dx.node, 1}});
}

Grads lstm_grad(Builder& b, int y, const std::vector<Value>& dys) {
  const Recurrence r = recurrence_of_node(b, y, 4);
  const Value kernel = input_of(b, y, 1), h = input_of(b, y, 2), c = input_of(b, y, 3);
  const Value dh = given_or_zeros(b, y, 0, dys), dc = given_or_zeros(b, y, 1, dys);
  const Value dx = b.lstm_backward(kernel, c, {y, 1}, {y, 2}, dh, dc, r);
  const Value before = states_before(b, {y, 0}, h, r.reverse);
  return padded(b, y,
                {dx, kernel_gradient(b, before, dx, r.dropout, 4), {dx.node, 1}, {dx.node, 2}});
}

Grads gru_grad(Builder& b, int y, const std::vector<Value>& dys) {
  const bool after = b.graph().node(y).attrs.flag("reset_after");
  const Recurrence r = recurrence_of_node(b, y, after ? 4 : 3);
  const Value kernel = input_of(b, y, 1), h = input_of(b, y, 2), gates{y, 1};
  const Dim units = b.shape(kernel)[0];
  const Value dh = given_or_zeros(b, y, 0, dys);
  const Value dx = b.gru_backward(kernel, h, {y, 0}, gates, after ? Value{y, 2} : Value{}, dh, r);
  const Value before = states_before(b, {y, 0}, h, r.reverse);
  // The last gate sees the state times the reset gate, or a product of its own.
  Value candidate = before;
  if (r.dropout) {
    const Value factor = b.slice(r.dropout, 1, 2 * units, units);
    candidate = b.mul(candidate, b.reshape(factor, {b.shape(factor)[0], 1, units}));
  }
  if (!after) candidate = b.mul(candidate, b.slice(gates, 2, units, units));
  const Value d_product = after ? Value{dx.node, 2} : b.slice(dx, 2, 2 * units, units);
  const Value d_kernel = b.concat({kernel_gradient(b, before, dx, r.dropout, 2),
                                   b.matmul(as_rows(b, candidate), as_rows(b, d_product), true)},
                                  1);
  Grads grads = {dx, d_kernel, {dx.node, 1}};
  if (after) grads.push_back(b.sum(d_product, {0, 1}));
  return padded(b, y, grads);
}

Grads no_second_gradient(Builder&, int, const std::vector<Value>&) {
  throw Error("second derivatives through a recurrent layer are not available")
      .hint("Use unroll = TRUE, or k_stop_gradient() on one of the gradients.");
}

}  // namespace

void add_rnn_ops(OpRows& rows) {
  rows.push_back({"simple_rnn", infer_simple_rnn, simple_rnn_grad, OpFlag::none});
  rows.push_back(
      {"simple_rnn_backward", infer_simple_rnn_backward, no_second_gradient, OpFlag::none});
  rows.push_back({"lstm", infer_lstm, lstm_grad, OpFlag::none});
  rows.push_back({"lstm_backward", infer_lstm_backward, no_second_gradient, OpFlag::none});
  rows.push_back({"gru", infer_gru, gru_grad, OpFlag::none});
  rows.push_back({"gru_backward", infer_gru_backward, no_second_gradient, OpFlag::none});
}

}  // namespace hornet
