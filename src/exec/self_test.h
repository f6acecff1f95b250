// Does a device compute what the reference computes? Every op and its gradient, on small tensors
// of sizes around those where kernels change their ways.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/device.h"
#include "graph/builder.h"

namespace hornet {

// A graph that is being built, and what its inputs will hold: fill(input, i) at element i.
class SelfTestGraph : public Builder {
 public:
  using Fill = double (*)(int input, Dim i);

  explicit SelfTestGraph(Graph& graph) : Builder(graph) {}
  Value input(Shape shape, Fill fill, DType type = DType::f32);
  Value rng();  // the variable of the random ops, the only one a case may have

  std::vector<Fill> fills;
  std::vector<Value> updates;
};

struct SelfTestCase {
  std::string name;
  std::vector<Dim> batches;
  // The values to compare. Gradients of the first `differentiated` float ones are compared too.
  std::function<std::vector<Value>(SelfTestGraph&)> build;
  std::size_t differentiated = 99;
  bool exact = false;  // bit by bit; else within kSelfTestTolerance
};
std::vector<SelfTestCase> self_test_cases();

// Of |a - b| / (|b| + root mean square of b).
constexpr double kSelfTestTolerance = 1e-5;

struct SelfTestRow {
  std::string name;
  std::vector<std::string> ops;  // it is made of, each once
  double difference;             // the largest; NaN where nothing was compared
  bool ok;
  std::string message;  // of what went wrong
};

SelfTestRow run_case(const SelfTestCase& test, const std::shared_ptr<Device>& device);
// One row a case. A lost device ends the test with the row of the case that lost it.
std::vector<SelfTestRow> self_test(const std::shared_ptr<Device>& device);

}  // namespace hornet
