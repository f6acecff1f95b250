// R's words for graphs, shared by the glue.
#pragma once
#include <string>
#include <vector>

#include "graph/graph.h"
#include "r_handle.h"

namespace hornet {

// Kinds of handles (r_handle.h).
constexpr const char* kGraphHandle = "graph";
constexpr const char* kVariablesHandle = "model";
constexpr const char* kFunctionHandle = "compiled model";

Value value_from_r(SEXP value);                 // c(node, output)
std::vector<Value> values_from_r(SEXP values);  // list of such
Shape shape_from_r(SEXP dim);
SEXP dim_to_r(const Shape& shape);
DType dtype_from_r(const std::string& name);

}  // namespace hornet
