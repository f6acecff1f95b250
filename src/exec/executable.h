// A compiled program: bound to a batch size, to variables and to memory.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "exec/plan.h"

namespace hornet {

// Thrown when `stop` was set between two steps; nothing was written.
struct RunStopped : std::exception {};

class Executable {
 public:
  Executable(Plan plan, std::shared_ptr<Variables> variables);

  // Takes step_mutex for the whole run. `feeds` are concrete tensors in feed order, read in place.
  // `fetched` is called once, still under the mutex, with views that die with it.
  void run(const std::vector<Tensor>& feeds,
           const std::function<void(const std::vector<Tensor>&)>& fetched,
           const std::atomic<bool>* stop = nullptr);
  const Plan& plan() const { return plan_; }

 private:
  void resolve();             // places -> pointers, after the arena moved
  Plan plan_;
  std::shared_ptr<Variables> variables_;
  // ... pre-resolved tensors of every step, and which of them each feed patches
};

// A traced function with its compiled forms, one per batch size (the last few are kept).
class Function {
 public:
  // `graph` is copied, simplified and fused. Feed i is the input node with index i.
  Function(const Graph& graph, const Targets& targets, std::shared_ptr<Variables> variables);

  // The batch is taken from the first feed with a symbolic leading dimension.
  // Shapes that do not fit are an Error naming the feed.
  Executable& executable(Dim batch, bool f64 = false, bool reference_only = false);
  Dim batch_of(const std::vector<Tensor>& feeds) const;

  const Program& program() const { return program_; }
  Variables& variables() { return *variables_; }
  std::shared_ptr<Variables> shared_variables() { return variables_; }

 private:
  Program program_;
  std::shared_ptr<Variables> variables_;
  // ... cache
};

}  // namespace hornet
