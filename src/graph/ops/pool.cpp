// Pooling over (batch, height, width, channels) and (batch, depth, height, width, channels).
#include "graph/ops/window.h"

namespace hornet {
namespace {

struct Family {
  int axes;
  Value (Builder::*max_backward)(Value x, Value y, Value dy, const WindowSpec&);
  Value (Builder::*average)(Value x, const WindowSpec&);
  Value (Builder::*average_backward)(Value dy, const Shape& x, const WindowSpec&);
};

constexpr Family pool2d = {2, &Builder::max_pool2d_backward, &Builder::avg_pool2d,
                           &Builder::avg_pool2d_backward};
constexpr Family pool3d = {3, &Builder::max_pool3d_backward, &Builder::avg_pool3d,
                           &Builder::avg_pool3d_backward};

Shape output_shape(int axes, const Shape& x, const Attrs& attrs) {
  const WindowSpec window = window_of(attrs, axes);
  check_window(window, axes);
  for (int axis = 0; axis < axes; ++axis)
    if (window.padding[2 * axis] >= window.size[axis] ||
        window.padding[2 * axis + 1] >= window.size[axis])
      throw shape_error("padding must be smaller than the pool");
  return window_positions(window, x, window.size, x[-1]);
}

Specs infer_forward(int axes, const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  expect_rank(in[0], axes + 2, "the input");
  expect_float(in[0], "the input");
  return {{DType::f32, output_shape(axes, in[0].shape, attrs)}};
}

// Inputs x, y, dy.
Specs infer_max_backward(int axes, const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 3);
  expect_rank(in[0], axes + 2, "the input");
  const Shape y = output_shape(axes, in[0].shape, attrs);
  expect_shape(in[1], y, "the output");
  expect_shape(in[2], y, "the gradient");
  return {in[0]};
}

// Input dy; attribute shape: of x.
Specs infer_average_backward(int axes, const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  const Shape x(attrs.integers("shape"));
  expect_rank({DType::f32, x}, axes + 2, "the result");
  expect_shape(in[0], output_shape(axes, x, attrs), "the gradient");
  return {{DType::f32, x}};
}

Grads max_grad(const Family& f, Builder& b, int y, Value dy) {
  const WindowSpec window = window_of(b.graph().node(y).attrs, f.axes);
  return {(b.*f.max_backward)(input_of(b, y, 0), {y, 0}, dy, window)};
}

Grads no_second_grad(const Family&, Builder&, int, Value) {
  throw Error("second derivatives through max pooling are not available")
      .hint("Use average pooling, or k_stop_gradient() on one of the gradients.");
}

Grads average_grad(const Family& f, Builder& b, int y, Value dy) {
  const WindowSpec window = window_of(b.graph().node(y).attrs, f.axes);
  const Shape x = b.shape(input_of(b, y, 0));
  return {(b.*f.average_backward)(dy, x, window)};
}

Grads average_backward_grad(const Family& f, Builder& b, int y, Value dx) {
  return {(b.*f.average)(dx, window_of(b.graph().node(y).attrs, f.axes))};
}

// `name`: what follows "max_" and "avg_".
void add_family(OpRows& rows, const std::string& name, const Family& family) {
  const auto add = [&](const std::string& op, auto infer, auto grad) {
    rows.push_back(
        {op, [=](const Specs& in, const Attrs& attrs) { return infer(family.axes, in, attrs); },
         [=](Builder& b, int y, const std::vector<Value>& dy) { return grad(family, b, y, dy[0]); },
         OpFlag::none});
  };
  add("max_" + name, infer_forward, max_grad);
  add("max_" + name + "_backward", infer_max_backward, no_second_grad);
  add("avg_" + name, infer_forward, average_grad);
  add("avg_" + name + "_backward", infer_average_backward, average_backward_grad);
}

}  // namespace

void add_pool_ops(OpRows& rows) {
  add_family(rows, "pool2d", pool2d);
  add_family(rows, "pool3d", pool3d);
}

}  // namespace hornet
