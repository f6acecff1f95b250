// Batches cut out of larger pieces that another source reads: tables, files.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "data/random_order.h"
#include "data/source.h"

namespace hornet {

// Rows keep their order, or are drawn from a buffer that is filled up with the next ones. Batches
// don't reach over the end of a pass: the last of each may be short.
class ChunkSource : public Source {
 public:
  struct Options {
    Dim batch_size = 32;
    Dim buffer = 0;  // > 1: rows to draw from
    std::uint64_t seed = 0;
    bool loop = true;         // passes without end
    bool ahead = true;        // the next chunk is read meanwhile, on a thread
    std::int64_t total = -1;  // batches that will be asked for; -1: not known
  };
  // Each chunk's arrays have one row a sample; a chunk may be empty. next() of `chunks` is false at
  // the end of each pass, after which it may be called again.
  ChunkSource(std::shared_ptr<Source> chunks, Options options);
  ~ChunkSource() override;

  bool next(Batch& batch) override;
  void attach(RunLoop& loop) override { chunks_->attach(loop); }
  void set_starved(std::function<bool()> starved) override {
    chunks_->set_starved(std::move(starved));
  }
  void stop() noexcept override;
  void finished() noexcept override;
  bool computes() const override { return !options_.ahead && chunks_->computes(); }

  // Batches that next() gave of the pass that goes on.
  std::int64_t place() const { return pass_is_over() ? 0 : place_; }

 private:
  enum class State { idle, wanted, ready };

  bool read(Batch& chunk);
  void read_ahead();
  bool take_chunk();
  bool swap_chunk();
  bool wants_another() const;
  bool pass_is_over() const { return pass_over_ && buffer_.rows == 0; }
  bool has_row();
  void fill_buffer();
  void take_rows(Batch& batch);
  void draw_rows(Batch& batch);

  const std::shared_ptr<Source> chunks_;
  const Options options_;
  Batch chunk_, buffer_;
  std::vector<Shape> shapes_;  // of the first chunk
  Dim at_ = 0;                 // the next row of the chunk
  bool pass_over_ = false;     // its chunks are all read
  std::int64_t asked_ = 0, place_ = 0;
  RandomOrder random_;

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::idle;  // of what the reading thread does, with its results:
  bool stop_ = false, more_ = false;
  Batch read_;
  std::exception_ptr error_;
  std::thread reader_;
};

}  // namespace hornet
