// A float array in device memory, as a library call sees it: checked once as a whole, and element
// by element for values that were never written.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/findings.h"
#include "runtime/memory.h"

namespace cuda_emulation {

class FloatArray {
 public:
  FloatArray() = default;

  // False after a finding, if [pointer, pointer + n floats) is not memory of the device.
  bool open(int device, const void* pointer, std::size_t n, const std::string& who) {
    who_ = who;
    if (n == 0) return true;
    const Address address = address_of(pointer);
    Fault fault;
    Allocation* a = find_range(device, address, n * sizeof(float), &fault);
    if (a && address % sizeof(float) != 0) {
      fault = {"misaligned-access", "floats at " + hex(address)};
      a = nullptr;
    }
    if (!a) {
      report(fault.kind, who + ": " + fault.what);
      return false;
    }
    values_ = reinterpret_cast<float*>(a->at(address));
    written_ = a->written_at(address);
    return true;
  }

  float get(std::size_t i) {
    if (!written_[i * sizeof(float)] && !reported_) {
      reported_ = true;
      report("uninitialised-read", who_ + ": element " + std::to_string(i) + " was never written");
    }
    return values_[i];
  }

  void set(std::size_t i, float value) {
    values_[i] = value;
    for (std::size_t byte = 0; byte < sizeof(float); ++byte) written_[i * sizeof(float) + byte] = 1;
  }

  // alpha * result + beta * what is there, which is not read if beta is 0.
  void blend(std::size_t i, double alpha, double result, double beta) {
    set(i, static_cast<float>(alpha * result + (beta == 0 ? 0 : beta * get(i))));
  }

 private:
  float* values_ = nullptr;
  std::uint8_t* written_ = nullptr;
  std::string who_;
  bool reported_ = false;
};

// What a library does to the workspace it is given: nothing in it keeps a value.
bool scribble(int device, void* workspace, std::size_t bytes, const std::string& who);

}  // namespace cuda_emulation
