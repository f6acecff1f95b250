#include "r_serve.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

namespace hornet {
namespace {

constexpr std::chrono::milliseconds kSlice{20};

// A run in progress; they nest on R's stack, innermost last.
struct Run {
  RunLoop& loop;
  const std::function<void()>& give_up;
  const std::function<void()>& on_slice;
  std::atomic<bool> done{false};
};

std::vector<Run*>& runs() {
  static std::vector<Run*> active;
  return active;
}

// R's own check: signals the interrupt, or a time limit's error, in the user's frames.
void check_interrupt() {
  r_protect([]() -> SEXP {
    R_CheckUserInterrupt();
    return R_NilValue;
  });
}

void serve(Run& run, const std::function<bool()>& until) {
  run.loop.serve([&] { return run.done || (until && until()); },
                 [&] {
                   check_interrupt();
                   if (run.on_slice) run.on_slice();
                 },
                 kSlice);
}

}  // namespace

void raise(const std::string& message, const std::string& kind) {
  const char* text = message.c_str();
  const char* cls = kind.c_str();
  r_protect([&]() -> SEXP {
    SEXP space = PROTECT(R_FindNamespace(PROTECT(Rf_mkString("hornet"))));
    SEXP arg = PROTECT(Rf_ScalarString(Rf_mkCharCE(text, CE_UTF8)));
    SEXP kinds = PROTECT(*cls ? Rf_mkString(cls) : R_NilValue);
    SEXP call = PROTECT(Rf_lang3(Rf_install("abort"), arg, kinds));
    Rf_eval(call, space);
    UNPROTECT(5);
    return R_NilValue;
  });
  throw Error(message, kind);  // abort() does not return
}

void RCondition::signal() const {
  SEXP condition = condition_->get();
  r_protect([condition]() -> SEXP {
    SEXP call = PROTECT(Rf_lang2(Rf_install("stop"), condition));
    Rf_eval(call, R_BaseEnv);
    UNPROTECT(1);
    return R_NilValue;
  });
  throw Error("a condition was not signalled");  // stop() does not return
}

RHandle::RHandle(SEXP object, RunLoop& loop) : object_(object), loop_(&loop) {
  assert_r_thread("RHandle");
  r_protect([object]() -> SEXP {
    R_PreserveObject(object);
    return R_NilValue;
  });
  MARK_NOT_MUTABLE(object);
  ++live_counts().handles;
}

RHandle::RHandle(RHandle&& other) noexcept
    : object_(std::exchange(other.object_, nullptr)), loop_(other.loop_) {}

RHandle& RHandle::operator=(RHandle&& other) noexcept {
  if (this != &other) {
    release();
    object_ = std::exchange(other.object_, nullptr);
    loop_ = other.loop_;
  }
  return *this;
}

void RHandle::release() noexcept {
  SEXP object = std::exchange(object_, nullptr);
  if (!object) return;
  auto let_go = [object] {
    R_ReleaseObject(object);
    --live_counts().handles;
  };
  if (on_r_thread()) {
    let_go();
  } else {
    loop_->post(let_go);
  }
}

void serve_while(RunLoop& loop, const std::function<void()>& give_up,
                 const std::function<void()>& body, const std::function<void()>& on_slice) {
  assert_r_thread("serve_while()");
  Run run{loop, give_up, on_slice};
  std::exception_ptr failed, from_r;
  std::thread worker = spawn([&] {
    try {
      body();
    } catch (const Stopped&) {
    } catch (...) { failed = std::current_exception(); }
    run.done = true;
    loop.wake();
  });
  runs().push_back(&run);
  try {
    serve(run, {});
  } catch (...) {
    from_r = std::current_exception();
    loop.stop();
    give_up();
  }
  runs().pop_back();
  worker.join();  // soon: stop is checked between the steps of a plan
  loop.drain_posts();
  // First failure wins, but an R condition that is on its way must go on unwinding.
  if (from_r) std::rethrow_exception(from_r);
  if (failed) std::rethrow_exception(failed);
}

void serve_on(RunLoop& loop, const std::function<bool()>& until) {
  for (auto run = runs().rbegin(); run != runs().rend(); ++run) {
    if (&(*run)->loop != &loop) continue;
    serve(**run, until);
    return;
  }
}

void stop_runs_at_exit() noexcept {
  using clock = std::chrono::steady_clock;
  for (Run* run : runs()) {
    run->loop.stop();
    run->give_up();
  }
  // A worker whose request ended R never returns: the wait is bounded.
  const auto until = clock::now() + std::chrono::milliseconds(500);
  for (Run* run : runs()) {
    while (!run->done && clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

}  // namespace hornet
