// What the rows of the op table share: checks of inputs, common inference, common gradients.
#pragma once
#include <string>

#include "graph/builder.h"
#include "graph/op.h"

namespace hornet {

inline void expect_inputs(const Specs& in, std::size_t count) {
  if (in.size() != count)
    throw Error("expected " + std::to_string(count) + (count == 1 ? " input" : " inputs") +
                ", got " + std::to_string(in.size()));
}

inline void expect_rank(const TensorSpec& x, int rank, const char* what) {
  if (x.shape.rank() != rank)
    throw shape_error(std::string(what) + " must have " + std::to_string(rank) +
                      " dimensions, it has shape " + x.shape.to_string());
}

inline void expect_float(const TensorSpec& x, const char* what) {
  if (x.dtype != DType::f32)
    throw Error(
        std::string(what) + " must be " + name_of(DType::f32) + ", it is " + name_of(x.dtype),
        "type")
        .hint("Use k_cast() to convert it.");
}

inline void expect_shape(const TensorSpec& x, const Shape& shape, const char* what) {
  if (x.shape != shape)
    throw shape_error(std::string(what) + " must have shape " + shape.to_string() +
                      ", it has shape " + x.shape.to_string());
}

inline void expect_axis(std::int64_t axis, int rank) {
  if (axis < 0 || axis >= rank)
    throw shape_error("there is no axis " + std::to_string(axis + 1) + " in a tensor of " +
                      std::to_string(rank) + " dimensions");
}

inline Specs same_as_input(const Specs& in, const Attrs&) {
  expect_inputs(in, 1);
  return {in[0]};
}

// The i-th input of node `y`.
inline Value input_of(Builder& b, int y, int i) { return b.graph().node(y).inputs[i]; }

}  // namespace hornet
