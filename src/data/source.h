// Where batches come from.
#pragma once
#include <functional>

#include "data/batch.h"
#include "rt/run_loop.h"

namespace hornet {

// Follows how far a model got with batches that were made ahead of it, so that an iterator can say
// where it is. Any thread.
class Follower {
 public:
  virtual ~Follower() = default;
  // One more batch, in the order they were made, has been worked on.
  virtual void taken() = 0;
  // The run is over: batches that were made and not taken never happened. Idempotent.
  virtual void ended() noexcept = 0;
};

// Feeds one feeder. Fills `batch` (its buffers are reused; `weights` arrives without values and
// may stay so) or returns false at the end of data. Errors are thrown: Error for the user's data,
// Stopped when the run is over.
class Source {
 public:
  virtual ~Source() = default;
  virtual bool next(Batch& batch) = 0;
  // Once, before the first next(): the mailbox for whoever needs R's thread.
  virtual void attach(RunLoop&) {}
  // Also before it: tells whether the trainer waits and nothing is ready. Any thread may ask.
  virtual void set_starved(std::function<bool()>) {}
  // Anyone: makes a next() that waits return soon. Idempotent.
  virtual void stop() noexcept {}
  // Trainer: see Follower.
  virtual void taken() {}
  // R's thread: nobody will call next() again. May come more than once.
  virtual void finished() noexcept {}
  // Cheap and without R: the trainer calls next() itself, no thread is started.
  virtual bool direct() const { return false; }
  // Its batches are known to fit: only weights are made.
  virtual bool checked() const { return false; }
  // next() keeps a core busy, so kernels shall leave it one. Asked before each next().
  virtual bool computes() const { return true; }
};

// Checks a filled batch against the spec: counts, rows, ranks, shapes, labels. A vector becomes
// the one-column matrix a model wants and back. Throws Error: actor, batch number (1-based; 0 for
// data that come as a whole), element, expected, got. Sets batch.rows.
void check(Batch& batch, const FeedSpec& spec, std::int64_t batch_number);
// Turns class weights into sample weights where none were given, and missing weights into ones.
void weigh(Batch& batch, const FeedSpec& spec, std::int64_t batch_number);
void check_and_weigh(Batch& batch, const FeedSpec& spec, std::int64_t batch_number);

}  // namespace hornet
