// What the attributes and inputs of a recurrent node say.
#pragma once
#include "graph/ops/infer.h"

namespace hornet {

// The mask and the dropout factors, where the attributes say there are any, come after `required`
// inputs.
inline Recurrence recurrence_of(const std::vector<Value>& inputs, const Attrs& attrs,
                                std::size_t required) {
  Recurrence r;
  r.activation = attrs.text("activation", r.activation);
  r.gate_activation = attrs.text("gate_activation", r.gate_activation);
  r.reverse = attrs.flag("reverse");
  r.reset_after = attrs.flag("reset_after");
  const std::size_t mask = attrs.flag("masked"), dropout = attrs.flag("dropped");
  if (inputs.size() != required + mask + dropout)
    throw Error("expected " + std::to_string(required + mask + dropout) + " inputs, got " +
                std::to_string(inputs.size()));
  if (mask) r.mask = inputs[required];
  if (dropout) r.dropout = inputs[required + mask];
  return r;
}

}  // namespace hornet
