// The cells of recurrent layers, unit by unit. What a gate holds is first the sum of its inputs and
// then its value; the gates of a unit lie `apart` numbers from each other.
#pragma once
#include "backend/functors/functor.h"
#include "graph/recurrence.h"

namespace hornet {

template <class T>
HORNET_FUNCTOR T activate(CellActivation activation, T x) {
  switch (activation) {
    case CellActivation::linear:
      return x;
    case CellActivation::tanh:
      return std::tanh(x);
    case CellActivation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case CellActivation::hard_sigmoid: {
      const T y = T(0.2) * x + T(0.5);
      return y < 0 ? T(0) : y > 1 ? T(1) : y;  // NaN stays
    }
    case CellActivation::relu:
      return x < 0 ? T(0) : x;
  }
  return x;
}

// The derivative, from the activated value.
template <class T>
HORNET_FUNCTOR T slope(CellActivation activation, T y) {
  switch (activation) {
    case CellActivation::linear:
      return 1;
    case CellActivation::tanh:
      return 1 - y * y;
    case CellActivation::sigmoid:
      return y * (1 - y);
    case CellActivation::hard_sigmoid:
      return y > 0 && y < 1 ? T(0.2) : T(0);
    case CellActivation::relu:
      return y > 0 ? T(1) : T(0);
  }
  return 1;
}

// --- lstm: gates in, forget, fresh, out ----------------------------------------------------------

template <class T>
HORNET_FUNCTOR void lstm_unit(const RecurrenceAttrs& r, T* gates, Dim apart, T c_before, T* h,
                              T* c) {
  T &in = gates[0], &forget = gates[apart], &fresh = gates[2 * apart], &out = gates[3 * apart];
  in = activate(r.gate_activation, in);
  forget = activate(r.gate_activation, forget);
  fresh = activate(r.activation, fresh);
  out = activate(r.gate_activation, out);
  *c = forget * c_before + in * fresh;
  *h = out * activate(r.activation, *c);
}

// dc: of the cell after, then of the cell before. dx: of the sums.
template <class T>
HORNET_FUNCTOR void lstm_unit_backward(const RecurrenceAttrs& r, const T* gates, Dim apart,
                                       T c_before, T c, T dh, T* dc, T* dx) {
  const T in = gates[0], forget = gates[apart], fresh = gates[2 * apart], out = gates[3 * apart];
  const T shown = activate(r.activation, c);
  const T d_cell = *dc + dh * out * slope(r.activation, shown);
  dx[0] = d_cell * fresh * slope(r.gate_activation, in);
  dx[apart] = d_cell * c_before * slope(r.gate_activation, forget);
  dx[2 * apart] = d_cell * in * slope(r.activation, fresh);
  dx[3 * apart] = dh * shown * slope(r.gate_activation, out);
  *dc = d_cell * forget;
}

// --- gru: gates update, reset, fresh -------------------------------------------------------------
// The fresh state sees the state before through the reset gate, which is therefore known first.

template <class T>
HORNET_FUNCTOR void gru_gates(const RecurrenceAttrs& r, T* gates, Dim apart) {
  gates[0] = activate(r.gate_activation, gates[0]);
  gates[apart] = activate(r.gate_activation, gates[apart]);
}

// The state after; the sum of the fresh one is complete.
template <class T>
HORNET_FUNCTOR T gru_unit(const RecurrenceAttrs& r, T* gates, Dim apart, T before) {
  const T update = gates[0];
  T& fresh = gates[2 * apart];
  fresh = activate(r.activation, fresh);
  return update * before + (1 - update) * fresh;
}

// d_state: of the state after, then what reaches the one before past the gates. dx: of the sums,
// but for the reset gate's.
template <class T>
HORNET_FUNCTOR void gru_unit_backward(const RecurrenceAttrs& r, const T* gates, Dim apart, T before,
                                      T* d_state, T* dx) {
  const T update = gates[0], fresh = gates[2 * apart];
  dx[0] = *d_state * (before - fresh) * slope(r.gate_activation, update);
  dx[2 * apart] = *d_state * (1 - update) * slope(r.activation, fresh);
  *d_state *= update;
}

}  // namespace hornet
