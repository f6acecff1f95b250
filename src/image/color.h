// Changes of channels and values of 8-bit pixels, as Pillow makes them.
#pragma once
#include "image/pixels.h"

namespace hornet {

// Converts pixels of 1, 2 (grey + alpha), 3 or 4 channels. Alpha is dropped, not composited;
// grey is the rounded ITU-R 601-2 luma of the decoded RGB. `out` is another picture than `in`.
void convert_channels(const Pixels& in, ColorMode mode, Pixels& out);

// RGB in place of the inverted CMYK that Adobe writes into JPEGs: 4 channels become 3.
void inverted_cmyk_to_rgb(Pixels& pixels);

}  // namespace hornet
