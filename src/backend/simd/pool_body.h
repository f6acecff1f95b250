// Pooling, a vector of channels at a time. Cells outside the image are not looked at.
#include "backend/simd/math_body.h"

// The input cells of one window: planes [front, back), rows [top, bottom), columns [left, right).
// `deep`: of a volume; for images, loops over planes vanish.
template <bool deep>
struct Cells {
  Dim front = 0, back = 1, top, bottom, left = 0, right = 0;

  // Of the windows of row `row` of outputs, counted over the planes of a volume.
  Cells(const PoolGeometry& g, Dim row) {
    const Dim y = (deep ? row % g.out_height : row) * g.stride_y - g.top;
    top = std::max<Dim>(0, y);
    bottom = std::min(g.height, y + g.rows);
    if (!deep) return;
    const Dim z = row / g.out_height * g.stride_z - g.front;
    front = std::max<Dim>(0, z);
    back = std::min(g.depth, z + g.planes);
  }
  void move_to(const PoolGeometry& g, Dim column) {
    const Dim x = column * g.stride_x - g.left;
    left = std::max<Dim>(0, x);
    right = std::min(g.width, x + g.columns);
  }
  Dim planes() const { return deep ? back - front : 1; }
  Dim rows() const { return bottom - top; }
  Dim columns() const { return right - left; }
  Dim count() const {
    return std::max<Dim>(0, planes()) * std::max<Dim>(0, rows()) * std::max<Dim>(0, columns());
  }
};

// body(channel, lanes) for each vector of channels.
template <class Body>
HORNET_INLINE void each_channels(Dim channels, Body body) {
  for (Dim c = 0; c < channels; c += kLanes) {
    body(c, static_cast<int>(std::min<Dim>(kLanes, channels - c)));
  }
}

// fold(total, x) over the cells of each window, finish(total, cells).
template <bool deep, class Fold, class Finish>
HORNET_INLINE void pool_rows(const PoolGeometry& g, const float* x, float* y, Dim begin, Dim end,
                             float start, Fold fold, Finish finish) {
  const Dim channels = g.channels, row_floats = g.width * channels;
  const Dim plane_floats = g.height * row_floats;
  for (Dim row = begin; row < end; ++row) {
    const float* image = x + row / g.out_rows() * g.volume();
    float* out = y + row * g.out_width * channels;
    Cells<deep> cells(g, row % g.out_rows());
    for (Dim ox = 0; ox < g.out_width; ++ox, out += channels) {
      cells.move_to(g, ox);
      const float* first =
          image + cells.front * plane_floats + cells.top * row_floats + cells.left * channels;
      if (!deep && cells.rows() == 2 && cells.columns() == 2) {
        each_channels(channels, [&](Dim c, int lanes) {
          const float* p = first + c;
          Vec total = fold(set1(start), load_n(p, lanes));
          total = fold(total, load_n(p + channels, lanes));
          total = fold(total, load_n(p + row_floats, lanes));
          total = fold(total, load_n(p + row_floats + channels, lanes));
          store_n(out + c, finish(total, cells), lanes);
        });
        continue;
      }
      each_channels(channels, [&](Dim c, int lanes) {
        Vec total = set1(start);
        for (Dim iz = 0; iz < cells.planes(); ++iz) {
          const float* plane = first + iz * plane_floats + c;
          for (Dim iy = 0; iy < cells.rows(); ++iy) {
            for (Dim ix = 0; ix < cells.columns(); ++ix) {
              total = fold(total, load_n(plane + iy * row_floats + ix * channels, lanes));
            }
          }
        }
        store_n(out + c, finish(total, cells), lanes);
      });
    }
  }
}

template <bool deep>
void max_pool(const PoolGeometry& g, const float* x, float* y, Dim begin, Dim end) {
  pool_rows<deep>(
      g, x, y, begin, end, -__builtin_inff(), [&](Vec total, Vec v) { return maximum(total, v); },
      [&](Vec total, const Cells<deep>&) { return total; });
}

template <bool deep>
void average_pool(const PoolGeometry& g, const float* x, float* y, Dim begin, Dim end) {
  pool_rows<deep>(
      g, x, y, begin, end, 0, [&](Vec total, Vec v) { return add(total, v); },
      [&](Vec total, const Cells<deep>& cells) {
        return div(total, set1(static_cast<float>(std::max<Dim>(1, cells.count()))));
      });
}

// Zeros where no window will write, or everywhere if windows add up.
void clear_volume(const PoolGeometry& g, float* dx) {
  const Dim row_floats = g.width * g.channels;
  if (!g.tiles()) {
    std::memset(dx, 0, g.volume() * sizeof(float));
    return;
  }
  const Dim planes = g.out_depth * g.planes, rows = g.out_height * g.rows,
            floats = g.out_width * g.columns * g.channels;
  for (Dim z = 0; z < g.depth; ++z) {
    for (Dim y = 0; y < g.height; ++y, dx += row_floats) {
      const Dim from = z < planes && y < rows ? floats : 0;
      std::memset(dx + from, 0, (row_floats - from) * sizeof(float));
    }
  }
}

// visit(offset) for each cell under a window, in order; its place from the start of the volume.
template <bool deep, class Visit>
HORNET_INLINE void each_cell(const PoolGeometry& g, Cells<deep> cells, Visit visit) {
  const Dim channels = g.channels, row_floats = g.width * channels;
  const Dim plane_floats = g.height * row_floats;
  for (Dim iz = cells.front; iz < cells.back; ++iz) {
    for (Dim iy = cells.top; iy < cells.bottom; ++iy) {
      const Dim row = (deep ? iz * plane_floats : 0) + iy * row_floats;
      for (Dim ix = cells.left; ix < cells.right; ++ix) visit(row + ix * channels);
    }
  }
}

template <bool deep>
void max_pool_backward(const PoolGeometry& g, const float* x, const float* y, const float* dy,
                       float* dx, Dim begin, Dim end) {
  const Dim channels = g.channels;
  const bool disjoint = g.disjoint();
  for (Dim image = begin; image < end; ++image) {
    const Dim in = image * g.volume();
    Dim out = image * g.out_rows() * g.out_width * channels;
    clear_volume(g, dx + in);
    for (Dim row = 0; row < g.out_rows(); ++row) {
      Cells<deep> cells(g, row);
      for (Dim ox = 0; ox < g.out_width; ++ox, out += channels) {
        cells.move_to(g, ox);
        each_channels(channels, [&](Dim c, int lanes) {
          const Vec largest = load_n(y + out + c, lanes), diff = load_n(dy + out + c, lanes);
          Mask found = no_lanes();
          each_cell(g, cells, [&](Dim offset) {
            const Dim at = in + offset + c;
            const Vec value = load_n(x + at, lanes);
            // A NaN is the largest of all, so a NaN here means that y is one.
            const Mask here = either(equal(value, largest), is_nan(value));
            Vec result = keep(but_not(here, found), diff);
            if (!disjoint) result = add(result, load_n(dx + at, lanes));
            store_n(dx + at, result, lanes);
            found = either(found, here);
          });
        });
      }
    }
  }
}

template <bool deep>
void average_pool_backward(const PoolGeometry& g, const float* dy, float* dx, Dim begin, Dim end) {
  const Dim channels = g.channels;
  const bool disjoint = g.disjoint();
  for (Dim image = begin; image < end; ++image) {
    float* const to = dx + image * g.volume();
    const float* from = dy + image * g.out_rows() * g.out_width * channels;
    clear_volume(g, to);
    for (Dim row = 0; row < g.out_rows(); ++row) {
      Cells<deep> cells(g, row);
      for (Dim ox = 0; ox < g.out_width; ++ox, from += channels) {
        cells.move_to(g, ox);
        const Vec count = set1(static_cast<float>(std::max<Dim>(1, cells.count())));
        each_channels(channels, [&](Dim c, int lanes) {
          const Vec share = div(load_n(from + c, lanes), count);
          each_cell(g, cells, [&](Dim offset) {
            float* p = to + offset + c;
            store_n(p, disjoint ? share : add(share, load_n(p, lanes)), lanes);
          });
        });
      }
    }
  }
}

template <bool deep>
constexpr PoolTable make_pool_table() {
  return {max_pool<deep>, average_pool<deep>, max_pool_backward<deep>, average_pool_backward<deep>};
}
const PoolTable pool2d_table = make_pool_table<false>();
const PoolTable pool3d_table = make_pool_table<true>();
