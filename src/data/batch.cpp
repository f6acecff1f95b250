#include "data/batch.h"

#include "exec/device_memory.h"

namespace hornet {

float* HostTensor::resize(const Shape& to) { return resize(to, to[0]); }

float* HostTensor::resize(const Shape& like, Dim rows) {
  shape = like;  // reuses the memory of its dimensions
  shape[0] = rows;
  const std::size_t bytes = static_cast<std::size_t>(shape.numel()) * sizeof(float);
  if (bytes > buffer.bytes()) buffer = copy_buffer(bytes);
  return data();
}

}  // namespace hornet
