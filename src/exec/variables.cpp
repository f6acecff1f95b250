#include "exec/variables.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/error.h"

namespace hornet {

// Entries are added on R's thread, but a step on another thread may be reading the list.
int Variables::add(std::string name, TensorSpec spec) {
  auto item = std::make_shared<Item>();
  item->name = std::move(name);
  item->spec = std::move(spec);
  item->data =
      AlignedBuffer(static_cast<std::size_t>(item->spec.shape.numel()) * size_of(item->spec.dtype));
  std::lock_guard<std::mutex> lock(step_mutex_);
  items_.push_back({std::move(item), nullptr});
  return size() - 1;
}

int Variables::share(const std::shared_ptr<Variables>& owner, int id) {
  if (id < 0 || id >= owner->size()) throw Error("variable " + std::to_string(id) + " is unknown");
  Entry entry = owner->items_[id];
  if (!entry.owner) entry.owner = owner;  // else its owner is somebody else's already
  std::lock_guard<std::mutex> lock(step_mutex_);
  const Variables* home = entry.owner.get();
  const auto at = std::lower_bound(owners_.begin(), owners_.end(), home, std::less<>());
  if (home != this && (at == owners_.end() || *at != home)) owners_.insert(at, home);
  items_.push_back(std::move(entry));
  return size() - 1;
}

void Variables::read(int id, void* destination, std::size_t bytes) const {
  const Entry& entry = items_[id];
  std::lock_guard<std::mutex> lock(mutex_of(entry));
  bring_home(*entry.item);
  std::memcpy(destination, entry.item->data.data(), bytes);
}

void Variables::write(int id, const void* source, std::size_t bytes) {
  const Entry& entry = items_[id];
  std::lock_guard<std::mutex> lock(mutex_of(entry));
  std::memcpy(entry.item->data.data(), source, bytes);
  entry.item->home_is_newest = true;
  for (Copy& copy : entry.item->copies) copy.newest = false;
}

Tensor Variables::tensor(int id) {
  const Item& item = *items_[id].item;
  return {item.data.data(), item.spec};
}

// --- devices ---------------------------------------------------------------------------------

void Variables::bring_home(int id) const { bring_home(*items_[id].item); }

void Variables::bring_home(Item& item) {
  if (item.home_is_newest) return;
  for (const Copy& copy : item.copies) {
    if (!copy.newest || copy.device->lost()) continue;
    copy.device->check_usable();
    item.home_is_newest = true;  // also if the device fails now
    copy.device->download(Device::compute, item.data.data(), copy.buffer.data(), item.data.bytes());
    copy.device->synchronize();
    return;
  }
  item.home_is_newest = true;  // what a lost device had is lost
}

void Variables::written_at_home(int id) {
  Item& item = *items_[id].item;
  item.home_is_newest = true;
  for (Copy& copy : item.copies) copy.newest = false;
}

void* Variables::on_device(int id, const std::shared_ptr<Device>& device) {
  Item& item = *items_[id].item;
  auto copy = std::find_if(item.copies.begin(), item.copies.end(),
                           [&](const Copy& c) { return c.device == device; });
  if (copy == item.copies.end()) {
    item.copies.push_back({device, DeviceBuffer(device, item.data.bytes())});
    copy = item.copies.end() - 1;
  }
  if (!copy->newest) {
    bring_home(item);
    device->upload(Device::compute, copy->buffer.data(), item.data.data(), item.data.bytes());
    copy->newest = true;
  }
  return copy->buffer.data();
}

void Variables::written_on_devices(int id, const std::vector<std::shared_ptr<Device>>& devices) {
  Item& item = *items_[id].item;
  item.home_is_newest = false;
  for (Copy& copy : item.copies)
    copy.newest = std::find(devices.begin(), devices.end(), copy.device) != devices.end();
}

DeviceArena& Variables::arena(const std::shared_ptr<Device>& device) {
  auto& arena = device_arenas_[device.get()];
  if (!arena) arena = std::make_unique<DeviceArena>(device);
  return *arena;
}

// --- locks -----------------------------------------------------------------------------------

// Own lock first, then the owners' in address order. An owner is never a model that steps (it
// shares nothing), so nobody holds an owner's lock while waiting for a model's.
Variables::StepLock::StepLock(const Variables& variables) : variables_(variables) {
  variables.step_mutex_.lock();
  for (const Variables* owner : variables.owners_) owner->step_mutex_.lock();
}

Variables::StepLock::~StepLock() {
  for (const Variables* owner : variables_.owners_) owner->step_mutex_.unlock();
  variables_.step_mutex_.unlock();
}

// The order of StepLock: all models' own locks first, then all owners'.
Variables::StepLocks::StepLocks(const std::vector<const Variables*>& models) {
  auto hold = [this](const Variables* variables) {
    std::mutex* mutex = &variables->step_mutex_;
    if (std::find(held_.begin(), held_.end(), mutex) != held_.end()) return;
    mutex->lock();
    held_.push_back(mutex);
  };
  for (const Variables* model : models) hold(model);
  for (const Variables* model : models) {
    for (const Variables* owner : model->owners_) hold(owner);
  }
}

Variables::StepLocks::~StepLocks() {
  for (auto mutex = held_.rbegin(); mutex != held_.rend(); ++mutex) (*mutex)->unlock();
}

}  // namespace hornet
