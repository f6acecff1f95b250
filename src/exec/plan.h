// When each node runs and where its outputs lie.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/device.h"
#include "exec/variables.h"
#include "graph/passes.h"

namespace hornet {

// Where a tensor lives.
struct Place {
  enum Kind : char { arena, feed, variable, constant } kind = arena;
  std::size_t index = 0;  // byte offset in the arena, or which feed, variable (id), constant

  bool operator==(const Place& o) const { return kind == o.kind && index == o.index; }
};

struct PlanStep {
  int node;  // of the program's graph
  std::unique_ptr<Kernel> kernel;
  std::vector<TensorSpec> input_specs, output_specs;
  std::vector<Place> inputs, outputs;
  std::size_t workspace = 0;  // arena offset
  std::size_t workspace_bytes = 0;
  std::string backend;      // "copy": the planner's own, moves one tensor
  bool collective = false;  // of all parts together; its kernel does nothing
};

// A tensor filled with one number: written once, read by every run.
struct PlanConstant {
  TensorSpec spec;
  double value = 0;
};
void fill_constant(const PlanConstant& constant, void* data);

struct PlanOptions {
  Dim batch = 1;
  bool f64 = false;                // bind every f32 to f64 (gradient checks)
  bool reference_only = false;     // node by node on the reference back end, nothing fused
  std::shared_ptr<Device> device;  // null: the host
  // Where several devices compute parts of a batch: which of how many this is. `batch` is its own.
  int part = 0, parts = 1;

  bool operator==(const PlanOptions& o) const {
    return batch == o.batch && f64 == o.f64 && reference_only == o.reference_only &&
           device == o.device && part == o.part && parts == o.parts;
  }
};

// Steps [0, first_state) compute; steps [first_state, end) write variables and are never cut.
//
// The state block. Every reader of a variable sees the value from before the run. So compute
// steps come first; then nodes whose results are only assigned run right into the variables'
// memory, each after those that still read the old value; then copies. Where nodes wait for each
// other in a circle (two variables that swap), one of them computes early and is copied. If a
// variable is assigned twice, the last assignment counts.
struct Plan {
  std::vector<PlanStep> steps;
  std::size_t first_state = 0;
  std::size_t arena_bytes = 0;
  std::size_t naive_bytes = 0;  // without reuse, for the record
  std::vector<PlanConstant> constants;
  std::vector<int> variables;  // ids of those it reads or writes
  std::vector<int> written;    // ids of those that the state block writes
  std::vector<Place> fetches;
  std::vector<TensorSpec> fetch_specs;
  std::vector<TensorSpec> feed_specs;  // by feed index; concrete
  bool f64 = false;
  std::shared_ptr<Device> device;  // null: the host
};

// One line a step: op, shapes, places, back end; then the memory. For people.
std::string to_string(const Plan& plan, const Graph& graph);

Plan make_plan(const Program& program, const PlanOptions& options);

}  // namespace hornet
