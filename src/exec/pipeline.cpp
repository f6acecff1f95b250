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

DevicePipeline::DevicePipeline(std::shared_ptr<DeviceGroup> group) : group_(std::move(group)) {
  for (Stage& stage : stages_)
    for (const auto& device : group_->devices()) stage.push_back(std::make_unique<Place>(device));
}

DevicePipeline::~DevicePipeline() {
  try {
    // A step that was stopped on its way has recorded its copies only.
    for (const auto& place : stages_[0]) place->finished.record(Device::compute);
    for (int stage = 0; stage < kStages; ++stage) copied(stage, nullptr);
    finished(0, nullptr);
  } catch (const Error&) {}  // a lost device computes nothing any more
}

int DevicePipeline::next(const StopFlag* stop) {
  if (!finished(turn_, stop)) return -1;
  const int stage = turn_;
  turn_ = (turn_ + 1) % kStages;
  return stage;
}

void DevicePipeline::enqueue(int stage, const std::vector<Part>& parts,
                             const DeviceExecutable::Fetched& fetched, const StopFlag* stop) {
  parts_.clear();
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const Part& part = parts[p];
    Place& place = *stages_[stage][p];
    if (place.inputs.bytes() < part.executable->feed_bytes()) {
      place.inputs = DeviceBuffer(place.device, part.executable->feed_bytes());
      // Whoever had that memory before may still compute with it.
      place.finished.record(Device::compute);
      place.finished.hold_back(Device::copies);
    }
    part.executable->upload(Device::copies, *part.feeds, place.inputs.data());
    place.copied.record(Device::copies);
    place.copied.hold_back(Device::compute);
    parts_.push_back({part.executable, place.inputs.data(), part.share});
  }
  DeviceExecutable::enqueue(parts_, *group_, fetched, stop);
  for (std::size_t p = 0; p < parts.size(); ++p)
    stages_[stage][p]->finished.record(Device::compute);
}

bool DevicePipeline::copied(int stage, const StopFlag* stop) const {
  for (const auto& place : stages_[stage])
    if (!wait_for(place->copied, stop)) return false;
  return true;
}

bool DevicePipeline::finished(int stage, const StopFlag* stop) const {
  for (const auto& place : stages_[stage])
    if (!wait_for(place->finished, stop)) return false;
  return true;
}

}  // namespace hornet
