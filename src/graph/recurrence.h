// What a recurrent node says, read once for its kernels.
#pragma once
#include <string>

#include "graph/attrs.h"

namespace hornet {

enum class CellActivation { linear, tanh, sigmoid, hard_sigmoid, relu };

// Throws Error for any other name.
CellActivation cell_activation(const std::string& name);

struct RecurrenceAttrs {
  CellActivation activation, gate_activation;
  bool reverse, masked, dropped, reset_after;

  explicit RecurrenceAttrs(const Attrs& attrs)
      : activation(cell_activation(attrs.text("activation", "tanh"))),
        gate_activation(cell_activation(attrs.text("gate_activation", "sigmoid"))),
        reverse(attrs.flag("reverse")),
        masked(attrs.flag("masked")),
        dropped(attrs.flag("dropped")),
        reset_after(attrs.flag("reset_after")) {}
};

}  // namespace hornet
