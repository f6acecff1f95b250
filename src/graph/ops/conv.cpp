// Convolution and its two adjoints, which are each other's gradients.
#include "graph/ops/window.h"

namespace hornet {
namespace {

// The output shape for images `x` (batch, h, w, in) and kernel `w` (kh, kw, in, out).
Shape conv_shape(const Shape& x, const Shape& w, const Window2d& window) {
  check_window(window);
  if (x[3] != w[2])
    throw shape_error("the kernel expects " + std::to_string(w[2]) + " channels, the input has " +
                      std::to_string(x[3]) + " (shape " + x.to_string() + ")");
  return {x[0], window_positions(window, 0, x[1], w[0]), window_positions(window, 1, x[2], w[1]),
          w[3]};
}

Specs infer_conv2d(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 2);
  expect_rank(in[0], 4, "the input");
  expect_rank(in[1], 4, "the kernel");
  expect_float(in[0], "the input");
  expect_float(in[1], "the kernel");
  return {{DType::f32, conv_shape(in[0].shape, in[1].shape, window_of(attrs))}};
}

// Inputs dy, w; attribute shape: of x.
Specs infer_backward_data(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 2);
  const Shape x(attrs.integers("shape"));
  expect_rank(in[1], 4, "the kernel");
  expect_rank({DType::f32, x}, 4, "the result");
  expect_shape(in[0], conv_shape(x, in[1].shape, window_of(attrs)), "the gradient");
  return {{DType::f32, x}};
}

// Inputs x, dy; attribute shape: of w.
Specs infer_backward_weights(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 2);
  const Shape w(attrs.integers("shape"));
  expect_rank(in[0], 4, "the input");
  expect_rank({DType::f32, w}, 4, "the result");
  expect_shape(in[1], conv_shape(in[0].shape, w, window_of(attrs)), "the gradient");
  return {{DType::f32, w}};
}

// One rule serves all three: each op is linear in both of its inputs.
Grads conv2d_grad(Builder& b, int y, const std::vector<Value>& dy) {
  const Window2d window = window_of(b.graph().node(y).attrs);
  const Value x = input_of(b, y, 0), w = input_of(b, y, 1);
  const Shape x_shape = b.shape(x), w_shape = b.shape(w);
  return {b.conv2d_backward_data(dy[0], w, x_shape, window),
          b.conv2d_backward_weights(x, dy[0], w_shape, window)};
}

Grads backward_data_grad(Builder& b, int y, const std::vector<Value>& dx) {
  const Window2d window = window_of(b.graph().node(y).attrs);
  const Value dy = input_of(b, y, 0), w = input_of(b, y, 1);
  const Shape w_shape = b.shape(w);
  return {b.conv2d(dx[0], w, window), b.conv2d_backward_weights(dx[0], dy, w_shape, window)};
}

Grads backward_weights_grad(Builder& b, int y, const std::vector<Value>& dw) {
  const Window2d window = window_of(b.graph().node(y).attrs);
  const Value x = input_of(b, y, 0), dy = input_of(b, y, 1);
  const Shape x_shape = b.shape(x);
  return {b.conv2d_backward_data(dy, dw[0], x_shape, window), b.conv2d(x, dw[0], window)};
}

}  // namespace

void add_conv_ops(OpRows& rows) {
  rows.push_back({"conv2d", infer_conv2d, conv2d_grad, OpFlag::none});
  rows.push_back({"conv2d_backward_data", infer_backward_data, backward_data_grad, OpFlag::none});
  rows.push_back(
      {"conv2d_backward_weights", infer_backward_weights, backward_weights_grad, OpFlag::none});
}

}  // namespace hornet
