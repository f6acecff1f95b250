// What the kernels of connectionist temporal classification share. They compute in double
// logarithms, whatever the element type: sums over hundreds of steps would leave nothing of a
// float.
#pragma once
#include <limits>

#include "backend/functors/functor.h"
#include "base/tensor.h"

namespace hornet {

constexpr double kLogZero = -std::numeric_limits<double>::infinity();

// log(exp(a) + exp(b))
HORNET_FUNCTOR inline double log_add(double a, double b) {
  const double high = a < b ? b : a, low = a < b ? a : b;
  return low == kLogZero ? high : high + std::log1p(std::exp(low - high));
}

// log(sum(exp(logits)))
template <class T>
HORNET_FUNCTOR double log_normaliser(const T* logits, Dim classes) {
  double high = logits[0];
  for (Dim c = 1; c < classes; ++c)
    if (high < logits[c]) high = logits[c];
  double sum = 0;
  for (Dim c = 0; c < classes; ++c) sum += std::exp(logits[c] - high);
  return high + std::log(sum);
}

// The numbers of a tensor of labels or lengths, of whatever type.
class Numbers {
 public:
  explicit Numbers(const Tensor& x) : data_(x.data), type_(x.spec.dtype) {}
  HORNET_FUNCTOR double operator[](Dim i) const {
    switch (type_) {
      case DType::f32:
        return static_cast<const float*>(data_)[i];
      case DType::f64:
        return static_cast<const double*>(data_)[i];
      case DType::i32:
        return static_cast<const std::int32_t*>(data_)[i];
    }
    return 0;
  }

 private:
  const void* data_;
  DType type_;
};

// The whole number in [0, limit] that x is, -1 if it is none.
HORNET_FUNCTOR inline Dim whole_number(double x, Dim limit) {
  return x >= 0 && x <= static_cast<double>(limit) && x == std::floor(x) ? static_cast<Dim>(x) : -1;
}

// Hands out pieces of a workspace.
class Scratch {
 public:
  HORNET_FUNCTOR explicit Scratch(void* at) : at_(static_cast<char*>(at)) {}
  template <class T>
  HORNET_FUNCTOR T* take(Dim count) {
    T* piece = reinterpret_cast<T*>(at_);
    at_ += padded(count * static_cast<Dim>(sizeof(T)));
    return piece;
  }
  HORNET_FUNCTOR static Dim padded(Dim bytes) { return (bytes + 63) / 64 * 64; }

 private:
  char* at_;
};

}  // namespace hornet
