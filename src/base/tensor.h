// What a tensor is: element type and shape, and a view on memory somebody else owns.
#pragma once
#include "base/dtype.h"
#include "base/shape.h"

namespace hornet {

struct TensorSpec {
  DType dtype = DType::f32;
  Shape shape;

  bool operator==(const TensorSpec& o) const { return dtype == o.dtype && shape == o.shape; }
  bool operator!=(const TensorSpec& o) const { return !(*this == o); }
};

// A non-owning view, row-major and dense. The shape is concrete (no symbolic dimension).
struct Tensor {
  void* data = nullptr;
  TensorSpec spec;

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  Dim numel() const { return spec.shape.numel(); }
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(spec.dtype); }
};

}  // namespace hornet
