// Convolutions of many shapes, in three directions.
#include <cstdio>
#include <fstream>
#include <random>

#include "parts.h"

namespace hornet::cuda_check {
namespace {

// Sums of up to some thousand products in single precision.
constexpr double kTolerance = 1e-4;

struct Setting {
  Dim batch, height, width, in, out, rows, columns;
  WindowSpec window{2};

  Shape x() const { return {batch, height, width, in}; }
  Shape w() const { return {rows, columns, in, out}; }
};

std::vector<Setting> settings() {
  std::mt19937 random(3);
  const auto below = [&](Dim n) { return static_cast<Dim>(random() % n); };
  const Dim channels[] = {1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 64};
  std::vector<Setting> all;
  for (int i = 0; i < 40; ++i) {
    Setting s;
    s.batch = 1 + below(9);
    s.rows = i % 3 == 0 ? 3 : i % 3 == 1 ? 1 : 1 + below(5);
    s.columns = i % 3 == 2 ? 1 + below(5) : s.rows;
    s.in = channels[below(11)], s.out = channels[below(11)];
    s.window.strides = {1 + below(i % 2 ? 3 : 1), 1 + below(i % 2 ? 3 : 1)};
    if (i % 2) s.window.padding = {below(3), below(3), below(3), below(3)};
    else s.window.padding = {s.rows / 2, s.rows / 2, s.columns / 2, s.columns / 2};
    if (i % 4 == 3) s.window.dilation = {1 + below(3), 1 + below(3)};
    s.height = (s.rows - 1) * s.window.dilation[0] + 1 + below(20);
    s.width = (s.columns - 1) * s.window.dilation[1] + 1 + below(30);
    all.push_back(s);
  }
  return all;
}

}  // namespace

int check_convolutions(const std::shared_ptr<Device>& device, const std::string& folder) {
  std::ofstream list(folder + "/convolutions.txt");
  int wrong = 0, number = 0;
  for (const Setting& s : settings()) {
    Graph graph;
    Builder b(graph);
    const Value x = graph.input(0, {DType::f32, s.x()}), w = graph.input(1, {DType::f32, s.w()});
    const Value y = b.conv2d(x, w, s.window);
    const Shape y_shape = b.shape(y);
    const Value dy = graph.input(2, {DType::f32, y_shape});
    Targets targets;
    targets.fetches = {y, b.conv2d_backward_data(dy, w, s.x(), s.window),
                       b.conv2d_backward_weights(x, dy, s.w(), s.window)};
    Function function(graph, targets, std::make_shared<Variables>());
    Floats data[] = {noise(s.x().numel(), 3 * number), noise(s.w().numel(), 3 * number + 1),
                     noise(y_shape.numel(), 3 * number + 2)};
    const std::vector<Tensor> feeds = {view(data[0], s.x()), view(data[1], s.w()),
                                       view(data[2], y_shape)};
    const auto here = run(*function.executable(on(nullptr, 1)), feeds);
    const auto there = run(*function.executable(on(device, 1)), feeds);
    double d[3];
    bool ok = true;
    for (int i = 0; i < 3; ++i) {
      d[i] = difference(there[i], here[i]);
      ok = ok && d[i] <= kTolerance;
    }
    std::printf("%s convolution %2d %s by %s  y %.2e  dx %.2e  dw %.2e\n", ok ? "ok" : "WRONG",
                number, s.x().to_string().c_str(), s.w().to_string().c_str(), d[0], d[1], d[2]);
    if (!ok) ++wrong;

    list << number;
    for (const Shape& shape : {s.x(), s.w(), y_shape})
      for (Dim dim : shape.dims()) list << ' ' << dim;
    for (const auto& numbers : {s.window.strides, s.window.padding, s.window.dilation})
      for (Dim n : numbers) list << ' ' << n;
    list << '\n';
    std::ofstream file(folder + "/convolution_" + std::to_string(number) + ".bin",
                       std::ios::binary);
    const auto put = [&](const Floats& f) {
      file.write(reinterpret_cast<const char*>(f.data()),
                 static_cast<std::streamsize>(f.size() * sizeof(float)));
    };
    for (const Floats& f : data) put(f);
    for (const Floats& f : there) put(f);
    ++number;
  }
  return wrong;
}

}  // namespace hornet::cuda_check
