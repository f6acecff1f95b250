// The random state of a step, and scalars brought together.
#include "backend/cuda/cuda_kernels.h"
#include "backend/cuda/skeletons.h"
#include "base/error.h"

namespace hornet::cuda {
namespace {

// The state's last two words count the steps.
struct AdvanceRng {
  const std::uint32_t* state;
  std::uint32_t* next;

  HORNET_FUNCTOR void operator()(Dim) const {
    next[0] = state[0];
    next[1] = state[1];
    const std::uint32_t low = state[2] + 1;
    next[3] = state[3] + (low == 0 ? 1 : 0);
    next[2] = low;
  }
};

struct Collect {
  const std::uint32_t* sources[kMaxCollected];
  std::uint32_t* destination;

  HORNET_FUNCTOR void operator()(Dim i) const { destination[i] = *sources[i]; }
};

std::unique_ptr<Kernel> compile_rng_advance(const BoundNode&, const Queue& queue) {
  return kernel([&queue](const Tensor* in, const Tensor* out, void*) {
    for_each(queue, 1, AdvanceRng{in[0].as<std::uint32_t>(), out[0].as<std::uint32_t>()});
  });
}

}  // namespace

void add_state_kernels(KernelRows& rows) { rows.push_back({"rng_advance", compile_rng_advance}); }

void collect(const Queue& queue, std::size_t count, const void* const* sources, void* destination) {
  if (count > kMaxCollected) throw Error("too many numbers to collect");
  Collect functor;
  for (std::size_t i = 0; i < count; ++i)
    functor.sources[i] = static_cast<const std::uint32_t*>(sources[i]);
  functor.destination = static_cast<std::uint32_t*>(destination);
  for_each(queue, static_cast<Dim>(count), functor);
}

}  // namespace hornet::cuda
