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

Trainer::Trainer(Function& function, Feeder& feeder, RunMode mode, Board& board, BatchHooks hooks,
                 std::shared_ptr<DeviceGroup> devices)
    : feeder_(feeder),
      mode_(mode),
      board_(board),
      hooks_(std::move(hooks)),
      stepper_(make_stepper(
          function, std::move(devices), mode, feeder.loop().stop_flag(),
          [this](Dim rows, const std::vector<double>& numbers,
                 const std::vector<Tensor>& predictions) { take(rows, numbers, predictions); })) {}

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
    if (!stepper_->step(std::move(batch))) break;
    feeder_.taken();
    ++result_.steps;
    result_.rows += rows;
    // Who wants to see each batch's values gets them, at the price of waiting for them.
    if ((hooks_.end || stop_on_bad) && !stepper_->settle()) break;
    before = std::exchange(now, Clock::now());
    result_.step_seconds += seconds_between(before, now);
    if (hooks_.end) {
      result_.stopped_by_hook = hooks_.end(index, rows, values_);
      before = std::exchange(now, Clock::now());
      result_.hook_seconds += seconds_between(before, now);
      if (result_.stopped_by_hook) break;
    }
    if (stop_on_bad && result_.first_bad_step >= 0) break;
  }
  stepper_->finish();
  result_.step_seconds += seconds_between(now, Clock::now());
  result_.metrics = sums_;
  for (double& metric : result_.metrics) metric /= static_cast<double>(rows_taken_);
  return std::move(result_);
}

void Trainer::take(Dim rows, const std::vector<double>& numbers,
                   const std::vector<Tensor>& predictions) {
  const std::int64_t index = steps_taken_++;
  rows_taken_ += rows;
  if (mode_ == RunMode::predict) append(predictions);
  values_ = numbers;
  sums_.resize(numbers.size(), 0.0);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    sums_[i] += numbers[i] * static_cast<double>(rows);
  board_.publish(steps_taken_, rows_taken_, sums_, values_);
  const bool bad = !values_.empty() && !std::isfinite(values_[0]);
  if (bad && result_.first_bad_step < 0) result_.first_bad_step = index;
}

void Trainer::append(const std::vector<Tensor>& predictions) {
  result_.predictions.resize(predictions.size());
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    HostTensor& all = result_.predictions[i];
    const Shape& shape = predictions[i].spec.shape;
    const std::size_t bytes = predictions[i].bytes();
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
    std::memcpy(static_cast<char*>(all.buffer.data()) + used, predictions[i].data, bytes);
    all.shape = shape;
    all.shape[0] = done + shape[0];
  }
}

}  // namespace hornet
