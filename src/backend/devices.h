// Which GPUs this machine has. The plugin is opened when somebody first asks, never at loading:
// opening it takes a second and 150 MB.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend/device.h"

namespace hornet {

// Before anything else here; R's thread. An empty path: there is no plugin.
void set_plugin_path(const std::string& path);
// For devices that are opened from now on.
void set_device_options(const hornet_device_options& options);

struct DeviceList {
  std::vector<hornet_device_facts> devices;
  std::string why_none;  // one line, where there are none
};

// Asked once; later calls answer the same. Any thread.
const DeviceList& list_devices();
// Null where there is no device.
const hornet_plugin_table* loaded_plugin();
// The index-th of them now, as its free memory changes; as it was first if it doesn't answer.
hornet_device_facts describe_device(int index);

// Opens the index-th, once; an Error where there is none, or where it is lost.
std::shared_ptr<Device> open_device(int index);
// Those devices as a group, made once: joining them takes time.
std::shared_ptr<DeviceGroup> open_devices(const std::vector<int>& indices);
// The next open_device() opens it anew, with the options of then; who has it open keeps it.
void close_device(int index);
// Forgets those that are open; who still uses one keeps it. Only for programs that count what is
// left at their end.
void close_devices();
// The one opened first, null before: its host memory is pinned for all.
std::shared_ptr<Device> any_open_device();

}  // namespace hornet
