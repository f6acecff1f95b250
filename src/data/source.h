// Where batches come from.
#pragma once
#include "data/batch.h"

namespace hornet {

// Called by one producer thread. Fills `batch` (its buffers are reused) or returns false at the
// end of data. Errors are thrown: Error for the user's data, Stopped when the run is over.
class Source {
 public:
  virtual ~Source() = default;
  virtual bool next(Batch& batch) = 0;
  // Anyone: makes a next() that waits return soon. Idempotent.
  virtual void stop() noexcept {}
};

// Checks a filled batch against the spec (rows, ranks, shapes, labels), turns class weights into
// sample weights and fills missing weights with ones. Throws Error: actor, batch number
// (1-based), element, expected, got.
void check_and_weigh(Batch& batch, const FeedSpec& spec, std::int64_t batch_number);

}  // namespace hornet
