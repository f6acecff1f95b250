// The op table: one row per op. Rows live in graph/ops/<family>.cpp; kernels in the back ends.
#pragma once
#include <functional>
#include <vector>

#include "graph/graph.h"

namespace hornet {

class Builder;

using Specs = std::vector<TensorSpec>;
using Grads = std::vector<Value>;  // one per input; an empty Value means "no gradient flows"

namespace OpFlag {
enum : unsigned {
  none = 0,
  elementwise = 1,  // equal shapes in and out; the output may overwrite a dying input
  stateful = 2,     // writes a variable (its first input): runs in the state block
  leaf = 4,         // input, variable, constant: no kernel
  view = 8,         // the output is the input's memory under another shape (reshape)
};
}

struct OpDef {
  std::string name;
  // Output specs from input specs and attributes; throws shape_error("...") in the words of a user.
  std::function<Specs(const Specs&, const Attrs&)> infer;
  // Appends the gradient's nodes. `y` is the node's id, dy[i] the gradient of its i-th output
  // (empty if none flows). Null: not differentiable (gradient stops here).
  std::function<Grads(Builder&, int y, const std::vector<Value>& dy)> grad;
  unsigned flags = OpFlag::none;

  bool is(unsigned flag) const { return (flags & flag) != 0; }
};

// The row of that name; Error("unknown op ...") otherwise.
const OpDef& op(const std::string& name);
const std::vector<OpDef>& op_table();

// Each family appends its rows; op_table.cpp calls them all.
using OpRows = std::vector<OpDef>;
void add_leaf_ops(OpRows& rows);
void add_elementwise_ops(OpRows& rows);
void add_reduce_ops(OpRows& rows);
void add_matmul_ops(OpRows& rows);
void add_shape_ops(OpRows& rows);
void add_index_ops(OpRows& rows);
void add_conv_ops(OpRows& rows);
void add_pool_ops(OpRows& rows);
void add_norm_ops(OpRows& rows);
void add_rnn_ops(OpRows& rows);
void add_random_ops(OpRows& rows);
void add_ctc_ops(OpRows& rows);
void add_state_ops(OpRows& rows);
void add_fused_ops(OpRows& rows);

}  // namespace hornet
