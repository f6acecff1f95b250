#include "data/feeder.h"

#include <unistd.h>

#include <chrono>
#include <optional>
#include <utility>

#include "rt/parallel.h"
#include "rt/threads.h"

namespace hornet {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// One writer a counter, so a plain read and write will do.
void add(std::atomic<double>& total, double amount) {
  total.store(total.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

}  // namespace

// Slots beside those read ahead: one is filled, one is in use, one is on its way to a device.
Feeder::Feeder(std::shared_ptr<Source> source, FeedSpec spec, Options options)
    : source_(std::move(source)),
      spec_(std::move(spec)),
      options_(options),
      direct_(source_->direct()),
      owner_pid_(getpid()),
      pool_(direct_ ? 2 : options.queue_size + 3),
      queue_(direct_ ? 1 : options.queue_size + 2) {
  source_->attach(loop_);
  source_->set_starved([this] { return starved(); });
  if (!direct_) producer_ = spawn([this] { produce(); });
}

Feeder::~Feeder() { stop(); }

bool Feeder::in_its_process() const { return owner_pid_ == getpid(); }

void Feeder::close() noexcept {
  loop_.stop();
  source_->stop();
  pool_.close();
  queue_.close();
}

void Feeder::stop() noexcept {
  if (!in_its_process()) return;
  close();
  if (loop_.in_request()) return;
  if (producer_.joinable()) producer_.join();
  error_ = nullptr;
  source_->finished();
  if (on_r_thread()) loop_.drain_posts();
}

BatchPool::Lease Feeder::pop() {
  if (direct_) return loop_.stopped() ? BatchPool::Lease() : fill();
  BatchPool::Lease lease = queue_.pop();
  if (!lease && !loop_.stopped() && error_) std::rethrow_exception(error_);
  return lease;
}

// One batch of the source in a slot; empty at the end of data or of the run.
BatchPool::Lease Feeder::fill() {
  static const Shape none;
  if (options_.total >= 0 && asked_ >= options_.total) return {};
  BatchPool::Lease lease = pool_.acquire();
  if (!lease) return lease;
  for (HostTensor& weights : lease->weights) weights.shape = none;
  ++asked_;
  const auto start = Clock::now();
  if (!source_->next(*lease)) {
    exhausted_ = true;
    return {};
  }
  if (!source_->checked()) check(*lease, spec_, asked_);
  weigh(*lease, spec_, asked_);
  add(source_seconds_, seconds_since(start));
  batches_.fetch_add(1, std::memory_order_relaxed);
  return lease;
}

void Feeder::produce() {
  try {
    for (;;) {
      const auto start = Clock::now();
      if (!queue_.wait_for_room(options_.queue_size)) break;
      add(blocked_seconds_, seconds_since(start));
      BatchPool::Lease lease;
      {
        std::optional<BusyCore> busy;
        if (source_->computes()) busy.emplace();
        lease = fill();
      }
      if (!lease || !queue_.push(std::move(lease))) break;
    }
  } catch (const Stopped&) {
  } catch (...) { error_ = std::current_exception(); }
  queue_.end();
}

FeederTiming Feeder::timing() const {
  FeederTiming timing;
  timing.source_seconds = source_seconds_;
  timing.blocked_seconds = blocked_seconds_;
  timing.batches = batches_;
  return timing;
}

}  // namespace hornet
