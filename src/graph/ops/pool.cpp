// Pooling over (batch, height, width, channels).
#include "graph/ops/window.h"

namespace hornet {
namespace {

Shape pool_shape(const Shape& x, const Window2d& window) {
  check_window(window);
  for (int axis = 0; axis < 2; ++axis)
    if (window.padding[2 * axis] >= window.size[axis] ||
        window.padding[2 * axis + 1] >= window.size[axis])
      throw shape_error("padding must be smaller than the pool");
  return {x[0], window_positions(window, 0, x[1], window.size[0]),
          window_positions(window, 1, x[2], window.size[1]), x[3]};
}

Specs infer_pool(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  expect_rank(in[0], 4, "the input");
  expect_float(in[0], "the input");
  return {{DType::f32, pool_shape(in[0].shape, window_of(attrs))}};
}

// Inputs x, y, dy.
Specs infer_max_backward(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 3);
  expect_rank(in[0], 4, "the input");
  const Shape y = pool_shape(in[0].shape, window_of(attrs));
  expect_shape(in[1], y, "the output");
  expect_shape(in[2], y, "the gradient");
  return {in[0]};
}

// Input dy; attribute shape: of x.
Specs infer_avg_backward(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  const Shape x(attrs.integers("shape"));
  expect_rank({DType::f32, x}, 4, "the result");
  expect_shape(in[0], pool_shape(x, window_of(attrs)), "the gradient");
  return {{DType::f32, x}};
}

Grads max_pool_grad(Builder& b, int y, const std::vector<Value>& dy) {
  const Window2d window = window_of(b.graph().node(y).attrs);
  return {b.max_pool2d_backward(input_of(b, y, 0), {y, 0}, dy[0], window)};
}

Grads avg_pool_grad(Builder& b, int y, const std::vector<Value>& dy) {
  const Window2d window = window_of(b.graph().node(y).attrs);
  const Shape x = b.shape(input_of(b, y, 0));
  return {b.avg_pool2d_backward(dy[0], x, window)};
}

Grads no_second_gradient(Builder&, int, const std::vector<Value>&) {
  throw Error("second derivatives through max pooling are not available")
      .hint("Use average pooling, or k_stop_gradient() on one of the gradients.");
}

}  // namespace

void add_pool_ops(OpRows& rows) {
  rows.push_back({"max_pool2d", infer_pool, max_pool_grad, OpFlag::none});
  rows.push_back({"max_pool2d_backward", infer_max_backward, no_second_gradient, OpFlag::none});
  rows.push_back({"avg_pool2d", infer_pool, avg_pool_grad, OpFlag::none});
  rows.push_back({"avg_pool2d_backward", infer_avg_backward,
                  [](Builder& b, int y, const std::vector<Value>& dx) -> Grads {
                    const Window2d window = window_of(b.graph().node(y).attrs);
                    return {b.avg_pool2d(dx[0], window)};
                  },
                  OpFlag::none});
}

}  // namespace hornet
