// A GPU, through the plugin that drives it. Work is enqueued and done later, in order; only
// synchronize() waits. Any thread may call. Failure throws Error of kind "out_of_memory" or
// "device"; after the latter the device is lost.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/plugin_abi.h"

namespace hornet {

class Device : public std::enable_shared_from_this<Device> {
 public:
  // What runs on the compute queue may use what the copies queue brought after a wait().
  enum Queue { compute = HORNET_COMPUTE, copies = HORNET_COPIES };

  Device(const hornet_plugin_table& plugin, int index, const hornet_device_options& options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  int index() const { return index_; }
  const std::string& name() const { return name_; }  // "gpu:0"
  bool lost() const { return lost_; }
  // Throws where the device cannot be used from here: it is lost, or the process is a fork.
  void check_usable() const;

  void* allocate(std::size_t bytes);
  void release(void* memory) noexcept;
  void* allocate_host(std::size_t bytes);  // pinned
  void release_host(void* memory) noexcept;
  void trim() noexcept;  // gives memory that is kept for later back to the driver

  // Host memory that isn't pinned may be reused at once; pinned memory when the queue has come
  // that far.
  void upload(Queue queue, void* destination, const void* source, std::size_t bytes);
  void download(Queue queue, void* destination, const void* source, std::size_t bytes);
  void copy(void* destination, const void* source, std::size_t bytes);
  // destination[i] = the 4 bytes at sources[i].
  void collect(const std::vector<const void*>& sources, void* destination);
  static constexpr std::size_t kMaxCollected = 64;
  void synchronize();

  // Null: the device has no kernel for this node. Its run() enqueues.
  std::unique_ptr<Kernel> compile(const BoundNode& node);

  // A point in a queue.
  class Event {
   public:
    explicit Event(std::shared_ptr<Device> device);
    ~Event();
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    void record(Queue queue);
    void hold_back(Queue queue);  // what is enqueued there from now on, until this point is reached
    bool reached() const;         // also if it was never recorded

   private:
    std::shared_ptr<Device> device_;
    hornet_event* event_ = nullptr;
  };

 private:
  friend class DeviceKernel;
  friend class DeviceGroup;
  // Calls a function of the plugin's table and throws what it reports. A failure of the device is
  // its end, unless it `may_fail`.
  template <class Call>
  void ask(Call call, bool may_fail = false) const;
  // Calls a function that releases something. In a fork nothing is: what was here is the parent's,
  // and a thread of the parent may hold a lock for ever.
  template <class Call>
  void let_go(Call call) const noexcept;

  const hornet_plugin_table& plugin_;
  const int index_;
  const std::string name_;
  const int pid_;
  hornet_device* device_ = nullptr;
  mutable std::atomic<bool> lost_{false};
};

// Memory of a device. Empty when default-made.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(std::shared_ptr<Device> device, std::size_t bytes);
  DeviceBuffer(DeviceBuffer&& other) noexcept;
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;
  ~DeviceBuffer();

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<Device> device_;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// Devices that compute parts of a batch together.
class DeviceGroup {
 public:
  explicit DeviceGroup(std::vector<std::shared_ptr<Device>> devices);
  ~DeviceGroup();
  DeviceGroup(const DeviceGroup&) = delete;
  DeviceGroup& operator=(const DeviceGroup&) = delete;

  const std::vector<std::shared_ptr<Device>>& devices() const { return devices_; }
  std::size_t size() const { return devices_.size(); }
  // On each device the sum over all of share * input; an output may be its input.
  void all_reduce(std::size_t count, const std::vector<void*>& inputs,
                  const std::vector<void*>& outputs, const std::vector<float>& share);

 private:
  const std::vector<std::shared_ptr<Device>> devices_;
  hornet_group* group_ = nullptr;  // of two devices at least
};

}  // namespace hornet
