// Runs fused elementwise programs (graph/fused.h) over pieces that stay in the first-level cache.
#pragma once
#include <cstddef>
#include <vector>

#include "graph/fused.h"

namespace hornet::simd {

// Floats that hold one number over and over, wherever a vector is read at stride 0.
constexpr Dim kSplat = 16;

// How an input's elements get under the program's registers.
struct FusedInput {
  enum Kind : char {
    full,       // read in place
    scalar,     // one number: a splat
    short_row,  // repeats often: written out over a piece, once a run
    long_row,   // read in place; pieces end where it starts again
    column,     // constant over `inner` elements: a splat; pieces end with it
    scattered   // anything else: written out for each piece
  } kind;
  Access access;
  Dim scratch = 0;  // offset in the scratch
};

struct FusedPlan {
  FusedProgram program;
  std::vector<FusedInput> inputs;
  std::vector<Dim> registers;  // of instructions: offset in the scratch
  std::vector<int> last_read;  // of inputs: the last instruction that reads it, -1: none
  Dim piece = 0;               // elements
  Dim scratch_floats = 0;      // for one thread
};

struct FusedTable {
  // Elements [begin, end) of all outputs. deferred[o]: output o is written when the piece is
  // done, since its memory is an input's that is read later.
  void (*run)(const FusedPlan& plan, const float* const* inputs, float* const* outputs,
              const bool* deferred, Dim begin, Dim end, float* scratch);
};

// A program over `n` elements.
class Fused {
 public:
  Fused(FusedProgram program, Dim n);
  std::size_t workspace_bytes() const { return slots_ * plan_.scratch_floats * sizeof(float); }
  void run(const float* const* inputs, float* const* outputs, void* workspace) const;

 private:
  const FusedTable* table_;
  FusedPlan plan_;
  Dim n_;
  int slots_ = 1;
};

}  // namespace hornet::simd
