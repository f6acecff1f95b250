#include "graph/passes/fold.h"

#include <algorithm>
#include <cmath>

#include "graph/op.h"

namespace hornet {

double fold(Elementwise op, double a, double b, double c, double number, double number2) {
  using E = Elementwise;
  switch (op) {
    case E::constant:
      return number;
    case E::neg:
      return -a;
    case E::abs:
      return std::abs(a);
    case E::sign:
      return std::isnan(a) ? a : (a > 0) - (a < 0);
    case E::exp:
      return std::exp(a);
    case E::log:
      return std::log(a);
    case E::sqrt:
      return std::sqrt(a);
    case E::square:
      return a * a;
    case E::reciprocal:
      return 1 / a;
    case E::sin:
      return std::sin(a);
    case E::cos:
      return std::cos(a);
    case E::round:
      return std::nearbyint(a);
    case E::floor:
      return std::floor(a);
    case E::tanh:
      return std::tanh(a);
    case E::sigmoid:
      return a >= 0 ? 1 / (1 + std::exp(-a)) : std::exp(a) / (1 + std::exp(a));
    case E::softplus:
      return std::max(a, 0.0) + std::log1p(std::exp(-std::abs(a)));
    case E::relu:
      return a < 0 ? 0 : a;
    case E::elu:
      return a > 0 ? a : number * std::expm1(a);
    case E::clip:
      return a < number ? number : a > number2 ? number2 : a;
    case E::add:
      return a + b;
    case E::sub:
      return a - b;
    case E::mul:
      return a * b;
    case E::div:
      return a / b;
    case E::pow:
      return std::pow(a, b);
    case E::maximum:
      return std::isnan(a) || a > b ? a : b;
    case E::minimum:
      return std::isnan(a) || a < b ? a : b;
    case E::equal:
      return a == b;
    case E::not_equal:
      return a != b;
    case E::greater:
      return a > b;
    case E::greater_equal:
      return a >= b;
    case E::less:
      return a < b;
    case E::less_equal:
      return a <= b;
    case E::select:
      return a != 0 ? b : c;
  }
  return 0;
}

void elementwise_numbers(const Node& node, double* number, double* number2) {
  *number = *number2 = 0;
  if (node.op->name == "elu") *number = node.attrs.real("alpha");
  if (node.op->name != "clip") return;
  *number = node.attrs.real("min");
  *number2 = node.attrs.real("max");
}

}  // namespace hornet
