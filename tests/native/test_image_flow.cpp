// A flow of pictures, read ahead by workers and a feeder: the same for any number of workers, and
// where the batches that were used left it.
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "data/feeder.h"
#include "image/image_source.h"

using namespace hornet;

namespace {

constexpr int kPictures = 11, kBatch = 4, kBatches = 3;
const PixelShape kShape{6, 5, 3};

std::shared_ptr<ImageFlow> new_flow(bool has_seed, std::uint32_t seed = 5) {
  const std::size_t n = kPictures * kShape.bytes();
  AlignedBuffer values(n * sizeof(float) + kPixelPadding);
  for (std::size_t i = 0; i < n; ++i)
    static_cast<float*>(values.data())[i] = static_cast<float>(i * 37 % 256);
  ImageFlow::Options options;
  options.batch_size = kBatch;
  options.has_seed = has_seed;
  options.seed = seed;
  return std::make_shared<ImageFlow>(
      std::make_shared<ArraySet>(kPictures, kShape, std::move(values)), FlowData(), options);
}

std::unique_ptr<Feeder> new_feeder(const std::shared_ptr<ImageFlow>& flow, BatchOrder order,
                                   int workers, int helpers, int total) {
  Pipeline pipeline;
  pipeline.augmentation.rotation = 40;
  pipeline.augmentation.horizontal_flip = true;
  ImageSource::Options options;
  options.workers = workers;
  options.helpers = helpers;
  options.total = total;
  FeedSpec spec;
  spec.inputs = {{"x", Shape{-1, kShape.height, kShape.width, kShape.channels}}};
  spec.needs_targets = spec.weighted = false;
  Feeder::Options feeder;
  feeder.total = total;
  return std::make_unique<Feeder>(
      std::make_shared<ImageSource>(std::make_shared<FlowRun>(flow, order), pipeline, options),
      spec, feeder);
}

// What a trainer gets that uses `n` batches of `total`; then the run is over.
std::vector<float> use(const std::shared_ptr<ImageFlow>& flow, BatchOrder order, int workers, int n,
                       int total, int helpers = 1) {
  std::vector<float> all;
  const auto feeder = new_feeder(flow, order, workers, helpers, total);
  std::thread trainer([&] {
    for (int i = 0; i < n; ++i) {
      const BatchPool::Lease batch = feeder->pop();
      if (!CHECK(bool(batch))) return;
      const Tensor x = batch->inputs[0].view();
      all.insert(all.end(), x.as<float>(), x.as<float>() + x.bytes() / sizeof(float));
      feeder->taken();
    }
  });
  trainer.join();
  feeder->stop();
  feeder->stop();
  return all;
}

bool same(const FlowPosition& a, const FlowPosition& b) {
  const auto equal = [](const FlowPosition::Order& p, const FlowPosition::Order& q) {
    return p && q ? *p == *q : p == q;
  };
  return a.has_seed == b.has_seed && a.seed == b.seed && a.batch_index == b.batch_index &&
         a.batches_seen == b.batches_seen && equal(a.index, b.index) &&
         equal(a.batches, b.batches) && a.place == b.place &&
         a.random.engine().words == b.random.engine().words &&
         a.random.engine().position == b.random.engine().position;
}

}  // namespace

int main() {
  for (const bool has_seed : {false, true}) {
    const std::string kind = has_seed ? " (with a seed)" : " (without)";
    for (BatchOrder order : {BatchOrder::iterate, BatchOrder::sequential, BatchOrder::shuffled}) {
      test("workers and reading ahead change nothing" + kind, [&] {
        const auto expected = use(new_flow(has_seed), order, 1, 8, 8, 0);
        for (int workers : {1, 2, 4}) {
          for (int helpers : {0, 2})
            CHECK(use(new_flow(has_seed), order, workers, 8, 30, helpers) == expected);
        }
      });
      test("a run that ends early leaves the flow where its last batch did" + kind, [&] {
        for (int n : {0, 1, kBatches, kBatches + 1, 7}) {
          const auto at_once = new_flow(has_seed), early = new_flow(has_seed);
          use(at_once, order, 2, n, n);
          use(early, order, 2, n, 30);
          CHECK(same(early->used(), at_once->used()));
          CHECK(same(early->drawn(), early->used()));
        }
      });
    }
    test("training goes on in another flow" + kind, [&] {
      const auto at_once = use(new_flow(has_seed), BatchOrder::shuffled, 2, 10, 10);
      const auto first = new_flow(has_seed), second = new_flow(!has_seed, 99);
      auto parts = use(first, BatchOrder::shuffled, 2, 4, 30);
      second->check(first->used());
      second->move_to(first->used());
      const auto rest = use(second, BatchOrder::shuffled, 2, 6, 30);
      parts.insert(parts.end(), rest.begin(), rest.end());
      CHECK(parts == at_once);
    });
  }
  test("a position of another flow is refused", [] {
    const auto flow = new_flow(false);
    FlowPosition position = flow->used();
    flow->check(position);
    position.batch_index = 1;
    CHECK_THROWS(flow->check(position), "no position in 11 images in batches of 4");
    position = flow->used();
    position.index = std::make_shared<const std::vector<int>>(kPictures, 0);
    CHECK_THROWS(flow->check(position), "no position");
    position = flow->used();
    position.batches = std::make_shared<const std::vector<int>>(std::vector<int>{2, 1, 0, 3});
    CHECK_THROWS(flow->check(position), "no position");
    position.batches = std::make_shared<const std::vector<int>>(std::vector<int>{2, 1, 0});
    position.place = 2;
    flow->check(position);
    position.place = 3;
    CHECK_THROWS(flow->check(position), "no position");
  });
  return check_result();
}
