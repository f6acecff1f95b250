// Parallel loops of kernels: one pool (RcppParallel's TBB), one budget.
#pragma once
#include <atomic>
#include <cstdint>
#include <type_traits>

namespace hornet {

// Kernel threads a loop may use now. Set by options(hornet.threads=) and lowered by one while a
// generator works (BusyCore). In a forked child it is always 1.
int kernel_threads();
void set_kernel_threads(int threads);  // 0: all cores
// What kernel_threads() never exceeds, fixed for the life of the process: kernels size per-thread
// scratch by it.
int max_kernel_threads();

// While one lives, the budget is one thread lower (but at least one).
class BusyCore {
 public:
  BusyCore();
  ~BusyCore();
  BusyCore(const BusyCore&) = delete;
  BusyCore& operator=(const BusyCore&) = delete;
};

using RangeFn = void (*)(void* body, std::int64_t begin, std::int64_t end);
void parallel_ranges(std::int64_t n, std::int64_t grain, RangeFn fn, void* body);

// body(begin, end) over consecutive ranges of [0, n) whose inner borders are multiples of `grain`.
// Serial if n <= grain or the budget is 1. Results must not depend on where the borders fall:
// reductions split by shape, never by the number of threads. Body must not throw.
template <class Body>
void parallel_for(std::int64_t n, std::int64_t grain, Body&& body) {
  using B = std::remove_reference_t<Body>;
  parallel_ranges(
      n, grain,
      [](void* b, std::int64_t begin, std::int64_t end) { (*static_cast<B*>(b))(begin, end); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

// body(slot, task) once for every task, in any order, shared out as threads become free. No two
// bodies that run at the same time have the same slot, and slot < slots: scratch goes by slot.
template <class Body>
void parallel_tasks(std::int64_t tasks, int slots, Body&& body) {
  std::atomic<std::int64_t> next{0};
  parallel_for(tasks < slots ? tasks : slots, 1, [&](std::int64_t slot, std::int64_t) {
    for (std::int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) {
      body(static_cast<int>(slot), task);
    }
  });
}

}  // namespace hornet
