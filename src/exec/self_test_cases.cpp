// What the self-test runs: at least one case for every op.
#include <cmath>

#include "base/rng.h"
#include "exec/self_test.h"

namespace hornet {
namespace {

using Cases = std::vector<SelfTestCase>;
using Sketch = SelfTestGraph;

const std::vector<Dim> kLengths = {0, 1, 31, 32, 33, 255, 256, 257};
const std::vector<Dim> kBatches = {0, 1, 5};

// --- what inputs hold ---

double noise(int input, Dim i) {
  const PhiloxCounter bits =
      philox4x32({static_cast<std::uint32_t>(i), 0, 0, 0}, {static_cast<std::uint32_t>(input), 7});
  return 4.0 * uniform_from_bits(bits[0]) - 2.0;
}
double positive(int input, Dim i) { return 0.25 + std::abs(noise(input, i)); }
double small(int input, Dim i) { return 0.1 * noise(input, i); }
double whole(int input, Dim i) { return std::round(20 * noise(input, i)); }
double few(int input, Dim i) { return std::round(noise(input, i)); }  // -2 to 2: ties
double flag(int input, Dim i) { return noise(input, i) > -1 ? 1 : 0; }
double index_of_5(int, Dim i) { return static_cast<double>(i * 5 % 8) - 1; }  // also -1, 5, 6
double label_of_4(int, Dim i) { return static_cast<double>(i * 3 % 4); }
double steps_of_7(int, Dim i) { return 7.0 - static_cast<double>(i % 9); }
double labels_of_3(int, Dim i) { return static_cast<double>(i % 5); }

// --- cases ---

void add_elementwise_cases(Cases& cases) {
  for (const char* op : {"neg", "abs", "sign", "exp", "square", "sin", "cos", "round", "floor",
                         "tanh", "sigmoid", "softplus", "relu", "stop_gradient", "all_reduce"})
    cases.push_back(
        {op, kLengths, [op](Sketch& b) { return b.apply(op, {b.input({-1}, noise)}, {}); }});
  for (const char* op : {"log", "sqrt", "reciprocal"})
    cases.push_back(
        {op, kLengths, [op](Sketch& b) { return b.apply(op, {b.input({-1}, positive)}, {}); }});
  for (const char* op : {"add", "sub", "mul", "div", "pow", "maximum", "minimum"})
    cases.push_back({op, kLengths, [op](Sketch& b) {
                       return b.apply(op, {b.input({-1}, positive), b.input({-1}, positive)}, {});
                     }});
  for (const char* op : {"equal", "not_equal", "greater", "greater_equal", "less", "less_equal"})
    cases.push_back({op, kLengths, [op](Sketch& b) {
                       return b.apply(op, {b.input({-1}, few), b.input({-1}, few)}, {});
                     }});
  cases.push_back({"elu, clip", kLengths, [](Sketch& b) {
                     const Value x = b.input({-1}, noise);
                     return std::vector{b.elu(x, 0.4), b.clip(x, -0.5, 1)};
                   }});
  cases.push_back({"select", kLengths, [](Sketch& b) {
                     const Value x = b.input({-1}, noise), y = b.input({-1}, noise);
                     return std::vector{b.select(b.input({-1}, flag), x, y)};
                   }});
  cases.push_back({"cast", kLengths, [](Sketch& b) {
                     return std::vector{b.cast(b.input({-1}, noise), DType::i32),
                                        b.cast(b.input({-1}, whole, DType::i32), DType::f32)};
                   }});
  cases.push_back({"integers", kLengths, [](Sketch& b) {
                     const Value x = b.input({-1}, whole, DType::i32);
                     const Value y = b.input({-1}, whole, DType::i32);
                     return std::vector{b.add(x, y),     b.sub(x, y),      b.mul(x, y),
                                        b.maximum(x, y), b.minimum(x, y),  b.less(x, y),
                                        b.equal(x, y),   b.neg(x),         b.abs(x),
                                        b.sign(y),       b.select(x, y, x)};
                   }});
  cases.push_back(
      {"chain", kLengths, [](Sketch& b) {
         const Value x = b.input({-1, 5}, noise), bias = b.input({5}, noise);
         const Value y = b.tanh(b.mul(b.add(x, bias), b.sigmoid(b.input({-1, 1}, noise))));
         return std::vector{b.add(b.square(y), b.scalar(3)), b.exp(b.neg(y))};
       }});
}

void add_reduce_cases(Cases& cases) {
  for (const Shape& shape : {Shape{-1, 257}, Shape{-1, 31, 8}, Shape{-1, 3, 5, 33}, Shape{-1, 1}})
    cases.push_back({"reductions of " + shape.to_string(), kBatches, [shape](Sketch& b) {
                       const Value x = b.input(shape, noise), ties = b.input(shape, few);
                       std::vector<Value> results = {b.sum(x, {}), b.mean(x, {}), b.max(x, {})};
                       for (int axis = 0; axis < shape.rank(); ++axis) {
                         results.push_back(b.sum(x, {axis}));
                         results.push_back(b.mean(x, {axis}, /* keepdims = */ true));
                         results.push_back(b.max(ties, {axis}, true));
                         results.push_back(b.min(ties, {axis}));
                         results.push_back(b.argmax(ties, axis));
                       }
                       const Value vector = b.sum_to(x, {shape[-1]}, /* mean = */ true);
                       results.push_back(b.broadcast(vector, shape));
                       results.push_back(
                           b.broadcast(b.sum(x, {shape.rank() - 1}, true), shape, true));
                       return results;
                     }});
}

void add_shape_cases(Cases& cases) {
  for (const DType type : {DType::f32, DType::i32})
    cases.push_back({std::string("shapes, ") + name_of(type), kBatches, [type](Sketch& b) {
                       const Value x = b.input({-1, 3, 4, 11}, whole, type);
                       return std::vector{
                           b.transpose(x, {0, 3, 1, 2}),  b.transpose(x, {3, 2, 1, 0}),
                           b.concat({x, x, b.neg(x)}, 2), b.concat({x, x}, 0),
                           b.slice(x, 3, 1, 9),           b.pad(x, 2, 1, 2),
                           b.pad(x, 0, -1, -2),           b.reverse(x, 2),
                           b.split(x, 2, 4)[3],           b.neg(b.reshape(x, {-12, 11}))};
                     }});
}

void add_index_cases(Cases& cases) {
  for (const DType type : {DType::f32, DType::i32})
    cases.push_back(
        {std::string("rows by number, ") + name_of(type), {0, 1, 40}, [type](Sketch& b) {
           const Value ids = b.input({-1, 3}, index_of_5, type);
           return std::vector{b.gather(b.input({5, 33}, noise), ids),
                              b.scatter_add(b.input({-1, 3, 7}, noise), ids, {5, 7}),
                              b.one_hot(ids, 4)};
         }});
}

// Long sums of both signs may come out as next to nothing, of which rounding is a large part.
void add_product_cases(Cases& cases) {
  for (const auto& [k, n] : {std::pair<Dim, Dim>{31, 33}, {1, 257}, {256, 1}}) {
    const std::string sizes = " " + std::to_string(k) + " " + std::to_string(n);
    cases.push_back({"matmul" + sizes, {0, 1, 32, 33}, [k = k, n = n](Sketch& b) {
                       const Value x = b.input({-1, k}, positive), w = b.input({k, n}, positive);
                       const Value xt = b.input({k, -1}, positive), wt = b.input({n, k}, positive);
                       return std::vector{b.matmul(x, w), b.matmul(xt, w, true),
                                          b.matmul(x, wt, false, true),
                                          b.matmul(xt, wt, true, true)};
                     }});
    cases.push_back(
        {"batch_matmul" + sizes, kBatches, [k = k, n = n](Sketch& b) {
           const Value x = b.input({-1, 9, k}, positive), w = b.input({-1, k, n}, positive);
           const Value xt = b.input({-1, k, 9}, positive), wt = b.input({-1, n, k}, positive);
           return std::vector{b.batch_matmul(x, w), b.batch_matmul(xt, w, true),
                              b.batch_matmul(x, wt, false, true),
                              b.batch_matmul(xt, wt, true, true)};
         }});
  }
  cases.push_back(
      {"dense", {0, 1, 33}, [](Sketch& b) {
         const Value x = b.input({-1, 31}, noise);
         const auto dense = [&](Dim units) {
           return b.add(b.matmul(x, b.input({31, units}, noise)), b.input({units}, noise));
         };
         return std::vector{b.tanh(dense(33)), b.sigmoid(dense(1)), b.softplus(dense(8)),
                            dense(257)};
       }});
}

WindowSpec window_of(std::vector<std::int64_t> strides, std::vector<std::int64_t> padding,
                     std::vector<std::int64_t> dilation) {
  WindowSpec window(static_cast<int>(strides.size()));
  window.strides = std::move(strides);
  window.padding = std::move(padding);
  window.dilation = std::move(dilation);
  return window;
}

WindowSpec pool_of(std::vector<std::int64_t> size, std::vector<std::int64_t> strides,
                   std::vector<std::int64_t> padding) {
  WindowSpec window(static_cast<int>(size.size()));
  window.size = std::move(size);
  window.strides = std::move(strides);
  window.padding = std::move(padding);
  return window;
}

void add_convolution_cases(Cases& cases) {
  struct Setting {
    const char* name;
    Dim rows, columns, in, out, height, width;
    WindowSpec window;
  };
  const Setting settings[] = {
      {"3x3", 3, 3, 3, 8, 9, 11, window_of({1, 1}, {1, 1, 1, 1}, {1, 1})},
      {"3x3, more channels", 3, 3, 32, 33, 7, 8, window_of({1, 1}, {1, 1, 1, 1}, {1, 1})},
      {"1x1", 1, 1, 31, 16, 5, 6, window_of({1, 1}, {0, 0, 0, 0}, {1, 1})},
      {"strided", 2, 5, 4, 7, 10, 13, window_of({2, 3}, {0, 1, 2, 1}, {1, 1})},
      {"dilated", 3, 2, 1, 9, 11, 8, window_of({1, 1}, {2, 2, 0, 1}, {2, 3})},
      // Padded alike on both sides, as libraries want it.
      {"strided, symmetric", 3, 5, 4, 7, 11, 14, window_of({2, 3}, {1, 1, 2, 2}, {1, 1})},
      {"dilated, symmetric", 3, 2, 3, 9, 11, 8, window_of({1, 1}, {2, 2, 1, 1}, {2, 3})},
  };
  for (const Setting& s : settings) {
    cases.push_back({std::string("conv2d ") + s.name, kBatches, [s](Sketch& b) {
                       const Value x = b.input({-1, s.height, s.width, s.in}, noise);
                       const Value w = b.input({s.rows, s.columns, s.in, s.out}, small);
                       const Value y = b.conv2d(x, w, s.window);
                       const Value bias = b.input({s.out}, noise);
                       return std::vector{y, b.relu(b.add(b.conv2d(b.neg(x), w, s.window), bias))};
                     }});
    cases.push_back({std::string("depthwise_conv2d ") + s.name, kBatches, [s](Sketch& b) {
                       const Value x = b.input({-1, s.height, s.width, s.in}, noise);
                       const Value one = b.input({s.rows, s.columns, s.in, 1}, noise);
                       const Value two = b.input({s.rows, s.columns, s.in, 2}, noise);
                       return std::vector{b.depthwise_conv2d(x, one, s.window),
                                          b.depthwise_conv2d(x, two, s.window)};
                     }});
  }
  cases.push_back({"conv3d", kBatches, [](Sketch& b) {
                     const Value x = b.input({-1, 5, 6, 7, 3}, noise);
                     const Value w = b.input({3, 2, 3, 3, 8}, small);
                     return std::vector{
                         b.conv3d(x, w, window_of({1, 1, 1}, {1, 1, 0, 1, 1, 1}, {1, 1, 1})),
                         b.conv3d(x, w, window_of({2, 1, 2}, {0, 0, 0, 0, 2, 1}, {1, 2, 1}))};
                   }});
}

void add_pool_cases(Cases& cases) {
  cases.push_back({"pools", kBatches, [](Sketch& b) {
                     const Value x = b.input({-1, 9, 11, 33}, few);
                     const WindowSpec halves = pool_of({2, 2}, {2, 2}, {0, 0, 0, 0});
                     const WindowSpec overlaps = pool_of({3, 4}, {2, 1}, {1, 1, 0, 2});
                     return std::vector{b.max_pool2d(x, halves), b.avg_pool2d(x, halves),
                                        b.max_pool2d(x, overlaps), b.avg_pool2d(x, overlaps)};
                   }});
  cases.push_back({"pools of volumes", kBatches, [](Sketch& b) {
                     const Value x = b.input({-1, 5, 4, 6, 7}, few);
                     const WindowSpec window = pool_of({2, 3, 2}, {1, 2, 2}, {1, 0, 1, 1, 0, 1});
                     return std::vector{b.max_pool3d(x, window), b.avg_pool3d(x, window)};
                   }});
}

void add_norm_cases(Cases& cases) {
  for (Dim channels : {1, 33, 257}) {
    const std::string width = " " + std::to_string(channels);
    cases.push_back({"batch_norm" + width,
                     {1, 2, 33},
                     [channels](Sketch& b) {
                       const Value y = b.batch_norm(b.input({-1, 3, 2, channels}, noise),
                                                    b.input({channels}, noise),
                                                    b.input({channels}, noise), 1e-3);
                       return std::vector{y, Value{y.node, 1}, Value{y.node, 2}};
                     },
                     /* differentiated = */ 1});
    cases.push_back({"softmax" + width, {0, 1, 33}, [channels](Sketch& b) {
                       return std::vector{b.softmax(b.input({-1, channels}, noise))};
                     }});
  }
}

void add_rnn_cases(Cases& cases) {
  struct Setting {
    const char* name;
    Dim units, steps;
    const char *activation, *gate_activation;
    bool reverse, reset_after, masked, dropped;
  };
  const Setting settings[] = {
      {"", 33, 4, "tanh", "sigmoid", false, true, false, false},
      {", masked", 8, 5, "tanh", "hard_sigmoid", true, false, true, false},
      {", dropped", 1, 3, "relu", "sigmoid", false, true, true, true},
      {", linear", 17, 2, "linear", "linear", false, false, false, true},
  };
  for (const Setting& s : settings) {
    const auto recurrence = [s](Sketch& b, Dim gates) {
      Recurrence r;
      r.activation = s.activation;
      r.gate_activation = s.gate_activation;
      r.reverse = s.reverse;
      r.reset_after = s.reset_after;
      if (s.masked) r.mask = b.input({-1, s.steps}, flag);
      if (s.dropped) r.dropout = b.input({-1, gates * s.units}, positive);
      return r;
    };
    const auto x = [s](Sketch& b, Dim gates) {
      return b.input({-1, s.steps, gates * s.units}, noise);
    };
    const auto kernel = [s](Sketch& b, Dim gates) {
      return b.input({s.units, gates * s.units}, small);
    };
    const auto state = [s](Sketch& b) { return b.input({-1, s.units}, noise); };
    cases.push_back({std::string("simple_rnn") + s.name, {0, 1, 5, 33}, [=](Sketch& b) {
                       const Value h = state(b);
                       return std::vector{b.simple_rnn(x(b, 1), kernel(b, 1), h, recurrence(b, 1))};
                     }});
    cases.push_back({std::string("lstm") + s.name, {0, 1, 5, 33}, [=](Sketch& b) {
                       const Value h = state(b), c = state(b);
                       const Value y = b.lstm(x(b, 4), kernel(b, 4), h, c, recurrence(b, 4));
                       return std::vector{y, Value{y.node, 1}};
                     }});
    cases.push_back({std::string("gru") + s.name, {0, 1, 5, 33}, [=](Sketch& b) {
                       const Value h = state(b);
                       const Value bias = s.reset_after ? b.input({s.units}, noise) : Value{};
                       return std::vector{b.gru(x(b, 3), kernel(b, 3), h, recurrence(b, 3), bias)};
                     }});
  }
}

void add_random_cases(Cases& cases) {
  cases.push_back({"random_uniform",
                   {0, 1, 11, 85, 257},
                   [](Sketch& b) {
                     b.updates = {b.rng_advance(b.rng())};
                     return std::vector{b.random_uniform(b.rng(), {-1, 3}, 9)};
                   },
                   0,
                   /* exact = */ true});
  cases.push_back({"dropout",
                   {0, 1, 11, 85, 257},
                   [](Sketch& b) {
                     return std::vector{b.dropout(b.input({-1, 3}, noise), b.rng(), 0.5, 2)};
                   },
                   99,
                   /* exact = */ true});  // what stays is doubled
  cases.push_back({"dropout of a third", {0, 1, 11, 85, 257}, [](Sketch& b) {
                     return std::vector{b.dropout(b.input({-1, 3}, noise), b.rng(), 0.3, 70000)};
                   }});
  cases.push_back({"random_normal", {0, 1, 11, 85, 257}, [](Sketch& b) {
                     return std::vector{b.random_normal(b.rng(), {-1, 3}, 70000)};
                   }});
}

// An assignment of what rng_advance makes of the same variable would be none.
void add_state_cases(Cases& cases) {
  cases.push_back({"assign", kBatches,
                   [](Sketch& b) {
                     b.updates = {b.graph().add("assign", {b.rng(), b.mul(b.rng(), b.rng())})};
                     return std::vector{b.neg(b.rng())};
                   },
                   0,
                   /* exact = */ true});
  cases.push_back({"all_reduce", kLengths,
                   [](Sketch& b) { return std::vector{b.all_reduce(b.input({-1}, noise))}; }});
}

void add_ctc_cases(Cases& cases) {
  const auto logits = [](Sketch& b) { return b.input({-1, 7, 4}, noise); };
  const auto steps = [](Sketch& b) { return b.input({-1, 1}, steps_of_7); };
  cases.push_back({"ctc_loss", {0, 1, 12}, [=](Sketch& b) {
                     const Value x = logits(b), labels = b.input({-1, 3}, label_of_4);
                     const Value count = b.input({-1, 1}, labels_of_3, DType::i32);
                     return std::vector{b.ctc_loss(x, labels, steps(b), count)};
                   }});
  cases.push_back({"ctc_decode", {0, 1, 12}, [=](Sketch& b) {
                     const Value x = logits(b), count = steps(b);
                     const Value greedy = b.ctc_decode(x, count, 0, 1);
                     const Value wide = b.ctc_decode(x, count, 50, 4);
                     return std::vector{greedy, Value{greedy.node, 1}, wide, Value{wide.node, 1}};
                   }});
}

}  // namespace

std::vector<SelfTestCase> self_test_cases() {
  Cases cases;
  add_elementwise_cases(cases);
  add_reduce_cases(cases);
  add_shape_cases(cases);
  add_index_cases(cases);
  add_product_cases(cases);
  add_convolution_cases(cases);
  add_pool_cases(cases);
  add_norm_cases(cases);
  add_rnn_cases(cases);
  add_random_cases(cases);
  add_state_cases(cases);
  add_ctc_cases(cases);
  return cases;
}

}  // namespace hornet
