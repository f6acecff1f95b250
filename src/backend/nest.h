// A strided walk over a tensor: what reductions, broadcasts and transposes have in common.
#pragma once
#include <vector>

#include "base/shape.h"

namespace hornet {

// Nested loops, outermost first, each with a size and a stride in elements.
class Nest {
 public:
  // Loops that continue each other in memory are joined, loops of one turn dropped.
  void add(Dim size, Dim stride) {
    count_ *= size;
    if (size == 1) return;
    if (!sizes_.empty() && strides_.back() == stride * size) {
      sizes_.back() *= size;
      strides_.back() = stride;
    } else {
      sizes_.push_back(size);
      strides_.push_back(stride);
    }
  }

  Dim count() const { return count_; }
  int loops() const { return static_cast<int>(sizes_.size()); }
  Dim size(int loop) const { return sizes_[loop]; }
  Dim stride(int loop) const { return strides_[loop]; }
  // The innermost loop, and how often it is entered.
  Dim inner_size() const { return sizes_.empty() ? 1 : sizes_.back(); }
  Dim inner_stride() const { return strides_.empty() ? 0 : strides_.back(); }
  Dim rows() const { return count_ == 0 ? 0 : count_ / inner_size(); }

  // Offset of the index-th turn in row-major order, and of the first turn of a row.
  Dim offset(Dim index) const {
    Dim offset = 0;
    for (std::size_t i = sizes_.size(); i-- > 0; index /= sizes_[i]) {
      offset += index % sizes_[i] * strides_[i];
    }
    return offset;
  }
  Dim row_offset(Dim row) const { return offset(row * inner_size()); }

 private:
  Dim count_ = 1;
  std::vector<Dim> sizes_, strides_;
};

// Row-major strides, in elements.
inline std::vector<Dim> strides_of(const Shape& shape) {
  std::vector<Dim> strides(shape.rank());
  Dim stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

}  // namespace hornet
