// Feeders without R: a made-up source that asks "R" for its batches, drained over several epochs
// while sources, requests and trainers fail or stop at random places. Afterwards no thread and no
// batch may be left, and unless something failed every batch arrived once and in order.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>

#include "base/error.h"
#include "data/array_source.h"
#include "data/feeder.h"
#include "rt/threads.h"

using namespace hornet;

namespace {

struct FromR {};  // stands for R's unwinding

struct Plan {
  unsigned seed;
  int queue_size, steps, epochs, total;
  int end_at, source_fails_at, r_fails_at, trainer_fails_at, stop_after;
  bool direct, asks_r;

  explicit Plan(unsigned s) : seed(s) {
    std::mt19937 random(s);
    auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
    queue_size = below(4);
    steps = 1 + below(12);
    epochs = 1 + below(4);
    total = below(5) ? steps * epochs : -1;
    end_at = below(4) ? -1 : 1 + below(40);
    source_fails_at = below(4) ? -1 : 1 + below(40);
    r_fails_at = below(4) ? -1 : 1 + below(40);
    trainer_fails_at = below(4) ? -1 : 1 + below(40);
    stop_after = below(4) ? -1 : below(40);
    direct = below(5) == 0;
    asks_r = !direct && below(4) != 0;
  }
};

class TestSource : public Source {
 public:
  TestSource(const Plan& plan, std::atomic<int>& asked) : plan_(plan), asked_(asked) {}
  void attach(RunLoop& loop) override { loop_ = &loop; }
  bool direct() const override { return plan_.direct; }
  bool next(Batch& batch) override {
    const int n = ++asked_;
    if (plan_.asks_r) {
      int answer = 0;
      loop_->call([&] {
        if (n == plan_.r_fails_at) throw FromR{};
        answer = n;
      });
      if (answer != n) std::abort();
      loop_->post([] {});
    }
    if (n == plan_.end_at) return false;
    if (n == plan_.source_fails_at) throw Error("the source failed");
    batch.inputs.resize(1);
    batch.targets.resize(1);
    float* x = batch.inputs[0].resize({3, 2});
    for (int i = 0; i < 6; ++i) x[i] = static_cast<float>(n);
    float* y = batch.targets[0].resize({3});
    y[0] = y[1] = y[2] = static_cast<float>(n % 2);
    return true;
  }

 private:
  const Plan& plan_;
  std::atomic<int>& asked_;
  RunLoop* loop_ = nullptr;
};

FeedSpec small_spec() {
  FeedSpec spec;
  spec.inputs = {{"x", {-1, 2}, 0}};
  spec.targets = {{"y", {-1, 1}, 2}};
  spec.class_weights = {{1.0, 2.0}};
  return spec;
}

bool run_once(unsigned seed) {
  const Plan plan(seed);
  std::atomic<int> asked{0};
  int trained = 0;
  bool r_failed = false, source_failed = false, trainer_failed = false, in_order = true;
  {
    Feeder feeder(std::make_shared<TestSource>(plan, asked), small_spec(),
                  {plan.queue_size, plan.total});
    RunLoop& loop = feeder.loop();
    for (int epoch = 0; epoch < plan.epochs; ++epoch) {
      std::atomic<bool> done{false};
      int ran = 0;
      std::thread trainer = spawn([&] {
        try {
          for (; ran < plan.steps; ++ran) {
            BatchPool::Lease batch = feeder.pop();
            if (!batch) break;
            ++trained;
            in_order = in_order && batch->inputs[0].data()[0] == static_cast<float>(trained) &&
                       batch->rows == 3 &&
                       batch->weights[0].data()[2] == static_cast<float>(1 + trained % 2);
            if (trained == plan.trainer_fails_at) throw std::runtime_error("the trainer failed");
            if (seed % 3 == 0) loop.call([&] {});
          }
        } catch (const Stopped&) {
        } catch (const Error&) { source_failed = true; } catch (...) {
          trainer_failed = true;
        }
        done = true;
        loop.wake();
      });
      int polls = 0;
      try {
        loop.serve([&] { return done.load(); },
                   [&] {
                     if (++polls == plan.stop_after) throw FromR{};
                   },
                   std::chrono::milliseconds(5));
      } catch (const FromR&) {
        r_failed = true;
        loop.stop();
        feeder.close();
      }
      trainer.join();
      loop.drain_posts();
      if (r_failed || source_failed || trainer_failed || ran < plan.steps) break;
    }
    feeder.stop();
    if (seed % 2) feeder.stop();
  }
  bool good = in_order && live_counts().threads == 0 && live_counts().batches == 0;
  const int wanted = plan.steps * plan.epochs;
  if (!r_failed && !trainer_failed && !source_failed) {
    const int there = plan.end_at > 0 && plan.end_at <= wanted ? plan.end_at - 1 : wanted;
    good = good && trained == there;
  }
  if (source_failed) good = good && trained == plan.source_fails_at - 1;
  if (plan.total >= 0) good = good && asked <= plan.total;
  good = good && asked <= trained + plan.queue_size + 2;
  if (plan.queue_size == 0 || plan.direct) good = good && asked <= trained + 1;
  if (!good) {
    std::printf("seed %u failed: asked %d, trained %d of %d\n", seed, asked.load(), trained,
                wanted);
  }
  return good;
}

// Rows of a data set: every row once a pass, shuffled or not, whatever the batch size.
bool passes_are_complete() {
  auto data = std::make_shared<Dataset>();
  const Dim rows = 23;
  data->all.rows = rows;
  data->all.inputs.resize(1);
  float* x = data->all.inputs[0].resize({rows, 2});
  for (Dim i = 0; i < rows; ++i) x[2 * i] = x[2 * i + 1] = static_cast<float>(i);
  for (Shuffle shuffle : {Shuffle::none, Shuffle::rows, Shuffle::batches}) {
    for (Dim batch_size : {1, 5, 23, 40}) {
      ArraySource source(data, {}, {batch_size, shuffle, 7});
      Batch batch;
      std::vector<float> first_pass;
      for (int pass = 0; pass < 3; ++pass) {
        std::vector<int> seen(rows, 0);
        std::vector<float> order;
        for (Dim got = 0; got < rows; got += batch.rows) {
          if (!source.next(batch)) return false;
          for (Dim i = 0; i < batch.rows; ++i) {
            const float value = batch.inputs[0].data()[2 * i + 1];
            ++seen[static_cast<std::size_t>(value)];
            order.push_back(value);
          }
        }
        for (int count : seen) {
          if (count != 1) return false;
        }
        const bool same = order == first_pass;
        if (pass && shuffle == Shuffle::none && !same) return false;
        if (pass && shuffle == Shuffle::rows && same) return false;
        first_pass = order;
      }
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  register_r_thread();
  const int runs = argc > 1 ? std::atoi(argv[1]) : 3000;
  int bad = 0;
  for (int seed = 0; seed < runs; ++seed) bad += !run_once(seed);
  std::printf("%d random runs, %d bad\n", runs, bad);
  const bool complete = passes_are_complete();
  std::printf("passes over a data set are complete: %s\n", complete ? "ok" : "FAILED");
  return bad || !complete;
}
