// The op graph: what is to be computed. Append-only; back-end-free.
#pragma once
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/tensor.h"

namespace hornet {

struct OpDef;

// One output of one node.
struct Value {
  int node = -1;
  int output = 0;

  explicit operator bool() const { return node >= 0; }
  bool operator==(const Value& o) const { return node == o.node && output == o.output; }
  bool operator<(const Value& o) const {
    return node != o.node ? node < o.node : output < o.output;
  }
};

// Static arguments of a node, few and small: a sorted list of names and values.
using Attr =
    std::variant<std::int64_t, double, std::vector<std::int64_t>, std::vector<double>, std::string>;

class Attrs {
 public:
  Attrs() = default;
  Attrs(std::initializer_list<std::pair<std::string, Attr>> items) {
    for (auto& item : items) set(item.first, item.second);
  }
  void set(const std::string& name, Attr value);
  bool has(const std::string& name) const { return find(name) != nullptr; }

  // Typed access. Without a default, a missing attribute is an Error that names it.
  std::int64_t integer(const std::string& name) const;
  std::int64_t integer(const std::string& name, std::int64_t otherwise) const;
  double real(const std::string& name) const;  // an integer is accepted
  double real(const std::string& name, double otherwise) const;
  std::vector<std::int64_t> integers(const std::string& name) const;  // a scalar is accepted
  std::vector<std::int64_t> integers(const std::string& name,
                                     std::vector<std::int64_t> otherwise) const;
  std::vector<double> reals(const std::string& name) const;  // a scalar is accepted
  std::string text(const std::string& name, const std::string& otherwise = "") const;
  bool flag(const std::string& name, bool otherwise = false) const;

  bool operator==(const Attrs& o) const { return items_ == o.items_; }
  const std::vector<std::pair<std::string, Attr>>& items() const { return items_; }

 private:
  const Attr* find(const std::string& name) const;
  std::vector<std::pair<std::string, Attr>> items_;
};

// "{axes: [0, 1], keepdims: 1}"
std::string to_string(const Attrs& attrs);

struct Node {
  const OpDef* op = nullptr;
  std::vector<Value> inputs;
  Attrs attrs;
  std::vector<TensorSpec> outputs;
  std::string origin;  // who asked for it: a layer's name, "loss", "optimizer"; for messages
};

// Leaves are nodes of the ops "input" (attr index), "variable" (attr id) and "constant"
// (attr value, a scalar fill). Graphs are copied by passes, so values stay valid across them
// only through the maps the passes return.
class Graph {
 public:
  // Checks and infers through the op's row; throws Error with the origin as the actor.
  // Returns the first output; further ones are {result.node, 1}, {result.node, 2}, ...
  Value add(const std::string& op, std::vector<Value> inputs, Attrs attrs = {});
  Value add(const OpDef& op, std::vector<Value> inputs, Attrs attrs = {});

  // Leaves.
  Value input(int index, TensorSpec spec);  // the index-th tensor a run is fed with
  Value variable(int id, TensorSpec spec);  // one node per id; a repeated call returns it
  Value constant(double value, TensorSpec spec);

  const Node& node(int id) const { return nodes_[id]; }
  const Node& node(Value v) const { return nodes_[v.node]; }
  const TensorSpec& spec(Value v) const { return nodes_[v.node].outputs[v.output]; }
  const Shape& shape(Value v) const { return spec(v).shape; }
  int size() const { return static_cast<int>(nodes_.size()); }

  // Nodes added from now on carry this origin.
  void set_origin(std::string origin) { origin_ = std::move(origin); }
  const std::string& origin() const { return origin_; }

  // One line a node: "%12 = matmul(%3, %7) {transpose_b: 1} -> float32 (None, 10)  # dense_2"
  std::string to_string() const;

 private:
  Value push(Node node);
  Value leaf(const char* name, Attrs attrs, TensorSpec spec);

  std::vector<Node> nodes_;
  std::vector<std::pair<int, int>> variables_;  // (id, node) of the variables seen so far
  std::string origin_;
};

}  // namespace hornet
