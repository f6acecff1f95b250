// "ctc_loss" and its gradient, sample by sample.
#include <algorithm>

#include "backend/cpu/cpu_kernels.h"
#include "backend/functors/ctc_alignment.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

// Samples are shared out; body(sample, scratch).
template <class Body>
std::unique_ptr<Kernel> by_sample(const CtcSizes& sizes, Body body) {
  const int slots = static_cast<int>(std::clamp<Dim>(sizes.batch, 1, max_kernel_threads()));
  return kernel(
      [=](const Tensor* in, const Tensor* out, void* workspace) {
        parallel_tasks(sizes.batch, slots, [&](int slot, Dim sample) {
          body(in, out, sample, static_cast<char*>(workspace) + slot * sizes.bytes());
        });
      },
      static_cast<std::size_t>(slots * sizes.bytes()));
}

std::unique_ptr<Kernel> compile_ctc_loss(const BoundNode& node) {
  const CtcSizes sizes(node.inputs[0].shape, node.inputs[1].shape);
  return for_floats(node.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return by_sample(
        sizes, [sizes](const Tensor* in, const Tensor* out, Dim sample, void* scratch) {
          out[0].as<T>()[sample] = static_cast<T>(
              -Alignment<T, Alone>(Alone(), sizes, CtcInputs<T>(in), sample, scratch).forward());
        });
  });
}

std::unique_ptr<Kernel> compile_ctc_loss_backward(const BoundNode& node) {
  const CtcSizes sizes(node.inputs[0].shape, node.inputs[1].shape);
  return for_floats(node.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return by_sample(
        sizes, [sizes](const Tensor* in, const Tensor* out, Dim sample, void* scratch) {
          const Alone alone;
          Alignment<T, Alone> alignment(alone, sizes, CtcInputs<T>(in), sample, scratch);
          const double total = alignment.forward();
          alignment.backward(total, in[4].as<T>()[sample],
                             out[0].as<T>() + sample * sizes.steps * sizes.classes, sizes.steps);
        });
  });
}

}  // namespace

void add_ctc_kernels(KernelRows& rows) {
  rows.push_back({"ctc_loss", compile_ctc_loss});
  rows.push_back({"ctc_loss_backward", compile_ctc_loss_backward});
}

}  // namespace hornet::cpu
