#include "graph/op.h"

#include <unordered_map>

namespace hornet {

const std::vector<OpDef>& op_table() {
  static const OpRows rows = [] {
    OpRows r;
    add_leaf_ops(r);
    add_elementwise_ops(r);
    add_reduce_ops(r);
    add_matmul_ops(r);
    add_shape_ops(r);
    add_index_ops(r);
    add_conv_ops(r);
    add_pool_ops(r);
    add_norm_ops(r);
    add_rnn_ops(r);
    add_random_ops(r);
    add_ctc_ops(r);
    add_state_ops(r);
    add_fused_ops(r);
    return r;
  }();
  return rows;
}

const OpDef& op(const std::string& name) {
  static const std::unordered_map<std::string, const OpDef*> by_name = [] {
    std::unordered_map<std::string, const OpDef*> index;
    for (const OpDef& row : op_table()) index.emplace(row.name, &row);
    return index;
  }();
  const auto found = by_name.find(name);
  if (found == by_name.end()) throw Error("there is no operation named \"" + name + "\"");
  return *found->second;
}

}  // namespace hornet
