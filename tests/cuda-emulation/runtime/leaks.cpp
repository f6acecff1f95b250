// What is left when the process ends, and the summary of CUDA_EMULATION_STATS.
#include <unistd.h>

#include <cstdio>

#include "runtime/counters.h"
#include "runtime/handles.h"
#include "runtime/memory.h"
#include "runtime/settings.h"

namespace cuda_emulation {
namespace {

struct Watched {
  std::string what;
  std::function<std::size_t()> count;
};

std::vector<Watched>& watched() {
  static auto& all = *new std::vector<Watched>;
  return all;
}

const pid_t loaded_by = getpid();

void report_leaks() {
  std::size_t bytes = 0;
  if (const std::size_t leaks = count_device_leaks(&bytes))
    report("leak",
           std::to_string(leaks) + " device allocations of " + std::to_string(bytes) + " bytes");
  for (const Watched& each : watched())
    if (const std::size_t leaks = each.count())
      report("leak", std::to_string(leaks) + " of " + each.what);
}

void print_stats() {
  const cuda_emulation_counts& c = counters();
  std::fprintf(stderr,
               "[cuda emulation] summary: %llu findings, %llu launches, %llu PTX instructions, "
               "%llu synchronisations, peak %llu bytes\n",
               (unsigned long long)c.findings, (unsigned long long)c.kernel_launches,
               (unsigned long long)c.ptx_instructions, (unsigned long long)c.host_synchronisations,
               (unsigned long long)c.bytes_peak);
}

// A destructor of the library runs after those of everything that is linked to it.
__attribute__((destructor)) void at_exit() {
  if (getpid() != loaded_by) return;  // a forked child leaks nothing of its own
  if (settings().leaks) report_leaks();
  if (settings().stats) print_stats();
}

}  // namespace

void watch_leaks(const std::string& what, std::function<std::size_t()> count) {
  Lock lock(runtime_mutex());
  watched().push_back({what, std::move(count)});
}

}  // namespace cuda_emulation
