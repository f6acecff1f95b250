// An endless walk over a data set of pictures: which ones come next, and how each is transformed.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/shape.h"
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

// What a reader of the iterator's fields sees, and what brings a flow back to where it was.
struct FlowState {
  std::int64_t batch_index = 0, batches_seen = 0;
  std::vector<int> index;  // empty: not drawn yet
};

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
  void plan_batch(int i, const Augmentation& augmentation, BatchPlan& plan);
  void end_pass();  // draws a new order
  void reset();     // the next pass begins
  FlowState state() const;
  // An order of batches for a pass of training, from a stream of its own kin.
  void draw_batch_order(std::vector<int>& order);

 private:
  void begin_batch();  // all three with the mutex held
  void draw_index();
  void draw_samples(std::int64_t first, const Augmentation& augmentation, BatchPlan& plan);

  const std::shared_ptr<const ImageSet> set_;
  const FlowData data_;
  const Options options_;
  mutable std::mutex mutex_;
  NumpyRandom random_;
  FlowState state_;
};

}  // namespace hornet
