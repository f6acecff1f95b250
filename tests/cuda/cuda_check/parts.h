// The parts of cuda_check. Each prints one line a result and returns how many were wrong.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "exec/device_executable.h"
#include "graph/builder.h"

namespace hornet::cuda_check {

int check_ops(const std::shared_ptr<Device>& device);
// Losses of nets that train on both sides.
int check_training(const std::shared_ptr<Device>& device, int steps);
// Convolutions of many shapes; inputs and results go to `folder`, for others to compare.
int check_convolutions(const std::shared_ptr<Device>& device, const std::string& folder);
void measure(const std::shared_ptr<Device>& device);

using Floats = std::vector<float>;

// The same numbers for the same seed, between -1 and 1.
inline Floats noise(Dim n, std::uint64_t seed) {
  Floats x(static_cast<std::size_t>(n));
  std::uint64_t state = seed * 2654435761u + 88172645463325252u;
  for (float& v : x) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;  // xorshift64
    v = static_cast<float>(static_cast<double>(state >> 40) / (1 << 23) - 1);
  }
  return x;
}

inline Tensor view(Floats& x, Shape shape) { return {x.data(), {DType::f32, std::move(shape)}}; }

// Largest |a - b| / (|b| + root mean square of b).
double difference(const Floats& a, const Floats& b);

std::vector<Floats> run(Executable& executable, const std::vector<Tensor>& feeds);

inline PlanOptions on(const std::shared_ptr<Device>& device, Dim batch) {
  PlanOptions options;
  options.batch = batch;
  options.device = device;
  return options;
}

}  // namespace hornet::cuda_check
