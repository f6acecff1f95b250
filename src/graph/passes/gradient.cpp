// The gradient of a graph is more graph: one walk back over the nodes, each rule appends its own.
#include <string>

#include "graph/builder.h"
#include "graph/op.h"
#include "graph/passes.h"

namespace hornet {
namespace {

// Nodes from `first` to `last` through which a value of `wrt` is reached going back.
std::vector<bool> leads_to(const Graph& graph, const std::vector<Value>& wrt, int first, int last) {
  std::vector<bool> leads(graph.size(), false);
  for (Value v : wrt)
    if (v) leads[v.node] = true;
  for (int id = first; id <= last; ++id)
    for (Value in : graph.node(id).inputs)
      if (leads[in.node]) leads[id] = true;
  return leads;
}

// Nodes take part in the layer they belong to; a gradient of a gradient says so only once.
std::string origin_of_gradient(const std::string& origin) {
  const std::string prefix = "gradient of ";
  if (origin.empty() || origin.compare(0, prefix.size(), prefix) == 0) return origin;
  return prefix + origin;
}

class Walk {
 public:
  Walk(Graph& graph, int nodes) : graph_(graph), builder_(graph), grads_(nodes) {}

  void seed(Value v, Value dv) { add(v, dv); }

  void back(int last, int first, const std::vector<bool>& leads) {
    const std::string asked_by = graph_.origin();
    for (int id = last; id >= first; --id) {
      if (grads_[id].empty() || !leads[id] || !graph_.node(id).op->grad) continue;
      graph_.set_origin(origin_of_gradient(graph_.node(id).origin));
      const std::vector<Value> inputs = graph_.node(id).inputs;
      const Grads to_inputs = graph_.node(id).op->grad(builder_, id, grads_[id]);
      for (std::size_t i = 0; i < inputs.size(); ++i)
        if (to_inputs[i] && leads[inputs[i].node]) add(inputs[i], to_inputs[i]);
    }
    graph_.set_origin(asked_by);
  }

  Value gradient(Value v) const {
    return grads_[v.node].empty() ? Value{} : grads_[v.node][v.output];
  }

 private:
  void add(Value v, Value dv) {
    if (graph_.spec(v) != graph_.spec(dv))
      throw Error("the gradient of " + graph_.node(v).op->name + " has shape " +
                  graph_.shape(dv).to_string() + " instead of " + graph_.shape(v).to_string())
          .where(graph_.origin());
    auto& outputs = grads_[v.node];
    if (outputs.empty()) outputs.resize(graph_.node(v).outputs.size());
    Value& known = outputs[v.output];
    known = known ? builder_.add(known, dv) : dv;
  }

  Graph& graph_;
  Builder builder_;
  std::vector<std::vector<Value>> grads_;  // by node, then output; empty: none flows
};

}  // namespace

std::vector<Value> gradient(Graph& graph, Value loss, const std::vector<Value>& wrt) {
  const int nodes = graph.size();
  Walk walk(graph, nodes);
  walk.seed(loss, Builder(graph).ones_like(loss));
  walk.back(loss.node, 0, leads_to(graph, wrt, 0, loss.node));
  std::vector<Value> result;
  for (Value v : wrt) result.push_back(v.node < nodes ? walk.gradient(v) : Value{});
  return result;
}

std::vector<Value> pull_back(Graph& graph, const std::vector<Value>& outputs,
                             const std::vector<Value>& seeds, const std::vector<Value>& wrt,
                             int first_node) {
  const int last = graph.size() - 1;
  const auto leads = leads_to(graph, wrt, first_node, last);
  Walk walk(graph, graph.size());
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (seeds[i]) walk.seed(outputs[i], seeds[i]);
  walk.back(last, first_node, leads);
  std::vector<Value> result;
  for (Value v : wrt) result.push_back(walk.gradient(v));
  return result;
}

}  // namespace hornet
