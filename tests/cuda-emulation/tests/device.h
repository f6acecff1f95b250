// What the tests of the emulation share: checked calls, and device memory that frees itself.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "native/check.h"

inline void must(int error, const char* what) {
  if (error) throw std::runtime_error(std::string(what) + " answered " + std::to_string(error));
}
#define MUST(call) must(static_cast<int>(call), #call)

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t n) : n_(n) { MUST(cudaMalloc(&data_, n * sizeof(T))); }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    MUST(cudaMemcpy(data_, values.data(), n_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;

  T* data() const { return data_; }
  std::size_t bytes() const { return n_ * sizeof(T); }
  std::vector<T> values() const {
    std::vector<T> host(n_);
    MUST(cudaMemcpy(host.data(), data_, n_ * sizeof(T), cudaMemcpyDeviceToHost));
    return host;
  }

 private:
  T* data_ = nullptr;
  std::size_t n_;
};
