// What the executor asks of a device. CPU back ends compile one node at a time.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "graph/graph.h"

namespace hornet {

// A node with everything bound: concrete shapes, f32 or f64. Lives for the call of compile().
struct BoundNode {
  const Node* node;
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  Dim batch;
};

// One step of a plan. Made once, run often; must not allocate in run() nor throw for anything
// but a user's data. Called by one thread at a time; may use rt/parallel.h inside.
class Kernel {
 public:
  virtual ~Kernel() = default;
  // Scratch memory it wants, 64-byte aligned, contents undefined between runs.
  virtual std::size_t workspace_bytes() const { return 0; }
  virtual void run(const Tensor* inputs, const Tensor* outputs, void* workspace) = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const char* name() const = 0;
  // Null: not supported here, ask the next back end.
  virtual std::unique_ptr<Kernel> compile(const BoundNode& node) const = 0;
};

// In order of preference: simd (if this machine has AVX2), then the reference, which runs every op.
const std::vector<const Backend*>& cpu_backends();
const Backend& reference_backend();
const Backend* simd_backend();  // null where there is no kernel set for this machine

// Helper for back ends: a table from op name to a function that compiles it.
using CompileFn = std::unique_ptr<Kernel> (*)(const BoundNode&);
struct KernelRow {
  const char* op;
  CompileFn compile;
};

}  // namespace hornet
