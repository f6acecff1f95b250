// R's thread's mailbox for one feeder or one native call.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>

namespace hornet {

struct Stopped : std::exception {};       // ends a worker quietly; never shown to the user

// Workers call(); R's thread sits in serve(). Knows nothing of R: the glue passes `poll`.
class RunLoop {
 public:
  // Worker: runs `fn` on R's thread and waits. Throws Stopped when the run is over. `fn` leaves
  // its result in C++ variables, never in a SEXP.
  void call(std::function<void()> fn);
  // Any thread: runs `fn` on R's thread some time later. It must neither throw nor evaluate.
  void post(std::function<void()> fn);
  // R's thread: serves until `done` (set by a worker, which then calls wake()) or stop(). `poll`
  // runs at least every `slice`; it and requests may throw, which leaves serve().
  void serve(const std::atomic<bool>& done, const std::function<void()>& poll,
             std::chrono::milliseconds slice);
  void drain_posts();
  void wake();
  void stop() noexcept;                   // anyone, terminal: every call() throws Stopped
  bool stopped() const { return stop_; }
  const std::atomic<bool>& stop_flag() const { return stop_; }

 private:
  enum class State { queued, running, done, failed };
  struct Request { std::function<void()> fn; State state = State::queued; };
  std::mutex mutex_;
  std::condition_variable to_r_, to_workers_;
  std::deque<Request*> calls_;
  std::deque<std::function<void()>> posts_;
  std::atomic<bool> stop_{false};
};

}  // namespace hornet
