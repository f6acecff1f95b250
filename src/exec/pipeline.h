// Steps under way on devices while the host prepares the next ones.
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

// Two stages take turns: while the devices compute the step of one, the feeds of the next are
// copied into the other. One thread.
class DevicePipeline {
 public:
  static constexpr int kStages = 2;
  explicit DevicePipeline(std::shared_ptr<DeviceGroup> group);
  // Waits until nothing is under way, so that feeds may go.
  ~DevicePipeline();

  // The stage whose turn it is, once it is free. -1: stopped while waiting.
  int next(const StopFlag* stop);
  // One device's part of a step: its program, its rows' feeds, which must stay until they are
  // copied, and the share of all rows.
  struct Part {
    DeviceExecutable* executable;
    const std::vector<Tensor>* feeds;
    float share;
  };
  // Enqueues a step in that stage, in parts on the group's first devices.
  void enqueue(int stage, const std::vector<Part>& parts, const DeviceExecutable::Fetched& fetched,
               const StopFlag* stop);
  // Waits until a stage's feeds are copied, or its step is done; false if stopped before.
  bool copied(int stage, const StopFlag* stop) const;
  bool finished(int stage, const StopFlag* stop) const;

 private:
  struct Place {  // of a stage on a device
    explicit Place(const std::shared_ptr<Device>& device)
        : device(device), copied(device), finished(device) {}
    std::shared_ptr<Device> device;
    DeviceBuffer inputs;
    Device::Event copied, finished;
  };
  using Stage = std::vector<std::unique_ptr<Place>>;  // by device

  const std::shared_ptr<DeviceGroup> group_;
  std::array<Stage, kStages> stages_;
  std::vector<DeviceExecutable::Part> parts_;
  int turn_ = 0;
};

}  // namespace hornet
