// Which nodes run, in which order, and what becomes of the variables: the planner's first half.
#pragma once
#include <vector>

#include "graph/passes.h"

namespace hornet {

// A node that runs, or (node < 0) a copy of `source`.
struct ScheduledStep {
  int node = -1;
  Value source;       // copies: what is copied
  int variable = -1;  // copies: id of the variable written; -1: into a buffer of its own
};

struct Schedule {
  std::vector<ScheduledStep> compute, state;
  // variable_of[node][output]: id of the variable into whose memory the output goes, or -1.
  std::vector<std::vector<int>> variable_of;
  std::vector<int> written;    // ids
  std::vector<Value> fetches;  // with assignments looked through
};

Schedule make_schedule(const Program& program);

// `v`, or what was assigned if v is the output of an assignment.
Value assigned_value(const Graph& graph, Value v);
// The value whose memory v is a view of.
Value storage_root(const Graph& graph, Value v);
// Input i of an elementwise node is read at the same flat index as outputs are written, so its
// memory may be an output's.
bool reads_in_step(const Node& node, int i);

}  // namespace hornet
