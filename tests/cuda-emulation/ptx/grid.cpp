// A launch: its blocks one after the other, in the order the settings ask for.
#include <driver_types.h>

#include <algorithm>
#include <numeric>

#include "ptx/block.h"
#include "runtime/counters.h"
#include "runtime/settings.h"

namespace cuda_emulation::ptx {

std::uint64_t& instruction_clock() { return counters().ptx_instructions; }

int run_grid(const Launch& launch) {
  Grid grid{launch,
            settings().races ? std::make_unique<Races>() : nullptr,
            {},
            std::mt19937(settings().seed)};
  std::vector<unsigned> order(std::size_t{launch.grid.x} * launch.grid.y * launch.grid.z);
  std::iota(order.begin(), order.end(), 0u);
  if (settings().order == Order::reverse) std::reverse(order.begin(), order.end());
  if (settings().order == Order::random) std::shuffle(order.begin(), order.end(), grid.random);
  Block block(grid);
  try {
    for (unsigned n : order)
      block.run(dim3(n % launch.grid.x, n / launch.grid.x % launch.grid.y,
                     n / launch.grid.x / launch.grid.y),
                n);
  } catch (const KernelFault& fault) { return fault.error; }
  return cudaSuccess;
}

}  // namespace cuda_emulation::ptx
