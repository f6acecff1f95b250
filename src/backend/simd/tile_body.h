// The register tile of products and convolutions: kTileRows x 2 vectors of sums.

constexpr int kTileColumns = 2 * kLanes;

// Columns of B are dealt with in panels of kTileColumns, the last one half as wide if that is
// enough.
HORNET_INLINE int panel_width(Dim columns_left) {
  return columns_left > kLanes ? kTileColumns : kLanes;
}

// The even split of `total` into the fewest parts of at most `limit`: part i is [at(i), at(i + 1)).
// The larger parts come last.
struct EvenSplit {
  Dim parts, size, smaller;
  EvenSplit(Dim total, Dim limit)
      : parts((total + limit - 1) / limit),
        size(total / std::max<Dim>(1, parts)),
        smaller(parts - (total - size * parts)) {}
  Dim at(Dim i) const { return i * size + std::max<Dim>(0, i - smaller); }
};

// How a tile's sums start, and end in rows of C.
struct TileOut {
  Dim c_row;
  const float* bias;  // start of the sums where `accumulate` is false; may be null
  int tail;           // lanes of the last vector
  bool accumulate;    // start from C
  bool relu;
};

template <int M, int NV>
HORNET_INLINE void start_tile(const TileOut& t, const float* c, Vec (&sum)[M][NV]) {
  if (t.accumulate) {
    HORNET_UNROLL
    for (int i = 0; i < M; ++i) {
      HORNET_UNROLL
      for (int v = 0; v < NV; ++v) {
        const float* from = c + i * t.c_row + v * kLanes;
        sum[i][v] = v < NV - 1 ? load(from) : load_n(from, t.tail);
      }
    }
    return;
  }
  HORNET_UNROLL
  for (int v = 0; v < NV; ++v) {
    Vec start = zero();
    if (t.bias) {
      const float* bias = t.bias + v * kLanes;
      start = v < NV - 1 ? load(bias) : load_n(bias, t.tail);
    }
    HORNET_UNROLL
    for (int i = 0; i < M; ++i) sum[i][v] = start;
  }
}

template <int M, int NV>
HORNET_INLINE void finish_tile(const TileOut& t, float* c, Vec (&sum)[M][NV]) {
  if (t.relu) {
    HORNET_UNROLL
    for (int i = 0; i < M; ++i) {
      HORNET_UNROLL
      for (int v = 0; v < NV; ++v) sum[i][v] = relu(sum[i][v]);
    }
  }
  const Dim c_row = t.c_row;
  const int tail = t.tail;
  HORNET_UNROLL
  for (int v = 0; v < NV; ++v) {
    if (v < NV - 1 || tail == kLanes) {
      HORNET_UNROLL
      for (int i = 0; i < M; ++i) store(c + i * c_row + v * kLanes, sum[i][v]);
    } else {
      HORNET_UNROLL
      for (int i = 0; i < M; ++i) store_n(c + i * c_row + v * kLanes, sum[i][v], tail);
    }
  }
}
