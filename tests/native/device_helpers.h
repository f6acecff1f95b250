// The device that tests run on, and what it was asked for.
#pragma once
#include <atomic>
#include <cstdlib>
#include <memory>

#include "backend/devices.h"

extern "C" const hornet_plugin_table* hornet_plugin();

namespace hornet::testing {

// A plugin that counts its calls and can be told to fail.
struct Watched {
  const hornet_plugin_table* real = nullptr;
  std::int64_t synchronized = 0, runs = 0, allocations = 0;
  std::size_t uploaded = 0, downloaded = 0;  // bytes
  std::int64_t fail_run_at = -1;             // the device is lost at the so many-th kernel
  std::int64_t fail_allocation_at = -1;
  void reset() { synchronized = runs = allocations = 0, uploaded = downloaded = 0; }
};

inline Watched& watched() {
  static Watched watched;
  return watched;
}
// While it is true no event is reached.
inline std::atomic<bool>& stalled() {
  static std::atomic<bool> stalled{false};
  return stalled;
}

// The plugin that CUDA_PLUGIN names or, without it, the host that plays a device.
inline const hornet_plugin_table* real_plugin() {
  if (!std::getenv("HORNET_CUDA_PLUGIN")) return hornet_plugin();
  set_plugin_path(std::getenv("HORNET_CUDA_PLUGIN"));
  const hornet_plugin_table* table = loaded_plugin();
  if (!table) {
    std::printf("no device: %s\n", list_devices().why_none.c_str());
    std::exit(1);
  }
  return table;
}

inline const hornet_plugin_table* watched_plugin() {
  static const hornet_plugin_table table = [] {
    watched().real = real_plugin();
    hornet_plugin_table t = *watched().real;
    t.synchronize = [](hornet_device* device, hornet_error* error) {
      ++watched().synchronized;
      return watched().real->synchronize(device, error);
    };
    t.upload = [](hornet_device* device, hornet_queue queue, void* to, const void* from,
                  std::size_t bytes, hornet_error* error) {
      watched().uploaded += bytes;
      return watched().real->upload(device, queue, to, from, bytes, error);
    };
    t.download = [](hornet_device* device, hornet_queue queue, void* to, const void* from,
                    std::size_t bytes, hornet_error* error) {
      watched().downloaded += bytes;
      return watched().real->download(device, queue, to, from, bytes, error);
    };
    t.allocate = [](hornet_device* device, std::size_t bytes, void** memory, hornet_error* error) {
      if (watched().allocations++ == watched().fail_allocation_at) {
        std::strcpy(error->kind, "out_of_memory");
        std::strcpy(error->message, "the GPU has no room");
        return 1;
      }
      return watched().real->allocate(device, bytes, memory, error);
    };
    t.run = [](hornet_kernel* kernel, void* const* inputs, void* const* outputs, void* workspace,
               hornet_error* error) {
      if (watched().runs++ == watched().fail_run_at) {
        std::strcpy(error->kind, "device");
        std::strcpy(error->message, "an illegal address was met");
        return 1;
      }
      return watched().real->run(kernel, inputs, outputs, workspace, error);
    };
    t.reached = [](hornet_device* device, hornet_event* event, int* answer, hornet_error* error) {
      *answer = 0;
      return stalled() ? 0 : watched().real->reached(device, event, answer, error);
    };
    return t;
  }();
  return &table;
}

inline std::shared_ptr<Device> new_device(int index = 0, bool cache_memory = false) {
  watched().fail_run_at = watched().fail_allocation_at = -1;
  const hornet_device_options options = {0, 1, cache_memory};
  auto device = std::make_shared<Device>(*watched_plugin(), index, options);
  watched().reset();
  return device;
}

inline int count_devices() {
  int count = 0;
  hornet_error error = {};
  watched_plugin()->count_devices(&count, &error);
  return count;
}

using Group = std::shared_ptr<DeviceGroup>;

inline Group group_of(std::vector<std::shared_ptr<Device>> devices) {
  return std::make_shared<DeviceGroup>(std::move(devices));
}

}  // namespace hornet::testing
