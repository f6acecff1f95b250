// A model's persistent tensors: weights, optimizer slots, statistics, random state.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "exec/memory.h"

namespace hornet {

// Values change only under step_mutex: a step holds it while it runs, readers and writers for the
// length of a copy. Nobody waits for R while holding it. Adding variables is R's thread's, between
// runs. Executables of one model share `arena`, since only one of them runs at a time.
class Variables {
 public:
  int add(std::string name, TensorSpec spec);             // zero-filled; returns the id
  int size() const { return static_cast<int>(items_.size()); }
  const std::string& name(int id) const { return items_[id]->name; }
  const TensorSpec& spec(int id) const { return items_[id]->spec; }

  // Locks for the copy. `bytes` must be the variable's size.
  void read(int id, void* destination, std::size_t bytes) const;
  void write(int id, const void* source, std::size_t bytes);

  // Under step_mutex only.
  Tensor tensor(int id);
  std::mutex& step_mutex() const { return step_mutex_; }
  Arena& arena() { return arena_; }

  // True while a fit of this model runs; a second one is refused, never made to wait.
  std::atomic<bool> in_training{false};

 private:
  struct Item { std::string name; TensorSpec spec; AlignedBuffer data; };
  std::vector<std::unique_ptr<Item>> items_;
  mutable std::mutex step_mutex_;
  Arena arena_;
};

}  // namespace hornet
