// Random numbers: a thread for each block of four.
#include "backend/cuda/cuda_kernels.h"
#include "backend/cuda/skeletons.h"
#include "backend/functors/random.h"

namespace hornet::cuda {
namespace {

template <class F>
void for_each_block(const Queue& queue, const F& f) {
  for_each(queue, random_blocks(f.n), f);
}

std::uint32_t stream_of(const BoundNode& node) {
  return static_cast<std::uint32_t>(node.node->attrs.integer("stream"));
}

template <template <class> class Random>
std::unique_ptr<Kernel> compile_random(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  return kernel([&queue, stream = stream_of(node)](const Tensor* in, const Tensor* out, void*) {
    for_each_block(
        queue, Random<float>{{in[0].as<RngState>(), stream}, out[0].as<float>(), out[0].numel()});
  });
}

std::unique_ptr<Kernel> compile_dropout(const BoundNode& node, const Queue& queue) {  // x, rng -> y
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  const std::uint32_t stream = stream_of(node);
  const double rate = node.node->attrs.real("rate");
  return kernel([&queue, stream, rate](const Tensor* in, const Tensor* out, void*) {
    for_each_block(queue, Dropout<float>{{in[1].as<RngState>(), stream},
                                         in[0].as<float>(),
                                         out[0].as<float>(),
                                         out[0].numel(),
                                         static_cast<float>(rate),
                                         static_cast<float>(1 - rate)});
  });
}

}  // namespace

void add_random_kernels(KernelRows& rows) {
  rows.push_back({"random_uniform", compile_random<RandomUniform>});
  rows.push_back({"random_normal", compile_random<RandomNormal>});
  rows.push_back({"dropout", compile_dropout});
}

}  // namespace hornet::cuda
