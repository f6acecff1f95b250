#include "exec/pipeline.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace hornet {

bool wait_for(const Device::Event& event, const StopFlag* stop) {
  std::chrono::microseconds pause(0);
  while (!event.reached()) {
    if (stop && stop->load(std::memory_order_relaxed)) return false;
    // Short steps end while we spin; long ones do not mind a fifth of a millisecond.
    std::this_thread::sleep_for(pause);
    pause = std::min(pause + std::chrono::microseconds(5), std::chrono::microseconds(200));
  }
  return true;
}

Pipeline::Pipeline(std::shared_ptr<Device> device) : device_(std::move(device)) {
  for (auto& stage : stages_) stage = std::make_unique<Stage>(device_);
}

Pipeline::~Pipeline() {
  try {
    // A step that was stopped on its way has recorded its copies only.
    stages_[0]->finished.record(Device::compute);
    wait_for(stages_[0]->finished, nullptr);
    for (const auto& stage : stages_) wait_for(stage->copied, nullptr);
  } catch (const Error&) {}  // a lost device computes nothing any more
}

int Pipeline::next(const StopFlag* stop) {
  if (!wait_for(stages_[turn_]->finished, stop)) return -1;
  const int stage = turn_;
  turn_ = (turn_ + 1) % kStages;
  return stage;
}

void Pipeline::enqueue(int index, DeviceExecutable& executable, const std::vector<Tensor>& feeds,
                       const std::function<void(const std::vector<Tensor>&)>& fetched,
                       const StopFlag* stop) {
  Stage& stage = *stages_[index];
  if (stage.inputs.bytes() < executable.feed_bytes()) {
    stage.inputs = DeviceBuffer(device_, executable.feed_bytes());
    // Whoever had that memory before may still compute with it.
    stage.finished.record(Device::compute);
    stage.finished.hold_back(Device::copies);
  }
  executable.upload(Device::copies, feeds, stage.inputs.data());
  stage.copied.record(Device::copies);
  stage.copied.hold_back(Device::compute);
  executable.enqueue(stage.inputs.data(), fetched, stop);
  stage.finished.record(Device::compute);
}

}  // namespace hornet
