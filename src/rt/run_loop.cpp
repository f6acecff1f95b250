#include "rt/run_loop.h"

#include <algorithm>
#include <utility>

#include "rt/threads.h"

namespace hornet {

void RunLoop::call(std::function<void()> fn) {
  if (on_r_thread()) {
    fn();
    return;
  }
  Request request{std::move(fn)};
  std::unique_lock<std::mutex> lock(mutex_);
  if (stop_) throw Stopped{};
  calls_.push_back(&request);
  to_r_.notify_one();
  // A request that has started always ends before this frame does: R's thread still points at
  // it, whatever stopped the run meanwhile.
  to_workers_.wait(lock, [&] {
    return request.state == State::done || request.state == State::failed ||
           (stop_ && request.state == State::queued);
  });
  if (request.state == State::done) return;
  if (request.state == State::queued) {
    calls_.erase(std::find(calls_.begin(), calls_.end(), &request));
  }
  throw Stopped{};
}

void RunLoop::post(std::function<void()> fn) {
  std::lock_guard<std::mutex> lock(mutex_);
  posts_.push_back(std::move(fn));
  to_r_.notify_one();
}

// One at a time and unlocked: a post may free memory, which may run finalizers that post.
void RunLoop::drain_posts() {
  assert_r_thread("RunLoop::drain_posts()");
  for (;;) {
    std::function<void()> fn;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (posts_.empty()) return;
      fn = std::move(posts_.front());
      posts_.pop_front();
    }
    fn();
  }
}

void RunLoop::serve(const std::function<bool()>& done, const std::function<void()>& poll,
                    std::chrono::milliseconds slice) {
  assert_r_thread("RunLoop::serve()");
  for (;;) {
    drain_posts();
    Request* request = nullptr;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      to_r_.wait_for(lock, slice,
                     [&] { return stop_ || done() || !calls_.empty() || !posts_.empty(); });
      if (stop_) return;
      if (done()) {
        if (posts_.empty()) return;
      } else if (!calls_.empty()) {
        request = calls_.front();
        calls_.pop_front();
        request->state = State::running;
      }
    }
    if (request) run(*request);
    poll();
  }
}

void RunLoop::run(Request& request) {
  State end = State::failed;
  ++running_;
  auto settle = [&] {
    --running_;
    std::lock_guard<std::mutex> lock(mutex_);
    request.state = end;
    to_workers_.notify_all();
  };
  try {
    request.fn();
  } catch (...) {
    settle();
    throw;
  }
  end = State::done;
  settle();
}

void RunLoop::wake() {
  std::lock_guard<std::mutex> lock(mutex_);
  to_r_.notify_one();
}

void RunLoop::stop() noexcept {
  std::lock_guard<std::mutex> lock(mutex_);
  stop_ = true;
  to_workers_.notify_all();
  to_r_.notify_one();
}

}  // namespace hornet
