// Sources of batches without R: windows over series, batches cut out of chunks, ends of records.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "data/chunk_source.h"
#include "data/csv_records.h"
#include "data/feeder.h"
#include "data/window_source.h"
#include "rt/threads.h"

using namespace hornet;

namespace {

// Chunks of numbers 0, 1, ...: the input and, times 10, the target; pass after pass.
class Counting : public Source {
 public:
  Counting(std::vector<Dim> chunks, bool weights) : chunks_(std::move(chunks)), weights_(weights) {}
  bool next(Batch& batch) override {
    if (at_ == chunks_.size()) {
      at_ = 0;
      value_ = 0;
      return false;
    }
    const Dim rows = chunks_[at_++];
    batch.inputs.resize(1);
    batch.targets.resize(1);
    float* x = batch.inputs[0].resize({rows, 2});
    float* y = batch.targets[0].resize({rows});
    if (weights_) batch.weights.resize(1);
    float* w = weights_ ? batch.weights[0].resize({rows}) : nullptr;
    for (Dim i = 0; i < rows; ++i, ++value_) {
      x[2 * i] = x[2 * i + 1] = static_cast<float>(value_);
      y[i] = static_cast<float>(10 * value_);
      if (w) w[i] = static_cast<float>(value_ + 1);
    }
    return true;
  }

 private:
  const std::vector<Dim> chunks_;
  const bool weights_;
  std::size_t at_ = 0;
  int value_ = 0;
};

// The rows of one batch, once they are seen to belong together.
std::vector<int> rows_of(const Batch& batch, bool weights) {
  std::vector<int> rows;
  CHECK(batch.inputs[0].shape == (Shape{batch.rows, 2}));
  CHECK(batch.targets[0].shape == (Shape{batch.rows}));
  for (Dim i = 0; i < batch.rows; ++i) {
    const float x = batch.inputs[0].data()[2 * i];
    CHECK(batch.inputs[0].data()[2 * i + 1] == x);
    CHECK(batch.targets[0].data()[i] == 10 * x);
    if (weights) CHECK(batch.weights[0].data()[i] == x + 1);
    rows.push_back(static_cast<int>(x));
  }
  return rows;
}

std::vector<Dim> random_chunks(std::mt19937& random) {
  std::vector<Dim> chunks;
  for (unsigned i = random() % 6; i-- > 0;) chunks.push_back(static_cast<Dim>(random() % 12));
  return chunks;
}

void passes_are_whole() {
  std::mt19937 random(20240611);
  for (int round = 0; round < 300; ++round) {
    const std::vector<Dim> chunks = random_chunks(random);
    Dim rows = 0;
    for (Dim chunk : chunks) rows += chunk;
    const bool weights = random() % 2;
    ChunkSource::Options options;
    options.batch_size = 1 + random() % 9;
    options.buffer = random() % 3 ? 0 : 2 + random() % 20;
    options.loop = random() % 3;
    options.ahead = random() % 2;
    options.seed = round;
    const Dim batches = (rows + options.batch_size - 1) / options.batch_size;
    const int passes = options.loop ? 3 : 1;
    options.total = random() % 2 ? passes * batches : -1;
    ChunkSource source(std::make_shared<Counting>(chunks, weights), options);
    Batch batch;
    if (rows == 0) {
      CHECK(!source.next(batch));
      continue;
    }
    for (int pass = 0; pass < passes; ++pass) {
      std::vector<int> seen;
      for (Dim i = 0; i < batches; ++i) {
        for (HostTensor& w : batch.weights) w.shape = Shape();
        CHECK(source.next(batch));
        CHECK(batch.rows == std::min(options.batch_size, rows - i * options.batch_size));
        const std::vector<int> these = rows_of(batch, weights);
        // What is drawn comes from the first rows that fit in the buffer and what followed them.
        for (std::size_t j = 0; options.buffer > 1 && j < these.size(); ++j) {
          CHECK(these[j] < static_cast<Dim>(seen.size() + j) + options.buffer);
        }
        seen.insert(seen.end(), these.begin(), these.end());
      }
      if (options.buffer > 1) std::sort(seen.begin(), seen.end());
      bool each_once = static_cast<Dim>(seen.size()) == rows;
      for (std::size_t i = 0; i < seen.size(); ++i) each_once &= seen[i] == static_cast<int>(i);
      CHECK(each_once);
    }
    if (!options.loop) CHECK(!source.next(batch));
  }
}

void a_feeder_may_stop_anywhere() {
  std::mt19937 random(7);
  FeedSpec spec;
  spec.inputs = {{"x", {-1, 2}, 0}};
  spec.targets = {{"y", {-1, 1}, 0}};
  for (int round = 0; round < 200; ++round) {
    ChunkSource::Options options;
    options.batch_size = 1 + random() % 5;
    options.buffer = random() % 2 ? 0 : 8;
    Feeder::Options feeding;
    feeding.queue_size = 1 + random() % 3;
    auto source = std::make_shared<ChunkSource>(
        std::make_shared<Counting>(std::vector<Dim>{5, 0, 7}, false), options);
    Feeder feeder(source, spec, feeding);
    for (unsigned i = random() % 20; i-- > 0;) CHECK(feeder.pop());
    feeder.stop();
  }
  CHECK(live_counts().threads == 0);
}

// One chunk is not like the others.
class Uneven : public Source {
 public:
  bool next(Batch& batch) override {
    batch.inputs.resize(1);
    batch.inputs[0].resize({2, ++chunks_});
    return true;
  }

 private:
  Dim chunks_ = 0;
};

void uneven_chunks_are_refused() {
  for (bool ahead : {false, true}) {
    ChunkSource::Options options;
    options.ahead = ahead;
    ChunkSource source(std::make_shared<Uneven>(), options);
    Batch batch;
    CHECK_THROWS(source.next(batch), "same columns");
  }
}

CsvRecords records(const std::string& text, std::int64_t at_most = 1000) {
  return complete_records(text.data(), text.size(), ',', '"', at_most);
}

void records_end_outside_of_quotes() {
  CHECK(records("a,b\n1,2\n3,").bytes == 8);
  CHECK(records("a,b\n1,2\n3,").records == 2);
  CHECK(records("\"a\nb\",1\n").records == 1);
  CHECK(records("\"a\"\"\n\"\"b\",1\n2,3\n").records == 2);
  CHECK(records("5\" pipe,1\n7\" pipe,2\n").records == 2);
  CHECK(records("\"\",\"\"\n\"\"\n").records == 2);
  CHECK(records("1,\"open\n2,3\n").bytes == 0);
  CHECK(records("\n\r\n1\r\n\n").records == 1);
  CHECK(records("\n\r\n1\r\n\n").bytes == 7);
  CHECK(records("1\n2\n3\n", 2).bytes == 4);
  CHECK(records("").bytes == 0);
  std::string text = "\"a\r\nb\",1\n2,\"\"\"\n\"\n";
  CHECK(join_lines(text.data(), text.size(), ',', '"') == 3);
  CHECK(text ==
        "\"a\x1d\x1e"
        "b\",1\n2,\"\"\"\x1e\"\n");
}

void windows_stay_inside() {
  auto series = std::make_shared<Dataset>();
  series->all.rows = 10;
  series->all.inputs.resize(1);
  series->all.targets.resize(1);
  float* x = series->all.inputs[0].resize({10, 1});
  float* y = series->all.targets[0].resize({10});
  for (int i = 0; i < 10; ++i) x[i] = y[i] = static_cast<float>(i);
  Windows windows;
  windows.length = windows.first = 3;
  windows.last = 9;
  windows.batch_size = 4;
  WindowSource source(series, windows, {});
  Batch batch;
  std::vector<float> targets;
  for (int i = 0; i < 4; ++i) {
    CHECK(source.next(batch));
    for (Dim row = 0; row < batch.rows; ++row) {
      targets.push_back(batch.targets[0].data()[row]);
      CHECK(batch.inputs[0].data()[3 * row] == targets.back() - 3);
    }
  }
  CHECK(targets == (std::vector<float>{3, 4, 5, 6, 7, 8, 9, 3, 4, 5, 6, 7, 8, 9}));
  windows.last = 10;
  CHECK_THROWS(WindowSource(series, windows, {}), "don't lie in the series");
  windows.last = 9;
  windows.first = 2;
  CHECK_THROWS(WindowSource(series, windows, {}), "don't lie in the series");
}

}  // namespace

int main() {
  register_r_thread();
  test("passes over chunks are whole, in order or drawn", passes_are_whole);
  test("a feeder over chunks may stop anywhere", a_feeder_may_stop_anywhere);
  test("chunks with other columns are refused", uneven_chunks_are_refused);
  test("records end outside of quotes", records_end_outside_of_quotes);
  test("windows stay inside of their series", windows_stay_inside);
  return check_result();
}
