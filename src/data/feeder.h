// A source drained by a producer thread into a bounded queue of reusable slots.
#pragma once
#include <atomic>
#include <exception>
#include <memory>
#include <thread>

#include "data/batch_queue.h"
#include "data/source.h"
#include "rt/run_loop.h"

namespace hornet {

struct FeederTiming {
  double source_seconds = 0;               // the producer working (generator call and conversion)
  double blocked_seconds = 0;              // the producer waiting for a free slot
  std::int64_t batches = 0;                // delivered by the source
};

// Outlives epochs. R's thread starts and stops it; the producer thread fills; a trainer pops.
class Feeder {
 public:
  struct Options {
    int queue_size = 10;                   // batches read ahead; 0: only when one is asked for
    std::int64_t total = -1;               // batches to ask the source for; -1: without end
  };
  Feeder(std::unique_ptr<Source> source, FeedSpec spec, Options options);
  ~Feeder();                               // stop(); in a forked child it leaks instead

  // Trainer: the next batch, or an empty lease at the end of data or after stop(). Rethrows what
  // ended the producer once the batches before it are gone.
  BatchPool::Lease pop();
  // R's thread, idempotent: ends the producer, drops queued batches, joins.
  void stop() noexcept;

  RunLoop& loop() { return loop_; }        // served by whoever waits on R's thread for this feeder
  const FeedSpec& spec() const { return spec_; }
  FeederTiming timing() const;
  bool exhausted() const { return exhausted_; }

 private:
  void produce();
  std::unique_ptr<Source> source_;
  FeedSpec spec_;
  Options options_;
  RunLoop loop_;
  BatchPool pool_;
  BatchQueue queue_;
  std::thread producer_;
  std::exception_ptr error_;
  std::atomic<bool> exhausted_{false};
  int owner_pid_;
  // ... timing
};

}  // namespace hornet
