#include "graph/graph.h"

#include <algorithm>
#include <sstream>

#include "graph/op.h"

namespace hornet {

namespace {

void check_spec(const TensorSpec& spec) {
  int symbolic = 0;
  for (Dim d : spec.shape.dims()) symbolic += d < 0;
  if (symbolic > 1)
    throw shape_error("the result would have shape " + spec.shape.to_string() +
                      ", but only one dimension may depend on the batch size");
}

}  // namespace

Value Graph::add(const std::string& name, std::vector<Value> inputs, Attrs attrs) {
  return add(op(name), std::move(inputs), std::move(attrs));
}

Value Graph::add(const OpDef& op, std::vector<Value> inputs, Attrs attrs) {
  Node node;
  node.op = &op;
  try {
    std::vector<TensorSpec> specs;
    for (Value v : inputs) {
      if (v.node < 0 || v.node >= size() || v.output < 0 ||
          v.output >= static_cast<int>(nodes_[v.node].outputs.size()))
        throw Error("an input is not a value of this graph")
            .hint("Tensors of different models cannot be mixed.");
      specs.push_back(spec(v));
    }
    node.outputs = op.infer(specs, attrs);
    for (const TensorSpec& spec : node.outputs) check_spec(spec);
    if (op.is(OpFlag::stateful) && nodes_[inputs[0].node].op->name != "variable")
      throw Error("only variables can be updated");
  } catch (const Error& error) {
    throw Error(op.name + ": " + error.what(), error.kind()).where(origin_);
  }
  node.inputs = std::move(inputs);
  node.attrs = std::move(attrs);
  return push(std::move(node));
}

Value Graph::push(Node node) {
  node.origin = origin_;
  nodes_.push_back(std::move(node));
  return {size() - 1, 0};
}

Value Graph::leaf(const char* name, Attrs attrs, TensorSpec spec) {
  try {
    check_spec(spec);
  } catch (Error& error) { throw std::move(error).where(origin_); }
  Node node;
  node.op = &op(name);
  node.attrs = std::move(attrs);
  node.outputs = {std::move(spec)};
  return push(std::move(node));
}

Value Graph::input(int index, TensorSpec spec) {
  return leaf("input", {{"index", std::int64_t{index}}}, std::move(spec));
}

Value Graph::variable(int id, TensorSpec spec) {
  for (const auto& known : variables_)
    if (known.first == id) return {known.second, 0};
  if (spec.shape.is_symbolic())
    throw shape_error("a variable cannot have a dimension that depends on the batch size")
        .where(origin_);
  const Value v = leaf("variable", {{"id", std::int64_t{id}}}, std::move(spec));
  variables_.emplace_back(id, v.node);
  return v;
}

Value Graph::constant(double value, TensorSpec spec) {
  return leaf("constant", {{"value", value}}, std::move(spec));
}

std::string Graph::to_string() const {
  std::ostringstream out;
  for (int id = 0; id < size(); ++id) {
    const Node& n = nodes_[id];
    out << "%" << id << " = " << n.op->name << "(";
    for (std::size_t i = 0; i < n.inputs.size(); ++i) {
      out << (i ? ", " : "") << "%" << n.inputs[i].node;
      if (n.inputs[i].output) out << "." << n.inputs[i].output;
    }
    out << ")";
    if (!n.attrs.items().empty()) out << " " << hornet::to_string(n.attrs);
    out << " ->";
    for (std::size_t i = 0; i < n.outputs.size(); ++i)
      out << (i ? ", " : " ") << name_of(n.outputs[i].dtype) << " "
          << n.outputs[i].shape.to_string();
    if (!n.origin.empty()) out << "  # " << n.origin;
    out << "\n";
  }
  return out.str();
}

}  // namespace hornet
