// A plan on a device: everything it touches lies there.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "exec/executable.h"

namespace hornet {

class DeviceExecutable final : public Executable {
 public:
  DeviceExecutable(Plan plan, std::shared_ptr<Variables> variables);

  // Takes the feeds up, runs, brings the fetches back and waits for them.
  void run(const std::vector<Tensor>& feeds,
           const std::function<void(const std::vector<Tensor>&)>& fetched,
           const StopFlag* stop = nullptr) override;

  // In parts, for who does not want to wait. All feeds together need `feed_bytes` on the device;
  // upload() enqueues their copies to there.
  const std::shared_ptr<Device>& device() const { return device_; }
  std::size_t feed_bytes() const { return feed_bytes_; }
  void upload(Device::Queue queue, const std::vector<Tensor>& feeds, void* destination) const;

  // Enqueues the steps on feeds that lie at `inputs`, on one device or on those of a group, each
  // with its part of the batch and the share of the rows that is. `fetched(part, views)` gets
  // views on the device, to enqueue what becomes of them. Holds the step lock while it enqueues.
  struct Part {
    DeviceExecutable* executable;
    void* inputs;
    float share;
  };
  using Fetched = std::function<void(std::size_t part, const std::vector<Tensor>& views)>;
  static void enqueue(const std::vector<Part>& parts, DeviceGroup& group, const Fetched& fetched,
                      const StopFlag* stop);

 private:
  void* address(const Place& place) const override;
  void prepare(void* inputs);
  static void walk_together(const std::vector<Part>& parts, DeviceGroup& group,
                            const StopFlag* stop);

  const std::shared_ptr<Device> device_;
  std::vector<std::size_t> feed_offsets_, constant_offsets_;
  std::size_t feed_bytes_ = 0;
  DeviceBuffer constants_, inputs_;  // inputs_: of run()
  unsigned generation_ = 0;
  bool resolved_ = false;
};

}  // namespace hornet
