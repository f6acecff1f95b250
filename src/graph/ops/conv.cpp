// Convolutions, each with its two adjoints: the three are each other's gradients.
#include "graph/ops/window.h"

namespace hornet {
namespace {

// What tells one kind of convolution from another.
struct Family {
  int axes;
  bool depthwise;
  Value (Builder::*forward)(Value x, Value w, const WindowSpec&);
  Value (Builder::*backward_data)(Value dy, Value w, const Shape& x, const WindowSpec&);
  Value (Builder::*backward_weights)(Value x, Value dy, const Shape& w, const WindowSpec&);
};

constexpr Family conv2d = {2, false, &Builder::conv2d, &Builder::conv2d_backward_data,
                           &Builder::conv2d_backward_weights};
constexpr Family conv3d = {3, false, &Builder::conv3d, &Builder::conv3d_backward_data,
                           &Builder::conv3d_backward_weights};
constexpr Family depthwise_conv2d = {2, true, &Builder::depthwise_conv2d,
                                     &Builder::depthwise_conv2d_backward_data,
                                     &Builder::depthwise_conv2d_backward_weights};

// The output shape for images `x` (batch, ..., in) and kernel `w` (..., in, out).
Shape output_shape(const Family& family, const Shape& x, const Shape& w, const Attrs& attrs) {
  const WindowSpec window = window_of(attrs, family.axes);
  check_window(window, family.axes);
  if (x[-1] != w[-2])
    throw shape_error("the kernel expects " + std::to_string(w[-2]) + " channels, the input has " +
                      std::to_string(x[-1]) + " (shape " + x.to_string() + ")");
  return window_positions(window, x, w.dims(), family.depthwise ? w[-2] * w[-1] : w[-1]);
}

Specs infer_forward(const Family& family, const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 2);
  expect_rank(in[0], family.axes + 2, "the input");
  expect_rank(in[1], family.axes + 2, "the kernel");
  expect_float(in[0], "the input");
  expect_float(in[1], "the kernel");
  return {{DType::f32, output_shape(family, in[0].shape, in[1].shape, attrs)}};
}

// Inputs dy, w; attribute shape: of x.
Specs infer_backward_data(const Family& family, const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 2);
  const Shape x(attrs.integers("shape"));
  expect_rank(in[1], family.axes + 2, "the kernel");
  expect_rank({DType::f32, x}, family.axes + 2, "the result");
  expect_shape(in[0], output_shape(family, x, in[1].shape, attrs), "the gradient");
  return {{DType::f32, x}};
}

// Inputs x, dy; attribute shape: of w.
Specs infer_backward_weights(const Family& family, const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 2);
  const Shape w(attrs.integers("shape"));
  expect_rank(in[0], family.axes + 2, "the input");
  expect_rank({DType::f32, w}, family.axes + 2, "the result");
  expect_shape(in[1], output_shape(family, in[0].shape, w, attrs), "the gradient");
  return {{DType::f32, w}};
}

// Each op is linear in both of its inputs, so what one input gets is another op of the family.
Grads forward_grad(const Family& f, Builder& b, int y, Value dy) {
  const WindowSpec window = window_of(b.graph().node(y).attrs, f.axes);
  const Value x = input_of(b, y, 0), w = input_of(b, y, 1);
  const Shape x_shape = b.shape(x), w_shape = b.shape(w);
  return {(b.*f.backward_data)(dy, w, x_shape, window),
          (b.*f.backward_weights)(x, dy, w_shape, window)};
}

Grads backward_data_grad(const Family& f, Builder& b, int y, Value dx) {
  const WindowSpec window = window_of(b.graph().node(y).attrs, f.axes);
  const Value dy = input_of(b, y, 0), w = input_of(b, y, 1);
  const Shape w_shape = b.shape(w);
  return {(b.*f.forward)(dx, w, window), (b.*f.backward_weights)(dx, dy, w_shape, window)};
}

Grads backward_weights_grad(const Family& f, Builder& b, int y, Value dw) {
  const WindowSpec window = window_of(b.graph().node(y).attrs, f.axes);
  const Value x = input_of(b, y, 0), dy = input_of(b, y, 1);
  const Shape x_shape = b.shape(x);
  return {(b.*f.backward_data)(dy, dw, x_shape, window), (b.*f.forward)(x, dw, window)};
}

void add_family(OpRows& rows, const std::string& name, const Family& family) {
  const auto add = [&](const std::string& op, auto infer, auto grad) {
    rows.push_back(
        {op, [=](const Specs& in, const Attrs& attrs) { return infer(family, in, attrs); },
         [=](Builder& b, int y, const std::vector<Value>& dy) { return grad(family, b, y, dy[0]); },
         OpFlag::none});
  };
  add(name, infer_forward, forward_grad);
  add(name + "_backward_data", infer_backward_data, backward_data_grad);
  add(name + "_backward_weights", infer_backward_weights, backward_weights_grad);
}

}  // namespace

void add_conv_ops(OpRows& rows) {
  add_family(rows, "conv2d", conv2d);
  add_family(rows, "conv3d", conv3d);
  add_family(rows, "depthwise_conv2d", depthwise_conv2d);
}

}  // namespace hornet
