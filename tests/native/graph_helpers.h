// For tests of graphs: naive evaluation in double precision, and random graphs.
#pragma once
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "backend/backend.h"
#include "exec/executable.h"
#include "graph/builder.h"
#include "graph/op.h"

namespace hornet::testing {

using Doubles = std::vector<double>;
using Random = std::mt19937;

inline Doubles random_doubles(Random& random, Dim n, double scale = 1) {
  std::normal_distribution<double> normal;
  Doubles x(static_cast<std::size_t>(n));
  for (double& v : x) v = scale * normal(random);
  return x;
}

inline TensorSpec f32(Shape shape) { return {DType::f32, std::move(shape)}; }

// --- naive evaluation: every node on its own, in memory of its own -------------------------------

// What variables and feeds hold; int32 values too are kept as doubles.
struct World {
  std::map<int, Doubles> variables;  // by id
  std::vector<Doubles> feeds;
};

class Naive {
 public:
  Naive(const Graph& graph, const World& world, Dim batch)
      : graph_(graph), world_(world), batch_(batch) {}

  Doubles operator()(Value v) {
    const Memory& memory = outputs(v.node)[v.output];
    const std::size_t n = static_cast<std::size_t>(memory.spec.shape.numel());
    Doubles result(n);
    for (std::size_t i = 0; i < n; ++i)
      result[i] = memory.spec.dtype == DType::i32
                      ? reinterpret_cast<const std::int32_t*>(memory.bytes.data())[i]
                      : reinterpret_cast<const double*>(memory.bytes.data())[i];
    return result;
  }

 private:
  struct Memory {
    TensorSpec spec;
    std::vector<char> bytes;
    Tensor tensor() { return {bytes.data(), spec}; }
  };

  Memory make(const TensorSpec& spec) const {
    Memory memory{{spec.dtype == DType::f32 ? DType::f64 : spec.dtype, spec.shape.bind(batch_)},
                  {}};
    memory.bytes.resize(Tensor{nullptr, memory.spec}.bytes() + 8);
    return memory;
  }

  static void fill(Memory& memory, const Doubles& values) {
    for (std::size_t i = 0; i < values.size(); ++i)
      if (memory.spec.dtype == DType::i32)
        reinterpret_cast<std::int32_t*>(memory.bytes.data())[i] =
            static_cast<std::int32_t>(values[i]);
      else reinterpret_cast<double*>(memory.bytes.data())[i] = values[i];
  }

  std::vector<Memory>& outputs(int id) {
    auto known = known_.find(id);
    if (known != known_.end()) return known->second;
    const Node& node = graph_.node(id);
    std::vector<Memory> result;
    for (const TensorSpec& spec : node.outputs) result.push_back(make(spec));
    if (node.op->name == "input") {
      fill(result[0], world_.feeds[static_cast<std::size_t>(node.attrs.integer("index"))]);
    } else if (node.op->name == "variable") {
      fill(result[0], world_.variables.at(static_cast<int>(node.attrs.integer("id"))));
    } else if (node.op->name == "constant") {
      fill(result[0], Doubles(static_cast<std::size_t>(result[0].spec.shape.numel()),
                              node.attrs.real("value")));
    } else if (node.op->is(OpFlag::view) || node.op->name == "stop_gradient") {
      result[0].bytes = outputs(node.inputs[0].node)[node.inputs[0].output].bytes;
    } else if (node.op->name == "assign") {
      result[0].bytes = outputs(node.inputs[1].node)[node.inputs[1].output].bytes;
    } else {
      run(node, result);
    }
    return known_.emplace(id, std::move(result)).first->second;
  }

  void run(const Node& node, std::vector<Memory>& result) {
    std::vector<Tensor> in, out;
    BoundNode bound{&node, {}, {}, batch_};
    for (Value v : node.inputs) {
      in.push_back(outputs(v.node)[v.output].tensor());
      bound.inputs.push_back(in.back().spec);
    }
    for (Memory& memory : result) {
      out.push_back(memory.tensor());
      bound.outputs.push_back(memory.spec);
    }
    const auto kernel = reference_backend().compile(bound);
    if (!kernel) throw Error("no reference kernel for " + node.op->name);
    std::vector<double> workspace(kernel->workspace_bytes() / 8 + 1);
    kernel->run(in.data(), out.data(), workspace.data());
  }

  const Graph& graph_;
  const World& world_;
  Dim batch_;
  std::map<int, std::vector<Memory>> known_;
};

// --- the same world on the executor
// ---------------------------------------------------------------

inline void store(Variables& variables, const World& world) {
  for (const auto& v : world.variables) {
    const bool whole = variables.spec(v.first).dtype == DType::i32;
    std::vector<float> reals(v.second.begin(), v.second.end());
    std::vector<std::int32_t> integers(v.second.begin(), v.second.end());
    variables.write(v.first, whole ? static_cast<void*>(integers.data()) : reals.data(),
                    v.second.size() * 4);
  }
}

inline Doubles read_variable(const Variables& variables, int id) {
  const TensorSpec& spec = variables.spec(id);
  const std::size_t n = static_cast<std::size_t>(spec.shape.numel());
  std::vector<char> bytes(n * 4 + 1);
  variables.read(id, bytes.data(), n * 4);
  Doubles result(n);
  for (std::size_t i = 0; i < n; ++i)
    result[i] = spec.dtype == DType::i32
                    ? reinterpret_cast<const std::int32_t*>(bytes.data())[i]
                    : static_cast<double>(reinterpret_cast<const float*>(bytes.data())[i]);
  return result;
}

inline PlanOptions for_batch(Dim batch, std::shared_ptr<Device> device = nullptr) {
  PlanOptions options;
  options.batch = batch;
  options.device = std::move(device);
  return options;
}

// Runs once; feeds in double or single precision.
inline std::vector<Doubles> run(Executable& executable, const World& world,
                                const std::atomic<bool>* stop = nullptr) {
  const bool f64 = executable.plan().f64;
  std::vector<std::vector<float>> singles;
  World copy = world;
  for (const Doubles& feed : world.feeds) singles.emplace_back(feed.begin(), feed.end());
  std::vector<Tensor> feeds;
  for (std::size_t i = 0; i < world.feeds.size(); ++i)
    feeds.push_back({f64 ? static_cast<void*>(copy.feeds[i].data()) : singles[i].data(),
                     executable.plan().feed_specs[i]});
  std::vector<Doubles> results;
  executable.run(
      feeds,
      [&](const std::vector<Tensor>& fetched) {
        for (const Tensor& t : fetched) {
          const std::size_t n = static_cast<std::size_t>(t.numel());
          Doubles result(n);
          for (std::size_t i = 0; i < n; ++i)
            result[i] = t.spec.dtype == DType::f64   ? t.as<double>()[i]
                        : t.spec.dtype == DType::f32 ? static_cast<double>(t.as<float>()[i])
                                                     : t.as<std::int32_t>()[i];
          results.push_back(result);
        }
      },
      stop);
  return results;
}

// Largest difference, relative where numbers are large. NaNs are equal to NaNs only.
inline double distance(const Doubles& a, const Doubles& b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (a[i] == b[i]) continue;
    const double d = std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
    worst = std::isnan(d) ? INFINITY : std::max(worst, d);
  }
  return worst;
}

}  // namespace hornet::testing
