// Running a compiled function over a feeder, and the state of the whole package's threads.
#include <pthread.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/devices.h"
#include "r_convert.h"
#include "r_feeder.h"
#include "r_graph.h"
#include "r_handle.h"
#include "r_serve.h"
#include "rt/parallel.h"
#include "rt/threads.h"
#include "train/trainer.h"

using namespace hornet;

namespace {

RunMode mode_of(const std::string& name) {
  if (name == "train") return RunMode::train;
  if (name == "evaluate") return RunMode::evaluate;
  if (name == "predict") return RunMode::predict;
  throw Error("mode must be \"train\", \"evaluate\" or \"predict\", not \"" + name + "\"", "value");
}

// Calls fn(step, rows[, values]) on R's thread, as the user's frames shall show it.
bool call_hook(SEXP fn, std::int64_t step, Dim rows, const std::vector<double>* values) {
  const double* numbers = values ? values->data() : nullptr;
  const R_xlen_t count = values ? static_cast<R_xlen_t>(values->size()) : 0;
  SEXP answer = r_protect([=]() -> SEXP {
    SEXP at = PROTECT(Rf_ScalarReal(static_cast<double>(step)));
    SEXP size = PROTECT(Rf_ScalarReal(static_cast<double>(rows)));
    SEXP arg = PROTECT(numbers ? Rf_allocVector(REALSXP, count) : R_NilValue);
    for (R_xlen_t i = 0; i < count; ++i) REAL(arg)[i] = numbers[i];
    SEXP call = PROTECT(values ? Rf_lang4(fn, at, size, arg) : Rf_lang3(fn, at, size));
    SEXP result = Rf_eval(call, R_GlobalEnv);
    UNPROTECT(4);
    return result;
  });
  return TYPEOF(answer) == LGLSXP && Rf_xlength(answer) == 1 && LOGICAL(answer)[0] == TRUE;
}

// The user's hooks, sent from the trainer to R's thread. R holds `hooks` during the run.
BatchHooks hooks_from_r(SEXP hooks, RunLoop& loop) {
  BatchHooks native;
  SEXP begin = element_of(hooks, "begin"), end = element_of(hooks, "end");
  if (!Rf_isNull(begin)) {
    native.begin = [begin, &loop](std::int64_t step, Dim rows) {
      loop.call([&] { call_hook(begin, step, rows, nullptr); });
    };
  }
  if (!Rf_isNull(end)) {
    native.end = [end, &loop](std::int64_t step, Dim rows, const std::vector<double>& values) {
      bool stop = false;
      loop.call([&] { stop = call_hook(end, step, rows, &values); });
      return stop;
    };
  }
  return native;
}

// Draws from the board when something is new, at most every 50 ms.
class Progress {
 public:
  Progress(SEXP fn, const Board& board) : fn_(fn), board_(board) {}
  void operator()() {
    const auto now = Clock::now();
    if (now < next_) return;
    const Board::Values values = board_.read();
    if (values.step == drawn_) return;
    drawn_ = values.step;
    call_hook(fn_, values.step, values.rows, &values.means);
    next_ = Clock::now() + std::chrono::milliseconds(50);
  }

 private:
  using Clock = std::chrono::steady_clock;
  SEXP fn_;
  const Board& board_;
  Clock::time_point next_{};
  std::int64_t drawn_ = 0;
};

// Models whose trainers may be in the middle of a step. R's thread only.
std::vector<const Variables*>& stepping() {
  static std::vector<const Variables*> models;
  return models;
}

struct Stepping {
  explicit Stepping(const Variables& variables) { stepping().push_back(&variables); }
  ~Stepping() { stepping().pop_back(); }
};

// A fork must not catch a model in mid-step: the child would find it locked for ever and its
// weights half written. R's thread waits for the steps to end, which need nobody.
std::unique_ptr<Variables::StepLocks>& held_for_fork() {
  static std::unique_ptr<Variables::StepLocks> locks;
  return locks;
}

void before_fork() {
  if (on_r_thread()) held_for_fork() = std::make_unique<Variables::StepLocks>(stepping());
}

void after_fork() {
  if (on_r_thread()) held_for_fork().reset();
}

SEXP to_list(const RunResult& result) {
  using Rcpp::Named;
  return Rcpp::List::create(
      Named("steps") = static_cast<double>(result.steps),
      Named("rows") = static_cast<double>(result.rows), Named("metrics") = result.metrics,
      Named("exhausted") = result.exhausted, Named("stopped") = result.stopped_by_hook,
      Named("first_bad_step") = static_cast<double>(result.first_bad_step),
      Named("wait_seconds") = result.wait_seconds, Named("step_seconds") = result.step_seconds,
      Named("hook_seconds") = result.hook_seconds,
      Named("predictions") = arrays_to_r(result.predictions));
}

}  // namespace

// mode: "train", "evaluate" or "predict". steps: -1 for all data. hooks: NULL or list(begin =
// function(step, rows) or NULL, end = function(step, rows, values), TRUE from which stops); steps
// count from 0. progress: NULL or function(steps done, rows, means). stop_on_bad: ends after a
// loss that is not finite. devices: numbers of GPUs; -1: the host.
// [[Rcpp::export(rng = false)]]
SEXP cpp_run(SEXP fn, SEXP feeder, std::string mode, double steps, SEXP hooks, SEXP progress,
             bool stop_on_bad, Rcpp::IntegerVector devices = Rcpp::IntegerVector::create(-1)) {
  return glue_entry("cpp_run", [&]() -> SEXP {
    const auto function = get_handle<Function>(fn, kFunctionHandle);
    const auto f = live_feeder(feeder);
    const RunMode run_mode = mode_of(mode);
    RunLoop& loop = f->loop();
    Board board;
    RunResult result;
    Trainer trainer(*function, *f, run_mode, board, hooks_from_r(hooks, loop),
                    devices[0] < 0 ? nullptr : open_devices({devices.begin(), devices.end()}));
    const Stepping mark(function->variables());
    std::function<void()> on_slice;
    if (!Rf_isNull(progress)) on_slice = Progress(progress, board);
    serve_while(
        loop, [&] { f->close(); },
        [&] { result = trainer.run(static_cast<std::int64_t>(steps), stop_on_bad); }, on_slice);
    return to_list(result);
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_training_begin(SEXP variables) {
  return glue_entry("cpp_training_begin", [&]() -> SEXP {
    const auto model = get_handle<Variables>(variables, kVariablesHandle);
    if (model->in_training.exchange(true)) {
      throw Error("this model is already being trained", "training")
          .hint("Its own generator or callback may evaluate it or predict with it, not train it.");
    }
    return R_NilValue;
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_training_end(SEXP variables) {
  return glue_entry("cpp_training_end", [&]() -> SEXP {
    get_handle<Variables>(variables, kVariablesHandle)->in_training = false;
    return R_NilValue;
  });
}

// What is alive: worker threads, batch slots that are not free, R objects held. All 0 after a run.
// [[Rcpp::export(rng = false)]]
SEXP cpp_live_counts() {
  return glue_entry("cpp_live_counts", [&]() -> SEXP {
    const LiveCounts& counts = live_counts();
    return Rcpp::IntegerVector::create(Rcpp::Named("threads") = counts.threads.load(),
                                       Rcpp::Named("batches") = counts.batches.load(),
                                       Rcpp::Named("handles") = counts.handles.load());
  });
}

// 0: all cores.
// [[Rcpp::export(rng = false)]]
SEXP cpp_set_threads(int threads) {
  return glue_entry("cpp_set_threads", [&]() -> SEXP {
    set_kernel_threads(threads);
    return R_NilValue;
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_threads() {
  return glue_entry("cpp_threads", [&]() -> SEXP { return Rcpp::wrap(kernel_threads()); });
}

// From .onLoad.
// [[Rcpp::export(rng = false)]]
SEXP cpp_init() {
  register_r_thread();
  return glue_entry("cpp_init", [&]() -> SEXP {
    static bool done = false;
    if (done) return R_NilValue;
    done = true;
    pthread_atfork(before_fork, after_fork, after_fork);
    r_protect([]() -> SEXP {
      SEXP guard = PROTECT(R_MakeExternalPtr(nullptr, R_NilValue, R_NilValue));
      R_RegisterCFinalizerEx(
          guard, [](SEXP) { stop_runs_at_exit(); }, TRUE);
      R_PreserveObject(guard);
      UNPROTECT(1);
      return R_NilValue;
    });
    return R_NilValue;
  });
}
