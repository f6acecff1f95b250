// Activations that products and convolutions apply to finished sums (sgemm.h).
#include "backend/simd/math_body.h"

template <Activation activation>
HORNET_INLINE Vec activate(Vec x) {
  switch (activation) {
    case Activation::linear:
      return x;
    case Activation::relu:
      return relu(x);
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::tanh:
      return tanh(x);
    case Activation::softplus:
      return softplus(x);
  }
  return x;
}

template <Activation activation>
void activate_each(float* c, Dim c_row, Dim rows, Dim columns) {
  for (Dim i = 0; i < rows; ++i, c += c_row) {
    Dim j = 0;
    for (; j + kLanes <= columns; j += kLanes) store(c + j, activate<activation>(load(c + j)));
    const int rest = static_cast<int>(columns - j);
    if (rest > 0) store_n(c + j, activate<activation>(load_n(c + j, rest)), rest);
  }
}

// c <- activation(c) on rows of `columns` numbers.
inline void activate_rows(Activation activation, float* c, Dim c_row, Dim rows, Dim columns) {
  switch (activation) {
    case Activation::linear:
      return;
    case Activation::relu:
      return activate_each<Activation::relu>(c, c_row, rows, columns);
    case Activation::sigmoid:
      return activate_each<Activation::sigmoid>(c, c_row, rows, columns);
    case Activation::tanh:
      return activate_each<Activation::tanh>(c, c_row, rows, columns);
    case Activation::softplus:
      return activate_each<Activation::softplus>(c, c_row, rows, columns);
  }
}
