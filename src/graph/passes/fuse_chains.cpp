// Groups elementwise nodes into "fused" ones: a group reads its inputs once and writes only what
// somebody else reads, so an optimizer's whole update of a weight is one pass over memory.
//
// What is looked through. An elementwise node does not care for shapes, only for flat indices, so
// a reshape on the way is nothing; a repeated scalar, row or column is an access pattern; a
// constant is an instruction. Such nodes disappear where nobody else needs them.
//
// What is grouped. Producer and consumer, as long as the group keeps the limits of graph/fused.h
// and no path leaves it and comes back: then it could not run at one moment. Nothing is computed
// twice, and nodes that merely stand side by side are left apart.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <queue>
#include <set>

#include "graph/fused.h"
#include "graph/passes/fold.h"
#include "graph/passes/fuse.h"
#include "graph/passes/rewriter.h"

namespace hornet {
namespace {

// How a member of a group gets one operand.
struct Operand {
  enum Kind { tensor, constant } kind = tensor;
  Value source;  // tensor
  Access access;
  double number = 0;  // constant
  // Divided by this many copies (times the batch, if per_batch): the "mean" of a broadcast.
  double copies = 1;
  bool per_batch = false;
  bool in_step = false;  // read at the same index: the source may be in the group
};

// The pattern of repeating `from` to `to`, if its lengths other than 1 are neighbours.
bool find_access(const Shape& from, const Shape& to, Access* found) {
  const int skipped = to.rank() - from.rank();
  int first = -1, last = -1;
  for (int i = 0; i < from.rank(); ++i) {
    if (from[i] == 1) continue;
    if (first < 0) first = i;
    last = i;
  }
  Access access{1, 1};
  for (int i = first; first >= 0 && i <= last; ++i) {
    if (from[i] != to[i + skipped]) return false;
    access.count *= from[i];
  }
  for (int i = last + 1 + skipped; first >= 0 && i < to.rank(); ++i) access.inner *= to[i];
  *found = access;
  return true;
}

class ChainFuser {
 public:
  explicit ChainFuser(const Program& program)
      : program_(program),
        graph_(program.graph),
        group_(graph_.size(), -1),
        needed_(graph_.size(), false),
        readers_(graph_.size()),
        is_target_(graph_.size(), false) {}

  Program run() {
    find_operands();
    find_readers();
    for (int id = 0; id < graph_.size(); ++id)
      if (needed_[id] && is_member(id)) grow(id);
    return write();
  }

 private:
  // --- the graph as fusion sees it -----------------------------------------------------------

  bool is_member(int id) const { return !operands_[id].empty(); }

  // Nothing but the shape changes on the way.
  Value through_reshapes(Value v) const {
    for (;;) {
      const Node& node = graph_.node(v);
      const bool reshapes = node.op->name == "reshape" ||
                            (node.op->name == "broadcast" &&
                             graph_.shape(node.inputs[0]).numel() == node.outputs[0].shape.numel());
      if (!reshapes) return v;
      v = node.inputs[0];
    }
  }

  Operand operand(Value v) const {
    Operand operand;
    operand.source = v = through_reshapes(v);
    operand.access = {graph_.shape(v).numel(), 1};
    operand.in_step = true;
    const Node* node = &graph_.node(v);
    if (node->op->name == "broadcast" && repeats(*node, &operand.access)) {
      operand.in_step = false;
      operand.source = through_reshapes(node->inputs[0]);
      if (node->attrs.flag("mean")) {
        const Dim large = node->outputs[0].shape.numel();
        const Dim small = graph_.shape(node->inputs[0]).numel();
        operand.copies = static_cast<double>(large / small);
        operand.per_batch = large < 0 && small > 0;
        if (operand.per_batch) operand.copies = -operand.copies;
      }
      node = &graph_.node(operand.source);
    }
    if (node->op->name == "constant") {
      operand.kind = Operand::constant;
      operand.number = node->attrs.real("value");
      operand.in_step = false;
    }
    return operand;
  }

  bool repeats(const Node& broadcast, Access* access) const {
    return graph_.shape(broadcast.inputs[0]).numel() != 0 &&
           find_access(graph_.shape(broadcast.inputs[0]), broadcast.outputs[0].shape, access);
  }

  void find_operands() {
    operands_.resize(graph_.size());
    for (int id = 0; id < graph_.size(); ++id) {
      const Node& node = graph_.node(id);
      Elementwise code;
      if (!elementwise_code(node.op->name, &code) || node.outputs[0].dtype != DType::f32) continue;
      for (Value in : node.inputs) operands_[id].push_back(operand(in));
    }
  }

  template <class Fn>
  void each_source(int id, Fn&& fn) const {
    if (!is_member(id)) {
      for (Value in : graph_.node(id).inputs) fn(in);
      return;
    }
    for (const Operand& operand : operands_[id])
      if (operand.kind == Operand::tensor) fn(operand.source);
  }

  void find_readers() {
    for (const auto& values : {program_.targets.fetches, program_.targets.updates})
      for (Value v : values) needed_[v.node] = is_target_[v.node] = true;
    for (int id = graph_.size() - 1; id >= 0; --id) {
      if (!needed_[id]) continue;
      each_source(id, [&](Value v) {
        needed_[v.node] = true;
        auto& readers = readers_[v.node];
        if (readers.empty() || readers.back() != id) readers.push_back(id);
      });
    }
  }

  // --- groups --------------------------------------------------------------------------------

  // Node `id` joins the groups of its sources, one after the other.
  void grow(int id) {
    group_[id] = static_cast<int>(members_.size());
    members_.push_back({id});
    for (const Operand& operand : operands_[id]) {
      if (!operand.in_step || !is_member(operand.source.node)) continue;
      const int other = group_[operand.source.node];
      if (other != group_[id]) try_merge(group_[id], other, id);
    }
  }

  void try_merge(int a, int b, int newest) {
    std::vector<int> all;
    std::merge(members_[a].begin(), members_[a].end(), members_[b].begin(), members_[b].end(),
               std::back_inserter(all));
    if (!within_limits(all, a, b) || returns(all, a, b, newest)) return;
    for (int id : members_[b]) group_[id] = a;
    members_[b].clear();
    members_[a] = std::move(all);
  }

  bool in_either(int id, int a, int b) const {
    return group_[id] >= 0 && (group_[id] == a || group_[id] == b);
  }

  // An upper bound of the program's size.
  bool within_limits(const std::vector<int>& members, int a, int b) const {
    std::size_t instructions = 0, outputs = 0;
    std::set<std::pair<Value, std::pair<Dim, Dim>>> inputs;
    for (int id : members) {
      ++instructions;
      for (const Operand& operand : operands_[id]) {
        if (operand.kind == Operand::constant) ++instructions;
        if (operand.copies != 1 || operand.per_batch) instructions += 2;
        if (operand.kind == Operand::tensor &&
            !(operand.in_step && in_either(operand.source.node, a, b)))
          inputs.insert({operand.source, {operand.access.count, operand.access.inner}});
      }
      const auto outside = [&](int reader) { return !in_either(reader, a, b); };
      const auto& readers = readers_[id];
      outputs += is_target_[id] || std::any_of(readers.begin(), readers.end(), outside);
    }
    return instructions <= kMaxFusedInstructions && inputs.size() <= kMaxFusedInputs &&
           outputs <= kMaxFusedOutputs;
  }

  // Does a path leave the members and come back? Nodes after `newest` are in no group yet, and
  // from them nothing leads back.
  bool returns(const std::vector<int>& members, int a, int b, int newest) const {
    std::vector<char> seen(graph_.size(), false);
    std::vector<int> open;
    const auto visit_readers = [&](int id, bool from_inside) {
      for (int reader : readers_[id]) {
        if (reader > newest || seen[reader]) continue;
        if (from_inside && in_either(reader, a, b)) continue;
        seen[reader] = true;
        open.push_back(reader);
      }
    };
    for (int id : members) visit_readers(id, true);
    while (!open.empty()) {
      const int id = open.back();
      open.pop_back();
      if (in_either(id, a, b)) return true;
      if (group_[id] < 0) {
        visit_readers(id, false);
        continue;
      }
      for (int companion : members_[group_[id]]) {
        seen[companion] = true;
        visit_readers(companion, false);
      }
    }
    return false;
  }

  // --- writing -------------------------------------------------------------------------------

  // In topological order of groups and single nodes; where there is a choice, the old order of
  // their last nodes.
  Program write() {
    Rewriter rewrite(graph_);
    std::vector<int> last(graph_.size());  // of the node's group
    for (int id = 0; id < graph_.size(); ++id)
      last[id] = group_[id] < 0 ? id : members_[group_[id]].back();
    std::vector<int> waits_for(graph_.size(), 0);  // by last node
    std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
    for (int id = 0; id < graph_.size(); ++id) {
      if (!needed_[id]) continue;
      for (int reader : readers_[id])
        if (last[reader] != last[id]) ++waits_for[last[reader]];
    }
    for (int id = 0; id < graph_.size(); ++id)
      if (needed_[id] && last[id] == id && waits_for[id] == 0) ready.push(id);
    const auto done = [&](int id) {
      for (int reader : readers_[id])
        if (last[reader] != last[id] && --waits_for[last[reader]] == 0) ready.push(last[reader]);
    };
    while (!ready.empty()) {
      const int id = ready.top();
      ready.pop();
      if (group_[id] < 0) {
        copy(id, rewrite);
        done(id);
        continue;
      }
      emit(members_[group_[id]], rewrite);
      for (int member : members_[group_[id]]) done(member);
    }
    Program result;
    result.targets = rewrite.mapped(program_.targets);
    result.feeds = program_.feeds;
    result.graph = std::move(rewrite.to());
    return without_dead_nodes(result);
  }

  void copy(int id, Rewriter& rewrite) const {
    const Node& node = graph_.node(id);
    rewrite.set(id, node.op->is(OpFlag::leaf) ? rewrite.copy_leaf(node)
                                              : rewrite.add(*node.op, rewrite.mapped(node.inputs),
                                                            node.attrs, node.origin));
  }

  // A program under construction. Registers of instructions are known once all inputs are, so
  // until then they count from kFirstInstruction.
  struct Draft {
    static constexpr std::int16_t kFirstInstruction = 1000;
    FusedProgram program;
    std::vector<Value> inputs;
    std::map<int, std::int16_t> of_member;  // register by old node

    std::int16_t emit(const Instruction& instruction) {
      auto& code = program.code;
      for (std::size_t i = 0; i < code.size(); ++i) {
        const Instruction& known = code[i];
        if (known.op == Elementwise::constant && instruction.op == Elementwise::constant &&
            known.number == instruction.number && known.number2 == instruction.number2 &&
            std::signbit(known.number) == std::signbit(instruction.number))
          return static_cast<std::int16_t>(kFirstInstruction + i);
      }
      code.push_back(instruction);
      return static_cast<std::int16_t>(kFirstInstruction + code.size() - 1);
    }

    std::int16_t constant(double number, bool per_batch) {
      Instruction instruction{Elementwise::constant};
      instruction.number = number;
      instruction.number2 = per_batch;
      return emit(instruction);
    }

    std::int16_t input(Value v, const Access& access) {
      for (std::size_t i = 0; i < inputs.size(); ++i)
        if (inputs[i] == v && program.inputs[i].count == access.count &&
            program.inputs[i].inner == access.inner)
          return static_cast<std::int16_t>(i);
      inputs.push_back(v);
      program.inputs.push_back(access);
      return static_cast<std::int16_t>(inputs.size() - 1);
    }

    void settle() {
      const auto shift = static_cast<std::int16_t>(inputs.size() - kFirstInstruction);
      const auto settle_one = [shift](std::int16_t& r) {
        if (r >= kFirstInstruction) r = static_cast<std::int16_t>(r + shift);
      };
      for (Instruction& i : program.code) {
        settle_one(i.a);
        settle_one(i.b);
        settle_one(i.c);
      }
      for (std::int16_t& r : program.outputs) settle_one(r);
    }
  };

  std::int16_t load(const Operand& operand, int group, const Rewriter& rewrite,
                    Draft& draft) const {
    std::int16_t r;
    if (operand.kind == Operand::constant) r = draft.constant(operand.number, false);
    else if (operand.in_step && group_[operand.source.node] == group)
      r = draft.of_member.at(operand.source.node);
    else r = draft.input(rewrite[operand.source], operand.access);
    if (operand.copies == 1 && !operand.per_batch) return r;
    return draft.emit({Elementwise::div, r, draft.constant(operand.copies, operand.per_batch)});
  }

  void emit(const std::vector<int>& members, Rewriter& rewrite) const {
    const int group = group_[members[0]];
    Draft draft;
    std::vector<int> results;
    for (int id : members) {
      const Node& node = graph_.node(id);
      Instruction instruction{};
      elementwise_code(node.op->name, &instruction.op);
      elementwise_numbers(node, &instruction.number, &instruction.number2);
      std::int16_t* const registers[] = {&instruction.a, &instruction.b, &instruction.c};
      for (std::size_t i = 0; i < operands_[id].size(); ++i)
        *registers[i] = load(operands_[id][i], group, rewrite, draft);
      draft.of_member[id] = draft.emit(instruction);
      const auto& readers = readers_[id];
      if (is_target_[id] || std::any_of(readers.begin(), readers.end(),
                                        [&](int reader) { return group_[reader] != group; }))
        results.push_back(id);
    }
    for (int id : results) draft.program.outputs.push_back(draft.of_member[id]);
    draft.settle();
    Attrs attrs = draft.program.to_attrs();
    for (std::size_t i = 0; i < results.size(); ++i)
      attrs.set(i == 0 ? "shape" : "shape_" + std::to_string(i),
                graph_.shape({results[i], 0}).dims());
    const Value fused =
        rewrite.add(op("fused"), draft.inputs, attrs, graph_.node(members.back()).origin);
    for (std::size_t i = 0; i < results.size(); ++i)
      rewrite.set(results[i], Value{fused.node, static_cast<int>(i)});
  }

  const Program& program_;
  const Graph& graph_;
  std::vector<std::vector<Operand>> operands_;  // of elementwise nodes; empty: not one
  std::vector<int> group_;                      // by node; -1: none
  std::vector<std::vector<int>> members_;       // by group, ascending; empty: merged away
  std::vector<char> needed_;
  std::vector<std::vector<int>> readers_;  // by node, seen as fusion sees it
  std::vector<char> is_target_;
};

}  // namespace

Program fuse_chains(const Program& program) { return ChainFuser(program).run(); }

}  // namespace hornet
