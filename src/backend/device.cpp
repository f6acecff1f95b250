#include "backend/device.h"

#include <unistd.h>

#include <utility>

#include "graph/op.h"

namespace hornet {
namespace {

// A node as plain C: the arrays that a hornet_node points into.
class PlainNode {
 public:
  explicit PlainNode(const BoundNode& node) {
    for (const TensorSpec& spec : node.inputs) inputs_.push_back(plain(spec));
    for (const TensorSpec& spec : node.outputs) outputs_.push_back(plain(spec));
    for (const auto& item : node.node->attrs.items()) attrs_.push_back(plain(item));
    node_.op = node.node->op->name.c_str();
    node_.origin = node.node->origin.c_str();
    node_.batch = node.batch;
    node_.inputs = inputs_.size();
    node_.input = inputs_.data();
    node_.outputs = outputs_.size();
    node_.output = outputs_.data();
    node_.attrs = attrs_.size();
    node_.attr = attrs_.data();
  }
  const hornet_node* get() const { return &node_; }

 private:
  static hornet_spec plain(const TensorSpec& spec) {
    return {static_cast<int32_t>(spec.dtype), spec.shape.rank(), spec.shape.dims().data()};
  }

  static hornet_attr plain(const std::pair<std::string, Attr>& item) {
    hornet_attr attr = {};
    attr.name = item.first.c_str();
    attr.count = 1;
    if (auto i = std::get_if<std::int64_t>(&item.second)) {
      attr.type = 'i';
      attr.integers = i;
    } else if (auto r = std::get_if<double>(&item.second)) {
      attr.type = 'r';
      attr.reals = r;
    } else if (auto is = std::get_if<std::vector<std::int64_t>>(&item.second)) {
      attr = {attr.name, 'i', 1, is->size(), is->data(), nullptr, nullptr};
    } else if (auto rs = std::get_if<std::vector<double>>(&item.second)) {
      attr = {attr.name, 'r', 1, rs->size(), nullptr, rs->data(), nullptr};
    } else {
      const std::string& text = std::get<std::string>(item.second);
      attr = {attr.name, 't', 0, text.size(), nullptr, nullptr, text.c_str()};
    }
    return attr;
  }

  std::vector<hornet_spec> inputs_, outputs_;
  std::vector<hornet_attr> attrs_;
  hornet_node node_ = {};
};

}  // namespace

// A node compiled by the plugin.
class DeviceKernel final : public Kernel {
 public:
  DeviceKernel(std::shared_ptr<Device> device, hornet_kernel* kernel, std::size_t workspace,
               const BoundNode& node)
      : device_(std::move(device)),
        kernel_(kernel),
        workspace_(workspace),
        origin_(node.node->origin),
        inputs_(node.inputs.size()),
        outputs_(node.outputs.size()) {}
  ~DeviceKernel() override;
  std::size_t workspace_bytes() const override { return workspace_; }

  void run(const Tensor* inputs, const Tensor* outputs, void* workspace) override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) inputs_[i] = inputs[i].data;
    for (std::size_t i = 0; i < outputs_.size(); ++i) outputs_[i] = outputs[i].data;
    try {
      device_->ask([&](hornet_error* error) {
        return device_->plugin_.run(kernel_, inputs_.data(), outputs_.data(), workspace, error);
      });
    } catch (Error& error) { throw std::move(error).where(origin_); }
  }

 private:
  std::shared_ptr<Device> device_;
  hornet_kernel* kernel_;
  std::size_t workspace_;
  std::string origin_;
  std::vector<void*> inputs_, outputs_;
};

template <class Call>
void Device::ask(Call call, bool may_fail) const {
  hornet_error error = {};
  if (call(&error) == 0) return;
  const std::string kind = error.kind;
  if (kind == "device" && !may_fail) lost_ = true;
  throw Error(name_ + ": " + error.message, kind);
}

template <class Call>
void Device::let_go(Call call) const noexcept {
  if (getpid() == pid_) call();
}

DeviceKernel::~DeviceKernel() {
  device_->let_go([&] { device_->plugin_.release_kernel(kernel_); });
}

Device::Device(const hornet_plugin_table& plugin, int index, const hornet_device_options& options)
    : plugin_(plugin), index_(index), name_("gpu:" + std::to_string(index)), pid_(getpid()) {
  ask([&](hornet_error* error) { return plugin_.open(index, &options, &device_, error); });
}

Device::~Device() {
  let_go([&] { plugin_.close(device_); });
}

void Device::check_usable() const {
  if (getpid() != pid_)
    throw Error(name_ + " belongs to the process that this one was forked from", "device")
        .hint("Run models in forked processes with with_device(\"cpu\", ...).");
  if (lost_)
    throw Error(name_ + " was lost by an earlier failure", "device")
        .hint("Restart R to use it again; with_device(\"cpu\", ...) works without it.");
}

void* Device::allocate(std::size_t bytes) {
  void* memory = nullptr;
  ask([&](hornet_error* error) { return plugin_.allocate(device_, bytes, &memory, error); });
  return memory;
}

void Device::release(void* memory) noexcept {
  let_go([&] { plugin_.release(device_, memory); });
}

void* Device::allocate_host(std::size_t bytes) {
  void* memory = nullptr;
  ask([&](hornet_error* error) { return plugin_.allocate_host(device_, bytes, &memory, error); });
  return memory;
}

void Device::release_host(void* memory) noexcept {
  let_go([&] { plugin_.release_host(device_, memory); });
}

void Device::trim() noexcept { plugin_.trim(device_); }

void Device::upload(Queue queue, void* destination, const void* source, std::size_t bytes) {
  ask([&](hornet_error* error) {
    return plugin_.upload(device_, static_cast<hornet_queue>(queue), destination, source, bytes,
                          error);
  });
}

void Device::download(Queue queue, void* destination, const void* source, std::size_t bytes) {
  ask([&](hornet_error* error) {
    return plugin_.download(device_, static_cast<hornet_queue>(queue), destination, source, bytes,
                            error);
  });
}

void Device::copy(void* destination, const void* source, std::size_t bytes) {
  ask([&](hornet_error* error) {
    return plugin_.copy(device_, destination, source, bytes, error);
  });
}

void Device::collect(const std::vector<const void*>& sources, void* destination) {
  ask([&](hornet_error* error) {
    return plugin_.collect(device_, sources.size(), sources.data(), destination, error);
  });
}

void Device::synchronize() {
  ask([&](hornet_error* error) { return plugin_.synchronize(device_, error); });
}

std::unique_ptr<Kernel> Device::compile(const BoundNode& node) {
  hornet_kernel* kernel = nullptr;
  std::size_t workspace = 0;
  const PlainNode plain(node);
  ask([&](hornet_error* error) {
    return plugin_.compile(device_, plain.get(), &kernel, &workspace, error);
  });
  if (!kernel) return nullptr;
  return std::make_unique<DeviceKernel>(shared_from_this(), kernel, workspace, node);
}

// --- Event -----------------------------------------------------------------------------------

Device::Event::Event(std::shared_ptr<Device> device) : device_(std::move(device)) {
  device_->ask([&](hornet_error* error) {
    return device_->plugin_.make_event(device_->device_, &event_, error);
  });
}

Device::Event::~Event() {
  device_->let_go([&] { device_->plugin_.release_event(device_->device_, event_); });
}

void Device::Event::record(Queue queue) {
  device_->ask([&](hornet_error* error) {
    return device_->plugin_.record(device_->device_, static_cast<hornet_queue>(queue), event_,
                                   error);
  });
}

void Device::Event::hold_back(Queue queue) {
  device_->ask([&](hornet_error* error) {
    return device_->plugin_.wait(device_->device_, static_cast<hornet_queue>(queue), event_, error);
  });
}

bool Device::Event::reached() const {
  int answer = 0;
  device_->ask([&](hornet_error* error) {
    return device_->plugin_.reached(device_->device_, event_, &answer, error);
  });
  return answer != 0;
}

// --- DeviceGroup -----------------------------------------------------------------------------

DeviceGroup::DeviceGroup(std::vector<std::shared_ptr<Device>> devices)
    : devices_(std::move(devices)) {
  if (devices_.size() < 2) return;
  std::vector<hornet_device*> handles;
  for (const auto& device : devices_) handles.push_back(device->device_);
  const auto join = [&](hornet_error* error) {
    return devices_[0]->plugin_.make_group(handles.size(), handles.data(), &group_, error);
  };
  devices_[0]->ask(join, /* may_fail = */ true);  // there may be no library for it
}

DeviceGroup::~DeviceGroup() {
  if (group_) devices_[0]->let_go([&] { devices_[0]->plugin_.release_group(group_); });
}

void DeviceGroup::all_reduce(std::size_t count, const std::vector<void*>& inputs,
                             const std::vector<void*>& outputs, const std::vector<float>& share) {
  devices_[0]->ask([&](hornet_error* error) {
    return devices_[0]->plugin_.all_reduce(group_, count, inputs.data(), outputs.data(),
                                           share.data(), error);
  });
}

// --- DeviceBuffer ----------------------------------------------------------------------------

DeviceBuffer::DeviceBuffer(std::shared_ptr<Device> device, std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  data_ = device->allocate(bytes);
  device_ = std::move(device);
}

DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : device_(std::move(other.device_)),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

DeviceBuffer::~DeviceBuffer() {
  if (data_) device_->release(data_);
}

}  // namespace hornet
