#include "train/stepper.h"

#include "train/device_stepper.h"

namespace hornet {
namespace {

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

class HostStepper final : public Stepper {
 public:
  HostStepper(Function& function, RunMode mode, const StopFlag& stop, Took took)
      : function_(function),
        mode_(mode),
        stop_(stop),
        took_(std::move(took)),
        take_([this](const std::vector<Tensor>& fetched) { take(fetched); }),
        feeds_(mode) {}

  bool step(BatchPool::Lease batch) override {
    if (batch->rows != rows_) {
      rows_ = batch->rows;
      PlanOptions options;
      options.batch = rows_;
      executable_ = function_.executable(options);
    }
    try {
      executable_->run(feeds_.of(*batch), take_, &stop_);
    } catch (const RunStopped&) { return false; }
    return true;
  }
  bool settle() override { return true; }
  void finish() override {}

 private:
  void take(const std::vector<Tensor>& fetched) {
    if (mode_ == RunMode::predict) return took_(rows_, numbers_, fetched);
    numbers_.resize(fetched.size());
    for (std::size_t i = 0; i < fetched.size(); ++i) numbers_[i] = number_at(fetched[i]);
    took_(rows_, numbers_, {});
  }

  Function& function_;
  const RunMode mode_;
  const StopFlag& stop_;
  const Took took_;
  const std::function<void(const std::vector<Tensor>&)> take_;
  Feeds feeds_;
  std::vector<double> numbers_;
  std::shared_ptr<Executable> executable_;  // for batches of rows_
  Dim rows_ = -1;
};

}  // namespace

std::unique_ptr<Stepper> make_stepper(Function& function, std::shared_ptr<DeviceGroup> devices,
                                      RunMode mode, const StopFlag& stop, Stepper::Took took) {
  if (!devices) return std::make_unique<HostStepper>(function, mode, stop, std::move(took));
  return std::make_unique<DeviceStepper>(function, std::move(devices), mode, stop, std::move(took));
}

// Assigns into tensors that are there already: shapes of the same rank reuse their memory.
const std::vector<Tensor>& Feeds::of(const Batch& batch) {
  std::size_t used = 0;
  auto add = [&](const std::vector<HostTensor>& tensors) {
    for (const HostTensor& tensor : tensors) {
      if (used == tensors_.size()) tensors_.emplace_back();
      tensors_[used].data = tensor.data();
      tensors_[used].spec.shape = tensor.shape;
      ++used;
    }
  };
  add(batch.inputs);
  if (mode_ != RunMode::predict) {
    add(batch.targets);
    add(batch.weights);
  }
  tensors_.resize(used);
  return tensors_;
}

}  // namespace hornet
