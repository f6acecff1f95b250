#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include "rt/threads.h"

namespace hornet {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

double number_at(const Tensor& tensor) {
  switch (tensor.spec.dtype) {
    case DType::f32:
      return *tensor.as<float>();
    case DType::f64:
      return *tensor.as<double>();
    case DType::i32:
      return *tensor.as<std::int32_t>();
  }
  return 0;
}

}  // namespace

void Board::publish(std::int64_t step, std::int64_t rows, const std::vector<double>& sums,
                    const std::vector<double>& last) {
  std::lock_guard<std::mutex> lock(mutex_);
  values_.step = step;
  values_.rows = rows;
  values_.means.resize(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    values_.means[i] = sums[i] / static_cast<double>(rows);
  }
  values_.last = last;
}

Board::Values Board::read() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return values_;
}

Trainer::Trainer(Function& function, Feeder& feeder, RunMode mode, Board& board, BatchHooks hooks)
    : function_(function),
      feeder_(feeder),
      mode_(mode),
      board_(board),
      hooks_(std::move(hooks)),
      take_([this](const std::vector<Tensor>& fetched) { take(fetched); }) {}

RunResult Trainer::run(std::int64_t steps, bool stop_on_bad) {
  assert_not_r_thread("Trainer::run()");
  steps_wanted_ = steps;
  const RunLoop& loop = feeder_.loop();
  auto now = Clock::now();
  while (steps < 0 || result_.steps < steps) {
    auto before = now;
    BatchPool::Lease batch = feeder_.pop();
    now = Clock::now();
    result_.wait_seconds += seconds_between(before, now);
    if (!batch) {
      result_.exhausted = steps >= 0 && !loop.stopped();
      break;
    }
    const std::int64_t index = result_.steps;
    const Dim rows = batch->rows;
    if (hooks_.begin) {
      hooks_.begin(index, rows);
      before = std::exchange(now, Clock::now());
      result_.hook_seconds += seconds_between(before, now);
    }
    if (!step(*batch)) break;
    batch.release();
    before = std::exchange(now, Clock::now());
    result_.step_seconds += seconds_between(before, now);
    ++result_.steps;
    result_.rows += rows;
    board_.publish(result_.steps, result_.rows, sums_, values_);
    const bool bad = !values_.empty() && !std::isfinite(values_[0]);
    if (bad && result_.first_bad_step < 0) result_.first_bad_step = index;
    if (hooks_.end) {
      result_.stopped_by_hook = hooks_.end(index, rows, values_);
      before = std::exchange(now, Clock::now());
      result_.hook_seconds += seconds_between(before, now);
      if (result_.stopped_by_hook) break;
    }
    if (bad && stop_on_bad) break;
  }
  result_.metrics = sums_;
  for (double& metric : result_.metrics) metric /= static_cast<double>(result_.rows);
  return std::move(result_);
}

// Assigns into tensors that are there already: shapes of the same rank reuse their memory.
void Trainer::feed(const Batch& batch) {
  std::size_t used = 0;
  auto add = [&](const std::vector<HostTensor>& tensors) {
    for (const HostTensor& tensor : tensors) {
      if (used == feeds_.size()) feeds_.emplace_back();
      feeds_[used].data = tensor.data();
      feeds_[used].spec.shape = tensor.shape;
      ++used;
    }
  };
  add(batch.inputs);
  if (mode_ != RunMode::predict) {
    add(batch.targets);
    add(batch.weights);
  }
  feeds_.resize(used);
}

bool Trainer::step(const Batch& batch) {
  feed(batch);
  if (batch.rows != executable_rows_) {
    executable_ = function_.executable(batch.rows);
    executable_rows_ = batch.rows;
  }
  try {
    executable_->run(feeds_, take_, &feeder_.loop().stop_flag());
  } catch (const RunStopped&) { return false; }
  if (mode_ == RunMode::predict) return true;
  sums_.resize(values_.size(), 0.0);
  for (std::size_t i = 0; i < values_.size(); ++i) {
    sums_[i] += values_[i] * static_cast<double>(batch.rows);
  }
  return true;
}

void Trainer::take(const std::vector<Tensor>& fetched) {
  if (mode_ == RunMode::predict) return append(fetched);
  values_.resize(fetched.size());
  for (std::size_t i = 0; i < fetched.size(); ++i) values_[i] = number_at(fetched[i]);
}

void Trainer::append(const std::vector<Tensor>& fetched) {
  result_.predictions.resize(fetched.size());
  for (std::size_t i = 0; i < fetched.size(); ++i) {
    HostTensor& all = result_.predictions[i];
    const Shape& shape = fetched[i].spec.shape;
    const std::size_t bytes = fetched[i].bytes();
    const std::size_t row_bytes = shape[0] ? bytes / static_cast<std::size_t>(shape[0]) : 0;
    const Dim done = all.shape.rank() ? all.shape[0] : 0;
    const std::size_t used = static_cast<std::size_t>(done) * row_bytes;
    if (used + bytes > all.buffer.bytes()) {
      // At first what all steps will need, if that is known; more only if batches get larger.
      const auto steps = static_cast<std::size_t>(std::max<std::int64_t>(1, steps_wanted_));
      AlignedBuffer larger(std::max(used ? 2 * used : steps * bytes, used + bytes));
      if (used) std::memcpy(larger.data(), all.buffer.data(), used);
      all.buffer = std::move(larger);
    }
    std::memcpy(static_cast<char*>(all.buffer.data()) + used, fetched[i].data, bytes);
    all.shape = shape;
    all.shape[0] = done + shape[0];
  }
}

}  // namespace hornet
