// What the CTC kernels share. They compute in double logarithms, whatever the element type: sums
// over hundreds of steps would leave nothing of a float.
#pragma once
#include <cmath>
#include <limits>

#include "backend/cpu/cpu_kernels.h"

namespace hornet::cpu {

constexpr double kLogZero = -std::numeric_limits<double>::infinity();

// log(exp(a) + exp(b))
inline double log_add(double a, double b) {
  const double high = a < b ? b : a, low = a < b ? a : b;
  return low == kLogZero ? high : high + std::log1p(std::exp(low - high));
}

// log(sum(exp(logits)))
template <class T>
double log_normaliser(const T* logits, Dim classes) {
  const double high = *std::max_element(logits, logits + classes);
  double sum = 0;
  for (Dim c = 0; c < classes; ++c) sum += std::exp(logits[c] - high);
  return high + std::log(sum);
}

// Element i of a tensor of labels or lengths, of whatever type.
inline double number_at(const Tensor& x, Dim i) {
  switch (x.spec.dtype) {
    case DType::f32:
      return x.as<float>()[i];
    case DType::f64:
      return x.as<double>()[i];
    case DType::i32:
      return x.as<std::int32_t>()[i];
  }
  return 0;
}

// The whole number in [0, limit] that x is, -1 if it is none.
inline Dim whole_number(double x, Dim limit) {
  return x >= 0 && x <= static_cast<double>(limit) && x == std::floor(x) ? static_cast<Dim>(x) : -1;
}

// Hands out pieces of a workspace.
class Scratch {
 public:
  explicit Scratch(void* at) : at_(static_cast<char*>(at)) {}
  template <class T>
  T* take(Dim count) {
    T* piece = reinterpret_cast<T*>(at_);
    at_ += padded(count * static_cast<Dim>(sizeof(T)));
    return piece;
  }
  static Dim padded(Dim bytes) { return (bytes + 63) / 64 * 64; }

 private:
  char* at_;
};

}  // namespace hornet::cpu
