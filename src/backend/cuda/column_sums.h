// Sums down the columns of something with rows. Neighbouring threads have neighbouring columns;
// where there are too few columns to fill a device, rows are cut into pieces whose sums are summed
// by a block per column. The order is fixed, so results repeat.
#pragma once
#include <algorithm>

#include "backend/cuda/skeletons.h"

namespace hornet::cuda {

struct Plus {
  template <class T>
  HORNET_FUNCTOR T operator()(const T& a, const T& b) const {
    return a + b;
  }
};

// part[piece, column] = sum over the rows of the piece.
template <class Load, class Sum>
struct PieceSums {
  Load load;
  Sum* part;
  Dim rows, columns, piece_rows;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim piece = i / columns, column = i - piece * columns;
    const Dim begin = piece * piece_rows;
    const Dim end = begin + piece_rows < rows ? begin + piece_rows : rows;
    Sum sum{};
    for (Dim row = begin; row < end; ++row) sum = sum + load(row, column);
    part[i] = sum;
  }
};

template <class Store, class Sum>
struct SumOfPieces {
  Store store;
  const Sum* part;
  Dim pieces, columns;

  template <class Block>
  HORNET_FUNCTOR void operator()(const Block& block, Dim column) const {
    Sum sum{};
    for (Dim piece = block.thread(); piece < pieces; piece += block.size())
      sum = sum + part[piece * columns + column];
    sum = block.all(sum, Plus());
    if (block.thread() == 0) store(column, sum);
  }
};

// `Sum` starts as zero, adds up by +, and has at most 16 bytes.
template <class Sum>
class ColumnSums {
 public:
  ColumnSums(Dim rows, Dim columns) : rows_(rows), columns_(columns) {
    const Dim wanted = kEnoughThreads / std::max<Dim>(1, columns);
    const Dim useful = (rows + kShortestPiece - 1) / kShortestPiece;
    const Dim pieces = std::max<Dim>(1, std::min(wanted, useful));
    piece_rows_ = (rows + pieces - 1) / pieces;
    pieces_ = piece_rows_ == 0 ? 0 : (rows + piece_rows_ - 1) / piece_rows_;
  }

  std::size_t workspace_bytes() const {
    return static_cast<std::size_t>(pieces_ * columns_) * sizeof(Sum);
  }

  // store(column, sum over the rows of load(row, column)) for each column.
  template <class Load, class Store>
  void run(const Queue& queue, const Load& load, const Store& store, void* workspace) const {
    Sum* const part = static_cast<Sum*>(workspace);
    for_each(queue, pieces_ * columns_,
             PieceSums<Load, Sum>{load, part, rows_, columns_, piece_rows_});
    for_rows(queue, columns_, SumOfPieces<Store, Sum>{store, part, pieces_, columns_});
  }

 private:
  static constexpr Dim kEnoughThreads = Dim{1} << 16, kShortestPiece = 16;
  Dim rows_, columns_, piece_rows_, pieces_;
};

}  // namespace hornet::cuda
