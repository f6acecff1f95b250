// Writes a new graph out of an old one, node by node, sharing equal nodes: what passes stand on.
#pragma once
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"
#include "graph/op.h"
#include "graph/passes.h"

namespace hornet {

// Which nodes the targets need, directly or not. Of several assignments to one variable only the
// last is a target. An assignment's reader reads what was assigned.
std::vector<char> needed_nodes(const Graph& graph, const Targets& targets);

// A copy with only those.
Program without_dead_nodes(const Program& program);

class Rewriter {
 public:
  explicit Rewriter(const Graph& from) : from_(from), map_(from.size()) {}

  const Graph& from() const { return from_; }
  Graph& to() { return to_; }

  // The new value of an old one; set() must have been called for its node.
  Value operator[](Value old) const { return map_[old.node][old.output]; }
  bool has(Value old) const { return !map_[old.node].empty(); }
  void set(int old_node, std::vector<Value> outputs) { map_[old_node] = std::move(outputs); }
  // All outputs of an old node are those of one new node.
  void set(int old_node, Value first);
  std::vector<Value> mapped(const std::vector<Value>& old) const;
  Targets mapped(const Targets& targets) const;

  // The new graph's node of that op: an equal one if there is one. Leaves go through leaf().
  Value add(const OpDef& op, std::vector<Value> inputs, const Attrs& attrs,
            const std::string& origin);
  Value constant(double value, const TensorSpec& spec, const std::string& origin);
  Value copy_leaf(const Node& leaf);

 private:
  const Graph& from_;
  Graph to_;
  std::vector<std::vector<Value>> map_;
  std::unordered_multimap<std::size_t, int> known_;  // hash -> node of to_
};

}  // namespace hornet
