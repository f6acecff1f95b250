// Uniform numbers and dropout. random_normal, which is rare, is left to the reference.
#include <algorithm>
#include <cstring>

#include "backend/simd/simd_kernels.h"
#include "base/rng.h"
#include "rt/parallel.h"

namespace hornet::simd {

namespace {

struct RandomCall {
  std::uint32_t key[2], step[2];
  const float* x;  // dropout
  float rate, scale;
  float* y;
};

// Elements [begin, end); `begin` is a multiple of 64.
using RandomFn = void (*)(const RandomCall& call, Dim begin, Dim end);
struct RandomTable {
  RandomFn uniform, dropout;
};

}  // namespace

}  // namespace hornet::simd

#define HORNET_SIMD_BODY "backend/simd/random_body.h"
#include "backend/simd/each_isa.h"

namespace hornet::simd {

namespace {

// A draw costs some ten times a copy.
constexpr Dim kGrain = 4096;

RandomCall call_of(const Tensor& rng, std::uint32_t stream) {
  RngState state;
  std::memcpy(&state, rng.data, sizeof state);
  return {{state.seed_lo, state.seed_hi ^ (stream * 0x9E3779B9u)},
          {state.step_lo, state.step_hi},
          nullptr,
          0,
          1,
          nullptr};
}

std::uint32_t stream_of(const BoundNode& node) {
  return static_cast<std::uint32_t>(node.node->attrs.integer("stream"));
}

std::unique_ptr<Kernel> compile_uniform(const BoundNode& node) {
  const RandomTable* table = HORNET_PICK(random_table);
  const std::uint32_t stream = stream_of(node);
  return kernel([table, stream](const Tensor* in, const Tensor* out, void*) {
    RandomCall call = call_of(in[0], stream);
    call.y = out[0].as<float>();
    parallel_for(out[0].numel(), kGrain,
                 [&](Dim begin, Dim end) { table->uniform(call, begin, end); });
  });
}

std::unique_ptr<Kernel> compile_dropout(const BoundNode& node) {  // x, rng -> y
  const RandomTable* table = HORNET_PICK(random_table);
  const std::uint32_t stream = stream_of(node);
  const double rate = node.node->attrs.real("rate");
  return kernel([=](const Tensor* in, const Tensor* out, void*) {
    RandomCall call = call_of(in[1], stream);
    call.x = in[0].as<float>();
    call.y = out[0].as<float>();
    call.rate = static_cast<float>(rate);
    call.scale = static_cast<float>(1 / (1 - rate));
    parallel_for(out[0].numel(), kGrain,
                 [&](Dim begin, Dim end) { table->dropout(call, begin, end); });
  });
}

}  // namespace

void add_random_kernels(KernelRows& rows) {
  rows.push_back({"random_uniform", compile_uniform});
  rows.push_back({"dropout", compile_dropout});
}

}  // namespace hornet::simd
