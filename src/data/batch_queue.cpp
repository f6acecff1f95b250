#include "data/batch_queue.h"

#include <utility>

#include "base/error.h"
#include "rt/threads.h"

namespace hornet {

BatchPool::Lease& BatchPool::Lease::operator=(Lease&& o) noexcept {
  if (this != &o) {
    release();
    pool_ = o.pool_;
    batch_ = std::exchange(o.batch_, nullptr);
  }
  return *this;
}

void BatchPool::Lease::release() {
  if (Batch* batch = std::exchange(batch_, nullptr)) pool_->give_back(batch);
}

BatchPool::BatchPool(int slots) {
  for (int i = 0; i < slots; ++i) {
    slots_.push_back(std::make_unique<Batch>());
    free_.push_back(slots_.back().get());
  }
}

BatchPool::Lease BatchPool::acquire() {
  std::unique_lock<std::mutex> lock(mutex_);
  freed_.wait(lock, [&] { return closed_ || !free_.empty(); });
  if (closed_) return {};
  Batch* batch = free_.back();  // the one used last: still in a cache
  free_.pop_back();
  ++live_counts().batches;
  return Lease(this, batch);
}

void BatchPool::give_back(Batch* batch) {
  std::lock_guard<std::mutex> lock(mutex_);
  free_.push_back(batch);
  --live_counts().batches;
  freed_.notify_one();
}

void BatchPool::close() {
  std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  freed_.notify_all();
}

bool BatchQueue::push(BatchPool::Lease lease) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return false;
  if (count_ == ring_.size()) throw Error("a queue got more batches than its pool has", "internal");
  ring_[(head_ + count_++) % ring_.size()] = std::move(lease);
  starved_ = false;
  filled_.notify_one();
  return true;
}

BatchPool::Lease BatchQueue::pop() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!count_ && !ended_ && !closed_) {
    ++waiting_;
    starved_ = true;
    drained_.notify_one();
    filled_.wait(lock, [&] { return count_ || ended_ || closed_; });
    --waiting_;
    starved_ = false;
  }
  if (!count_) return {};
  BatchPool::Lease lease = std::move(ring_[head_]);
  head_ = (head_ + 1) % ring_.size();
  --count_;
  drained_.notify_one();
  return lease;
}

bool BatchQueue::wait_for_room(int ahead) {
  std::unique_lock<std::mutex> lock(mutex_);
  drained_.wait(lock, [&] {
    return closed_ || (ahead > 0 ? static_cast<int>(count_) <= ahead : !count_ && waiting_ > 0);
  });
  return !closed_;
}

void BatchQueue::end() {
  std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  filled_.notify_all();
}

// Contents go back to the pool now, not when R collects the feeder.
void BatchQueue::close() {
  std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  for (; count_; --count_) {
    ring_[head_].release();
    head_ = (head_ + 1) % ring_.size();
  }
  filled_.notify_all();
  drained_.notify_all();
}

}  // namespace hornet
