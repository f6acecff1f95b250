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

struct Stopped : std::exception {};  // ends a worker quietly; never shown to the user

// Workers call(); R's thread sits in serve(). Knows nothing of R: the glue passes `poll`.
class RunLoop {
 public:
  // Worker: runs `fn` on R's thread and waits. Throws Stopped when the run is over. `fn` leaves
  // its result in C++ variables, never in a SEXP.
  void call(std::function<void()> fn);
  // Any thread: runs `fn` on R's thread some time later. It must neither throw nor evaluate.
  void post(std::function<void()> fn);
  // R's thread: serves until `done` (made true by a worker, which then calls wake()) or stop().
  // `poll` runs at least every `slice`; it and requests may throw, which leaves serve(). A request
  // may itself serve this loop. `done` is asked under the loop's lock: it must be short.
  void serve(const std::function<bool()>& done, const std::function<void()>& poll,
             std::chrono::milliseconds slice);
  void drain_posts();  // R's thread
  void wake();
  void stop() noexcept;  // anyone, terminal: every call() throws Stopped
  bool stopped() const { return stop_; }
  const std::atomic<bool>& stop_flag() const { return stop_; }
  // R's thread: true inside a request, whose worker cannot end before the request does.
  bool in_request() const { return running_ > 0; }

 private:
  enum class State { queued, running, done, failed };
  struct Request {
    std::function<void()> fn;
    State state = State::queued;
  };
  void run(Request& request);

  int running_ = 0;  // R's thread only
  std::mutex mutex_;
  std::condition_variable to_r_, to_workers_;
  std::deque<Request*> calls_;
  std::deque<std::function<void()>> posts_;
  std::atomic<bool> stop_{false};
};

}  // namespace hornet
