// Recurrent layers, all sequences at once, one step after the other: a product for what the state
// adds to the sums, then the cells. What is recorded of the steps starts as the sums of the inputs.
#include "backend/cuda/cuda_kernels.h"
#include "backend/cuda/skeletons.h"
#include "backend/functors/recurrence.h"

namespace hornet::cuda {
namespace {

// A row of numbers for each sequence, `stride` apart.
struct FloatRows {
  float* data = nullptr;
  Dim stride = 0;

  HORNET_FUNCTOR float* row(Dim b) const { return data + b * stride; }
  FloatRows from(Dim column) const { return {data + column, stride}; }
};

struct ConstRows {
  const float* data;
  Dim stride;

  ConstRows(const float* data, Dim stride) : data(data), stride(stride) {}
  ConstRows(const FloatRows& rows) : data(rows.data), stride(rows.stride) {}
  HORNET_FUNCTOR const float* row(Dim b) const { return data + b * stride; }
};

// What the cells of a step share.
struct Cells {
  RecurrenceAttrs r;
  const float* mask;  // of this step; null: it counts for every sequence
  Dim steps;
  Dim units;

  HORNET_FUNCTOR bool counts(Dim b) const { return !mask || mask[b * steps] != 0; }
};

// --- a node's numbers --------------------------------------------------------------------------

// y = x * factor, rows of `width`.
struct Scale {
  ConstRows x, factor;
  FloatRows y;
  Dim units, width;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim b = i / width, j = i - b * width;
    y.row(b)[j] = x.row(b)[j % units] * factor.row(b)[j];
  }
};

// y += the sum over the gates of x * factor.
struct AddScaled {
  ConstRows x, factor;
  FloatRows y;
  Dim units, width;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim b = i / units, j = i - b * units;
    float sum = 0;
    for (Dim k = j; k < width; k += units) sum += x.row(b)[k] * factor.row(b)[k];
    y.row(b)[j] += sum;
  }
};

// Where the numbers of a node lie, and in which order its steps are taken.
struct Walk {
  const Queue& queue;
  RecurrenceAttrs r;
  Dim batch, steps, units, gates;
  const float* kernel = nullptr;   // (units, gates * units)
  const float* mask = nullptr;     // (batch, steps)
  const float* dropout = nullptr;  // (batch, gates * units)
  float* scaled = nullptr;         // workspace of as many

  Dim step(Dim i) const { return r.reverse ? steps - 1 - i : i; }
  Dim states() const { return batch * units; }
  // Step t of a sequence of rows of `width`.
  FloatRows at(float* sequence, Dim t, Dim width) const {
    return {sequence + t * width, steps * width};
  }
  ConstRows at(const float* sequence, Dim t, Dim width) const {
    return {sequence + t * width, steps * width};
  }
  // The state before the i-th step that is taken.
  ConstRows before(const float* sequence, const float* first, Dim i) const {
    return i == 0 ? ConstRows{first, units} : at(sequence, step(i - 1), units);
  }
  Cells cells(Dim t) const { return {r, mask ? mask + t : nullptr, steps, units}; }

  // sums += h U for `count` gates from `gate` on.
  void multiply(ConstRows h, Dim gate, Dim count, FloatRows sums) const {
    Product product{batch, count * units, units};
    product.a_stride = h.stride;
    product.b_stride = gates * units;
    product.c_stride = sums.stride;
    product.beta = 1;
    const float* state = h.data;
    if (dropout) {
      const Dim width = count * units;
      for_each(queue, batch * width, Scale{h, factors(gate), {scaled, width}, units, width});
      state = scaled;
      product.a_stride = width;
      by_gate(&product, count);
    }
    queue.blas->multiply(product, state, kernel + gate * units, sums.data);
  }

  // dh += d_sums U', the adjoint.
  void multiply_back(ConstRows d_sums, Dim gate, Dim count, FloatRows dh) const {
    const Dim width = count * units;
    Product product{batch, units, width};
    product.transpose_b = true;
    product.a_stride = d_sums.stride;
    product.b_stride = gates * units;
    product.c_stride = dropout ? width : dh.stride;
    product.beta = dropout ? 0 : 1;
    if (dropout) by_gate(&product, count);
    queue.blas->multiply(product, d_sums.data, kernel + gate * units, dropout ? scaled : dh.data);
    if (dropout)
      for_each(queue, states(), AddScaled{{scaled, width}, factors(gate), dh, units, width});
  }

 private:
  ConstRows factors(Dim gate) const { return {dropout + gate * units, gates * units}; }
  // Each gate has a state of its own: one product a gate.
  void by_gate(Product* product, Dim count) const {
    product->n = product->k = units;
    product->count = count;
    product->a_step = product->b_step = product->c_step = units;
  }
};

// body(walk, inputs, outputs, scratch). `options`: the number of the first input that need not be
// there. `scratch`: whether the body wants memory for a state of each sequence.
template <class Body>
std::unique_ptr<Kernel> walk_kernel(const BoundNode& node, const Queue& queue, int kernel_input,
                                    int options, const Shape& h, bool scratch, Body body) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  Walk shape{queue, RecurrenceAttrs(node.node->attrs), h[0], h[1], h[2], 0};
  shape.gates = node.inputs[kernel_input].shape[1] / shape.units;
  const Dim scaled = shape.r.dropped ? shape.gates * shape.states() : 0;
  return kernel(
      [=](const Tensor* in, const Tensor* out, void* workspace) {
        Walk walk = shape;
        walk.kernel = in[kernel_input].as<float>();
        const Tensor *mask = in + options, *dropout = mask + walk.r.masked;
        if (walk.r.masked) walk.mask = mask->as<float>();
        if (walk.r.dropped) walk.dropout = dropout->as<float>();
        walk.scaled = static_cast<float*>(workspace);
        body(walk, in, out, walk.scaled + scaled);
      },
      static_cast<std::size_t>(scaled + (scratch ? shape.states() : 0)) * sizeof(float));
}

void copy_tensor(const Queue& queue, const Tensor& from, const Tensor& to) {
  copy(to.data, from.data, to.bytes(), Direction::on_device, queue.stream);
}
void clear(const Queue& queue, const Tensor& tensor) {
  fill_with_zeros(tensor.data, tensor.bytes(), queue.stream);
}

// --- simple_rnn --------------------------------------------------------------------------------

struct SimpleStep {
  Cells cells;
  ConstRows before;
  FloatRows h;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim b = i / cells.units, j = i - b * cells.units;
    float& now = h.row(b)[j];
    now = cells.counts(b) ? activate(cells.r.activation, now) : before.row(b)[j];
  }
};

struct SimpleStepBackward {
  Cells cells;
  ConstRows h, dh;
  FloatRows d_state, dx;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim b = i / cells.units, j = i - b * cells.units;
    const bool counts = cells.counts(b);
    const float diff = d_state.row(b)[j] + dh.row(b)[j];
    dx.row(b)[j] = counts ? diff * slope(cells.r.activation, h.row(b)[j]) : 0;
    d_state.row(b)[j] = counts ? 0 : diff;
  }
};

// x, kernel, h -> h
std::unique_ptr<Kernel> compile_simple_rnn(const BoundNode& node, const Queue& queue) {
  return walk_kernel(node, queue, 1, 3, node.outputs[0].shape, false,
                     [](const Walk& w, const Tensor* in, const Tensor* out, float*) {
                       float* const h = out[0].as<float>();
                       copy_tensor(w.queue, in[0], out[0]);
                       for (Dim i = 0; i < w.steps; ++i) {
                         const Dim t = w.step(i);
                         const ConstRows before = w.before(h, in[2].as<float>(), i);
                         const FloatRows now = w.at(h, t, w.units);
                         w.multiply(before, 0, 1, now);
                         for_each(w.queue, w.states(), SimpleStep{w.cells(t), before, now});
                       }
                     });
}

// kernel, h, dh -> dx, gradient of the state before
std::unique_ptr<Kernel> compile_simple_rnn_backward(const BoundNode& node, const Queue& queue) {
  return walk_kernel(node, queue, 0, 3, node.inputs[1].shape, false,
                     [](const Walk& w, const Tensor* in, const Tensor* out, float*) {
                       const float *h = in[1].as<float>(), *dh = in[2].as<float>();
                       const FloatRows d_state{out[1].as<float>(), w.units};
                       clear(w.queue, out[1]);
                       for (Dim i = w.steps; i-- > 0;) {
                         const Dim t = w.step(i);
                         const FloatRows dx = w.at(out[0].as<float>(), t, w.units);
                         for_each(w.queue, w.states(),
                                  SimpleStepBackward{w.cells(t), w.at(h, t, w.units),
                                                     w.at(dh, t, w.units), d_state, dx});
                         w.multiply_back(dx, 0, 1, d_state);
                       }
                     });
}

// --- lstm --------------------------------------------------------------------------------------

struct LstmStep {
  Cells cells;
  ConstRows h_before, c_before;
  FloatRows gates, h, c;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim b = i / cells.units, j = i - b * cells.units;
    float h_now, c_now;
    lstm_unit(cells.r, gates.row(b) + j, cells.units, c_before.row(b)[j], &h_now, &c_now);
    const bool counts = cells.counts(b);
    h.row(b)[j] = counts ? h_now : h_before.row(b)[j];
    c.row(b)[j] = counts ? c_now : c_before.row(b)[j];
  }
};

struct LstmStepBackward {
  Cells cells;
  ConstRows c_before, c, gates, dh, dc;
  FloatRows dh_state, dc_state, dx;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim u = cells.units, b = i / u, j = i - b * u;
    const float h_diff = dh_state.row(b)[j] + dh.row(b)[j];
    float c_diff = dc_state.row(b)[j] + dc.row(b)[j];
    float* const d_sums = dx.row(b) + j;
    const bool counts = cells.counts(b);
    if (counts) {
      lstm_unit_backward(cells.r, gates.row(b) + j, u, c_before.row(b)[j], c.row(b)[j], h_diff,
                         &c_diff, d_sums);
    } else {
      for (int gate = 0; gate < 4; ++gate) d_sums[gate * u] = 0;
    }
    dh_state.row(b)[j] = counts ? 0 : h_diff;
    dc_state.row(b)[j] = c_diff;
  }
};

// x, kernel, h, c -> h, c, gates
std::unique_ptr<Kernel> compile_lstm(const BoundNode& node, const Queue& queue) {
  return walk_kernel(node, queue, 1, 4, node.outputs[0].shape, false,
                     [](const Walk& w, const Tensor* in, const Tensor* out, float*) {
                       float *h = out[0].as<float>(), *c = out[1].as<float>();
                       copy_tensor(w.queue, in[0], out[2]);
                       for (Dim i = 0; i < w.steps; ++i) {
                         const Dim t = w.step(i);
                         const ConstRows h_before = w.before(h, in[2].as<float>(), i);
                         const ConstRows c_before = w.before(c, in[3].as<float>(), i);
                         const FloatRows gates = w.at(out[2].as<float>(), t, 4 * w.units);
                         w.multiply(h_before, 0, 4, gates);
                         for_each(w.queue, w.states(),
                                  LstmStep{w.cells(t), h_before, c_before, gates,
                                           w.at(h, t, w.units), w.at(c, t, w.units)});
                       }
                     });
}

// kernel, c before, c, gates, dh, dc -> dx, gradients of h and c before
std::unique_ptr<Kernel> compile_lstm_backward(const BoundNode& node, const Queue& queue) {
  return walk_kernel(node, queue, 0, 6, node.inputs[2].shape, false,
                     [](const Walk& w, const Tensor* in, const Tensor* out, float*) {
                       const float *c = in[2].as<float>(), *gates = in[3].as<float>();
                       const float *dh = in[4].as<float>(), *dc = in[5].as<float>();
                       const FloatRows dh_state{out[1].as<float>(), w.units};
                       const FloatRows dc_state{out[2].as<float>(), w.units};
                       clear(w.queue, out[1]);
                       clear(w.queue, out[2]);
                       for (Dim i = w.steps; i-- > 0;) {
                         const Dim t = w.step(i);
                         const FloatRows dx = w.at(out[0].as<float>(), t, 4 * w.units);
                         for_each(w.queue, w.states(),
                                  LstmStepBackward{w.cells(t), w.before(c, in[1].as<float>(), i),
                                                   w.at(c, t, w.units), w.at(gates, t, 4 * w.units),
                                                   w.at(dh, t, w.units), w.at(dc, t, w.units),
                                                   dh_state, dc_state, dx});
                         w.multiply_back(dx, 0, 4, dh_state);
                       }
                     });
}

// --- gru ---------------------------------------------------------------------------------------

// product = bias
struct FillRows {
  const float* bias;
  float* product;
  Dim units;

  HORNET_FUNCTOR void operator()(Dim i) const { product[i] = bias[i % units]; }
};

// The gates but the fresh one, and the state as that one sees it.
struct GruReset {
  Cells cells;
  ConstRows before;
  FloatRows gates, reset_state;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim u = cells.units, b = i / u, j = i - b * u;
    float* const unit = gates.row(b) + j;
    gru_gates(cells.r, unit, u);
    reset_state.row(b)[j] = unit[u] * before.row(b)[j];
  }
};

struct GruStep {
  Cells cells;
  ConstRows before, product;  // product: only where the reset comes after it
  FloatRows gates, h;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim u = cells.units, b = i / u, j = i - b * u;
    float* const unit = gates.row(b) + j;
    if (cells.r.reset_after) {
      gru_gates(cells.r, unit, u);
      unit[2 * u] += unit[u] * product.row(b)[j];
    }
    const float state = gru_unit(cells.r, unit, u, before.row(b)[j]);
    h.row(b)[j] = cells.counts(b) ? state : before.row(b)[j];
  }
};

struct GruStepBackward {
  Cells cells;
  ConstRows before, gates, product, dh;  // product: only where the reset comes after it
  FloatRows d_state, dx, d_product;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim u = cells.units, b = i / u, j = i - b * u;
    const float* const unit = gates.row(b) + j;
    float* const d_sums = dx.row(b) + j;
    float diff = d_state.row(b)[j] + dh.row(b)[j];
    float d_reset = 0, through = 0;
    if (cells.counts(b)) {
      gru_unit_backward(cells.r, unit, u, before.row(b)[j], &diff, d_sums);
      if (cells.r.reset_after) {
        through = d_sums[2 * u] * unit[u];
        d_reset = d_sums[2 * u] * product.row(b)[j] * slope(cells.r.gate_activation, unit[u]);
      }
    } else {
      d_sums[0] = d_sums[2 * u] = 0;
    }
    d_sums[u] = d_reset;
    if (cells.r.reset_after) d_product.row(b)[j] = through;
    d_state.row(b)[j] = diff;
  }
};

// From the gradient of the reset state to those of the reset gate's sum and the state before.
struct GruResetBackward {
  Cells cells;
  ConstRows before, gates, d_reset_state;
  FloatRows d_state, dx;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim u = cells.units, b = i / u, j = i - b * u;
    const float reset = gates.row(b)[u + j], diff = d_reset_state.row(b)[j];
    dx.row(b)[u + j] = diff * before.row(b)[j] * slope(cells.r.gate_activation, reset);
    d_state.row(b)[j] += diff * reset;
  }
};

// x, kernel, h, (recurrent bias) -> h, gates, (recurrent product). Scratch: the reset state.
std::unique_ptr<Kernel> compile_gru(const BoundNode& node, const Queue& queue) {
  const bool after = node.node->attrs.flag("reset_after");
  return walk_kernel(
      node, queue, 1, after ? 4 : 3, node.outputs[0].shape, !after,
      [](const Walk& w, const Tensor* in, const Tensor* out, float* scratch) {
        const bool after = w.r.reset_after;
        const Dim u = w.units;
        float* const h = out[0].as<float>();
        float* const products = after ? out[2].as<float>() : nullptr;
        const FloatRows reset_state{scratch, u};
        copy_tensor(w.queue, in[0], out[1]);
        if (after) for_each(w.queue, out[2].numel(), FillRows{in[3].as<float>(), products, u});
        for (Dim i = 0; i < w.steps; ++i) {
          const Dim t = w.step(i);
          const ConstRows before = w.before(h, in[2].as<float>(), i);
          const FloatRows gates = w.at(out[1].as<float>(), t, 3 * u);
          const FloatRows product = after ? w.at(products, t, u) : FloatRows();
          w.multiply(before, 0, 2, gates);
          if (after) {
            w.multiply(before, 2, 1, product);
          } else {
            for_each(w.queue, w.states(), GruReset{w.cells(t), before, gates, reset_state});
            w.multiply(reset_state, 2, 1, gates.from(2 * u));
          }
          for_each(w.queue, w.states(), GruStep{w.cells(t), before, product, gates, w.at(h, t, u)});
        }
      });
}

// kernel, h before, h, gates, dh, (recurrent product) -> dx, gradient of h before, (of the
// product). Scratch: the gradient of the reset state.
std::unique_ptr<Kernel> compile_gru_backward(const BoundNode& node, const Queue& queue) {
  const bool after = node.node->attrs.flag("reset_after");
  return walk_kernel(
      node, queue, 0, after ? 6 : 5, node.inputs[2].shape, !after,
      [](const Walk& w, const Tensor* in, const Tensor* out, float* scratch) {
        const bool after = w.r.reset_after;
        const Dim u = w.units;
        const float *h = in[2].as<float>(), *gate_values = in[3].as<float>();
        const float* const dh = in[4].as<float>();
        const float* const products = after ? in[5].as<float>() : nullptr;
        float* const d_products = after ? out[2].as<float>() : nullptr;
        const FloatRows d_state{out[1].as<float>(), u}, d_reset_state{scratch, u};
        clear(w.queue, out[1]);
        for (Dim i = w.steps; i-- > 0;) {
          const Dim t = w.step(i);
          const ConstRows before = w.before(h, in[1].as<float>(), i);
          const ConstRows gates = w.at(gate_values, t, 3 * u);
          const FloatRows dx = w.at(out[0].as<float>(), t, 3 * u);
          const ConstRows product = after ? w.at(products, t, u) : ConstRows(nullptr, 0);
          const FloatRows d_product = after ? w.at(d_products, t, u) : FloatRows();
          for_each(w.queue, w.states(),
                   GruStepBackward{w.cells(t), before, gates, product, w.at(dh, t, u), d_state, dx,
                                   d_product});
          if (after) {
            w.multiply_back(d_product, 2, 1, d_state);
          } else {
            fill_with_zeros(scratch, static_cast<std::size_t>(w.states()) * sizeof(float),
                            w.queue.stream);
            w.multiply_back(dx.from(2 * u), 2, 1, d_reset_state);
            for_each(w.queue, w.states(),
                     GruResetBackward{w.cells(t), before, gates, d_reset_state, d_state, dx});
          }
          w.multiply_back(dx, 0, 2, d_state);
        }
      });
}

}  // namespace

void add_rnn_kernels(KernelRows& rows) {
  rows.push_back({"simple_rnn", compile_simple_rnn});
  rows.push_back({"simple_rnn_backward", compile_simple_rnn_backward});
  rows.push_back({"lstm", compile_lstm});
  rows.push_back({"lstm_backward", compile_lstm_backward});
  rows.push_back({"gru", compile_gru});
  rows.push_back({"gru_backward", compile_gru_backward});
}

}  // namespace hornet::cuda
