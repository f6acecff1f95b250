#include "exec/schedule.h"

#include <algorithm>
#include <map>
#include <set>

#include "graph/fused.h"
#include "graph/op.h"

namespace hornet {

Value assigned_value(const Graph& graph, Value v) {
  while (graph.node(v).op->name == "assign") v = graph.node(v).inputs[1];
  return v;
}

Value storage_root(const Graph& graph, Value v) {
  v = assigned_value(graph, v);
  while (graph.node(v).op->is(OpFlag::view)) v = assigned_value(graph, graph.node(v).inputs[0]);
  return v;
}

bool reads_in_step(const Node& node, int i) {
  if (!node.op->is(OpFlag::elementwise)) return false;
  if (node.op->name != "fused") return true;
  const auto access = node.attrs.integers("access");
  return access[2 * i] == node.outputs[0].shape.numel() && access[2 * i + 1] == 1;
}

namespace {

int variable_id(const Node& node) { return static_cast<int>(node.attrs.integer("id")); }

class Scheduler {
 public:
  explicit Scheduler(const Program& program)
      : graph_(program.graph), targets_(program.targets), needed_(graph_.size(), false) {}

  Schedule run() {
    collect_writers();
    for (Value v : targets_.fetches) out_.fetches.push_back(assigned_value(graph_, v));
    mark_needed();
    count_readers();
    choose_direct_writers();
    order_direct_writers();
    list_compute();
    list_copies();
    for (const auto& writer : assigned_) out_.written.push_back(writer.first);
    for (const auto& writer : advanced_) out_.written.push_back(writer.first);
    return std::move(out_);
  }

 private:
  const Node& node(int id) const { return graph_.node(id); }
  bool is_written(int id) const { return assigned_.count(id) || advanced_.count(id); }

  void collect_writers() {
    for (Value update : targets_.updates) {
      const Node& n = graph_.node(update);
      if (!n.op->is(OpFlag::stateful)) throw Error("only updates of variables can be run as such");
      const int id = variable_id(graph_.node(n.inputs[0]));
      if (n.op->name == "assign") assigned_[id] = assigned_value(graph_, n.inputs[1]);
      else advanced_[id] = update.node;
    }
  }

  void need(Value v) { needed_[assigned_value(graph_, v).node] = true; }

  void mark_needed() {
    for (Value v : out_.fetches) need(v);
    for (const auto& writer : assigned_) need(writer.second);
    for (const auto& writer : advanced_) needed_[writer.second] = true;
    for (int id = graph_.size() - 1; id >= 0; --id) {
      if (!needed_[id]) continue;
      for (Value in : node(id).inputs) {
        const Value v = assigned_value(graph_, in);
        if (graph_.node(v).op->is(OpFlag::stateful))
          throw Error("the new state of a random generator cannot be used in the same run")
              .where(node(id).origin);
        need(v);
      }
    }
  }

  // readers_: nodes that read a value; assignments_: variables it is assigned to.
  void count_readers() {
    for (int id = 0; id < graph_.size(); ++id) {
      if (!needed_[id]) continue;
      for (Value in : node(id).inputs) readers_[assigned_value(graph_, in)].insert(id);
    }
    for (const auto& writer : assigned_) assignments_[writer.second].push_back(writer.first);
  }

  // All that comes out of the node goes into one variable each and is read by no other node.
  bool only_assigned(int id) const {
    bool any = false;
    for (int o = 0; o < static_cast<int>(node(id).outputs.size()); ++o) {
      if (readers_.count({id, o})) return false;
      const auto to = assignments_.find({id, o});
      if (to == assignments_.end()) continue;
      if (to->second.size() > 1) return false;
      any = true;
    }
    return any;
  }

  std::set<int> variables_read(int id) const {
    std::set<int> ids;
    for (Value in : node(id).inputs) {
      const Node& root = graph_.node(storage_root(graph_, in));
      if (root.op->name == "variable") ids.insert(variable_id(root));
    }
    return ids;
  }

  // The variable that output `o` of a direct writer goes to; -1 if it goes nowhere.
  int variable_written(int id, int o) const {
    if (node(id).op->is(OpFlag::stateful)) return variable_id(graph_.node(node(id).inputs[0]));
    const auto to = assignments_.find({id, o});
    return to == assignments_.end() ? -1 : to->second[0];
  }

  std::set<int> variables_written(int id) const {
    std::set<int> ids;
    for (int o = 0; o < static_cast<int>(node(id).outputs.size()); ++o)
      if (variable_written(id, o) >= 0) ids.insert(variable_written(id, o));
    return ids;
  }

  // It may overwrite what it reads: index by index, or not at all.
  bool safe_in_place(int id) const {
    const std::set<int> written = variables_written(id);
    for (std::size_t i = 0; i < node(id).inputs.size(); ++i) {
      const Node& root = graph_.node(storage_root(graph_, node(id).inputs[i]));
      if (root.op->name == "variable" && written.count(variable_id(root)) &&
          !reads_in_step(node(id), static_cast<int>(i)))
        return false;
    }
    return true;
  }

  void choose_direct_writers() {
    for (int id = 0; id < graph_.size(); ++id) {
      const OpDef& op = *node(id).op;
      if (!needed_[id] || op.is(OpFlag::leaf) || op.is(OpFlag::view) || op.is(OpFlag::stateful))
        continue;
      if (only_assigned(id) && safe_in_place(id)) direct_.insert(id);
    }
  }

  // Readers of a variable's old value before its writer. In a circle somebody has to give up the
  // direct way: he computes before the block, and his results are copied.
  void order_direct_writers() {
    std::set<int> waiting = direct_;
    for (const auto& writer : advanced_) waiting.insert(writer.second);
    std::map<int, std::set<int>> waiting_readers;  // by variable
    for (int id : waiting)
      for (int variable : variables_read(id)) waiting_readers[variable].insert(id);
    const auto leave = [&](int id) {
      waiting.erase(id);
      for (int variable : variables_read(id)) waiting_readers[variable].erase(id);
    };
    const auto is_ready = [&](int id) {
      for (int variable : variables_written(id)) {
        const auto& readers = waiting_readers[variable];
        if (readers.size() > readers.count(id)) return false;
      }
      return true;
    };
    while (!waiting.empty()) {
      const auto ready = std::find_if(waiting.begin(), waiting.end(), is_ready);
      if (ready != waiting.end()) {
        out_.state.push_back({*ready, {}, -1});
        leave(*ready);
        continue;
      }
      const int victim = *std::find_if(waiting.begin(), waiting.end(),
                                       [&](int id) { return direct_.count(id) > 0; });
      direct_.erase(victim);
      leave(victim);
    }
    record_places();
  }

  void record_places() {
    out_.variable_of.resize(graph_.size());
    for (int id = 0; id < graph_.size(); ++id) {
      auto& to = out_.variable_of[id];
      to.assign(node(id).outputs.size(), -1);
      const bool writes = direct_.count(id) || (needed_[id] && node(id).op->is(OpFlag::stateful));
      if (!writes) continue;
      for (int o = 0; o < static_cast<int>(to.size()); ++o) to[o] = variable_written(id, o);
    }
  }

  void list_compute() {
    for (int id = 0; id < graph_.size(); ++id) {
      const OpDef& op = *node(id).op;
      if (needed_[id] && !op.is(OpFlag::leaf) && !op.is(OpFlag::view) && !op.is(OpFlag::stateful) &&
          !direct_.count(id))
        out_.compute.push_back({id, {}, -1});
    }
  }

  // Is the value a variable's old one, gone when the state block ends?
  bool vanishes(Value v) const {
    const Node& root = graph_.node(storage_root(graph_, v));
    return root.op->name == "variable" && is_written(variable_id(root));
  }

  // Old values that are asked for are saved before the block; then come the copies that no node
  // could avoid.
  void list_copies() {
    std::set<Value> saved;
    const auto save = [&](Value v) {
      if (vanishes(v) && saved.insert(v).second) out_.compute.push_back({-1, v, -1});
    };
    for (Value v : out_.fetches) save(v);
    for (const auto& writer : assigned_) {
      const Value v = writer.second;
      const Node& root = graph_.node(storage_root(graph_, v));
      if (root.op->name == "variable" && variable_id(root) == writer.first) continue;  // x = x
      if (out_.variable_of[v.node][v.output] == writer.first) continue;                // direct
      save(v);
      out_.state.push_back({-1, v, writer.first});
    }
  }

  const Graph& graph_;
  const Targets& targets_;
  Schedule out_;
  std::vector<char> needed_;
  std::map<int, Value> assigned_;  // variable id -> its new value
  std::map<int, int> advanced_;    // variable id -> its rng_advance node
  std::map<Value, std::set<int>> readers_;
  std::map<Value, std::vector<int>> assignments_;  // value -> variable ids
  std::set<int> direct_;
};

}  // namespace

Schedule make_schedule(const Program& program) { return Scheduler(program).run(); }

}  // namespace hornet
