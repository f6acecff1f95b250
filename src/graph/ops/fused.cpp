// Ops that only the fuse pass makes (graph/passes/fuse.cpp); gradients are taken before.
#include "graph/fused.h"
#include "graph/ops/window.h"

namespace hornet {
namespace {

void expect_bias(const TensorSpec& bias, Dim channels) {
  expect_shape(bias, {channels}, "the bias");
}

// x (rows, in), w (in, units), bias (units) -> activation(x w + bias). Attribute activation:
// "linear", "relu", "sigmoid", "tanh" or "softplus"; the same for conv2d_bias, which has conv2d's
// attributes too.
Specs infer_dense(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 3);
  const Specs product = op("matmul").infer({in[0], in[1]}, attrs);
  expect_bias(in[2], product[0].shape[1]);
  return product;
}

// x, w, bias (out) -> activation(conv2d(x, w) + bias).
Specs infer_conv2d_bias(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 3);
  const Specs product = op("conv2d").infer({in[0], in[1]}, attrs);
  expect_bias(in[2], product[0].shape[3]);
  return product;
}

// A fused node's inputs do not tell its outputs' shapes, so they travel along: attribute "shape"
// (and "shape_1", ... for further outputs).
Specs infer_fused(const Specs& in, const Attrs& attrs) {
  const FusedProgram program = FusedProgram::from_attrs(attrs);
  expect_inputs(in, program.inputs.size());
  Specs outputs;
  for (std::size_t i = 0; i < program.outputs.size(); ++i) {
    const std::string name = i == 0 ? "shape" : "shape_" + std::to_string(i);
    outputs.push_back({DType::f32, Shape(attrs.integers(name))});
  }
  return outputs;
}

}  // namespace

void add_fused_ops(OpRows& rows) {
  rows.push_back({"dense", infer_dense, nullptr, OpFlag::none});
  rows.push_back({"conv2d_bias", infer_conv2d_bias, nullptr, OpFlag::none});
  rows.push_back({"fused", infer_fused, nullptr, OpFlag::elementwise});
}

}  // namespace hornet
