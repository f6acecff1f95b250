// Three nets that train on the processor and on the device, from the same weights on the same data.
#include <cmath>
#include <cstdio>

#include "graph/passes.h"
#include "parts.h"

namespace hornet::cuda_check {
namespace {

constexpr Dim kRows = 24;
// Each step adds its rounding to all that follow.
constexpr double kTolerance = 1e-3;

// A net under construction: weights are variables whose ids count from 0, the random state is the
// last one.
struct Net {
  Graph graph;
  Builder b{graph};
  std::vector<Value> weights;
  std::vector<Shape> feeds;

  Value input(Shape shape) {
    feeds.push_back(shape);
    return graph.input(static_cast<int>(feeds.size()) - 1, {DType::f32, std::move(shape)});
  }
  Value weight(Shape shape) {
    weights.push_back(
        graph.variable(static_cast<int>(weights.size()) + 1, {DType::f32, std::move(shape)}));
    return weights.back();
  }
  Value rng() { return graph.variable(0, {DType::i32, {4}}); }
  Value dense(Value x, Dim in, Dim out) {
    return b.add(b.matmul(x, weight({in, out})), weight({out}));
  }
  Value squared_error(Value y, Value target) { return b.mean(b.square(b.sub(y, target)), {}); }
};

// Each returns the loss.

Value convolutional(Net& net) {
  Builder& b = net.b;
  const Value x = net.input({-1, 12, 12, 3}), target = net.input({-1, 5});
  WindowSpec same(2), pool(2);
  same.padding = {1, 1, 1, 1};
  pool.size = pool.strides = {2, 2};
  Value y = b.relu(b.add(b.conv2d(x, net.weight({3, 3, 3, 8}), same), net.weight({8})));
  const Value gamma = net.weight({8}), beta = net.weight({8});
  y = b.max_pool2d(b.batch_norm(y, gamma, beta, 1e-3), pool);
  y = b.relu(b.conv2d(y, net.weight({3, 3, 8, 16}), same));
  y = b.dropout(b.reshape(b.avg_pool2d(y, pool), {-1, 144}), net.rng(), 0.25, 1);
  const Value p = b.softmax(net.dense(y, 144, 5));
  return b.mean(b.neg(b.sum(b.mul(b.softmax(b.mul(target, b.scalar(5))), b.log(p)), {1})), {});
}

Value recurrent(Net& net) {
  Builder& b = net.b;
  const Value x = net.input({-1, 10, 8}), target = net.input({-1, 3});
  const Value products = b.reshape(net.dense(b.reshape(x, {-10, 8}), 8, 64), {-1, 10, 64});
  const Value none = b.mul(b.slice(b.reshape(products, {-1, 640}), 1, 0, 16), b.scalar(0));
  const Value h = b.lstm(products, net.weight({16, 64}), none, none, {});
  return net.squared_error(net.dense(b.reshape(b.slice(h, 1, 9, 1), {-1, 16}), 16, 3), target);
}

Value two_outputs(Net& net) {
  Builder& b = net.b;
  const Value x = net.input({-1, 20}), left = net.input({-1, 1}), right = net.input({-1, 4});
  const Value shared = b.tanh(net.dense(x, 20, 33));
  const Value a = net.dense(shared, 33, 1);
  const Value c = b.sigmoid(net.dense(b.concat({shared, a}, 1), 34, 4));
  return b.add(net.squared_error(a, left), b.mul(net.squared_error(c, right), b.scalar(0.3)));
}

// The losses of `steps` steps of gradient descent.
Floats train(Value (*build)(Net&), int steps, const std::shared_ptr<Device>& device) {
  Net net;
  Targets targets;
  const Value loss = build(net);
  targets.fetches = {loss};
  const std::vector<Value> gradients = gradient(net.graph, loss, net.weights);
  auto variables = std::make_shared<Variables>();
  variables->add("rng", {DType::i32, {4}});
  targets.updates.push_back(net.graph.add("assign", {net.rng(), net.b.rng_advance(net.rng())}));
  for (std::size_t i = 0; i < net.weights.size(); ++i) {
    const Value w = net.weights[i];
    targets.updates.push_back(
        net.graph.add("assign", {w, net.b.sub(w, net.b.mul(gradients[i], net.b.scalar(0.05)))}));
    const int id = variables->add("weight", net.graph.spec(w));
    Floats start = noise(net.graph.shape(w).numel(), 1000 + i);
    for (float& v : start) v *= 0.4f;
    variables->write(id, start.data(), start.size() * sizeof(float));
  }
  Function function(net.graph, targets, variables);
  const auto executable = function.executable(on(device, kRows));
  Floats losses;
  for (int step = 0; step < steps; ++step) {
    std::vector<Floats> data;
    std::vector<Tensor> feeds;
    for (const Shape& shape : net.feeds)
      data.push_back(noise(shape.bind(kRows).numel(), 10 * step + data.size()));
    for (std::size_t i = 0; i < data.size(); ++i)
      feeds.push_back(view(data[i], net.feeds[i].bind(kRows)));
    losses.push_back(run(*executable, feeds)[0][0]);
  }
  return losses;
}

}  // namespace

int check_training(const std::shared_ptr<Device>& device, int steps) {
  const struct {
    const char* name;
    Value (*build)(Net&);
  } nets[] = {{"convolutional", convolutional}, {"lstm", recurrent}, {"two outputs", two_outputs}};
  int wrong = 0;
  for (const auto& net : nets) {
    const Floats here = train(net.build, steps, nullptr), there = train(net.build, steps, device);
    const double d = difference(there, here);
    const bool ok = d <= kTolerance && std::isfinite(here.back());
    std::printf("%s training %-16s %9.2e  loss %g -> %g in %d steps\n", ok ? "ok" : "WRONG",
                net.name, d, there.front(), there.back(), steps);
    if (!ok) ++wrong;
  }
  return wrong;
}

}  // namespace hornet::cuda_check
