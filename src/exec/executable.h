// A compiled program: bound to a batch size, to variables and to memory.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "exec/plan.h"

namespace hornet {

// Thrown when `stop` was set between two steps; nothing was written.
struct RunStopped : std::exception {};

using StopFlag = std::atomic<bool>;

class Executable {
 public:
  virtual ~Executable() = default;

  // Holds the step lock for the whole run. `feeds` are concrete tensors of the host in feed order,
  // read in place. `fetched` is called once, still under the lock, with views that die with it.
  virtual void run(const std::vector<Tensor>& feeds,
                   const std::function<void(const std::vector<Tensor>&)>& fetched,
                   const StopFlag* stop = nullptr) = 0;
  const Plan& plan() const { return plan_; }

 protected:
  Executable(Plan plan, std::shared_ptr<Variables> variables);
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  // Where a place is; a feed's is known when the run begins.
  virtual void* address(const Place& place) const = 0;
  void check(const std::vector<Tensor>& feeds) const;
  void resolve(char* arena);  // places -> pointers, but for feeds
  // address_of(feed): where its data are this time.
  template <class AddressOf>
  void set_feeds(AddressOf address_of) {
    for (const FeedSlot& slot : feed_slots_) slot.tensor->data = address_of(slot.feed);
  }
  // Runs all steps. `stop` is looked at between them, but not once variables are written.
  void walk(const StopFlag* stop);
  // What a run walks along: pointers only.
  struct Step {
    Kernel* kernel;
    Tensor* inputs;
    Tensor* outputs;
    void* workspace;
    void run() const { kernel->run(inputs, outputs, workspace); }
  };

  const Plan plan_;
  const std::shared_ptr<Variables> variables_;
  std::vector<Tensor> fetches_;
  std::vector<Step> steps_;

 private:
  // A tensor whose address is the feed's of this run.
  struct FeedSlot {
    Tensor* tensor;
    std::size_t feed;
  };

  std::vector<Tensor> tensors_;  // of all steps
  std::vector<Place> places_;    // of tensors_
  std::vector<FeedSlot> feed_slots_;
};

// On this machine's processor.
class HostExecutable final : public Executable {
 public:
  HostExecutable(Plan plan, std::shared_ptr<Variables> variables);
  void run(const std::vector<Tensor>& feeds,
           const std::function<void(const std::vector<Tensor>&)>& fetched,
           const StopFlag* stop = nullptr) override;

 private:
  void* address(const Place& place) const override;
  void make_doubles();  // f64 plans work on copies of the variables
  void load_doubles();
  void store_doubles();

  AlignedBuffer constants_;
  std::vector<std::size_t> constant_offsets_;
  std::map<int, AlignedBuffer> doubles_;  // by variable id; f64 plans only
  unsigned generation_ = 0;
  bool resolved_ = false;
};

// A traced function with its compiled forms, one per batch size and device (the last few are kept).
// Any thread may ask for an executable.
class Function {
 public:
  // `graph` is copied, simplified and fused. Feed i is the input node with index i.
  Function(const Graph& graph, const Targets& targets, std::shared_ptr<Variables> variables);

  // See PlanOptions.
  std::shared_ptr<Executable> executable(const PlanOptions& options);
  // The batch is taken from the first feed with a symbolic leading dimension; 1 if there is none.
  // Shapes that do not fit are an Error naming the feed.
  Dim batch_of(const std::vector<Tensor>& feeds) const;

  const Program& program(bool reference_only = false) const {
    return reference_only ? plain_ : fused_;
  }
  const std::vector<TensorSpec>& feeds() const { return fused_.feeds; }
  Variables& variables() { return *variables_; }
  std::shared_ptr<Variables> shared_variables() { return variables_; }

 private:
  struct Cached {
    PlanOptions options;
    std::shared_ptr<Executable> executable;
  };

  Program plain_, fused_;
  std::shared_ptr<Variables> variables_;
  std::mutex cache_mutex_;
  std::vector<Cached> cache_;  // most recent first
};

}  // namespace hornet
