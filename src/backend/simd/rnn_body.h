// Recurrent layers: at every step one small product and one pass over the gates, for as many
// sequences as a thread has.
#include "backend/simd/math_body.h"
#include "backend/simd/gemm_tile_body.h"
#include "backend/simd/pack_body.h"

// Rows [0, batch) of a state, or of a sequence at one step.
struct Rows {
  float* first;
  Dim stride;
  float* operator[](Dim b) const { return first + b * stride; }
};

HORNET_INLINE Vec activate(CellActivation activation, Vec x) {
  switch (activation) {
    case CellActivation::linear:
      return x;
    case CellActivation::tanh:
      return tanh(x);
    case CellActivation::sigmoid:
      return sigmoid(x);
    case CellActivation::hard_sigmoid:  // constants first: NaN stays
      return min_or(set1(1), max_or(zero(), fma(x, set1(0.2f), set1(0.5f))));
    case CellActivation::relu:
      return relu(x);
  }
  return x;
}

// The derivative, from the activated value.
HORNET_INLINE Vec slope(CellActivation activation, Vec y) {
  switch (activation) {
    case CellActivation::linear:
      return set1(1);
    case CellActivation::tanh:
      return fnma(y, y, set1(1));
    case CellActivation::sigmoid:
      return fnma(y, y, y);
    case CellActivation::hard_sigmoid:
      return keep(less(zero(), y), keep(less(y, set1(1)), set1(0.2f)));
    case CellActivation::relu:
      return keep(less(zero(), y), set1(1));
  }
  return y;
}

// body(j, lanes) over the units.
template <class Body>
HORNET_INLINE void each_lanes(Dim units, Body body) {
  Dim j = 0;
  for (; j + kLanes <= units; j += kLanes) body(j, kLanes);
  if (j < units) body(j, static_cast<int>(units - j));
}

inline void copy_row(const float* from, Dim n, float* to) {
  std::memcpy(to, from, n * sizeof(float));
}
inline void clear_row(Dim n, float* to) { std::memset(to, 0, n * sizeof(float)); }

// --- the recurrent kernel, packed once a run: a square matrix for each gate ---------------------

Dim packed_gate_floats(Dim units) { return (units + kLanes - 1) / kLanes * kLanes * units; }

void pack_gates(const float* kernel, Dim units, Dim gates, bool transposed, float* packed) {
  const Dim row = gates * units;
  for (Dim gate = 0; gate < gates; ++gate, packed += packed_gate_floats(units)) {
    const float* matrix = kernel + gate * units;
    for (Dim j = 0; j < units;) {
      const int width = panel_width(units - j);
      const int count = static_cast<int>(std::min<Dim>(width, units - j));
      float* to = packed + j * units;
      if (transposed) pack_transposed(matrix + j * row, row, units, width, count, to);
      else pack_straight(matrix + j, row, units, width, count, to);
      j += width;
    }
  }
}

// One thread's sequences [begin, end) of a call.
class Walk {
 public:
  Walk(const RnnCall& call, Dim begin, Dim end) : call_(call), begin_(begin), end_(end) {}

  Dim step(Dim i) const { return call_.r.reverse ? call_.steps - 1 - i : i; }
  bool counts(Dim b, Dim t) const { return !call_.mask || call_.mask[b * call_.steps + t] != 0; }
  // A sequence of `parts` * units numbers a step, at step t.
  Rows at(const float* sequence, Dim t, Dim parts = 1) const {
    const Dim width = parts * call_.units;
    return {const_cast<float*>(sequence) + t * width, call_.steps * width};
  }
  Rows state(const float* values) const { return {const_cast<float*>(values), call_.units}; }
  // The state before the i-th step that is taken.
  Rows before(const float* sequence, const float* first, Dim i) const {
    return i == 0 ? state(first) : at(sequence, step(i - 1));
  }
  Rows gate(Rows rows, Dim gate) const { return {rows.first + gate * call_.units, rows.stride}; }

  template <class Body>
  HORNET_MEMBER void each(Body body) const {
    for (Dim b = begin_; b < end_; ++b) body(b);
  }

  // c += a times the packed matrix of a gate, with dropout on a (forward) or on the product.
  void multiply(Rows a, Dim gate, Rows c) const {
    if (!call_.dropout) return add_product(a, gate, c);
    const Rows dropped = state(call_.scratch);
    each([&](Dim b) { scale(a[b], factors(b, gate), dropped[b]); });
    add_product(dropped, gate, c);
  }
  void multiply_back(Rows a, Dim gate, Rows c) const {
    if (!call_.dropout) return add_product(a, gate, c);
    const Rows product = state(call_.scratch);
    each([&](Dim b) { clear_row(call_.units, product[b]); });
    add_product(a, gate, product);
    each([&](Dim b) {
      const float *p = product[b], *factor = factors(b, gate);
      float* to = c[b];
      each_lanes(call_.units, [&](Dim j, int n) {
        store_n(to + j, fma(load_n(p + j, n), load_n(factor + j, n), load_n(to + j, n)), n);
      });
    });
  }

 private:
  const float* factors(Dim b, Dim gate) const {
    return call_.dropout + (b * call_.gates + gate) * call_.units;
  }
  void scale(const float* x, const float* factor, float* y) const {
    each_lanes(call_.units, [&](Dim j, int n) {
      store_n(y + j, mul(load_n(x + j, n), load_n(factor + j, n)), n);
    });
  }
  void add_product(Rows a, Dim gate, Rows c) const {
    const Dim units = call_.units;
    const EvenSplit rows(end_ - begin_, kTileRows);
    TileCall t;
    t.a_row = a.stride;
    t.a_col = 1;
    t.depth = units;
    t.out = {c.stride, nullptr, 0, /* accumulate = */ true, /* relu = */ false};
    const float* packed = call_.packed + gate * packed_gate_floats(units);
    for (Dim j = 0; j < units;) {
      const int width = panel_width(units - j);
      t.out.tail = static_cast<int>(std::min<Dim>(width, units - j)) - (width - kLanes);
      t.b = packed + j * units;
      t.b_row = width;
      for (Dim i = 0; i < rows.parts; ++i) {
        const Dim row = begin_ + rows.at(i);
        t.a = a[row];
        t.c = c[row] + j;
        tile_for(static_cast<int>(rows.at(i + 1) - rows.at(i)), width / kLanes, false)(t);
      }
      j += width;
    }
  }

  const RnnCall& call_;
  const Dim begin_, end_;
};

// to += more
inline void add_row(const float* more, Dim n, float* to) {
  each_lanes(n, [&](Dim j, int lanes) {
    store_n(to + j, add(load_n(to + j, lanes), load_n(more + j, lanes)), lanes);
  });
}
inline void activate_row(CellActivation activation, Dim n, float* x) {
  each_lanes(n, [&](Dim j, int lanes) {
    store_n(x + j, activate(activation, load_n(x + j, lanes)), lanes);
  });
}

// --- simple_rnn ------------------------------------------------------------------------------

void simple_rnn(const RnnCall& call, Dim begin, Dim end) {
  const Walk walk(call, begin, end);
  const Dim u = call.units;
  for (Dim i = 0; i < call.steps; ++i) {
    const Dim t = walk.step(i);
    const Rows x = walk.at(call.x, t), h = walk.at(call.h, t);
    const Rows before = walk.before(call.h, call.h_first, i);
    walk.each([&](Dim b) { copy_row(x[b], u, h[b]); });
    walk.multiply(before, 0, h);
    walk.each([&](Dim b) {
      if (walk.counts(b, t)) activate_row(call.r.activation, u, h[b]);
      else copy_row(before[b], u, h[b]);
    });
  }
}

void simple_rnn_backward(const RnnCall& call, Dim begin, Dim end) {
  const Walk walk(call, begin, end);
  const Dim u = call.units;
  const Rows d_state = walk.state(call.d_h);
  walk.each([&](Dim b) { clear_row(u, d_state[b]); });
  for (Dim i = call.steps; i-- > 0;) {
    const Dim t = walk.step(i);
    const Rows h = walk.at(call.h, t), dh = walk.at(call.dh, t), dx = walk.at(call.dx, t);
    walk.each([&](Dim b) {
      add_row(dh[b], u, d_state[b]);
      if (!walk.counts(b, t)) return clear_row(u, dx[b]);
      float *d = d_state[b], *to = dx[b];
      const float* y = h[b];
      each_lanes(u, [&](Dim j, int n) {
        store_n(to + j, mul(load_n(d + j, n), slope(call.r.activation, load_n(y + j, n))), n);
        store_n(d + j, zero(), n);
      });
    });
    walk.multiply_back(dx, 0, d_state);
  }
}

// --- lstm --------------------------------------------------------------------------------------

void lstm(const RnnCall& call, Dim begin, Dim end) {
  const Walk walk(call, begin, end);
  const Dim u = call.units;
  const CellActivation f = call.r.activation, gate_f = call.r.gate_activation;
  for (Dim i = 0; i < call.steps; ++i) {
    const Dim t = walk.step(i);
    const Rows x = walk.at(call.x, t, 4), gates = walk.at(call.gate_values, t, 4);
    const Rows h = walk.at(call.h, t), c = walk.at(call.c, t);
    const Rows h_before = walk.before(call.h, call.h_first, i);
    const Rows c_before = walk.before(call.c, call.c_first, i);
    walk.each([&](Dim b) { copy_row(x[b], 4 * u, gates[b]); });
    for (Dim gate = 0; gate < 4; ++gate) walk.multiply(h_before, gate, walk.gate(gates, gate));
    walk.each([&](Dim b) {
      float *g = gates[b], *to_h = h[b], *to_c = c[b];
      const float* from_c = c_before[b];
      each_lanes(u, [&](Dim j, int n) {
        const Vec in_gate = activate(gate_f, load_n(g + j, n));
        const Vec forget = activate(gate_f, load_n(g + u + j, n));
        const Vec fresh = activate(f, load_n(g + 2 * u + j, n));
        const Vec out_gate = activate(gate_f, load_n(g + 3 * u + j, n));
        const Vec cell = fma(forget, load_n(from_c + j, n), mul(in_gate, fresh));
        store_n(g + j, in_gate, n);
        store_n(g + u + j, forget, n);
        store_n(g + 2 * u + j, fresh, n);
        store_n(g + 3 * u + j, out_gate, n);
        store_n(to_c + j, cell, n);
        store_n(to_h + j, mul(out_gate, activate(f, cell)), n);
      });
      if (walk.counts(b, t)) return;
      copy_row(h_before[b], u, to_h);
      copy_row(from_c, u, to_c);
    });
  }
}

void lstm_backward(const RnnCall& call, Dim begin, Dim end) {
  const Walk walk(call, begin, end);
  const Dim u = call.units;
  const CellActivation f = call.r.activation, gate_f = call.r.gate_activation;
  const Rows dh_state = walk.state(call.d_h), dc_state = walk.state(call.d_c);
  walk.each([&](Dim b) {
    clear_row(u, dh_state[b]);
    clear_row(u, dc_state[b]);
  });
  for (Dim i = call.steps; i-- > 0;) {
    const Dim t = walk.step(i);
    const Rows gates = walk.at(call.gate_values, t, 4), dx = walk.at(call.dx, t, 4);
    const Rows c = walk.at(call.c, t), c_before = walk.before(call.c, call.c_first, i);
    const Rows dh = walk.at(call.dh, t), dc = walk.at(call.dc, t);
    walk.each([&](Dim b) {
      const float *g = gates[b], *cell = c[b], *cell_before = c_before[b];
      float *d_h = dh_state[b], *d_c = dc_state[b], *to = dx[b];
      add_row(dh[b], u, d_h);
      add_row(dc[b], u, d_c);
      if (!walk.counts(b, t)) return clear_row(4 * u, to);
      each_lanes(u, [&](Dim j, int n) {
        const Vec in_gate = load_n(g + j, n), forget = load_n(g + u + j, n);
        const Vec fresh = load_n(g + 2 * u + j, n), out_gate = load_n(g + 3 * u + j, n);
        const Vec shown = activate(f, load_n(cell + j, n)), d = load_n(d_h + j, n);
        const Vec d_cell = fma(mul(d, out_gate), slope(f, shown), load_n(d_c + j, n));
        store_n(to + j, mul(mul(d_cell, fresh), slope(gate_f, in_gate)), n);
        store_n(to + u + j, mul(mul(d_cell, load_n(cell_before + j, n)), slope(gate_f, forget)), n);
        store_n(to + 2 * u + j, mul(mul(d_cell, in_gate), slope(f, fresh)), n);
        store_n(to + 3 * u + j, mul(mul(d, shown), slope(gate_f, out_gate)), n);
        store_n(d_c + j, mul(d_cell, forget), n);
        store_n(d_h + j, zero(), n);
      });
    });
    for (Dim gate = 0; gate < 4; ++gate) walk.multiply_back(walk.gate(dx, gate), gate, dh_state);
  }
}

// --- gru ---------------------------------------------------------------------------------------

void gru(const RnnCall& call, Dim begin, Dim end) {
  const Walk walk(call, begin, end);
  const Dim u = call.units;
  const bool after = call.r.reset_after;
  const CellActivation f = call.r.activation, gate_f = call.r.gate_activation;
  const Rows reset_state = walk.state(call.states);
  for (Dim i = 0; i < call.steps; ++i) {
    const Dim t = walk.step(i);
    const Rows x = walk.at(call.x, t, 3), gates = walk.at(call.gate_values, t, 3);
    const Rows h = walk.at(call.h, t), before = walk.before(call.h, call.h_first, i);
    walk.each([&](Dim b) { copy_row(x[b], 3 * u, gates[b]); });
    for (Dim gate = 0; gate < 2; ++gate) walk.multiply(before, gate, walk.gate(gates, gate));
    walk.each([&](Dim b) { activate_row(gate_f, 2 * u, gates[b]); });
    if (after) {
      const Rows product = walk.at(call.product, t);
      walk.each([&](Dim b) { copy_row(call.bias, u, product[b]); });
      walk.multiply(before, 2, product);
      walk.each([&](Dim b) {
        float *reset = gates[b] + u, *fresh = reset + u, *p = product[b];
        each_lanes(u, [&](Dim j, int n) {
          store_n(fresh + j, fma(load_n(reset + j, n), load_n(p + j, n), load_n(fresh + j, n)), n);
        });
      });
    } else {
      walk.each([&](Dim b) {
        const float *reset = gates[b] + u, *from = before[b];
        float* to = reset_state[b];
        each_lanes(u, [&](Dim j, int n) {
          store_n(to + j, mul(load_n(reset + j, n), load_n(from + j, n)), n);
        });
      });
      walk.multiply(reset_state, 2, walk.gate(gates, 2));
    }
    walk.each([&](Dim b) {
      float *update = gates[b], *fresh = update + 2 * u, *to = h[b];
      const float* from = before[b];
      each_lanes(u, [&](Dim j, int n) {
        const Vec z = load_n(update + j, n), now = activate(f, load_n(fresh + j, n));
        store_n(fresh + j, now, n);
        store_n(to + j, fma(z, sub(load_n(from + j, n), now), now), n);
      });
      if (!walk.counts(b, t)) copy_row(from, u, to);
    });
  }
}

void gru_backward(const RnnCall& call, Dim begin, Dim end) {
  const Walk walk(call, begin, end);
  const Dim u = call.units;
  const bool after = call.r.reset_after;
  const CellActivation f = call.r.activation, gate_f = call.r.gate_activation;
  const Rows d_state = walk.state(call.d_h), d_reset_state = walk.state(call.states);
  walk.each([&](Dim b) { clear_row(u, d_state[b]); });
  for (Dim i = call.steps; i-- > 0;) {
    const Dim t = walk.step(i);
    const Rows gates = walk.at(call.gate_values, t, 3), dx = walk.at(call.dx, t, 3);
    const Rows before = walk.before(call.h, call.h_first, i), dh = walk.at(call.dh, t);
    walk.each([&](Dim b) {
      const float *update = gates[b], *fresh = update + 2 * u, *from = before[b];
      float *d = d_state[b], *d_update = dx[b], *d_fresh = d_update + 2 * u;
      add_row(dh[b], u, d);
      if (!walk.counts(b, t)) return clear_row(3 * u, d_update);
      each_lanes(u, [&](Dim j, int n) {
        const Vec z = load_n(update + j, n), now = load_n(fresh + j, n), dj = load_n(d + j, n);
        const Vec moved = sub(load_n(from + j, n), now);
        store_n(d_update + j, mul(mul(dj, moved), slope(gate_f, z)), n);
        store_n(d_fresh + j, mul(fnma(dj, z, dj), slope(f, now)), n);
        store_n(d + j, mul(dj, z), n);
      });
    });
    if (after) {
      const Rows product = walk.at(call.product, t), d_product = walk.at(call.d_product, t);
      walk.each([&](Dim b) {
        const float *reset = gates[b] + u, *p = product[b];
        float *d_reset = dx[b] + u, *d_fresh = d_reset + u, *d_p = d_product[b];
        // Of a step that doesn't count d_fresh is 0.
        each_lanes(u, [&](Dim j, int n) {
          const Vec r = load_n(reset + j, n), d = load_n(d_fresh + j, n);
          store_n(d_reset + j, mul(mul(d, load_n(p + j, n)), slope(gate_f, r)), n);
          store_n(d_p + j, mul(d, r), n);
        });
      });
      walk.multiply_back(d_product, 2, d_state);
    } else {
      walk.each([&](Dim b) { clear_row(u, d_reset_state[b]); });
      walk.multiply_back(walk.gate(dx, 2), 2, d_reset_state);
      walk.each([&](Dim b) {
        const float *reset = gates[b] + u, *from = before[b], *d = d_reset_state[b];
        float *d_reset = dx[b] + u, *to = d_state[b];
        each_lanes(u, [&](Dim j, int n) {
          const Vec r = load_n(reset + j, n), dj = load_n(d + j, n);
          store_n(d_reset + j, mul(mul(dj, load_n(from + j, n)), slope(gate_f, r)), n);
          store_n(to + j, fma(dj, r, load_n(to + j, n)), n);
        });
      });
    }
    for (Dim gate = 0; gate < 2; ++gate) walk.multiply_back(walk.gate(dx, gate), gate, d_state);
  }
}

const RnnTable rnn_table = {packed_gate_floats, pack_gates, simple_rnn,  simple_rnn_backward, lstm,
                            lstm_backward,      gru,        gru_backward};
