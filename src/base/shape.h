// Dimensions of a tensor, row-major, the batch possibly symbolic.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace hornet {

// A dimension d >= 0 is that many elements; d < 0 stands for |d| x batch. So -1 is the batch
// itself and -28 the leading dimension of a (batch x 28)-row matrix made by a reshape.
using Dim = std::int64_t;

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<Dim> dims) : dims_(dims) {}
  explicit Shape(std::vector<Dim> dims) : dims_(std::move(dims)) {}

  int rank() const { return static_cast<int>(dims_.size()); }
  Dim operator[](int axis) const { return dims_[axis < 0 ? axis + rank() : axis]; }
  Dim& operator[](int axis) { return dims_[axis < 0 ? axis + rank() : axis]; }
  const std::vector<Dim>& dims() const { return dims_; }
  bool operator==(const Shape& other) const { return dims_ == other.dims_; }
  bool operator!=(const Shape& other) const { return dims_ != other.dims_; }

  bool is_symbolic() const {
    for (Dim d : dims_)
      if (d < 0) return true;
    return false;
  }
  // Number of elements; negative means that many times the batch. At most one dimension may
  // be symbolic, which Graph::add() checks.
  Dim numel() const {
    Dim n = 1;
    for (Dim d : dims_) n *= d;
    return n;
  }
  // The concrete shape for a batch of `batch` rows.
  Shape bind(Dim batch) const {
    Shape bound = *this;
    for (Dim& d : bound.dims_)
      if (d < 0) d *= -batch;
    return bound;
  }
  // "(None, 28, 28, 1)"
  std::string to_string() const;

 private:
  std::vector<Dim> dims_;
};

inline std::string Shape::to_string() const {
  std::string text = "(";
  for (int i = 0; i < rank(); ++i) {
    if (i) text += ", ";
    if (dims_[i] == -1) text += "None";
    else if (dims_[i] < 0) text += "None*" + std::to_string(-dims_[i]);
    else text += std::to_string(dims_[i]);
  }
  return text + (rank() == 1 ? ",)" : ")");
}

}  // namespace hornet
