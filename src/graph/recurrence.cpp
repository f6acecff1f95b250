#include "graph/recurrence.h"

#include "base/error.h"

namespace hornet {

CellActivation cell_activation(const std::string& name) {
  if (name == "linear") return CellActivation::linear;
  if (name == "tanh") return CellActivation::tanh;
  if (name == "sigmoid") return CellActivation::sigmoid;
  if (name == "hard_sigmoid") return CellActivation::hard_sigmoid;
  if (name == "relu") return CellActivation::relu;
  throw Error("there is no activation \"" + name + "\" of recurrent cells");
}

}  // namespace hornet
