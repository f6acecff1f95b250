#include "graph/graph.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "graph/op.h"

namespace hornet {

// --- Attrs ---------------------------------------------------------------------------------

void Attrs::set(const std::string& name, Attr value) {
  auto at = std::lower_bound(items_.begin(), items_.end(), name,
                             [](const auto& item, const std::string& n) { return item.first < n; });
  if (at != items_.end() && at->first == name) at->second = std::move(value);
  else items_.insert(at, {name, std::move(value)});
}

const Attr* Attrs::find(const std::string& name) const {
  for (const auto& item : items_)
    if (item.first == name) return &item.second;
  return nullptr;
}

namespace {

[[noreturn]] void missing(const std::string& name) {
  throw Error("argument \"" + name + "\" is missing");
}

[[noreturn]] void wrong_type(const std::string& name, const char* expected) {
  throw Error("argument \"" + name + "\" must be " + expected);
}

std::int64_t whole(double x, const std::string& name) {
  if (std::floor(x) != x || std::abs(x) > 9e15) wrong_type(name, "a whole number");
  return static_cast<std::int64_t>(x);
}

}  // namespace

std::int64_t Attrs::integer(const std::string& name) const {
  const Attr* attr = find(name);
  if (!attr) missing(name);
  if (auto i = std::get_if<std::int64_t>(attr)) return *i;
  if (auto d = std::get_if<double>(attr)) return whole(*d, name);
  wrong_type(name, "a whole number");
}

std::int64_t Attrs::integer(const std::string& name, std::int64_t otherwise) const {
  return has(name) ? integer(name) : otherwise;
}

double Attrs::real(const std::string& name) const {
  const Attr* attr = find(name);
  if (!attr) missing(name);
  if (auto d = std::get_if<double>(attr)) return *d;
  if (auto i = std::get_if<std::int64_t>(attr)) return static_cast<double>(*i);
  wrong_type(name, "a number");
}

double Attrs::real(const std::string& name, double otherwise) const {
  return has(name) ? real(name) : otherwise;
}

std::vector<std::int64_t> Attrs::integers(const std::string& name) const {
  const Attr* attr = find(name);
  if (!attr) missing(name);
  if (auto v = std::get_if<std::vector<std::int64_t>>(attr)) return *v;
  if (auto d = std::get_if<std::vector<double>>(attr)) {
    std::vector<std::int64_t> whole_numbers;
    for (double x : *d) whole_numbers.push_back(whole(x, name));
    return whole_numbers;
  }
  return {integer(name)};
}

std::vector<std::int64_t> Attrs::integers(const std::string& name,
                                          std::vector<std::int64_t> otherwise) const {
  return has(name) ? integers(name) : std::move(otherwise);
}

std::vector<double> Attrs::reals(const std::string& name) const {
  const Attr* attr = find(name);
  if (!attr) missing(name);
  if (auto d = std::get_if<std::vector<double>>(attr)) return *d;
  if (auto v = std::get_if<std::vector<std::int64_t>>(attr)) return {v->begin(), v->end()};
  return {real(name)};
}

std::string Attrs::text(const std::string& name, const std::string& otherwise) const {
  const Attr* attr = find(name);
  if (!attr) return otherwise;
  if (auto s = std::get_if<std::string>(attr)) return *s;
  wrong_type(name, "a string");
}

bool Attrs::flag(const std::string& name, bool otherwise) const {
  return has(name) ? integer(name) != 0 : otherwise;
}

// --- Graph ---------------------------------------------------------------------------------

namespace {

void check_spec(const TensorSpec& spec) {
  int symbolic = 0;
  for (Dim d : spec.shape.dims()) symbolic += d < 0;
  if (symbolic > 1)
    throw shape_error("the result would have shape " + spec.shape.to_string() +
                      ", but only one dimension may depend on the batch size");
}

template <class T>
void write_list(std::ostream& out, const std::vector<T>& values) {
  out << "[";
  for (std::size_t i = 0; i < values.size(); ++i) out << (i ? ", " : "") << values[i];
  out << "]";
}

void write_attr(std::ostream& out, const Attr& attr) {
  if (auto i = std::get_if<std::int64_t>(&attr)) out << *i;
  else if (auto d = std::get_if<double>(&attr)) out << *d;
  else if (auto v = std::get_if<std::vector<std::int64_t>>(&attr)) write_list(out, *v);
  else if (auto w = std::get_if<std::vector<double>>(&attr)) write_list(out, *w);
  else out << '"' << std::get<std::string>(attr) << '"';
}

}  // namespace

std::string to_string(const Attrs& attrs) {
  std::ostringstream out;
  out << "{";
  const char* separator = "";
  for (const auto& item : attrs.items()) {
    out << separator << item.first << ": ";
    write_attr(out, item.second);
    separator = ", ";
  }
  out << "}";
  return out.str();
}

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
