// Which thread is R's, how workers start, what is alive.
#pragma once
#include <atomic>
#include <functional>
#include <thread>

namespace hornet {

void register_r_thread();  // from .onLoad
bool on_r_thread();
// Throws Error where called from the wrong thread: the first line of thread-bound functions.
void assert_r_thread(const char* where);
void assert_not_r_thread(const char* where);
// True in a process forked after the package was loaded.
bool in_forked_child();

// A thread with every signal blocked, so that SIGINT always lands on R's thread; counted.
std::thread spawn(std::function<void()> body);

// Counters that every run brings back to zero; exported to the tests.
struct LiveCounts {
  std::atomic<int> threads{0}, batches{0}, handles{0};
};
LiveCounts& live_counts();

}  // namespace hornet
