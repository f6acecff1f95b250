// How the steps of a run are made: at once on the host, or enqueued on a device while the host
// goes on.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "data/batch_queue.h"
#include "exec/executable.h"

namespace hornet {

enum class RunMode { train, evaluate, predict };

class Stepper {
 public:
  // What a step yields: its rows and either numbers (loss, metrics) or, when predicting, tensors
  // on the host, which die with the call.
  using Took = std::function<void(Dim rows, const std::vector<double>& numbers,
                                  const std::vector<Tensor>& predictions)>;

  virtual ~Stepper() = default;
  // Takes one step. What it yields is handed over in order, now or during a later call. False:
  // stopped on the way, and nothing was written.
  virtual bool step(BatchPool::Lease batch) = 0;
  // Returns when all has been handed over; false if stopped before.
  virtual bool settle() = 0;
  // The last call of a run: settles.
  virtual void finish() = 0;
};

// `devices`: null for the host. `stop` ends waiting and stepping.
std::unique_ptr<Stepper> make_stepper(Function& function, std::shared_ptr<DeviceGroup> devices,
                                      RunMode mode, const StopFlag& stop, Stepper::Took took);

// A batch's tensors in feed order: inputs and, unless predicting, targets and weights.
class Feeds {
 public:
  explicit Feeds(RunMode mode) : mode_(mode) {}
  const std::vector<Tensor>& of(const Batch& batch);

 private:
  const RunMode mode_;
  std::vector<Tensor> tensors_;  // kept, so that a step allocates nothing
};

}  // namespace hornet
