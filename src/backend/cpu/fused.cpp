// What the fuse pass makes of several ops, computed here one after the other.
#include <algorithm>

#include "backend/cpu/cpu_kernels.h"
#include "backend/cpu/window.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

// y += bias over the last axis, then the activation named by the node, if any.
struct Epilogue {
  Dim rows, channels;
  bool activates = false;
  Instruction activation;

  explicit Epilogue(const BoundNode& node) : channels(node.outputs[0].shape[-1]) {
    rows = channels == 0 ? 0 : node.outputs[0].shape.numel() / channels;
    const std::string name = node.node->attrs.text("activation");
    activates = !name.empty() && elementwise_code(name, &activation.op);
    activation.number = node.node->attrs.real("alpha", 1);
  }

  template <class T>
  void run(const T* bias, T* y) const {
    parallel_for(rows, grain_of(channels), [&](Dim begin, Dim end) {
      for (Dim row = begin; row < end; ++row) {
        T* out = y + row * channels;
        for (Dim i = 0; i < channels; ++i) out[i] += bias[i];
        if (activates) apply<T>(activation, out, out, out, out, channels);
      }
    });
  }
};

std::unique_ptr<Kernel> compile_dense(const BoundNode& node) {  // x, w, bias -> y
  const bool transpose_a = node.node->attrs.flag("transpose_a");
  const bool transpose_b = node.node->attrs.flag("transpose_b");
  const Dim m = node.outputs[0].shape[0], n = node.outputs[0].shape[1];
  const Dim k = node.inputs[0].shape[transpose_a ? 0 : 1];
  const Epilogue epilogue(node);
  return for_floats(node.outputs[0].dtype, [=](auto zero) {
    using T = decltype(zero);
    return kernel([=](const Tensor* in, const Tensor* out, void*) {
      matmul<T>(in[0].as<T>(), in[1].as<T>(), out[0].as<T>(), m, n, k, transpose_a, transpose_b);
      epilogue.run(in[2].as<T>(), out[0].as<T>());
    });
  });
}

std::unique_ptr<Kernel> compile_conv2d_bias(const BoundNode& node) {  // x, w, bias -> y
  const Window window(node.node->attrs, node.inputs[0].shape, node.outputs[0].shape,
                      node.inputs[1].shape.dims());
  const Epilogue epilogue(node);
  return for_floats(node.outputs[0].dtype, [=](auto zero) {
    using T = decltype(zero);
    return kernel([=](const Tensor* in, const Tensor* out, void*) {
      convolve<T>(window, in[0].as<T>(), in[1].as<T>(), out[0].as<T>());
      epilogue.run(in[2].as<T>(), out[0].as<T>());
    });
  });
}

// Runs the program on pieces of kPiece elements: registers are rows of the workspace. Nothing is
// written before all inputs of a piece are read, so an output may take the place of an input.
constexpr Dim kPiece = 256;

template <class T>
std::unique_ptr<Kernel> fused_kernel(const FusedProgram& program) {
  const std::size_t registers = program.inputs.size() + program.code.size();
  return kernel(
      [program](const Tensor* in, const Tensor* out, void* workspace) {
        T* const values = static_cast<T*>(workspace);
        const auto reg = [values](int index) {
          return index < 0 ? nullptr : values + index * kPiece;
        };
        const int inputs = static_cast<int>(program.inputs.size());
        const Dim n = out[0].numel();
        for (Dim start = 0; start < n; start += kPiece) {
          const Dim size = std::min(kPiece, n - start);
          for (int r = 0; r < inputs; ++r) {
            const Access access = program.inputs[r];
            const T* x = in[r].as<T>();
            for (Dim i = 0; i < size; ++i) {
              reg(r)[i] = x[(start + i) / access.inner % access.count];
            }
          }
          for (std::size_t i = 0; i < program.code.size(); ++i) {
            const Instruction& op = program.code[i];
            apply<T>(op, reg(op.a), reg(op.b), reg(op.c), reg(inputs + static_cast<int>(i)), size);
          }
          for (std::size_t o = 0; o < program.outputs.size(); ++o) {
            std::copy_n(reg(program.outputs[o]), size, out[o].as<T>() + start);
          }
        }
      },
      registers * kPiece * sizeof(T));
}

std::unique_ptr<Kernel> compile_fused(const BoundNode& node) {
  const FusedProgram program = FusedProgram::from_attrs(node.node->attrs).bind(node.batch);
  const DType type = node.outputs[0].dtype;
  for (const TensorSpec& input : node.inputs)
    if (input.dtype != type) return nullptr;
  for (const Instruction& op : program.code)
    if (!has_elementwise(op.op, type)) return nullptr;
  return for_types(type, [&](auto zero) { return fused_kernel<decltype(zero)>(program); });
}

}  // namespace

void add_fused_kernels(KernelRows& rows) {
  rows.push_back({"dense", compile_dense});
  rows.push_back({"conv2d_bias", compile_conv2d_bias});
  rows.push_back({"fused", compile_fused});
}

}  // namespace hornet::cpu
