// Every kernel of every back end, node by node, between guard zones: nothing outside the outputs
// and the workspace may be written, nothing outside the inputs read (AddressSanitizer sees that),
// no input changed, no output left out. Each node runs in float and double, out of place and in
// place, on one thread and on three, and each back end's result is held against the reference's.
#include <limits>
#include <random>

#include "base/rng.h"
#include "graph/passes.h"
#include "guarded.h"
#include "host_device/host_device.h"

using namespace hornet;
using namespace hornet::testing;

namespace {

Walker walker;

double noise(int leaf, Dim i) {
  const PhiloxCounter bits =
      philox4x32({static_cast<std::uint32_t>(i), 0, 0, 0}, {static_cast<std::uint32_t>(leaf), 7});
  return 4.0 * uniform_from_bits(bits[0]) - 2.0;
}
double positive_noise(int leaf, Dim i) { return 0.25 + std::abs(noise(leaf, i)); }

// A case: the graph it makes is walked as it is and as the passes leave it, with equal results.
using Build = std::function<std::vector<Value>(Builder&)>;

void check_case(const std::string& name, const std::vector<Dim>& batches, const Build& build,
                const Fill& fill = noise) {
  test(name.c_str(), [&] {
    Graph graph;
    Builder builder(graph);
    Targets targets;
    targets.fetches = build(builder);
    const Program fused = fuse(simplify(graph, targets));
    for (Dim batch : batches) {
      walker.walk(graph, batch, /* f64 = */ false, fill, name);
      walker.walk(fused.graph, batch, /* f64 = */ false, fill, name + " (fused)");
      const Values plain = walker.walk(graph, batch, /* f64 = */ true, fill, name);
      const Values short_cut =
          walker.walk(fused.graph, batch, /* f64 = */ true, fill, name + " (fused)");
      for (std::size_t i = 0; i < targets.fetches.size(); ++i) {
        TensorSpec spec = graph.spec(targets.fetches[i]);
        spec.shape = spec.shape.bind(batch);
        if (spec.dtype == DType::f32) spec.dtype = DType::f64;
        walker.compare(short_cut.at(fused.targets.fetches[i]), plain.at(targets.fetches[i]), spec,
                       1e-10, "result " + std::to_string(i) + " of the fused graph");
      }
    }
  });
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
                         "tanh", "sigmoid", "softplus", "relu", "stop_gradient", "all_reduce"}) {
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
  // Sums and products leave the type, and wrap around.
  check_case(
      "integers", kLanes,
      [](Builder& b) {
        const Value x = input(b, 0, {-1}, DType::i32), y = input(b, 1, {-1}, DType::i32);
        std::vector<Value> results = {b.clip(x, -3, 1e9), b.select(x, y, x),
                                      b.select(input(b, 2, {-1}), x, y),
                                      b.select(y, input(b, 2, {-1}), input(b, 3, {-1}))};
        for (const char* op :
             {"neg", "abs", "sign", "square", "relu", "stop_gradient", "all_reduce"})
          results.push_back(add_op(b, op, {x}));
        for (const char* op : {"add", "sub", "mul", "maximum", "minimum", "equal", "not_equal",
                               "greater", "greater_equal", "less", "less_equal"})
          results.push_back(add_op(b, op, {x, y}));
        return results;
      },
      [](int leaf, Dim i) {
        return i % 5 ? 1e9 * noise(leaf, i) : i % 10 ? 0 : std::numeric_limits<int>::min();
      });
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
    check_case("reductions of " + shape.to_string(), {0, 1, 3, 9}, [&](Builder& b) {
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

// Rows around the size of a block of threads, sums over so many rows that they are taken in chunks,
// few outputs and many: reductions of device kernels take different ways.
void long_reduce_cases() {
  const auto reductions = [](DType type, const Shape& shape, std::vector<std::int64_t> axes) {
    return [=](Builder& b) {
      const Value x = input(b, 0, shape, type);
      std::vector<Value> results = {b.sum(x, axes), b.max(x, axes), b.min(x, axes)};
      if (type == DType::f32) results.push_back(b.mean(x, axes));
      if (axes.size() == 1) results.push_back(b.argmax(x, axes[0]));
      return results;
    };
  };
  // Ties, and now and then no number.
  const auto fill = [](int leaf, Dim i) {
    return i % 997 == 5 && noise(9, i) > 1 ? NAN : std::round(40 * noise(leaf, i));
  };
  const auto whole = [](int leaf, Dim i) { return std::round(1e8 * noise(leaf, i)); };
  for (Dim size : {0, 1, 31, 32, 33, 255, 256, 257, 1025, 2048, 5000}) {
    const std::string n = std::to_string(size);
    check_case("rows of " + n, {0, 1, 3}, reductions(DType::f32, {-1, size}, {1}), fill);
    check_case("integer rows of " + n, {0, 3}, reductions(DType::i32, {-1, size}, {1}), whole);
    check_case("columns of " + n, {0, 1, 3, 40}, reductions(DType::f32, {size, -1}, {0}), fill);
    check_case("integer columns of " + n, {3, 40}, reductions(DType::i32, {size, -1}, {0}), whole);
  }
  check_case("all of many", {0, 1, 700}, reductions(DType::f32, {-1, 31}, {0, 1}), fill);
  check_case("images to channels", {0, 2, 9}, reductions(DType::f32, {-1, 7, 9, 33}, {0, 1, 2}));
  check_case("images to few channels", {0, 2, 90},
             reductions(DType::f32, {-1, 7, 9, 3}, {0, 1, 2}));
  check_case("first and last axis", {0, 1, 70}, reductions(DType::f32, {-1, 5, 40}, {0, 2}), fill);
  check_case("every other axis", {0, 3}, reductions(DType::f32, {-1, 3, 4, 5, 6}, {0, 2, 4}), fill);
  check_case("repetition", {0, 1, 33}, [](Builder& b) {
    const Value x = input(b, 0, {3, 1, 5}), i = input(b, 1, {5, 1}, DType::i32);
    return std::vector{b.broadcast(x, {-1, 3, 4, 5}),
                       b.broadcast(x, {-1, 3, 4, 5}, /* mean = */ true), b.broadcast(i, {-1, 5, 7}),
                       b.sum_to(b.broadcast(i, {-1, 5, 7}), {5, 1})};
  });
}

void shape_cases() {
  check_case("shape ops", {0, 1, 3, 8}, [](Builder& b) {
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
                       b.reverse(x, 2),
                       b.split(x, 2, 4)[3],
                       b.split(x, 3, 5)[0],
                       b.square(rows),
                       b.one_hot(classes, 3)};
  });
}

void long_shape_cases() {
  check_case("transposes of six axes", {0, 1, 2}, [](Builder& b) {
    const Value x = input(b, 0, {-1, 2, 3, 4, 5, 2}), i = input(b, 1, {-1, 3, 2}, DType::i32);
    return std::vector{b.transpose(x, {5, 4, 3, 2, 1, 0}), b.transpose(x, {0, 2, 1, 4, 3, 5}),
                       b.transpose(x, {3, 4, 5, 0, 1, 2}), b.transpose(x, {1, 0, 2, 3, 5, 4}),
                       b.transpose(i, {2, 0, 1})};
  });
  check_case("integers moved", {0, 1, 31, 32, 33}, [](Builder& b) {
    const Value x = input(b, 0, {-1, 4}, DType::i32), one = input(b, 1, {-1, 1}, DType::i32);
    return std::vector{b.concat({one, x, one}, 1),  b.slice(x, 1, 1, 2),
                       b.pad(x, 1, 0, 3),           b.reverse(x, 1),
                       b.reverse(one, 1),           b.split(x, 1, 2)[1],
                       b.square(b.reshape(x, {-4}))};
  });
}

void batch_row_cases() {
  check_case("rows of the batch by number", {3, 8}, [](Builder& b) {
    const Value x = input(b, 0, {-1, 4}), rows = b.slice(x, 0, 1, 2);
    return std::vector{rows, gradient(b.graph(), b.sum(b.square(rows), {}), {x})[0]};
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
  for (int i = 0; i < 20; ++i) {
    const Dim n = sizes[random() % 11], k = sizes[random() % 11], m = sizes[random() % 11];
    check_case(
        "batch_matmul " + std::to_string(m) + " " + std::to_string(n) + " " + std::to_string(k),
        {1 + static_cast<Dim>(random() % 4)}, [&](Builder& b) {
          const Value x = input(b, 0, {-1, m, k}), w = input(b, 1, {-1, k, n});
          const Value xt = input(b, 2, {-1, k, m}), wt = input(b, 3, {-1, n, k});
          return std::vector{b.batch_matmul(x, w), b.batch_matmul(xt, w, true),
                             b.batch_matmul(x, wt, false, true),
                             b.batch_matmul(xt, wt, true, true)};
        });
  }
}

// A sum of nothing is zero.
void empty_matmul_cases() {
  check_case("matmul of no columns", {0, 1, 5}, [](Builder& b) {
    const Value product = b.matmul(input(b, 0, {-1, 0}), input(b, 1, {0, 3}));
    return std::vector{product, b.relu(b.add(product, input(b, 4, {3}))),
                       b.batch_matmul(input(b, 2, {-1, 2, 0}), input(b, 3, {-1, 0, 3})),
                       b.matmul(input(b, 5, {-1, 3}), input(b, 6, {3, 0}))};
  });
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
    WindowSpec window(2);
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
    const Dim multiplier = i % 5 ? 1 : 1 + below(4);
    check_case(
        "depthwise_conv2d " + text_of({kh, kw, in, multiplier, h, w}) + ", strides" +
            text_of(window.strides) + ", padding" + text_of(window.padding) + ", dilation" +
            text_of(window.dilation),
        {1 + below(3)}, [&](Builder& b) {
          const Value x = input(b, 0, {-1, h, w, in});
          const Value kernel = input(b, 1, {kh, kw, in, multiplier});
          const Value y = b.depthwise_conv2d(x, kernel, window), dy = input(b, 2, b.shape(y));
          return std::vector{y, b.depthwise_conv2d_backward_data(dy, kernel, b.shape(x), window),
                             b.depthwise_conv2d_backward_weights(x, dy, b.shape(kernel), window)};
        });
  }
  for (int i = 0; i < 40; ++i) {
    WindowSpec window(2);
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

void no_image_case() {
  check_case("windows over no image", {0}, [](Builder& b) {
    WindowSpec window(2), pool(2), window3(3);
    pool.size = {2, 2};
    const Value x = input(b, 0, {-1, 5, 4, 3}), w = input(b, 1, {3, 2, 3, 6});
    const Value each = input(b, 2, {3, 2, 3, 2});
    const Value y = b.conv2d(x, w, window), dy = input(b, 3, b.shape(y));
    const Value volume = input(b, 4, {-1, 3, 3, 3, 2}), w3 = input(b, 5, {2, 2, 2, 2, 3});
    const Value y3 = b.conv3d(volume, w3, window3), dy3 = input(b, 6, b.shape(y3));
    const Value pooled = b.max_pool2d(x, pool), diff = input(b, 7, b.shape(pooled));
    return std::vector{b.relu(b.add(b.conv2d(x, w, window), input(b, 8, {6}))),
                       y,
                       b.conv2d_backward_data(dy, w, b.shape(x), window),
                       b.conv2d_backward_weights(x, dy, b.shape(w), window),
                       y3,
                       b.conv3d_backward_data(dy3, w3, b.shape(volume), window3),
                       b.conv3d_backward_weights(volume, dy3, b.shape(w3), window3),
                       b.depthwise_conv2d(x, each, window),
                       b.depthwise_conv2d_backward_data(dy, each, b.shape(x), window),
                       b.depthwise_conv2d_backward_weights(x, dy, b.shape(each), window),
                       pooled,
                       b.avg_pool2d(x, pool),
                       b.max_pool2d_backward(x, pooled, diff, pool),
                       b.avg_pool2d_backward(diff, b.shape(x), pool)};
  });
}

// The largest is a NaN, if there is one, and the first of them.
void pool_of_nans_case() {
  check_case(
      "pool of NaNs", {1, 3},
      [](Builder& b) {
        WindowSpec window(2);
        window.size = {3, 3};
        window.strides = {2, 2};
        window.padding = {1, 1, 1, 1};
        const Value x = input(b, 0, {-1, 7, 9, 5}), y = b.max_pool2d(x, window);
        return std::vector{y, b.avg_pool2d(x, window),
                           b.max_pool2d_backward(x, y, input(b, 1, b.shape(y)), window)};
      },
      [](int index, Dim i) {
        if (index == 0 && i % 7 == 0) return static_cast<double>(NAN);
        return index == 0 && i % 3 == 0 ? -INFINITY : noise(index, i);
      });
}

void volume_cases() {
  std::mt19937 random(6);
  const auto below = [&](Dim n) { return static_cast<Dim>(random() % n); };
  for (int i = 0; i < 30; ++i) {
    WindowSpec window(3), pool(3);
    const std::vector<Dim> size = {1 + below(3), 1 + below(3), 1 + below(3)};
    Shape shape{-1, 0, 0, 0, 1 + below(20)};
    for (int axis = 0; axis < 3; ++axis) {
      window.strides[axis] = pool.strides[axis] = 1 + below(i % 2 ? 3 : 1);
      if (i % 3 == 0) window.dilation[axis] = 1 + below(2);
      for (int side = 0; side < 2; ++side) {
        window.padding[2 * axis + side] = below(3);
        pool.padding[2 * axis + side] = below(size[axis]);
      }
      shape[axis + 1] = (size[axis] - 1) * window.dilation[axis] + 1 + below(5);
    }
    pool.size = size;
    const Dim out = 1 + below(20);
    check_case("volumes " + text_of(shape.dims()) + " to" + text_of({out}) + " under" +
                   text_of(size) + ", strides" + text_of(window.strides) + ", padding" +
                   text_of(window.padding) + ", dilation" + text_of(window.dilation),
               {1 + below(3)}, [&](Builder& b) {
                 const Value x = input(b, 0, shape);
                 const Value kernel = input(b, 1, {size[0], size[1], size[2], shape[-1], out});
                 const Value y = b.conv3d(x, kernel, window), dy = input(b, 2, b.shape(y));
                 // Few different numbers: ties.
                 const Value largest = b.max_pool3d(b.round(x), pool);
                 const Value diff = input(b, 3, b.shape(largest));
                 return std::vector{y,
                                    b.conv3d_backward_data(dy, kernel, shape, window),
                                    b.conv3d_backward_weights(x, dy, b.shape(kernel), window),
                                    largest,
                                    b.max_pool3d_backward(b.round(x), largest, diff, pool),
                                    b.avg_pool3d(x, pool),
                                    b.avg_pool3d_backward(diff, shape, pool)};
               });
  }
}

void norm_cases() {
  for (Dim channels : {1, 3, 7, 8, 9, 16, 17, 31, 32, 33, 257}) {
    check_case("normalisation of " + std::to_string(channels) + " channels", {0, 1, 2, 9},
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
  // Rows as long as a block of threads, and longer.
  for (Dim channels : {1, 2, 63, 64, 65, 255, 256, 258, 1025, 3000}) {
    check_case("softmax of " + std::to_string(channels), {0, 1, 5}, [&](Builder& b) {
      return std::vector{b.softmax(input(b, 0, {-1, channels}))};
    });
  }
  // Many rows, far from zero: sums in several pieces, of numbers that differ little.
  for (Dim channels : {1, 5, 40}) {
    check_case(
        "normalisation of many rows of " + std::to_string(channels), {0, 1, 17},
        [&](Builder& b) {
          const Shape shape = {-1, 31, 9, channels};
          const Value x = input(b, 0, shape), dy = input(b, 3, shape);
          const Value gamma = input(b, 1, {channels}), beta = input(b, 2, {channels});
          const Value y = b.batch_norm(x, gamma, beta, 1e-3);
          const Value dx = b.batch_norm_backward(x, gamma, {y.node, 1}, {y.node, 2}, dy, 1e-3);
          return std::vector{y, dx, Value{dx.node, 1}, Value{dx.node, 2}};
        },
        [](int index, Dim i) { return noise(index, i) + (index == 0 ? 10 : 0); });
  }
}

void random_cases() {
  check_case(
      "random", {0, 1, 2, 3, 4, 5, 31, 32, 33, 257, 1500},
      [](Builder& b) {
        const Value rng = b.graph().variable(0, {DType::i32, {4}});
        const Value x = input(b, 1, {-1, 3});
        return std::vector{b.random_uniform(rng, {-1, 3}, 9), b.random_normal(rng, {-1, 3}, 70000),
                           b.dropout(x, rng, 0.3, 2), b.rng_advance(rng)};
      },
      [](int index, Dim i) { return index == 0 ? 1e9 + static_cast<double>(i) : noise(index, i); });
}

void rnn_cases() {
  std::mt19937 random(8);
  const char* activations[] = {"tanh", "sigmoid", "hard_sigmoid", "relu", "linear"};
  const Dim sizes[] = {1, 2, 7, 8, 9, 15, 16, 17, 33};
  for (int i = 0; i < 60; ++i) {
    const Dim units = sizes[random() % 9], steps = 1 + random() % 5;
    const bool masked = i % 2, dropped = i % 3 == 0;
    Recurrence r;
    r.activation = activations[random() % 5];
    r.gate_activation = activations[random() % 5];
    r.reverse = i % 5 == 0;
    r.reset_after = i % 4 == 0;
    check_case(
        "recurrence of " + std::to_string(units) + " units, " + std::to_string(steps) + " steps, " +
            r.activation + " " + r.gate_activation + (masked ? ", masked" : "") +
            (dropped ? ", dropped" : ""),
        {0, 1, 5, 13}, [=](Builder& b) {
          // A layer with as many gates: x, kernel and what the options need.
          const auto with = [&](Dim gates) {
            Recurrence with = r;
            if (masked) with.mask = b.round(b.abs(input(b, 8, {-1, steps})));
            if (dropped) with.dropout = input(b, 8 + static_cast<int>(gates), {-1, gates * units});
            return with;
          };
          const auto x = [&](Dim gates) {
            return input(b, static_cast<int>(gates), {-1, steps, gates * units});
          };
          // Small, so that linear units do not grow.
          const auto kernel = [&](Dim gates) {
            return b.mul(b.scalar(0.1 / static_cast<double>(units)),
                         input(b, 20 + static_cast<int>(gates), {units, gates * units}));
          };
          const Value h = input(b, 5, {-1, units}), c = input(b, 6, {-1, units});
          const Value dh = input(b, 7, {-1, steps, units}), dc = input(b, 9, {-1, steps, units});
          const Value simple = b.simple_rnn(x(1), kernel(1), h, with(1));
          const Value d_simple = b.simple_rnn_backward(kernel(1), simple, dh, with(1));
          const int lstm = b.lstm(x(4), kernel(4), h, c, with(4)).node;
          const Value d_lstm = b.lstm_backward(kernel(4), c, {lstm, 1}, {lstm, 2}, dh, dc, with(4));
          const Value bias = r.reset_after ? input(b, 13, {units}) : Value{};
          const int gru = b.gru(x(3), kernel(3), h, with(3), bias).node;
          const Value product = r.reset_after ? Value{gru, 2} : Value{};
          const Value d_gru =
              b.gru_backward(kernel(3), h, {gru, 0}, {gru, 1}, product, dh, with(3));
          return std::vector{simple,    d_simple, {d_simple.node, 1}, {lstm, 0},        {lstm, 1},
                             {lstm, 2}, d_lstm,   {d_lstm.node, 1},   {d_lstm.node, 2}, {gru, 0},
                             {gru, 1},  d_gru,    {d_gru.node, 1}};
        });
  }
}

void index_cases() {
  for (const DType type : {DType::f32, DType::i32}) {
    for (const Dim width : {1, 7, 33, 130}) {
      // Some indices are out of range, many are the same.
      check_case(
          "rows by number, width " + std::to_string(width), {0, 1, 3, 40},
          [=](Builder& b) {
            const Value table = input(b, 0, {5, width}), ids = input(b, 1, {-1, 3}, type);
            const Value rows = b.gather(table, ids);
            const Value dy = b.mul(rows, input(b, 2, {-1, 3, width}));
            return std::vector{rows, b.scatter_add(dy, ids, {5, width}), b.one_hot(ids, 4)};
          },
          [](int index, Dim i) {
            return index == 1 ? static_cast<double>(i * 5 % 8) - 1 : noise(index, i);
          });
    }
  }
}

void ctc_cases() {
  // Lengths and labels of all kinds: none, too many, out of range.
  const auto fill = [](int index, Dim i) {
    if (index == 1) return static_cast<double>(i * 3 % 4);
    if (index == 2) return 7.0 - static_cast<double>(i % 9);
    if (index == 3) return static_cast<double>(i % 5);
    return noise(index, i);
  };
  check_case(
      "ctc", {0, 1, 4, 12},
      [](Builder& b) {
        const Value logits = input(b, 0, {-1, 7, 4}), labels = input(b, 1, {-1, 3});
        const Value steps = input(b, 2, {-1, 1}), count = input(b, 3, {-1, 1}, DType::i32);
        const Value greedy = b.ctc_decode(logits, steps, 0, 1);
        const Value narrow = b.ctc_decode(logits, steps, 3, 2);
        const Value wide = b.ctc_decode(logits, steps, 50, 4);
        return std::vector{b.ctc_loss(logits, labels, steps, count),
                           b.ctc_loss_backward(logits, labels, steps, count, input(b, 4, {-1, 1})),
                           greedy,
                           Value{greedy.node, 1},
                           narrow,
                           Value{narrow.node, 1},
                           wide,
                           Value{wide.node, 1}};
      },
      fill);
  // What a diverging model hands to the decoder.
  check_case(
      "ctc of no numbers", {3},
      [](Builder& b) {
        const Value logits = input(b, 0, {-1, 4, 3});
        const Value found = b.ctc_decode(
            logits, b.add(b.mul(input(b, 2, {-1, 1}), b.scalar(0)), b.scalar(4)), 3, 3);
        return std::vector{found};
      },
      [](int index, Dim i) { return index == 0 && i % 5 == 0 ? NAN : noise(index, i); });
}

// A net with its loss and gradients: the nodes that the passes really make.
void net_case() {
  check_case(
      "a net and its gradients", {0, 1, 3, 8},
      [](Builder& b) {
        const auto variable = [&](int id, Shape shape) {
          return b.graph().variable(id, {DType::f32, std::move(shape)});
        };
        const Value rng = b.graph().variable(9, {DType::i32, {4}});
        const Value x = input(b, 0, {-1, 8, 8, 3}), labels = input(b, 1, {-1, 4});
        const std::vector<Value> weights = {variable(10, {3, 3, 3, 8}), variable(11, {8}),
                                            variable(12, {8}),          variable(13, {8}),
                                            variable(14, {128, 4}),     variable(15, {4})};
        WindowSpec same(2), pool(2);
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
  const auto gives = [](PhiloxCounter counter, PhiloxKey key, PhiloxCounter answer) {
    const PhiloxCounter bits = philox4x32(counter, key);
    return std::memcmp(&bits, &answer, sizeof bits) == 0;
  };
  test("Philox gives its known answers", [&] {
    const std::uint32_t ones = 0xffffffff;
    CHECK(gives({0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    CHECK(gives({ones, ones, ones, ones}, {ones, ones},
                {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    CHECK(gives({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
                {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
  });
}

// A row added to the op table without a kernel, or without a case here, is found.
void coverage() {
  test("every op has a kernel and a case", [] {
    for (const OpDef& op : op_table()) {
      if (op.is(OpFlag::leaf) || op.name == "assign") continue;
      walker.expect(walker.ops.count(op.name) > 0, "no case runs " + op.name);
    }
  });
}

// Ops that a GPU leaves to the host; each run of one makes the two wait for each other.
const std::set<std::string> kLeftToHost = {"ctc_decode"};

void device_coverage() {
  test("every op has a kernel for devices, but those that are meant for the host", [] {
    const std::set<std::string>& claimed = walker.claimed["host device"];
    for (const std::string& op : walker.ops) {
      const bool left = kLeftToHost.count(op) > 0;
      walker.expect(claimed.count(op) > 0 || left, "no kernel for devices: " + op);
      walker.expect(!(left && claimed.count(op) > 0), "not left to the host any more: " + op);
    }
  });
}

}  // namespace

int main() {
  const HostDevice device;
  walker.backends.push_back(&device);
  elementwise_cases();
  reduce_cases();
  long_reduce_cases();
  shape_cases();
  long_shape_cases();
  batch_row_cases();
  matmul_cases();
  empty_matmul_cases();
  window_cases();
  no_image_case();
  pool_of_nans_case();
  volume_cases();
  norm_cases();
  rnn_cases();
  random_cases();
  index_cases();
  ctc_cases();
  net_case();
  philox_case();
  coverage();
  device_coverage();
  std::printf("%zu ops run, %zu of them by SIMD kernels, %zu by kernels for devices\n",
              walker.ops.size(), walker.claimed["simd"].size(),
              walker.claimed["host device"].size());
  return check_result();
}
