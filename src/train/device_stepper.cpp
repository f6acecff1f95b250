#include "train/device_stepper.h"

#include "exec/device_memory.h"

namespace hornet {
namespace {

using Clock = std::chrono::steady_clock;

// Saving may take this part of the time.
constexpr int kSaveShare = 50;

}  // namespace

DeviceStepper::DeviceStepper(Function& function, std::shared_ptr<DeviceGroup> group, RunMode mode,
                             const StopFlag& stop, Took took)
    : function_(function),
      group_(std::move(group)),
      mode_(mode),
      stop_(stop),
      took_(std::move(took)),
      feeds_(mode),
      saved_(Clock::now()),
      log_(group_->devices()[0],
           [this](std::int64_t, const std::vector<double>& numbers) {
             took_(rows_logged_.front(), numbers, {});
             rows_logged_.pop_front();
           }),
      pipeline_(group_) {}

bool DeviceStepper::step(BatchPool::Lease batch) {
  // The source may be waiting for the slot of the batch before.
  if (last_ >= 0) {
    if (!pipeline_.copied(last_, &stop_)) return false;
    stages_[last_].batch.release();
  }
  const int index = pipeline_.next(&stop_);
  if (index < 0) return false;
  Stage& stage = stages_[index];
  hand_over(stage);
  stage.rows = batch->rows;
  stage.batch = std::move(batch);
  last_ = index;
  try {
    enqueue(index);
  } catch (const RunStopped&) { return false; }
  log_.look();
  return true;
}

// Equal parts; the first ones take a row more where rows remain. A batch of fewer rows than there
// are devices goes to the first of them.
void DeviceStepper::divide(Dim rows) {
  rows_ = rows;
  parts_.clear();
  const Dim devices = static_cast<Dim>(group_->size()), count = rows < devices ? 1 : devices;
  Dim begin = 0;
  for (Dim p = 0; p < count; ++p) {
    PlanOptions options;
    options.batch = rows / count + (p < rows % count ? 1 : 0);
    options.device = group_->devices()[p];
    options.part = static_cast<int>(p);
    options.parts = static_cast<int>(count);
    parts_.push_back({std::static_pointer_cast<DeviceExecutable>(function_.executable(options)),
                      begin,
                      options.batch,
                      {}});
    begin += options.batch;
  }
}

void DeviceStepper::enqueue(int index) {
  Stage& stage = stages_[index];
  if (stage.rows != rows_) divide(stage.rows);
  const std::vector<Tensor>& feeds = feeds_.of(*stage.batch);
  std::vector<DevicePipeline::Part> parts;
  for (Part& part : parts_) {
    part.feeds = feeds;
    for (Tensor& feed : part.feeds) {
      if (feed.spec.shape.rank() == 0) continue;
      const std::size_t row_bytes = feed.bytes() / static_cast<std::size_t>(stage.rows);
      feed.data = feed.as<char>() + static_cast<std::size_t>(part.begin) * row_bytes;
      feed.spec.shape[0] = part.rows;
    }
    parts.push_back({part.executable.get(), &part.feeds,
                     static_cast<float>(part.rows) / static_cast<float>(stage.rows)});
  }
  const auto fetched = [&](std::size_t p, const std::vector<Tensor>& tensors) {
    if (mode_ == RunMode::predict) return fetch(stage, parts_[p], tensors);
    if (p > 0) return;  // they all have the same
    log_.add(tensors);
    rows_logged_.push_back(stage.rows);
  };
  pipeline_.enqueue(index, parts, fetched, &stop_);
}

void DeviceStepper::fetch(Stage& stage, const Part& part, const std::vector<Tensor>& fetched) {
  stage.buffers.resize(fetched.size());
  stage.predictions.resize(fetched.size());
  for (std::size_t i = 0; i < fetched.size(); ++i) {
    const std::size_t row_bytes = fetched[i].bytes() / static_cast<std::size_t>(part.rows);
    const std::size_t bytes = row_bytes * static_cast<std::size_t>(stage.rows);
    if (stage.buffers[i].bytes() < bytes) stage.buffers[i] = copy_buffer(bytes);
    stage.predictions[i] = {stage.buffers[i].data(), fetched[i].spec};
    stage.predictions[i].spec.shape[0] = stage.rows;
    part.executable->device()->download(Device::compute,
                                        static_cast<char*>(stage.buffers[i].data()) +
                                            row_bytes * static_cast<std::size_t>(part.begin),
                                        fetched[i].data, fetched[i].bytes());
  }
  stage.yields = true;
}

void DeviceStepper::hand_over(Stage& stage) {
  if (!stage.yields) return;
  stage.yields = false;
  took_(stage.rows, {}, stage.predictions);
}

bool DeviceStepper::settle() {
  if (last_ < 0) return true;
  if (mode_ != RunMode::predict) {
    if (!log_.settle(&stop_)) return false;
  } else {
    for (int turn = 1; turn <= DevicePipeline::kStages; ++turn) {  // the oldest first
      const int stage = (last_ + turn) % DevicePipeline::kStages;
      if (!pipeline_.finished(stage, &stop_)) return false;
      hand_over(stages_[stage]);
    }
  }
  return true;
}

void DeviceStepper::finish() {
  if (settle() && last_ >= 0 && mode_ == RunMode::train) save_weights();
}

void DeviceStepper::save_weights() {
  const auto begin = Clock::now();
  if (begin - saved_ < kSaveShare * save_cost_) return;
  {
    Variables& variables = function_.variables();
    Variables::StepLock lock(variables);
    for (int id : parts_[0].executable->plan().written) variables.bring_home(id);
  }
  saved_ = Clock::now();
  save_cost_ = saved_ - begin;
}

}  // namespace hornet
