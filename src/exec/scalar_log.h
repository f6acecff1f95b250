// The numbers that steps yield (loss, metrics) stay on the device until somebody looks, and are
// brought home together.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "exec/pipeline.h"

namespace hornet {

// One thread. Steps come out in the order they went in.
class ScalarLog {
 public:
  // took(step, numbers): the how-manieth add() it was, from 0, and its numbers.
  using Took = std::function<void(std::int64_t step, const std::vector<double>& numbers)>;
  ScalarLog(std::shared_ptr<Device> device, Took took);
  // Waits until no copy is under way.
  ~ScalarLog();

  // Enqueues the collection of a step's numbers, tensors of one element on the device.
  void add(const std::vector<Tensor>& scalars);
  // Hands out what has come home, and asks for more if nobody did for 50 ms.
  void look();
  // Until all have come home; false if stopped before.
  bool settle(const StopFlag* stop);

 private:
  void ask();
  void hand_out();
  std::size_t slot(std::int64_t step) const;

  const std::shared_ptr<Device> device_;
  const Took took_;
  std::vector<TensorSpec> specs_;  // of one step's numbers
  std::vector<const void*> sources_;
  std::vector<double> numbers_;
  DeviceBuffer there_;
  AlignedBuffer here_;
  Device::Event came_;
  bool under_way_ = false;
  std::int64_t added_ = 0, asked_ = 0, home_ = 0;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace hornet
