// An endless walk over a data set of pictures: which ones come next, and how each is transformed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/shape.h"
#include "data/source.h"
#include "image/augment.h"
#include "image/image_set.h"

namespace hornet {

// Rows that travel with the pictures: labels, other inputs, weights.
struct RowTable {
  Shape shape;  // [0] = -1
  std::vector<float> values;

  void gather(const std::vector<int>& rows, float* out) const;
};

// What a batch has beside its pictures.
struct FlowData {
  enum class Targets { none, pictures, classes, tables } kind = Targets::none;
  int classes = 0;                     // kind classes: one-hot rows of this many,
  std::vector<int> first_code, codes;  // the codes of row i at [first_code[i], first_code[i+1])
  std::vector<RowTable> targets;       // kind tables
  std::vector<RowTable> inputs;        // after the pictures
  std::vector<RowTable> weights;       // one, or none
};

// The pictures of one batch in order, with all that is random about them.
struct BatchPlan {
  std::vector<int> index;  // 0-based
  std::vector<TransformParams> params;
  std::vector<std::uint32_t> marks;  // for the names of saved pictures
};

// Where a flow is: all that decides about the batches to come. Copies share the orders.
struct FlowPosition {
  using Order = std::shared_ptr<const std::vector<int>>;

  bool has_seed = false;  // else the stream just goes on
  std::uint32_t seed = 0;
  std::int64_t batch_index = 0;  // of the iterator protocol: in the pass
  std::int64_t batches_seen = 0;
  Order index;             // of the pictures in this pass; null: not drawn yet
  Order batches;           // in which training takes them; null: its next batch begins a pass
  std::int64_t place = 0;  // in `batches`
  NumpyRandom random;
};

// Pictures that were left out because they can't be read, and why.
using SkippedPictures = std::map<int, std::string>;

// Draws on the caller's thread, in the order of calls, from one stream: the pictures of a batch
// don't depend on who renders them. Any thread.
class ImageFlow {
 public:
  struct Options {
    int batch_size = 32;
    bool shuffle = true;
    bool has_seed = false;    // else the stream just goes on
    std::uint32_t seed = 0;   // where the stream starts, too
    std::uint32_t marks = 0;  // > 0: draw marks below this
  };
  ImageFlow(std::shared_ptr<const ImageSet> set, FlowData data, Options options);

  const ImageSet& set() const { return *set_; }
  const FlowData& data() const { return data_; }
  int size() const { return set_->size(); }
  int batches() const { return (size() + options_.batch_size - 1) / options_.batch_size; }

  // The iterator protocol: the next batch; a new order at each start of a pass.
  void plan_next(const Augmentation& augmentation, BatchPlan& plan);
  // Access by place: batch `i` of this pass, 0-based.
  void plan_batch(std::int64_t i, const Augmentation& augmentation, BatchPlan& plan);
  // Training: the batches of each pass in random order. Goes on with a pass that was left.
  void plan_shuffled(const Augmentation& augmentation, BatchPlan& plan);
  void end_pass();  // draws a new order of pictures
  void reset();     // the next pass begins
  // Batches are drawn ahead of their use: where the drawing is, and the place after the last batch
  // that was used.
  FlowPosition drawn() const;
  FlowPosition used() const;
  void use(const FlowPosition& position);
  void move_to(const FlowPosition& position);      // both
  void check(const FlowPosition& position) const;  // throws Error if it can't be one of this flow

  void skip(int picture, const std::string& why);
  SkippedPictures skipped() const;  // ever
  SkippedPictures take_skipped();   // since this was asked last

 private:
  void begin_batch();  // all with the mutex held
  void draw_index();
  void draw_batches();
  void draw_samples(std::int64_t first, const Augmentation& augmentation, BatchPlan& plan);

  const std::shared_ptr<const ImageSet> set_;
  const FlowData data_;
  const Options options_;
  mutable std::mutex mutex_;
  FlowPosition drawn_, used_;
  SkippedPictures skipped_, newly_skipped_;
};

// Which batches of a flow a run takes.
enum class BatchOrder : std::uint8_t {
  iterate,     // the iterator protocol: what the flow yields next
  sequential,  // batch 0, 1, ... of a pass, then of the next
  shuffled     // the batches of each pass in random order
};

// The batches that one run draws from a flow ahead of their use. The flow is where the used ones
// left it, and in the end goes back to there. draw(), delivered() and passed_over() have one caller
// at a time, the rest any.
class FlowRun : public Follower {
 public:
  FlowRun(std::shared_ptr<ImageFlow> flow, BatchOrder order);

  ImageFlow& flow() const { return *flow_; }
  BatchOrder order() const { return order_; }
  void draw(const Augmentation& augmentation, BatchPlan& plan);
  // What became of the oldest batch drawn: it is on its way, or nobody will ever take it.
  void delivered();
  void passed_over();
  void taken() override;
  void ended() noexcept override;

 private:
  const std::shared_ptr<ImageFlow> flow_;
  const BatchOrder order_;
  int place_ = 0;  // draw()'s: in a sequential pass
  std::mutex mutex_;
  bool ended_ = false;
  std::deque<FlowPosition> ahead_;  // after each batch that was drawn and not used
  std::ptrdiff_t delivered_ = 0;    // how many of these are on their way
  FlowPosition last_;               // after the last one used
};

}  // namespace hornet
