// What ops there are and which back ends run them, for the op harness.
#include "backend/backend.h"
#include "exec/executable.h"
#include "graph/op.h"
#include "r_graph.h"

using namespace hornet;

namespace {

// A node as a plan for `batch` rows would bind it.
BoundNode bind(const Graph& graph, const Node& node, Dim batch, bool f64) {
  const auto concrete = [&](TensorSpec spec) {
    spec.shape = spec.shape.bind(batch);
    if (f64 && spec.dtype == DType::f32) spec.dtype = DType::f64;
    return spec;
  };
  BoundNode bound{&node, {}, {}, batch};
  for (Value v : node.inputs) bound.inputs.push_back(concrete(graph.spec(v)));
  for (const TensorSpec& spec : node.outputs) bound.outputs.push_back(concrete(spec));
  return bound;
}

}  // namespace

// One row an op: its name and flags, as columns of a data frame.
// [[Rcpp::export(rng = false)]]
SEXP cpp_op_table() {
  return glue_entry("cpp_op_table", [&]() -> SEXP {
    Rcpp::CharacterVector names;
    Rcpp::LogicalVector elementwise, stateful, leaf, view, differentiable;
    for (const OpDef& op : op_table()) {
      names.push_back(op.name);
      elementwise.push_back(op.is(OpFlag::elementwise));
      stateful.push_back(op.is(OpFlag::stateful));
      leaf.push_back(op.is(OpFlag::leaf));
      view.push_back(op.is(OpFlag::view));
      differentiable.push_back(static_cast<bool>(op.grad));
    }
    return Rcpp::List::create(Rcpp::Named("op") = names, Rcpp::Named("elementwise") = elementwise,
                              Rcpp::Named("stateful") = stateful, Rcpp::Named("leaf") = leaf,
                              Rcpp::Named("view") = view,
                              Rcpp::Named("differentiable") = differentiable);
  });
}

// Which back ends claim each node of a function, after fusing, for a batch of that size: op names
// and a logical column for each back end of this machine.
// [[Rcpp::export(rng = false)]]
SEXP cpp_function_support(SEXP fn, double batch, bool f64 = false) {
  return glue_entry("cpp_function_support", [&]() -> SEXP {
    const auto function = get_handle<Function>(fn, kFunctionHandle);
    const Graph& graph = function->program().graph;
    std::vector<BoundNode> nodes;
    for (int id = 0; id < graph.size(); ++id) {
      if (graph.node(id).op->is(OpFlag::leaf)) continue;
      nodes.push_back(bind(graph, graph.node(id), static_cast<Dim>(batch), f64));
    }
    Rcpp::CharacterVector names;
    for (const BoundNode& node : nodes) names.push_back(node.node->op->name);
    Rcpp::List columns = Rcpp::List::create(Rcpp::Named("op") = names);
    for (const Backend* backend : cpu_backends()) {
      Rcpp::LogicalVector claims;
      for (const BoundNode& node : nodes) claims.push_back(backend->compile(node) != nullptr);
      columns[backend->name()] = claims;
    }
    return columns;
  });
}
