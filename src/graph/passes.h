// Graph -> graph.
#pragma once
#include <vector>

#include "graph/graph.h"

namespace hornet {

// Appends to `graph` the nodes that compute d(sum of loss)/d(wrt[i]). Gradients of values that
// the loss does not depend on are empty Values (k_gradients: NULL in R).
std::vector<Value> gradient(Graph& graph, Value loss, const std::vector<Value>& wrt);

// For op rules made by composition: the gradients of sum(outputs[i] * seeds[i]) with respect to
// `wrt`, going back through nodes from `first_node` on only. Empty seeds count as zero.
std::vector<Value> pull_back(Graph& graph, const std::vector<Value>& outputs,
                             const std::vector<Value>& seeds, const std::vector<Value>& wrt,
                             int first_node);

// What a run is asked for: values to read and stateful nodes to execute.
struct Targets {
  std::vector<Value> fetches;
  std::vector<Value> updates;
};

// A graph ready to be planned: dead nodes gone, equal nodes merged, constants folded, chains
// fused ("dense", "conv2d_bias", "fused": graph/fused.h). Returned targets are in its values.
struct Program {
  Graph graph;
  Targets targets;
  std::vector<TensorSpec> feeds;  // of all inputs of the traced graph, used or not, by index
};
Program simplify(const Graph& graph, const Targets& targets);
Program fuse(const Program& program);

}  // namespace hornet
