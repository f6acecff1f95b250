#include "graph/builder.h"

#include <algorithm>

namespace hornet {
namespace {

using Axes = std::vector<std::int64_t>;

// numpy's rule: align at the right; 1 stretches.
Shape common_shape(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::vector<Dim> dims(rank, 1);
  for (int i = 1; i <= rank; ++i) {
    const Dim da = i <= a.rank() ? a[-i] : 1, db = i <= b.rank() ? b[-i] : 1;
    if (da != db && da != 1 && db != 1)
      throw shape_error("shapes " + a.to_string() + " and " + b.to_string() +
                        " do not fit together: along one axis the lengths must be equal, or one "
                        "of them 1");
    dims[rank - i] = da == 1 ? db : da;
  }
  return Shape(dims);
}

// Runs what may throw, with the op and the origin as actors.
template <class Fn>
auto checked(const Graph& graph, const std::string& op, Fn&& fn) {
  try {
    return fn();
  } catch (const Error& error) {
    throw Error(op + ": " + error.what(), error.kind()).where(graph.origin());
  }
}

std::int64_t positive_axis(std::int64_t axis, int rank) {
  const std::int64_t from_start = axis < 0 ? axis + rank : axis;
  if (from_start < 0 || from_start >= rank)
    throw shape_error("there is no axis " + std::to_string(axis < 0 ? axis : axis + 1) +
                      " in a tensor of " + std::to_string(rank) + " dimensions");
  return from_start;
}

// Sorted, counted from the start; none means all.
Axes all_or(Axes axes, int rank) {
  if (axes.empty())
    for (int i = 0; i < rank; ++i) axes.push_back(i);
  for (auto& axis : axes) axis = positive_axis(axis, rank);
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  return axes;
}

Attrs product_attrs(bool transpose_a, bool transpose_b) {
  return {{"transpose_a", std::int64_t{transpose_a}}, {"transpose_b", std::int64_t{transpose_b}}};
}

Attrs conv_attrs(const WindowSpec& w) {
  return {{"strides", w.strides}, {"padding", w.padding}, {"dilation", w.dilation}};
}

Attrs pool_attrs(const WindowSpec& w) {
  return {{"size", w.size}, {"strides", w.strides}, {"padding", w.padding}};
}

Attrs with_shape(Attrs attrs, const Shape& shape) {
  attrs.set("shape", shape.dims());
  return attrs;
}

}  // namespace

// --- constants -----------------------------------------------------------------------------

Value Builder::constant(double value, const TensorSpec& spec) {
  return graph_.constant(value, spec);
}
Value Builder::scalar(double value) { return graph_.constant(value, {DType::f32, {}}); }
Value Builder::zeros_like(Value x) { return graph_.constant(0, TensorSpec(graph_.spec(x))); }
Value Builder::ones_like(Value x) { return graph_.constant(1, TensorSpec(graph_.spec(x))); }

// --- elementwise ---------------------------------------------------------------------------

Value Builder::unary(const char* op, Value x, Attrs attrs) {
  return graph_.add(op, {x}, std::move(attrs));
}

Value Builder::neg(Value x) { return unary("neg", x); }
Value Builder::abs(Value x) { return unary("abs", x); }
Value Builder::sign(Value x) { return unary("sign", x); }
Value Builder::exp(Value x) { return unary("exp", x); }
Value Builder::log(Value x) { return unary("log", x); }
Value Builder::sqrt(Value x) { return unary("sqrt", x); }
Value Builder::square(Value x) { return unary("square", x); }
Value Builder::reciprocal(Value x) { return unary("reciprocal", x); }
Value Builder::sin(Value x) { return unary("sin", x); }
Value Builder::cos(Value x) { return unary("cos", x); }
Value Builder::round(Value x) { return unary("round", x); }
Value Builder::floor(Value x) { return unary("floor", x); }
Value Builder::tanh(Value x) { return unary("tanh", x); }
Value Builder::sigmoid(Value x) { return unary("sigmoid", x); }
Value Builder::softplus(Value x) { return unary("softplus", x); }
Value Builder::relu(Value x) { return unary("relu", x); }
Value Builder::elu(Value x, double alpha) { return unary("elu", x, {{"alpha", alpha}}); }
Value Builder::clip(Value x, double min, double max) {
  return unary("clip", x, {{"min", min}, {"max", max}});
}
Value Builder::stop_gradient(Value x) { return unary("stop_gradient", x); }
Value Builder::all_reduce(Value x) { return unary("all_reduce", x); }
Value Builder::cast(Value x, DType type) {
  if (graph_.spec(x).dtype == type) return x;
  return unary("cast", x, {{"dtype", std::string(name_of(type))}});
}

// A bare number takes the type of its partner.
Value Builder::typed_like(Value x, Value partner) {
  const Node& node = graph_.node(x);
  const DType type = graph_.spec(partner).dtype;
  if (node.op->name != "constant" || node.outputs[0].dtype == type) return x;
  return graph_.constant(node.attrs.real("value"), {type, Shape(node.outputs[0].shape)});
}

Value Builder::binary(const char* op, Value a, Value b) {
  a = typed_like(a, b);
  b = typed_like(b, a);
  const Shape shape =
      checked(graph_, op, [&] { return common_shape(this->shape(a), this->shape(b)); });
  return graph_.add(op, {broadcast(a, shape), broadcast(b, shape)});
}

Value Builder::add(Value a, Value b) { return binary("add", a, b); }
Value Builder::sub(Value a, Value b) { return binary("sub", a, b); }
Value Builder::mul(Value a, Value b) { return binary("mul", a, b); }
Value Builder::div(Value a, Value b) { return binary("div", a, b); }
Value Builder::pow(Value a, Value b) { return binary("pow", a, b); }
Value Builder::maximum(Value a, Value b) { return binary("maximum", a, b); }
Value Builder::minimum(Value a, Value b) { return binary("minimum", a, b); }
Value Builder::equal(Value a, Value b) { return binary("equal", a, b); }
Value Builder::not_equal(Value a, Value b) { return binary("not_equal", a, b); }
Value Builder::greater(Value a, Value b) { return binary("greater", a, b); }
Value Builder::greater_equal(Value a, Value b) { return binary("greater_equal", a, b); }
Value Builder::less(Value a, Value b) { return binary("less", a, b); }
Value Builder::less_equal(Value a, Value b) { return binary("less_equal", a, b); }

Value Builder::select(Value condition, Value a, Value b) {
  a = typed_like(a, b);
  b = typed_like(b, a);
  const Shape shape = checked(graph_, "select", [&] {
    return common_shape(this->shape(condition), common_shape(this->shape(a), this->shape(b)));
  });
  const Value typed = cast(typed_like(condition, a), graph_.spec(a).dtype);
  return graph_.add("select", {broadcast(typed, shape), broadcast(a, shape), broadcast(b, shape)});
}

// --- reductions ----------------------------------------------------------------------------

Value Builder::reduce(const char* op, Value x, Axes axes, bool keepdims, bool mean) {
  const int rank = shape(x).rank();
  axes = checked(graph_, op, [&] { return all_or(std::move(axes), rank); });
  Attrs attrs = {{"axes", axes}, {"keepdims", std::int64_t{keepdims}}};
  if (mean) attrs.set("mean", std::int64_t{1});
  return graph_.add(op, {x}, std::move(attrs));
}

Value Builder::sum(Value x, Axes axes, bool keepdims) {
  return reduce("sum", x, std::move(axes), keepdims, false);
}
Value Builder::mean(Value x, Axes axes, bool keepdims) {
  return reduce("sum", x, std::move(axes), keepdims, true);
}
Value Builder::max(Value x, Axes axes, bool keepdims) {
  return reduce("max", x, std::move(axes), keepdims, false);
}
Value Builder::min(Value x, Axes axes, bool keepdims) {
  return reduce("min", x, std::move(axes), keepdims, false);
}
Value Builder::argmax(Value x, std::int64_t axis) {
  const int rank = shape(x).rank();
  axis = checked(graph_, "argmax", [&] { return positive_axis(axis, rank); });
  return graph_.add("argmax", {x}, {{"axis", axis}});
}

Value Builder::broadcast(Value x, const Shape& to, bool mean) {
  if (shape(x) == to) return x;
  const Node& node = graph_.node(x);
  if (node.op->name == "constant" && !mean)
    return graph_.constant(node.attrs.real("value"), {node.outputs[0].dtype, to});
  Attrs attrs = {{"shape", to.dims()}};
  if (mean) attrs.set("mean", std::int64_t{1});
  return graph_.add("broadcast", {x}, std::move(attrs));
}

Value Builder::sum_to(Value x, const Shape& to, bool mean) {
  if (shape(x) == to) return x;
  Attrs attrs = {{"shape", to.dims()}};
  if (mean) attrs.set("mean", std::int64_t{1});
  return graph_.add("sum_to", {x}, std::move(attrs));
}

// --- shape ---------------------------------------------------------------------------------

Value Builder::reshape(Value x, const Shape& to) {
  if (shape(x) == to) return x;
  return graph_.add("reshape", {x}, {{"shape", to.dims()}});
}

Value Builder::transpose(Value x, Axes perm) {
  return graph_.add("transpose", {x}, {{"perm", std::move(perm)}});
}

Value Builder::concat(const std::vector<Value>& xs, std::int64_t axis) {
  if (!xs.empty()) {
    const int rank = shape(xs[0]).rank();
    axis = checked(graph_, "concat", [&] { return positive_axis(axis, rank); });
  }
  return graph_.add("concat", xs, {{"axis", axis}});
}

Value Builder::slice(Value x, std::int64_t axis, std::int64_t begin, std::int64_t size) {
  const int rank = shape(x).rank();
  axis = checked(graph_, "slice", [&] { return positive_axis(axis, rank); });
  return graph_.add("slice", {x}, {{"axis", axis}, {"begin", begin}, {"size", size}});
}

Value Builder::pad(Value x, std::int64_t axis, std::int64_t before, std::int64_t after) {
  const int rank = shape(x).rank();
  axis = checked(graph_, "pad", [&] { return positive_axis(axis, rank); });
  return graph_.add("pad", {x}, {{"axis", axis}, {"before", before}, {"after", after}});
}

Value Builder::reverse(Value x, std::int64_t axis) {
  const int rank = shape(x).rank();
  axis = checked(graph_, "reverse", [&] { return positive_axis(axis, rank); });
  return graph_.add("reverse", {x}, {{"axis", axis}});
}

std::vector<Value> Builder::split(Value x, std::int64_t axis, std::int64_t parts) {
  const int rank = shape(x).rank();
  axis = checked(graph_, "split", [&] { return positive_axis(axis, rank); });
  if (parts == 1) return {x};
  const int node = graph_.add("split", {x}, {{"axis", axis}, {"parts", parts}}).node;
  std::vector<Value> all;
  for (int i = 0; i < parts; ++i) all.push_back({node, i});
  return all;
}

Value Builder::one_hot(Value indices, std::int64_t depth) {
  return graph_.add("one_hot", {indices}, {{"depth", depth}});
}

Value Builder::gather(Value table, Value indices) { return graph_.add("gather", {table, indices}); }
Value Builder::scatter_add(Value dy, Value indices, const Shape& table) {
  return graph_.add("scatter_add", {dy, indices}, {{"shape", table.dims()}});
}

// --- products, convolution, pooling --------------------------------------------------------

Value Builder::matmul(Value a, Value b, bool transpose_a, bool transpose_b) {
  return graph_.add("matmul", {a, b}, product_attrs(transpose_a, transpose_b));
}
Value Builder::batch_matmul(Value a, Value b, bool transpose_a, bool transpose_b) {
  return graph_.add("batch_matmul", {a, b}, product_attrs(transpose_a, transpose_b));
}

Value Builder::conv2d(Value x, Value w, const WindowSpec& window) {
  return graph_.add("conv2d", {x, w}, conv_attrs(window));
}
Value Builder::conv2d_backward_data(Value dy, Value w, const Shape& x_shape,
                                    const WindowSpec& window) {
  return graph_.add("conv2d_backward_data", {dy, w}, with_shape(conv_attrs(window), x_shape));
}
Value Builder::conv2d_backward_weights(Value x, Value dy, const Shape& w_shape,
                                       const WindowSpec& window) {
  return graph_.add("conv2d_backward_weights", {x, dy}, with_shape(conv_attrs(window), w_shape));
}

Value Builder::conv3d(Value x, Value w, const WindowSpec& window) {
  return graph_.add("conv3d", {x, w}, conv_attrs(window));
}
Value Builder::conv3d_backward_data(Value dy, Value w, const Shape& x_shape,
                                    const WindowSpec& window) {
  return graph_.add("conv3d_backward_data", {dy, w}, with_shape(conv_attrs(window), x_shape));
}
Value Builder::conv3d_backward_weights(Value x, Value dy, const Shape& w_shape,
                                       const WindowSpec& window) {
  return graph_.add("conv3d_backward_weights", {x, dy}, with_shape(conv_attrs(window), w_shape));
}

Value Builder::depthwise_conv2d(Value x, Value w, const WindowSpec& window) {
  return graph_.add("depthwise_conv2d", {x, w}, conv_attrs(window));
}
Value Builder::depthwise_conv2d_backward_data(Value dy, Value w, const Shape& x_shape,
                                              const WindowSpec& window) {
  return graph_.add("depthwise_conv2d_backward_data", {dy, w},
                    with_shape(conv_attrs(window), x_shape));
}
Value Builder::depthwise_conv2d_backward_weights(Value x, Value dy, const Shape& w_shape,
                                                 const WindowSpec& window) {
  return graph_.add("depthwise_conv2d_backward_weights", {x, dy},
                    with_shape(conv_attrs(window), w_shape));
}

Value Builder::max_pool2d(Value x, const WindowSpec& window) {
  return graph_.add("max_pool2d", {x}, pool_attrs(window));
}
Value Builder::max_pool2d_backward(Value x, Value y, Value dy, const WindowSpec& window) {
  return graph_.add("max_pool2d_backward", {x, y, dy}, pool_attrs(window));
}
Value Builder::avg_pool2d(Value x, const WindowSpec& window) {
  return graph_.add("avg_pool2d", {x}, pool_attrs(window));
}
Value Builder::avg_pool2d_backward(Value dy, const Shape& x_shape, const WindowSpec& window) {
  return graph_.add("avg_pool2d_backward", {dy}, with_shape(pool_attrs(window), x_shape));
}

Value Builder::max_pool3d(Value x, const WindowSpec& window) {
  return graph_.add("max_pool3d", {x}, pool_attrs(window));
}
Value Builder::max_pool3d_backward(Value x, Value y, Value dy, const WindowSpec& window) {
  return graph_.add("max_pool3d_backward", {x, y, dy}, pool_attrs(window));
}
Value Builder::avg_pool3d(Value x, const WindowSpec& window) {
  return graph_.add("avg_pool3d", {x}, pool_attrs(window));
}
Value Builder::avg_pool3d_backward(Value dy, const Shape& x_shape, const WindowSpec& window) {
  return graph_.add("avg_pool3d_backward", {dy}, with_shape(pool_attrs(window), x_shape));
}

// --- normalisation -------------------------------------------------------------------------

Value Builder::softmax(Value x) { return unary("softmax", x); }

Value Builder::batch_norm(Value x, Value gamma, Value beta, double epsilon) {
  return graph_.add("batch_norm", {x, gamma, beta}, {{"epsilon", epsilon}});
}
Value Builder::batch_norm_backward(Value x, Value gamma, Value mean, Value variance, Value dy,
                                   double epsilon) {
  return graph_.add("batch_norm_backward", {x, gamma, mean, variance, dy}, {{"epsilon", epsilon}});
}

// --- recurrence ------------------------------------------------------------------------------

namespace {

Attrs recurrence_attrs(const Recurrence& r) {
  return {{"activation", r.activation},
          {"gate_activation", r.gate_activation},
          {"reverse", std::int64_t{r.reverse}},
          {"masked", std::int64_t{bool(r.mask)}},
          {"dropped", std::int64_t{bool(r.dropout)}}};
}

// The inputs there are, those that may be missing last.
std::vector<Value> with_options(std::vector<Value> inputs, const Recurrence& r) {
  inputs.erase(std::remove_if(inputs.begin(), inputs.end(), [](Value v) { return !v; }),
               inputs.end());
  if (r.mask) inputs.push_back(r.mask);
  if (r.dropout) inputs.push_back(r.dropout);
  return inputs;
}

Attrs gru_attrs(const Recurrence& r) {
  Attrs attrs = recurrence_attrs(r);
  attrs.set("reset_after", std::int64_t{r.reset_after});
  return attrs;
}

}  // namespace

Value Builder::simple_rnn(Value x, Value kernel, Value h, const Recurrence& r) {
  return graph_.add("simple_rnn", with_options({x, kernel, h}, r), recurrence_attrs(r));
}
Value Builder::simple_rnn_backward(Value kernel, Value h, Value dh, const Recurrence& r) {
  return graph_.add("simple_rnn_backward", with_options({kernel, h, dh}, r), recurrence_attrs(r));
}
Value Builder::lstm(Value x, Value kernel, Value h, Value c, const Recurrence& r) {
  return graph_.add("lstm", with_options({x, kernel, h, c}, r), recurrence_attrs(r));
}
Value Builder::lstm_backward(Value kernel, Value c_before, Value c, Value gates, Value dh, Value dc,
                             const Recurrence& r) {
  return graph_.add("lstm_backward", with_options({kernel, c_before, c, gates, dh, dc}, r),
                    recurrence_attrs(r));
}
Value Builder::gru(Value x, Value kernel, Value h, const Recurrence& r, Value bias) {
  if (r.reset_after && !bias) bias = constant(0, {DType::f32, {shape(kernel)[0]}});
  return graph_.add("gru", with_options({x, kernel, h, bias}, r), gru_attrs(r));
}
Value Builder::gru_backward(Value kernel, Value h_before, Value h, Value gates, Value product,
                            Value dh, const Recurrence& r) {
  return graph_.add("gru_backward", with_options({kernel, h_before, h, gates, dh, product}, r),
                    gru_attrs(r));
}

// --- random, state -------------------------------------------------------------------------

Value Builder::random_uniform(Value rng, const Shape& to, std::int64_t stream) {
  return graph_.add("random_uniform", {rng}, {{"shape", to.dims()}, {"stream", stream}});
}
Value Builder::random_normal(Value rng, const Shape& to, std::int64_t stream) {
  return graph_.add("random_normal", {rng}, {{"shape", to.dims()}, {"stream", stream}});
}
Value Builder::dropout(Value x, Value rng, double rate, std::int64_t stream) {
  return graph_.add("dropout", {x, rng}, {{"rate", rate}, {"stream", stream}});
}

Value Builder::ctc_loss(Value logits, Value labels, Value input_length, Value label_length) {
  return graph_.add("ctc_loss", {logits, labels, input_length, label_length});
}
Value Builder::ctc_loss_backward(Value logits, Value labels, Value input_length, Value label_length,
                                 Value dy) {
  return graph_.add("ctc_loss_backward", {logits, labels, input_length, label_length, dy});
}
Value Builder::ctc_decode(Value logits, Value input_length, std::int64_t beam_width,
                          std::int64_t top_paths) {
  return graph_.add("ctc_decode", {logits, input_length},
                    {{"beam_width", beam_width}, {"top_paths", top_paths}});
}

Value Builder::assign(Value variable, Value value) {
  return graph_.add("assign",
                    {variable, broadcast(typed_like(value, variable), Shape(shape(variable)))});
}
Value Builder::rng_advance(Value rng) { return graph_.add("rng_advance", {rng}); }

}  // namespace hornet
