// The consumer: pops batches, runs steps, accumulates.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "data/feeder.h"
#include "train/stepper.h"

namespace hornet {

struct RunResult {
  std::int64_t steps = 0;
  std::int64_t rows = 0;
  std::vector<double> metrics;  // row-weighted means, in fetch order
  bool exhausted = false;       // the data ended before the steps were done
  bool stopped_by_hook = false;
  std::int64_t first_bad_step = -1;     // 0-based step whose first metric was not finite
  double wait_seconds = 0;              // waiting for a batch
  double step_seconds = 0;              // running steps
  double hook_seconds = 0;              // waiting for R's hooks
  std::vector<HostTensor> predictions;  // predict: one per output, rows appended
};

// Latest values for whoever draws progress; overwritten, never queued.
class Board {
 public:
  struct Values {
    std::int64_t step = 0, rows = 0;
    std::vector<double> means, last;
  };
  // `step`: how many are done; `sums`: of values times rows.
  void publish(std::int64_t step, std::int64_t rows, const std::vector<double>& sums,
               const std::vector<double>& last);
  Values read() const;

 private:
  mutable std::mutex mutex_;
  Values values_;
};

// Called on the trainer thread around each batch; the glue sends them to R's thread by
// RunLoop::call. Return true from end() to stop after this step.
struct BatchHooks {
  std::function<void(std::int64_t step, Dim rows)> begin;
  std::function<bool(std::int64_t step, Dim rows, const std::vector<double>& values)> end;
};

// One per native call, on a worker thread. Feeds are: inputs, targets, weights.
class Trainer {
 public:
  // `devices`: null for the host.
  Trainer(Function& function, Feeder& feeder, RunMode mode, Board& board, BatchHooks hooks = {},
          std::shared_ptr<DeviceGroup> devices = nullptr);
  // Until `steps` batches are done (-1: to the end of data), the data ends, a hook stops it, or
  // the feeder's loop is stopped. `stop_on_bad`: ends after the first non-finite loss.
  RunResult run(std::int64_t steps, bool stop_on_bad = false);

 private:
  void take(Dim rows, const std::vector<double>& numbers, const std::vector<Tensor>& predictions);
  void append(const std::vector<Tensor>& predictions);

  Feeder& feeder_;
  const RunMode mode_;
  Board& board_;
  const BatchHooks hooks_;
  std::int64_t steps_wanted_ = -1;
  std::int64_t steps_taken_ = 0, rows_taken_ = 0;  // whose values are known
  std::vector<double> values_, sums_;
  RunResult result_;
  const std::unique_ptr<Stepper> stepper_;  // last: what it takes goes into the above
};

}  // namespace hornet
