// The pool behind parallel loops. TBB through RcppParallel's headers; with HORNET_TINYTHREAD a few
// parked threads of our own, which ThreadSanitizer can follow (TBB is not built for it).
#include "rt/parallel.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#ifdef HORNET_TINYTHREAD
#include <condition_variable>
#include <mutex>
#include <vector>
#else
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <mutex>
#endif

namespace hornet {

namespace {

// A forked child inherits the pool's objects but none of its threads.
const pid_t loaded_in = getpid();

std::atomic<int> asked_threads{0};
std::atomic<int> busy_cores{0};
thread_local bool inside_loop = false;

// Marks the calling thread: loops that a body starts run serially.
struct LoopScope {
  LoopScope() { inside_loop = true; }
  ~LoopScope() { inside_loop = false; }
};

struct Ranges {
  std::int64_t n, grain, units;
  int count;
  RangeFn fn;
  void* body;

  void run(int i) const {
    const std::int64_t begin = units * i / count * grain;
    const std::int64_t end = std::min(n, units * (i + 1) / count * grain);
    LoopScope scope;
    fn(body, begin, end);
  }
};

#ifdef HORNET_TINYTHREAD

// One loop at a time; a thread that finds the pool taken runs its loop alone.
class Pool {
 public:
  explicit Pool(int workers) {
    for (int i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  }
  ~Pool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      quit_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  void run(const Ranges& ranges) {
    std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
    if (!turn) {
      for (int i = 0; i < ranges.count; ++i) ranges.run(i);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ranges_ = &ranges;
      next_ = 0;
      left_ = ranges.count;
    }
    wake_.notify_all();
    std::unique_lock<std::mutex> lock(mutex_);
    take(lock);
    done_.wait(lock, [this] { return left_ == 0; });
    ranges_ = nullptr;
  }

 private:
  // Runs what is left. The lock is held but for the work itself, and an item taken keeps run()
  // from returning, so the caller's ranges outlive every look at them.
  void take(std::unique_lock<std::mutex>& lock) {
    while (ranges_ && next_ < ranges_->count) {
      const Ranges& ranges = *ranges_;
      const int mine = next_++;
      lock.unlock();
      ranges.run(mine);
      lock.lock();
      if (--left_ == 0) done_.notify_one();
    }
  }
  void work() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!quit_) {
      take(lock);
      wake_.wait(lock, [this] { return quit_ || (ranges_ && next_ < ranges_->count); });
    }
  }

  std::mutex turn_, mutex_;
  std::condition_variable wake_, done_;
  const Ranges* ranges_ = nullptr;
  int next_ = 0, left_ = 0;
  bool quit_ = false;
  std::vector<std::thread> threads_;
};

void run_on(int threads, const Ranges& ranges) {
  static Pool pool(max_kernel_threads() - 1);
  (void)threads;
  pool.run(ranges);
}

#else

// One arena a budget, made on first use and kept: an arena is what bounds how many workers wake up.
// Never destroyed, since TBB may be gone before our statics are.
tbb::task_arena& arena_of(int threads) {
  constexpr int kArenas = 256;
  static std::atomic<tbb::task_arena*> arenas[kArenas];
  static std::mutex making;
  auto& slot = arenas[std::min(threads, kArenas) - 1];
  if (tbb::task_arena* arena = slot.load(std::memory_order_acquire)) return *arena;
  std::lock_guard<std::mutex> lock(making);
  if (!slot.load(std::memory_order_relaxed)) {
    auto arena = new tbb::task_arena(threads);
    arena->initialize();
    slot.store(arena, std::memory_order_release);
  }
  return *slot.load(std::memory_order_relaxed);
}

void run_on(int threads, const Ranges& ranges) {
  arena_of(threads).execute([&] {
    tbb::parallel_for(
        0, ranges.count, [&](int i) { ranges.run(i); }, tbb::static_partitioner());
  });
}

#endif

}  // namespace

int max_kernel_threads() {
  static const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return cores;
}

int kernel_threads() {
  if (inside_loop || getpid() != loaded_in) return 1;
  const int asked = asked_threads.load(std::memory_order_relaxed);
  const int budget = asked > 0 ? std::min(asked, max_kernel_threads()) : max_kernel_threads();
  return std::max(1, busy_cores.load(std::memory_order_relaxed) > 0 ? budget - 1 : budget);
}

void set_kernel_threads(int threads) { asked_threads = threads; }

BusyCore::BusyCore() { ++busy_cores; }
BusyCore::~BusyCore() { --busy_cores; }

void parallel_ranges(std::int64_t n, std::int64_t grain, RangeFn fn, void* body) {
  if (n <= 0) return;
  const std::int64_t units = (n + grain - 1) / grain;
  const int threads = units > 1 ? kernel_threads() : 1;
  if (threads == 1) {
    fn(body, 0, n);
    return;
  }
  const int count = static_cast<int>(std::min<std::int64_t>(threads, units));
  run_on(threads, Ranges{n, grain, units, count, fn, body});
}

}  // namespace hornet
