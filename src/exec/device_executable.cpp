#include "exec/device_executable.h"

namespace hornet {
namespace {

// What the device's libraries like best.
std::size_t aligned(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

std::size_t bytes_of(const TensorSpec& spec) { return Tensor{nullptr, spec}.bytes(); }

}  // namespace

DeviceExecutable::DeviceExecutable(Plan plan, std::shared_ptr<Variables> variables)
    : Executable(std::move(plan), std::move(variables)), device_(plan_.device) {
  for (const TensorSpec& feed : plan_.feed_specs) {
    feed_offsets_.push_back(feed_bytes_);
    feed_bytes_ += aligned(bytes_of(feed));
  }
  std::size_t bytes = 0;
  for (const PlanConstant& constant : plan_.constants) {
    constant_offsets_.push_back(bytes);
    bytes += aligned(bytes_of(constant.spec));
  }
  if (bytes == 0) return;
  const AlignedBuffer host(bytes);
  for (std::size_t i = 0; i < plan_.constants.size(); ++i)
    fill_constant(plan_.constants[i], static_cast<char*>(host.data()) + constant_offsets_[i]);
  constants_ = DeviceBuffer(device_, bytes);
  device_->upload(Device::compute, constants_.data(), host.data(), bytes);
}

void* DeviceExecutable::address(const Place& place) const {
  switch (place.kind) {
    case Place::arena:
      return variables_->arena(device_).base() + place.index;
    case Place::variable:
      return variables_->on_device(static_cast<int>(place.index), device_);
    case Place::constant:
      return static_cast<char*>(constants_.data()) + constant_offsets_[place.index];
    case Place::feed:
      break;
  }
  return nullptr;
}

void DeviceExecutable::upload(Device::Queue queue, const std::vector<Tensor>& feeds,
                              void* destination) const {
  check(feeds);
  for (std::size_t i = 0; i < feeds.size(); ++i)
    device_->upload(queue, static_cast<char*>(destination) + feed_offsets_[i], feeds[i].data,
                    feeds[i].bytes());
}

// Under the step lock: everything has its address and its newest value.
void DeviceExecutable::prepare(void* inputs) {
  device_->check_usable();
  for (int id : plan_.variables) variables_->on_device(id, device_);
  DeviceArena& arena = variables_->arena(device_);
  arena.reserve(plan_.arena_bytes);
  if (!resolved_ || generation_ != arena.generation()) {
    resolve(arena.base());
    generation_ = arena.generation();
    resolved_ = true;
  }
  set_feeds([&](std::size_t feed) { return static_cast<char*>(inputs) + feed_offsets_[feed]; });
}

void DeviceExecutable::enqueue(const std::vector<Part>& parts, DeviceGroup& group,
                               const Fetched& fetched, const StopFlag* stop) {
  const DeviceExecutable& first = *parts[0].executable;
  Variables::StepLock lock(*first.variables_);
  std::vector<std::shared_ptr<Device>> devices;
  for (const Part& part : parts) {
    part.executable->prepare(part.inputs);
    devices.push_back(part.executable->device_);
  }
  if (parts.size() == 1) parts[0].executable->walk(stop);
  else walk_together(parts, group, stop);
  for (int id : first.plan_.written) first.variables_->written_on_devices(id, devices);
  for (std::size_t part = 0; part < parts.size(); ++part)
    fetched(part, parts[part].executable->fetches_);
}

// Step by step, since all devices must come to a collective step before one goes on. Their plans
// differ in sizes only.
void DeviceExecutable::walk_together(const std::vector<Part>& parts, DeviceGroup& group,
                                     const StopFlag* stop) {
  const Plan& plan = parts[0].executable->plan_;
  std::vector<void*> inputs(parts.size()), outputs(parts.size());
  std::vector<float> share;
  for (const Part& part : parts) share.push_back(part.share);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (i <= plan.first_state && stop && stop->load(std::memory_order_relaxed)) throw RunStopped();
    if (!plan.steps[i].collective) {
      for (const Part& part : parts) part.executable->steps_[i].run();
      continue;
    }
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const Step& step = parts[p].executable->steps_[i];
      inputs[p] = step.inputs[0].data;
      outputs[p] = step.outputs[0].data;
    }
    const Dim count = parts[0].executable->steps_[i].inputs[0].numel();
    group.all_reduce(static_cast<std::size_t>(count), inputs, outputs, share);
  }
}

void DeviceExecutable::run(const std::vector<Tensor>& feeds,
                           const std::function<void(const std::vector<Tensor>&)>& fetched,
                           const StopFlag* stop) {
  Variables::StepLock lock(*variables_);
  if (inputs_.bytes() < feed_bytes_) inputs_ = DeviceBuffer(device_, feed_bytes_);
  upload(Device::compute, feeds, inputs_.data());
  prepare(inputs_.data());
  walk(stop);
  for (int id : plan_.written) variables_->written_on_devices(id, {device_});
  std::vector<AlignedBuffer> buffers;
  std::vector<Tensor> results;
  for (const Tensor& fetch : fetches_) {
    buffers.emplace_back(fetch.bytes());
    results.push_back({buffers.back().data(), fetch.spec});
    device_->download(Device::compute, buffers.back().data(), fetch.data, fetch.bytes());
  }
  device_->synchronize();
  if (fetched) fetched(results);
}

}  // namespace hornet
