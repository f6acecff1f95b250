// Slots rotate: free -> filling -> ready -> in use -> free.
#pragma once
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "data/batch.h"

namespace hornet {

// A fixed set of batches whose buffers are reused. Leases return by themselves; they must not
// outlive their pool.
class BatchPool {
 public:
  class Lease {  // owner of one slot; empty after a move
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
  Lease acquire();  // waits for a free slot; empty after close()
  void close();

 private:
  void give_back(Batch* batch);
  std::vector<std::unique_ptr<Batch>> slots_;
  std::vector<Batch*> free_;
  bool closed_ = false;
  std::mutex mutex_;
  std::condition_variable freed_;
};

// First in, first out; the pool's size bounds it. Ends once: by end() (contents stay) or close()
// (contents dropped at once).
class BatchQueue {
 public:
  explicit BatchQueue(int capacity) : ring_(capacity) {}
  bool push(BatchPool::Lease lease);  // false after close()
  BatchPool::Lease pop();             // waits; empty when ended and drained, or closed
  void end();
  void close();
  // The producer, before it makes another batch: waits until at most `ahead` batches are ready.
  // With ahead = 0 (no read-ahead) also until somebody waits in pop(). False when closed.
  bool wait_for_room(int ahead);
  // Somebody waits in pop() and nothing is ready. Takes no lock.
  bool starved() const { return starved_; }

 private:
  std::mutex mutex_;
  std::condition_variable filled_, drained_;
  std::vector<BatchPool::Lease> ring_;
  std::size_t head_ = 0, count_ = 0;
  bool ended_ = false, closed_ = false;
  int waiting_ = 0;
  std::atomic<bool> starved_{false};
};

}  // namespace hornet
