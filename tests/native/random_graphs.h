// Random programs: values stay moderate, so precision never decides.
#pragma once
#include "graph/passes.h"
#include "graph_helpers.h"

namespace hornet::testing {

struct RandomProgram {
  Graph graph;
  Targets targets;
  std::shared_ptr<Variables> variables = std::make_shared<Variables>();
  World world;
  Dim batch = 1;
};

class RandomGraphs {
 public:
  explicit RandomGraphs(unsigned seed) : random_(seed) {}

  RandomProgram make(int nodes) {
    RandomProgram p;
    program_ = &p;
    values_.clear();
    variable_values_.clear();
    p.batch = pick(std::vector<Dim>{1, 2, 3, 7, 32});
    Builder b(p.graph);
    for (const Shape& shape : {Shape{-1, 4}, Shape{-1, 3}, Shape{-1}}) {
      values_.push_back(p.graph.input(static_cast<int>(p.world.feeds.size()), f32(shape)));
      p.world.feeds.push_back(random_doubles(random_, shape.bind(p.batch).numel()));
    }
    for (const Shape& shape : {Shape{4, 3}, Shape{3}, Shape{4}, Shape{}, Shape{4, 3}, Shape{3}})
      add_variable(shape);
    rng_ = p.graph.variable(p.variables->add("rng", {DType::i32, {4}}), {DType::i32, {4}});
    p.world.variables[static_cast<int>(p.graph.node(rng_).attrs.integer("id"))] = {7, 11, 0, 0};

    while (p.graph.size() < nodes) {
      try {
        const Value v = step(b);
        if (p.graph.spec(v).dtype == DType::f32 && p.graph.shape(v).rank() <= 4)
          values_.push_back(tamed(b, v));
      } catch (const Error&) {  // shapes that do not fit together: another try
      }
    }
    add_targets(b);
    store(*p.variables, p.world);
    return p;
  }

 private:
  template <class T>
  T pick(std::vector<T> from) {
    return from[below(static_cast<int>(from.size()))];
  }
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool chance(double p) { return static_cast<double>(random_() % 1000) < 1000 * p; }
  // Late values more often: deep graphs.
  Value any() {
    const int n = static_cast<int>(values_.size());
    return values_[chance(0.6) ? n - 1 - below(std::min(n, 8)) : below(n)];
  }
  const Shape& shape(Value v) { return program_->graph.shape(v); }

  void add_variable(const Shape& shape) {
    RandomProgram& p = *program_;
    const int id = p.variables->add("v", f32(shape));
    Doubles& x = p.world.variables[id] = random_doubles(random_, shape.numel(), 0.7);
    for (double& v : x) v = static_cast<float>(v);  // what the store can hold
    values_.push_back(p.graph.variable(id, f32(shape)));
    variable_values_.push_back(values_.back());
  }

  // Products and sums grow; bring them back.
  Value tamed(Builder& b, Value v) { return chance(0.5) ? b.tanh(v) : b.mul(v, b.scalar(0.4)); }

  Value step(Builder& b) {
    const Value x = any(), y = any();
    switch (below(20)) {
      case 0:
        return elementwise(b, x);
      case 1:
        return b.add(x, y);
      case 2:
        return b.sub(x, y);
      case 3:
        return b.mul(x, y);
      case 4:
        return b.div(x, b.add(b.abs(y), b.scalar(1)));
      case 5:
        return b.maximum(x, y);
      case 6:
        return b.select(b.greater(x, y), x, any());
      case 7:
        return elementwise(b, elementwise(b, x));
      case 8:
        return b.matmul(x, y, chance(0.3), chance(0.3));
      case 9:
        return with_bias(b, x, y);
      case 10:
        return reduction(b, x);
      case 11:
        return b.broadcast(x, shape(y), chance(0.3));
      case 12:
        return b.sum_to(x, shape(y), chance(0.3));
      case 13:
        return reshaped(b, x);
      case 14:
        return shape(x).rank() == 2 ? b.transpose(x, {1, 0}) : b.square(x);
      case 15:
        return cut(b, x);
      case 16:
        return b.concat({x, y}, below(std::max(1, shape(x).rank())));
      case 17:
        return shape(x).rank() > 0 ? b.softmax(x) : b.exp(b.clip(x, -2, 2));
      case 18:
        return b.dropout(x, rng_, 0.3, below(3));
      default:
        return elementwise(b, x);
    }
  }

  Value elementwise(Builder& b, Value x) {
    switch (below(16)) {
      case 0:
        return b.neg(x);
      case 1:
        return b.abs(x);
      case 2:
        return b.relu(x);
      case 3:
        return b.tanh(x);
      case 4:
        return b.sigmoid(x);
      case 5:
        return b.softplus(x);
      case 6:
        return b.square(b.tanh(x));
      case 7:
        return b.elu(x, 0.7);
      case 8:
        return b.clip(x, -0.8, 0.9);
      case 9:
        return b.sqrt(b.add(b.square(x), b.scalar(0.1)));
      case 10:
        return b.sin(x);
      case 11:
        return b.cos(x);
      case 12:
        return b.stop_gradient(x);
      case 13:
        return b.add(x, b.scalar(0));
      case 14:
        return b.mul(b.neg(x), b.scalar(-1));
      default:
        return b.reciprocal(b.add(b.abs(x), b.scalar(1)));
    }
  }

  Value with_bias(Builder& b, Value x, Value y) {
    const Value sum = b.add(b.matmul(x, y), any());
    return chance(0.5) ? b.relu(sum) : chance(0.5) ? b.tanh(sum) : sum;
  }

  Value reduction(Builder& b, Value x) {
    std::vector<std::int64_t> axes;
    for (int i = 0; i < shape(x).rank(); ++i)
      if (chance(0.5)) axes.push_back(i);
    const bool keepdims = chance(0.5);
    switch (below(4)) {
      case 0:
        return b.sum(x, axes, keepdims);
      case 1:
        return b.mean(x, axes, keepdims);
      case 2:
        return b.max(x, axes, keepdims);
      default:
        return b.min(x, axes, keepdims);
    }
  }

  Value reshaped(Builder& b, Value x) {
    Shape to = shape(x);
    std::vector<Dim> dims = to.dims();
    if (chance(0.5)) dims.insert(dims.begin() + below(static_cast<int>(dims.size()) + 1), 1);
    else dims = {to.numel()};
    return b.reshape(x, Shape(dims));
  }

  Value cut(Builder& b, Value x) {
    if (shape(x).rank() == 0) return b.exp(b.clip(x, -1, 1));
    const int axis = below(shape(x).rank());
    const Dim n = shape(x)[axis];
    if (chance(0.5)) return b.pad(x, axis, n < 0 ? -1 : 1, n < 0 ? 0 : 2);
    if (n < 0) return b.slice(x, axis, 0, -1);
    const Dim begin = below(static_cast<int>(n));
    return b.slice(x, axis, begin, 1 + below(static_cast<int>(n - begin)));
  }

  void add_targets(Builder& b) {
    RandomProgram& p = *program_;
    for (int i = 1 + below(4); i > 0; --i) p.targets.fetches.push_back(any());
    if (chance(0.3)) p.targets.fetches.push_back(pick(variable_values_));
    std::vector<Value> grads(variable_values_.size());
    if (chance(0.6)) grads = gradient(p.graph, b.sum(any(), {}), variable_values_);
    for (std::size_t i = 0; i < variable_values_.size(); ++i) {
      const Value v = variable_values_[i];
      if (chance(0.3)) continue;
      Value next;
      if (grads[i] && chance(0.7)) next = b.sub(v, b.mul(b.tanh(grads[i]), b.scalar(0.1)));
      else if (chance(0.4)) next = b.add(b.mul(v, b.scalar(0.5)), of_shape(b, shape(v)));
      else next = of_shape(b, shape(v));
      p.targets.updates.push_back(b.assign(v, next));
      if (chance(0.2)) p.targets.fetches.push_back(p.targets.updates.back());
    }
    if (chance(0.5)) p.targets.updates.push_back(b.rng_advance(rng_));
  }

  // A value that can be assigned; often another variable, so that writers wait for each other.
  Value of_shape(Builder& b, const Shape& wanted) {
    std::vector<Value> fitting;
    for (Value v : values_)
      if (shape(v) == wanted) fitting.push_back(v);
    for (Value v : variable_values_)
      if (shape(v) == wanted) fitting.insert(fitting.end(), 2, v);
    const Value v = pick(fitting);
    return chance(0.5) ? v : b.mul(v, b.scalar(0.9));
  }

  Random random_;
  RandomProgram* program_ = nullptr;
  std::vector<Value> values_, variable_values_;
  Value rng_;
};

}  // namespace hornet::testing
