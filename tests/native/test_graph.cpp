// Building graphs: shapes and their errors, gradients against finite differences, simplification.
#include "check.h"
#include "graph/fused.h"
#include "graph/passes.h"
#include "graph_helpers.h"

using namespace hornet;
using namespace hornet::testing;

namespace {

// --- gradients -----------------------------------------------------------------------------------

// Inputs of the shapes given, all fed; `build` makes the value to differentiate.
struct GradientCase {
  const char* name;
  std::vector<Shape> shapes;
  std::function<Value(Builder&, const std::vector<Value>&)> build;
  bool second = true;         // second derivatives exist too
  double low = -2, high = 2;  // domain of the inputs
};

constexpr Dim kBatch = 3;

double total(const Doubles& x, const Doubles& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * weights[i];
  return sum;
}

// d(sum(value * weights))/d(inputs) by central differences.
std::vector<Doubles> differences(const Graph& graph, World world, Value value,
                                 const Doubles& weights) {
  const double h = 1e-5;
  std::vector<Doubles> slopes;
  for (std::size_t i = 0; i < world.feeds.size(); ++i) {
    slopes.emplace_back();
    for (double& x : world.feeds[i]) {
      const double at = x;
      x = at + h;
      const double up = total(Naive(graph, world, kBatch)(value), weights);
      x = at - h;
      const double down = total(Naive(graph, world, kBatch)(value), weights);
      x = at;
      slopes.back().push_back((up - down) / (2 * h));
    }
  }
  return slopes;
}

// Compares the graph's gradient of sum(value * weights) with differences; returns the gradients.
std::vector<Value> check_gradient(const char* name, Builder& b, const World& world, Value value,
                                  const std::vector<Value>& inputs, Random& random) {
  Graph& graph = b.graph();
  const Shape shape = graph.shape(value);
  const Dim n = shape.bind(kBatch).numel();
  const Doubles weights = random_doubles(random, n);
  // The weights enter as one more input, unknown to the differences.
  World with_weights = world;
  const Value w = graph.input(static_cast<int>(world.feeds.size()), f32(shape));
  with_weights.feeds.push_back(weights);
  const Value loss = b.sum(b.mul(value, w), {});
  const auto grads = gradient(graph, loss, inputs);
  const auto slopes = differences(graph, world, value, weights);
  Naive naive(graph, with_weights, kBatch);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Doubles expected = slopes[i];
    const Doubles got = grads[i] ? naive(grads[i]) : Doubles(expected.size(), 0);
    const double off = distance(got, expected);
    if (!CHECK(off < 1e-6)) std::printf("  %s, input %zu: off by %g\n", name, i + 1, off);
  }
  return grads;
}

void run_gradient_case(const GradientCase& c) {
  Random random(17);
  Graph graph;
  Builder b(graph);
  World world;
  world.variables[0] = {5, 6, 7, 0};  // of random_state()
  std::vector<Value> inputs;
  std::uniform_real_distribution<double> domain(c.low, c.high);
  for (const Shape& shape : c.shapes) {
    inputs.push_back(graph.input(static_cast<int>(inputs.size()), f32(shape)));
    Doubles x(static_cast<std::size_t>(shape.bind(kBatch).numel()));
    for (double& v : x) v = domain(random);
    world.feeds.push_back(x);
  }
  graph.set_origin("layer \"x\"");
  const Value value = c.build(b, inputs);
  const auto grads = check_gradient(c.name, b, world, value, inputs, random);
  if (!c.second) return;
  // The first gradients, squared so that linear ops have something to differentiate.
  Graph again;
  Builder b2(again);
  std::vector<Value> inputs2;
  for (const Shape& shape : c.shapes)
    inputs2.push_back(again.input(static_cast<int>(inputs2.size()), f32(shape)));
  const Value value2 = c.build(b2, inputs2);
  const auto first = gradient(again, b2.sum(b2.mul(value2, b2.tanh(value2)), {}), inputs2);
  for (Value g : first)
    if (g) check_gradient((std::string(c.name) + ", twice").c_str(), b2, world, g, inputs2, random);
}

Value random_state(Builder& b) { return b.graph().variable(0, {DType::i32, {4}}); }

std::vector<GradientCase> gradient_cases() {
  using In = std::vector<Value>;
  std::vector<GradientCase> cases;
  const Shape m{-1, 4};
  const auto one = [&](const char* name, Value (Builder::*op)(Value), double low = -2,
                       double high = 2) {
    cases.push_back(
        {name, {m}, [op](Builder& b, const In& in) { return (b.*op)(in[0]); }, true, low, high});
  };
  one("neg", &Builder::neg);
  one("abs", &Builder::abs);
  one("exp", &Builder::exp);
  one("log", &Builder::log, 0.2);
  one("sqrt", &Builder::sqrt, 0.2);
  one("square", &Builder::square);
  one("reciprocal", &Builder::reciprocal, 0.5);
  one("sin", &Builder::sin);
  one("cos", &Builder::cos);
  one("tanh", &Builder::tanh);
  one("sigmoid", &Builder::sigmoid);
  one("softplus", &Builder::softplus);
  one("relu", &Builder::relu);
  one("softmax", &Builder::softmax);
  const auto add = [&](const char* name, std::vector<Shape> shapes,
                       std::function<Value(Builder&, const In&)> build, bool second = true,
                       double low = -2, double high = 2) {
    cases.push_back({name, std::move(shapes), std::move(build), second, low, high});
  };
  add("elu", {m}, [](Builder& b, const In& in) { return b.elu(in[0], 0.8); });
  add("elu, negative alpha", {m}, [](Builder& b, const In& in) { return b.elu(in[0], -0.5); });
  add("clip", {m}, [](Builder& b, const In& in) { return b.clip(in[0], -0.7, 0.9); });
  add("add", {m, {4}}, [](Builder& b, const In& in) { return b.add(in[0], in[1]); });
  add("sub", {{-1, 1}, {4}}, [](Builder& b, const In& in) { return b.sub(in[0], in[1]); });
  add("mul", {m, {-1, 1}}, [](Builder& b, const In& in) { return b.mul(in[0], in[1]); });
  add(
      "div", {m, {}}, [](Builder& b, const In& in) { return b.div(in[0], in[1]); }, true, 0.5);
  add(
      "pow", {m, m}, [](Builder& b, const In& in) { return b.pow(in[0], in[1]); }, true, 0.3);
  add("maximum", {m, m}, [](Builder& b, const In& in) { return b.maximum(in[0], in[1]); });
  add("minimum", {m, m}, [](Builder& b, const In& in) { return b.minimum(in[0], in[1]); });
  add("select", {m, m, m}, [](Builder& b, const In& in) {
    return b.select(b.greater(in[0], b.scalar(0)), in[1], b.square(in[2]));
  });
  add("sum", {{-1, 2, 3}}, [](Builder& b, const In& in) { return b.sum(in[0], {0, 2}); });
  add("mean of all", {m}, [](Builder& b, const In& in) { return b.mean(b.exp(in[0]), {}); });
  add("mean over the batch", {m},
      [](Builder& b, const In& in) { return b.mean(in[0], {0}, true); });
  add("max", {m}, [](Builder& b, const In& in) { return b.max(in[0], {1}); });
  add("min", {m}, [](Builder& b, const In& in) { return b.min(in[0], {0}, true); });
  add("broadcast", {{4}}, [](Builder& b, const In& in) { return b.broadcast(in[0], {-1, 4}); });
  add("broadcast a mean", {{-1, 1}}, [](Builder& b, const In& in) {
    return b.broadcast(in[0], {-1, 4}, true);
  });
  add("sum_to", {m}, [](Builder& b, const In& in) { return b.sum_to(in[0], {4}); });
  add("sum_to a mean", {m}, [](Builder& b, const In& in) {
    return b.sum_to(in[0], {-1, 1}, true);
  });
  add("reshape", {{-1, 2, 3}}, [](Builder& b, const In& in) { return b.reshape(in[0], {-2, 3}); });
  add("transpose", {{-1, 2, 3}}, [](Builder& b, const In& in) {
    return b.transpose(in[0], {2, 0, 1});
  });
  add("concat", {m, {-1, 2}}, [](Builder& b, const In& in) { return b.concat({in[0], in[1]}, 1); });
  add("concat along the batch", {m, m}, [](Builder& b, const In& in) {
    return b.concat({in[0], b.exp(in[1])}, 0);
  });
  add("slice", {m}, [](Builder& b, const In& in) { return b.slice(in[0], 1, 1, 2); });
  add("pad", {m}, [](Builder& b, const In& in) { return b.pad(in[0], 1, 1, 2); });
  for (int t = 0; t < 4; ++t) {
    const bool ta = t & 1, tb = t & 2;
    add("matmul", {ta ? Shape{4, -1} : Shape{-1, 4}, tb ? Shape{5, 4} : Shape{4, 5}},
        [ta, tb](Builder& b, const In& in) { return b.matmul(in[0], in[1], ta, tb); });
    add("batch_matmul",
        {ta ? Shape{2, 4, -1} : Shape{2, -1, 4}, tb ? Shape{2, 5, 4} : Shape{2, 4, 5}},
        [ta, tb](Builder& b, const In& in) { return b.batch_matmul(in[0], in[1], ta, tb); });
  }
  WindowSpec window(2);
  window.strides = {2, 1};
  window.padding = {1, 0, 0, 1};
  window.dilation = {1, 2};
  add("conv2d", {{-1, 5, 6, 2}, {3, 2, 2, 3}},
      [window](Builder& b, const In& in) { return b.conv2d(in[0], in[1], window); });
  add("depthwise_conv2d", {{-1, 5, 6, 2}, {3, 2, 2, 3}},
      [window](Builder& b, const In& in) { return b.depthwise_conv2d(in[0], in[1], window); });
  WindowSpec cube(3);
  cube.strides = {2, 1, 1};
  cube.padding = {1, 1, 1, 0, 0, 1};
  cube.dilation = {1, 1, 2};
  add("conv3d", {{-1, 3, 3, 4, 2}, {2, 3, 2, 2, 2}},
      [cube](Builder& b, const In& in) { return b.conv3d(in[0], in[1], cube); });
  WindowSpec pool(2);
  pool.size = {2, 3};
  pool.strides = {1, 2};
  pool.padding = {1, 0, 1, 1};
  add(
      "max_pool2d", {{-1, 4, 5, 2}},
      [pool](Builder& b, const In& in) { return b.max_pool2d(in[0], pool); }, false);
  add("avg_pool2d", {{-1, 4, 5, 2}},
      [pool](Builder& b, const In& in) { return b.avg_pool2d(in[0], pool); });
  WindowSpec pool_cube(3);
  pool_cube.size = {2, 3, 2};
  pool_cube.strides = {1, 2, 2};
  pool_cube.padding = {1, 0, 1, 1, 0, 1};
  add(
      "max_pool3d", {{-1, 3, 4, 5, 2}},
      [pool_cube](Builder& b, const In& in) { return b.max_pool3d(in[0], pool_cube); }, false);
  add("avg_pool3d", {{-1, 3, 4, 5, 2}},
      [pool_cube](Builder& b, const In& in) { return b.avg_pool3d(in[0], pool_cube); });
  for (int output = 0; output < 3; ++output)
    add("batch_norm", {{-1, 3, 2}, {2}, {2}}, [output](Builder& b, const In& in) {
      return Value{b.batch_norm(in[0], in[1], in[2], 1e-3).node, output};
    });
  add(
      "dropout", {m},
      [](Builder& b, const In& in) { return b.dropout(in[0], random_state(b), 0.4, 3); }, true);
  add("a value used three times", {m},
      [](Builder& b, const In& in) { return b.mul(b.add(in[0], b.exp(in[0])), in[0]); });
  return cases;
}

void gradients() {
  for (const GradientCase& c : gradient_cases())
    test((std::string("the gradient of ") + c.name + " is right").c_str(),
         [&] { run_gradient_case(c); });
  test("gradients that do not flow are empty", [] {
    Graph graph;
    Builder b(graph);
    const Value x = graph.input(0, f32({-1, 4})), y = graph.input(1, f32({-1, 4}));
    const Value loss = b.sum(b.add(b.stop_gradient(b.exp(x)), b.round(x)), {});
    const auto grads = gradient(graph, loss, {x, y});
    CHECK(!grads[0] && !grads[1]);
  });
  test("nothing is computed for what is not asked for", [] {
    Graph graph;
    Builder b(graph);
    const Value x = graph.input(0, f32({-1, 8, 8, 3})), w = graph.variable(0, f32({3, 3, 3, 4}));
    const auto grads = gradient(graph, b.sum(b.square(b.conv2d(x, w, WindowSpec(2))), {}), {w});
    const Program program = simplify(graph, {{grads[0]}, {}});
    CHECK(program.graph.to_string().find("conv2d_backward_data") == std::string::npos);
    CHECK(program.graph.to_string().find("conv2d_backward_weights") != std::string::npos);
  });
  test("second derivatives that do not exist say so", [] {
    Graph graph;
    Builder b(graph);
    const Value x = graph.input(0, f32({-1, 8, 8, 3}));
    WindowSpec pool(2);
    pool.size = pool.strides = {2, 2};
    const auto first = gradient(graph, b.sum(b.square(b.max_pool2d(x, pool)), {}), {x});
    CHECK_THROWS(gradient(graph, b.sum(b.square(first[0]), {}), {x}), "second derivatives");
  });
  test("gradients carry the name of their layer", [] {
    Graph graph;
    Builder b(graph);
    const Value x = graph.input(0, f32({-1, 4}));
    graph.set_origin("layer \"dense_2\"");
    const Value y = b.exp(x);
    graph.set_origin("loss");
    const auto grads = gradient(graph, b.sum(y, {}), {x});
    CHECK(graph.node(grads[0]).origin == "gradient of layer \"dense_2\"");
    CHECK(graph.origin() == "loss");
  });
}

// --- shapes and their errors
// ----------------------------------------------------------------------

void shapes() {
  test("errors name the layer, the operation and the shapes", [] {
    Graph graph;
    Builder b(graph);
    const Value x = graph.input(0, f32({-1, 784})), w = graph.variable(0, f32({100, 10}));
    graph.set_origin("layer \"dense_2\"");
    CHECK_THROWS(b.matmul(x, w), "layer \"dense_2\": matmul: the left matrix has 784 columns");
    CHECK_THROWS(b.add(x, w), "layer \"dense_2\": add: shapes (None, 784) and (100, 10)");
    CHECK_THROWS(b.reshape(x, {-1, 10}), "cannot be reshaped to (None, 10)");
    CHECK_THROWS(b.conv2d(x, w, WindowSpec(2)),
                 "the input must have 4 dimensions, it has shape (None, 784)");
    CHECK_THROWS(b.sum(x, {2}), "no axis 3");
    CHECK_THROWS(b.concat({x, w}, 1), "cannot be joined along axis 2");
    CHECK_THROWS(b.assign(x, x), "only variables");
    CHECK_THROWS(b.matmul(x, {99, 0}), "not a value of this graph");
    CHECK_THROWS(b.apply("no_such_op", {x}, {}), "there is no operation named \"no_such_op\"");
    CHECK_THROWS(b.apply("elu", {x, x}, {}), "elu: expected 1 inputs, got 2");
    CHECK_THROWS(b.apply("elu", {x}, {{"alpha", std::string("a")}}), "\"alpha\" must be a number");
  });
  test("convolutions do not fit into small images", [] {
    Graph graph;
    Builder b(graph);
    const Value x = graph.input(0, f32({-1, 4, 4, 3})), w = graph.variable(0, f32({5, 5, 3, 8}));
    CHECK_THROWS(b.conv2d(x, w, WindowSpec(2)), "a window of 5 does not fit into 4 rows");
    const Value v = graph.variable(1, f32({3, 3, 4, 8}));
    CHECK_THROWS(b.conv2d(x, v, WindowSpec(2)), "the kernel expects 4 channels, the input has 3");
  });
  test("only one dimension may depend on the batch", [] {
    Graph graph;
    Builder b(graph);
    const Value x = graph.input(0, f32({-1, 3})), y = graph.input(1, f32({-1, 3}));
    CHECK_THROWS(b.matmul(x, y, false, true), "only one dimension may depend on the batch size");
    CHECK(graph.shape(b.matmul(x, y, true, false)) == (Shape{3, 3}));
    CHECK_THROWS(graph.input(2, f32({-1, -1})), "only one dimension");
  });
  test("the batch is a dimension like others where it can be", [] {
    Graph graph;
    Builder b(graph);
    const Value x = graph.input(0, f32({-1, 28, 28}));
    CHECK(graph.shape(b.reshape(x, {-28, 28})) == (Shape{-28, 28}));
    CHECK(graph.shape(b.concat({x, x}, 0)) == (Shape{-2, 28, 28}));
    CHECK(graph.shape(b.sum(x, {0})) == (Shape{28, 28}));
    CHECK(graph.shape(b.mean(x, {-1}, true)) == (Shape{-1, 28, 1}));
    CHECK(graph.shape(b.one_hot(b.argmax(x, 2), 5)) == (Shape{-1, 28, 5}));
    const Value rows = b.slice(x, 0, 1, 2);  // by number
    CHECK(graph.shape(rows) == (Shape{2, 28, 28}));
    CHECK(graph.shape(gradient(graph, b.sum(rows, {}), {x})[0]) == (Shape{-1, 28, 28}));
    CHECK_THROWS(b.slice(x, 0, -1, 2), "the axis of the batch cannot be cut");
    CHECK_THROWS(b.add(b.reshape(x, {-28, 28}), x), "do not fit together");
  });
  test("a variable is one node", [] {
    Graph graph;
    CHECK(graph.variable(3, f32({2})) == graph.variable(3, f32({2})));
    CHECK_THROWS(graph.variable(4, f32({-1})), "cannot have a dimension that depends on the batch");
  });
  test("attributes convert and complain", [] {
    Attrs attrs{{"rate", 0.5},
                {"axis", std::int64_t{2}},
                {"perm", std::vector<double>{1, 0}},
                {"name", std::string("x")}};
    CHECK(attrs.real("axis") == 2);
    CHECK((attrs.integers("perm") == std::vector<std::int64_t>{1, 0}));
    CHECK((attrs.integers("axis") == std::vector<std::int64_t>{2}));
    CHECK_THROWS(attrs.integer("rate"), "\"rate\" must be a whole number");
    CHECK_THROWS(attrs.real("name"), "must be a number");
    CHECK_THROWS(attrs.integers("none"), "\"none\" is missing");
  });
}

// --- simplification and fusion
// ----------------------------------------------------------------------

struct Simple {
  Graph graph;
  Builder b{graph};
  Value x = graph.input(0, f32({-1, 4})), y = graph.input(1, f32({-1, 4}));

  // What computing `v` comes to: the ops of the simplified graph in order, leaves left out.
  std::string ops(Value v, bool fused = false) {
    Program program = simplify(graph, {{v}, {}});
    if (fused) program = fuse(program);
    std::string text;
    for (int id = 0; id < program.graph.size(); ++id)
      if (!program.graph.node(id).op->is(OpFlag::leaf))
        text += (text.empty() ? "" : " ") + program.graph.node(id).op->name;
    return text;
  }
  double constant(Value v) {
    const Program program = simplify(graph, {{v}, {}});
    const Node& node = program.graph.node(program.targets.fetches[0]);
    return node.op->name == "constant" ? node.attrs.real("value") : NAN;
  }
};

void simplification() {
  test("what does nothing disappears", [] {
    Simple s;
    Builder& b = s.b;
    const Value one = b.scalar(1), zero = b.scalar(0);
    for (Value v : {b.add(s.x, zero), b.add(zero, s.x), b.sub(s.x, zero), b.mul(one, s.x),
                    b.mul(s.x, one), b.div(s.x, one), b.neg(b.neg(s.x)), b.pow(s.x, one),
                    b.stop_gradient(s.x), b.transpose(b.transpose(s.x, {1, 0}), {1, 0}),
                    b.transpose(s.x, {0, 1}), b.concat({s.x}, 1), b.slice(s.x, 1, 0, 4),
                    b.pad(s.x, 1, 0, 0), b.reshape(b.reshape(s.x, {-4}), {-1, 4}),
                    b.select(one, s.x, s.y), b.select(b.greater(s.x, s.y), s.y, s.y),
                    b.add(s.x, b.neg(zero)), b.cast(s.x, DType::f32)})
      CHECK(s.ops(v).empty());
  });
  test("what is the same is computed once", [] {
    Simple s;
    Builder& b = s.b;
    CHECK(s.ops(b.add(b.exp(s.x), b.neg(b.exp(s.x)))) == "exp neg sub" ||
          s.ops(b.add(b.exp(s.x), b.neg(b.exp(s.x)))) == "exp sub");
    CHECK(s.ops(b.mul(b.add(s.x, s.y), b.add(s.y, s.x))) == "add square");
    CHECK(s.ops(b.relu(b.relu(s.x))) == "relu");
    CHECK(s.ops(b.square(b.neg(s.x))) == "square");
    CHECK(s.ops(b.mul(s.x, b.scalar(-1))) == "neg");
    CHECK(s.ops(b.pow(s.x, b.scalar(2))) == "square");
  });
  test("constants are folded", [] {
    Simple s;
    Builder& b = s.b;
    CHECK(s.constant(b.add(b.scalar(2), b.mul(b.scalar(3), b.scalar(4)))) == 14);
    CHECK(s.constant(b.clip(b.scalar(-3), -1, 2)) == -1);
    CHECK(s.constant(b.clip(b.scalar(3), -1, 2)) == 2);
    CHECK(s.constant(b.elu(b.scalar(-1), 2)) == 2 * std::expm1(-1.0));
    CHECK(s.constant(b.select(b.less(b.scalar(1), b.scalar(2)), b.scalar(5), b.scalar(6))) == 5);
    CHECK(s.constant(b.broadcast(b.reshape(b.exp(b.scalar(0)), {1, 1}), {-1, 4})) == 1);
    CHECK(s.constant(b.sqrt(b.square(b.scalar(3)))) == 3);
    CHECK(s.ops(b.div(s.x, b.scalar(4))) == "mul");
    CHECK(s.ops(b.div(s.x, b.scalar(3))) == "div");
  });
  test("shape changes that move nothing are views", [] {
    Simple s;
    Builder& b = s.b;
    const Value column = s.graph.input(2, f32({-1, 1}));
    CHECK(s.ops(b.mean(column, {1})) == "reshape");
    CHECK(s.ops(b.max(column, {1}, true)).empty());
    CHECK(s.ops(b.sum_to(column, {-1, 1})).empty());
    CHECK(s.ops(b.broadcast(s.x, {1, -1, 4})) == "reshape");
    CHECK(s.ops(b.reshape(b.reshape(s.x, {-4}), {-2, 2})) == "reshape");
    CHECK(s.ops(b.matmul(b.transpose(s.x, {1, 0}), s.y)) == "matmul");
    CHECK(s.ops(b.transpose(b.transpose(b.reshape(s.x, {-1, 2, 2}), {1, 2, 0}), {1, 2, 0})) ==
          "reshape transpose");
  });
  test("what is repeated is computed before", [] {
    Simple s;
    Builder& b = s.b;
    const Value v = s.graph.variable(0, f32({4}));
    const Value repeated = b.sqrt(b.add(b.broadcast(v, {-1, 4}), b.scalar(1)));
    CHECK(s.ops(repeated) == "add sqrt broadcast");
  });
}

void fusion() {
  test("a dense layer is one node, its gradient too where it can", [] {
    Simple s;
    Builder& b = s.b;
    const Value w = s.graph.variable(0, f32({4, 5})), bias = s.graph.variable(1, f32({5}));
    CHECK(s.ops(b.relu(b.add(b.matmul(s.x, w), bias)), true) == "dense");
    CHECK(s.ops(b.add(bias, b.matmul(s.x, w)), true) == "dense");
    CHECK(s.ops(b.exp(b.add(b.matmul(s.x, w), bias)), true) == "dense fused");
    const Value product = b.matmul(s.x, w);
    CHECK(s.ops(b.add(b.add(product, bias), b.sin(product)), true) == "matmul fused");
  });
  test("a convolution takes its bias and activation along", [] {
    Simple s;
    Builder& b = s.b;
    const Value image = s.graph.input(2, f32({-1, 8, 8, 3}));
    const Value w = s.graph.variable(0, f32({3, 3, 3, 5})), bias = s.graph.variable(1, f32({5}));
    CHECK(s.ops(b.relu(b.add(b.conv2d(image, w, WindowSpec(2)), bias)), true) == "conv2d_bias");
  });
  test("a chain is one node, through reshapes, rows, columns and scalars", [] {
    Simple s;
    Builder& b = s.b;
    const Value row = s.graph.variable(0, f32({4})), column = s.graph.input(2, f32({-1, 1}));
    const Value flat = b.reshape(b.mul(b.exp(s.x), row), {-4});
    const Value back = b.reshape(b.add(flat, b.scalar(2)), {-1, 4});
    CHECK(s.ops(b.div(back, column), true) == "fused");
  });
  test("a path that leaves a chain and comes back keeps it apart", [] {
    Simple s;
    Builder& b = s.b;
    const Value e = b.exp(s.x);
    CHECK(s.ops(b.mul(e, b.softmax(b.neg(e))), true) == "fused softmax fused");
    CHECK(s.ops(b.div(e, b.sum(e, {1}, true)), true) == "fused sum fused");
  });
  test("a fused node keeps the limits", [] {
    Simple s;
    Value v = s.x;
    for (int i = 0; i < 300; ++i) v = s.b.sin(s.b.add(v, s.b.scalar(i)));
    const Program program = fuse(simplify(s.graph, {{v}, {}}));
    for (int id = 0; id < program.graph.size(); ++id) {
      const Node& node = program.graph.node(id);
      if (node.op->name != "fused") continue;
      const FusedProgram fused = FusedProgram::from_attrs(node.attrs);
      CHECK(fused.code.size() <= kMaxFusedInstructions);
      CHECK(fused.inputs.size() <= kMaxFusedInputs);
      CHECK(FusedProgram::from_attrs(fused.to_attrs()).to_string() == fused.to_string());
    }
    Value sum = s.x;
    for (int i = 0; i < 100; ++i) sum = s.b.add(sum, s.graph.variable(i, f32({4})));
    const Program wide = fuse(simplify(s.graph, {{sum}, {}}));
    for (int id = 0; id < wide.graph.size(); ++id)
      CHECK(wide.graph.node(id).inputs.size() <= kMaxFusedInputs);
  });
}

}  // namespace

int main() {
  gradients();
  shapes();
  simplification();
  fusion();
  return check_result();
}
