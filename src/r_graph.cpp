// Building op graphs from R. A value is c(node, output); a record describes one to R.
#include "r_graph.h"

#include <cmath>

#include "exec/variables.h"
#include "graph/builder.h"
#include "graph/passes.h"

using namespace hornet;

namespace hornet {

Value value_from_r(SEXP value) {
  if ((TYPEOF(value) != INTSXP && TYPEOF(value) != REALSXP) || Rf_xlength(value) != 2)
    throw Error("expected a value of a graph, c(node, output)");
  Rcpp::IntegerVector v(value);
  return {v[0], v[1]};
}

std::vector<Value> values_from_r(SEXP values) {
  std::vector<Value> result;
  for (SEXP value : Rcpp::List(values)) result.push_back(value_from_r(value));
  return result;
}

Shape shape_from_r(SEXP dim) {
  std::vector<Dim> dims;
  for (double d : Rcpp::NumericVector(dim)) {
    if (!(std::floor(d) == d) || std::abs(d) > 9e15)
      throw shape_error("dimensions must be whole numbers");
    dims.push_back(static_cast<Dim>(d));
  }
  return Shape(dims);
}

SEXP dim_to_r(const Shape& shape) {
  return Rcpp::NumericVector(shape.dims().begin(), shape.dims().end());
}

DType dtype_from_r(const std::string& name) {
  if (name == "float32") return DType::f32;
  if (name == "int32") return DType::i32;
  throw Error("there is no type \"" + name + "\"", "type")
      .hint("Types are \"float32\" and \"int32\".");
}

}  // namespace hornet

namespace {

Attrs attrs_from_r(const Rcpp::List& list) {
  Attrs attrs;
  if (list.size() == 0) return attrs;
  const Rcpp::CharacterVector names = list.names();
  for (R_xlen_t i = 0; i < list.size(); ++i) {
    const std::string name(names[i]);
    SEXP x = list[i];
    if (Rf_isNull(x)) continue;
    if (TYPEOF(x) == STRSXP) {
      attrs.set(name, Rcpp::as<std::string>(x));
    } else if (TYPEOF(x) == LGLSXP) {
      attrs.set(name, std::int64_t{Rcpp::as<bool>(x)});
    } else if (Rf_isNumeric(x)) {
      const Rcpp::NumericVector numbers(x);
      if (numbers.size() == 1) attrs.set(name, double{numbers[0]});
      else attrs.set(name, std::vector<double>(numbers.begin(), numbers.end()));
    } else {
      throw Error("argument \"" + name + "\" must be numbers, a string or TRUE/FALSE");
    }
  }
  return attrs;
}

Rcpp::List record(const Graph& graph, Value v) {
  const TensorSpec& spec = graph.spec(v);
  return Rcpp::List::create(Rcpp::Named("value") = Rcpp::IntegerVector::create(v.node, v.output),
                            Rcpp::Named("dim") = dim_to_r(spec.shape),
                            Rcpp::Named("dtype") = name_of(spec.dtype));
}

}  // namespace

// [[Rcpp::export(rng = false)]]
SEXP cpp_graph() {
  return glue_entry("cpp_graph",
                    [&]() -> SEXP { return make_handle(std::make_shared<Graph>(), kGraphHandle); });
}

// Inputs are values, or single numbers, which become scalar constants.
// [[Rcpp::export(rng = false)]]
SEXP cpp_graph_op(SEXP graph, std::string op, Rcpp::List inputs, Rcpp::List attrs,
                  std::string origin) {
  return glue_entry("cpp_graph_op", [&]() -> SEXP {
    const auto g = get_handle<Graph>(graph, kGraphHandle);
    g->set_origin(origin);
    Builder builder(*g);
    std::vector<Value> values;
    for (SEXP input : inputs) {
      const bool number = (Rf_isNumeric(input) || Rf_isLogical(input)) && Rf_xlength(input) == 1;
      values.push_back(number ? builder.scalar(Rf_asReal(input)) : value_from_r(input));
    }
    const std::vector<Value> outputs = builder.apply(op, values, attrs_from_r(attrs));
    Rcpp::List records(outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) records[i] = record(*g, outputs[i]);
    return records;
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_graph_input(SEXP graph, int index, SEXP dim, std::string dtype) {
  return glue_entry("cpp_graph_input", [&]() -> SEXP {
    const auto g = get_handle<Graph>(graph, kGraphHandle);
    return record(*g, g->input(index, {dtype_from_r(dtype), shape_from_r(dim)}));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_graph_variable(SEXP graph, SEXP variables, int id) {
  return glue_entry("cpp_graph_variable", [&]() -> SEXP {
    const auto g = get_handle<Graph>(graph, kGraphHandle);
    const auto v = get_handle<Variables>(variables, kVariablesHandle);
    if (id < 0 || id >= v->size()) throw Error("there is no variable " + std::to_string(id));
    return record(*g, g->variable(id, v->spec(id)));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_graph_constant(SEXP graph, double value, SEXP dim, std::string dtype) {
  return glue_entry("cpp_graph_constant", [&]() -> SEXP {
    const auto g = get_handle<Graph>(graph, kGraphHandle);
    return record(*g, g->constant(value, {dtype_from_r(dtype), shape_from_r(dim)}));
  });
}

// One record per element of `wrt`; NULL where the loss does not depend on it.
// [[Rcpp::export(rng = false)]]
SEXP cpp_graph_gradients(SEXP graph, SEXP loss, SEXP wrt) {
  return glue_entry("cpp_graph_gradients", [&]() -> SEXP {
    const auto g = get_handle<Graph>(graph, kGraphHandle);
    const auto grads = gradient(*g, value_from_r(loss), values_from_r(wrt));
    Rcpp::List records(grads.size());
    for (std::size_t i = 0; i < grads.size(); ++i)
      if (grads[i]) records[i] = record(*g, grads[i]);
    return records;
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_graph_text(SEXP graph) {
  return glue_entry("cpp_graph_text", [&]() -> SEXP {
    return Rcpp::wrap(get_handle<Graph>(graph, kGraphHandle)->to_string());
  });
}
