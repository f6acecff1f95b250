// Every kernel of every back end, node by node, between guard zones: nothing outside the outputs
// and the workspace may be written, nothing outside the inputs read (AddressSanitizer sees that),
// no input changed, no output left out. Each node runs in float and double, out of place and in
// place, on one thread and on three, and each back end's result is held against the reference's.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <string>

#include "backend/backend.h"
#include "base/rng.h"
#include "graph/builder.h"
#include "graph/passes.h"
#include "rt/parallel.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

using namespace hornet;

namespace {

int failures = 0;
std::string current;  // what is being checked, for messages
std::set<std::string> run_ops, simd_ops;

void fail(const std::string& what) {
  if (++failures <= 40) std::printf("FAILED %s: %s\n", current.c_str(), what.c_str());
}

// Memory of `bytes` between two zones that nobody may touch; starts as all ones, a NaN no kernel
// computes.
class Guarded {
 public:
  explicit Guarded(std::size_t bytes) : bytes_(bytes), memory_(bytes + 2 * kZone + 64, kGuard) {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data()) + kZone;
    data_ = memory_.data() + kZone + (64 - address % 64) % 64;
    std::memset(data_, 0xFF, bytes);
    ASAN_POISON_MEMORY_REGION(data_ - kZone, kZone);
    ASAN_POISON_MEMORY_REGION(data_ + bytes_, kZone);
  }
  Guarded(const Guarded& other) : Guarded(other.bytes_) { copy(other); }
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { unpoison(); }

  void copy(const Guarded& other) {
    if (bytes_) std::memcpy(data_, other.data_, bytes_);
  }
  unsigned char* data() { return data_; }
  const unsigned char* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  bool same(const Guarded& other) const {
    return bytes_ == 0 || std::memcmp(data_, other.data_, bytes_) == 0;
  }
  bool intact() {
    unpoison();
    bool ok = true;
    for (std::size_t i = 0; i < kZone; ++i) {
      ok =
          ok && data_[-1 - static_cast<std::ptrdiff_t>(i)] == kGuard && data_[bytes_ + i] == kGuard;
    }
    ASAN_POISON_MEMORY_REGION(data_ - kZone, kZone);
    ASAN_POISON_MEMORY_REGION(data_ + bytes_, kZone);
    return ok;
  }

 private:
  static constexpr std::size_t kZone = 192;
  static constexpr unsigned char kGuard = 0xA5;
  void unpoison() { ASAN_UNPOISON_MEMORY_REGION(memory_.data(), memory_.size()); }

  std::size_t bytes_;
  std::vector<unsigned char> memory_;
  unsigned char* data_;
};

using Buffers = std::vector<Guarded>;

Buffers buffers_for(const std::vector<TensorSpec>& specs) {
  Buffers buffers;
  buffers.reserve(specs.size());
  for (const TensorSpec& spec : specs) buffers.emplace_back(Tensor{nullptr, spec}.bytes());
  return buffers;
}

std::vector<Tensor> tensors_of(Buffers& buffers, const std::vector<TensorSpec>& specs) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < specs.size(); ++i) tensors.push_back({buffers[i].data(), specs[i]});
  return tensors;
}

double element(const Guarded& buffer, DType type, Dim i) {
  if (type == DType::f32) return reinterpret_cast<const float*>(buffer.data())[i];
  if (type == DType::f64) return reinterpret_cast<const double*>(buffer.data())[i];
  return reinterpret_cast<const std::int32_t*>(buffer.data())[i];
}

void set_element(Guarded& buffer, DType type, Dim i, double value) {
  if (type == DType::f32) reinterpret_cast<float*>(buffer.data())[i] = static_cast<float>(value);
  else if (type == DType::f64) reinterpret_cast<double*>(buffer.data())[i] = value;
  else reinterpret_cast<std::int32_t*>(buffer.data())[i] = static_cast<std::int32_t>(value);
}

bool left_out(const Guarded& buffer, DType type, Dim i) {
  if (type == DType::i32) return false;
  static const unsigned char untouched[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  return std::memcmp(buffer.data() + i * size_of(type), untouched, size_of(type)) == 0;
}

// Within 1e-5 of the reference, relative to the number or to the usual size of the numbers.
void compare(const Guarded& got, const Guarded& expected, const TensorSpec& spec,
             const std::string& who) {
  const Dim n = spec.shape.numel();
  double squares = 0;
  Dim finite = 0;
  for (Dim i = 0; i < n; ++i) {
    const double e = element(expected, spec.dtype, i);
    if (std::isfinite(e)) squares += e * e, ++finite;
  }
  const double usual = finite ? std::sqrt(squares / static_cast<double>(finite)) : 0;
  for (Dim i = 0; i < n; ++i) {
    const double g = element(got, spec.dtype, i), e = element(expected, spec.dtype, i);
    const bool ok = std::isnan(e)   ? std::isnan(g)
                    : std::isinf(e) ? g == e
                                    : std::abs(g - e) <= 1e-5 * (std::abs(e) + usual);
    if (ok) continue;
    fail(who + ": element " + std::to_string(i) + " of " + std::to_string(n) + " is " +
         std::to_string(g) + ", the reference says " + std::to_string(e));
    return;
  }
}

// Runs a kernel between guards. The outputs come out; `in_place`: output `first` overwrites
// input `second`.
Buffers run_guarded(const Backend& backend, const BoundNode& node, const Buffers& inputs,
                    std::pair<int, int> in_place = {-1, -1}) {
  const std::string who = std::string(backend.name()) + (in_place.first >= 0 ? ", in place" : "");
  const auto kernel = backend.compile(node);
  if (!kernel) {
    fail(who + ": compiles no longer");
    return buffers_for(node.outputs);
  }
  Buffers in, out = buffers_for(node.outputs);
  in.reserve(inputs.size());
  for (const Guarded& input : inputs) in.emplace_back(input);
  std::vector<Tensor> in_tensors = tensors_of(in, node.inputs);
  std::vector<Tensor> out_tensors = tensors_of(out, node.outputs);
  if (in_place.first >= 0) {
    Guarded& shared = out[in_place.first];
    shared.copy(inputs[in_place.second]);
    in_tensors[in_place.second].data = shared.data();
  }
  Guarded workspace(kernel->workspace_bytes());
  kernel->run(in_tensors.data(), out_tensors.data(), workspace.data());

  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!in[i].same(inputs[i])) fail(who + ": changed input " + std::to_string(i));
    if (!in[i].intact()) fail(who + ": wrote around input " + std::to_string(i));
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!out[i].intact()) fail(who + ": wrote around output " + std::to_string(i));
  }
  if (!workspace.intact()) fail(who + ": wrote around the workspace");

  if (in_place.first < 0) {
    for (std::size_t o = 0; o < out.size(); ++o) {
      for (Dim i = 0; i < node.outputs[o].shape.numel(); ++i) {
        if (!left_out(out[o], node.outputs[o].dtype, i)) continue;
        fail(who + ": left element " + std::to_string(i) + " of output " + std::to_string(o) +
             " as it was");
        break;
      }
    }
    // A second run of the same kernel finds its own traces in the workspace.
    Buffers again = buffers_for(node.outputs);
    std::vector<Tensor> again_tensors = tensors_of(again, node.outputs);
    kernel->run(in_tensors.data(), again_tensors.data(), workspace.data());
    for (std::size_t o = 0; o < out.size(); ++o) {
      if (!again[o].same(out[o])) fail(who + ": a second run gives other numbers");
    }
  }
  return out;
}

// All the checks of one node on one back end.
void check_backend(const Backend& backend, const BoundNode& node, const Buffers& inputs,
                   const Buffers& expected) {
  set_kernel_threads(1);
  const Buffers out = run_guarded(backend, node, inputs);
  for (std::size_t o = 0; o < out.size(); ++o) {
    compare(out[o], expected[o], node.outputs[o], backend.name());
  }
  set_kernel_threads(3);
  const Buffers threaded = run_guarded(backend, node, inputs);
  for (std::size_t o = 0; o < out.size(); ++o) {
    if (!threaded[o].same(out[o])) {
      fail(std::string(backend.name()) + ": the number of threads changes the numbers");
    }
  }
  if (!node.node->op->is(OpFlag::elementwise)) return;
  for (std::size_t o = 0; o < node.outputs.size(); ++o) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] != node.outputs[o]) continue;
      const Buffers over =
          run_guarded(backend, node, inputs, {static_cast<int>(o), static_cast<int>(i)});
      for (std::size_t k = 0; k < out.size(); ++k) {
        if (!over[k].same(out[k])) {
          fail(std::string(backend.name()) + ": writing over input " + std::to_string(i) +
               " changes the numbers");
        }
      }
    }
  }
}

TensorSpec bind(TensorSpec spec, Dim batch, bool f64) {
  spec.shape = spec.shape.bind(batch);
  if (f64 && spec.dtype == DType::f32) spec.dtype = DType::f64;
  return spec;
}

// What an input or variable holds: by index, so that float and double get the same numbers.
using Fill = std::function<double(int input, Dim i)>;

// Runs a graph node by node on the reference and checks every node on every back end.
void walk(const Graph& graph, Dim batch, bool f64, const Fill& fill) {
  std::map<Value, Guarded> values;
  const std::string label = current;
  for (int id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    BoundNode bound{&node, {}, {}, batch};
    for (const TensorSpec& spec : node.outputs) bound.outputs.push_back(bind(spec, batch, f64));
    if (node.op->is(OpFlag::leaf)) {
      Guarded buffer(Tensor{nullptr, bound.outputs[0]}.bytes());
      const bool constant = node.op->name == "constant";
      const int index =
          static_cast<int>(node.attrs.integer(node.op->name == "input" ? "index" : "id", 0));
      for (Dim i = 0; i < bound.outputs[0].shape.numel(); ++i) {
        set_element(buffer, bound.outputs[0].dtype, i,
                    constant ? node.attrs.real("value") : fill(index, i));
      }
      values.emplace(Value{id, 0}, buffer);
      continue;
    }
    if (node.op->name == "assign") continue;
    Buffers inputs;
    inputs.reserve(node.inputs.size());
    for (Value v : node.inputs) {
      bound.inputs.push_back(bind(graph.spec(v), batch, f64));
      inputs.emplace_back(values.at(v));
    }
    current =
        label + ", " + node.op->name + ", batch " + std::to_string(batch) + (f64 ? ", double" : "");
    run_ops.insert(node.op->name);
    const auto& reference = reference_backend();
    if (!reference.compile(bound)) {
      fail("the reference does not support it");
      return;
    }
    set_kernel_threads(1);
    const Buffers expected = run_guarded(reference, bound, inputs);
    for (const Backend* backend : cpu_backends()) {
      if (!backend->compile(bound)) continue;
      if (backend != &reference) simd_ops.insert(node.op->name);
      check_backend(*backend, bound, inputs, expected);
    }
    for (std::size_t o = 0; o < expected.size(); ++o) {
      values.emplace(Value{id, static_cast<int>(o)}, expected[o]);
    }
  }
  current = label;
}

double noise(int input, Dim i) {
  const PhiloxCounter bits =
      philox4x32({static_cast<std::uint32_t>(i), 0, 0, 0}, {static_cast<std::uint32_t>(input), 7});
  return 4.0 * uniform_from_bits(bits[0]) - 2.0;
}
double positive_noise(int input, Dim i) { return 0.25 + std::abs(noise(input, i)); }

// A case: the graph it makes is walked as it is, and as the passes leave it.
using Build = std::function<std::vector<Value>(Builder&)>;

void check_case(const std::string& name, const std::vector<Dim>& batches, const Build& build,
                const Fill& fill = noise) {
  current = name;
  const int failures_before = failures;
  try {
    Graph graph;
    Builder builder(graph);
    Targets targets;
    targets.fetches = build(builder);
    const Program fused = fuse(simplify(graph, targets));
    for (Dim batch : batches) {
      for (bool f64 : {false, true}) {
        current = name;
        walk(graph, batch, f64, fill);
        current = name + " (fused)";
        walk(fused.graph, batch, f64, fill);
      }
    }
  } catch (const std::exception& error) { fail(error.what()); }
  if (failures == failures_before) std::printf("ok %s\n", name.c_str());
}

Value input(Builder& b, int index, Shape shape, DType type = DType::f32) {
  return b.graph().input(index, {type, std::move(shape)});
}
Value add_op(Builder& b, const std::string& op, const std::vector<Value>& in, Attrs attrs = {}) {
  return b.apply(op, in, attrs)[0];
}

const std::vector<Dim> kLanes = {0, 1, 7, 8, 9, 16, 17, 31, 33, 255, 257};

void elementwise_cases() {
  for (const char* op : {"neg", "abs", "sign", "exp", "square", "sin", "cos", "round", "floor",
                         "tanh", "sigmoid", "softplus", "relu", "stop_gradient"}) {
    check_case(op, kLanes,
               [op](Builder& b) { return std::vector{add_op(b, op, {input(b, 0, {-1})})}; });
  }
  for (const char* op : {"log", "sqrt", "reciprocal"}) {
    check_case(
        op, kLanes, [op](Builder& b) { return std::vector{add_op(b, op, {input(b, 0, {-1})})}; },
        positive_noise);
  }
  check_case("elu, clip", kLanes, [](Builder& b) {
    const Value x = input(b, 0, {-1});
    return std::vector{b.elu(x, 0.4), b.clip(x, -0.5, 1)};
  });
  for (const char* op : {"add", "sub", "mul", "div", "pow", "maximum", "minimum", "equal",
                         "not_equal", "greater", "greater_equal", "less", "less_equal"}) {
    check_case(
        op, kLanes,
        [op](Builder& b) {
          return std::vector{add_op(b, op, {input(b, 0, {-1}), input(b, 1, {-1})})};
        },
        positive_noise);
  }
  check_case("select", kLanes, [](Builder& b) {
    return std::vector{b.select(b.relu(input(b, 0, {-1})), input(b, 1, {-1}), input(b, 2, {-1}))};
  });
  check_case(
      "cast", kLanes,
      [](Builder& b) {
        const Value whole = b.cast(input(b, 0, {-1}), DType::i32);
        const Value product = b.mul(whole, b.add(whole, whole));
        return std::vector{b.cast(product, DType::f32)};
      },
      [](int, Dim i) { return 1e10 * noise(0, i); });
  check_case("chain", {1, 9, 255, 257, 700}, [](Builder& b) {
    const Value x = input(b, 0, {-1, 5}), bias = input(b, 1, {5}), column = input(b, 2, {-1, 1});
    const Value y = b.tanh(b.mul(b.add(x, bias), b.sigmoid(column)));
    return std::vector{b.add(b.square(y), b.scalar(3)), b.exp(b.neg(y))};
  });
}

void reduce_cases() {
  const std::vector<Shape> shapes = {{-1, 33}, {-1, 7, 8}, {-1, 3, 5, 17}, {-1, 1}, {-1, 64}};
  for (const Shape& shape : shapes) {
    check_case("reductions of " + shape.to_string(), {1, 3, 9}, [&](Builder& b) {
      const Value x = input(b, 0, shape);
      std::vector<Value> results;
      for (int axis = 0; axis < shape.rank(); ++axis) {
        results.push_back(b.sum(x, {axis}));
        results.push_back(b.max(x, {axis}, /* keepdims = */ true));
        results.push_back(b.min(x, {axis}));
        results.push_back(b.argmax(x, axis));
      }
      results.push_back(b.sum(x, {}));
      results.push_back(b.mean(x, {}));
      results.push_back(b.max(x, {}));
      if (shape.rank() > 2) results.push_back(b.mean(x, {0, 2}));
      const Shape last = {shape[-1]};
      const Value vector = b.sum_to(x, last, /* mean = */ true);
      results.push_back(b.broadcast(vector, shape));
      results.push_back(b.broadcast(b.sum(x, {shape.rank() - 1}, true), shape, /* mean = */ true));
      return results;
    });
  }
}

void shape_cases() {
  check_case("shape ops", {1, 3, 8}, [](Builder& b) {
    const Value x = input(b, 0, {-1, 3, 4, 5});
    const Value rows = b.reshape(x, {-12, 5});
    const Value classes = b.clip(b.round(b.reshape(x, {-60})), -1, 3);
    return std::vector{b.transpose(x, {0, 3, 1, 2}),
                       b.transpose(x, {3, 2, 1, 0}),
                       b.concat({x, x, b.neg(x)}, 2),
                       b.concat({x, x}, 0),
                       b.slice(x, 3, 1, 3),
                       b.slice(x, 1, 2, 1),
                       b.pad(x, 2, 1, 2),
                       b.pad(x, 0, -1, -2),
                       b.square(rows),
                       b.one_hot(classes, 3)};
  });
}

void matmul_cases() {
  std::mt19937 random(4);
  const Dim sizes[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100, 129};
  for (int i = 0; i < 40; ++i) {
    const Dim n = sizes[random() % 15], k = sizes[random() % 15], m = sizes[random() % 15];
    check_case("matmul " + std::to_string(m) + " " + std::to_string(n) + " " + std::to_string(k),
               {m}, [&](Builder& b) {
                 const Value bias = input(b, 4, {n});
                 const Value x = input(b, 0, {-1, k}), w = input(b, 1, {k, n});
                 const Value xt = input(b, 2, {k, -1}), wt = input(b, 3, {n, k});
                 return std::vector{b.matmul(x, w), b.matmul(xt, w, true),
                                    b.matmul(x, wt, false, true), b.matmul(xt, wt, true, true),
                                    b.relu(b.add(b.matmul(x, w), bias))};
               });
  }
}

std::string text_of(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (std::int64_t n : numbers) text += " " + std::to_string(n);
  return text;
}

void window_cases() {
  std::mt19937 random(5);
  const auto below = [&](Dim n) { return static_cast<Dim>(random() % n); };
  const Dim channels[] = {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 48, 64, 65};
  for (int i = 0; i < 90; ++i) {
    Window2d window;
    const Dim kh = i % 3 == 0   ? 3
                   : i % 3 == 1 ? 1
                                : 1 + below(5),
              kw = i % 3 == 2 ? 1 + below(5) : kh;
    window.strides = {1 + below(i % 2 ? 3 : 1), 1 + below(i % 2 ? 3 : 1)};
    window.padding = {below(3), below(3), below(3), below(3)};
    if (i % 4 == 3) window.dilation = {1 + below(3), 1 + below(3)};
    const Dim in = channels[below(17)], out = channels[below(17)];
    const Dim h = (kh - 1) * window.dilation[0] + 1 + below(9);
    const Dim w = (kw - 1) * window.dilation[1] + 1 + below(19);
    check_case(
        "conv2d " + text_of({kh, kw, in, out, h, w}) + ", strides" + text_of(window.strides) +
            ", padding" + text_of(window.padding) + ", dilation" + text_of(window.dilation),
        {1 + below(3)}, [&](Builder& b) {
          const Value x = input(b, 0, {-1, h, w, in}), kernel = input(b, 1, {kh, kw, in, out});
          const Value y = b.conv2d(x, kernel, window);
          const Value dy = input(b, 2, b.shape(y));
          const Value act = b.relu(b.add(b.conv2d(x, kernel, window), input(b, 3, {out})));
          return std::vector{y, act, b.conv2d_backward_data(dy, kernel, b.shape(x), window),
                             b.conv2d_backward_weights(x, dy, b.shape(kernel), window)};
        });
  }
  for (int i = 0; i < 40; ++i) {
    Window2d window;
    window.size = i % 2 ? std::vector<std::int64_t>{2, 2}
                        : std::vector<std::int64_t>{1 + below(4), 1 + below(4)};
    window.strides = {1 + below(3), 1 + below(3)};
    window.padding = {below(window.size[0]), below(window.size[0]), below(window.size[1]),
                      below(window.size[1])};
    const Dim c = channels[below(17)];
    const Dim h = window.size[0] + below(8), w = window.size[1] + below(12);
    check_case("pool " + text_of(window.size) + "," + text_of({c, h, w}) + ", strides" +
                   text_of(window.strides) + ", padding" + text_of(window.padding),
               {1 + below(3)}, [&](Builder& b) {
                 const Value x = input(b, 0, {-1, h, w, c});
                 // Few different numbers: ties.
                 const Value y = b.max_pool2d(b.round(x), window);
                 const Value dy = input(b, 1, b.shape(y));
                 return std::vector{y, b.avg_pool2d(x, window),
                                    b.max_pool2d_backward(b.round(x), y, dy, window),
                                    b.avg_pool2d_backward(dy, b.shape(x), window)};
               });
  }
}

void norm_cases() {
  for (Dim channels : {1, 3, 7, 8, 9, 16, 17, 31, 32, 33, 257}) {
    check_case("normalisation of " + std::to_string(channels) + " channels", {1, 2, 9},
               [&](Builder& b) {
                 const Value x = input(b, 0, {-1, 3, 2, channels});
                 const Value gamma = input(b, 1, {channels}), beta = input(b, 2, {channels});
                 const Value y = b.batch_norm(x, gamma, beta, 1e-3);
                 const Value mean{y.node, 1}, variance{y.node, 2};
                 const Value dy = input(b, 3, {-1, 3, 2, channels});
                 const Value dx = b.batch_norm_backward(x, gamma, mean, variance, dy, 1e-3);
                 return std::vector{
                     y, mean, variance, dx, Value{dx.node, 1}, Value{dx.node, 2}, b.softmax(x)};
               });
  }
}

void random_cases() {
  check_case(
      "random", {1, 2, 3, 4, 5, 33, 257},
      [](Builder& b) {
        const Value rng = b.graph().variable(0, {DType::i32, {4}});
        const Value x = input(b, 1, {-1, 3});
        return std::vector{b.random_uniform(rng, {-1, 3}, 9), b.random_normal(rng, {-1, 3}, 70000),
                           b.dropout(x, rng, 0.3, 2), b.rng_advance(rng)};
      },
      [](int index, Dim i) { return index == 0 ? 1e9 + static_cast<double>(i) : noise(index, i); });
}

// A net with its loss and gradients: the nodes that the passes really make.
void net_case() {
  check_case(
      "a net and its gradients", {1, 3, 8},
      [](Builder& b) {
        const auto variable = [&](int id, Shape shape) {
          return b.graph().variable(id, {DType::f32, std::move(shape)});
        };
        const Value rng = b.graph().variable(9, {DType::i32, {4}});
        const Value x = input(b, 0, {-1, 8, 8, 3}), labels = input(b, 1, {-1, 4});
        const std::vector<Value> weights = {variable(10, {3, 3, 3, 8}), variable(11, {8}),
                                            variable(12, {8}),          variable(13, {8}),
                                            variable(14, {128, 4}),     variable(15, {4})};
        Window2d same, pool;
        same.padding = {1, 1, 1, 1};
        pool.size = pool.strides = {2, 2};
        Value y = b.relu(b.add(b.conv2d(x, weights[0], same), weights[1]));
        y = b.max_pool2d(b.batch_norm(y, weights[2], weights[3], 1e-3), pool);
        y = b.dropout(b.reshape(y, {-1, 128}), rng, 0.25, 1);
        const Value p = b.softmax(b.add(b.matmul(y, weights[4]), weights[5]));
        const Value clipped = b.clip(p, 1e-7, 1 - 1e-7);
        const Value loss = b.mean(b.neg(b.sum(b.mul(labels, b.log(clipped)), {1})), {});
        std::vector<Value> results = {loss};
        for (std::size_t i = 0; i < weights.size(); ++i) {
          const Value dw = gradient(b.graph(), loss, {weights[i]})[0];
          results.push_back(b.sub(weights[i], b.mul(dw, b.scalar(0.01))));
        }
        return results;
      },
      [](int index, Dim i) { return index == 9 ? 5.0 + static_cast<double>(i) : noise(index, i); });
}

// Known answers of Philox4x32-10, from the paper's library.
void philox_case() {
  current = "philox";
  const auto expect = [](PhiloxCounter counter, PhiloxKey key, PhiloxCounter answer) {
    if (philox4x32(counter, key) != answer) fail("a known answer is not met");
  };
  const std::uint32_t ones = 0xffffffff;
  expect({0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  expect({ones, ones, ones, ones}, {ones, ones}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  expect({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

// A row added to the op table without a kernel, or without a case here, is found.
void coverage() {
  current = "coverage";
  for (const OpDef& op : op_table()) {
    if (op.is(OpFlag::leaf) || op.name == "assign") continue;
    if (!run_ops.count(op.name)) fail("no case runs " + op.name);
  }
}

}  // namespace

int main() {
  elementwise_cases();
  reduce_cases();
  shape_cases();
  matmul_cases();
  window_cases();
  norm_cases();
  random_cases();
  net_case();
  philox_case();
  coverage();
  std::printf("%zu ops run, %zu of them on another back end than the reference\n", run_ops.size(),
              simd_ops.size());
  std::printf("%d failures\n", failures);
  return failures ? 1 : 0;
}
