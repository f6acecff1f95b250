// Where R meets native threads: the entry of every exported function, calls of R functions, and
// the one place where a run unwinds.
#pragma once
#include <Rcpp.h>

#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "rt/run_loop.h"
#include "rt/threads.h"

namespace hornet {

// Raises an R condition of class hornet_<kind>_error with the call of the user's function.
[[noreturn]] void raise(const std::string& message, const std::string& kind);

// Runs `fn` so that an R error, interrupt or restart inside it arrives as a C++ exception
// (Rcpp::LongjumpException), which END_RCPP turns back. R leaves `fn` by a longjmp: nothing alive
// in it may have a destructor.
template <class Fn>
SEXP r_protect(Fn&& fn) {
  using F = std::remove_reference_t<Fn>;
  return Rcpp::unwindProtect([](void* data) -> SEXP { return (*static_cast<F*>(data))(); },
                             const_cast<void*>(static_cast<const void*>(&fn)));
}

// An R object that native code keeps: preserved on creation, on R's thread. Where it dies on
// another thread, the release is posted to `loop`. Copies of the object by R's replacement
// functions are enforced, so its memory does not change while it is held.
class RHandle {
 public:
  RHandle() = default;
  RHandle(SEXP object, RunLoop& loop);
  RHandle(RHandle&& other) noexcept;
  RHandle& operator=(RHandle&& other) noexcept;
  ~RHandle() { release(); }
  void release() noexcept;
  SEXP get() const { return object_; }

 private:
  SEXP object_ = nullptr;
  RunLoop* loop_ = nullptr;
};

// Runs `body` on a worker thread while R's thread serves `loop`: the one place where anything
// unwinds. Whatever R raises meanwhile (error, interrupt, restart) stops the loop, calls
// `give_up`, which must make `body` return, waits for the worker and goes on unwinding; an
// exception of `body` is rethrown. `on_slice` is called on R's thread at least every 20 ms.
void serve_while(RunLoop& loop, const std::function<void()>& give_up,
                 const std::function<void()>& body, const std::function<void()>& on_slice = {});

// Called by a request on R's thread before it fails: serves the innermost run of `loop` until
// that run is over or `until` holds, so that its trainer first uses the batches it already has.
void serve_on(RunLoop& loop, const std::function<bool()>& until);

// An R condition on its way through native code, to be signalled where it arrives.
class RCondition : public std::exception {
 public:
  RCondition(SEXP condition, RunLoop& loop)
      : condition_(std::make_shared<RHandle>(condition, loop)) {}
  const char* what() const noexcept override { return "a condition of R"; }
  [[noreturn]] void signal() const;  // R's thread: stop(condition)

 private:
  std::shared_ptr<RHandle> condition_;
};

// The body of every exported function: R's thread only, Error becomes an R condition.
//   SEXP cpp_x(SEXP a) { return glue_entry("cpp_x", [&]() -> SEXP { ... }); }
template <class Body>
SEXP glue_entry(const char* name, Body&& body) {
  assert_r_thread(name);
  std::string message, kind;
  try {
    return body();
  } catch (const RCondition& e) { e.signal(); } catch (const Error& e) {
    message = e.what();
    kind = e.kind();
  } catch (const std::bad_alloc&) {
    message = "not enough memory";
    kind = "out_of_memory";
  }
  raise(message, kind);
}

// At the end of R: stops what runs and lets native code leave its kernels.
void stop_runs_at_exit() noexcept;

}  // namespace hornet
