#include "exec/scalar_log.h"

#include <algorithm>
#include <cstring>

#include "exec/device_memory.h"

namespace hornet {
namespace {

constexpr std::int64_t kSteps = 1024;  // room for so many between two looks
constexpr auto kInterval = std::chrono::milliseconds(50);

double number_at(DType type, const void* word) {
  if (type == DType::i32) {
    std::int32_t number;
    std::memcpy(&number, word, sizeof number);
    return number;
  }
  float number;
  std::memcpy(&number, word, sizeof number);
  return number;
}

}  // namespace

ScalarLog::ScalarLog(std::shared_ptr<Device> device, Took took)
    : device_(std::move(device)),
      took_(std::move(took)),
      came_(device_),
      last_(std::chrono::steady_clock::now()) {}

ScalarLog::~ScalarLog() {
  try {
    if (under_way_) wait_for(came_, nullptr);
  } catch (const Error&) {}
}

std::size_t ScalarLog::slot(std::int64_t step) const {
  return static_cast<std::size_t>(step % kSteps) * specs_.size() * 4;
}

void ScalarLog::add(const std::vector<Tensor>& scalars) {
  if (added_ == 0) {
    for (const Tensor& scalar : scalars) specs_.push_back(scalar.spec);
    there_ = DeviceBuffer(device_, kSteps * scalars.size() * 4);
    here_ = copy_buffer(kSteps * scalars.size() * 4);
  }
  if (added_ - home_ == kSteps) settle(nullptr);
  char* const words = static_cast<char*>(there_.data()) + slot(added_);
  for (std::size_t begin = 0; begin < scalars.size(); begin += Device::kMaxCollected) {
    sources_.clear();
    for (std::size_t i = begin; i < std::min(scalars.size(), begin + Device::kMaxCollected); ++i)
      sources_.push_back(scalars[i].data);
    device_->collect(sources_, words + 4 * begin);
  }
  ++added_;
}

void ScalarLog::look() {
  if (under_way_) {
    if (came_.reached()) hand_out();
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (added_ > asked_ && (now - last_ >= kInterval || added_ - home_ > kSteps / 2)) {
    last_ = now;
    ask();
  }
}

bool ScalarLog::settle(const StopFlag* stop) {
  while (home_ < added_) {
    if (!under_way_) ask();
    if (!wait_for(came_, stop)) return false;
    hand_out();
  }
  return true;
}

// The steps added since the last time, in two pieces where the ring ends between them.
void ScalarLog::ask() {
  while (asked_ < added_) {
    const std::int64_t end = std::min(added_, (asked_ / kSteps + 1) * kSteps);
    const std::size_t begin = slot(asked_);
    device_->download(Device::compute, static_cast<char*>(here_.data()) + begin,
                      static_cast<char*>(there_.data()) + begin,
                      static_cast<std::size_t>(end - asked_) * specs_.size() * 4);
    asked_ = end;
  }
  came_.record(Device::compute);
  under_way_ = true;
}

void ScalarLog::hand_out() {
  under_way_ = false;
  numbers_.resize(specs_.size());
  while (home_ < asked_) {
    const char* words = static_cast<const char*>(here_.data()) + slot(home_);
    for (std::size_t i = 0; i < specs_.size(); ++i)
      numbers_[i] = number_at(specs_[i].dtype, words + 4 * i);
    took_(home_++, numbers_);
  }
}

}  // namespace hornet
