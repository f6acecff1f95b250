// Data in memory, converted once: float32, row-major.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "data/random_order.h"
#include "data/source.h"

namespace hornet {

struct Dataset {
  Batch all;  // every row; shared by feeders, not changed
};

enum class Shuffle { none, rows, batches };  // batches: their order, rows stay together

// Batches of the given rows, pass after pass without end (the feeder's total ends them). Each
// pass is shuffled anew; its last batch may be short.
class ArraySource : public Source {
 public:
  struct Options {
    Dim batch_size = 32;
    Shuffle shuffle = Shuffle::none;
    std::uint64_t seed = 0;
  };
  // `rows`: 0-based, in order; empty: all of them.
  ArraySource(std::shared_ptr<const Dataset> dataset, std::vector<std::int64_t> rows,
              Options options);

  bool next(Batch& batch) override;
  bool direct() const override { return true; }
  bool checked() const override { return true; }  // as a whole, when the feeder is made

 private:
  void start_pass();
  void gather(const std::vector<HostTensor>& from, std::vector<HostTensor>& to, Dim begin,
              Dim rows) const;

  std::shared_ptr<const Dataset> dataset_;
  const Options options_;
  Dim rows_;                               // of a pass
  std::vector<std::int64_t> order_;        // row of the dataset at each place; empty: the same
  std::vector<std::int64_t> batch_order_;  // Shuffle::batches
  Dim batches_;                            // of a pass
  Dim at_ = 0;                             // the next batch of this pass
  RandomOrder random_;
};

}  // namespace hornet
