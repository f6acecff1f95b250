// Steps on a device, or in parts on several. The host enqueues one while they compute the one
// before, and never waits for them but to keep that distance.
#pragma once
#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <vector>

#include "exec/pipeline.h"
#include "exec/scalar_log.h"
#include "train/stepper.h"

namespace hornet {

class DeviceStepper final : public Stepper {
 public:
  DeviceStepper(Function& function, std::shared_ptr<DeviceGroup> group, RunMode mode,
                const StopFlag& stop, Took took);
  bool step(BatchPool::Lease batch) override;
  bool settle() override;
  void finish() override;

 private:
  // What a stage holds until its step is done. A batch goes back when it is copied.
  struct Stage {
    BatchPool::Lease batch;
    Dim rows = 0;
    bool yields = false;  // predictions that nobody took yet
    std::vector<AlignedBuffer> buffers;
    std::vector<Tensor> predictions;
  };

  // The rows of a batch that one device computes.
  struct Part {
    std::shared_ptr<DeviceExecutable> executable;
    Dim begin, rows;
    std::vector<Tensor> feeds;
  };

  void divide(Dim rows);
  void enqueue(int stage);
  // Predictions on their way home, and their arrival.
  void fetch(Stage& stage, const Part& part, const std::vector<Tensor>& fetched);
  void hand_over(Stage& stage);
  // Brings the weights home now and then, for the day on which the device is lost.
  void save_weights();

  Function& function_;
  const std::shared_ptr<DeviceGroup> group_;
  const RunMode mode_;
  const StopFlag& stop_;
  const Took took_;
  Feeds feeds_;
  std::vector<Part> parts_;  // of batches of rows_
  Dim rows_ = -1;
  std::array<Stage, DevicePipeline::kStages> stages_;
  int last_ = -1;                // the stage of the step enqueued last
  std::deque<Dim> rows_logged_;  // of the steps whose numbers are still to come
  std::chrono::steady_clock::time_point saved_;
  std::chrono::steady_clock::duration save_cost_{};
  ScalarLog log_;
  DevicePipeline pipeline_;  // goes first: it waits until nobody uses the above
};

}  // namespace hornet
