#include "backend/devices.h"

#include <atomic>
#include <map>
#include <mutex>

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

namespace hornet {
namespace {

struct State {
  std::mutex mutex;
  std::string path;
  hornet_device_options options = {0, 1, 1};
  const hornet_plugin_table* plugin = nullptr;
  bool asked = false;
  DeviceList list;
  std::map<int, std::shared_ptr<Device>> open;
  std::map<std::vector<int>, std::shared_ptr<DeviceGroup>> groups;
};

// Never destroyed: at the end of the process the libraries below may be gone before it.
State& state() {
  static State* const state = new State;
  return *state;
}

#if !defined(_WIN32)

std::string last_error() {
  const char* text = dlerror();
  return text ? text : "unknown reason";
}

template <class Fn>
Fn symbol(void* library, const char* name) {
  return reinterpret_cast<Fn>(dlsym(library, name));
}

// Asks the driver itself, which costs nothing where there is none. Empty: there is a device.
std::string why_no_driver() {
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (!driver) return "this machine has no NVIDIA driver (libcuda.so.1)";
  const auto init = symbol<int (*)(unsigned)>(driver, "cuInit");
  const auto count = symbol<int (*)(int*)>(driver, "cuDeviceGetCount");
  if (!init || !count) return "libcuda.so.1 is not an NVIDIA driver";
  int status = init(0), devices = 0;
  if (status == 0) status = count(&devices);
  if (status == 34) return "libcuda.so.1 is the CUDA toolkit's stub, not an NVIDIA driver";
  if (status == 100 || (status == 0 && devices == 0)) return "the NVIDIA driver finds no GPU";
  if (status != 0) return "the NVIDIA driver answers error " + std::to_string(status);
  return "";
}

std::string open_plugin(const std::string& path, const hornet_plugin_table** plugin) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return "the CUDA plugin does not open: " + last_error();
  const auto entry = symbol<hornet_plugin_entry>(library, "hornet_plugin");
  const hornet_plugin_table* table = entry ? entry() : nullptr;
  if (!table || table->abi_version != HORNET_PLUGIN_ABI ||
      table->struct_size != sizeof(hornet_plugin_table))
    return "the CUDA plugin belongs to another version of hornet: install the package again";
  *plugin = table;
  return "";
}

std::string find_devices(State& s) {
  if (s.path.empty()) return "hornet was installed without CUDA (configure found no nvcc)";
  std::string why = why_no_driver();
  if (why.empty()) why = open_plugin(s.path, &s.plugin);
  if (!why.empty()) return why;
  hornet_error error = {};
  int count = 0;
  if (s.plugin->count_devices(&count, &error) != 0) return error.message;
  for (int i = 0; i < count; ++i) {
    hornet_device_facts facts = {};
    if (s.plugin->describe(i, &facts, &error) != 0) return error.message;
    s.list.devices.push_back(facts);
  }
  return count > 0 ? "" : "the NVIDIA driver finds no GPU";
}

#else

std::string find_devices(State&) { return "GPUs are not supported on Windows"; }

#endif

}  // namespace

void set_plugin_path(const std::string& path) { state().path = path; }

void set_device_options(const hornet_device_options& options) {
  State& s = state();
  std::lock_guard<std::mutex> lock(s.mutex);
  s.options = options;
}

const DeviceList& list_devices() {
  State& s = state();
  std::lock_guard<std::mutex> lock(s.mutex);
  if (!s.asked) {
    s.list.why_none = find_devices(s);
    if (!s.list.why_none.empty()) s.list.devices.clear();
    s.asked = true;
  }
  return s.list;
}

const hornet_plugin_table* loaded_plugin() {
  return list_devices().devices.empty() ? nullptr : state().plugin;
}

hornet_device_facts describe_device(int index) {
  const hornet_device_facts& first = list_devices().devices.at(index);
  State& s = state();
  std::lock_guard<std::mutex> lock(s.mutex);
  hornet_device_facts now = {};
  hornet_error error = {};
  return s.plugin->describe(index, &now, &error) == 0 ? now : first;
}

std::shared_ptr<Device> open_device(int index) {
  const DeviceList& list = list_devices();
  if (list.devices.empty()) throw Error("there is no GPU: " + list.why_none, "device");
  if (index < 0 || index >= static_cast<int>(list.devices.size()))
    throw Error("there is no device gpu:" + std::to_string(index) + ": this machine has " +
                    std::to_string(list.devices.size()),
                "device");
  State& s = state();
  std::lock_guard<std::mutex> lock(s.mutex);
  std::shared_ptr<Device>& device = s.open[index];
  if (!device) device = std::make_shared<Device>(*s.plugin, index, s.options);
  device->check_usable();
  return device;
}

std::shared_ptr<DeviceGroup> open_devices(const std::vector<int>& indices) {
  std::vector<std::shared_ptr<Device>> devices;
  for (int index : indices) devices.push_back(open_device(index));
  State& s = state();
  std::lock_guard<std::mutex> lock(s.mutex);
  std::shared_ptr<DeviceGroup>& group = s.groups[indices];
  // A device may have been opened anew since.
  if (!group || group->devices() != devices)
    group = std::make_shared<DeviceGroup>(std::move(devices));
  return group;
}

void close_device(int index) {
  State& s = state();
  std::shared_ptr<Device> closed;  // these die without the lock
  decltype(s.groups) groups;
  std::lock_guard<std::mutex> lock(s.mutex);
  closed.swap(s.open[index]);
  groups.swap(s.groups);
}

void close_devices() {
  State& s = state();
  decltype(s.open) open;  // these die without the lock
  decltype(s.groups) groups;
  std::lock_guard<std::mutex> lock(s.mutex);
  open.swap(s.open);
  groups.swap(s.groups);
}

std::shared_ptr<Device> any_open_device() {
  State& s = state();
  std::lock_guard<std::mutex> lock(s.mutex);
  for (const auto& entry : s.open)
    if (entry.second && !entry.second->lost()) return entry.second;
  return nullptr;
}

}  // namespace hornet
