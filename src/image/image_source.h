// Batches of pictures for one feeder, made by worker threads that never touch R.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "data/source.h"
#include "image/image_flow.h"
#include "image/render.h"

namespace hornet {

// Which batches of the flow are delivered.
enum class BatchOrder : std::uint8_t {
  iterate,     // the iterator protocol: what the flow yields next
  sequential,  // batch 0, 1, ... of a pass, then of the next
  shuffled     // the batches of each pass in random order
};

// Plans are drawn in next()'s thread; the pictures of a batch are shared out among the workers,
// and one batch ahead is in work while a finished one is handed over. Threads start with the
// first next() and end with stop() or the source.
class ImageSource : public Source {
 public:
  struct Options {
    int workers = 1;
    std::int64_t total = -1;  // batches that will be asked for; -1: not known
    BatchOrder order = BatchOrder::sequential;
    int only = -1;  // >= 0: just this batch of the pass, each time
  };
  ImageSource(std::shared_ptr<ImageFlow> flow, Pipeline pipeline, Options options);
  ~ImageSource() override;

  bool next(Batch& batch) override;
  void stop() noexcept override;  // and waits until the workers have left

  // Of the batch that next() delivered last.
  const BatchPlan& delivered() const { return delivered_; }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  // A batch in work. Its counters are the mutex's; samples are claimed without it.
  struct Job {
    BatchPlan plan;
    Batch batch;
    std::atomic<std::size_t> claimed{0};
    std::atomic<std::size_t> failed_sample{kNone};  // the first in order
    int inside = 0;                                 // workers that may still claim
    bool open = false;                              // has samples to claim
    std::exception_ptr error;
  };

  void start_workers();
  void work(bool counts_as_busy);
  void render_samples(Job& job, RenderScratch& scratch);
  void open_next(Job& job);
  void draw(BatchPlan& plan);
  void fill_rows(Job& job);

  const std::shared_ptr<ImageFlow> flow_;
  const Pipeline pipeline_;
  const Options options_;
  const Shape picture_;

  std::int64_t drawn_ = 0;  // next()'s thread, as the following four
  int place_ = 0;           // in the pass
  std::vector<int> order_;
  std::deque<Job*> in_work_, idle_;
  BatchPlan delivered_;

  Job jobs_[2];
  std::mutex mutex_;
  std::condition_variable opened_, finished_;
  std::atomic<bool> stop_{false};
  std::deque<Job*> open_;  // jobs with samples to claim, oldest first
  std::mutex threads_mutex_;
  std::vector<std::thread> threads_;
};

}  // namespace hornet
