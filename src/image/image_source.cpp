#include "image/image_source.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.h"
#include "image/formats.h"
#include "rt/parallel.h"
#include "rt/threads.h"

namespace hornet {

ImageSource::ImageSource(std::shared_ptr<FlowRun> run, Pipeline pipeline, Options options)
    : run_(std::move(run)),
      flow_(run_->flow()),
      pipeline_(std::move(pipeline)),
      options_(options),
      picture_(delivered_shape(flow_.set().shape(), pipeline_)) {
  for (Job& job : jobs_) idle_.push_back(&job);
}

ImageSource::~ImageSource() { stop(); }

void ImageSource::start_workers() {
  std::lock_guard<std::mutex> lock(threads_mutex_);
  if (!threads_.empty() || stop_) return;
  const int workers = std::max(1, options_.workers);
  for (int i = 0; i < workers + options_.helpers; ++i) {
    const bool helps = i >= workers;
    // The feeder already counts one busy core while it waits for a batch.
    threads_.push_back(spawn([=] { work(/* counts_as_busy = */ i > 0 && !helps, helps); }));
  }
}

void ImageSource::stop() noexcept {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  opened_.notify_all();
  finished_.notify_all();
  std::lock_guard<std::mutex> lock(threads_mutex_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

// Everything but the pictures.
void ImageSource::fill_rows(Job& job) {
  const FlowData& data = flow_.data();
  const std::vector<int>& rows = job.plan.index;
  const auto n = static_cast<Dim>(rows.size());
  Batch& batch = job.batch;
  batch.rows = n;
  batch.inputs.resize(1 + data.inputs.size());
  batch.inputs[0].resize(picture_, n);
  for (std::size_t i = 0; i < data.inputs.size(); ++i) {
    data.inputs[i].gather(rows, batch.inputs[i + 1].resize(data.inputs[i].shape, n));
  }
  switch (data.kind) {
    case FlowData::Targets::none:
      batch.targets.clear();
      break;
    case FlowData::Targets::pictures:  // copied when the pictures are there
      batch.targets.resize(1);
      batch.targets[0].resize(picture_, n);
      break;
    case FlowData::Targets::classes: {
      batch.targets.resize(1);
      float* y = batch.targets[0].resize(Shape{-1, data.classes}, n);
      std::fill(y, y + n * data.classes, 0.0f);
      for (int row : rows) {
        for (int k = data.first_code[row]; k < data.first_code[row + 1]; ++k) y[data.codes[k]] = 1;
        y += data.classes;
      }
      break;
    }
    case FlowData::Targets::tables:
      batch.targets.resize(data.targets.size());
      for (std::size_t i = 0; i < data.targets.size(); ++i) {
        data.targets[i].gather(rows, batch.targets[i].resize(data.targets[i].shape, n));
      }
      break;
  }
}

void ImageSource::open_next(Job& job) {
  run_->draw(pipeline_.augmentation, job.plan);
  ++drawn_;
  fill_rows(job);
  job.failed_sample = kNone;
  job.error = nullptr;
  job.unreadable.clear();
  job.claimed = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    job.open = true;
    open_.push_back(&job);
  }
  in_work_.push_back(&job);
  opened_.notify_all();
}

// Opens what may be opened; null at the end of data.
ImageSource::Job* ImageSource::wait_for_oldest() {
  while (!idle_.empty() && (options_.total < 0 || drawn_ < options_.total)) {
    Job* job = idle_.front();
    open_next(*job);
    idle_.pop_front();
  }
  if (in_work_.empty()) return nullptr;
  Job* job = in_work_.front();
  {
    std::unique_lock<std::mutex> lock(mutex_);
    finished_.wait(lock, [&] { return stop_ || (!job->open && job->inside == 0); });
  }
  if (stop_) throw Stopped{};
  in_work_.pop_front();
  idle_.push_back(job);
  if (job->error) std::rethrow_exception(job->error);
  return job;
}

bool ImageSource::next(Batch& batch) {
  start_workers();
  Job* ready = wait_for_oldest();
  while (ready && !ready->unreadable.empty()) {
    drop_unreadable(*ready);
    if (!ready->plan.index.empty()) break;
    pass_over(ready->unreadable.front().why);
    ready = wait_for_oldest();
  }
  if (!ready) return false;
  Job& job = *ready;
  run_->delivered();
  left_out_.clear();

  if (flow_.data().kind == FlowData::Targets::pictures) {
    const Tensor x = job.batch.inputs[0].view();
    std::memcpy(job.batch.targets[0].data(), x.data, x.bytes());
  }
  std::swap(batch.inputs, job.batch.inputs);  // the buffers rotate
  std::swap(batch.targets, job.batch.targets);
  std::swap(delivered_, job.plan);
  batch.rows = static_cast<Dim>(delivered_.index.size());
  for (const RowTable& table : flow_.data().weights) {
    if (batch.weights.empty()) batch.weights.resize(1);
    table.gather(delivered_.index, batch.weights[0].resize(table.shape, batch.rows));
  }
  return true;
}

void ImageSource::drop_unreadable(Job& job) {
  BatchPlan& plan = job.plan;
  std::vector<char> dropped(plan.index.size());
  for (const Failure& failure : job.unreadable) {
    const int picture = plan.index[failure.sample];
    run_->flow().skip(picture, failure.why);
    left_out_.insert(picture);
    dropped[failure.sample] = 1;
  }
  const std::size_t width = static_cast<std::size_t>(-picture_.numel());
  float* pictures = job.batch.inputs[0].data();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < dropped.size(); ++i) {
    if (dropped[i]) continue;
    if (kept < i) {
      std::copy_n(pictures + i * width, width, pictures + kept * width);
      plan.index[kept] = plan.index[i];
      plan.params[kept] = plan.params[i];
      if (!plan.marks.empty()) plan.marks[kept] = plan.marks[i];
    }
    ++kept;
  }
  plan.index.resize(kept);
  plan.params.resize(kept);
  if (!plan.marks.empty()) plan.marks.resize(kept);
  if (kept > 0) fill_rows(job);
}

void ImageSource::pass_over(const std::string& why) {
  if (static_cast<int>(left_out_.size()) == flow_.size()) {
    throw image_error("none of the pictures can be read; " + why);
  }
  run_->passed_over();
  if (run_->order() != BatchOrder::sequential) --drawn_;
}

void ImageSource::fail(Job& job, std::size_t sample) {
  if (sample >= job.failed_sample) return;
  job.failed_sample = sample;
  job.error = std::current_exception();
}

void ImageSource::render_samples(Job& job, bool helps, RenderScratch& scratch) {
  const std::size_t n = job.plan.index.size();
  const std::size_t width = static_cast<std::size_t>(-picture_.numel());
  for (std::size_t i; !stop_.load(std::memory_order_relaxed) && is_wanted(helps) &&
                      (i = job.claimed.fetch_add(1)) < n;) {
    if (i > job.failed_sample.load(std::memory_order_relaxed)) continue;
    try {
      render(flow_.set(), job.plan, i, pipeline_, scratch, stop_,
             job.batch.inputs[0].data() + i * width);
    } catch (const Stopped&) { return; } catch (const Error& e) {
      const bool skip = pipeline_.skip_unreadable && e.kind() == "image";
      std::lock_guard<std::mutex> lock(mutex_);
      if (skip) job.unreadable.push_back({i, e.what()});
      else fail(job, i);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      fail(job, i);
    }
  }
}

// Waits for one that is open; null at the end.
ImageSource::Job* ImageSource::enter_oldest(bool helps) {
  constexpr std::chrono::milliseconds kPatience(2);  // a picture takes about that long
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    opened_.wait(lock, [&] { return stop_ || !open_.empty(); });
    if (stop_) return nullptr;
    if (is_wanted(helps)) break;
    opened_.wait_for(lock, kPatience, [&] { return stop_.load(); });
  }
  ++open_.front()->inside;
  return open_.front();
}

void ImageSource::work(bool counts_as_busy, bool helps) {
  RenderScratch scratch;
  while (Job* job = enter_oldest(helps)) {
    {
      std::optional<BusyCore> busy;
      if (counts_as_busy) busy.emplace();
      render_samples(*job, helps, scratch);
    }
    bool last;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      // With all samples claimed nobody else may enter; a helper may leave earlier.
      if (job->open && (!helps || job->claimed >= job->plan.index.size())) {
        job->open = false;
        open_.pop_front();
      }
      last = --job->inside == 0;
    }
    if (last) finished_.notify_one();
  }
}

}  // namespace hornet
