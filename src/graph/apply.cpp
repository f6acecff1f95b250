// Builder::apply(): the builder's methods by name, for callers that have names (R).
#include <algorithm>
#include <unordered_map>

#include "graph/builder.h"
#include "graph/ops/recurrence_of.h"
#include "graph/ops/window.h"

namespace hornet {
namespace {

using Inputs = std::vector<Value>;
using Method = Value (*)(Builder& b, const Inputs& in, const Attrs& a);
struct Entry {
  std::size_t inputs;
  Method method;
};

constexpr std::size_t kAny = 999;

template <Value (Builder::*method)(Value)>
Entry one() {
  return {1, [](Builder& b, const Inputs& in, const Attrs&) { return (b.*method)(in[0]); }};
}

template <Value (Builder::*method)(Value, Value)>
Entry two() {
  return {2, [](Builder& b, const Inputs& in, const Attrs&) { return (b.*method)(in[0], in[1]); }};
}

template <Value (Builder::*method)(Value, std::vector<std::int64_t>, bool)>
Entry reduction() {
  return {1, [](Builder& b, const Inputs& in, const Attrs& a) {
            return (b.*method)(in[0], a.integers("axes", {}), a.flag("keepdims"));
          }};
}

Shape shape_attr(const Attrs& a) { return Shape(a.integers("shape")); }

DType type_attr(const Attrs& a) {
  const std::string name = a.text("dtype");
  if (name == "float32") return DType::f32;
  if (name == "int32") return DType::i32;
  throw Error("there is no type \"" + name + "\"", "type")
      .hint("Types are \"float32\" and \"int32\".");
}

using Table = std::unordered_map<std::string, Entry>;

void add_elementwise(Table& t) {
  using B = Builder;
  t["neg"] = one<&B::neg>();
  t["abs"] = one<&B::abs>();
  t["sign"] = one<&B::sign>();
  t["exp"] = one<&B::exp>();
  t["log"] = one<&B::log>();
  t["sqrt"] = one<&B::sqrt>();
  t["square"] = one<&B::square>();
  t["reciprocal"] = one<&B::reciprocal>();
  t["sin"] = one<&B::sin>();
  t["cos"] = one<&B::cos>();
  t["round"] = one<&B::round>();
  t["floor"] = one<&B::floor>();
  t["tanh"] = one<&B::tanh>();
  t["sigmoid"] = one<&B::sigmoid>();
  t["softplus"] = one<&B::softplus>();
  t["relu"] = one<&B::relu>();
  t["stop_gradient"] = one<&B::stop_gradient>();
  t["all_reduce"] = one<&B::all_reduce>();
  t["softmax"] = one<&B::softmax>();
  t["rng_advance"] = one<&B::rng_advance>();
  t["add"] = two<&B::add>();
  t["sub"] = two<&B::sub>();
  t["mul"] = two<&B::mul>();
  t["div"] = two<&B::div>();
  t["pow"] = two<&B::pow>();
  t["maximum"] = two<&B::maximum>();
  t["minimum"] = two<&B::minimum>();
  t["equal"] = two<&B::equal>();
  t["not_equal"] = two<&B::not_equal>();
  t["greater"] = two<&B::greater>();
  t["greater_equal"] = two<&B::greater_equal>();
  t["less"] = two<&B::less>();
  t["less_equal"] = two<&B::less_equal>();
  t["assign"] = two<&B::assign>();
  t["elu"] = {
      1, [](B& b, const Inputs& in, const Attrs& a) { return b.elu(in[0], a.real("alpha", 1)); }};
  t["clip"] = {1, [](B& b, const Inputs& in, const Attrs& a) {
                 return b.clip(in[0], a.real("min"), a.real("max"));
               }};
  t["cast"] = {1,
               [](B& b, const Inputs& in, const Attrs& a) { return b.cast(in[0], type_attr(a)); }};
  t["select"] = {
      3, [](B& b, const Inputs& in, const Attrs&) { return b.select(in[0], in[1], in[2]); }};
}

void add_reductions_and_shapes(Table& t) {
  using B = Builder;
  t["sum"] = {1, [](B& b, const Inputs& in, const Attrs& a) {
                const auto axes = a.integers("axes", {});
                return a.flag("mean") ? b.mean(in[0], axes, a.flag("keepdims"))
                                      : b.sum(in[0], axes, a.flag("keepdims"));
              }};
  t["mean"] = reduction<&B::mean>();
  t["max"] = reduction<&B::max>();
  t["min"] = reduction<&B::min>();
  t["argmax"] = {
      1, [](B& b, const Inputs& in, const Attrs& a) { return b.argmax(in[0], a.integer("axis")); }};
  t["broadcast"] = {1, [](B& b, const Inputs& in, const Attrs& a) {
                      return b.broadcast(in[0], shape_attr(a), a.flag("mean"));
                    }};
  t["sum_to"] = {1, [](B& b, const Inputs& in, const Attrs& a) {
                   return b.sum_to(in[0], shape_attr(a), a.flag("mean"));
                 }};
  t["reshape"] = {
      1, [](B& b, const Inputs& in, const Attrs& a) { return b.reshape(in[0], shape_attr(a)); }};
  t["transpose"] = {1, [](B& b, const Inputs& in, const Attrs& a) {
                      return b.transpose(in[0], a.integers("perm"));
                    }};
  t["concat"] = {
      kAny, [](B& b, const Inputs& in, const Attrs& a) { return b.concat(in, a.integer("axis")); }};
  t["slice"] = {1, [](B& b, const Inputs& in, const Attrs& a) {
                  return b.slice(in[0], a.integer("axis"), a.integer("begin"), a.integer("size"));
                }};
  t["pad"] = {1, [](B& b, const Inputs& in, const Attrs& a) {
                return b.pad(in[0], a.integer("axis"), a.integer("before"), a.integer("after"));
              }};
  t["reverse"] = {1, [](B& b, const Inputs& in, const Attrs& a) {
                    return b.reverse(in[0], a.integer("axis"));
                  }};
  t["split"] = {1, [](B& b, const Inputs& in, const Attrs& a) {
                  return b.split(in[0], a.integer("axis"), a.integer("parts"))[0];
                }};
  t["one_hot"] = {1, [](B& b, const Inputs& in, const Attrs& a) {
                    return b.one_hot(in[0], a.integer("depth"));
                  }};
  t["gather"] = two<&B::gather>();
  t["scatter_add"] = {2, [](B& b, const Inputs& in, const Attrs& a) {
                        return b.scatter_add(in[0], in[1], shape_attr(a));
                      }};
}

template <Value (Builder::*method)(Value, Value, bool, bool)>
Entry product() {
  return {2, [](Builder& b, const Inputs& in, const Attrs& a) {
            return (b.*method)(in[0], in[1], a.flag("transpose_a"), a.flag("transpose_b"));
          }};
}

template <int axes, Value (Builder::*method)(Value, const WindowSpec&)>
Entry pool() {
  return {1, [](Builder& b, const Inputs& in, const Attrs& a) {
            return (b.*method)(in[0], window_of(a, axes));
          }};
}

template <int axes, Value (Builder::*method)(Value, const Shape&, const WindowSpec&)>
Entry pool_backward() {
  return {1, [](Builder& b, const Inputs& in, const Attrs& a) {
            return (b.*method)(in[0], shape_attr(a), window_of(a, axes));
          }};
}

template <int axes, Value (Builder::*method)(Value, Value, Value, const WindowSpec&)>
Entry max_pool_backward() {
  return {3, [](Builder& b, const Inputs& in, const Attrs& a) {
            return (b.*method)(in[0], in[1], in[2], window_of(a, axes));
          }};
}

template <int axes, Value (Builder::*method)(Value, Value, const WindowSpec&)>
Entry convolution() {
  return {2, [](Builder& b, const Inputs& in, const Attrs& a) {
            return (b.*method)(in[0], in[1], window_of(a, axes));
          }};
}

template <int axes, Value (Builder::*method)(Value, Value, const Shape&, const WindowSpec&)>
Entry convolution_backward() {
  return {2, [](Builder& b, const Inputs& in, const Attrs& a) {
            return (b.*method)(in[0], in[1], shape_attr(a), window_of(a, axes));
          }};
}

void add_products(Table& t) {
  using B = Builder;
  t["matmul"] = product<&B::matmul>();
  t["batch_matmul"] = product<&B::batch_matmul>();
  t["conv2d"] = convolution<2, &B::conv2d>();
  t["conv2d_backward_data"] = convolution_backward<2, &B::conv2d_backward_data>();
  t["conv2d_backward_weights"] = convolution_backward<2, &B::conv2d_backward_weights>();
  t["conv3d"] = convolution<3, &B::conv3d>();
  t["conv3d_backward_data"] = convolution_backward<3, &B::conv3d_backward_data>();
  t["conv3d_backward_weights"] = convolution_backward<3, &B::conv3d_backward_weights>();
  t["depthwise_conv2d"] = convolution<2, &B::depthwise_conv2d>();
  t["depthwise_conv2d_backward_data"] =
      convolution_backward<2, &B::depthwise_conv2d_backward_data>();
  t["depthwise_conv2d_backward_weights"] =
      convolution_backward<2, &B::depthwise_conv2d_backward_weights>();
  t["max_pool2d"] = pool<2, &B::max_pool2d>();
  t["max_pool2d_backward"] = max_pool_backward<2, &B::max_pool2d_backward>();
  t["avg_pool2d"] = pool<2, &B::avg_pool2d>();
  t["avg_pool2d_backward"] = pool_backward<2, &B::avg_pool2d_backward>();
  t["max_pool3d"] = pool<3, &B::max_pool3d>();
  t["max_pool3d_backward"] = max_pool_backward<3, &B::max_pool3d_backward>();
  t["avg_pool3d"] = pool<3, &B::avg_pool3d>();
  t["avg_pool3d_backward"] = pool_backward<3, &B::avg_pool3d_backward>();
}

void add_recurrence(Table& t) {
  using B = Builder;
  t["simple_rnn"] = {kAny, [](B& b, const Inputs& in, const Attrs& a) {
                       const Recurrence r = recurrence_of(in, a, 3);
                       return b.simple_rnn(in[0], in[1], in[2], r);
                     }};
  t["simple_rnn_backward"] = {kAny, [](B& b, const Inputs& in, const Attrs& a) {
                                const Recurrence r = recurrence_of(in, a, 3);
                                return b.simple_rnn_backward(in[0], in[1], in[2], r);
                              }};
  t["lstm"] = {kAny, [](B& b, const Inputs& in, const Attrs& a) {
                 const Recurrence r = recurrence_of(in, a, 4);
                 return b.lstm(in[0], in[1], in[2], in[3], r);
               }};
  t["lstm_backward"] = {kAny, [](B& b, const Inputs& in, const Attrs& a) {
                          const Recurrence r = recurrence_of(in, a, 6);
                          return b.lstm_backward(in[0], in[1], in[2], in[3], in[4], in[5], r);
                        }};
  t["gru"] = {kAny, [](B& b, const Inputs& in, const Attrs& a) {
                const bool after = a.flag("reset_after");
                const Recurrence r = recurrence_of(in, a, after ? 4 : 3);
                return b.gru(in[0], in[1], in[2], r, after ? in[3] : Value{});
              }};
  t["gru_backward"] = {kAny, [](B& b, const Inputs& in, const Attrs& a) {
                         const bool after = a.flag("reset_after");
                         const Recurrence r = recurrence_of(in, a, after ? 6 : 5);
                         return b.gru_backward(in[0], in[1], in[2], in[3], after ? in[5] : Value{},
                                               in[4], r);
                       }};
}

void add_norm_and_random(Table& t) {
  using B = Builder;
  t["batch_norm"] = {3, [](B& b, const Inputs& in, const Attrs& a) {
                       return b.batch_norm(in[0], in[1], in[2], a.real("epsilon"));
                     }};
  t["batch_norm_backward"] = {5, [](B& b, const Inputs& in, const Attrs& a) {
                                return b.batch_norm_backward(in[0], in[1], in[2], in[3], in[4],
                                                             a.real("epsilon"));
                              }};
  t["random_uniform"] = {1, [](B& b, const Inputs& in, const Attrs& a) {
                           return b.random_uniform(in[0], shape_attr(a), a.integer("stream"));
                         }};
  t["random_normal"] = {1, [](B& b, const Inputs& in, const Attrs& a) {
                          return b.random_normal(in[0], shape_attr(a), a.integer("stream"));
                        }};
  t["dropout"] = {2, [](B& b, const Inputs& in, const Attrs& a) {
                    return b.dropout(in[0], in[1], a.real("rate"), a.integer("stream"));
                  }};
}

void add_ctc(Table& t) {
  using B = Builder;
  t["ctc_loss"] = {4, [](B& b, const Inputs& in, const Attrs&) {
                     return b.ctc_loss(in[0], in[1], in[2], in[3]);
                   }};
  t["ctc_loss_backward"] = {5, [](B& b, const Inputs& in, const Attrs&) {
                              return b.ctc_loss_backward(in[0], in[1], in[2], in[3], in[4]);
                            }};
  t["ctc_decode"] = {2, [](B& b, const Inputs& in, const Attrs& a) {
                       return b.ctc_decode(in[0], in[1], a.integer("beam_width"),
                                           a.integer("top_paths"));
                     }};
}

const Table& methods() {
  static const Table table = [] {
    Table t;
    add_elementwise(t);
    add_reductions_and_shapes(t);
    add_products(t);
    add_recurrence(t);
    add_norm_and_random(t);
    add_ctc(t);
    return t;
  }();
  return table;
}

}  // namespace

std::vector<Value> Builder::apply(const std::string& op, const std::vector<Value>& inputs,
                                  const Attrs& attrs) {
  const auto found = methods().find(op);
  if (found == methods().end())
    throw Error("there is no operation named \"" + op + "\"").where(graph_.origin());
  const Entry& entry = found->second;
  if (entry.inputs != kAny && entry.inputs != inputs.size())
    throw Error(op + ": expected " + std::to_string(entry.inputs) + " inputs, got " +
                std::to_string(inputs.size()))
        .where(graph_.origin());
  for (Value v : inputs)
    if (v.node < 0 || v.node >= graph_.size() || v.output < 0 ||
        v.output >= static_cast<int>(graph_.node(v).outputs.size()))
      throw Error(op + ": an input is not a tensor of this model").where(graph_.origin());
  const Value first = entry.method(*this, inputs, attrs);
  // A method that returns its input as it is (a reshape to the same shape) has one output.
  const bool as_it_is = std::find(inputs.begin(), inputs.end(), first) != inputs.end();
  const int outputs = as_it_is ? 1 : static_cast<int>(graph_.node(first).outputs.size());
  std::vector<Value> all = {first};
  for (int i = 1; i < outputs; ++i) all.push_back({first.node, i});
  return all;
}

}  // namespace hornet
