// Turning column-major into row-major reverses the order of all dimensions: each output row is
// gathered from many columns, runs along R's first dimension. Blocks of rows and columns keep
// what was read once near until all of it is used; the transposes are in convert_tiles.cpp.
#include "data/convert.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "data/convert_tiles.h"
#include "rt/parallel.h"

namespace hornet {
namespace {

constexpr Dim kManyColumns = 1024;  // a cache line of each fits a core's L2 cache
constexpr Dim kFewColumns = 16;     // a cache line of output
constexpr Dim kRunsAtOnce = 8;
constexpr Dim kBlockBytes = 256 * 1024;  // of output, to stay in the L2 cache

// How an array is walked. Output row r (the first dimension of size > 1) holds `runs` pieces of
// `columns` floats; column j of run i starts at base[j] + i * run_stride in R's memory.
struct Walk {
  Dim rows = 1, runs = 1, columns = 1, run_stride = 0;
  Dim columns_at_once = kFewColumns;
  Dim width() const { return runs * columns; }
};

// Each column's cache lines are wanted again for the next rows. Where the distance between columns
// makes them share the places of an L2 cache (1024 sets of 8 lines are common), only a few columns
// can wait that long.
Dim columns_that_stay(Dim column_bytes, Dim columns) {
  const Dim sets = 1024 / std::gcd(std::max<Dim>(1, column_bytes / 64), Dim{1024});
  return 8 * sets >= columns ? kManyColumns : kFewColumns;
}

Walk walk_of(const Shape& shape, std::size_t element_bytes, std::vector<Dim>& dims) {
  dims.clear();
  for (Dim d : shape.dims()) {
    if (d != 1) dims.push_back(d);
  }
  Walk walk;
  if (dims.empty()) return walk;
  walk.rows = dims[0];
  for (std::size_t axis = 1; axis < dims.size(); ++axis) walk.columns *= dims[axis];
  // Following R's second dimension as runs reads memory in order, if enough columns are left.
  if (dims.size() > 2 && walk.columns / dims[1] >= kFewColumns) {
    walk.runs = dims[1];
    walk.columns /= dims[1];
    walk.run_stride = walk.rows;
  }
  walk.columns_at_once =
      columns_that_stay(walk.rows * walk.runs * static_cast<Dim>(element_bytes), walk.columns);
  return walk;
}

// Where each column starts, in elements, in the order of the output.
void column_offsets(const std::vector<Dim>& dims, const Walk& walk, std::vector<Dim>& offsets) {
  offsets.resize(static_cast<std::size_t>(walk.columns));
  const std::size_t first = walk.runs > 1 ? 2 : 1;
  Dim step = walk.columns, stride = walk.rows * walk.runs;
  offsets[0] = 0;
  // Axis by axis: the offsets of the first index are repeated for the others, `step` apart.
  for (std::size_t axis = first; axis < dims.size(); ++axis) {
    const Dim outer = walk.columns / step;
    const Dim inner = step / dims[axis];
    for (Dim o = 0; o < outer; ++o) {
      for (Dim i = dims[axis] - 1; i >= 0; --i) {
        offsets[static_cast<std::size_t>(o * step + i * inner)] =
            offsets[static_cast<std::size_t>(o * step)] + i * stride;
      }
    }
    step = inner;
    stride *= dims[axis];
  }
}

// Calls tile(row, rows, column, columns, run) over blocks that fit the cache.
template <class Tile>
void walk_blocks(const Walk& walk, Dim first, Dim rows, Tile&& tile) {
  const Dim width_bytes = std::max<Dim>(1, walk.width()) * static_cast<Dim>(sizeof(float));
  const Dim block = std::clamp<Dim>(kBlockBytes / width_bytes / 8 * 8, 32, 1024);
  for (Dim r = first; r < first + rows; r += block) {
    const Dim nr = std::min(block, first + rows - r);
    for (Dim run0 = 0; run0 < walk.runs; run0 += kRunsAtOnce) {
      const Dim run1 = std::min(run0 + kRunsAtOnce, walk.runs);
      for (Dim c = 0; c < walk.columns; c += walk.columns_at_once) {
        const Dim nc = std::min(walk.columns_at_once, walk.columns - c);
        for (Dim run = run0; run < run1; ++run) tile(r, nr, c, nc, run);
      }
    }
  }
}

template <class T>
void array_to_rows(const T* data, const Shape& shape, float* to, Dim first, Dim rows) {
  thread_local std::vector<Dim> dims, offsets;
  const Walk walk = walk_of(shape, sizeof(T), dims);
  if (shape[0] == 1) {  // the rows of the walk are another dimension
    first = 0;
    rows = walk.rows;
  }
  const Dim width = walk.width();
  if (width == 1) return to_floats(data + first, rows, to);
  column_offsets(dims, walk, offsets);
  walk_blocks(walk, first, rows, [&](Dim r, Dim nr, Dim c, Dim nc, Dim run) {
    columns_to_rows(data + run * walk.run_stride + r, offsets.data() + c, nr, nc,
                    to + (r - first) * width + run * walk.columns + c, width);
  });
}

// Columns of one type: as an array whose columns lie anywhere.
template <class T>
void frame_to_rows(const ColumnMajor& from, float* to, Dim first, Dim rows) {
  thread_local std::vector<Dim> offsets;
  const auto base = reinterpret_cast<std::intptr_t>(from.columns[0].data);
  offsets.clear();
  for (const auto& column : from.columns) {
    const auto at = reinterpret_cast<std::intptr_t>(column.data);
    offsets.push_back((at - base) / static_cast<std::intptr_t>(sizeof(T)));
  }
  Walk walk;
  walk.rows = from.shape[0];
  walk.columns = from.shape[1];
  walk_blocks(walk, first, rows, [&](Dim r, Dim nr, Dim c, Dim nc, Dim) {
    columns_to_rows(reinterpret_cast<const T*>(base) + r, offsets.data() + c, nr, nc,
                    to + (r - first) * walk.columns + c, walk.columns);
  });
}

// Columns of different types: one at a time.
void mixed_frame_to_rows(const ColumnMajor& from, float* to, Dim first, Dim rows) {
  const Dim width = from.shape[1];
  for (Dim c = 0; c < width; ++c) {
    const auto& column = from.columns[static_cast<std::size_t>(c)];
    for (Dim r = 0; r < rows; ++r) {
      float& cell = to[r * width + c];
      switch (column.type) {
        case ColumnType::real:
          cell = to_float(static_cast<const double*>(column.data)[first + r]);
          break;
        case ColumnType::integer:
          cell = to_float(static_cast<const std::int32_t*>(column.data)[first + r]);
          break;
        case ColumnType::byte:
          cell = to_float(static_cast<const std::uint8_t*>(column.data)[first + r]);
          break;
      }
    }
  }
}

void frame(const ColumnMajor& from, float* to, Dim first, Dim rows) {
  const auto type = from.columns[0].type;
  const bool uniform = std::all_of(from.columns.begin(), from.columns.end(),
                                   [&](const auto& column) { return column.type == type; });
  if (!uniform) return mixed_frame_to_rows(from, to, first, rows);
  switch (type) {
    case ColumnType::real:
      return frame_to_rows<double>(from, to, first, rows);
    case ColumnType::integer:
      return frame_to_rows<std::int32_t>(from, to, first, rows);
    case ColumnType::byte:
      return frame_to_rows<std::uint8_t>(from, to, first, rows);
  }
}

}  // namespace

void to_row_major(const ColumnMajor& from, float* to, Dim first, Dim rows) {
  if (rows <= 0 || from.shape.numel() == 0) return;
  if (!from.data) return frame(from, to, first, rows);
  switch (from.type) {
    case ColumnType::real:
      array_to_rows(static_cast<const double*>(from.data), from.shape, to, first, rows);
      break;
    case ColumnType::integer:
      array_to_rows(static_cast<const std::int32_t*>(from.data), from.shape, to, first, rows);
      break;
    case ColumnType::byte:
      array_to_rows(static_cast<const std::uint8_t*>(from.data), from.shape, to, first, rows);
      break;
  }
  if (from.from_one) {
    const Dim n = from.shape.numel() / from.shape[0] * rows;
    for (Dim i = 0; i < n; ++i) to[i] -= 1.0f;
  }
}

void to_row_major(const ColumnMajor& from, float* to) { to_row_major(from, to, 0, from.shape[0]); }

void to_row_major_parallel(const ColumnMajor& from, float* to) {
  const Dim rows = from.shape[0];
  if (rows == 0) return;
  const Dim width = from.shape.numel() / rows;
  const Dim grain = std::max<Dim>(8, kBlockBytes / 4 / std::max<Dim>(1, width) / 8 * 8);
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    to_row_major(from, to + begin * width, begin, end - begin);
  });
}

void to_column_major(const float* from, const Shape& shape, double* to) {
  if (shape.numel() == 0) return;
  thread_local std::vector<Dim> dims, offsets;
  const Walk walk = walk_of(shape, sizeof(double), dims);
  const Dim width = walk.width();
  if (width == 1) {
    for (Dim i = 0; i < walk.rows; ++i) to[i] = from[i];
    return;
  }
  column_offsets(dims, walk, offsets);
  walk_blocks(walk, 0, walk.rows, [&](Dim r, Dim nr, Dim c, Dim nc, Dim run) {
    rows_to_columns(from + r * width + run * walk.columns + c, width, nr, nc,
                    to + run * walk.run_stride + r, offsets.data() + c);
  });
}

}  // namespace hornet
