// How windows slide, seen by a thread that has one cell of an input or of an output.
#pragma once
#include "backend/functors/functor.h"
#include "backend/window.h"
#include "base/error.h"

namespace hornet {

// One direction in space.
struct Axis {
  int length, outputs, cells;  // of the input, of the output, of the kernel or pool
  int stride, before, dilation;

  // Where output `o` has its `cell`-th cell in the input; negative: in the padding.
  HORNET_FUNCTOR int input_of(int o, int cell) const {
    const int i = o * stride - before + cell * dilation;
    return i < length ? i : -1;
  }
  // The output that has its `cell`-th cell at input `i`; negative: none.
  HORNET_FUNCTOR int output_of(int i, int cell) const {
    const int reached = i + before - cell * dilation;
    if (reached < 0 || reached % stride != 0) return -1;
    const int o = reached / stride;
    return o < outputs ? o : -1;
  }
};

// A window in numbers of 32 bits, which devices are quicker with.
struct Sliding {
  Axis z, y, x;
  int channels, out_channels;

  explicit Sliding(const Window& g)
      : z{whole(g.depth),    whole(g.out_depth), whole(g.planes),
          whole(g.stride_z), whole(g.front),     whole(g.dilation_z)},
        y{whole(g.height),   whole(g.out_height), whole(g.rows),
          whole(g.stride_y), whole(g.top),        whole(g.dilation_y)},
        x{whole(g.width),    whole(g.out_width), whole(g.columns),
          whole(g.stride_x), whole(g.left),      whole(g.dilation_x)},
        channels(whole(g.channels)),
        out_channels(whole(g.out_channels)) {}

  HORNET_FUNCTOR int cells() const { return z.cells * y.cells * x.cells; }
  // The pixel (z, y, x) of a volume, flat.
  HORNET_FUNCTOR Dim input_pixel(Dim volume, int iz, int iy, int ix) const {
    return ((volume * z.length + iz) * y.length + iy) * x.length + ix;
  }
  HORNET_FUNCTOR Dim output_pixel(Dim volume, int oz, int oy, int ox) const {
    return ((volume * z.outputs + oz) * y.outputs + oy) * x.outputs + ox;
  }

 private:
  static int whole(Dim size) {
    // Sums of two of them fit too.
    if (size >= Dim{1} << 30)
      throw Error("windows slide over less than 2^30 cells along an axis, not over " +
                  std::to_string(size));
    return static_cast<int>(size);
  }
};

// Divides `rest` by `size` and returns what remains: the innermost of the indices in it.
HORNET_FUNCTOR inline int take_index(Dim* rest, int size) {
  const Dim quotient = *rest / size;
  const Dim index = *rest - quotient * size;
  *rest = quotient;
  return static_cast<int>(index);
}

// Where a flat index lies in (volume, z, y, x, channel).
struct WindowPlace {
  Dim volume;
  int z, y, x, channel;

  static HORNET_FUNCTOR WindowPlace in_input(const Sliding& g, Dim i) {
    return WindowPlace(i, g.z.length, g.y.length, g.x.length, g.channels);
  }
  static HORNET_FUNCTOR WindowPlace in_output(const Sliding& g, Dim i) {
    return WindowPlace(i, g.z.outputs, g.y.outputs, g.x.outputs, g.out_channels);
  }

 private:
  HORNET_FUNCTOR WindowPlace(Dim i, int depth, int height, int width, int channels) {
    channel = take_index(&i, channels);
    x = take_index(&i, width);
    y = take_index(&i, height);
    z = take_index(&i, depth);
    volume = i;
  }
};

}  // namespace hornet
