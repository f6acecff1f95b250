#include "exec/host_step.h"

#include <utility>

#include "exec/memory.h"

namespace hornet {
namespace {

class HostStep final : public Kernel {
 public:
  HostStep(std::shared_ptr<Device> device, std::unique_ptr<Kernel> kernel, const BoundNode& node)
      : device_(std::move(device)), kernel_(std::move(kernel)) {
    take(node.inputs, inputs_);
    take(node.outputs, outputs_);
    workspace_ = AlignedBuffer(kernel_->workspace_bytes());
  }

  void run(const Tensor* inputs, const Tensor* outputs, void*) override {
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      device_->download(Device::compute, inputs_[i].data, inputs[i].data, inputs_[i].bytes());
    device_->synchronize();
    kernel_->run(inputs_.data(), outputs_.data(), workspace_.data());
    for (std::size_t i = 0; i < outputs_.size(); ++i)
      device_->upload(Device::compute, outputs[i].data, outputs_[i].data, outputs_[i].bytes());
  }

 private:
  void take(const std::vector<TensorSpec>& specs, std::vector<Tensor>& tensors) {
    for (const TensorSpec& spec : specs) {
      Tensor tensor = {nullptr, spec};
      buffers_.emplace_back(tensor.bytes());
      tensor.data = buffers_.back().data();
      tensors.push_back(tensor);
    }
  }

  std::shared_ptr<Device> device_;
  std::unique_ptr<Kernel> kernel_;
  std::vector<AlignedBuffer> buffers_;
  std::vector<Tensor> inputs_, outputs_;
  AlignedBuffer workspace_;
};

}  // namespace

std::unique_ptr<Kernel> step_on_host(std::shared_ptr<Device> device, std::unique_ptr<Kernel> kernel,
                                     const BoundNode& node) {
  return std::make_unique<HostStep>(std::move(device), std::move(kernel), node);
}

}  // namespace hornet
