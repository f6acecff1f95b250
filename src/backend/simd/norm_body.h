// Softmax of rows; statistics and normalisation of columns.
#include "backend/simd/columns_body.h"

void softmax_rows(const float* x, float* y, Dim n, Dim begin, Dim end) {
  const Vec lowest = set1(-__builtin_inff());
  const auto lanes_at = [n](Dim j) { return static_cast<int>(std::min<Dim>(kLanes, n - j)); };
  for (Dim i = begin; i < end; ++i) {
    const float* from = x + i * n;
    float* to = y + i * n;
    Vec largest = lowest;
    for (Dim j = 0; j < n; j += kLanes) {
      largest = max_or(largest, load_n_or(from + j, lanes_at(j), lowest));
    }
    // The largest becomes exp(0): nothing overflows and the total is at least 1.
    const Vec shift = set1(max_lanes(largest));
    Vec total = zero();
    for (Dim j = 0; j < n; j += kLanes) {
      const Vec e = exp(sub(load_n_or(from + j, lanes_at(j), lowest), shift));
      total = add(total, e);
      store_n(to + j, e, lanes_at(j));
    }
    const Vec sum = set1(sum_lanes(total));
    for (Dim j = 0; j < n; j += kLanes) {
      store_n(to + j, div(load_n(to + j, lanes_at(j)), sum), lanes_at(j));
    }
  }
}

// Squared distances from `centre`.
struct SquareTerm {
  static constexpr int kSums = 1;
  const float *x, *centre;
  HORNET_MEMBER void at(Dim place, Dim column, int lanes, Vec (&term)[1]) const {
    const Vec d = sub(load_n(x + place, lanes), load_n(centre + column, lanes));
    term[0] = mul(d, d);
  }
};
// Sums of dy and of dy (x - mean).
struct GradientTerms {
  static constexpr int kSums = 2;
  const float *x, *dy, *mean;
  HORNET_MEMBER void at(Dim place, Dim column, int lanes, Vec (&term)[2]) const {
    term[0] = load_n(dy + place, lanes);
    term[1] = mul(term[0], sub(load_n(x + place, lanes), load_n(mean + column, lanes)));
  }
};

// Means of columns, and the sums of squared distances from them.
void norm_moments(const float* x, Dim rows, Dim width, float* mean, float* squares) {
  if (rows == 0) return;
  column_sums(rows, width, PlainTerm{x}, mean);
  const Vec share = set1(1.0f / static_cast<float>(rows));
  for (Dim j = 0; j < width; j += kLanes) {
    const int lanes = static_cast<int>(std::min<Dim>(kLanes, width - j));
    store_n(mean + j, mul(load_n(mean + j, lanes), share), lanes);
  }
  column_sums(rows, width, SquareTerm{x, mean}, squares);
}

// y = (x - mean) scale + shift
void norm_apply(const float* x, Dim rows, Dim width, const float* mean, const float* scale,
                const float* shift, float* y) {
  each_place(rows, width, y, [&](Dim place, Dim column, int lanes) {
    const Vec d = sub(load_n(x + place, lanes), load_n(mean + column, lanes));
    return fma(d, load_n(scale + column, lanes), load_n(shift + column, lanes));
  });
}

void norm_gradient_sums(const float* x, const float* dy, Dim rows, Dim width, const float* mean,
                        float* sums) {
  column_sums(rows, width, GradientTerms{x, dy, mean}, sums);
}

// dx = scale dy + slope (x - mean) + shift
void norm_gradient(const float* x, const float* dy, Dim rows, Dim width, const float* mean,
                   const float* scale, const float* slope, const float* shift, float* dx) {
  each_place(rows, width, dx, [&](Dim place, Dim column, int lanes) {
    const Vec d = sub(load_n(x + place, lanes), load_n(mean + column, lanes));
    const Vec rest = fma(d, load_n(slope + column, lanes), load_n(shift + column, lanes));
    return fma(load_n(dy + place, lanes), load_n(scale + column, lanes), rest);
  });
}

const NormTable norm_table = {kLanes,     softmax_rows,       norm_moments,
                              norm_apply, norm_gradient_sums, norm_gradient};
