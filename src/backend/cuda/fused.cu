// What the fuse pass makes of several ops.
#include "backend/cuda/cuda_kernels.h"
#include "backend/cuda/epilogue.h"
#include "backend/cuda/matmul.h"
#include "backend/cuda/skeletons.h"
#include "backend/cuda/types.h"
#include "backend/functors/elementwise.h"

namespace hornet::cuda {
namespace {

// A fused program, which each thread runs on registers of its own. Nothing is written before all
// inputs of an element are read, so an output may take the place of an input.
template <class T>
struct RunProgram {
  struct Input {
    const T* x;
    Dim count, inner;
  };
  struct Step {
    Operation<T> f;
    std::int16_t a, b, c;  // the operands' registers; 0 for those that it does not have
  };
  struct Output {
    T* y;
    std::int16_t value;
  };
  int input_count, step_count, output_count;
  Input inputs[kMaxFusedInputs];
  Step steps[kMaxFusedInstructions];
  Output outputs[kMaxFusedOutputs];

  HORNET_FUNCTOR void operator()(Dim i) const {
    T values[kMaxFusedInputs + kMaxFusedInstructions];
    values[0] = 0;  // read by constants of a program without inputs
    for (int r = 0; r < input_count; ++r) {
      const Input& input = inputs[r];
      const Dim at = input.inner == 1 ? i : i / input.inner;
      values[r] = input.x[at < input.count ? at : at % input.count];
    }
    for (int s = 0; s < step_count; ++s) {
      const Step& step = steps[s];
      values[input_count + s] = compute(step.f, values[step.a], values[step.b], values[step.c]);
    }
    for (int o = 0; o < output_count; ++o) outputs[o].y[i] = values[outputs[o].value];
  }
};
// What a kernel may be given by value.
static_assert(sizeof(RunProgram<float>) < 4000);

template <class T>
RunProgram<T> functor_of(const FusedProgram& program) {
  const auto operand = [](std::int16_t r) { return std::max<std::int16_t>(r, 0); };
  RunProgram<T> functor = {};
  for (const Access& access : program.inputs)
    functor.inputs[functor.input_count++] = {nullptr, access.count, access.inner};
  for (const Instruction& op : program.code)
    functor.steps[functor.step_count++] = {Operation<T>(op), operand(op.a), operand(op.b),
                                           operand(op.c)};
  for (const std::int16_t r : program.outputs)
    functor.outputs[functor.output_count++] = {nullptr, r};
  return functor;
}

std::unique_ptr<Kernel> compile_fused(const BoundNode& node, const Queue& queue) {
  const FusedProgram program = FusedProgram::from_attrs(node.node->attrs).bind(node.batch);
  const DType type = node.outputs[0].dtype;
  for (const TensorSpec& input : node.inputs)
    if (input.dtype != type) return nullptr;
  for (const Instruction& op : program.code)
    if (!has_elementwise(op.op, type)) return nullptr;
  return for_types(type, [&](auto zero) {
    using T = decltype(zero);
    return kernel([&queue, functor = functor_of<T>(program)](const Tensor* in, const Tensor* out,
                                                             void*) mutable {
      for (int r = 0; r < functor.input_count; ++r) functor.inputs[r].x = in[r].as<T>();
      for (int o = 0; o < functor.output_count; ++o) functor.outputs[o].y = out[o].as<T>();
      for_each(queue, out[0].numel(), functor);
    });
  });
}

std::unique_ptr<Kernel> compile_dense(const BoundNode& node, const Queue& queue) {  // x, w, bias
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  const Multiplication multiplication(node);
  const Epilogue epilogue(node);
  return kernel([&queue, multiplication, epilogue](const Tensor* in, const Tensor* out, void*) {
    float* const y = out[0].as<float>();
    multiplication.run(queue, in[0].as<float>(), in[1].as<float>(), y);
    epilogue.run(queue, in[2].as<float>(), y);
  });
}

}  // namespace

void add_fused_kernels(KernelRows& rows) {
  rows.push_back({"fused", compile_fused});
  rows.push_back({"dense", compile_dense});
}

}  // namespace hornet::cuda
