// A model's persistent tensors: weights, optimizer slots, statistics, random state.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backend/device.h"
#include "base/tensor.h"
#include "exec/device_memory.h"
#include "exec/memory.h"

namespace hornet {

// Values change only under the step lock: a step holds it while it runs, readers and writers hold
// the owner's mutex for the length of a copy. Nobody waits for R while holding either. Adding
// variables is R's thread's. Executables of one model share `arena`, since only one of them runs
// at a time.
//
// A value lives on the host and, once a device used it, there too; the newest counts, and it is
// copied when the other side asks. Where a device is lost, the host's last copy is the newest.
//
// A layer owns its weights in a store of its own; a model's Variables share them, as do those of
// any other model with that layer. Optimizers own their settings and slots likewise.
class Variables {
 public:
  int add(std::string name, TensorSpec spec);  // zero-filled; returns the id
  // Refers to a variable of `owner`, which lives on with this; returns the id it has here.
  int share(const std::shared_ptr<Variables>& owner, int id);

  int size() const { return static_cast<int>(items_.size()); }
  const std::string& name(int id) const { return items_[id].item->name; }
  const TensorSpec& spec(int id) const { return items_[id].item->spec; }

  // Locks for the copy. `bytes` must be the variable's size.
  void read(int id, void* destination, std::size_t bytes) const;
  void write(int id, const void* source, std::size_t bytes);

  // Locks this and all owners of what it shares, for the length of a step. Two models with a layer
  // in common thus never step at once; models with nothing in common do.
  class StepLock {
   public:
    explicit StepLock(const Variables& variables);
    ~StepLock();
    StepLock(const StepLock&) = delete;
    StepLock& operator=(const StepLock&) = delete;

   private:
    const Variables& variables_;
  };

  // Locks several models, which may share owners: none of them is in mid-step while this lives.
  class StepLocks {
   public:
    explicit StepLocks(const std::vector<const Variables*>& models);
    ~StepLocks();
    StepLocks(const StepLocks&) = delete;
    StepLocks& operator=(const StepLocks&) = delete;

   private:
    std::vector<std::mutex*> held_;
  };

  // Under a StepLock only. The host's address of a variable never changes. bring_home() makes the
  // host's value the newest and may wait for a device; who then writes it says so.
  Tensor tensor(int id);
  void bring_home(int id) const;
  void written_at_home(int id);
  // The same for a device: its address, with the newest value; and for devices that have all
  // written the same.
  void* on_device(int id, const std::shared_ptr<Device>& device);
  void written_on_devices(int id, const std::vector<std::shared_ptr<Device>>& devices);
  std::mutex& step_mutex() const { return step_mutex_; }
  Arena& arena() { return arena_; }
  DeviceArena& arena(const std::shared_ptr<Device>& device);

  // True while a fit of this model runs; a second one is refused, never made to wait.
  std::atomic<bool> in_training{false};

 private:
  struct Copy {  // on a device
    std::shared_ptr<Device> device;
    DeviceBuffer buffer;
    bool newest = false;
  };
  struct Item {
    std::string name;
    TensorSpec spec;
    AlignedBuffer data;
    bool home_is_newest = true;
    std::vector<Copy> copies;  // one a device
  };
  struct Entry {
    std::shared_ptr<Item> item;
    std::shared_ptr<const Variables> owner;  // empty: this
  };
  static void bring_home(Item& item);
  std::mutex& mutex_of(const Entry& entry) const {
    return entry.owner ? entry.owner->step_mutex_ : step_mutex_;
  }

  std::vector<Entry> items_;
  std::vector<const Variables*> owners_;  // others, once each, by address
  mutable std::mutex step_mutex_;
  Arena arena_;
  std::map<Device*, std::unique_ptr<DeviceArena>> device_arenas_;
};

}  // namespace hornet
