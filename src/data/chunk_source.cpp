#include "data/chunk_source.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "rt/parallel.h"
#include "rt/threads.h"

namespace hornet {
namespace {

// Calls fn(from, to) for each pair of arrays. Sample weights that were not given have rank 0.
template <class From, class Fn>
void for_arrays(From& from, Batch& to, Fn&& fn) {
  to.inputs.resize(from.inputs.size());
  to.targets.resize(from.targets.size());
  if (!from.weights.empty()) to.weights.resize(from.weights.size());
  const auto each = [&](auto& ours, auto& theirs) {
    for (std::size_t i = 0; i < ours.size(); ++i) {
      if (ours[i].shape.rank() > 0) fn(ours[i], theirs[i]);
    }
  };
  each(from.inputs, to.inputs);
  each(from.targets, to.targets);
  each(from.weights, to.weights);
}

void resize_like(const Batch& from, Batch& to, Dim rows) {
  for_arrays(from, to, [=](const HostTensor& a, HostTensor& b) { b.resize(a.shape, rows); });
}

void copy_rows(const Batch& from, Dim first, Dim rows, Batch& to, Dim at) {
  for_arrays(from, to, [=](const HostTensor& a, HostTensor& b) {
    if (a.shape[0] == 0) return;
    const Dim width = a.shape.numel() / a.shape[0];
    std::memcpy(b.data() + at * width, a.data() + first * width, sizeof(float) * rows * width);
  });
}

// Fewer rows of what is there.
void shorten(Batch& batch, Dim rows) {
  batch.rows = rows;
  for (auto* group : {&batch.inputs, &batch.targets, &batch.weights}) {
    for (HostTensor& tensor : *group) {
      if (tensor.shape.rank() > 0) tensor.shape[0] = rows;
    }
  }
}

std::vector<Shape> shapes_of(const Batch& batch) {
  std::vector<Shape> shapes;
  for (const auto* group : {&batch.inputs, &batch.targets, &batch.weights}) {
    for (const HostTensor& tensor : *group) {
      shapes.push_back(tensor.shape);
      if (tensor.shape.rank() > 0) shapes.back()[0] = -1;
    }
  }
  return shapes;
}

}  // namespace

ChunkSource::ChunkSource(std::shared_ptr<Source> chunks, Options options)
    : chunks_(std::move(chunks)), options_(options), random_(options.seed) {}

ChunkSource::~ChunkSource() {
  stop();
  if (reader_.joinable()) reader_.join();
}

void ChunkSource::stop() noexcept {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  chunks_->stop();
}

void ChunkSource::finished() noexcept {
  stop();
  if (reader_.joinable()) reader_.join();
  error_ = nullptr;
  chunks_->finished();
}

// One chunk, its arrays having as many rows. False at the end of a pass.
bool ChunkSource::read(Batch& chunk) {
  for (HostTensor& weights : chunk.weights) weights.shape = Shape();
  if (!chunks_->next(chunk)) return false;
  if (chunk.inputs.empty()) throw Error("a chunk has no inputs", "value");
  chunk.rows = chunk.inputs[0].shape[0];
  for (const auto* group : {&chunk.inputs, &chunk.targets, &chunk.weights}) {
    for (const HostTensor& tensor : *group) {
      if (tensor.shape.rank() > 0 && tensor.shape[0] != chunk.rows) {
        throw shape_error("the arrays of a chunk have " + std::to_string(chunk.rows) + " and " +
                          std::to_string(tensor.shape[0]) + " rows");
      }
    }
  }
  return true;
}

void ChunkSource::read_ahead() {
  for (;;) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [&] { return stop_ || state_ == State::wanted; });
      if (stop_) return;
    }
    bool more = false;
    std::exception_ptr error;
    try {
      std::optional<BusyCore> busy;
      if (chunks_->computes()) busy.emplace();
      more = read(read_);
    } catch (...) { error = std::current_exception(); }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      more_ = more;
      error_ = error;
      state_ = State::ready;
    }
    changed_.notify_all();
  }
}

// The next chunk of this pass, if there is one.
bool ChunkSource::take_chunk() {
  at_ = 0;
  pass_over_ = !(options_.ahead ? swap_chunk() : read(chunk_));
  if (pass_over_) {
    chunk_.rows = 0;
    return false;
  }
  if (shapes_.empty()) shapes_ = shapes_of(chunk_);
  if (shapes_of(chunk_) != shapes_) throw shape_error("the chunks don't have the same columns");
  return true;
}

// What the reading thread has read, for what it reads next.
bool ChunkSource::swap_chunk() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (stop_) throw Stopped{};
  if (!reader_.joinable()) reader_ = spawn([this] { read_ahead(); });
  if (state_ == State::idle) state_ = State::wanted;
  changed_.notify_all();
  changed_.wait(lock, [&] { return stop_ || state_ == State::ready; });
  if (stop_) throw Stopped{};
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  const bool more = more_;
  std::swap(chunk_, read_);
  if (!more) chunk_.rows = 0;
  pass_over_ = !more;
  state_ = wants_another() ? State::wanted : State::idle;
  changed_.notify_all();
  return more;
}

// Not where the run ends before it would be used: to begin a pass may cost a query.
bool ChunkSource::wants_another() const {
  if (pass_over_ && !options_.loop) return false;
  if (options_.total < 0) return true;
  if (pass_over_) return asked_ < options_.total;
  return (options_.total - asked_ + 1) * options_.batch_size > chunk_.rows + buffer_.rows;
}

bool ChunkSource::has_row() {
  while (at_ == chunk_.rows) {
    if (pass_over_ || !take_chunk()) return false;
  }
  return true;
}

bool ChunkSource::next(Batch& batch) {
  ++asked_;
  for (;;) {
    if (pass_is_over()) {
      if (place_ == 0 || !options_.loop) return false;  // a pass without rows would be endless
      pass_over_ = false;
      place_ = 0;
    }
    batch.rows = 0;
    if (options_.buffer > 1) draw_rows(batch);
    else take_rows(batch);
    if (batch.rows == 0) continue;  // the pass ended with the last batch
    ++place_;
    return true;
  }
}

void ChunkSource::take_rows(Batch& batch) {
  Dim rows = 0;
  while (rows < options_.batch_size && has_row()) {
    if (rows == 0) resize_like(chunk_, batch, options_.batch_size);
    const Dim count = std::min(options_.batch_size - rows, chunk_.rows - at_);
    copy_rows(chunk_, at_, count, batch, rows);
    at_ += count;
    rows += count;
  }
  if (rows > 0) shorten(batch, rows);
}

void ChunkSource::fill_buffer() {
  while (buffer_.rows < options_.buffer && has_row()) {
    if (buffer_.rows == 0) resize_like(chunk_, buffer_, options_.buffer);
    const Dim count = std::min(options_.buffer - buffer_.rows, chunk_.rows - at_);
    copy_rows(chunk_, at_, count, buffer_, buffer_.rows);
    at_ += count;
    buffer_.rows += count;
  }
}

void ChunkSource::draw_rows(Batch& batch) {
  fill_buffer();
  const Dim rows = options_.batch_size;
  Dim drawn = 0;
  if (buffer_.rows > 0) resize_like(buffer_, batch, rows);
  for (; drawn < rows && buffer_.rows > 0; ++drawn) {
    const Dim chosen = random_.below(buffer_.rows);
    copy_rows(buffer_, chosen, 1, batch, drawn);
    if (has_row()) {
      copy_rows(chunk_, at_++, 1, buffer_, chosen);
    } else if (--buffer_.rows != chosen) {
      copy_rows(buffer_, buffer_.rows, 1, buffer_, chosen);
    }
  }
  if (drawn > 0) shorten(batch, drawn);
}

}  // namespace hornet
