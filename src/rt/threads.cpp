#include "rt/threads.h"

#include <csignal>
#include <pthread.h>
#include <unistd.h>

#include <string>
#include <system_error>

#include "base/error.h"

namespace hornet {
namespace {

std::atomic<std::thread::id> r_thread{std::thread::id()};
std::atomic<pid_t> r_pid{0};

}  // namespace

void register_r_thread() {
  r_thread = std::this_thread::get_id();
  r_pid = getpid();
}

// A forked child has one thread, the one that forked, and it keeps its id.
bool on_r_thread() { return std::this_thread::get_id() == r_thread.load(); }

void assert_r_thread(const char* where) {
  if (!on_r_thread()) throw Error(std::string(where) + " is for R's thread only", "internal");
}

void assert_not_r_thread(const char* where) {
  if (on_r_thread()) throw Error(std::string(where) + " must not run on R's thread", "internal");
}

bool in_forked_child() { return r_pid != 0 && r_pid != getpid(); }

std::thread spawn(std::function<void()> body) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);  // a new thread inherits the mask
  ++live_counts().threads;
  std::thread thread;
  bool started = true;
  std::string reason;
  try {
    thread = std::thread([body = std::move(body)] {
      body();  // keeps its failures itself
      --live_counts().threads;
    });
  } catch (const std::system_error& e) {
    started = false;
    reason = e.what();
  }
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (!started) {
    --live_counts().threads;
    throw Error("could not start a thread (" + reason + ")", "out_of_memory")
        .hint("The limits on processes and memory are shown by `ulimit -u` and `ulimit -v`.");
  }
  return thread;
}

LiveCounts& live_counts() {
  static LiveCounts counts;
  return counts;
}

}  // namespace hornet
