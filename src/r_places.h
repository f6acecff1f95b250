// Where the values of R's arrays are, column-major, against where row-major memory has them.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hornet {

// For each value of a row, in row-major order of `axes` from `first` on: its place in the
// column-major array of `dims`, relative to the row's first value.
inline std::vector<std::int64_t> column_major_offsets(const std::vector<std::int64_t>& dims,
                                                      const std::vector<std::size_t>& axes,
                                                      std::size_t first) {
  std::vector<std::int64_t> strides(dims.size(), 1);
  for (std::size_t i = 1; i < dims.size(); ++i) strides[i] = strides[i - 1] * dims[i - 1];
  std::vector<std::int64_t> offsets{0};
  for (std::size_t k = first; k < axes.size(); ++k) {
    std::vector<std::int64_t> finer;
    finer.reserve(offsets.size() * static_cast<std::size_t>(dims[axes[k]]));
    for (std::int64_t base : offsets) {
      for (std::int64_t i = 0; i < dims[axes[k]]; ++i) finer.push_back(base + i * strides[axes[k]]);
    }
    offsets.swap(finer);
  }
  return offsets;
}

// visit(column-major place, row-major place) for each value of `rows` rows, some rows at once:
// their axis is R's fastest.
template <class Visit>
void visit_places(const std::vector<std::int64_t>& offsets, std::int64_t rows, Visit visit) {
  constexpr std::int64_t kRows = 16;
  const auto width = static_cast<std::int64_t>(offsets.size());
  for (std::int64_t begin = 0; begin < rows; begin += kRows) {
    const std::int64_t end = std::min(rows, begin + kRows);
    for (std::int64_t j = 0; j < width; ++j) {
      const std::int64_t offset = offsets[static_cast<std::size_t>(j)];
      for (std::int64_t i = begin; i < end; ++i) visit(offset + i, i * width + j);
    }
  }
}

}  // namespace hornet
