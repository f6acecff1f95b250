// Interleaved timing of two implementations of one job, in one process.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace bench {

// One thread: its own processor time, which other processes cannot lengthen. More: wall time.
inline double now(int threads) {
  timespec t;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

inline double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.empty() ? 0 : v[v.size() / 2];
}

// Seconds a call, over calls that take at least `least` seconds together.
inline double time_calls(const std::function<void()>& job, int threads, double least) {
  job();
  for (long calls = 1;; calls *= 2) {
    const double begin = now(threads);
    for (long i = 0; i < calls; ++i) job();
    const double seconds = now(threads) - begin;
    if (seconds >= least) return seconds / calls;
  }
}

struct Pair {
  double own, peer;  // median seconds
  double ratio;      // median of peer / own, round by round: above 1, own is faster
};

inline Pair compare(const std::function<void()>& own, const std::function<void()>& peer,
                    int threads, int rounds = 9, double least = 0.01) {
  std::vector<double> owns, peers, ratios;
  for (int round = 0; round < rounds; ++round) {
    // The other pool's threads spin for a while after their loop: let them park.
    if (threads > 1) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    owns.push_back(time_calls(own, threads, least));
    if (threads > 1) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    peers.push_back(time_calls(peer, threads, least));
    ratios.push_back(peers.back() / owns.back());
  }
  return {median(owns), median(peers), median(ratios)};
}

}  // namespace bench
