#include "train/device_stepper.h"

#include "exec/device_memory.h"

namespace hornet {
namespace {

using Clock = std::chrono::steady_clock;

// Saving may take this part of the time.
constexpr int kSaveShare = 50;

}  // namespace

DeviceStepper::DeviceStepper(Function& function, std::shared_ptr<Device> device, RunMode mode,
                             const StopFlag& stop, Took took)
    : function_(function),
      device_(std::move(device)),
      mode_(mode),
      stop_(stop),
      took_(std::move(took)),
      feeds_(mode),
      saved_(Clock::now()),
      log_(device_,
           [this](std::int64_t, const std::vector<double>& numbers) {
             took_(rows_logged_.front(), numbers, {});
             rows_logged_.pop_front();
           }),
      pipeline_(device_) {}

bool DeviceStepper::step(BatchPool::Lease batch) {
  // The source may be waiting for the slot of the batch before.
  if (last_ >= 0) {
    if (!wait_for(pipeline_.copied(last_), &stop_)) return false;
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

void DeviceStepper::enqueue(int index) {
  Stage& stage = stages_[index];
  if (stage.rows != rows_) {
    rows_ = stage.rows;
    PlanOptions options;
    options.batch = rows_;
    options.device = device_;
    executable_ = std::static_pointer_cast<DeviceExecutable>(function_.executable(options));
  }
  const auto fetched = [&](const std::vector<Tensor>& tensors) {
    if (mode_ == RunMode::predict) return fetch(stage, tensors);
    log_.add(tensors);
    rows_logged_.push_back(stage.rows);
  };
  pipeline_.enqueue(index, *executable_, feeds_.of(*stage.batch), fetched, &stop_);
}

void DeviceStepper::fetch(Stage& stage, const std::vector<Tensor>& fetched) {
  stage.buffers.resize(fetched.size());
  stage.predictions = fetched;
  for (std::size_t i = 0; i < fetched.size(); ++i) {
    if (stage.buffers[i].bytes() < fetched[i].bytes())
      stage.buffers[i] = copy_buffer(fetched[i].bytes());
    stage.predictions[i].data = stage.buffers[i].data();
    device_->download(Device::compute, stage.buffers[i].data(), fetched[i].data,
                      fetched[i].bytes());
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
    for (int turn = 1; turn <= Pipeline::kStages; ++turn) {  // the oldest first
      const int stage = (last_ + turn) % Pipeline::kStages;
      if (!wait_for(pipeline_.finished(stage), &stop_)) return false;
      hand_over(stages_[stage]);
    }
  }
  if (mode_ == RunMode::train) save_weights();
  return true;
}

void DeviceStepper::save_weights() {
  const auto begin = Clock::now();
  if (begin - saved_ < kSaveShare * save_cost_) return;
  {
    Variables& variables = function_.variables();
    Variables::StepLock lock(variables);
    for (int id : executable_->plan().written) variables.bring_home(id);
  }
  saved_ = Clock::now();
  save_cost_ = saved_ - begin;
}

}  // namespace hornet
