// Connectionist temporal classification: the loss of labels that are not aligned with the steps of
// the predictions, and the search for the best labels.
#include <algorithm>

#include "graph/ops/infer.h"

namespace hornet {
namespace {

void expect_logits(const TensorSpec& logits) {
  expect_float(logits, "the predictions");
  expect_rank(logits, 3, "the predictions");
  if (logits.shape[2] < 2) throw shape_error("there must be at least one class beside the blank");
}

void expect_lengths(const TensorSpec& lengths, const TensorSpec& logits, const char* what) {
  expect_shape(lengths, {logits.shape[0], 1}, what);
}

void expect_sample(const Specs& in) {
  expect_logits(in[0]);
  expect_rank(in[1], 2, "the labels");
  expect_shape(in[1], {in[0].shape[0], in[1].shape[1]}, "the labels");
  expect_lengths(in[2], in[0], "the lengths of the inputs");
  expect_lengths(in[3], in[0], "the lengths of the labels");
}

Specs infer_ctc_loss(const Specs& in, const Attrs&) {
  expect_inputs(in, 4);
  expect_sample(in);
  return {{DType::f32, {in[0].shape[0], 1}}};
}

Grads ctc_loss_grad(Builder& b, int y, const std::vector<Value>& dy) {
  const std::vector<Value> in = b.graph().node(y).inputs;
  return {b.ctc_loss_backward(in[0], in[1], in[2], in[3], dy[0]), Value{}, Value{}, Value{}};
}

Specs infer_ctc_loss_backward(const Specs& in, const Attrs&) {
  expect_inputs(in, 5);
  expect_sample(in);
  expect_shape(in[4], {in[0].shape[0], 1}, "the gradient");
  return {in[0]};
}

Grads ctc_loss_backward_grad(Builder&, int, const std::vector<Value>&) {
  throw Error("the gradient of a CTC loss cannot be differentiated again");
}

Specs infer_ctc_decode(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 2);
  expect_logits(in[0]);
  expect_lengths(in[1], in[0], "the lengths of the inputs");
  const Dim beam_width = attrs.integer("beam_width"), paths = attrs.integer("top_paths");
  if (beam_width < 0 || paths < 1 || paths > std::max<Dim>(beam_width, 1))
    throw Error("there must be from 1 to as many paths as the beam is wide");
  const Dim batch = in[0].shape[0], steps = in[0].shape[1];
  return {{DType::i32, {batch, paths, steps}}, {DType::f32, {batch, paths}}};
}

}  // namespace

void add_ctc_ops(OpRows& rows) {
  rows.push_back({"ctc_loss", infer_ctc_loss, ctc_loss_grad, OpFlag::none});
  rows.push_back(
      {"ctc_loss_backward", infer_ctc_loss_backward, ctc_loss_backward_grad, OpFlag::none});
  rows.push_back({"ctc_decode", infer_ctc_decode, nullptr, OpFlag::none});
}

}  // namespace hornet
