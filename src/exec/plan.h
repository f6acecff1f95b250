// When each node runs and where its outputs lie.
#pragma once
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "exec/variables.h"
#include "graph/passes.h"

namespace hornet {

// Where a tensor lives.
struct Place {
  enum Kind : char { arena, feed, variable } kind = arena;
  std::size_t index = 0;      // byte offset in the arena, index of the feed, id of the variable
};

struct PlanStep {
  int node;                                  // of the program's graph
  std::unique_ptr<Kernel> kernel;
  std::vector<TensorSpec> input_specs, output_specs;
  std::vector<Place> inputs, outputs;
  std::size_t workspace = 0;                 // arena offset
  const char* backend = "";
};

struct PlanOptions {
  Dim batch = 1;
  bool f64 = false;                          // bind every f32 to f64 (gradient checks)
  bool reference_only = false;               // skip the SIMD kernels
};

// Steps [0, first_state) compute; steps [first_state, end) write variables and are never cut.
struct Plan {
  std::vector<PlanStep> steps;
  std::size_t first_state = 0;
  std::size_t arena_bytes = 0;
  std::size_t naive_bytes = 0;               // without reuse, for the record
  std::vector<Place> fetches;
  std::vector<TensorSpec> fetch_specs;
  std::vector<TensorSpec> feed_specs;        // by feed index; concrete
};

Plan make_plan(const Program& program, const PlanOptions& options);

}  // namespace hornet
