// The mailbox alone: randomised runs in which workers call, post, fail and are stopped while R's
// thread (this one) serves, nests and throws. Nothing may hang, get lost or outlive its run.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "rt/run_loop.h"
#include "rt/threads.h"

using namespace hornet;

namespace {

struct Thrown {};

// Several workers on one loop; a request may throw, nest a serve of another loop, or stop.
bool run_once(unsigned seed) {
  std::mt19937 random(seed);
  const int workers = 1 + random() % 3;
  const int calls = random() % 30;
  const int throw_at = random() % 80, stop_at = random() % 80, nest_at = random() % 40;
  int served = 0, nested = 0;
  std::atomic<int> posted{0}, ran{0}, completed{0}, left{workers};
  std::atomic<bool> done{false};
  RunLoop loop;
  std::vector<std::thread> threads;
  for (int w = 0; w < workers; ++w) {
    threads.push_back(spawn([&] {
      try {
        for (int i = 0; i < calls; ++i) {
          int answer = -1;
          loop.call([&] {
            answer = ++served;
            if (served == throw_at) throw Thrown{};
            if (served == nest_at) {
              RunLoop inner;
              std::atomic<bool> inner_done{false};
              std::thread worker = spawn([&] {
                inner.call([&] { ++nested; });
                inner_done = true;
                inner.wake();
              });
              inner.serve([&] { return inner_done.load(); }, [] {}, std::chrono::milliseconds(5));
              worker.join();
            }
          });
          if (answer <= 0) std::abort();
          ++completed;
          ++posted;
          loop.post([&] { ++ran; });
          if (completed == stop_at) loop.stop();
        }
      } catch (const Stopped&) {}
      if (--left == 0) {
        done = true;
        loop.wake();
      }
    }));
  }
  bool thrown = false;
  try {
    loop.serve([&] { return done.load(); }, [] {}, std::chrono::milliseconds(20));
  } catch (const Thrown&) { thrown = true; }
  loop.stop();
  for (auto& thread : threads) thread.join();
  loop.drain_posts();
  bool good = posted == ran && live_counts().threads == 0;
  if (throw_at > workers * calls && stop_at > workers * calls) {
    good = good && !thrown && completed == workers * calls;
  }
  if (throw_at >= 1 && throw_at <= served) good = good && (thrown || completed >= stop_at);
  if (nest_at >= 1 && nest_at <= served && nest_at != throw_at) good = good && nested == 1;
  bool refused = false;
  std::thread late = spawn([&] {
    try {
      loop.call([] {});
    } catch (const Stopped&) { refused = true; }
  });
  late.join();
  if (!good || !refused) std::printf("seed %u failed\n", seed);
  return good && refused;
}

// A request serves its own loop: the others are answered meanwhile.
bool request_serves_own_loop() {
  RunLoop loop;
  std::atomic<bool> done{false};
  std::atomic<int> others{0};
  std::thread first = spawn([&] {
    loop.call([&] {
      if (!loop.in_request()) std::abort();
      loop.serve([&] { return others == 3; }, [] {}, std::chrono::milliseconds(5));
    });
    done = true;
    loop.wake();
  });
  std::thread second = spawn([&] {
    for (int i = 0; i < 3; ++i) loop.call([&] { ++others; });
  });
  loop.serve([&] { return done.load(); }, [] {}, std::chrono::milliseconds(5));
  first.join();
  second.join();
  return others == 3 && !loop.in_request();
}

double round_trip_microseconds(int calls) {
  RunLoop loop;
  std::atomic<bool> done{false};
  const auto start = std::chrono::steady_clock::now();
  std::thread worker = spawn([&] {
    for (int i = 0; i < calls; ++i) loop.call([] {});
    done = true;
    loop.wake();
  });
  loop.serve([&] { return done.load(); }, [] {}, std::chrono::milliseconds(50));
  worker.join();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
             .count() /
         calls;
}

}  // namespace

int main(int argc, char** argv) {
  register_r_thread();
  const int runs = argc > 1 ? std::atoi(argv[1]) : 2000;
  int bad = 0;
  for (int seed = 0; seed < runs; ++seed) bad += !run_once(seed);
  std::printf("%d random runs, %d bad\n", runs, bad);
  const bool own = request_serves_own_loop();
  std::printf("a request serves its own loop: %s\n", own ? "ok" : "FAILED");
  std::printf("round trip %.1f us\n", round_trip_microseconds(20000));
  return bad || !own;
}
