// A tensor taken apart at one of its axes.
#pragma once
#include <string>

#include "backend/backend.h"
#include "base/error.h"

namespace hornet {

// The tensor as (outer, size, inner): `size` is the axis, `inner` what follows it, in elements or
// whatever an element has `units` of.
struct AxisView {
  Dim outer = 1, size, inner;

  AxisView(const Shape& shape, std::int64_t axis, std::size_t units = 1)
      : inner(static_cast<Dim>(units)) {
    if (axis < 0) axis += shape.rank();
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    size = shape[static_cast<int>(axis)];
    for (int i = static_cast<int>(axis) + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
  Dim row() const { return size * inner; }
};

// A tensor seen as rows of channels.
struct RowsOf {
  Dim rows, channels;
  explicit RowsOf(const Shape& shape) : rows(1), channels(shape[-1]) {
    for (int axis = 0; axis + 1 < shape.rank(); ++axis) rows *= shape[axis];
  }
};

// A length along the batch axis is a negative multiple of the batch, as in shapes.
inline Dim bound_length(std::int64_t length, Dim batch) {
  return length < 0 ? -length * batch : length;
}

// Where on its axis a slice begins. Only the batch can turn out to be too short for it.
inline Dim begin_of_slice(const BoundNode& node) {
  const std::int64_t axis = node.node->attrs.integer("axis");
  const Dim begin = bound_length(node.node->attrs.integer("begin"), node.batch);
  const Dim end = begin + AxisView(node.outputs[0].shape, axis).size;
  const Dim size = AxisView(node.inputs[0].shape, axis).size;
  if (end > size)
    throw shape_error("rows " + std::to_string(begin + 1) + " to " + std::to_string(end) +
                      " of the batch are used, but it has only " + std::to_string(size))
        .where(node.node->origin);
  return begin;
}

}  // namespace hornet
