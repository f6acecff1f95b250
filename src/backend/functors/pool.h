// Pooling, output by output. Padding cells are never looked at: they are -inf to a maximum and
// absent from an average.
#pragma once
#include <limits>

#include "backend/functors/window.h"

namespace hornet {

// The cells [begin, end) of an axis under the window of its output `o`.
struct Extent {
  int begin, end;

  HORNET_FUNCTOR Extent(const Axis& axis, int o)
      : begin(o * axis.stride - axis.before), end(begin + axis.cells) {
    if (begin < 0) begin = 0;
    if (end > axis.length) end = axis.length;
  }
  HORNET_FUNCTOR int count() const { return end > begin ? end - begin : 0; }
};

// The input cells of the window of one output.
struct PoolCells {
  Extent z, y, x;

  HORNET_FUNCTOR PoolCells(const Sliding& g, int oz, int oy, int ox)
      : z(g.z, oz), y(g.y, oy), x(g.x, ox) {}
  HORNET_FUNCTOR int count() const { return z.count() * y.count() * x.count(); }
};

// The order of maxima: a NaN is the largest.
template <class T>
HORNET_FUNCTOR bool exceeds(T a, T b) {
  return a > b || (a != a && b == b);
}

// The first cell, in row-major order, that holds the maximum; -1 if the window has no cell.
template <class T>
HORNET_FUNCTOR Dim first_maximum(const Sliding& g, const PoolCells& cells, Dim volume, int channel,
                                 const T* x) {
  Dim found = -1;
  for (int iz = cells.z.begin; iz < cells.z.end; ++iz) {
    for (int iy = cells.y.begin; iy < cells.y.end; ++iy) {
      for (int ix = cells.x.begin; ix < cells.x.end; ++ix) {
        const Dim i = g.input_pixel(volume, iz, iy, ix) * g.channels + channel;
        if (found < 0 || exceeds(x[i], x[found])) found = i;
      }
    }
  }
  return found;
}

template <class T>
constexpr T kLowest = -std::numeric_limits<T>::infinity();

template <class T>
struct MaxPool {
  Sliding g;
  const T* x;
  T* y;

  HORNET_FUNCTOR void operator()(Dim o) const {
    const WindowPlace at = WindowPlace::in_output(g, o);
    const PoolCells cells(g, at.z, at.y, at.x);
    const Dim i = first_maximum(g, cells, at.volume, at.channel, x);
    y[o] = i < 0 ? kLowest<T> : x[i];
  }
};

template <class T>
struct AvgPool {
  Sliding g;
  const T* x;
  T* y;

  HORNET_FUNCTOR void operator()(Dim o) const {
    const WindowPlace at = WindowPlace::in_output(g, o);
    const PoolCells cells(g, at.z, at.y, at.x);
    double total = 0;
    for (int iz = cells.z.begin; iz < cells.z.end; ++iz)
      for (int iy = cells.y.begin; iy < cells.y.end; ++iy)
        for (int ix = cells.x.begin; ix < cells.x.end; ++ix)
          total += x[g.input_pixel(at.volume, iz, iy, ix) * g.channels + at.channel];
    y[o] = cells.count() == 0 ? T(0) : static_cast<T>(total / cells.count());
  }
};

}  // namespace hornet
