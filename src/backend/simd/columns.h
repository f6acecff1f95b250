// A matrix of rows by channels, cut for statistics of its columns: into chunks that stay in the
// second-level cache, by shape alone, so that results do not depend on threads; and folded, several
// rows side by side, so that few channels still fill vectors.
#pragma once
#include <algorithm>

#include "base/shape.h"

namespace hornet::simd {

struct Columns {
  Dim rows = 0, channels = 0;
  Dim fold = 1;        // rows side by side
  Dim chunk_rows = 1;  // a multiple of fold
  Dim chunks = 1;

  Columns() = default;
  Columns(Dim rows, Dim channels, Dim lanes) : rows(rows), channels(channels) {
    constexpr Dim kChunkFloats = 32768, kMaxChunks = 64, kFoldedWidth = 64;
    if (channels < kFoldedWidth) {
      Dim whole = 1;  // the fewest rows that fill vectors
      while (whole * channels % lanes != 0) ++whole;
      fold = std::max<Dim>(
          1, std::min(rows, whole * std::max<Dim>(1, kFoldedWidth / (whole * channels))));
    }
    const Dim wanted = std::max(kChunkFloats / channels, (rows + kMaxChunks - 1) / kMaxChunks);
    chunk_rows = std::max<Dim>(1, (wanted + fold - 1) / fold) * fold;
    chunks = std::max<Dim>(1, (rows + chunk_rows - 1) / chunk_rows);
  }

  Dim width() const { return fold * channels; }
  // Rows of chunk i; only the last chunk may have rows that do not fill a fold.
  Dim begin(Dim i) const { return i * chunk_rows; }
  Dim end(Dim i) const { return std::min(rows, (i + 1) * chunk_rows); }
  // The folded rows in a chunk, and the rows that are left.
  Dim folded(Dim i) const { return (end(i) - begin(i)) / fold; }
  Dim rest(Dim i) const { return (end(i) - begin(i)) % fold; }
  // Floats that hold one statistic of every chunk: the folded part's and the rest's.
  Dim statistic_floats() const { return chunks * (width() + channels); }
};

}  // namespace hornet::simd
