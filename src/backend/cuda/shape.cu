// Kernels that move elements and compute nothing. An element is four bytes, whatever its type.
#include "backend/axis_view.h"
#include "backend/cuda/cuda_kernels.h"
#include "backend/cuda/skeletons.h"
#include "backend/cuda/walk.h"

namespace hornet::cuda {
namespace {

using Element = std::uint32_t;

bool has_four_bytes(const BoundNode& node) { return node.outputs[0].dtype != DType::f64; }

// y[i] = x[walk(i)].
struct Take {
  const Element* x;
  Element* y;
  Walk walk;

  HORNET_FUNCTOR void operator()(Dim i) const { y[i] = x[walk.offset(i)]; }
};

// y[walk(i)] = x[i].
struct Put {
  const Element* x;
  Element* y;
  Walk walk;

  HORNET_FUNCTOR void operator()(Dim i) const { y[walk.offset(i)] = x[i]; }
};

// Rows of x between zeros.
struct Pad {
  const Element* x;
  Element* y;
  Dim x_row, y_row, before;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim row = i / y_row, at = i - row * y_row - before;
    y[i] = at >= 0 && at < x_row ? x[row * x_row + at] : 0;
  }
};

// The kernel that takes each output element from `first` plus its turn of the nest.
std::unique_ptr<Kernel> take(const Queue& queue, const Nest& nest, Dim first = 0) {
  if (!Walk::can_hold(nest)) return nullptr;
  return kernel([&queue, walk = Walk(nest), first](const Tensor* in, const Tensor* out, void*) {
    for_each(queue, out[0].numel(), Take{in[0].as<Element>() + first, out[0].as<Element>(), walk});
  });
}

// `outer` pieces of `size` elements, `stride` apart.
Nest pieces(Dim outer, Dim stride, Dim size) {
  Nest nest;
  nest.add(outer, stride);
  nest.add(size, 1);
  return nest;
}

std::unique_ptr<Kernel> compile_reshape(const BoundNode& node, const Queue& queue) {
  if (!has_four_bytes(node)) return nullptr;
  return kernel([&queue](const Tensor* in, const Tensor* out, void*) {
    if (out[0].data == in[0].data) return;
    copy(out[0].data, in[0].data, out[0].bytes(), Direction::on_device, queue.stream);
  });
}

std::unique_ptr<Kernel> compile_transpose(const BoundNode& node, const Queue& queue) {
  if (!has_four_bytes(node)) return nullptr;
  const std::vector<Dim> strides = strides_of(node.inputs[0].shape);
  Nest nest;
  int axis = 0;
  for (const std::int64_t from : node.node->attrs.integers("perm"))
    nest.add(node.outputs[0].shape[axis++], strides[from]);
  return take(queue, nest);
}

std::unique_ptr<Kernel> compile_concat(const BoundNode& node, const Queue& queue) {
  if (!has_four_bytes(node)) return nullptr;
  struct Part {
    Dim first;
    Walk walk;
  };
  const std::int64_t axis = node.node->attrs.integer("axis");
  const AxisView y(node.outputs[0].shape, axis);
  std::vector<Part> parts;
  Dim first = 0;
  for (const TensorSpec& input : node.inputs) {
    const Dim row = AxisView(input.shape, axis).row();
    parts.push_back({first, Walk(pieces(y.outer, y.row(), row))});
    first += row;
  }
  return kernel([&queue, parts](const Tensor* in, const Tensor* out, void*) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      for_each(queue, in[i].numel(),
               Put{in[i].as<Element>(), out[0].as<Element>() + parts[i].first, parts[i].walk});
    }
  });
}

std::unique_ptr<Kernel> compile_slice(const BoundNode& node, const Queue& queue) {
  if (!has_four_bytes(node)) return nullptr;
  const std::int64_t axis = node.node->attrs.integer("axis");
  const AxisView x(node.inputs[0].shape, axis), y(node.outputs[0].shape, axis);
  return take(queue, pieces(y.outer, x.row(), y.row()), begin_of_slice(node) * x.inner);
}

std::unique_ptr<Kernel> compile_reverse(const BoundNode& node, const Queue& queue) {
  if (!has_four_bytes(node)) return nullptr;
  const AxisView x(node.inputs[0].shape, node.node->attrs.integer("axis"));
  Nest nest;
  nest.add(x.outer, x.row());
  nest.add(x.size, -x.inner);
  nest.add(x.inner, 1);
  return take(queue, nest, (x.size - 1) * x.inner);
}

std::unique_ptr<Kernel> compile_split(const BoundNode& node, const Queue& queue) {
  if (!has_four_bytes(node)) return nullptr;
  const Dim parts = static_cast<Dim>(node.outputs.size());
  const AxisView y(node.outputs[0].shape, node.node->attrs.integer("axis"));
  const Dim row = y.row();
  const Walk walk(pieces(y.outer, parts * row, row));
  return kernel([&queue, walk, parts, row](const Tensor* in, const Tensor* out, void*) {
    for (Dim i = 0; i < parts; ++i) {
      for_each(queue, out[i].numel(),
               Take{in[0].as<Element>() + i * row, out[i].as<Element>(), walk});
    }
  });
}

std::unique_ptr<Kernel> compile_pad(const BoundNode& node, const Queue& queue) {
  if (!has_four_bytes(node)) return nullptr;
  const std::int64_t axis = node.node->attrs.integer("axis");
  const Dim x_row = AxisView(node.inputs[0].shape, axis).row();
  const AxisView y(node.outputs[0].shape, axis);
  const Dim y_row = y.row();
  const Dim before = bound_length(node.node->attrs.integer("before"), node.batch) * y.inner;
  return kernel([&queue, x_row, y_row, before](const Tensor* in, const Tensor* out, void*) {
    for_each(queue, out[0].numel(),
             Pad{in[0].as<Element>(), out[0].as<Element>(), x_row, y_row, before});
  });
}

}  // namespace

void add_shape_kernels(KernelRows& rows) {
  rows.push_back({"reshape", compile_reshape});
  rows.push_back({"transpose", compile_transpose});
  rows.push_back({"concat", compile_concat});
  rows.push_back({"slice", compile_slice});
  rows.push_back({"pad", compile_pad});
  rows.push_back({"reverse", compile_reverse});
  rows.push_back({"split", compile_split});
}

}  // namespace hornet::cuda
