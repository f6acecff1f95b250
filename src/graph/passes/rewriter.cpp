#include "graph/passes/rewriter.h"

#include <cstring>
#include <set>

namespace hornet {
namespace {

std::size_t mix(std::size_t seed, std::size_t value) {
  return seed ^ (value + 0x9E3779B97F4A7C15u + (seed << 6) + (seed >> 2));
}

// Attributes are left out: nodes that differ in nothing else are few.
std::size_t hash_of(const OpDef& op, const std::vector<Value>& inputs) {
  std::size_t hash = std::hash<const void*>()(&op);
  for (Value v : inputs) hash = mix(mix(hash, v.node), v.output);
  return hash;
}

std::size_t hash_of(double value, const TensorSpec& spec) {
  return mix(std::hash<double>()(value), static_cast<std::size_t>(spec.shape.numel()));
}

// 0 and -0 are two numbers here, and a NaN equals itself.
bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

int variable_id(const Graph& graph, const Node& writer) {
  return static_cast<int>(graph.node(writer.inputs[0]).attrs.integer("id"));
}

}  // namespace

std::vector<char> needed_nodes(const Graph& graph, const Targets& targets) {
  std::vector<char> needed(graph.size(), false);
  for (Value v : targets.fetches) needed[v.node] = true;
  std::set<std::pair<int, bool>> written;
  for (auto update = targets.updates.rbegin(); update != targets.updates.rend(); ++update) {
    const Node& node = graph.node(*update);
    if (!node.op->is(OpFlag::stateful)) throw Error("only updates of variables can be run as such");
    if (written.insert({variable_id(graph, node), node.op->name == "assign"}).second)
      needed[update->node] = true;
  }
  for (int id = graph.size() - 1; id >= 0; --id)
    if (needed[id])
      for (Value in : graph.node(id).inputs) needed[in.node] = true;
  return needed;
}

Program without_dead_nodes(const Program& program) {
  Rewriter rewrite(program.graph);
  const std::vector<char> needed = needed_nodes(program.graph, program.targets);
  for (int id = 0; id < program.graph.size(); ++id) {
    if (!needed[id]) continue;
    const Node& node = program.graph.node(id);
    rewrite.set(id, node.op->is(OpFlag::leaf) ? rewrite.copy_leaf(node)
                                              : rewrite.add(*node.op, rewrite.mapped(node.inputs),
                                                            node.attrs, node.origin));
  }
  Program result;
  result.targets = rewrite.mapped(program.targets);
  result.feeds = program.feeds;
  result.graph = std::move(rewrite.to());
  return result;
}

void Rewriter::set(int old_node, Value first) {
  std::vector<Value>& outputs = map_[old_node];
  outputs.clear();
  const int count = static_cast<int>(from_.node(old_node).outputs.size());
  for (int i = 0; i < count; ++i) outputs.push_back({first.node, first.output + i});
}

std::vector<Value> Rewriter::mapped(const std::vector<Value>& old) const {
  std::vector<Value> values;
  for (Value v : old) values.push_back((*this)[v]);
  return values;
}

Targets Rewriter::mapped(const Targets& targets) const {
  Targets result;
  for (Value v : targets.fetches) {
    // Who asks for an update's result gets the new value.
    while (from_.node(v).op->name == "assign") v = from_.node(v).inputs[1];
    result.fetches.push_back((*this)[v]);
  }
  for (Value v : targets.updates)
    if (has(v)) result.updates.push_back((*this)[v]);
  return result;
}

Value Rewriter::add(const OpDef& op, std::vector<Value> inputs, const Attrs& attrs,
                    const std::string& origin) {
  const std::size_t hash = hash_of(op, inputs);
  if (!op.is(OpFlag::stateful)) {
    const auto range = known_.equal_range(hash);
    for (auto known = range.first; known != range.second; ++known) {
      const Node& node = to_.node(known->second);
      if (node.op == &op && node.inputs == inputs && node.attrs == attrs) return {known->second, 0};
    }
  }
  to_.set_origin(origin);
  const Value v = to_.add(op, std::move(inputs), attrs);
  known_.emplace(hash, v.node);
  return v;
}

Value Rewriter::constant(double value, const TensorSpec& spec, const std::string& origin) {
  const OpDef& row = op("constant");
  const std::size_t hash = hash_of(value, spec);
  const auto range = known_.equal_range(hash);
  for (auto known = range.first; known != range.second; ++known) {
    const Node& node = to_.node(known->second);
    if (node.op == &row && node.outputs[0] == spec && same_bits(node.attrs.real("value"), value))
      return {known->second, 0};
  }
  to_.set_origin(origin);
  const Value v = to_.constant(value, spec);
  known_.emplace(hash, v.node);
  return v;
}

Value Rewriter::copy_leaf(const Node& leaf) {
  const TensorSpec& spec = leaf.outputs[0];
  if (leaf.op->name == "constant") return constant(leaf.attrs.real("value"), spec, leaf.origin);
  if (leaf.op->name == "variable") {
    to_.set_origin(leaf.origin);
    return to_.variable(static_cast<int>(leaf.attrs.integer("id")), spec);
  }
  const std::size_t hash = hash_of(*leaf.op, {});
  const auto range = known_.equal_range(hash);
  for (auto known = range.first; known != range.second; ++known) {
    const Node& node = to_.node(known->second);
    if (node.op == leaf.op && node.attrs == leaf.attrs && node.outputs == leaf.outputs)
      return {known->second, 0};
  }
  to_.set_origin(leaf.origin);
  const Value v = to_.input(static_cast<int>(leaf.attrs.integer("index")), spec);
  known_.emplace(hash, v.node);
  return v;
}

}  // namespace hornet
