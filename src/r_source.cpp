#include "r_source.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace hornet {
namespace {

// Generators at work on R's stack, innermost last.
std::vector<RSource*>& asking() {
  static std::vector<RSource*> sources;
  return sources;
}

// Of R's thread, and of processes that it started and waited for.
double processor_seconds() {
  timespec own;
  rusage children;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  return static_cast<double>(own.tv_sec + children.ru_utime.tv_sec + children.ru_stime.tv_sec) +
         1e-9 * static_cast<double>(own.tv_nsec) +
         1e-6 * static_cast<double>(children.ru_utime.tv_usec + children.ru_stime.tv_usec);
}

void say(const std::string& text) {
  const char* words = text.c_str();
  r_protect([=]() -> SEXP {
    SEXP string = PROTECT(Rf_ScalarString(Rf_mkCharCE(words, CE_UTF8)));
    SEXP call = PROTECT(Rf_lang2(Rf_install("message"), string));
    Rf_eval(call, R_BaseEnv);
    UNPROTECT(2);
    return R_NilValue;
  });
}

}  // namespace

// call_generator() is ours (serve.R). Its calling handler leaves conditions, and the handlers and
// restarts of the user, alone; tracebacks show `generator()`.
RSource::RSource(SEXP generator, FeedSpec spec) : spec_(std::move(spec)), owner_pid_(getpid()) {
  assert_r_thread("RSource");
  env_ = r_protect([=]() -> SEXP {
    SEXP space = PROTECT(R_FindNamespace(PROTECT(Rf_mkString("hornet"))));
    SEXP create = PROTECT(Rf_lang3(Rf_install("new.env"), Rf_ScalarLogical(FALSE), space));
    SEXP env = PROTECT(Rf_eval(create, R_BaseEnv));
    R_PreserveObject(env);
    Rf_defineVar(Rf_install("generator"), generator, env);
    SEXP call = PROTECT(Rf_lang2(Rf_install("call_generator"), Rf_install("generator")));
    Rf_defineVar(Rf_install(".call"), call, env);
    UNPROTECT(5);
    return env;
  });
  call_ = Rf_findVarInFrame(env_, Rf_install(".call"));
  ++live_counts().handles;
}

RSource::~RSource() { finished(); }

void RSource::finished() noexcept {
  if (!env_ || owner_pid_ != getpid()) return;
  if (follower_) follower_->ended();
  value_.release();
  R_ReleaseObject(std::exchange(env_, nullptr));
  --live_counts().handles;
}

bool RSource::next(Batch& batch) {
  struct Release {  // also where the run ends before the value is used
    RHandle& value;
    ~Release() { value.release(); }
  } release{value_};
  ++batches_;
  loop_->call([this] { ask(); });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  if (std::exchange(ended_, false)) return false;
  view_.fill(batch);
  return true;
}

void RSource::ask() {
  asking().push_back(this);
  struct Pop {
    ~Pop() { asking().pop_back(); }
  } pop;
  Rcpp::Shield<SEXP> value(timed_evaluate());
  if (Rf_isNull(value)) {
    ended_ = true;
    return;
  }
  if (Rf_inherits(value, "hornet_early_error")) {
    error_ = std::make_exception_ptr(RCondition(VECTOR_ELT(value, 0), *loop_));
    return;
  }
  value_ = RHandle(value, *loop_);
  try {
    materialise(value);
    view_ = view_batch(value, spec_, batches_);
  } catch (const Error&) {
    error_ = std::current_exception();
    return;
  }
  if (view_.notes.empty() || told_) return;
  told_ = true;
  for (const std::string& note : view_.notes) say(spec_.actor + ": " + note);
}

SEXP RSource::timed_evaluate() {
  const auto start = std::chrono::steady_clock::now();
  const double computed = processor_seconds();
  SEXP value = evaluate();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  const double share = (processor_seconds() - computed) / std::max(elapsed.count(), 1e-9);
  computing_share_ = batches_ == 1 ? share : 0.8 * computing_share_ + 0.2 * share;
  return value;
}

SEXP RSource::evaluate() {
  const pid_t pid = getpid();
  SEXP value = r_protect([this]() -> SEXP { return Rf_eval(call_, env_); });
  if (pid != getpid()) {
    throw Error(spec_.actor + ": a forked child cannot go on with the run of its parent", "fork");
  }
  return value;
}

bool RSource::finish_earlier_batches() {
  if (asking().empty()) return true;
  RSource& source = *asking().back();
  if (!source.starved_) return true;
  serve_on(*source.loop_, source.starved_);
  return source.starved_() || source.loop_->stopped();
}

}  // namespace hornet
