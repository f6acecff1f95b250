// The value of an elementwise op on numbers known beforehand.
#pragma once
#include "graph/fused.h"
#include "graph/graph.h"

namespace hornet {

// In double precision. `number` and `number2` are the instruction's attributes.
double fold(Elementwise op, double a, double b, double c, double number, double number2);

// The attributes of an elementwise node as an instruction keeps them.
void elementwise_numbers(const Node& node, double* number, double* number2);

}  // namespace hornet
