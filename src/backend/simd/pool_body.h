// Pooling, a vector of channels at a time. Cells outside the image are not looked at.
#include "backend/simd/math_body.h"

// The input cells of one window: rows [top, bottom), columns [left, right).
struct Cells {
  Dim top, bottom, left, right;

  Cells(const PoolGeometry& g, Dim y, Dim x)
      : top(std::max<Dim>(0, y * g.stride_y - g.top)),
        bottom(std::min(g.height, y * g.stride_y - g.top + g.rows)),
        left(std::max<Dim>(0, x * g.stride_x - g.left)),
        right(std::min(g.width, x * g.stride_x - g.left + g.columns)) {}
  Dim count() const { return std::max<Dim>(0, bottom - top) * std::max<Dim>(0, right - left); }
};

// body(channel, lanes) for each vector of channels.
template <class Body>
HORNET_INLINE void each_channels(Dim channels, Body body) {
  for (Dim c = 0; c < channels; c += kLanes) {
    body(c, static_cast<int>(std::min<Dim>(kLanes, channels - c)));
  }
}

// fold(total, x) over the cells of each window, finish(total, cells).
template <class Fold, class Finish>
HORNET_INLINE void pool_rows(const PoolGeometry& g, const float* x, float* y, Dim begin, Dim end,
                             float start, Fold fold, Finish finish) {
  const Dim channels = g.channels, row_floats = g.width * channels;
  for (Dim row = begin; row < end; ++row) {
    const float* image = x + row / g.out_height * g.height * row_floats;
    float* out = y + row * g.out_width * channels;
    for (Dim ox = 0; ox < g.out_width; ++ox, out += channels) {
      const Cells cells(g, row % g.out_height, ox);
      const float* first = image + cells.top * row_floats + cells.left * channels;
      if (cells.bottom - cells.top == 2 && cells.right - cells.left == 2) {
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
        for (Dim iy = 0; iy < cells.bottom - cells.top; ++iy) {
          for (Dim ix = 0; ix < cells.right - cells.left; ++ix) {
            total = fold(total, load_n(first + iy * row_floats + ix * channels + c, lanes));
          }
        }
        store_n(out + c, finish(total, cells), lanes);
      });
    }
  }
}

void max_pool(const PoolGeometry& g, const float* x, float* y, Dim begin, Dim end) {
  pool_rows(
      g, x, y, begin, end, -__builtin_inff(), [&](Vec total, Vec v) { return maximum(total, v); },
      [&](Vec total, const Cells&) { return total; });
}

void average_pool(const PoolGeometry& g, const float* x, float* y, Dim begin, Dim end) {
  pool_rows(
      g, x, y, begin, end, 0, [&](Vec total, Vec v) { return add(total, v); },
      [&](Vec total, const Cells& cells) {
        return div(total, set1(static_cast<float>(std::max<Dim>(1, cells.count()))));
      });
}

// Zeros where no window will write, or everywhere if windows add up.
void clear_image(const PoolGeometry& g, float* dx) {
  const Dim row_floats = g.width * g.channels;
  if (!g.tiles()) {
    std::memset(dx, 0, g.height * row_floats * sizeof(float));
    return;
  }
  const Dim rows = g.out_height * g.rows, floats = g.out_width * g.columns * g.channels;
  for (Dim y = 0; y < g.height; ++y) {
    const Dim from = y < rows ? floats : 0;
    std::memset(dx + y * row_floats + from, 0, (row_floats - from) * sizeof(float));
  }
}

void max_pool_backward(const PoolGeometry& g, const float* x, const float* y, const float* dy,
                       float* dx, Dim begin, Dim end) {
  const Dim channels = g.channels, row_floats = g.width * channels;
  const bool disjoint = g.disjoint();
  for (Dim image = begin; image < end; ++image) {
    const Dim in = image * g.height * row_floats;
    Dim out = image * g.out_height * g.out_width * channels;
    clear_image(g, dx + in);
    for (Dim oy = 0; oy < g.out_height; ++oy) {
      for (Dim ox = 0; ox < g.out_width; ++ox, out += channels) {
        const Cells cells(g, oy, ox);
        each_channels(channels, [&](Dim c, int lanes) {
          const Vec largest = load_n(y + out + c, lanes), diff = load_n(dy + out + c, lanes);
          Mask found = no_lanes();
          for (Dim iy = cells.top; iy < cells.bottom; ++iy) {
            for (Dim ix = cells.left; ix < cells.right; ++ix) {
              const Dim at = in + iy * row_floats + ix * channels + c;
              const Vec value = load_n(x + at, lanes);
              // A NaN is the largest of all, so a NaN here means that y is one.
              const Mask here = either(equal(value, largest), is_nan(value));
              Vec result = keep(but_not(here, found), diff);
              if (!disjoint) result = add(result, load_n(dx + at, lanes));
              store_n(dx + at, result, lanes);
              found = either(found, here);
            }
          }
        });
      }
    }
  }
}

void average_pool_backward(const PoolGeometry& g, const float* dy, float* dx, Dim begin, Dim end) {
  const Dim channels = g.channels, row_floats = g.width * channels;
  const bool disjoint = g.disjoint();
  for (Dim image = begin; image < end; ++image) {
    float* const to = dx + image * g.height * row_floats;
    const float* from = dy + image * g.out_height * g.out_width * channels;
    clear_image(g, to);
    for (Dim oy = 0; oy < g.out_height; ++oy) {
      for (Dim ox = 0; ox < g.out_width; ++ox, from += channels) {
        const Cells cells(g, oy, ox);
        const Vec count = set1(static_cast<float>(std::max<Dim>(1, cells.count())));
        each_channels(channels, [&](Dim c, int lanes) {
          const Vec share = div(load_n(from + c, lanes), count);
          for (Dim iy = cells.top; iy < cells.bottom; ++iy) {
            for (Dim ix = cells.left; ix < cells.right; ++ix) {
              float* p = to + iy * row_floats + ix * channels + c;
              store_n(p, disjoint ? share : add(share, load_n(p, lanes)), lanes);
            }
          }
        });
      }
    }
  }
}

const PoolTable pool_table = {max_pool, average_pool, max_pool_backward, average_pool_backward};
