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
  double source_seconds = 0;   // the source working (generator call and conversion)
  double blocked_seconds = 0;  // the producer waiting for room
  std::int64_t batches = 0;    // delivered by the source
};

// Outlives epochs. R's thread starts and stops it; the producer thread fills; a trainer pops.
// A direct source has no producer: the trainer fills a slot when it pops.
class Feeder {
 public:
  struct Options {
    int queue_size = 10;      // batches read ahead; 0: only when one is asked for
    std::int64_t total = -1;  // batches to ask the source for; -1: without end
  };
  Feeder(std::shared_ptr<Source> source, FeedSpec spec, Options options);
  // stop(). In a forked child an owner must leak a feeder of its parent, never destroy it.
  ~Feeder();

  // Trainer: the next batch, or an empty lease at the end of data or after stop(). Rethrows what
  // ended the producer once the batches before it are gone.
  BatchPool::Lease pop();
  // Trainer: it is done with one more batch.
  void taken() { source_->taken(); }
  // Any thread: the run is over. Drops queued batches, wakes everybody, joins nobody.
  void close() noexcept;
  // R's thread, idempotent: close(), then the producer is joined and posts are run. Inside a
  // request of this feeder (its generator stops it) the join is left to a later stop().
  void stop() noexcept;

  RunLoop& loop() { return loop_; }  // served by whoever waits on R's thread for this feeder
  const FeedSpec& spec() const { return spec_; }
  FeederTiming timing() const;
  bool exhausted() const { return exhausted_; }      // the source said so
  bool starved() const { return queue_.starved(); }  // the trainer waits and nothing is ready
  bool in_its_process() const;                       // false in a forked child of the owner

 private:
  void produce();
  BatchPool::Lease fill();
  std::shared_ptr<Source> source_;
  const FeedSpec spec_;
  const Options options_;
  const bool direct_;
  const int owner_pid_;
  RunLoop loop_;
  BatchPool pool_;
  BatchQueue queue_;
  std::exception_ptr error_;  // written before the queue ends, read after
  std::atomic<bool> exhausted_{false};
  std::int64_t asked_ = 0;  // whoever fills
  std::atomic<double> source_seconds_{0}, blocked_seconds_{0};
  std::atomic<std::int64_t> batches_{0};
  std::thread producer_;
};

}  // namespace hornet
