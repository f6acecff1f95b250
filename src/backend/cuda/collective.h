// Sums over devices.
#pragma once
#include <memory>
#include <vector>

#include "backend/cuda/queue.h"

namespace hornet::cuda {

// Devices that add up numbers, by their compute queues.
class Collective {
 public:
  virtual ~Collective() = default;
  // values[d] becomes the sum of all, on each device d; `count` floats. Enqueued on all queues.
  virtual void sum(std::size_t count, const std::vector<float*>& values) = 0;
};

// Throws Error where there is no library for it.
std::unique_ptr<Collective> make_collective(const std::vector<int>& devices,
                                            const std::vector<const Queue*>& queues);

// to = share * from, so that the sum of all is a weighted one.
void scale(const Queue& queue, Dim count, float share, const float* from, float* to);

}  // namespace hornet::cuda
