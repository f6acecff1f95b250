// One batch on the host: float32, row-major, ready to be fed.
#pragma once
#include <string>
#include <vector>

#include "base/tensor.h"
#include "exec/memory.h"

namespace hornet {

// A reusable buffer with the shape of what is in it now.
struct HostTensor {
  AlignedBuffer buffer;
  Shape shape;  // concrete; [0] is the number of rows

  // Keep the buffer if it is large enough, and then allocate nothing.
  float* resize(const Shape& to);
  float* resize(const Shape& like, Dim rows);  // `like`, with that many rows
  float* data() const { return static_cast<float*>(buffer.data()); }
  Tensor view() const { return {buffer.data(), {DType::f32, shape}}; }
};

// A tensor of rank 0 in `weights` stands for "none given".
struct Batch {
  Dim rows = 0;
  std::vector<HostTensor> inputs, targets, weights;  // weights: one per target, or none at all
};

// What a model expects at one input or target.
struct Port {
  std::string name;          // "dense_1_input", "dense_3"
  Shape shape;               // [0] = -1; other negative dims are free
  std::int64_t classes = 0;  // > 0: whole numbers 0 .. classes-1: labels, ids
};

// What a feeder has to deliver, and the words for its errors.
struct FeedSpec {
  std::string actor = "generator";    // "generator", "validation generator", "x"
  std::vector<Port> inputs, targets;  // no targets: predict
  bool needs_targets = true;
  bool weighted = true;  // deliver weights (1 where none were given)
  // Weight of class k at [output][k]; empty: none. Missing classes are NaN -> an error on sight.
  std::vector<std::vector<double>> class_weights;
};

}  // namespace hornet
