// Conversion against the definition: element (i0, i1, ...) of an array is at i0 + d0 * (i1 + ...)
// in R and at (i0 * d1 + i1) * ... in the core. Shapes are random, of every rank, with ones.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

#include "data/convert.h"

using namespace hornet;

namespace {

constexpr std::int32_t kNA = std::numeric_limits<std::int32_t>::min();
constexpr float kGuard = -12345.0f;

Dim r_offset(const Shape& shape, Dim row_major) {
  Dim offset = 0, weight = 1;
  std::vector<Dim> index(shape.rank());
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    index[axis] = row_major % shape[axis];
    row_major /= shape[axis];
  }
  for (int axis = 0; axis < shape.rank(); ++axis) {
    offset += index[axis] * weight;
    weight *= shape[axis];
  }
  return offset;
}

bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

float expected(double x) { return static_cast<float>(x); }
float expected(std::int32_t x) { return x == kNA ? NAN : static_cast<float>(x); }
float expected(std::uint8_t x) { return x; }

Shape random_shape(std::mt19937& random) {
  const int rank = 1 + random() % 5;
  std::vector<Dim> dims;
  Dim n = 1;
  for (int axis = 0; axis < rank; ++axis) {
    const Dim most = std::max<Dim>(1, std::min<Dim>(axis ? 40 : 100, 60000 / n));
    dims.push_back(random() % 4 ? 1 + random() % most : 1);
    n *= dims.back();
  }
  return Shape(dims);
}

template <class T>
bool rows_agree(const Shape& shape, ColumnType type, std::mt19937& random) {
  const Dim n = shape.numel();
  std::vector<T> data(n);
  for (auto& x : data) x = static_cast<T>(random() % 251);
  if (type == ColumnType::integer) {
    for (Dim i = 0; i < n; i += 7) data[i] = static_cast<T>(type == ColumnType::integer ? kNA : 0);
  }
  ColumnMajor from;
  from.type = type;
  from.data = data.data();
  from.shape = shape;
  from.from_one = random() % 4 == 0;
  const Dim first = random() % shape[0], rows = random() % (shape[0] - first + 1);
  const Dim width = n / shape[0];
  std::vector<float> to(n + 2, kGuard), all(n + 2, kGuard), parallel(n + 2, kGuard);
  to_row_major(from, to.data() + 1, first, rows);
  to_row_major(from, all.data() + 1);
  to_row_major_parallel(from, parallel.data() + 1);
  for (Dim i = 0; i < n; ++i) {
    const float want = expected(data[r_offset(shape, i)]) - (from.from_one ? 1 : 0);
    if (!same(all[1 + i], want) || !same(parallel[1 + i], want)) return false;
    const Dim row = i / width - first;
    if (row >= 0 && row < rows && !same(to[1 + i - first * width], want)) return false;
  }
  for (Dim i = rows * width + 1; i < n + 2; ++i) {
    if (to[i] != kGuard) return false;
  }
  return to[0] == kGuard && all[0] == kGuard && all[n + 1] == kGuard && parallel[n + 1] == kGuard;
}

bool back_agrees(const Shape& shape) {
  const Dim n = shape.numel();
  std::vector<float> from(n);
  for (Dim i = 0; i < n; ++i) from[i] = static_cast<float>(i);
  std::vector<double> to(n + 2, kGuard);
  to_column_major(from.data(), shape, to.data() + 1);
  for (Dim i = 0; i < n; ++i) {
    if (to[1 + r_offset(shape, i)] != from[i]) return false;
  }
  return to[0] == kGuard && to[n + 1] == kGuard;
}

bool frame_agrees(std::mt19937& random, bool mixed) {
  const Dim rows = 1 + random() % 200, columns = 1 + random() % 40;
  std::vector<std::vector<double>> reals;
  std::vector<std::vector<std::int32_t>> integers;
  ColumnMajor from;
  from.shape = {rows, columns};
  for (Dim c = 0; c < columns; ++c) {
    reals.emplace_back(rows);
    integers.emplace_back(rows);
    for (Dim r = 0; r < rows; ++r) {
      reals[c][r] = integers[c][r] = static_cast<std::int32_t>(random() % 1000);
    }
  }
  for (Dim c = 0; c < columns; ++c) {
    if (mixed && c % 2) {
      from.columns.push_back({ColumnType::integer, integers[c].data()});
    } else {
      from.columns.push_back({ColumnType::real, reals[c].data()});
    }
  }
  std::vector<float> to(rows * columns);
  to_row_major(from, to.data());
  for (Dim i = 0; i < rows * columns; ++i) {
    if (to[i] != static_cast<float>(reals[i % columns][i / columns])) return false;
  }
  return true;
}

}  // namespace

int main() {
  std::mt19937 random(1);
  int bad = 0;
  auto report = [&](const char* what, bool good) {
    std::printf("%s: %s\n", what, good ? "ok" : "FAILED");
    bad += !good;
  };
  bool real = true, integer = true, byte = true, back = true, frames = true;
  for (int i = 0; i < 600; ++i) {
    const Shape shape = random_shape(random);
    real = real && rows_agree<double>(shape, ColumnType::real, random);
    integer = integer && rows_agree<std::int32_t>(shape, ColumnType::integer, random);
    byte = byte && rows_agree<std::uint8_t>(shape, ColumnType::byte, random);
    back = back && back_agrees(shape);
  }
  for (int i = 0; i < 50; ++i) frames = frames && frame_agrees(random, i % 2);
  report("doubles", real);
  report("integers with NA", integer);
  report("bytes", byte);
  report("back to doubles", back);
  report("data frames", frames);
  return bad;
}
