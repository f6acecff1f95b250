#include "data/array_source.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "rt/parallel.h"

namespace hornet {

ArraySource::ArraySource(std::shared_ptr<const Dataset> dataset, std::vector<std::int64_t> rows,
                         Options options)
    : dataset_(std::move(dataset)),
      options_(options),
      rows_(rows.empty() ? dataset_->all.rows : static_cast<Dim>(rows.size())),
      order_(std::move(rows)),
      batches_((rows_ + options.batch_size - 1) / options.batch_size),
      random_(options.seed) {
  for (std::int64_t row : order_) {
    if (row < 0 || row >= dataset_->all.rows) {
      throw Error("row " + std::to_string(row + 1) + " does not exist: there are " +
                      std::to_string(dataset_->all.rows),
                  "value");
    }
  }
  if (options_.shuffle == Shuffle::rows && order_.empty()) {
    order_.resize(static_cast<std::size_t>(rows_));
    std::iota(order_.begin(), order_.end(), 0);
  }
  if (options_.shuffle == Shuffle::batches) {
    batch_order_.resize(static_cast<std::size_t>(batches_));
    std::iota(batch_order_.begin(), batch_order_.end(), 0);
  }
  start_pass();
}

void ArraySource::start_pass() {
  at_ = 0;
  if (options_.shuffle == Shuffle::rows) random_.shuffle(order_);
  if (options_.shuffle == Shuffle::batches) random_.shuffle(batch_order_);
}

bool ArraySource::next(Batch& batch) {
  if (rows_ == 0) return false;
  if (at_ == batches_) start_pass();
  const Dim index = batch_order_.empty() ? at_ : batch_order_[static_cast<std::size_t>(at_)];
  const Dim begin = index * options_.batch_size;
  ++at_;
  batch.rows = std::min(options_.batch_size, rows_ - begin);
  gather(dataset_->all.inputs, batch.inputs, begin, batch.rows);
  gather(dataset_->all.targets, batch.targets, begin, batch.rows);
  if (!dataset_->all.weights.empty()) {
    gather(dataset_->all.weights, batch.weights, begin, batch.rows);
  }
  return true;
}

void ArraySource::gather(const std::vector<HostTensor>& from, std::vector<HostTensor>& to,
                         Dim begin, Dim rows) const {
  constexpr Dim kParallelFloats = 64 * 1024;  // a thread's share: enough to pay for waking it
  to.resize(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i].shape.rank() == 0) continue;  // weights that were not given
    const Dim width = from[i].shape.numel() / from[i].shape[0];
    const float* source = from[i].data();
    float* target = to[i].resize(from[i].shape, rows);
    if (order_.empty()) {
      std::memcpy(target, source + begin * width, sizeof(float) * rows * width);
      continue;
    }
    const std::int64_t* order = order_.data() + begin;
    parallel_for(rows, std::max<Dim>(1, kParallelFloats / std::max<Dim>(1, width)),
                 [=](std::int64_t first, std::int64_t last) {
                   for (std::int64_t row = first; row < last; ++row) {
                     std::memcpy(target + row * width, source + order[row] * width,
                                 sizeof(float) * width);
                   }
                 });
  }
}

}  // namespace hornet
