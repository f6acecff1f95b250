// How nodes reduce and repeat tensors, as walks.
#pragma once
#include <vector>

#include "backend/backend.h"
#include "backend/nest.h"

namespace hornet {

// One turn of `kept` for each output, one of `reduced` for each element that goes into it.
struct Reduction {
  Nest kept, reduced;

  Reduction(const Shape& x, const std::vector<bool>& is_reduced) {
    const std::vector<Dim> strides = strides_of(x);
    for (int axis = 0; axis < x.rank(); ++axis) {
      (is_reduced[axis] ? reduced : kept).add(x[axis], strides[axis]);
    }
  }
};

// Of sum, max and min.
inline Reduction reduction_over_axes(const BoundNode& node) {
  const Shape& x = node.inputs[0].shape;
  std::vector<bool> is_reduced(x.rank());
  for (std::int64_t axis : node.node->attrs.integers("axes")) is_reduced[axis] = true;
  return {x, is_reduced};
}

// Of argmax.
inline Reduction reduction_over_axis(const BoundNode& node) {
  const Shape& x = node.inputs[0].shape;
  std::int64_t axis = node.node->attrs.integer("axis");
  if (axis < 0) axis += x.rank();
  std::vector<bool> is_reduced(x.rank());
  is_reduced[axis] = true;
  return {x, is_reduced};
}

// The axes of the larger shape that broadcasting repeats; shapes are aligned at the right.
inline std::vector<bool> repeated_axes(const Shape& small, const Shape& large) {
  const int missing = large.rank() - small.rank();
  std::vector<bool> repeated(large.rank());
  for (int axis = 0; axis < large.rank(); ++axis) {
    repeated[axis] = axis < missing || small[axis - missing] != large[axis];
  }
  return repeated;
}

// Of sum_to.
inline Reduction reduction_to_output(const BoundNode& node) {
  const Shape& x = node.inputs[0].shape;
  return {x, repeated_axes(node.outputs[0].shape, x)};
}

// What a sum is multiplied by.
inline double factor_of(const BoundNode& node, const Reduction& reduction) {
  return node.node->attrs.flag("mean") ? 1.0 / static_cast<double>(reduction.reduced.count()) : 1;
}

// Of broadcast: each output takes the element of the input that is its turn of the nest.
struct Repetition {
  Nest nest;
  double divisor = 1;  // how often an element is repeated, if they shall share it

  explicit Repetition(const BoundNode& node) {
    const Shape &x = node.inputs[0].shape, &y = node.outputs[0].shape;
    const std::vector<bool> repeated = repeated_axes(x, y);
    const std::vector<Dim> strides = strides_of(x);
    const bool mean = node.node->attrs.flag("mean");
    for (int axis = 0; axis < y.rank(); ++axis) {
      if (repeated[axis] && mean) divisor *= static_cast<double>(y[axis]);
      nest.add(y[axis], repeated[axis] ? 0 : strides[axis - (y.rank() - x.rank())]);
    }
  }
};

}  // namespace hornet
