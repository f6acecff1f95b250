// Ops that move elements without computing.
#include "graph/ops/infer.h"

#include <algorithm>

namespace hornet {
namespace {

Specs infer_reshape(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  const Shape shape(attrs.integers("shape"));
  if (shape.numel() != in[0].shape.numel())
    throw shape_error("a tensor of shape " + in[0].shape.to_string() + " cannot be reshaped to " +
                      shape.to_string() + ": the numbers of elements differ");
  return {{in[0].dtype, shape}};
}

Grads reshape_grad(Builder& b, int y, const std::vector<Value>& dy) {
  return {b.reshape(dy[0], Shape(b.shape(input_of(b, y, 0))))};
}

Specs infer_transpose(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  const auto perm = attrs.integers("perm");
  auto sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  bool ok = static_cast<int>(perm.size()) == in[0].shape.rank();
  for (std::size_t i = 0; ok && i < sorted.size(); ++i)
    ok = sorted[i] == static_cast<std::int64_t>(i);
  if (!ok)
    throw shape_error("the permutation must name each of the " +
                      std::to_string(in[0].shape.rank()) + " axes once");
  std::vector<Dim> dims;
  for (std::int64_t axis : perm) dims.push_back(in[0].shape[static_cast<int>(axis)]);
  return {{in[0].dtype, Shape(dims)}};
}

Grads transpose_grad(Builder& b, int y, const std::vector<Value>& dy) {
  const auto perm = b.graph().node(y).attrs.integers("perm");
  std::vector<std::int64_t> inverse(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) inverse[perm[i]] = static_cast<std::int64_t>(i);
  return {b.transpose(dy[0], inverse)};
}

Specs infer_concat(const Specs& in, const Attrs& attrs) {
  if (in.empty()) throw Error("expected at least one input");
  const int axis = static_cast<int>(attrs.integer("axis"));
  expect_axis(axis, in[0].shape.rank());
  TensorSpec out = in[0];
  for (std::size_t i = 1; i < in.size(); ++i) {
    Shape rest = in[i].shape;
    bool fits = rest.rank() == out.shape.rank() && in[i].dtype == out.dtype;
    if (fits) {
      // Along the batch, multiples of it add up; a fixed length and a multiple do not.
      fits = (rest[axis] < 0) == (out.shape[axis] < 0);
      const Dim length = rest[axis];
      rest[axis] = out.shape[axis];
      fits = fits && rest == out.shape;
      out.shape[axis] += length;
    }
    if (!fits)
      throw shape_error("inputs of shapes " + in[0].shape.to_string() + " and " +
                        in[i].shape.to_string() + " cannot be joined along axis " +
                        std::to_string(axis + 1));
  }
  return {out};
}

Grads concat_grad(Builder& b, int y, const std::vector<Value>& dy) {
  const std::int64_t axis = b.graph().node(y).attrs.integer("axis");
  const std::vector<Value> inputs = b.graph().node(y).inputs;
  Grads grads;
  Dim begin = 0;
  for (Value x : inputs) {
    const Dim size = b.shape(x)[static_cast<int>(axis)];
    grads.push_back(b.slice(dy[0], axis, begin, size));
    begin += size;
  }
  return grads;
}

Specs infer_slice(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  const int axis = static_cast<int>(attrs.integer("axis"));
  expect_axis(axis, in[0].shape.rank());
  const Dim begin = attrs.integer("begin"), size = attrs.integer("size");
  Shape shape = in[0].shape;
  const Dim length = shape[axis];
  const bool by_number = length < 0 && begin >= 0 && size > 0;  // its kernel looks at the batch
  const bool fits = by_number || (length < 0 ? begin <= 0 && size < 0 && begin + size >= length
                                             : begin >= 0 && size >= 0 && begin + size <= length);
  if (!fits && length < 0)
    throw shape_error("the axis of the batch cannot be cut: its length is not known yet");
  if (!fits)
    throw shape_error("elements " + std::to_string(begin + 1) + " to " +
                      std::to_string(begin + size) + " are not all on an axis of length " +
                      std::to_string(length));
  shape[axis] = size;
  return {{in[0].dtype, shape}};
}

Grads slice_grad(Builder& b, int y, const std::vector<Value>& dy) {
  const Attrs attrs = b.graph().node(y).attrs;
  const std::int64_t axis = attrs.integer("axis");
  const Dim length = b.shape(input_of(b, y, 0))[static_cast<int>(axis)];
  const Dim begin = attrs.integer("begin"), size = attrs.integer("size");
  if (length < 0 && size > 0)
    return {b.graph().add("pad", {dy[0]}, {{"axis", axis}, {"before", begin}, {"length", length}})};
  return {b.pad(dy[0], axis, begin, length - begin - size)};
}

// Attributes before and after; or before and length, where that is the batch and the input is not.
Specs infer_pad(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  const int axis = static_cast<int>(attrs.integer("axis"));
  expect_axis(axis, in[0].shape.rank());
  Shape shape = in[0].shape;
  if (attrs.has("length")) {
    shape[axis] = attrs.integer("length");
    return {{in[0].dtype, shape}};
  }
  const Dim before = attrs.integer("before"), after = attrs.integer("after");
  const bool symbolic = shape[axis] < 0;
  if (symbolic ? before > 0 || after > 0 : before < 0 || after < 0)
    throw shape_error(symbolic ? "the axis of the batch cannot be padded"
                               : "padding cannot be negative");
  shape[axis] += before + after;
  return {{in[0].dtype, shape}};
}

Grads pad_grad(Builder& b, int y, const std::vector<Value>& dy) {
  const Attrs attrs = b.graph().node(y).attrs;
  const std::int64_t axis = attrs.integer("axis");
  const Dim size = b.shape(input_of(b, y, 0))[static_cast<int>(axis)];
  return {b.slice(dy[0], axis, attrs.integer("before"), size)};
}

Specs infer_reverse(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  const int axis = static_cast<int>(attrs.integer("axis"));
  expect_axis(axis, in[0].shape.rank());
  if (in[0].shape[axis] < 0) throw shape_error("the axis of the batch cannot be reversed");
  return {in[0]};
}

Grads reverse_grad(Builder& b, int y, const std::vector<Value>& dy) {
  return {b.reverse(dy[0], b.graph().node(y).attrs.integer("axis"))};
}

Specs infer_split(const Specs& in, const Attrs& attrs) {
  expect_inputs(in, 1);
  const int axis = static_cast<int>(attrs.integer("axis"));
  expect_axis(axis, in[0].shape.rank());
  const Dim parts = attrs.integer("parts");
  TensorSpec part = in[0];
  if (part.shape[axis] < 0) throw shape_error("the axis of the batch cannot be split");
  if (parts < 1 || part.shape[axis] % parts != 0)
    throw shape_error("an axis of length " + std::to_string(part.shape[axis]) +
                      " cannot be split into " + std::to_string(parts) + " equal parts");
  part.shape[axis] /= parts;
  return Specs(parts, part);
}

Grads split_grad(Builder& b, int y, const std::vector<Value>& dys) {
  std::vector<Value> parts = dys;
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (!parts[i]) parts[i] = b.zeros_like({y, static_cast<int>(i)});
  return {b.concat(parts, b.graph().node(y).attrs.integer("axis"))};
}

}  // namespace

void add_shape_ops(OpRows& rows) {
  rows.push_back({"reshape", infer_reshape, reshape_grad, OpFlag::view});
  rows.push_back({"transpose", infer_transpose, transpose_grad, OpFlag::none});
  rows.push_back({"concat", infer_concat, concat_grad, OpFlag::none});
  rows.push_back({"slice", infer_slice, slice_grad, OpFlag::none});
  rows.push_back({"pad", infer_pad, pad_grad, OpFlag::none});
  rows.push_back({"reverse", infer_reverse, reverse_grad, OpFlag::none});
  rows.push_back({"split", infer_split, split_grad, OpFlag::none});
}

}  // namespace hornet
