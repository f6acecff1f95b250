// Windows over a series in memory: a sample is the stretch before a row, its target the row's own.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "data/array_source.h"
#include "data/source.h"

namespace hornet {

// Which windows a pass has. Rows count from 0.
struct Windows {
  Dim length = 1;         // rows before the target's that a window spans,
  Dim sampling_rate = 1;  // of which it takes every so-manieth, from the earliest
  Dim stride = 1;         // rows from a target to the next
  Dim first = 1;          // the first row that may be a target, at least `length`,
  Dim last = 1;           // and the last one
  Dim batch_size = 128;
  bool reverse = false;  // the latest step first
  bool random = false;   // targets are drawn, with replacement, each batch being full

  Dim steps() const { return (length + sampling_rate - 1) / sampling_rate; }
  Dim batches() const { return (last - first) / (batch_size * stride) + 1; }
};

// Batches pass after pass without end. What is random in a batch follows from the seed and the
// batch's number alone, so a source can start anywhere.
class WindowSource : public Source {
 public:
  struct Options {
    bool shuffle_batches = false;  // each pass has its batches in a new order
    std::uint64_t seed = 0;
    std::int64_t start = 0;  // batches that were given before
    bool targets = true;     // else only inputs
  };
  // `series`: one input and one target with a row for each time.
  WindowSource(std::shared_ptr<const Dataset> series, Windows windows, Options options);

  bool next(Batch& batch) override;
  bool direct() const override { return true; }

 private:
  void choose_rows();
  void gather_windows(HostTensor& to) const;
  void gather_targets(HostTensor& to) const;

  const std::shared_ptr<const Dataset> series_;
  const Windows windows_;
  const Options options_;
  std::int64_t number_;             // of the next batch, over all passes
  std::int64_t ordered_pass_ = -1;  // whose order this is:
  std::vector<std::int64_t> batch_order_;
  std::vector<Dim> rows_;  // targets of this batch
};

}  // namespace hornet
