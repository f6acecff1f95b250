// SIMD kernels against the reference back end in double precision: random shapes, guard words
// around every buffer, one thread and two, and the 16-lane code on machines without AVX-512.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/simd/isa.h"
#include "check.h"
#include "exec/memory.h"
#include "graph/fused.h"
#include "graph/op.h"
#include "rt/parallel.h"

using namespace hornet;
using simd::Isa;

namespace {

std::mt19937 generator(20240607);
using Numbers = std::vector<std::int64_t>;

Dim between(Dim low, Dim high) {
  return low + static_cast<Dim>(generator() % static_cast<std::uint64_t>(high - low + 1));
}
template <class T>
T one_of(std::initializer_list<T> choices) {
  return choices.begin()[between(0, static_cast<Dim>(choices.size()) - 1)];
}

constexpr Dim kGuard = 32;
constexpr float kGuardWord = 12345.0f;

// A tensor with guard words on both sides; unaligned on purpose, as feeds are.
class Buffer {
 public:
  Buffer(DType dtype, Shape shape)
      : spec_{dtype, std::move(shape)},
        bytes_(spec_.shape.numel() * size_of(dtype)),
        words_(2 * kGuard + (bytes_ + 3) / 4, kGuardWord) {}
  Tensor tensor() { return {words_.data() + kGuard, spec_}; }
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(words_.data() + kGuard);
  }
  Dim numel() const { return spec_.shape.numel(); }
  bool guards_hold() const {
    for (Dim i = 0; i < kGuard; ++i) {
      if (words_[i] != kGuardWord || words_[words_.size() - 1 - i] != kGuardWord) return false;
    }
    return true;
  }

 private:
  TensorSpec spec_;
  std::size_t bytes_;
  std::vector<float> words_;
};

// One node with inputs, run by a back end.
struct Case {
  std::string op;
  std::vector<Shape> shapes;
  Attrs attrs;
  std::vector<std::vector<float>> values;  // of the inputs
  std::vector<std::int32_t> rng;           // if not empty, the last input
  double tolerance = 2e-5;  // relative to the largest result, or to `size` if that is more
  double size = 0;

  std::string text() const {
    std::string s = op;
    for (const Shape& shape : shapes) s += " " + shape.to_string();
    return s + " " + to_string(attrs);
  }
};

std::vector<float> normals(Dim n, float scale = 1) {
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(n);
  for (float& v : values) v = normal(generator);
  return values;
}

Case make_case(std::string op, std::vector<Shape> shapes, Attrs attrs = {}) {
  Case c{std::move(op), std::move(shapes), std::move(attrs), {}, {}, 2e-5};
  for (const Shape& shape : c.shapes) c.values.push_back(normals(shape.numel()));
  return c;
}

struct Results {
  bool compiled = false;
  std::vector<std::vector<double>> outputs;
  std::vector<Shape> shapes;
};

// in_place: output i is written over input in_place[i], -1: a buffer of its own.
Results run(const Case& c, const Backend& backend, DType dtype,
            const std::vector<int>& in_place = {}) {
  Graph graph;
  std::vector<Value> inputs;
  for (const Shape& shape : c.shapes) {
    inputs.push_back(graph.input(static_cast<int>(inputs.size()), {DType::f32, shape}));
  }
  if (!c.rng.empty()) {
    inputs.push_back(graph.input(static_cast<int>(inputs.size()), {DType::i32, {4}}));
  }
  const Value y = graph.add(c.op, inputs, c.attrs);
  BoundNode node{&graph.node(y), {}, {}, 1};
  std::vector<Buffer> buffers;
  std::vector<Tensor> in, out;
  buffers.reserve(16);
  for (std::size_t i = 0; i < c.shapes.size(); ++i) {
    node.inputs.push_back({dtype, c.shapes[i]});
    buffers.emplace_back(dtype, c.shapes[i]);
    for (Dim k = 0; k < buffers.back().numel(); ++k) {
      if (dtype == DType::f32) buffers.back().as<float>()[k] = c.values[i][k];
      else buffers.back().as<double>()[k] = c.values[i][k];
    }
    in.push_back(buffers.back().tensor());
  }
  if (!c.rng.empty()) {
    node.inputs.push_back({DType::i32, {4}});
    buffers.emplace_back(DType::i32, Shape{4});
    std::copy_n(c.rng.data(), 4, buffers.back().as<std::int32_t>());
    in.push_back(buffers.back().tensor());
  }
  for (std::size_t o = 0; o < node.node->outputs.size(); ++o) {
    node.outputs.push_back({dtype, node.node->outputs[o].shape});
    if (o < in_place.size() && in_place[o] >= 0) {
      out.push_back(in[in_place[o]]);
      out.back().spec = node.outputs.back();
      continue;
    }
    buffers.emplace_back(dtype, node.outputs.back().shape);
    out.push_back(buffers.back().tensor());
  }
  Results results;
  const std::unique_ptr<Kernel> kernel = backend.compile(node);
  if (!kernel) return results;
  results.compiled = true;
  AlignedBuffer workspace(kernel->workspace_bytes() + 256);
  std::memset(workspace.data(), 0xff, workspace.bytes());  // NaN
  kernel->run(in.data(), out.data(), workspace.data());
  const char* end = static_cast<char*>(workspace.data()) + kernel->workspace_bytes();
  CHECK(std::all_of(end, end + 256, [](char byte) { return byte == '\xff'; }));
  for (const Buffer& buffer : buffers) CHECK(buffer.guards_hold());
  for (const Tensor& t : out) {
    results.shapes.push_back(t.spec.shape);
    std::vector<double> values(t.numel());
    for (Dim k = 0; k < t.numel(); ++k) {
      values[k] = dtype == DType::f32 ? t.as<float>()[k] : t.as<double>()[k];
    }
    results.outputs.push_back(std::move(values));
  }
  return results;
}

// NaN and infinities must be the same; of the rest, how far apart, relative to the largest number.
double distance(const std::vector<double>& a, const std::vector<double>& b, double size = 0) {
  double largest = std::max(size, 1e-30), worst = 0;
  for (double v : b)
    if (std::isfinite(v)) largest = std::max(largest, std::fabs(v));
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (a[i] == b[i]) continue;
    const double d = std::fabs(a[i] - b[i]) / largest;
    if (!(d <= worst)) worst = std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
  }
  return worst;
}

// Runs the case with the SIMD back end on one thread and on all, which must agree to the bit, and
// compares with the reference.
void check_case(const Case& c, const std::vector<int>& in_place = {}) {
  const Results expected = run(c, reference_backend(), DType::f64);
  set_kernel_threads(1);
  const Results serial = run(c, *simd_backend(), DType::f32, in_place);
  set_kernel_threads(0);
  const Results parallel = run(c, *simd_backend(), DType::f32, in_place);
  if (!CHECK(serial.compiled && expected.compiled)) {
    std::printf("  not compiled: %s\n", c.text().c_str());
    return;
  }
  for (std::size_t o = 0; o < expected.outputs.size(); ++o) {
    const double d = distance(serial.outputs[o], expected.outputs[o], c.size);
    if (!CHECK(d <= c.tolerance)) {
      std::printf("  output %d of %s: off by %g\n", static_cast<int>(o), c.text().c_str(), d);
    }
    if (!CHECK(distance(serial.outputs[o], parallel.outputs[o]) == 0)) {
      std::printf("  depends on threads: %s\n", c.text().c_str());
    }
  }
}

std::string activation() {
  return one_of<const char*>({"linear", "relu", "sigmoid", "tanh", "softplus"});
}

Dim some_size() {
  return one_of<Dim>({between(1, 20), between(1, 20), between(1, 70), between(1, 300)});
}

void products() {
  for (int i = 0; i < 300; ++i) {
    const Dim m = some_size(), n = some_size(), k = some_size();
    const bool ta = between(0, 1), tb = between(0, 1);
    check_case(make_case("matmul", {ta ? Shape{k, m} : Shape{m, k}, tb ? Shape{n, k} : Shape{k, n}},
                         {{"transpose_a", std::int64_t{ta}}, {"transpose_b", std::int64_t{tb}}}));
    check_case(make_case("dense", {{m, k}, {k, n}, {n}}, {{"activation", activation()}}));
  }
  check_case(make_case("dense", {{128, 784}, {784, 512}, {512}}, {{"activation", "relu"}}));
  check_case(make_case("matmul", {{600, 128}, {600, 300}}, {{"transpose_a", std::int64_t{1}}}));
}

void convolutions() {
  for (int i = 0; i < 250; ++i) {
    const bool wide = between(0, 6) == 0;
    const Dim n = between(1, 3), h = between(1, 16), w = between(1, 16);
    const Dim in = wide ? between(16, 70) : between(1, 12),
              out = wide ? between(16, 70) : between(1, 36);
    Dim kh = between(1, 5), kw = between(1, 5);
    if (between(0, 1)) kh = kw = 3;
    if (between(0, 5) == 0) kh = kw = 1;
    Numbers strides = {1, 1}, dilation = {1, 1}, padding = {0, 0, 0, 0};
    if (between(0, 2) == 0) strides = {between(1, 3), between(1, 3)};
    if (between(0, 3) == 0) dilation = {between(1, 3), between(1, 3)};
    if (between(0, 1))
      for (std::int64_t& p : padding) p = between(0, 3);
    const Dim y_span = (kh - 1) * dilation[0] + 1, x_span = (kw - 1) * dilation[1] + 1;
    const Dim rows = h + padding[0] + padding[1], columns = w + padding[2] + padding[3];
    if (rows < y_span || columns < x_span) continue;
    const Shape x{n, h, w, in}, kernel{kh, kw, in, out};
    const Shape y{n, (rows - y_span) / strides[0] + 1, (columns - x_span) / strides[1] + 1, out};
    Attrs attrs = {{"strides", strides}, {"padding", padding}, {"dilation", dilation}};
    check_case(make_case("conv2d", {x, kernel}, attrs));
    Attrs with = attrs;
    with.set("activation", activation());
    Case biased = make_case("conv2d_bias", {x, kernel, {out}}, with);
    // A bounded activation: the rounding of long sums is not small beside the largest result.
    biased.tolerance = 1e-4;
    check_case(biased);
    with = attrs;
    with.set("shape", x.dims());
    check_case(make_case("conv2d_backward_data", {y, kernel}, with));
    with.set("shape", kernel.dims());
    check_case(make_case("conv2d_backward_weights", {x, y}, with));
  }
}

void batch_products() {
  for (int i = 0; i < 60; ++i) {
    const Dim count = between(1, 9), m = between(1, 40), n = between(1, 40), k = between(1, 50);
    const bool ta = between(0, 1), tb = between(0, 1);
    check_case(make_case("batch_matmul",
                         {ta ? Shape{count, k, m} : Shape{count, m, k},
                          tb ? Shape{count, n, k} : Shape{count, k, n}},
                         {{"transpose_a", std::int64_t{ta}}, {"transpose_b", std::int64_t{tb}}}));
  }
  check_case(make_case("batch_matmul", {{3, 128, 300}, {3, 300, 128}}, {}));
}

void depthwise_convolutions() {
  for (int i = 0; i < 200; ++i) {
    const Dim n = between(1, 3), h = between(1, 16), w = between(1, 16);
    const Dim multiplier = between(0, 3) == 0 ? between(2, 9) : 1;
    const Dim c = between(1, multiplier == 1 ? 70 : 20), out = c * multiplier;
    Dim kh = between(1, 5), kw = between(1, 5);
    if (between(0, 1)) kh = kw = 3;
    Numbers strides = {1, 1}, dilation = {1, 1}, padding = {0, 0, 0, 0};
    if (between(0, 2) == 0) strides = {between(1, 3), between(1, 3)};
    if (between(0, 3) == 0) dilation = {between(1, 3), between(1, 3)};
    if (between(0, 1))
      for (std::int64_t& p : padding) p = between(0, 3);
    const Dim y_span = (kh - 1) * dilation[0] + 1, x_span = (kw - 1) * dilation[1] + 1;
    const Dim rows = h + padding[0] + padding[1], columns = w + padding[2] + padding[3];
    if (rows < y_span || columns < x_span) continue;
    const Shape x{n, h, w, c}, kernel{kh, kw, c, multiplier};
    const Shape y{n, (rows - y_span) / strides[0] + 1, (columns - x_span) / strides[1] + 1, out};
    Attrs attrs = {{"strides", strides}, {"padding", padding}, {"dilation", dilation}};
    check_case(make_case("depthwise_conv2d", {x, kernel}, attrs));
    attrs.set("shape", x.dims());
    check_case(make_case("depthwise_conv2d_backward_data", {y, kernel}, attrs));
    attrs.set("shape", kernel.dims());
    check_case(make_case("depthwise_conv2d_backward_weights", {x, y}, attrs));
  }
}

// The output of windows over volumes, or an empty shape if they do not fit.
Shape windows_over(const Shape& x, const Numbers& size, const Numbers& strides,
                   const Numbers& padding, const Numbers& dilation, Dim channels) {
  Shape y = x;
  y[-1] = channels;
  for (int axis = 0; axis < 3; ++axis) {
    const Dim left = x[axis + 1] + padding[2 * axis] + padding[2 * axis + 1] -
                     (size[axis] - 1) * dilation[axis] - 1;
    if (left < 0) return {};
    y[axis + 1] = left / strides[axis] + 1;
  }
  return y;
}

void volume_convolutions() {
  for (int i = 0; i < 120; ++i) {
    const Dim in = between(1, 12), out = between(1, 20);
    const Shape x{between(1, 3), between(1, 7), between(1, 8), between(1, 8), in};
    const Numbers size = {between(1, 3), between(1, 3), between(1, 3)};
    Numbers strides = {1, 1, 1}, dilation = {1, 1, 1}, padding = {0, 0, 0, 0, 0, 0};
    if (between(0, 2) == 0) strides = {between(1, 3), between(1, 3), between(1, 3)};
    if (between(0, 3) == 0) dilation = {between(1, 3), between(1, 3), between(1, 3)};
    if (between(0, 1))
      for (std::int64_t& p : padding) p = between(0, 2);
    const Shape y = windows_over(x, size, strides, padding, dilation, out);
    if (y.rank() == 0) continue;
    const Shape kernel{size[0], size[1], size[2], in, out};
    Attrs attrs = {{"strides", strides}, {"padding", padding}, {"dilation", dilation}};
    check_case(make_case("conv3d", {x, kernel}, attrs));
    attrs.set("shape", x.dims());
    check_case(make_case("conv3d_backward_data", {y, kernel}, attrs));
    attrs.set("shape", kernel.dims());
    check_case(make_case("conv3d_backward_weights", {x, y}, attrs));
  }
}

// A random program over n elements, its inputs read in every way.
Case random_program(Dim n) {
  FusedProgram program;
  std::vector<Shape> shapes;
  const Dim inputs = between(1, 5);
  for (Dim i = 0; i < inputs; ++i) {
    std::vector<Access> ways = {{n, 1}, {n, 1}, {1, 1}};
    for (Dim d = 2; d < n; ++d) {
      if (n % d == 0) {
        ways.push_back({d, 1});
        ways.push_back({n / d, d});
      }
    }
    if (n % 6 == 0) ways.push_back({3, n / 6});
    const Access way = ways[between(0, static_cast<Dim>(ways.size()) - 1)];
    program.inputs.push_back(way);
    shapes.push_back({way.count});
  }
  const Dim steps = between(1, 14);
  for (Dim i = 0; i < steps; ++i) {
    const auto some = [&] { return static_cast<std::int16_t>(between(0, inputs + i - 1)); };
    Instruction op;
    op.op = one_of<Elementwise>(
        {Elementwise::add, Elementwise::sub, Elementwise::mul, Elementwise::maximum,
         Elementwise::minimum, Elementwise::tanh, Elementwise::sigmoid, Elementwise::relu,
         Elementwise::square, Elementwise::select, Elementwise::constant, Elementwise::clip,
         Elementwise::elu, Elementwise::neg, Elementwise::abs, Elementwise::sin, Elementwise::cos});
    op.a = some();
    if (op.op >= Elementwise::add) op.b = some();
    if (op.op == Elementwise::select) op.c = some();
    if (op.op == Elementwise::constant) op.a = -1;
    op.number = op.op == Elementwise::clip ? -0.5 : 0.7;
    op.number2 = op.op == Elementwise::clip ? 0.6 : 0;
    program.code.push_back(op);
  }
  // Values stay small: squares of squares would leave the range where floats can be compared.
  const Dim count = between(1, std::min<Dim>(4, steps));
  std::vector<std::int16_t> results;
  for (Dim i = 0; i < steps; ++i) results.push_back(static_cast<std::int16_t>(inputs + i));
  std::shuffle(results.begin(), results.end(), generator);
  results.resize(count);
  program.outputs = results;
  Attrs attrs = program.to_attrs();
  for (Dim o = 0; o < count; ++o) {
    attrs.set(o == 0 ? "shape" : "shape_" + std::to_string(o), std::vector<std::int64_t>{n});
  }
  Case c = make_case("fused", shapes, attrs);
  for (auto& values : c.values)
    for (float& v : values) v *= 0.5f;
  // Comparisons of selects and clips may fall the other way where a value is at the border.
  c.tolerance = 1e-4;
  return c;
}

void fused_programs() {
  for (int i = 0; i < 400; ++i) {
    const Dim n = one_of<Dim>({between(1, 40), between(1, 700), 120, 960, 3000, 100000});
    const Case c = random_program(n);
    check_case(c);
    // Some outputs take the place of inputs of the same size.
    const FusedProgram program = FusedProgram::from_attrs(c.attrs);
    std::vector<int> in_place(program.outputs.size(), -1);
    int next = 0;
    for (std::size_t k = 0; k < program.inputs.size() && next < static_cast<int>(in_place.size());
         ++k) {
      if (program.inputs[k].count == n && program.inputs[k].inner == 1) {
        in_place[next++] = static_cast<int>(k);
      }
    }
    check_case(c, in_place);
  }
}

// Every function at numbers where it is special, and its relative error elsewhere.
void functions() {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> special = {
      0.0f,    -0.0f,   1.0f,       -1.0f,      inf,         -inf,      std::nanf(""), 1e-45f,
      -1e-45f, 1e-38f,  1e-30f,     -1e-30f,    1e-8f,       -1e-8f,    88.0f,         88.7f,
      88.8f,   89.5f,   100.0f,     -87.0f,     -87.5f,      -100.0f,   -103.5f,       -104.5f,
      -110.0f, 3.4e38f, -3.4e38f,   0.5f,       1.5f,        2.5f,      -0.5f,         -1.5f,
      -2.5f,   0.62f,   0.63f,      -0.62f,     8.9f,        9.1f,      20.0f,         -20.0f,
      1e10f,   -1e10f,  0.9999999f, 1.0000001f, 0.70710678f, 0.7071067f};
  struct Function {
    Elementwise op;
    double tolerance;
  };
  for (const Function& f : {Function{Elementwise::exp, 2.5e-7},
                            {Elementwise::log, 2.5e-7},
                            {Elementwise::tanh, 2.5e-7},
                            {Elementwise::sigmoid, 2.5e-7},
                            {Elementwise::softplus, 2.5e-7},
                            {Elementwise::elu, 2.5e-7},
                            {Elementwise::sqrt, 1e-7},
                            {Elementwise::reciprocal, 1e-7},
                            {Elementwise::sin, 1e-7},
                            {Elementwise::cos, 1e-7},
                            {Elementwise::neg, 0},
                            {Elementwise::abs, 0},
                            {Elementwise::sign, 0},
                            {Elementwise::round, 0},
                            {Elementwise::floor, 0},
                            {Elementwise::relu, 0},
                            {Elementwise::clip, 0}}) {
    std::vector<float> values = special;
    std::uniform_real_distribution<float> exponent(-40, 7), around(-12, 12);
    while (values.size() < 6000) {
      values.push_back(around(generator));
      values.push_back((generator() % 2 ? 1.0f : -1.0f) * std::exp2(exponent(generator)));
    }
    const Dim n = static_cast<Dim>(values.size());
    FusedProgram program;
    program.inputs = {{n, 1}};
    Instruction instruction{f.op, 0, -1, -1, 0, 0};
    if (f.op == Elementwise::elu) instruction.number = 1.5;
    if (f.op == Elementwise::clip) instruction.number = -1, instruction.number2 = 2;
    program.code = {instruction};
    program.outputs = {1};
    Attrs attrs = program.to_attrs();
    attrs.set("shape", std::vector<std::int64_t>{n});
    Case c{"fused", {Shape{n}}, attrs, {values}, {}, 0};
    const Results expected = run(c, reference_backend(), DType::f64);
    const Results got = run(c, *simd_backend(), DType::f32);
    double worst = 0;
    float at = 0;
    for (Dim i = 0; i < n; ++i) {
      const double e = expected.outputs[0][i], y = got.outputs[0][i];
      if (std::isnan(e) && std::isnan(y)) continue;
      if (static_cast<float>(e) == y) continue;
      // A unit in the last place of a denormal is 1.4e-45, whatever the number.
      const double error = std::fabs(y - e) / std::max(std::fabs(e), 1.2e-38);
      if (!(error <= worst)) worst = error, at = values[i];
    }
    if (!CHECK(worst <= f.tolerance)) {
      std::printf("  %s(%.9g) is off by %g\n", name_of(f.op), at, worst);
    }
  }
}

// Largest and average elements of windows over x, and what they pass back.
void check_pools(const std::string& name, const Shape& x, const Shape& y, Attrs attrs) {
  Case forward = make_case("max_" + name, {x}, attrs);
  // Ties, and now and then a NaN.
  for (float& v : forward.values[0]) v = std::round(v * 2);
  if (between(0, 3) == 0) forward.values[0][between(0, x.numel() - 1)] = std::nanf("");
  check_case(forward);
  Case backward = make_case("max_" + name + "_backward", {x, y, y}, attrs);
  backward.values[0] = forward.values[0];
  const Results maxima = run(forward, reference_backend(), DType::f64);
  std::copy(maxima.outputs[0].begin(), maxima.outputs[0].end(), backward.values[1].begin());
  check_case(backward);
  check_case(make_case("avg_" + name, {x}, attrs));
  attrs.set("shape", x.dims());
  check_case(make_case("avg_" + name + "_backward", {y}, attrs));
}

void volume_pools() {
  for (int i = 0; i < 100; ++i) {
    const Dim channels = between(1, 40);
    const Shape x{between(1, 3), between(1, 6), between(1, 7), between(1, 7), channels};
    Numbers size = {between(1, 3), between(1, 3), between(1, 3)};
    Numbers strides = {between(1, 3), between(1, 3), between(1, 3)};
    Numbers padding = {0, 0, 0, 0, 0, 0};
    if (between(0, 1)) size = strides = {2, 2, 2};
    if (between(0, 2) == 0) {
      for (int k = 0; k < 6; ++k) padding[k] = between(0, size[k / 2] - 1);
    }
    const Shape y = windows_over(x, size, strides, padding, {1, 1, 1}, channels);
    if (y.rank() == 0) continue;
    check_pools("pool3d", x, y, {{"size", size}, {"strides", strides}, {"padding", padding}});
  }
}

void pools() {
  for (int i = 0; i < 200; ++i) {
    const Dim n = between(1, 3), h = between(1, 14), w = between(1, 14), c = between(1, 40);
    Numbers size = {between(1, 3), between(1, 3)}, strides = {between(1, 3), between(1, 3)};
    Numbers padding = {0, 0, 0, 0};
    if (between(0, 1)) size = strides = {2, 2};
    if (between(0, 2) == 0) {
      for (int k = 0; k < 4; ++k) padding[k] = between(0, size[k / 2] - 1);
    }
    const Dim rows = h + padding[0] + padding[1], columns = w + padding[2] + padding[3];
    if (rows < size[0] || columns < size[1]) continue;
    const Shape x{n, h, w, c};
    const Shape y{n, (rows - size[0]) / strides[0] + 1, (columns - size[1]) / strides[1] + 1, c};
    check_pools("pool2d", x, y, {{"size", size}, {"strides", strides}, {"padding", padding}});
  }
}

void norms() {
  for (int i = 0; i < 150; ++i) {
    const Dim rows = one_of<Dim>({between(1, 40), between(1, 3000)}),
              c = one_of<Dim>({between(1, 12), between(1, 150)});
    const Shape x = between(0, 1) ? Shape{rows, c} : Shape{rows, 2, 1, c};
    const Attrs epsilon = {{"epsilon", 1e-3}};
    Case forward = make_case("batch_norm", {x, {c}, {c}}, epsilon);
    for (float& v : forward.values[0]) v = v * 3 + 10;
    forward.tolerance = 1e-4;
    check_case(forward);
    Case backward = make_case("batch_norm_backward", {x, {c}, {c}, {c}, x}, epsilon);
    for (float& v : backward.values[3]) v = std::fabs(v) + 0.1f;
    backward.tolerance = 1e-4;
    check_case(backward);
    Case softmax = make_case(
        "softmax", {{one_of<Dim>({1, 7, 300}), one_of<Dim>({between(1, 40), between(1, 1200)})}});
    for (float& v : softmax.values[0]) v *= one_of<float>({1, 30});
    check_case(softmax);
  }
  Case extreme = make_case("softmax", {{4, 5}});
  const float inf = std::numeric_limits<float>::infinity();
  extreme.values[0] = {1e4f, -1e4f, 0, 0, 0, -1e4f, -1e4f, -1e4f,         -1e4f, -1e4f,
                       -inf, 0,     1, 2, 3, 0,     1,     std::nanf(""), 2,     3};
  check_case(extreme);
}

void reductions() {
  for (int i = 0; i < 250; ++i) {
    std::vector<Dim> dims;
    const Dim rank = between(1, 4);
    for (Dim k = 0; k < rank; ++k) dims.push_back(one_of<Dim>({1, between(1, 9), between(1, 30)}));
    if (between(0, 5) == 0) dims[between(0, rank - 1)] = between(1000, 20000);
    const Shape x(dims);
    if (x.numel() > 400000) continue;
    // A run of neighbouring axes, or none.
    const Dim first = between(0, rank - 1), last = between(first, rank - 1);
    Numbers axes;
    for (Dim k = first; k <= last; ++k) axes.push_back(k);
    if (between(0, 5) == 0) axes.clear();
    std::vector<Dim> small = dims;
    for (Dim k = first; k <= last; ++k) small[k] = 1;
    // Terms may happen to cancel: what counts is how large sums of so many are.
    const double terms = static_cast<double>(x.numel()) / static_cast<double>(Shape(small).numel());
    for (const char* op : {"sum", "sum_to"}) {
      const std::int64_t mean = between(0, 1);
      Attrs attrs = {{"mean", mean}};
      if (std::strcmp(op, "sum") == 0) {
        attrs.set("axes", axes);
        attrs.set("keepdims", std::int64_t{between(0, 1)});
      } else {
        attrs.set("shape", small);
      }
      Case c = make_case(op, {x}, attrs);
      c.size = mean ? 1 / std::sqrt(terms) : std::sqrt(terms);
      check_case(c);
    }
  }
}

void random_numbers() {
  for (int i = 0; i < 60; ++i) {
    const Dim n = one_of<Dim>({between(1, 300), between(1, 40000)});
    std::vector<std::int32_t> rng(4);
    for (std::int32_t& word : rng) word = static_cast<std::int32_t>(generator());
    Case uniform{
        "random_uniform", {}, {{"shape", Numbers{n}}, {"stream", between(0, 9)}}, {}, rng, 0};
    check_case(uniform);
    Case dropout =
        make_case("dropout", {{n}},
                  {{"rate", one_of<double>({0.0, 0.25, 0.5, 0.9})}, {"stream", between(0, 9)}});
    dropout.rng = rng;
    dropout.tolerance = 1e-6;
    check_case(dropout);
    check_case(dropout, {0});
  }
}

void each_isa(const char* name, void (*body)()) {
  for (Isa isa : {Isa::avx2, Isa::avx512, Isa::avx512_pairs}) {
    if (!simd::runs(isa)) continue;
    simd::set_isa(isa);
    const std::string text = std::string(name) + ", " + simd::name_of(isa);
    test(text.c_str(), body);
  }
}

}  // namespace

int main() {
  if (!simd_backend()) {
    std::puts("no SIMD kernels for this machine");
    return 0;
  }
  each_isa("products agree with the reference", products);
  each_isa("batched products agree with the reference", batch_products);
  each_isa("convolutions agree with the reference", convolutions);
  each_isa("depthwise convolutions agree with the reference", depthwise_convolutions);
  each_isa("convolutions of volumes agree with the reference", volume_convolutions);
  each_isa("pools agree with the reference", pools);
  each_isa("pools of volumes agree with the reference", volume_pools);
  each_isa("norms agree with the reference", norms);
  each_isa("reductions agree with the reference", reductions);
  each_isa("random numbers agree with the reference", random_numbers);
  each_isa("fused programs agree with the reference", fused_programs);
  each_isa("functions are right to the last place or two", functions);
  return check_result();
}
