// Kernels of the state block. (Assignments are moves, which the planner makes itself.)
#include "backend/cpu/cpu_kernels.h"
#include "base/rng.h"

namespace hornet::cpu {
namespace {

std::unique_ptr<Kernel> compile_rng_advance(const BoundNode&) {
  return kernel([](const Tensor* in, const Tensor* out, void*) {
    RngState state;
    std::memcpy(&state, in[0].data, sizeof state);
    if (++state.step_lo == 0) ++state.step_hi;
    std::memcpy(out[0].data, &state, sizeof state);
  });
}

}  // namespace

void add_state_kernels(KernelRows& rows) { rows.push_back({"rng_advance", compile_rng_advance}); }

}  // namespace hornet::cpu
