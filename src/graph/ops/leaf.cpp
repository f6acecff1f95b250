// Leaves: where values come from. Made by Graph::input(), variable() and constant() only.
#include "graph/ops/infer.h"

namespace hornet {

void add_leaf_ops(OpRows& rows) {
  for (const char* name : {"input", "variable", "constant"}) {
    const auto infer = [](const Specs&, const Attrs&) -> Specs {
      throw Error("leaves are made by Graph::input(), variable() and constant()");
    };
    rows.push_back({name, infer, nullptr, OpFlag::leaf});
  }
}

}  // namespace hornet
