// Kernels that move elements and compute nothing: by element size, whatever the type.
#include <algorithm>

#include "backend/axis_view.h"
#include "backend/cpu/cpu_kernels.h"
#include "backend/nest.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

// In bytes.
AxisView view_of(const TensorSpec& spec, std::int64_t axis) {
  return AxisView(spec.shape, axis, size_of(spec.dtype));
}

// Tensors without elements may have no address.
void copy_bytes(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}
void clear_bytes(void* to, std::size_t bytes) {
  if (bytes > 0) std::memset(to, 0, bytes);
}

std::unique_ptr<Kernel> compile_reshape(const BoundNode&) {
  return kernel([](const Tensor* in, const Tensor* out, void*) {
    if (out[0].data != in[0].data) copy_bytes(out[0].data, in[0].data, out[0].bytes());
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
  const AxisView y = view_of(node.outputs[0], axis);
  std::vector<Dim> bytes;
  for (const TensorSpec& input : node.inputs) bytes.push_back(view_of(input, axis).row());
  return kernel([y, bytes](const Tensor* in, const Tensor* out, void*) {
    char* dst = out[0].as<char>();
    for (Dim row = 0; row < y.outer; ++row) {
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        copy_bytes(dst, in[i].as<char>() + row * bytes[i], bytes[i]);
        dst += bytes[i];
      }
    }
  });
}

std::unique_ptr<Kernel> compile_slice(const BoundNode& node) {
  const std::int64_t axis = node.node->attrs.integer("axis");
  const AxisView x = view_of(node.inputs[0], axis), y = view_of(node.outputs[0], axis);
  const Dim begin = begin_of_slice(node) * x.inner;
  return kernel([x, y, begin](const Tensor* in, const Tensor* out, void*) {
    for (Dim row = 0; row < y.outer; ++row) {
      copy_bytes(out[0].as<char>() + row * y.row(), in[0].as<char>() + row * x.row() + begin,
                 y.row());
    }
  });
}

std::unique_ptr<Kernel> compile_reverse(const BoundNode& node) {
  const AxisView x = view_of(node.inputs[0], node.node->attrs.integer("axis"));
  return kernel([x](const Tensor* in, const Tensor* out, void*) {
    for (Dim row = 0; row < x.outer; ++row) {
      const char* src = in[0].as<char>() + row * x.row();
      char* dst = out[0].as<char>() + (row + 1) * x.row();
      for (Dim i = 0; i < x.size; ++i) {
        copy_bytes(dst - (i + 1) * x.inner, src + i * x.inner, x.inner);
      }
    }
  });
}

std::unique_ptr<Kernel> compile_split(const BoundNode& node) {
  const AxisView y = view_of(node.outputs[0], node.node->attrs.integer("axis"));
  const std::size_t parts = node.outputs.size();
  return kernel([y, parts](const Tensor* in, const Tensor* out, void*) {
    const char* src = in[0].as<char>();
    for (Dim row = 0; row < y.outer; ++row) {
      for (std::size_t i = 0; i < parts; ++i, src += y.row()) {
        copy_bytes(out[i].as<char>() + row * y.row(), src, y.row());
      }
    }
  });
}

std::unique_ptr<Kernel> compile_pad(const BoundNode& node) {
  const std::int64_t axis = node.node->attrs.integer("axis");
  const AxisView x = view_of(node.inputs[0], axis), y = view_of(node.outputs[0], axis);
  const Dim before = bound_length(node.node->attrs.integer("before"), node.batch) * y.inner;
  const Dim after = y.row() - x.row() - before;
  return kernel([x, y, before, after](const Tensor* in, const Tensor* out, void*) {
    for (Dim row = 0; row < y.outer; ++row) {
      char* dst = out[0].as<char>() + row * y.row();
      clear_bytes(dst, before);
      copy_bytes(dst + before, in[0].as<char>() + row * x.row(), x.row());
      clear_bytes(dst + before + x.row(), after);
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
