// What a product and its followers do in one go: add a bias, activate. Only where nobody else
// reads what comes in between.
#include "graph/passes/fuse.h"

#include <map>
#include <string>

#include "graph/passes/rewriter.h"

namespace hornet {
namespace {

// What every back end can do to a finished sum.
const char* const kActivations[] = {"relu", "sigmoid", "tanh", "softplus"};

class BiasFuser {
 public:
  explicit BiasFuser(const Program& program)
      : program_(program),
        graph_(program.graph),
        rewrite_(program.graph),
        uses_(program.graph.size(), 0),
        only_reader_(program.graph.size(), -1) {
    for (int id = 0; id < graph_.size(); ++id)
      for (Value in : graph_.node(id).inputs) {
        ++uses_[in.node];
        only_reader_[in.node] = id;
      }
    for (Value v : program.targets.fetches) ++uses_[v.node];
  }

  Program run() {
    for (int id = 0; id < graph_.size(); ++id) find(id);
    for (int id = 0; id < graph_.size(); ++id) {
      const Node& node = graph_.node(id);
      const auto match = matches_.find(id);
      if (match != matches_.end()) rewrite_.set(id, emit(match->second, node));
      else if (absorbed_.count(id)) continue;
      else if (node.op->is(OpFlag::leaf)) rewrite_.set(id, rewrite_.copy_leaf(node));
      else
        rewrite_.set(id,
                     rewrite_.add(*node.op, rewrite_.mapped(node.inputs), node.attrs, node.origin));
    }
    Program result;
    result.targets = rewrite_.mapped(program_.targets);
    result.feeds = program_.feeds;
    result.graph = std::move(rewrite_.to());
    return without_dead_nodes(result);
  }

 private:
  struct Match {
    int product;
    Value bias;
    std::string activation;
  };

  // Is `id` read once, and by a node of that op? That node, or -1.
  int sole_reader(int id, const char* op) const {
    if (uses_[id] != 1 || only_reader_[id] < 0) return -1;
    return graph_.node(only_reader_[id]).op->name == op ? only_reader_[id] : -1;
  }

  void find(int id) {
    const Node& product = graph_.node(id);
    const bool plain_matmul = product.op->name == "matmul" && !product.attrs.flag("transpose_a") &&
                              !product.attrs.flag("transpose_b");
    if (!plain_matmul && product.op->name != "conv2d") return;
    const int sum = sole_reader(id, "add");
    if (sum < 0) return;
    const Value bias = bias_of(sum, id);
    if (!bias) return;
    absorbed_[id] = true;
    for (const char* activation : kActivations) {
      const int activated = sole_reader(sum, activation);
      if (activated < 0) continue;
      absorbed_[sum] = true;
      matches_[activated] = {id, bias, activation};
      return;
    }
    matches_[sum] = {id, bias, "linear"};
  }

  // The other operand of `sum`, if it is one number a channel; it must be known by then.
  Value bias_of(int sum, int product) const {
    for (Value in : graph_.node(sum).inputs) {
      const Node& repeated = graph_.node(in);
      if (in.node == product || repeated.op->name != "broadcast" || repeated.attrs.flag("mean"))
        continue;
      const Value bias = repeated.inputs[0];
      const Shape& shape = graph_.shape(bias);
      if (shape.rank() == 1 && shape[0] == graph_.shape({product, 0})[-1]) return bias;
    }
    return {};
  }

  Value emit(const Match& match, const Node& last) {
    const Node& product = graph_.node(match.product);
    Attrs attrs;
    if (product.op->name == "conv2d") attrs = product.attrs;
    attrs.set("activation", match.activation);
    std::vector<Value> inputs = rewrite_.mapped(product.inputs);
    inputs.push_back(rewrite_[match.bias]);
    return rewrite_.add(op(product.op->name == "conv2d" ? "conv2d_bias" : "dense"),
                        std::move(inputs), attrs, last.origin);
  }

  const Program& program_;
  const Graph& graph_;
  Rewriter rewrite_;
  std::vector<int> uses_, only_reader_;  // by node
  std::map<int, Match> matches_;         // by the node it replaces
  std::map<int, bool> absorbed_;
};

}  // namespace

Program fuse_bias(const Program& program) { return BiasFuser(program).run(); }

Program fuse(const Program& program) { return fuse_chains(fuse_bias(program)); }

}  // namespace hornet
