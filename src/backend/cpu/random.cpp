// Random numbers: loops around the functors of backend/functors/random.h.
#include "backend/cpu/cpu_kernels.h"
#include "backend/functors/random.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

template <class F>
void for_each_block(const F& f) {
  parallel_for(random_blocks(f.n), kGrain / 16, [&](Dim begin, Dim end) {
    for (Dim block = begin; block < end; ++block) f(block);
  });
}

std::uint32_t stream_of(const BoundNode& node) {
  return static_cast<std::uint32_t>(node.node->attrs.integer("stream"));
}

template <template <class> class Random>
std::unique_ptr<Kernel> compile_random(const BoundNode& node) {
  const std::uint32_t stream = stream_of(node);
  return for_floats(node.outputs[0].dtype, [stream](auto zero) {
    using T = decltype(zero);
    return kernel([stream](const Tensor* in, const Tensor* out, void*) {
      for_each_block(Random<T>{{in[0].as<RngState>(), stream}, out[0].as<T>(), out[0].numel()});
    });
  });
}

std::unique_ptr<Kernel> compile_dropout(const BoundNode& node) {  // x, rng -> y
  const std::uint32_t stream = stream_of(node);
  const double rate = node.node->attrs.real("rate");
  return for_floats(node.outputs[0].dtype, [=](auto zero) {
    using T = decltype(zero);
    return kernel([=](const Tensor* in, const Tensor* out, void*) {
      for_each_block(Dropout<T>{{in[1].as<RngState>(), stream},
                                in[0].as<T>(),
                                out[0].as<T>(),
                                out[0].numel(),
                                static_cast<float>(rate),
                                static_cast<T>(1 - rate)});
    });
  });
}

}  // namespace

void add_random_kernels(KernelRows& rows) {
  rows.push_back({"random_uniform", compile_random<RandomUniform>});
  rows.push_back({"random_normal", compile_random<RandomNormal>});
  rows.push_back({"dropout", compile_dropout});
}

}  // namespace hornet::cpu
