// Handles of a library: opaque pointers which are checked at each use, and counted at exit.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/findings.h"

namespace cuda_emulation {

// At the end of the process `count()` > 0 is reported as a leak of `what`.
void watch_leaks(const std::string& what, std::function<std::size_t()> count);

// Object is what the handle stands for, Handle the library's pointer type.
template <class Object, class Handle>
class Handles {
 public:
  explicit Handles(std::string what) : what_(std::move(what)) {
    watch_leaks(what_, [this] { return live_.size(); });
  }

  Handle add(std::shared_ptr<Object> object) {
    const Handle handle = reinterpret_cast<Handle>(object.get());
    live_[handle] = std::move(object);
    return handle;
  }

  // Null, after a finding, for what was never made or is destroyed.
  std::shared_ptr<Object> find(const void* handle, const char* who) {
    const auto found = live_.find(handle);
    if (found != live_.end()) return found->second;
    report("invalid-handle", std::string(who) + ": not a " + what_ + ", or already destroyed");
    return nullptr;
  }

  bool remove(const void* handle, const char* who) {
    std::shared_ptr<Object> object = find(handle, who);
    if (!object) return false;
    gone_.push_back(std::move(object));  // so that no later handle has the same address
    live_.erase(handle);
    return true;
  }

  template <class Visit>
  void each(Visit visit) {
    for (auto& entry : live_) visit(*entry.second);
  }

 private:
  std::string what_;
  std::unordered_map<const void*, std::shared_ptr<Object>> live_;
  std::vector<std::shared_ptr<Object>> gone_;
};

}  // namespace cuda_emulation
