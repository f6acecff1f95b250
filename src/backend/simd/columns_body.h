// Walks down the columns of a matrix that is `width` floats wide, a strip of vectors at a time.
// Narrow matrices should come folded: several rows side by side (columns.h).
#include "backend/simd/math_body.h"

// Sums of columns: out[s * width + j] = sum over rows of term<s>(row, j). `Terms` turns a place
// into kSums vectors.
template <int NV, class Terms>
HORNET_INLINE void strip_sums(Dim rows, Dim width, Dim first, int tail, const Terms& terms,
                              float* out) {
  constexpr int kSums = Terms::kSums;
  Vec sum[NV][kSums];
  HORNET_UNROLL
  for (int v = 0; v < NV; ++v) {
    HORNET_UNROLL
    for (int s = 0; s < kSums; ++s) sum[v][s] = zero();
  }
  for (Dim i = 0; i < rows; ++i) {
    HORNET_UNROLL
    for (int v = 0; v < NV; ++v) {
      Vec term[kSums];
      const int lanes = v < NV - 1 ? kLanes : tail;
      terms.at(i * width + first + v * kLanes, first + v * kLanes, lanes, term);
      HORNET_UNROLL
      for (int s = 0; s < kSums; ++s) sum[v][s] = add(sum[v][s], term[s]);
    }
  }
  HORNET_UNROLL
  for (int v = 0; v < NV; ++v) {
    HORNET_UNROLL
    for (int s = 0; s < kSums; ++s) {
      store_n(out + s * width + first + v * kLanes, sum[v][s], v < NV - 1 ? kLanes : tail);
    }
  }
}

template <class Terms>
void column_sums(Dim rows, Dim width, const Terms& terms, float* out) {
  constexpr int kStrip = Terms::kSums == 1 ? 8 : 4;
  Dim j = 0;
  for (; j + kStrip * kLanes <= width; j += kStrip * kLanes) {
    strip_sums<kStrip>(rows, width, j, kLanes, terms, out);
  }
  for (; j + 2 * kLanes <= width; j += 2 * kLanes)
    strip_sums<2>(rows, width, j, kLanes, terms, out);
  for (; j < width; j += kLanes) {
    strip_sums<1>(rows, width, j, static_cast<int>(std::min<Dim>(kLanes, width - j)), terms, out);
  }
}

// The matrix itself as the term of sums.
struct PlainTerm {
  static constexpr int kSums = 1;
  const float* x;
  HORNET_MEMBER void at(Dim place, Dim, int lanes, Vec (&term)[1]) const {
    term[0] = load_n(x + place, lanes);
  }
};

// y[i, j] = f(place, column, lanes) over a whole matrix.
template <class F>
HORNET_INLINE void each_place(Dim rows, Dim width, float* y, F f) {
  for (Dim i = 0; i < rows; ++i) {
    Dim j = 0;
    for (; j + kLanes <= width; j += kLanes) store(y + i * width + j, f(i * width + j, j, kLanes));
    if (j < width) {
      const int lanes = static_cast<int>(width - j);
      store_n(y + i * width + j, f(i * width + j, j, lanes), lanes);
    }
  }
}
