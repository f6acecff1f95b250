#include "exec/self_test.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "base/rng.h"
#include "exec/executable.h"

namespace hornet {
namespace {

// Host memory of one tensor.
struct Numbers {
  TensorSpec spec;
  std::vector<char> bytes;

  explicit Numbers(TensorSpec wanted)
      : spec(std::move(wanted)), bytes(Tensor{nullptr, spec}.bytes()) {}
  Tensor tensor() { return {bytes.data(), spec}; }
  double operator[](Dim i) const {
    return spec.dtype == DType::i32 ? reinterpret_cast<const std::int32_t*>(bytes.data())[i]
                                    : double{reinterpret_cast<const float*>(bytes.data())[i]};
  }
  void set(Dim i, double value) {
    if (spec.dtype == DType::i32)
      reinterpret_cast<std::int32_t*>(bytes.data())[i] = static_cast<std::int32_t>(value);
    else reinterpret_cast<float*>(bytes.data())[i] = static_cast<float>(value);
  }
};

const TensorSpec kRngSpec = {DType::i32, {4}};
const std::int32_t kRngState[4] = {1234567, 89, -1, 5};  // the step is about to carry over

// What gradients start from: of one sign, so that long sums do not cancel out.
double seed(int input, Dim i) {
  const PhiloxCounter bits =
      philox4x32({static_cast<std::uint32_t>(i), 0, 0, 0}, {static_cast<std::uint32_t>(input), 11});
  return 0.5 + uniform_from_bits(bits[0]);
}

double difference(const Numbers& got, const Numbers& expected) {
  const Dim n = expected.spec.shape.numel();
  double squares = 0;
  Dim finite = 0;
  for (Dim i = 0; i < n; ++i)
    if (std::isfinite(expected[i])) squares += expected[i] * expected[i], ++finite;
  const double usual = finite > 0 ? std::sqrt(squares / static_cast<double>(finite)) : 0;
  double worst = 0;
  for (Dim i = 0; i < n; ++i) {
    const double a = got[i], b = expected[i];
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double d = std::abs(a - b) / (std::abs(b) + usual);
    worst = std::max(worst, std::isnan(d) ? std::numeric_limits<double>::infinity() : d);
  }
  return worst;
}

// A case, built and ready to run.
class Trial {
 public:
  explicit Trial(const SelfTestCase& test) {
    Targets targets;
    targets.fetches = test.build(sketch_);
    add_gradients(targets.fetches, test.differentiated);
    targets.updates = sketch_.updates;
    variables_->add("rng", kRngSpec);
    function_ = std::make_unique<Function>(graph_, targets, variables_);
  }

  // Of the graph as it was built and as it is fused.
  std::vector<std::string> ops() const {
    std::set<std::string> names;
    for (const Graph* graph : {&graph_, &function_->program().graph})
      for (int id = 0; id < graph->size(); ++id)
        if (!graph->node(id).op->is(OpFlag::leaf)) names.insert(graph->node(id).op->name);
    return {names.begin(), names.end()};
  }

  // All fetches, and the random state after the run.
  std::vector<Numbers> run(Dim batch, bool plain, const std::shared_ptr<Device>& device) {
    variables_->write(0, kRngState, sizeof kRngState);
    PlanOptions options;
    options.batch = batch;
    options.reference_only = plain;
    options.device = device;
    const auto executable = function_->executable(options);
    std::vector<Numbers> inputs, results;
    std::vector<Tensor> feeds;
    for (const TensorSpec& spec : executable->plan().feed_specs) {
      inputs.emplace_back(spec);
      const int index = static_cast<int>(inputs.size()) - 1;
      for (Dim i = 0; i < spec.shape.numel(); ++i)
        inputs.back().set(i, sketch_.fills[index](index, i));
    }
    for (Numbers& input : inputs) feeds.push_back(input.tensor());
    executable->run(feeds, [&](const std::vector<Tensor>& fetched) {
      for (const Tensor& tensor : fetched) {
        results.emplace_back(tensor.spec);
        if (tensor.bytes() > 0)
          std::memcpy(results.back().bytes.data(), tensor.data, tensor.bytes());
      }
    });
    results.emplace_back(kRngSpec);
    variables_->read(0, results.back().bytes.data(), sizeof kRngState);
    return results;
  }

 private:
  void add_gradients(std::vector<Value>& fetches, std::size_t differentiated) {
    std::vector<Value> outputs, seeds, inputs;
    for (int id = 0; id < graph_.size(); ++id)
      if (graph_.node(id).op->name == "input" && graph_.spec({id, 0}).dtype == DType::f32)
        inputs.push_back({id, 0});
    for (Value v : fetches)
      if (graph_.spec(v).dtype == DType::f32 && outputs.size() < differentiated) {
        outputs.push_back(v);
        seeds.push_back(sketch_.input(graph_.shape(v), seed));
      }
    for (Value dx : pull_back(graph_, outputs, seeds, inputs, /* first_node = */ 0))
      if (dx) fetches.push_back(dx);
  }

  Graph graph_;
  SelfTestGraph sketch_{graph_};
  std::shared_ptr<Variables> variables_ = std::make_shared<Variables>();
  std::unique_ptr<Function> function_;
};

std::string where(Dim batch, bool plain) {
  return "batch of " + std::to_string(batch) + (plain ? "" : ", fused") + ": ";
}

}  // namespace

Value SelfTestGraph::input(Shape shape, Fill fill, DType type) {
  fills.push_back(fill);
  return graph().input(static_cast<int>(fills.size()) - 1, {type, std::move(shape)});
}

Value SelfTestGraph::rng() { return graph().variable(0, kRngSpec); }

SelfTestRow run_case(const SelfTestCase& test, const std::shared_ptr<Device>& device) {
  SelfTestRow row = {test.name, {}, std::numeric_limits<double>::quiet_NaN(), true, ""};
  std::string at;
  try {
    Trial trial(test);
    row.ops = trial.ops();
    for (Dim batch : test.batches) {
      at = where(batch, true);
      const auto expected = trial.run(batch, /* plain = */ true, nullptr);
      for (bool plain : {true, false}) {
        at = where(batch, plain);
        const auto got = trial.run(batch, plain, device);
        for (std::size_t i = 0; i < expected.size(); ++i) {
          const double d = difference(got[i], expected[i]);
          row.difference = std::isnan(row.difference) ? d : std::max(row.difference, d);
          const bool ok = test.exact ? got[i].bytes == expected[i].bytes : d <= kSelfTestTolerance;
          if (ok || !row.ok) continue;
          row.ok = false;
          row.message = at + "result " + std::to_string(i + 1) + " of " +
                        std::to_string(expected.size()) +
                        (test.exact ? " is not the same" : " is too far from the reference");
        }
      }
    }
  } catch (const Error& error) {
    row.ok = false;
    row.message = at + error.what();
  }
  return row;
}

std::vector<SelfTestRow> self_test(const std::shared_ptr<Device>& device) {
  std::vector<SelfTestRow> rows;
  for (const SelfTestCase& test : self_test_cases()) {
    rows.push_back(run_case(test, device));
    if (device->lost()) break;
  }
  return rows;
}

}  // namespace hornet
