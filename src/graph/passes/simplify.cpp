// Removes what need not be computed, without changing a number: nodes nobody needs, equal nodes,
// arithmetic on constants, operations that do nothing.
//
// Allowed are only rewrites that give the same bits for every input (but for the sign of zero:
// x + 0 is x). Constants are folded in double precision.
#include <algorithm>
#include <cmath>
#include <optional>

#include "graph/passes.h"
#include "graph/passes/fold.h"
#include "graph/passes/rewriter.h"

namespace hornet {
namespace {

bool is_power_of_two(double x) {
  int exponent;
  return std::isnormal(x) && std::isnormal(1 / x) && std::abs(std::frexp(x, &exponent)) == 0.5;
}

class Simplifier {
 public:
  Simplifier(const Graph& graph, const Targets& targets)
      : rewrite_(graph), targets_(targets), needed_(needed_nodes(graph, targets)) {}

  Program run() {
    const Graph& graph = rewrite_.from();
    for (int id = 0; id < graph.size(); ++id) {
      if (!needed_[id]) continue;
      const Node& node = graph.node(id);
      if (node.op->is(OpFlag::leaf)) {
        rewrite_.set(id, rewrite_.copy_leaf(node));
        continue;
      }
      std::vector<Value> inputs;
      for (Value in : node.inputs) {
        while (graph.node(in).op->name == "assign") in = graph.node(in).inputs[1];
        inputs.push_back(rewrite_[in]);
      }
      // The variable an update writes is meant itself, whatever was assigned before.
      if (node.op->is(OpFlag::stateful)) inputs[0] = rewrite_[node.inputs[0]];
      origin_ = node.origin;
      rewrite_.set(id, make(*node.op, std::move(inputs), node.attrs));
    }
    Program program;
    program.targets = rewrite_.mapped(targets_);
    for (int id = 0; id < graph.size(); ++id) {
      const Node& node = graph.node(id);
      if (node.op->name != "input") continue;
      const std::size_t index = static_cast<std::size_t>(node.attrs.integer("index"));
      if (program.feeds.size() <= index) program.feeds.resize(index + 1);
      program.feeds[index] = node.outputs[0];
    }
    // Rules leave nodes behind that they looked through.
    program.graph = std::move(rewrite_.to());
    return program;
  }

 private:
  using Inputs = std::vector<Value>;

  Graph& graph() { return rewrite_.to(); }
  const Node& node(Value v) { return graph().node(v); }
  const TensorSpec& spec(Value v) { return graph().spec(v); }
  bool is(Value v, const char* name) { return node(v).op->name == name; }

  Value make(const OpDef& row, Inputs inputs, const Attrs& attrs) {
    if (auto simpler = simplified(row, inputs, attrs)) return *simpler;
    const bool commutes =
        row.name == "add" || row.name == "mul" || row.name == "equal" || row.name == "not_equal";
    if (commutes && inputs[1] < inputs[0]) std::swap(inputs[0], inputs[1]);
    return rewrite_.add(row, std::move(inputs), attrs, origin_);
  }

  Value make(const char* name, Inputs inputs, const Attrs& attrs = {}) {
    return make(op(name), std::move(inputs), attrs);
  }

  std::optional<Value> simplified(const OpDef& row, const Inputs& in, const Attrs& attrs) {
    Elementwise code;
    if (elementwise_code(row.name, &code)) {
      if (auto v = folded(row, code, in, attrs)) return v;
      if (auto v = in.size() == 1 ? unary(code, in[0]) : binary(code, in)) return v;
      return before_broadcast(row, in, attrs);
    }
    const std::string& name = row.name;
    if (name == "stop_gradient") return in[0];
    if (name == "dropout" && attrs.real("rate") == 0) return in[0];
    if (name == "reshape" || name == "broadcast" || name == "sum_to")
      return moved(name, in[0], Shape(attrs.integers("shape")), attrs.flag("mean"));
    if (name == "sum" || name == "max" || name == "min") return reduced(row, in[0], attrs);
    if (name == "transpose") return transposed(in[0], attrs.integers("perm"));
    if (name == "matmul") return product(in, attrs);
    if (name == "concat" && in.size() == 1) return in[0];
    if (name == "slice" &&
        attrs.integer("size") == spec(in[0]).shape[static_cast<int>(attrs.integer("axis"))])
      return in[0];
    if (name == "pad" && !attrs.has("length") && attrs.integer("before") == 0 &&
        attrs.integer("after") == 0)
      return in[0];
    return std::nullopt;
  }

  std::optional<double> number(Value v) {
    if (!is(v, "constant")) return std::nullopt;
    return node(v).attrs.real("value");
  }
  bool is_number(Value v, double x) { return number(v) == x; }

  // --- elementwise -------------------------------------------------------------------------

  std::optional<Value> folded(const OpDef& row, Elementwise code, const Inputs& in,
                              const Attrs& attrs) {
    double x[3] = {0, 0, 0};
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (spec(in[i]).dtype != DType::f32 || !number(in[i])) return std::nullopt;
      x[i] = *number(in[i]);
    }
    Node asked;
    asked.op = &row;
    asked.attrs = attrs;
    double number, number2;
    elementwise_numbers(asked, &number, &number2);
    const TensorSpec result = spec(in[0]);
    return rewrite_.constant(fold(code, x[0], x[1], x[2], number, number2), result, origin_);
  }

  std::optional<Value> unary(Elementwise code, Value x) {
    using E = Elementwise;
    const bool negated = is(x, "neg");
    if (code == E::neg && negated) return node(x).inputs[0];
    if ((code == E::abs || code == E::square) && negated)
      return make(name_of(code), {Value(node(x).inputs[0])});
    if (code == E::relu && is(x, "relu")) return x;
    if (code == E::abs && is(x, "abs")) return x;
    return std::nullopt;
  }

  std::optional<Value> binary(Elementwise code, const Inputs& in) {
    using E = Elementwise;
    const Value a = in[0], b = in[1];
    switch (code) {
      case E::add:
        if (is_number(b, 0)) return a;
        if (is_number(a, 0)) return b;
        if (is(b, "neg")) return make("sub", {a, node(b).inputs[0]});
        if (is(a, "neg")) return make("sub", {b, node(a).inputs[0]});
        break;
      case E::sub:
        if (is_number(b, 0)) return a;
        if (is(b, "neg")) return make("add", {a, node(b).inputs[0]});
        break;
      case E::mul:
        for (int i = 0; i < 2; ++i) {
          if (is_number(in[i], 1)) return in[1 - i];
          if (is_number(in[i], -1)) return make("neg", {in[1 - i]});
        }
        if (is(a, "neg") && is(b, "neg"))
          return make("mul", {node(a).inputs[0], node(b).inputs[0]});
        if (a == b) return make("square", {a});
        break;
      case E::div:
        if (is_number(b, 1)) return a;
        if (number(b) && spec(b).dtype == DType::f32 && is_power_of_two(*number(b)))
          return make("mul", {a, rewrite_.constant(1 / *number(b), TensorSpec(spec(b)), origin_)});
        break;
      case E::pow:
        if (is_number(b, 1)) return a;
        if (is_number(b, 2)) return make("square", {a});
        break;
      case E::select:
        if (in[1] == in[2]) return in[1];
        if (number(a)) return *number(a) != 0 ? in[1] : in[2];
        break;
      default:
        break;
    }
    return std::nullopt;
  }

  // What is repeated is computed before it is repeated.
  std::optional<Value> before_broadcast(const OpDef& row, const Inputs& in, const Attrs& attrs) {
    const Shape* small = nullptr;
    for (Value v : in) {
      if (number(v)) continue;
      if (!is(v, "broadcast") || node(v).attrs.flag("mean")) return std::nullopt;
      const Shape& source = spec(node(v).inputs[0]).shape;
      if (small && *small != source) return std::nullopt;
      small = &source;
    }
    if (!small) return std::nullopt;
    const Shape shape = *small, large = spec(in[0]).shape;
    Inputs sources;
    for (Value v : in)
      sources.push_back(number(v) ? rewrite_.constant(*number(v), {spec(v).dtype, shape}, origin_)
                                  : node(v).inputs[0]);
    return make("broadcast", {make(row, std::move(sources), attrs)}, {{"shape", large.dims()}});
  }

  // --- shapes ------------------------------------------------------------------------------

  // reshape, broadcast and sum_to: the same thing where no element comes or goes.
  std::optional<Value> moved(const std::string& name, Value x, const Shape& shape, bool mean) {
    const Shape from = spec(x).shape;
    if (from == shape) return x;
    if (number(x) && (name == "reshape" || (name == "broadcast" && !mean)))
      return rewrite_.constant(*number(x), {spec(x).dtype, shape}, origin_);
    if (name == "reshape") {
      if (is(x, "reshape")) return make("reshape", {node(x).inputs[0]}, {{"shape", shape.dims()}});
      return std::nullopt;
    }
    if (from.numel() == shape.numel()) return make("reshape", {x}, {{"shape", shape.dims()}});
    if (name == "broadcast" && !mean && is(x, "broadcast") && !node(x).attrs.flag("mean"))
      return make("broadcast", {node(x).inputs[0]}, {{"shape", shape.dims()}});
    return std::nullopt;
  }

  std::optional<Value> reduced(const OpDef& row, Value x, const Attrs& attrs) {
    const Shape shape = row.infer({spec(x)}, attrs)[0].shape;
    if (shape.numel() != spec(x).shape.numel()) return std::nullopt;
    return make("reshape", {x}, {{"shape", shape.dims()}});
  }

  std::optional<Value> transposed(Value x, std::vector<std::int64_t> perm) {
    if (is(x, "transpose")) {
      const auto inner = node(x).attrs.integers("perm");
      for (auto& axis : perm) axis = inner[axis];
      return make("transpose", {node(x).inputs[0]}, {{"perm", perm}});
    }
    if (std::is_sorted(perm.begin(), perm.end())) return x;
    return std::nullopt;
  }

  std::optional<Value> product(const Inputs& in, const Attrs& attrs) {
    Inputs factors = in;
    Attrs flags = attrs;
    const char* names[] = {"transpose_a", "transpose_b"};
    bool changed = false;
    for (int i = 0; i < 2; ++i) {
      if (!is(in[i], "transpose")) continue;
      factors[i] = node(in[i]).inputs[0];
      flags.set(names[i], std::int64_t{!attrs.flag(names[i])});
      changed = true;
    }
    if (!changed) return std::nullopt;
    return make("matmul", factors, flags);
  }

  Rewriter rewrite_;
  const Targets& targets_;
  const std::vector<char> needed_;
  std::string origin_;
};

}  // namespace

Program simplify(const Graph& graph, const Targets& targets) {
  return without_dead_nodes(Simplifier(graph, targets).run());
}

}  // namespace hornet
