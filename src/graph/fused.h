// The "fused" op: a chain of elementwise ops run in one pass over memory. Kernels read all inputs
// at an index before they write any output there, so an output may take the place of an input.
#pragma once
#include <cstdint>
#include <vector>

#include "base/shape.h"
#include "graph/attrs.h"

namespace hornet {

// Limits of the fuse pass: what a back end may count on.
constexpr std::size_t kMaxFusedInstructions = 64;
constexpr std::size_t kMaxFusedInputs = 16;
constexpr std::size_t kMaxFusedOutputs = 8;

// One instruction of a fused program. Registers 0..inputs-1 are the inputs; instruction i writes
// register inputs + i. `op` is an elementwise op's code; the operands are registers (-1: none);
// `number` is its attribute (elu's alpha, clip's min, a constant's value) and `number2` clip's max.
// A constant with `number2` != 0 stands for number x batch; bind() resolves it, so kernels never
// meet one.
enum class Elementwise : std::int16_t {
  constant,
  neg,
  abs,
  sign,
  exp,
  log,
  sqrt,
  square,
  reciprocal,
  sin,
  cos,
  round,
  floor,
  tanh,
  sigmoid,
  softplus,
  relu,
  elu,
  clip,
  add,
  sub,
  mul,
  div,
  pow,
  maximum,
  minimum,
  equal,
  not_equal,
  greater,
  greater_equal,
  less,
  less_equal,
  select,
};

struct Instruction {
  Elementwise op;
  std::int16_t a = -1, b = -1, c = -1;
  double number = 0, number2 = 0;
};

// How an input is read at flat output index i: element (i / inner) % count. A full tensor has
// count = numel, inner = 1; a scalar count = 1; a row vector (bias) count = channels, inner = 1;
// a column count = rows, inner = columns. Negative numbers are multiples of the batch.
struct Access {
  Dim count = 1, inner = 1;
};

struct FusedProgram {
  std::vector<Access> inputs;  // one per node input
  std::vector<Instruction> code;
  std::vector<std::int16_t> outputs;  // registers; one per node output. Each output has the
                                      // same number of elements, and flat indices agree.

  Attrs to_attrs() const;  // how it travels on the node
  static FusedProgram from_attrs(const Attrs& attrs);
  FusedProgram bind(Dim batch) const;  // concrete counts and constants
  std::string to_string() const;       // "r2 = add(r0, r1); r3 = relu(r2)"
};

// The code of an elementwise op by name; false if it has none (stop_gradient, cast).
bool elementwise_code(const std::string& op_name, Elementwise* code);
const char* name_of(Elementwise code);

}  // namespace hornet
