#include "image/image_flow.h"

#include <algorithm>
#include <numeric>
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
    : set_(std::move(set)), data_(std::move(data)), options_(options), random_(options.seed) {}

void ImageFlow::begin_batch() {
  if (size() == 0) throw Error("there are no images to make a batch of", "value");
  if (options_.has_seed) {
    random_.seed(options_.seed + static_cast<std::uint32_t>(state_.batches_seen));
  }
}

void ImageFlow::draw_index() {
  if (options_.shuffle) {
    random_.permutation(size(), state_.index);
  } else {
    state_.index.resize(static_cast<std::size_t>(size()));
    std::iota(state_.index.begin(), state_.index.end(), 0);
  }
}

void ImageFlow::draw_samples(std::int64_t first, const Augmentation& augmentation,
                             BatchPlan& plan) {
  const std::int64_t last = std::min<std::int64_t>(first + options_.batch_size, size());
  plan.index.assign(state_.index.begin() + first, state_.index.begin() + last);
  plan.params.clear();
  plan.marks.clear();
  const PixelShape shape = set_->shape();
  for (std::size_t i = 0; i < plan.index.size(); ++i) {
    plan.params.push_back(draw_transform(augmentation, random_, shape.height, shape.width));
  }
  if (options_.marks == 0) return;
  for (std::size_t i = 0; i < plan.index.size(); ++i)
    plan.marks.push_back(random_.integer(options_.marks));
}

void ImageFlow::plan_next(const Augmentation& augmentation, BatchPlan& plan) {
  std::lock_guard<std::mutex> lock(mutex_);
  begin_batch();
  if (state_.batch_index == 0) draw_index();
  const std::int64_t first = state_.batch_index * options_.batch_size;
  state_.batch_index = first + options_.batch_size < size() ? state_.batch_index + 1 : 0;
  ++state_.batches_seen;
  draw_samples(first, augmentation, plan);
}

void ImageFlow::plan_batch(int i, const Augmentation& augmentation, BatchPlan& plan) {
  std::lock_guard<std::mutex> lock(mutex_);
  begin_batch();
  ++state_.batches_seen;
  if (state_.index.empty()) draw_index();
  draw_samples(std::int64_t{i} * options_.batch_size, augmentation, plan);
}

void ImageFlow::end_pass() {
  std::lock_guard<std::mutex> lock(mutex_);
  draw_index();
}

void ImageFlow::reset() {
  std::lock_guard<std::mutex> lock(mutex_);
  state_.batch_index = 0;
}

FlowState ImageFlow::state() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return state_;
}

void ImageFlow::draw_batch_order(std::vector<int>& order) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (options_.has_seed) {  // not the stream of any batch
    NumpyRandom own((options_.seed + static_cast<std::uint32_t>(state_.batches_seen)) ^
                    0x9e3779b9u);
    own.permutation(batches(), order);
  } else {
    random_.permutation(batches(), order);
  }
}

}  // namespace hornet
