// Recurrent layers, one sequence of the batch after the other, one step after the other.
#include "backend/cpu/cpu_kernels.h"
#include "backend/functors/recurrence.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

// Where the numbers of one sequence lie, and in which order its steps are taken.
template <class T>
struct Walk {
  RecurrenceAttrs r;
  Dim steps, units, gates;
  const T* kernel = nullptr;   // (units, gates * units)
  const T* mask = nullptr;     // of this sequence
  const T* dropout = nullptr;  // of this sequence

  Dim step(Dim i) const { return r.reverse ? steps - 1 - i : i; }
  bool counts(Dim t) const { return !mask || mask[t] != 0; }
  T kept(Dim gate, Dim k) const { return dropout ? dropout[gate * units + k] : T(1); }
  const T* row(const T* sequence, Dim t) const { return sequence + t * units; }
  // The state before the i-th step that is taken.
  const T* before(const T* sequence, const T* first, Dim i) const {
    return i == 0 ? first : row(sequence, step(i - 1));
  }

  // sums[j] += sum over k of h[k] U[k, gate, j], and its adjoint for h.
  void multiply(const T* h, Dim gate, T* sums) const {
    for (Dim k = 0; k < units; ++k) {
      const T x = h[k] * kept(gate, k);
      const T* u = kernel + (k * gates + gate) * units;
      for (Dim j = 0; j < units; ++j) sums[j] += x * u[j];
    }
  }
  void multiply_back(const T* d_sums, Dim gate, T* dh) const {
    for (Dim k = 0; k < units; ++k) {
      const T* u = kernel + (k * gates + gate) * units;
      T sum = 0;
      for (Dim j = 0; j < units; ++j) sum += d_sums[j] * u[j];
      dh[k] += sum * kept(gate, k);
    }
  }
};

// body(walk, sequence number, scratch of `scratch` numbers) for each sequence. `options`: the
// number of the first input that need not be there.
template <class T, class Body>
std::unique_ptr<Kernel> each_sequence(const BoundNode& node, int kernel_input, int options,
                                      Dim scratch, Dim batch, Dim steps, Body body) {
  Walk<T> shape{RecurrenceAttrs(node.node->attrs), steps, node.inputs[kernel_input].shape[0], 0};
  shape.gates = node.inputs[kernel_input].shape[1] / shape.units;
  const Dim work = steps * shape.units * shape.units * shape.gates / 4;
  return kernel(
      [=](const Tensor* in, const Tensor* out, void* workspace) {
        parallel_for(batch, grain_of(work), [&](Dim begin, Dim end) {
          for (Dim b = begin; b < end; ++b) {
            Walk<T> walk = shape;
            walk.kernel = in[kernel_input].as<T>();
            const Tensor *mask = in + options, *dropout = mask + walk.r.masked;
            if (walk.r.masked) walk.mask = mask->as<T>() + b * steps;
            if (walk.r.dropped) walk.dropout = dropout->as<T>() + b * walk.gates * walk.units;
            body(walk, b, in, out, static_cast<T*>(workspace) + b * scratch);
          }
        });
      },
      static_cast<std::size_t>(batch * scratch) * sizeof(T));
}

// --- simple_rnn ------------------------------------------------------------------------------

// x, kernel, h -> h
std::unique_ptr<Kernel> compile_simple_rnn(const BoundNode& node) {
  const Shape& y = node.outputs[0].shape;
  return for_floats(node.outputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return each_sequence<T>(node, 1, 3, 0, y[0], y[1],
                            [](const Walk<T>& w, Dim b, const Tensor* in, const Tensor* out, T*) {
                              const T* x = in[0].as<T>() + b * w.steps * w.units;
                              T* h = out[0].as<T>() + b * w.steps * w.units;
                              for (Dim i = 0; i < w.steps; ++i) {
                                const Dim t = w.step(i);
                                const T* before = w.before(h, in[2].as<T>() + b * w.units, i);
                                T* now = h + t * w.units;
                                if (!w.counts(t)) {
                                  std::copy_n(before, w.units, now);
                                  continue;
                                }
                                std::copy_n(w.row(x, t), w.units, now);
                                w.multiply(before, 0, now);
                                for (Dim j = 0; j < w.units; ++j)
                                  now[j] = activate(w.r.activation, now[j]);
                              }
                            });
  });
}

// kernel, h, dh -> dx, gradient of the state before
std::unique_ptr<Kernel> compile_simple_rnn_backward(const BoundNode& node) {
  const Shape& y = node.inputs[1].shape;
  return for_floats(node.outputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return each_sequence<T>(
        node, 0, 3, 0, y[0], y[1],
        [](const Walk<T>& w, Dim b, const Tensor* in, const Tensor* out, T*) {
          const Dim start = b * w.steps * w.units;
          const T *h = in[1].as<T>() + start, *dh = in[2].as<T>() + start;
          T *dx = out[0].as<T>() + start, *d_state = out[1].as<T>() + b * w.units;
          std::fill_n(d_state, w.units, T(0));
          for (Dim i = w.steps; i-- > 0;) {
            const Dim t = w.step(i);
            T* d_sums = dx + t * w.units;
            for (Dim j = 0; j < w.units; ++j) d_state[j] += dh[t * w.units + j];
            if (!w.counts(t)) {
              std::fill_n(d_sums, w.units, T(0));
              continue;
            }
            for (Dim j = 0; j < w.units; ++j) {
              d_sums[j] = d_state[j] * slope(w.r.activation, h[t * w.units + j]);
              d_state[j] = 0;
            }
            w.multiply_back(d_sums, 0, d_state);
          }
        });
  });
}

// --- lstm --------------------------------------------------------------------------------------

// x, kernel, h, c -> h, c, gates
std::unique_ptr<Kernel> compile_lstm(const BoundNode& node) {
  const Shape& y = node.outputs[0].shape;
  return for_floats(node.outputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return each_sequence<T>(
        node, 1, 4, 0, y[0], y[1],
        [](const Walk<T>& w, Dim b, const Tensor* in, const Tensor* out, T* /* scratch */) {
          const Dim u = w.units, start = b * w.steps * u;
          const T* x = in[0].as<T>() + 4 * start;
          T *h = out[0].as<T>() + start, *c = out[1].as<T>() + start;
          T* gates = out[2].as<T>() + 4 * start;
          for (Dim i = 0; i < w.steps; ++i) {
            const Dim t = w.step(i);
            const T* h_before = w.before(h, in[2].as<T>() + b * u, i);
            const T* c_before = w.before(c, in[3].as<T>() + b * u, i);
            T* g = gates + 4 * t * u;
            std::copy_n(x + 4 * t * u, 4 * u, g);
            for (Dim gate = 0; gate < 4; ++gate) w.multiply(h_before, gate, g + gate * u);
            for (Dim j = 0; j < u; ++j) {
              T &h_now = h[t * u + j], &c_now = c[t * u + j];
              lstm_unit(w.r, g + j, u, c_before[j], &h_now, &c_now);
              if (w.counts(t)) continue;
              h_now = h_before[j];
              c_now = c_before[j];
            }
          }
        });
  });
}

// kernel, c before, c, gates, dh, dc -> dx, gradients of h and c before
std::unique_ptr<Kernel> compile_lstm_backward(const BoundNode& node) {
  const Shape& y = node.inputs[2].shape;
  return for_floats(node.outputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return each_sequence<T>(
        node, 0, 6, 0, y[0], y[1],
        [](const Walk<T>& w, Dim b, const Tensor* in, const Tensor* out, T*) {
          const Dim u = w.units, start = b * w.steps * u;
          const T *c = in[2].as<T>() + start, *gates = in[3].as<T>() + 4 * start;
          const T *dh = in[4].as<T>() + start, *dc = in[5].as<T>() + start;
          T *dh_state = out[1].as<T>() + b * u, *dc_state = out[2].as<T>() + b * u;
          std::fill_n(dh_state, u, T(0));
          std::fill_n(dc_state, u, T(0));
          for (Dim i = w.steps; i-- > 0;) {
            const Dim t = w.step(i);
            const T* c_before = w.before(c, in[1].as<T>() + b * u, i);
            const T* g = gates + 4 * t * u;
            T* dx = out[0].as<T>() + 4 * (start + t * u);
            for (Dim j = 0; j < u; ++j) {
              dh_state[j] += dh[t * u + j];
              dc_state[j] += dc[t * u + j];
            }
            if (!w.counts(t)) {
              std::fill_n(dx, 4 * u, T(0));
              continue;
            }
            for (Dim j = 0; j < u; ++j) {
              lstm_unit_backward(w.r, g + j, u, c_before[j], c[t * u + j], dh_state[j],
                                 &dc_state[j], dx + j);
              dh_state[j] = 0;
            }
            for (Dim gate = 0; gate < 4; ++gate) w.multiply_back(dx + gate * u, gate, dh_state);
          }
        });
  });
}

// --- gru ---------------------------------------------------------------------------------------

// x, kernel, h, (recurrent bias) -> h, gates, (recurrent product). Scratch: the reset state.
std::unique_ptr<Kernel> compile_gru(const BoundNode& node) {
  const Shape& y = node.outputs[0].shape;
  const bool after = node.node->attrs.flag("reset_after");
  return for_floats(node.outputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return each_sequence<T>(
        node, 1, after ? 4 : 3, y[2], y[0], y[1],
        [](const Walk<T>& w, Dim b, const Tensor* in, const Tensor* out, T* reset_state) {
          const Dim u = w.units, start = b * w.steps * u;
          const T* x = in[0].as<T>() + 3 * start;
          T *h = out[0].as<T>() + start, *gates = out[1].as<T>() + 3 * start;
          for (Dim i = 0; i < w.steps; ++i) {
            const Dim t = w.step(i);
            const T* before = w.before(h, in[2].as<T>() + b * u, i);
            T *update = gates + 3 * t * u, *reset = update + u, *fresh = reset + u;
            std::copy_n(x + 3 * t * u, 3 * u, update);
            w.multiply(before, 0, update);
            w.multiply(before, 1, reset);
            for (Dim j = 0; j < u; ++j) gru_gates(w.r, update + j, u);
            if (w.r.reset_after) {
              T* product = out[2].as<T>() + start + t * u;
              std::copy_n(in[3].as<T>(), u, product);
              w.multiply(before, 2, product);
              for (Dim j = 0; j < u; ++j) fresh[j] += reset[j] * product[j];
            } else {
              for (Dim j = 0; j < u; ++j) reset_state[j] = reset[j] * before[j];
              w.multiply(reset_state, 2, fresh);
            }
            for (Dim j = 0; j < u; ++j) {
              const T state = gru_unit(w.r, update + j, u, before[j]);
              h[t * u + j] = w.counts(t) ? state : before[j];
            }
          }
        });
  });
}

// kernel, h before, h, gates, dh, (recurrent product) -> dx, gradient of h before, (of the
// product). Scratch: the gradient of the reset state.
std::unique_ptr<Kernel> compile_gru_backward(const BoundNode& node) {
  const Shape& y = node.inputs[2].shape;
  const bool after = node.node->attrs.flag("reset_after");
  return for_floats(node.outputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return each_sequence<T>(
        node, 0, after ? 6 : 5, y[2], y[0], y[1],
        [](const Walk<T>& w, Dim b, const Tensor* in, const Tensor* out, T* d_reset_state) {
          const Dim u = w.units, start = b * w.steps * u;
          const T *h = in[2].as<T>() + start, *gates = in[3].as<T>() + 3 * start;
          const T* dh = in[4].as<T>() + start;
          T* d_state = out[1].as<T>() + b * u;
          std::fill_n(d_state, u, T(0));
          for (Dim i = w.steps; i-- > 0;) {
            const Dim t = w.step(i);
            const T* before = w.before(h, in[1].as<T>() + b * u, i);
            const T *update = gates + 3 * t * u, *reset = update + u;
            T *d_update = out[0].as<T>() + 3 * (start + t * u), *d_reset = d_update + u;
            T* d_fresh = d_reset + u;
            T* d_product = w.r.reset_after ? out[2].as<T>() + start + t * u : nullptr;
            for (Dim j = 0; j < u; ++j) d_state[j] += dh[t * u + j];
            if (!w.counts(t)) {
              std::fill_n(d_update, 3 * u, T(0));
              if (d_product) std::fill_n(d_product, u, T(0));
              continue;
            }
            for (Dim j = 0; j < u; ++j) {
              gru_unit_backward(w.r, update + j, u, before[j], &d_state[j], d_update + j);
            }
            if (w.r.reset_after) {
              const T* product = in[5].as<T>() + start + t * u;
              for (Dim j = 0; j < u; ++j) {
                d_reset[j] = d_fresh[j] * product[j] * slope(w.r.gate_activation, reset[j]);
                d_product[j] = d_fresh[j] * reset[j];
              }
              w.multiply_back(d_product, 2, d_state);
            } else {
              std::fill_n(d_reset_state, u, T(0));
              w.multiply_back(d_fresh, 2, d_reset_state);
              for (Dim j = 0; j < u; ++j) {
                d_reset[j] = d_reset_state[j] * before[j] * slope(w.r.gate_activation, reset[j]);
                d_state[j] += d_reset_state[j] * reset[j];
              }
            }
            w.multiply_back(d_update, 0, d_state);
            w.multiply_back(d_reset, 1, d_state);
          }
        });
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

}  // namespace hornet::cpu
