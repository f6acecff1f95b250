// The op graph: what is to be computed. Append-only; back-end-free.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/tensor.h"
#include "graph/attrs.h"

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
