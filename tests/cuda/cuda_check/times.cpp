// How long things take on the device, work on the device alone. torch_times.py asks the same of
// PyTorch, under the same names.
#include <chrono>
#include <cstdio>

#include "graph/passes.h"
#include "parts.h"

namespace hornet::cuda_check {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// What is measured: a graph, and how much work or traffic it stands for.
struct Task {
  const char* name;
  std::vector<Value> (*build)(Builder&);
  double amount;
  const char* unit;  // of amount a second; "": only the time counts
};

Value input(Builder& b, Shape shape) {
  int index = 0;
  for (int id = 0; id < b.graph().size(); ++id) index += b.graph().node(id).op->name == "input";
  return b.graph().input(index, {DType::f32, std::move(shape)});
}

template <Dim n>
std::vector<Value> product(Builder& b) {
  const Value x = input(b, {n, n});
  return {b.matmul(x, input(b, {n, n}))};
}

const Shape kImages = {64, 56, 56, 64}, kFilter = {3, 3, 64, 64};
constexpr double kConvolution = 2.0 * 64 * 56 * 56 * 64 * 9 * 64;

WindowSpec same() {
  WindowSpec window(2);
  window.padding = {1, 1, 1, 1};
  return window;
}

std::vector<Value> elementwise(Builder& b) {
  const Value x = input(b, {1 << 24});
  return {b.add(x, input(b, {1 << 24}))};
}

// Products and sequence of a layer of 256 units over 50 steps, and back.
std::vector<Value> lstm(Builder& b) {
  const Value x = input(b, {64, 50, 256}), kernel = input(b, {256, 1024});
  const Value recurrent = input(b, {256, 1024}), bias = input(b, {1024});
  const Value zero = b.constant(0, {DType::f32, {64, 256}});
  const Value products =
      b.reshape(b.add(b.matmul(b.reshape(x, {3200, 256}), kernel), bias), {64, 50, 1024});
  const Value h = b.lstm(products, recurrent, zero, zero, {});
  return gradient(b.graph(), b.sum(b.square(h), {}), {x, kernel, recurrent, bias});
}

const Task kTasks[] = {
    {"matmul 1024", product<1024>, 2.0 * 1024 * 1024 * 1024, "TFLOP/s"},
    {"matmul 4096", product<4096>, 2.0 * 4096 * 4096 * 4096, "TFLOP/s"},
    {"conv 3x3 forward",
     [](Builder& b) {
       const Value x = input(b, kImages);
       return std::vector{b.conv2d(x, input(b, kFilter), same())};
     },
     kConvolution, "TFLOP/s"},
    {"conv 3x3 backward data",
     [](Builder& b) {
       const Value dy = input(b, kImages);
       return std::vector{b.conv2d_backward_data(dy, input(b, kFilter), kImages, same())};
     },
     kConvolution, "TFLOP/s"},
    {"conv 3x3 backward weights",
     [](Builder& b) {
       const Value x = input(b, kImages);
       return std::vector{b.conv2d_backward_weights(x, input(b, kImages), kFilter, same())};
     },
     kConvolution, "TFLOP/s"},
    {"add 16M", elementwise, 3.0 * 4 * (1 << 24), "GB/s"},
    {"sum of rows 4096x4096",
     [](Builder& b) {
       return std::vector{b.sum(input(b, {4096, 4096}), {1})};
     },
     4.0 * (1 << 24), "GB/s"},
    {"sum of columns 4096x4096",
     [](Builder& b) {
       return std::vector{b.sum(input(b, {4096, 4096}), {0})};
     },
     4.0 * (1 << 24), "GB/s"},
    {"softmax 4096x4096",
     [](Builder& b) {
       return std::vector{b.softmax(input(b, {4096, 4096}))};
     },
     2.0 * 4 * (1 << 24), "GB/s"},
    {"lstm 64x50x256, both ways", lstm, 0, ""},
};

void measure(const std::shared_ptr<Device>& device, const Task& task) {
  Graph graph;
  Builder b(graph);
  Targets targets;
  targets.fetches = task.build(b);
  Function function(graph, targets, std::make_shared<Variables>());
  const auto made = function.executable(on(device, 1));
  auto& executable = static_cast<DeviceExecutable&>(*made);
  std::vector<Floats> data;
  std::vector<Tensor> feeds;
  for (const TensorSpec& spec : function.feeds())
    data.push_back(noise(spec.shape.numel(), data.size()));
  for (std::size_t i = 0; i < data.size(); ++i)
    feeds.push_back(view(data[i], function.feeds()[i].shape));
  const DeviceBuffer inputs(device, executable.feed_bytes());
  executable.upload(Device::compute, feeds, inputs.data());
  DeviceGroup group({device});
  const std::vector<DeviceExecutable::Part> parts = {{&executable, inputs.data(), 1}};

  const auto time_of = [&](int runs) {
    device->synchronize();
    const auto begin = Clock::now();
    for (int i = 0; i < runs; ++i)
      DeviceExecutable::enqueue(
          parts, group, [](std::size_t, const std::vector<Tensor>&) {}, nullptr);
    device->synchronize();
    return seconds_since(begin) / runs;
  };
  time_of(3);
  const double once = time_of(3);
  const double seconds = time_of(once > 0.05 ? 3 : static_cast<int>(0.3 / (once + 1e-6)) + 1);
  const double scale = task.unit[0] == 'T' ? 1e-12 : 1e-9;
  std::printf("time %-28s %10.4f ms", task.name, 1e3 * seconds);
  if (task.amount > 0) std::printf("  %8.2f %s", task.amount * scale / seconds, task.unit);
  std::printf("\n");
}

}  // namespace

void measure(const std::shared_ptr<Device>& device) {
  for (const Task& task : kTasks) measure(device, task);
}

}  // namespace hornet::cuda_check
