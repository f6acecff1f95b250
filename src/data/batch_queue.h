// Slots rotate: free -> filling -> ready -> in use -> free.
#pragma once
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "data/batch.h"

namespace hornet {

// A fixed set of batches whose buffers are reused. Leases return by themselves.
class BatchPool {
 public:
  class Lease {                            // owner of one slot; empty after a move
   public:
    Lease() = default;
    Lease(BatchPool* pool, Batch* batch) : pool_(pool), batch_(batch) {}
    Lease(Lease&& o) noexcept : pool_(o.pool_), batch_(o.batch_) { o.batch_ = nullptr; }
    Lease& operator=(Lease&& o) noexcept;
    ~Lease() { release(); }
    void release();
    explicit operator bool() const { return batch_ != nullptr; }
    Batch* operator->() const { return batch_; }
    Batch& operator*() const { return *batch_; }

   private:
    BatchPool* pool_ = nullptr;
    Batch* batch_ = nullptr;
  };

  explicit BatchPool(int slots);
  Lease acquire();                         // waits for a free slot; empty after close()
  void close();

 private:
  void give_back(Batch* batch);
  std::vector<std::unique_ptr<Batch>> slots_;
  std::vector<Batch*> free_;
  bool closed_ = false;
  std::mutex mutex_;
  std::condition_variable freed_;
};

// Bounded by the pool. Ends once: by end() (contents stay) or close() (contents dropped at once).
class BatchQueue {
 public:
  bool push(BatchPool::Lease lease);       // false after close()
  BatchPool::Lease pop();                  // waits; empty when ended and drained, or closed
  void end();
  void close();
  // For feeders without read-ahead: waits until somebody waits in pop(); false when closed.
  bool wait_for_demand();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<BatchPool::Lease> ready_;
  bool ended_ = false, closed_ = false;
  int waiting_ = 0;
};

}  // namespace hornet
