// Kernels that move elements and compute nothing: by element size, whatever the type.
#include <algorithm>
#include <string>

#include "backend/cpu/cpu_kernels.h"
#include "backend/nest.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

// A length along the batch axis is a negative multiple of the batch, as in shapes.
Dim bound(std::int64_t length, Dim batch) { return length < 0 ? -length * batch : length; }

// A tensor seen as (outer, axis, inner), the last in bytes.
struct AxisView {
  Dim outer = 1, size, inner_bytes;

  AxisView(const TensorSpec& spec, std::int64_t axis) {
    if (axis < 0) axis += spec.shape.rank();
    for (int i = 0; i < axis; ++i) outer *= spec.shape[i];
    size = spec.shape[static_cast<int>(axis)];
    inner_bytes = static_cast<Dim>(size_of(spec.dtype));
    for (int i = static_cast<int>(axis) + 1; i < spec.shape.rank(); ++i) {
      inner_bytes *= spec.shape[i];
    }
  }
  Dim row_bytes() const { return size * inner_bytes; }
};

std::unique_ptr<Kernel> compile_reshape(const BoundNode&) {
  return kernel([](const Tensor* in, const Tensor* out, void*) {
    if (out[0].data != in[0].data) std::memcpy(out[0].data, in[0].data, out[0].bytes());
  });
}

std::unique_ptr<Kernel> compile_transpose(const BoundNode& node) {
  const std::vector<Dim> strides = strides_of(node.inputs[0].shape);
  const std::vector<std::int64_t> perm = node.node->attrs.integers("perm");
  Nest nest;
  for (std::size_t i = 0; i < perm.size(); ++i) {
    nest.add(node.outputs[0].shape[static_cast<int>(i)], strides[perm[i]]);
  }
  return for_types(node.outputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return kernel([nest](const Tensor* in, const Tensor* out, void*) {
      const Dim n = nest.inner_size(), stride = nest.inner_stride();
      parallel_for(nest.rows(), grain_of(n), [&](Dim begin, Dim end) {
        for (Dim row = begin; row < end; ++row) {
          const T* src = in[0].as<T>() + nest.row_offset(row);
          T* dst = out[0].as<T>() + row * n;
          for (Dim i = 0; i < n; ++i) dst[i] = src[i * stride];
        }
      });
    });
  });
}

std::unique_ptr<Kernel> compile_concat(const BoundNode& node) {
  const std::int64_t axis = node.node->attrs.integer("axis");
  const AxisView y(node.outputs[0], axis);
  std::vector<Dim> bytes;
  for (const TensorSpec& input : node.inputs) bytes.push_back(AxisView(input, axis).row_bytes());
  return kernel([y, bytes](const Tensor* in, const Tensor* out, void*) {
    char* dst = out[0].as<char>();
    for (Dim row = 0; row < y.outer; ++row) {
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::memcpy(dst, in[i].as<char>() + row * bytes[i], bytes[i]);
        dst += bytes[i];
      }
    }
  });
}

std::unique_ptr<Kernel> compile_slice(const BoundNode& node) {
  const std::int64_t axis = node.node->attrs.integer("axis");
  const AxisView x(node.inputs[0], axis), y(node.outputs[0], axis);
  const Dim first = bound(node.node->attrs.integer("begin"), node.batch);
  if (first + y.size > x.size)
    throw shape_error("rows " + std::to_string(first + 1) + " to " +
                      std::to_string(first + y.size) + " of the batch are used, but it has only " +
                      std::to_string(x.size))
        .where(node.node->origin);
  const Dim begin = first * x.inner_bytes;
  return kernel([x, y, begin](const Tensor* in, const Tensor* out, void*) {
    for (Dim row = 0; row < y.outer; ++row) {
      std::memcpy(out[0].as<char>() + row * y.row_bytes(),
                  in[0].as<char>() + row * x.row_bytes() + begin, y.row_bytes());
    }
  });
}

std::unique_ptr<Kernel> compile_reverse(const BoundNode& node) {
  const AxisView x(node.inputs[0], node.node->attrs.integer("axis"));
  return kernel([x](const Tensor* in, const Tensor* out, void*) {
    for (Dim row = 0; row < x.outer; ++row) {
      const char* src = in[0].as<char>() + row * x.row_bytes();
      char* dst = out[0].as<char>() + (row + 1) * x.row_bytes();
      for (Dim i = 0; i < x.size; ++i) {
        std::memcpy(dst - (i + 1) * x.inner_bytes, src + i * x.inner_bytes, x.inner_bytes);
      }
    }
  });
}

std::unique_ptr<Kernel> compile_split(const BoundNode& node) {
  const AxisView y(node.outputs[0], node.node->attrs.integer("axis"));
  const std::size_t parts = node.outputs.size();
  return kernel([y, parts](const Tensor* in, const Tensor* out, void*) {
    const char* src = in[0].as<char>();
    for (Dim row = 0; row < y.outer; ++row) {
      for (std::size_t i = 0; i < parts; ++i, src += y.row_bytes()) {
        std::memcpy(out[i].as<char>() + row * y.row_bytes(), src, y.row_bytes());
      }
    }
  });
}

std::unique_ptr<Kernel> compile_pad(const BoundNode& node) {
  const std::int64_t axis = node.node->attrs.integer("axis");
  const AxisView x(node.inputs[0], axis), y(node.outputs[0], axis);
  const Dim before = bound(node.node->attrs.integer("before"), node.batch) * y.inner_bytes;
  const Dim after = y.row_bytes() - x.row_bytes() - before;
  return kernel([x, y, before, after](const Tensor* in, const Tensor* out, void*) {
    for (Dim row = 0; row < y.outer; ++row) {
      char* dst = out[0].as<char>() + row * y.row_bytes();
      std::memset(dst, 0, before);
      std::memcpy(dst + before, in[0].as<char>() + row * x.row_bytes(), x.row_bytes());
      std::memset(dst + before + x.row_bytes(), 0, after);
    }
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

}  // namespace hornet::cpu
