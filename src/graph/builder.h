// The vocabulary of the op graph: one method per op, used alike by R's k_* functions (through
// op names), by gradient rules and by passes. Broadcasting happens here and nowhere else.
#pragma once
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/op.h"

namespace hornet {

// Geometry of a convolution or pooling over the axes between batch and channels: height and width,
// or depth, height and width. Padding is explicit: before and after each axis, in their order.
struct WindowSpec {
  std::vector<std::int64_t> size;  // of the pool; unused by convolutions
  std::vector<std::int64_t> strides, padding, dilation;

  explicit WindowSpec(int axes)
      : size(axes, 1), strides(axes, 1), padding(2 * axes, 0), dilation(axes, 1) {}
};

// What the recurrent ops have in common. Activations are tanh, sigmoid, hard_sigmoid, relu and
// linear.
struct Recurrence {
  std::string activation = "tanh", gate_activation = "sigmoid";
  bool reverse = false;      // from the last step to the first
  bool reset_after = false;  // gru
  Value mask;     // (batch, time); where it is 0 the states stay as they are. None: all steps count
  Value dropout;  // (batch, gates * units): factors of h on its way into each gate. None: 1
};

class Builder {
 public:
  explicit Builder(Graph& graph) : graph_(graph) {}
  Graph& graph() { return graph_; }
  const Shape& shape(Value v) const { return graph_.shape(v); }

  // The method of that name with arguments from `attrs` (names of the methods' parameters):
  // what R calls. Returns all outputs.
  std::vector<Value> apply(const std::string& op, const std::vector<Value>& inputs,
                           const Attrs& attrs);

  // --- constants -------------------------------------------------------------------------
  Value constant(double value, const TensorSpec& spec);
  Value scalar(double value);  // f32, rank 0
  Value zeros_like(Value x);
  Value ones_like(Value x);

  // --- elementwise, one input ------------------------------------------------------------
  Value neg(Value x);
  Value abs(Value x);
  Value sign(Value x);  // -1, 0, 1
  Value exp(Value x);
  Value log(Value x);
  Value sqrt(Value x);
  Value square(Value x);
  Value reciprocal(Value x);
  Value sin(Value x);
  Value cos(Value x);
  Value round(Value x);  // half to even; no gradient
  Value floor(Value x);  // no gradient
  Value tanh(Value x);
  Value sigmoid(Value x);                       // 1 / (1 + exp(-x)), stable
  Value softplus(Value x);                      // log(1 + exp(x)), stable
  Value relu(Value x);                          // max(x, 0)
  Value elu(Value x, double alpha);             // x > 0 ? x : alpha (exp(x) - 1)
  Value clip(Value x, double min, double max);  // gradient 0 outside
  Value stop_gradient(Value x);
  Value all_reduce(Value x);        // over the devices of a run
  Value cast(Value x, DType type);  // f32 -> i32 truncates

  // --- elementwise, two or three inputs; shapes broadcast as numpy does ------------------
  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value div(Value a, Value b);
  Value pow(Value a, Value b);
  Value maximum(Value a, Value b);  // a tie's gradient goes to a
  Value minimum(Value a, Value b);
  Value equal(Value a, Value b);  // comparisons: 1 or 0 in a's type
  Value not_equal(Value a, Value b);
  Value greater(Value a, Value b);
  Value greater_equal(Value a, Value b);
  Value less(Value a, Value b);
  Value less_equal(Value a, Value b);
  Value select(Value condition, Value a, Value b);  // condition != 0 ? a : b

  // --- reductions ("sum" with attr mean, "max", "min", "argmax") and their adjoint --------
  Value sum(Value x, std::vector<std::int64_t> axes, bool keepdims = false);  // {} = all
  Value mean(Value x, std::vector<std::int64_t> axes, bool keepdims = false);
  Value max(Value x, std::vector<std::int64_t> axes, bool keepdims = false);
  Value min(Value x, std::vector<std::int64_t> axes, bool keepdims = false);
  Value argmax(Value x, std::int64_t axis);  // f32 index, first of equals
  // To `shape`, whose symbolic dimension may be absent from x. With `mean`, every element is
  // divided by the number of copies made of it (the adjoint of mean()).
  Value broadcast(Value x, const Shape& shape, bool mean = false);
  // Adjoint of broadcast: sums x down to `shape`.
  Value sum_to(Value x, const Shape& shape, bool mean = false);

  // --- shape -----------------------------------------------------------------------------
  Value reshape(Value x, const Shape& shape);  // a view
  Value transpose(Value x, std::vector<std::int64_t> perm);
  Value concat(const std::vector<Value>& xs, std::int64_t axis);
  // Along the batch, begin, size, before and after are multiples of it, negative as in shapes; a
  // slice may also be of rows by number, which a batch may turn out not to have.
  Value slice(Value x, std::int64_t axis, std::int64_t begin, std::int64_t size);
  Value pad(Value x, std::int64_t axis, std::int64_t before, std::int64_t after);  // with zeros
  Value reverse(Value x, std::int64_t axis);  // the axis turned around
  // Equal parts of an axis, in order; their gradients are joined, where slices would be added.
  std::vector<Value> split(Value x, std::int64_t axis, std::int64_t parts);

  // --- rows by number; indices are of either type and count from 0 --------------------------
  Value one_hot(Value indices, std::int64_t depth);  // appends an axis
  // Rows of `table` (n, ...): shape of the indices, then of a row. Zeros for an index not in [0,
  // n).
  Value gather(Value table, Value indices);
  // Adjoint of gather: sums the rows of dy that have the same index, in order.
  Value scatter_add(Value dy, Value indices, const Shape& table);

  // --- products --------------------------------------------------------------------------
  Value matmul(Value a, Value b, bool transpose_a = false, bool transpose_b = false);  // rank 2
  // Rank 3: the i-th matrix of a times the i-th of b.
  Value batch_matmul(Value a, Value b, bool transpose_a = false, bool transpose_b = false);

  // --- convolution: x (batch, h, w, in), w (kh, kw, in, out) -------------------------------
  Value conv2d(Value x, Value w, const WindowSpec& window);
  Value conv2d_backward_data(Value dy, Value w, const Shape& x_shape, const WindowSpec& window);
  Value conv2d_backward_weights(Value x, Value dy, const Shape& w_shape, const WindowSpec& window);
  // x (batch, d, h, w, in), w (kd, kh, kw, in, out)
  Value conv3d(Value x, Value w, const WindowSpec& window);
  Value conv3d_backward_data(Value dy, Value w, const Shape& x_shape, const WindowSpec& window);
  Value conv3d_backward_weights(Value x, Value dy, const Shape& w_shape, const WindowSpec& window);
  // Each channel by itself: w (kh, kw, in, multiplier), out channel c * multiplier + m of in
  // channel c.
  Value depthwise_conv2d(Value x, Value w, const WindowSpec& window);
  Value depthwise_conv2d_backward_data(Value dy, Value w, const Shape& x_shape,
                                       const WindowSpec& window);
  Value depthwise_conv2d_backward_weights(Value x, Value dy, const Shape& w_shape,
                                          const WindowSpec& window);

  // --- pooling ---------------------------------------------------------------------------
  Value max_pool2d(Value x, const WindowSpec& window);
  // The first maximum of a window, in row-major order, takes the gradient.
  Value max_pool2d_backward(Value x, Value y, Value dy, const WindowSpec& window);
  Value avg_pool2d(Value x, const WindowSpec& window);  // divides by the number of real cells
  Value avg_pool2d_backward(Value dy, const Shape& x_shape, const WindowSpec& window);
  Value max_pool3d(Value x, const WindowSpec& window);
  Value max_pool3d_backward(Value x, Value y, Value dy, const WindowSpec& window);
  Value avg_pool3d(Value x, const WindowSpec& window);
  Value avg_pool3d_backward(Value dy, const Shape& x_shape, const WindowSpec& window);

  // --- normalisation over all axes but the last; variance is the biased one ----------------
  Value softmax(Value x);                                              // over the last axis
  Value batch_norm(Value x, Value gamma, Value beta, double epsilon);  // -> y, mean, variance
  // -> dx, dgamma, dbeta
  Value batch_norm_backward(Value x, Value gamma, Value mean, Value variance, Value dy,
                            double epsilon);

  // --- recurrence: a layer's whole sequence, x (batch, time, gates * units) being the products of
  // the inputs and their kernel, biases included. Outputs are in the order of the inputs.
  //   simple_rnn  h = f(x + h U)
  //   lstm        gates i, f, g, o: c = f c + i g, h = o f(c)              -> h, c, gates
  //   gru         gates z, r, n: h = z h + (1 - z) n, n = f(x + (r h) U)   -> h, gates
  //               with reset_after n = f(x + r (h U + bias))               -> h, gates, h U + bias
  // `kernel` is U (units, gates * units), h and c are the states before (batch, units).
  Value simple_rnn(Value x, Value kernel, Value h, const Recurrence& r);
  Value lstm(Value x, Value kernel, Value h, Value c, const Recurrence& r);
  Value gru(Value x, Value kernel, Value h, const Recurrence& r, Value bias = {});
  // The adjoints take what the forward op has put out -> dx and the gradients of the states
  // before; gru with reset_after also the gradient of h U.
  Value simple_rnn_backward(Value kernel, Value h, Value dh, const Recurrence& r);
  Value lstm_backward(Value kernel, Value c_before, Value c, Value gates, Value dh, Value dc,
                      const Recurrence& r);
  Value gru_backward(Value kernel, Value h_before, Value h, Value gates, Value product, Value dh,
                     const Recurrence& r);

  // --- random: rng is the model's i32[4] variable (base/rng.h), stream tells nodes apart ---
  Value random_uniform(Value rng, const Shape& shape, std::int64_t stream);  // [0, 1)
  Value random_normal(Value rng, const Shape& shape, std::int64_t stream);   // mean 0, sd 1
  // x with each element dropped with probability `rate`, the others divided by 1 - rate.
  // An element is dropped where random_uniform() of the same stream is < rate.
  Value dropout(Value x, Value rng, double rate, std::int64_t stream);

  // --- connectionist temporal classification: logits (batch, steps, classes), the last class is
  // the blank; labels (batch, n) of which label_length (batch, 1) count, in the first
  // input_length (batch, 1) steps ------------------------------------------------------------
  Value ctc_loss(Value logits, Value labels, Value input_length, Value label_length);  // (batch, 1)
  Value ctc_loss_backward(Value logits, Value labels, Value input_length, Value label_length,
                          Value dy);
  // -> the best paths, i32 (batch, top_paths, steps) filled up with -1, and their scores
  // (batch, top_paths). beam_width 0: the best class of every step.
  Value ctc_decode(Value logits, Value input_length, std::int64_t beam_width,
                   std::int64_t top_paths);

  // --- state: run after everything else, as one block ---------------------------------------
  Value assign(Value variable, Value value);
  Value rng_advance(Value rng);  // step += 1

 private:
  Value unary(const char* op, Value x, Attrs attrs = {});
  Value binary(const char* op, Value a, Value b);
  Value reduce(const char* op, Value x, std::vector<std::int64_t> axes, bool keepdims, bool mean);
  Value typed_like(Value x, Value partner);
  Graph& graph_;
};

}  // namespace hornet
