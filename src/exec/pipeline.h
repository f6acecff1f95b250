// Steps under way on a device while the host prepares the next ones.
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "exec/device_executable.h"

namespace hornet {

// Waits for a point in a queue; false if `stop` was set first. Looks again and again, so that an
// interrupt is seen whatever the device does.
bool wait_for(const Device::Event& event, const StopFlag* stop);

// Two stages take turns: while the device computes the step of one, the feeds of the next are
// copied into the other. One thread.
class Pipeline {
 public:
  static constexpr int kStages = 2;
  explicit Pipeline(std::shared_ptr<Device> device);
  // Waits until nothing is under way, so that feeds may go.
  ~Pipeline();

  // The stage whose turn it is, once it is free. -1: stopped while waiting.
  int next(const StopFlag* stop);
  // Enqueues a step in that stage; `feeds` must stay until copied(). `fetched`: see
  // DeviceExecutable::enqueue().
  void enqueue(int stage, DeviceExecutable& executable, const std::vector<Tensor>& feeds,
               const std::function<void(const std::vector<Tensor>&)>& fetched,
               const StopFlag* stop);
  const Device::Event& copied(int stage) const { return stages_[stage]->copied; }
  const Device::Event& finished(int stage) const { return stages_[stage]->finished; }

 private:
  struct Stage {
    explicit Stage(const std::shared_ptr<Device>& device) : copied(device), finished(device) {}
    DeviceBuffer inputs;
    Device::Event copied, finished;
  };
  const std::shared_ptr<Device> device_;
  std::array<std::unique_ptr<Stage>, kStages> stages_;
  int turn_ = 0;
};

}  // namespace hornet
