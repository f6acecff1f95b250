#include "data/window_source.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "data/random_order.h"
#include "rt/parallel.h"

namespace hornet {
namespace {

// Random streams: rows of batch n are drawn from 2 n, the order of pass p from 2 p + 1.
std::uint64_t rows_stream(std::int64_t batch) { return 2 * static_cast<std::uint64_t>(batch); }
std::uint64_t pass_stream(std::int64_t pass) { return 2 * static_cast<std::uint64_t>(pass) + 1; }

Dim width_of(const HostTensor& series) {
  Dim width = 1;
  for (int axis = 1; axis < series.shape.rank(); ++axis) width *= series.shape[axis];
  return width;
}

}  // namespace

WindowSource::WindowSource(std::shared_ptr<const Dataset> series, Windows windows, Options options)
    : series_(std::move(series)), windows_(windows), options_(options), number_(options.start) {
  const Windows& w = windows_;
  const Batch& all = series_->all;
  const bool possible = w.length >= 1 && w.sampling_rate >= 1 && w.stride >= 1 &&
                        w.batch_size >= 1 && w.first >= w.length && w.first <= w.last &&
                        w.last < all.rows && number_ >= 0;
  if (!possible) throw Error("these windows don't lie in the series", "value");
  if (all.inputs.size() != 1 || all.targets.size() != 1 || all.targets[0].shape[0] != all.rows) {
    throw Error("a series has one row of data and one of targets for each time", "value");
  }
}

bool WindowSource::next(Batch& batch) {
  choose_rows();
  ++number_;
  batch.rows = static_cast<Dim>(rows_.size());
  batch.inputs.resize(1);
  gather_windows(batch.inputs[0]);
  batch.targets.resize(options_.targets ? 1 : 0);
  if (options_.targets) gather_targets(batch.targets[0]);
  return true;
}

void WindowSource::choose_rows() {
  const Windows& w = windows_;
  rows_.clear();
  if (w.random) {
    RandomOrder random(options_.seed, rows_stream(number_));
    for (Dim i = 0; i < w.batch_size; ++i) {
      rows_.push_back(w.first + random.below(w.last - w.first + 1));
    }
    return;
  }
  std::int64_t batch = number_ % w.batches();
  if (options_.shuffle_batches) {
    const std::int64_t pass = number_ / w.batches();
    if (pass != ordered_pass_) {
      batch_order_.resize(static_cast<std::size_t>(w.batches()));
      std::iota(batch_order_.begin(), batch_order_.end(), 0);
      RandomOrder(options_.seed, pass_stream(pass)).shuffle(batch_order_);
      ordered_pass_ = pass;
    }
    batch = batch_order_[static_cast<std::size_t>(batch)];
  }
  const Dim begin = w.first + batch * w.batch_size * w.stride;
  for (Dim i = 0; i < w.batch_size && begin + i * w.stride <= w.last; ++i) {
    rows_.push_back(begin + i * w.stride);
  }
}

void WindowSource::gather_windows(HostTensor& to) const {
  constexpr Dim kParallelFloats = 64 * 1024;  // a thread's share: enough to pay for waking it
  const HostTensor& series = series_->all.inputs[0];
  const Windows& w = windows_;
  const Dim width = width_of(series), steps = w.steps();
  std::vector<Dim> shape = series.shape.dims();
  shape[0] = steps;
  shape.insert(shape.begin(), static_cast<Dim>(rows_.size()));
  const float* from = series.data();
  float* target = to.resize(Shape(std::move(shape)));
  const bool whole = w.sampling_rate == 1 && !w.reverse;
  const Dim* rows = rows_.data();
  parallel_for(static_cast<Dim>(rows_.size()),
               std::max<Dim>(1, kParallelFloats / std::max<Dim>(1, steps * width)),
               [=](std::int64_t first, std::int64_t last) {
                 for (std::int64_t i = first; i < last; ++i) {
                   const float* window = from + (rows[i] - w.length) * width;
                   float* sample = target + i * steps * width;
                   if (whole) {
                     std::memcpy(sample, window, sizeof(float) * steps * width);
                     continue;
                   }
                   for (Dim step = 0; step < steps; ++step) {
                     const Dim place = w.reverse ? steps - 1 - step : step;
                     std::copy_n(window + step * w.sampling_rate * width, width,
                                 sample + place * width);
                   }
                 }
               });
}

void WindowSource::gather_targets(HostTensor& to) const {
  const HostTensor& series = series_->all.targets[0];
  const Dim width = width_of(series);
  float* target = to.resize(series.shape, static_cast<Dim>(rows_.size()));
  for (Dim row : rows_) target = std::copy_n(series.data() + row * width, width, target);
}

}  // namespace hornet
