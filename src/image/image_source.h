// Batches of pictures for one feeder, made by worker threads that never touch R.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "data/source.h"
#include "image/image_flow.h"
#include "image/render.h"

namespace hornet {

// Plans are drawn in next()'s thread; the pictures of a batch are shared out among the workers,
// and one batch ahead is in work while a finished one is handed over. Threads start with the
// first next() and end with stop() or the source. Pictures that can't be read are an error, or left
// out (Pipeline::skip_unreadable); then a batch without any other is passed over: in a sequential
// pass there are so many fewer. That no picture of all can be read is an error.
class ImageSource : public Source {
 public:
  struct Options {
    int workers = 1;
    int helpers = 0;          // further ones, which work while the trainer waits: on its core
    std::int64_t total = -1;  // batches that will be asked for; -1: not known
  };
  ImageSource(std::shared_ptr<FlowRun> run, Pipeline pipeline, Options options);
  ~ImageSource() override;

  bool next(Batch& batch) override;
  void stop() noexcept override;  // and waits until the workers have left
  void set_starved(std::function<bool()> starved) override { starved_ = std::move(starved); }
  void taken() override { run_->taken(); }
  void finished() noexcept override { run_->ended(); }

  // Of the batch that next() delivered last.
  const BatchPlan& delivered() const { return delivered_; }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  struct Failure {
    std::size_t sample;
    std::string why;
  };

  // A batch in work. Its counters are the mutex's; samples are claimed without it.
  struct Job {
    BatchPlan plan;
    Batch batch;
    std::atomic<std::size_t> claimed{0};
    std::atomic<std::size_t> failed_sample{kNone};  // the first in order
    int inside = 0;                                 // workers that may still claim
    bool open = false;                              // has samples to claim
    std::exception_ptr error;
    std::vector<Failure> unreadable;  // samples to leave out; the mutex's
  };

  void start_workers();
  void work(bool counts_as_busy, bool helps);
  Job* enter_oldest(bool helps);
  void render_samples(Job& job, bool helps, RenderScratch& scratch);
  bool is_wanted(bool helps) const { return !helps || !starved_ || starved_(); }
  static void fail(Job& job, std::size_t sample);  // with the mutex held
  void open_next(Job& job);
  void fill_rows(Job& job);
  Job* wait_for_oldest();
  void drop_unreadable(Job& job);
  void pass_over(const std::string& why);

  const std::shared_ptr<FlowRun> run_;
  const ImageFlow& flow_;
  const Pipeline pipeline_;
  const Options options_;
  const Shape picture_;
  std::function<bool()> starved_;

  std::int64_t drawn_ = 0;  // next()'s thread, as the following three
  std::set<int> left_out_;  // pictures, since the last batch that was delivered
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
