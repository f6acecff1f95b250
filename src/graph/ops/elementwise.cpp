// Elementwise ops. Broadcasting is explicit in the graph, so rules see equal shapes.
#include "graph/ops/infer.h"

namespace hornet {
namespace {

using Rule = Value (*)(Builder& b, Value x, Value y, Value dy);

Specs equal_specs(const Specs& in, std::size_t count) {
  expect_inputs(in, count);
  for (std::size_t i = 1; i < count; ++i) {
    if (in[i].dtype != in[0].dtype)
      throw Error(
          std::string("the operands are ") + name_of(in[0].dtype) + " and " + name_of(in[i].dtype),
          "type")
          .hint("Use k_cast() to convert one of them.");
    if (in[i].shape != in[0].shape)
      throw shape_error("the operands have shapes " + in[0].shape.to_string() + " and " +
                        in[i].shape.to_string());
  }
  return {in[0]};
}

void unary(OpRows& rows, const char* name, Rule rule) {
  OpDef row{name, same_as_input, nullptr, OpFlag::elementwise};
  if (rule)
    row.grad = [rule](Builder& b, int y, const std::vector<Value>& dy) -> Grads {
      return {rule(b, input_of(b, y, 0), Value{y, 0}, dy[0])};
    };
  rows.push_back(std::move(row));
}

using PairRule = Grads (*)(Builder& b, Value left, Value right, Value y, Value dy);

void binary(OpRows& rows, const char* name, PairRule rule) {
  const auto infer = [](const Specs& in, const Attrs&) { return equal_specs(in, 2); };
  OpDef row{name, infer, nullptr, OpFlag::elementwise};
  if (rule)
    row.grad = [rule](Builder& b, int y, const std::vector<Value>& dy) -> Grads {
      return rule(b, input_of(b, y, 0), input_of(b, y, 1), Value{y, 0}, dy[0]);
    };
  rows.push_back(std::move(row));
}

// dy where `condition` holds, 0 elsewhere.
Value where(Builder& b, Value condition, Value dy) {
  return b.select(condition, dy, b.zeros_like(dy));
}

void add_unary(OpRows& rows) {
  unary(rows, "neg", [](Builder& b, Value, Value, Value dy) { return b.neg(dy); });
  unary(rows, "abs", [](Builder& b, Value x, Value, Value dy) { return b.mul(dy, b.sign(x)); });
  unary(rows, "sign", nullptr);
  unary(rows, "round", nullptr);
  unary(rows, "floor", nullptr);
  unary(rows, "exp", [](Builder& b, Value, Value y, Value dy) { return b.mul(dy, y); });
  unary(rows, "log", [](Builder& b, Value x, Value, Value dy) { return b.div(dy, x); });
  unary(rows, "sqrt",
        [](Builder& b, Value, Value y, Value dy) { return b.div(b.mul(dy, b.scalar(0.5)), y); });
  unary(rows, "square",
        [](Builder& b, Value x, Value, Value dy) { return b.mul(dy, b.mul(x, b.scalar(2))); });
  unary(rows, "reciprocal",
        [](Builder& b, Value, Value y, Value dy) { return b.neg(b.mul(dy, b.square(y))); });
  unary(rows, "sin", [](Builder& b, Value x, Value, Value dy) { return b.mul(dy, b.cos(x)); });
  unary(rows, "cos",
        [](Builder& b, Value x, Value, Value dy) { return b.neg(b.mul(dy, b.sin(x))); });
  unary(rows, "tanh", [](Builder& b, Value, Value y, Value dy) {
    return b.mul(dy, b.sub(b.ones_like(y), b.square(y)));
  });
  unary(rows, "sigmoid", [](Builder& b, Value, Value y, Value dy) {
    return b.mul(b.mul(dy, y), b.sub(b.ones_like(y), y));
  });
  unary(rows, "softplus",
        [](Builder& b, Value x, Value, Value dy) { return b.mul(dy, b.sigmoid(x)); });
  // Reads y, not x: x may then be overwritten, and dense + relu fuses.
  unary(rows, "relu", [](Builder& b, Value, Value y, Value dy) {
    return where(b, b.greater(y, b.zeros_like(y)), dy);
  });
  unary(rows, "elu", [](Builder& b, Value x, Value y, Value dy) {
    const double alpha = b.graph().node(y).attrs.real("alpha");
    // y tells the sides apart as x does, unless alpha is negative.
    const Value side = alpha >= 0 ? y : x;
    return b.select(b.greater(side, b.zeros_like(side)), dy, b.mul(dy, b.add(y, b.scalar(alpha))));
  });
  // Inside, borders included, clip changes nothing.
  unary(rows, "clip",
        [](Builder& b, Value x, Value y, Value dy) { return where(b, b.equal(x, y), dy); });
  rows.push_back({"stop_gradient", same_as_input, nullptr, OpFlag::elementwise});
  // Where several devices compute parts of a batch: the sum of theirs, each weighted by its share
  // of the rows. Elsewhere the value itself.
  rows.push_back({"all_reduce", same_as_input,
                  [](Builder&, int, const std::vector<Value>& dy) -> Grads { return {dy[0]}; },
                  OpFlag::elementwise});
  rows.push_back({"cast",
                  [](const Specs& in, const Attrs& attrs) -> Specs {
                    expect_inputs(in, 1);
                    const std::string type = attrs.text("dtype");
                    if (type == "float32") return {{DType::f32, in[0].shape}};
                    if (type == "int32") return {{DType::i32, in[0].shape}};
                    throw Error("cannot convert to \"" + type + "\"", "type")
                        .hint("Types are \"float32\" and \"int32\".");
                  },
                  nullptr, OpFlag::none});
}

void add_arithmetic(OpRows& rows) {
  binary(rows, "add", [](Builder&, Value, Value, Value, Value dy) -> Grads { return {dy, dy}; });
  binary(rows, "sub", [](Builder& b, Value, Value, Value, Value dy) -> Grads {
    return {dy, b.neg(dy)};
  });
  binary(rows, "mul", [](Builder& b, Value left, Value right, Value, Value dy) -> Grads {
    return {b.mul(dy, right), b.mul(dy, left)};
  });
  binary(rows, "div", [](Builder& b, Value, Value right, Value y, Value dy) -> Grads {
    const Value d_left = b.div(dy, right);
    return {d_left, b.neg(b.mul(d_left, y))};
  });
  binary(rows, "pow", [](Builder& b, Value left, Value right, Value y, Value dy) -> Grads {
    const Value one = b.ones_like(right);
    const Value d_left = b.mul(dy, b.mul(right, b.pow(left, b.sub(right, one))));
    // The logarithm exists for positive bases only; others have no slope in the exponent.
    const Value zero = b.zeros_like(left);
    const Value positive = b.greater(left, zero);
    const Value log_base = b.select(positive, b.log(b.select(positive, left, one)), zero);
    return {d_left, b.mul(dy, b.mul(y, log_base))};
  });
  binary(rows, "maximum", [](Builder& b, Value left, Value right, Value, Value dy) -> Grads {
    const Value from_left = b.greater_equal(left, right), zero = b.zeros_like(dy);
    return {b.select(from_left, dy, zero), b.select(from_left, zero, dy)};
  });
  binary(rows, "minimum", [](Builder& b, Value left, Value right, Value, Value dy) -> Grads {
    const Value from_left = b.less_equal(left, right), zero = b.zeros_like(dy);
    return {b.select(from_left, dy, zero), b.select(from_left, zero, dy)};
  });
}

}  // namespace

void add_elementwise_ops(OpRows& rows) {
  add_unary(rows);
  add_arithmetic(rows);
  for (const char* name : {"equal", "not_equal", "greater", "greater_equal", "less", "less_equal"})
    binary(rows, name, nullptr);
  rows.push_back(
      {"select", [](const Specs& in, const Attrs&) { return equal_specs(in, 3); },
       [](Builder& b, int y, const std::vector<Value>& dy) -> Grads {
         const Value condition = input_of(b, y, 0), zero = b.zeros_like(dy[0]);
         return {Value{}, b.select(condition, dy[0], zero), b.select(condition, zero, dy[0])};
       },
       OpFlag::elementwise});
}

}  // namespace hornet
