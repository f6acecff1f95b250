#include "image/image_flow.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "base/error.h"

namespace hornet {

void RowTable::gather(const std::vector<int>& rows, float* out) const {
  const auto width = static_cast<std::size_t>(-shape.numel());
  for (int row : rows) {
    const float* from = values.data() + width * static_cast<std::size_t>(row);
    out = std::copy(from, from + width, out);
  }
}

ImageFlow::ImageFlow(std::shared_ptr<const ImageSet> set, FlowData data, Options options)
    : set_(std::move(set)), data_(std::move(data)), options_(options) {
  drawn_.has_seed = options.has_seed;
  drawn_.seed = options.seed;
  drawn_.random.seed(options.seed);
  used_ = drawn_;
}

void ImageFlow::begin_batch() {
  if (size() == 0) throw Error("there are no images to make a batch of", "value");
  if (drawn_.has_seed) {
    drawn_.random.seed(drawn_.seed + static_cast<std::uint32_t>(drawn_.batches_seen));
  }
}

void ImageFlow::draw_index() {
  std::vector<int> index;
  if (options_.shuffle) {
    drawn_.random.permutation(size(), index);
  } else {
    index.resize(static_cast<std::size_t>(size()));
    std::iota(index.begin(), index.end(), 0);
  }
  drawn_.index = std::make_shared<const std::vector<int>>(std::move(index));
}

void ImageFlow::draw_batches() {
  std::vector<int> order;
  if (drawn_.has_seed) {  // not the stream of any batch
    NumpyRandom own((drawn_.seed + static_cast<std::uint32_t>(drawn_.batches_seen)) ^ 0x9e3779b9u);
    own.permutation(batches(), order);
  } else {
    drawn_.random.permutation(batches(), order);
  }
  drawn_.batches = std::make_shared<const std::vector<int>>(std::move(order));
  drawn_.place = 0;
}

void ImageFlow::draw_samples(std::int64_t first, const Augmentation& augmentation,
                             BatchPlan& plan) {
  const std::int64_t last = std::min<std::int64_t>(first + options_.batch_size, size());
  plan.index.assign(drawn_.index->begin() + first, drawn_.index->begin() + last);
  plan.params.clear();
  plan.marks.clear();
  const PixelShape shape = set_->shape();
  for (std::size_t i = 0; i < plan.index.size(); ++i) {
    plan.params.push_back(draw_transform(augmentation, drawn_.random, shape.height, shape.width));
  }
  if (options_.marks == 0) return;
  for (std::size_t i = 0; i < plan.index.size(); ++i)
    plan.marks.push_back(drawn_.random.integer(options_.marks));
}

void ImageFlow::plan_next(const Augmentation& augmentation, BatchPlan& plan) {
  std::lock_guard<std::mutex> lock(mutex_);
  begin_batch();
  if (drawn_.batch_index == 0) draw_index();
  const std::int64_t first = drawn_.batch_index * options_.batch_size;
  drawn_.batch_index = first + options_.batch_size < size() ? drawn_.batch_index + 1 : 0;
  ++drawn_.batches_seen;
  draw_samples(first, augmentation, plan);
}

void ImageFlow::plan_batch(std::int64_t i, const Augmentation& augmentation, BatchPlan& plan) {
  std::lock_guard<std::mutex> lock(mutex_);
  begin_batch();
  ++drawn_.batches_seen;
  if (!drawn_.index) draw_index();
  draw_samples(i * options_.batch_size, augmentation, plan);
}

void ImageFlow::plan_shuffled(const Augmentation& augmentation, BatchPlan& plan) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (size() > 0 && !drawn_.batches) draw_batches();
  begin_batch();
  ++drawn_.batches_seen;
  if (!drawn_.index) draw_index();
  const int batch = (*drawn_.batches)[static_cast<std::size_t>(drawn_.place)];
  draw_samples(std::int64_t{batch} * options_.batch_size, augmentation, plan);
  if (++drawn_.place >= batches()) {
    drawn_.batches = nullptr;
    drawn_.place = 0;
    draw_index();
  }
}

void ImageFlow::end_pass() {
  std::lock_guard<std::mutex> lock(mutex_);
  draw_index();
}

void ImageFlow::reset() {
  std::lock_guard<std::mutex> lock(mutex_);
  drawn_.batch_index = drawn_.place = 0;
  drawn_.batches = nullptr;
}

FlowPosition ImageFlow::drawn() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return drawn_;
}

void ImageFlow::skip(int picture, const std::string& why) {
  std::lock_guard<std::mutex> lock(mutex_);
  skipped_[picture] = newly_skipped_[picture] = why;
}

SkippedPictures ImageFlow::skipped() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return skipped_;
}

SkippedPictures ImageFlow::take_skipped() {
  std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(newly_skipped_, {});
}

FlowPosition ImageFlow::used() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return used_;
}

void ImageFlow::use(const FlowPosition& position) {
  std::lock_guard<std::mutex> lock(mutex_);
  used_ = position;
}

void ImageFlow::check(const FlowPosition& p) const {
  auto is_order = [](const FlowPosition::Order& order, int n) {
    if (!order) return true;
    std::vector<bool> seen(static_cast<std::size_t>(n));
    if (order->size() != seen.size()) return false;
    for (int i : *order) {
      if (i < 0 || i >= n || seen[static_cast<std::size_t>(i)]) return false;
      seen[static_cast<std::size_t>(i)] = true;
    }
    return true;
  };
  auto is_place = [&](std::int64_t i, const FlowPosition::Order& order) {
    return i == 0 || (order && i > 0 && i < batches());
  };
  const int used = p.random.engine().position;
  if (is_order(p.index, size()) && is_order(p.batches, batches()) &&
      is_place(p.batch_index, p.index) && is_place(p.place, p.batches) && p.batches_seen >= 0 &&
      used >= 0 && used <= MersenneTwister::kWords) {
    return;
  }
  throw Error("this is no position in " + std::to_string(size()) + " images in batches of " +
                  std::to_string(options_.batch_size),
              "value");
}

void ImageFlow::move_to(const FlowPosition& position) {
  std::lock_guard<std::mutex> lock(mutex_);
  drawn_ = used_ = position;
}

FlowRun::FlowRun(std::shared_ptr<ImageFlow> flow, BatchOrder order)
    : flow_(std::move(flow)), order_(order), last_(flow_->drawn()) {}

void FlowRun::draw(const Augmentation& augmentation, BatchPlan& plan) {
  if (order_ == BatchOrder::iterate) {
    flow_->plan_next(augmentation, plan);
  } else if (order_ == BatchOrder::shuffled) {
    flow_->plan_shuffled(augmentation, plan);
  } else {
    flow_->plan_batch(place_, augmentation, plan);
    if (++place_ >= flow_->batches()) {
      place_ = 0;
      flow_->end_pass();
    }
  }
  FlowPosition after = flow_->drawn();
  std::lock_guard<std::mutex> lock(mutex_);
  ahead_.push_back(std::move(after));
}

void FlowRun::delivered() {
  std::lock_guard<std::mutex> lock(mutex_);
  ++delivered_;
}

void FlowRun::passed_over() {
  std::lock_guard<std::mutex> lock(mutex_);
  ahead_.erase(ahead_.begin() + delivered_);
}

void FlowRun::taken() {
  FlowPosition position;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (ahead_.empty()) return;
    position = last_ = std::move(ahead_.front());
    ahead_.pop_front();
    if (delivered_ > 0) --delivered_;
  }
  flow_->use(position);
}

void FlowRun::ended() noexcept {
  bool ahead;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(ended_, true)) return;
    ahead = !ahead_.empty();
    ahead_.clear();
    delivered_ = 0;
  }
  if (ahead) flow_->move_to(last_);
  // Others may have drawn meanwhile. (Evaluation may be inside training, which draws ahead.)
  else if (order_ != BatchOrder::sequential) flow_->use(flow_->drawn());
}

}  // namespace hornet
