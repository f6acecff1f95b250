// Random numbers from the model's random state. Every back end draws the same ones:
// block b of the stream (base/rng.h) gives the bits of elements 4b ... 4b + 3, as uniforms
// u0 ... u3 on a grid of 2^-24, and
//   random_uniform:  element 4b + j is u_j;
//   random_normal:   with r = sqrt(-2 ln(1 - u0)) and a = 2 pi u1, elements 4b and 4b + 1 are
//                    r cos a and r sin a; u2 and u3 give the next two in the same way;
//   dropout:         element 4b + j is 0 where u_j < rate, rate rounded to float, and else
//                    x / (1 - rate).
#include <algorithm>
#include <array>
#include <cmath>

#include "backend/cpu/cpu_kernels.h"
#include "base/rng.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

RngState state_of(const Tensor& rng) {
  RngState state;
  std::memcpy(&state, rng.data, sizeof state);
  return state;
}

// visit(first element, how many of the block's four there are, u0 ... u3) for each block.
template <class Visit>
void each_block(const RngState& state, std::uint32_t stream, Dim n, Visit visit) {
  parallel_for((n + 3) / 4, kGrain / 16, [&](Dim begin, Dim end) {
    for (Dim block = begin; block < end; ++block) {
      const PhiloxCounter bits = state.block(static_cast<std::uint64_t>(block), stream);
      std::array<float, 4> uniforms;
      for (int j = 0; j < 4; ++j) uniforms[j] = uniform_from_bits(bits[j]);
      visit(4 * block, std::min<Dim>(4, n - 4 * block), uniforms);
    }
  });
}

std::uint32_t stream_of(const BoundNode& node) {
  return static_cast<std::uint32_t>(node.node->attrs.integer("stream"));
}

std::unique_ptr<Kernel> compile_random_uniform(const BoundNode& node) {
  const std::uint32_t stream = stream_of(node);
  return for_floats(node.outputs[0].dtype, [stream](auto zero) {
    using T = decltype(zero);
    return kernel([stream](const Tensor* in, const Tensor* out, void*) {
      T* y = out[0].as<T>();
      each_block(state_of(in[0]), stream, out[0].numel(),
                 [y](Dim first, Dim count, const std::array<float, 4>& u) {
                   std::copy_n(u.begin(), count, y + first);
                 });
    });
  });
}

std::unique_ptr<Kernel> compile_random_normal(const BoundNode& node) {
  const std::uint32_t stream = stream_of(node);
  return for_floats(node.outputs[0].dtype, [stream](auto zero) {
    using T = decltype(zero);
    return kernel([stream](const Tensor* in, const Tensor* out, void*) {
      T* y = out[0].as<T>();
      each_block(state_of(in[0]), stream, out[0].numel(),
                 [y](Dim first, Dim count, const std::array<float, 4>& u) {
                   std::array<double, 4> normals;
                   for (int j = 0; j < 4; j += 2) {
                     const double r = std::sqrt(-2 * std::log(1 - double{u[j]}));
                     const double angle = 2 * 3.14159265358979323846 * u[j + 1];
                     normals[j] = r * std::cos(angle);
                     normals[j + 1] = r * std::sin(angle);
                   }
                   for (Dim j = 0; j < count; ++j) y[first + j] = static_cast<T>(normals[j]);
                 });
    });
  });
}

std::unique_ptr<Kernel> compile_dropout(const BoundNode& node) {  // x, rng -> y
  const std::uint32_t stream = stream_of(node);
  const double rate = node.node->attrs.real("rate");
  return for_floats(node.outputs[0].dtype, [=](auto zero) {
    using T = decltype(zero);
    return kernel([=](const Tensor* in, const Tensor* out, void*) {
      const T* x = in[0].as<T>();
      T* y = out[0].as<T>();
      const float limit = static_cast<float>(rate);
      const T keep = static_cast<T>(1 - rate);
      each_block(state_of(in[1]), stream, out[0].numel(),
                 [=](Dim first, Dim count, const std::array<float, 4>& u) {
                   for (Dim j = 0; j < count; ++j) {
                     y[first + j] = u[j] < limit ? T(0) : x[first + j] / keep;
                   }
                 });
    });
  });
}

}  // namespace

void add_random_kernels(KernelRows& rows) {
  rows.push_back({"random_uniform", compile_random_uniform});
  rows.push_back({"random_normal", compile_random_normal});
  rows.push_back({"dropout", compile_dropout});
}

}  // namespace hornet::cpu
