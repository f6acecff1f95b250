// "ctc_loss" and its gradient, a block of threads a sample.
#include "backend/cuda/cuda_kernels.h"
#include "backend/cuda/skeletons.h"
#include "backend/functors/ctc_alignment.h"

namespace hornet::cuda {
namespace {

struct Loss {
  CtcSizes sizes;
  CtcInputs<float> in;
  float* loss;
  char* scratch;

  template <class Block>
  HORNET_FUNCTOR void operator()(const Block& block, Dim sample) const {
    Alignment<float, Block> alignment(block, sizes, in, sample, scratch + sample * sizes.bytes());
    const double total = alignment.forward();
    if (block.thread() == 0) loss[sample] = static_cast<float>(-total);
  }
};

struct LossBackward {
  CtcSizes sizes;
  CtcInputs<float> in;
  const float* dy;
  float* dlogits;
  char* scratch;

  template <class Block>
  HORNET_FUNCTOR void operator()(const Block& block, Dim sample) const {
    Alignment<float, Block> alignment(block, sizes, in, sample, scratch + sample * sizes.bytes());
    const double total = alignment.forward();
    alignment.backward(total, dy[sample], dlogits + sample * sizes.steps * sizes.classes,
                       sizes.steps);
  }
};

std::size_t scratch_of(const CtcSizes& sizes) {
  return static_cast<std::size_t>(sizes.batch * sizes.bytes());
}

std::unique_ptr<Kernel> compile_ctc_loss(const BoundNode& node, const Queue& queue) {
  if (node.inputs[0].dtype != DType::f32) return nullptr;
  const CtcSizes sizes(node.inputs[0].shape, node.inputs[1].shape);
  return kernel(
      [&queue, sizes](const Tensor* in, const Tensor* out, void* workspace) {
        for_rows(
            queue, sizes.batch,
            Loss{sizes, CtcInputs<float>(in), out[0].as<float>(), static_cast<char*>(workspace)});
      },
      scratch_of(sizes));
}

std::unique_ptr<Kernel> compile_ctc_loss_backward(const BoundNode& node, const Queue& queue) {
  if (node.inputs[0].dtype != DType::f32) return nullptr;
  const CtcSizes sizes(node.inputs[0].shape, node.inputs[1].shape);
  return kernel(
      [&queue, sizes](const Tensor* in, const Tensor* out, void* workspace) {
        for_rows(queue, sizes.batch,
                 LossBackward{sizes, CtcInputs<float>(in), in[4].as<float>(), out[0].as<float>(),
                              static_cast<char*>(workspace)});
      },
      scratch_of(sizes));
}

}  // namespace

void add_ctc_kernels(KernelRows& rows) {
  rows.push_back({"ctc_loss", compile_ctc_loss});
  rows.push_back({"ctc_loss_backward", compile_ctc_loss_backward});
}

}  // namespace hornet::cuda
