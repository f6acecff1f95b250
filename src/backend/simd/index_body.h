// Adds rows to the rows of a table, between two of its columns.

void add_rows(const Dim* rows, Dim count, const float* x, Dim width, Dim begin, Dim end, float* y) {
  for (Dim i = 0; i < count; ++i) {
    if (rows[i] < 0) continue;
    const float* src = x + i * width;
    float* dst = y + rows[i] * width;
    Dim j = begin;
    for (; j + kLanes <= end; j += kLanes) store(dst + j, add(load(dst + j), load(src + j)));
    if (j < end) {
      const int n = static_cast<int>(end - j);
      store_n(dst + j, add(load_n(dst + j, n), load_n(src + j, n)), n);
    }
  }
}

const IndexTable index_table = {add_rows};
