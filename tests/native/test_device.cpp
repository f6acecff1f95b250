// Plans on a device against plans on the host, and what a run asks of the device. The device is
// the host itself or, where HORNET_CUDA_PLUGIN names a plugin, that plugin's first.
#include <cstring>
#include <thread>

#include "check.h"
#include "data/array_source.h"
#include "device_helpers.h"
#include "random_graphs.h"
#include "train/trainer.h"

using namespace hornet;
using namespace hornet::testing;

namespace {

// --- a model to train ------------------------------------------------------------------------

// Two dense layers, trained by plain gradient descent; it yields its loss and its accuracy.
struct Model {
  static constexpr Dim kFeatures = 5, kUnits = 7, kClasses = 3;
  std::shared_ptr<Variables> variables = std::make_shared<Variables>();
  std::vector<int> weights;
  std::unique_ptr<Function> train, predict;

  explicit Model(const Model* shares = nullptr) {
    const std::vector<Shape> shapes = {{kFeatures, kUnits}, {kUnits}, {kUnits, kClasses}};
    Random random(3);
    for (const Shape& shape : shapes) {
      const int i = static_cast<int>(weights.size());
      if (shares) {
        weights.push_back(variables->share(shares->variables, shares->weights[i]));
        continue;
      }
      weights.push_back(variables->add("w" + std::to_string(i), f32(shape)));
      const Doubles values = random_doubles(random, shape.numel(), 0.5);
      const std::vector<float> singles(values.begin(), values.end());
      variables->write(weights[i], singles.data(), singles.size() * 4);
    }
    Graph graph;
    Builder b(graph);
    std::vector<Value> w;
    for (std::size_t i = 0; i < shapes.size(); ++i)
      w.push_back(graph.variable(weights[i], f32(shapes[i])));
    const Value x = graph.input(0, f32({-1, kFeatures}));
    const Value y = b.softmax(b.matmul(b.relu(b.add(b.matmul(x, w[0]), w[1])), w[2]));
    predict = std::make_unique<Function>(graph, Targets{{y}, {}}, variables);
    const Value labels = graph.input(1, f32({-1, kClasses}));
    const Value p = b.clip(y, 1e-7, 1 - 1e-7);
    const Value loss = b.mean(b.neg(b.sum(b.mul(labels, b.log(p)), {1})), {});
    const Value right = b.mean(b.equal(b.argmax(y, 1), b.argmax(labels, 1)), {});
    Targets targets{{b.all_reduce(loss), b.all_reduce(right)}, {}};
    const std::vector<Value> gradients = gradient(graph, loss, w);
    for (std::size_t i = 0; i < w.size(); ++i) {
      const Value to = b.sub(w[i], b.mul(b.all_reduce(gradients[i]), b.scalar(0.3)));
      targets.updates.push_back(graph.add("assign", {w[i], to}));
    }
    train = std::make_unique<Function>(graph, targets, variables);
  }
  Doubles weight(int i) const { return read_variable(*variables, weights[i]); }
};

std::shared_ptr<Dataset> make_data(Dim rows) {
  Random random(5);
  auto data = std::make_shared<Dataset>();
  data->all.rows = rows;
  data->all.inputs.resize(1);
  data->all.targets.resize(1);
  float* x = data->all.inputs[0].resize({rows, Model::kFeatures});
  float* y = data->all.targets[0].resize({rows, Model::kClasses});
  const Doubles noise = random_doubles(random, rows * Model::kFeatures);
  for (Dim row = 0; row < rows; ++row) {
    for (Dim i = 0; i < Model::kFeatures; ++i)
      x[row * Model::kFeatures + i] = static_cast<float>(noise[row * Model::kFeatures + i]);
    const float* here = x + row * Model::kFeatures;
    const Dim label = here[0] > here[1] ? (here[2] > 0 ? 0 : 1) : 2;
    for (Dim c = 0; c < Model::kClasses; ++c) y[row * Model::kClasses + c] = c == label;
  }
  return data;
}

FeedSpec feed_spec(bool targets) {
  FeedSpec spec;
  spec.inputs = {{"x", {-1, Model::kFeatures}, 0}};
  if (targets) spec.targets = {{"y", {-1, Model::kClasses}, 0}};
  spec.needs_targets = targets;
  spec.weighted = false;
  return spec;
}

// Batches through a producer thread, as from a generator.
class Threaded : public ArraySource {
 public:
  using ArraySource::ArraySource;
  bool direct() const override { return false; }
};

std::unique_ptr<Feeder> make_feeder(const std::shared_ptr<Dataset>& data, Dim batch_size,
                                    int queue_size, bool targets = true) {
  ArraySource::Options options;
  options.batch_size = batch_size;
  std::shared_ptr<Source> source;
  if (queue_size < 0)
    source = std::make_shared<ArraySource>(data, std::vector<std::int64_t>{}, options);
  else source = std::make_shared<Threaded>(data, std::vector<std::int64_t>{}, options);
  return std::make_unique<Feeder>(source, feed_spec(targets), Feeder::Options{queue_size, -1});
}

// On a thread of its own, as the trainer wants it.
template <class Body>
auto elsewhere(Body body) {
  decltype(body()) result{};
  std::exception_ptr failed;
  std::thread worker([&] {
    try {
      result = body();
    } catch (...) { failed = std::current_exception(); }
  });
  worker.join();
  if (failed) std::rethrow_exception(failed);
  return result;
}

struct Training {
  RunResult result;
  std::vector<std::vector<double>> steps;  // each step's values, if asked for
};

Training train(Model& model, const Group& devices, Dim rows, Dim batch_size, int queue_size,
               std::int64_t steps, bool watch = false) {
  const auto data = make_data(rows);
  const auto feeder = make_feeder(data, batch_size, queue_size);
  Board board;
  Training training;
  BatchHooks hooks;
  if (watch) {
    hooks.end = [&](std::int64_t step, Dim, const std::vector<double>& values) {
      CHECK(step == static_cast<std::int64_t>(training.steps.size()));
      training.steps.push_back(values);
      return false;
    };
  }
  training.result = elsewhere([&] {
    Trainer trainer(*model.train, *feeder, RunMode::train, board, hooks, devices);
    return trainer.run(steps);
  });
  CHECK(board.read().step == steps);
  return training;
}

bool near(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  return distance(a, b) <= tolerance;
}

// --- tests -----------------------------------------------------------------------------------

void random_programs(const std::shared_ptr<Device>& device, unsigned count) {
  for (unsigned seed = 1; seed <= count; ++seed) {
    RandomProgram p = RandomGraphs(seed).make(30 + static_cast<int>(seed % 5) * 20);
    Function function(p.graph, p.targets, p.variables);
    store(*p.variables, p.world);
    const auto expected = run(*function.executable(for_batch(p.batch)), p.world);
    std::map<int, Doubles> variables;
    for (const auto& v : p.world.variables)
      variables[v.first] = read_variable(*p.variables, v.first);
    store(*p.variables, p.world);
    const auto got = run(*function.executable(for_batch(p.batch, device)), p.world);
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i)
      worst = std::max(worst, distance(got[i], expected[i]));
    for (const auto& v : variables)
      worst = std::max(worst, distance(read_variable(*p.variables, v.first), v.second));
    if (!CHECK(worst <= 1e-4)) std::printf("  seed %u: %g\n", seed, worst);
  }
}

void training(const Group& devices) {
  for (int queue_size : {-1, 0, 1, 4}) {
    for (Dim batch_size : {8, 7}) {  // the last of a pass is short: 5 and 1
      Model on_host, on_device;
      const Training a = train(on_host, nullptr, 29, batch_size, queue_size, 20);
      const Training b = train(on_device, devices, 29, batch_size, queue_size, 20);
      CHECK(b.result.steps == 20 && b.result.rows == a.result.rows && !b.result.exhausted);
      CHECK(near(b.result.metrics, a.result.metrics, 1e-4));
      for (int i = 0; i < 3; ++i) CHECK(near(on_device.weight(i), on_host.weight(i), 1e-4));
    }
  }
}

void hooks_see_each_step(const Group& devices) {
  Model on_host, on_device;
  const Training a = train(on_host, nullptr, 32, 8, 2, 10, /* watch = */ true);
  const Training b = train(on_device, devices, 32, 8, 2, 10, /* watch = */ true);
  CHECK(b.steps.size() == 10);
  for (std::size_t i = 0; i < b.steps.size(); ++i) CHECK(near(b.steps[i], a.steps[i], 1e-4));
}

void predictions(const Group& devices) {
  Model model;
  const auto data = make_data(21);
  const auto predict = [&](Group on) {
    const auto feeder = make_feeder(data, 4, -1, /* targets = */ false);
    Board board;
    return elsewhere([&] {
      Trainer trainer(*model.predict, *feeder, RunMode::predict, board, {}, on);
      return trainer.run(6);
    });
  };
  const RunResult expected = predict(nullptr), got = predict(devices);
  CHECK(got.predictions.size() == 1 && got.predictions[0].shape == Shape({21, Model::kClasses}));
  bool same = true;
  for (int i = 0; i < 21 * Model::kClasses; ++i)
    same =
        same && std::abs(got.predictions[0].data()[i] - expected.predictions[0].data()[i]) < 1e-5;
  CHECK(same);
}

// The newest value of a variable is found wherever it is.
void values_move(const Group& devices) {
  Model model, twin;
  train(model, devices, 32, 8, 1, 3);
  train(twin, nullptr, 32, 8, 1, 3);
  train(model, nullptr, 32, 8, 1, 3);
  train(twin, devices, 32, 8, 1, 3);
  for (int i = 0; i < 3; ++i) CHECK(near(model.weight(i), twin.weight(i), 1e-4));
  Model sharer(&model);
  train(sharer, devices, 32, 8, 1, 3);
  train(twin, nullptr, 32, 8, 1, 3);
  for (int i = 0; i < 3; ++i) CHECK(near(model.weight(i), twin.weight(i), 1e-4));
  // A write between steps counts.
  const std::vector<float> zeros(Model::kUnits * Model::kClasses, 0);
  model.variables->write(model.weights[2], zeros.data(), zeros.size() * 4);
  const auto feeder = make_feeder(make_data(6), 6, -1, /* targets = */ false);
  Board board;
  const RunResult flat = elsewhere([&] {
    Trainer trainer(*model.predict, *feeder, RunMode::predict, board, {}, devices);
    return trainer.run(1);
  });
  CHECK(std::abs(flat.predictions[0].data()[0] - 1.0f / Model::kClasses) < 1e-6);
}

// In steady state nobody waits for the device, nothing is allocated, and batches are all that goes
// there.
void steady_state(const Group& devices) {
  Model model;
  const auto data = make_data(64);
  const auto feeder = make_feeder(data, 16, 2);
  Board board;
  elsewhere([&] {
    Trainer trainer(*model.train, *feeder, RunMode::train, board, {}, devices);
    trainer.run(3);  // takes the weights up, allocates
    return 0;
  });
  Watched seen;
  constexpr std::int64_t kSteps = 200;
  std::int64_t step = 0;
  BatchHooks hooks;
  hooks.begin = [&](std::int64_t index, Dim) {
    if (index == 4) watched().reset();  // a new trainer has buffers of its own
    if (index == kSteps - 1) seen = watched();
    step = index;
  };
  elsewhere([&] {
    Trainer trainer(*model.train, *feeder, RunMode::train, board, hooks, devices);
    return trainer.run(kSteps);
  });
  constexpr std::int64_t kCounted = kSteps - 5;
  CHECK(seen.synchronized == 0);
  CHECK(seen.allocations == 0);
  CHECK(seen.uploaded == kCounted * 16 * (Model::kFeatures + Model::kClasses) * 4);
  CHECK(seen.downloaded <= (kCounted + 5) * 64);
}

void lost_device() {
  Model model, twin;
  const auto device = new_device();
  const Group devices = group_of({device});
  train(model, devices, 32, 8, 1, 5);
  train(twin, nullptr, 32, 8, 1, 5);
  watched().fail_run_at = watched().runs + 20;
  CHECK_THROWS(train(model, devices, 32, 8, 1, 50), "gpu:0: an illegal address was met");
  watched().fail_run_at = -1;
  CHECK(device->lost());
  // What the earlier run ended with is safe.
  for (int i = 0; i < 3; ++i) CHECK(near(model.weight(i), twin.weight(i), 1e-4));
  CHECK_THROWS(train(model, devices, 32, 8, 1, 5), "was lost by an earlier failure");
  train(model, nullptr, 32, 8, 1, 5);
}

void full_device() {
  const auto device = new_device();
  const Group devices = group_of({device});
  for (std::int64_t at = 0; at < 12; ++at) {
    Model model;
    watched().reset();
    watched().fail_allocation_at = at;
    std::string error;
    try {
      train(model, devices, 32, 8, 1, 5);
    } catch (const Error& e) { error = e.kind(); }
    const bool failed = watched().allocations > at;
    watched().fail_allocation_at = -1;
    CHECK(error == (failed ? "out_of_memory" : ""));
    CHECK(!device->lost());
    train(model, devices, 32, 8, 1, 5);  // it goes on when there is room again
  }
}

// Each batch size has a plan of its own, and all have the same memory, which grows.
void other_sizes(const Group& devices) {
  Model on_host, on_device;
  for (Dim batch_size : {3, 32, 3}) {
    train(on_host, nullptr, 32, batch_size, 1, 3);
    train(on_device, devices, 32, batch_size, 1, 3);
    for (int i = 0; i < 3; ++i) CHECK(near(on_device.weight(i), on_host.weight(i), 1e-4));
  }
}

void take_turns(const std::vector<Group>& turns) {
  Model on_host, on_device;
  for (const Group& devices : turns) {
    train(on_host, nullptr, 32, 7, 1, 5);
    train(on_device, devices, 32, 7, 1, 5);
  }
  for (int i = 0; i < 3; ++i) CHECK(near(on_device.weight(i), on_host.weight(i), 1e-4));
}

// What one model gives back, the next one takes while the device still works on the last steps.
void kept_memory() {
  const auto device = new_device(0, /* cache_memory = */ true);
  const Group devices = group_of({device});
  for (Dim batch_size : {8, 6, 16, 8}) {
    Model on_host, on_device;
    const Training a = train(on_host, nullptr, 32, batch_size, 2, 6);
    const Training b = train(on_device, devices, 32, batch_size, 2, 6);
    CHECK(near(b.result.metrics, a.result.metrics, 1e-4));
    for (int i = 0; i < 3; ++i) CHECK(near(on_device.weight(i), on_host.weight(i), 1e-4));
    if (batch_size == 16) device->trim();
  }
}

// Memory that was given back before the device has written to it becomes the inputs of a step.
void given_back_at_work() {
  const auto device = new_device(0, /* cache_memory = */ true);
  Model on_host, on_device;
  train(on_host, nullptr, 32, 8, 2, 4);
  const auto feeder = make_feeder(make_data(32), 8, 2);
  Board board;
  BatchHooks hooks;
  hooks.begin = [&](std::int64_t step, Dim) {
    if (step > 0) return;
    const std::size_t bytes = 512;  // of a batch's inputs
    const std::vector<float> zeros(bytes / sizeof(float));
    std::vector<DeviceBuffer> buffers;
    for (int i = 0; i < 4; ++i) {
      buffers.emplace_back(device, bytes);
      device->upload(Device::compute, buffers.back().data(), zeros.data(), bytes);
    }
  };
  elsewhere([&] {
    Trainer trainer(*on_device.train, *feeder, RunMode::train, board, hooks, group_of({device}));
    return trainer.run(4);
  });
  for (int i = 0; i < 3; ++i) CHECK(near(on_device.weight(i), on_host.weight(i), 1e-4));
}

void stopped(const Group& devices) {
  Model model;
  const auto feeder = make_feeder(make_data(32), 8, 2);
  Board board;
  stalled() = true;
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    feeder->close();
    stalled() = false;
  });
  const RunResult result = elsewhere([&] {
    Trainer trainer(*model.train, *feeder, RunMode::train, board, {}, devices);
    return trainer.run(1000);
  });
  stopper.join();
  CHECK(result.steps < 1000);
}

}  // namespace

int main() {
  const bool emulated = std::getenv("HORNET_CUDA_PLUGIN") != nullptr;
  const auto device = new_device();
  if (emulated) {
    set_device_options({0, 1, 0});
    open_device(0);  // from here on, memory that is copied from or to is pinned
  }
  const Group one = group_of({device});
  test("random programs yield on a device what they yield on the host",
       [&] { random_programs(device, emulated ? 40 : 150); });
  test("training on a device is training on the host", [&] { training(one); });
  test("batch hooks see the values of each step", [&] { hooks_see_each_step(one); });
  test("predictions come in order", [&] { predictions(one); });
  test("variables are used where their newest value is", [&] { values_move(one); });
  test("in steady state nobody waits and nothing is allocated", [&] { steady_state(one); });
  test("a run that is stopped ends while the device stalls", [&] { stopped(one); });
  test("a lost device is an error, and the weights survive", lost_device);
  test("a full device is an error, and it goes on afterwards", full_device);
  test("batches of other sizes", [&] { other_sizes(one); });
  test("memory is kept for the next model", kept_memory);
  test("memory is given back while the device works with it", given_back_at_work);
  if (count_devices() > 1) {
    const auto second = new_device(1);
    const Group two = group_of({device, second});
    test("training on two devices is training on the host", [&] { training(two); });
    test("two devices predict in order", [&] { predictions(two); });
    test("variables move between two devices and the host", [&] { values_move(two); });
    test("two devices take turns", [&] {
      take_turns({two, one, group_of({second}), two, one, two});
    });
    test("in steady state two devices are not waited for", [&] { steady_state(two); });
  }
  close_devices();
  return check_result();
}
