// The inner transposes of convert.cpp, chosen once for the CPU at hand.
#pragma once
#include <cstdint>
#include <limits>

#include "base/shape.h"

namespace hornet {

inline float to_float(double x) { return static_cast<float>(x); }
inline float to_float(std::uint8_t x) { return static_cast<float>(x); }
inline float to_float(std::int32_t x) {  // R's NA is the smallest integer
  return x == std::numeric_limits<std::int32_t>::min() ? std::numeric_limits<float>::quiet_NaN()
                                                       : static_cast<float>(x);
}

// to[i * stride + k] = from[offsets[k] + i] for i < rows, k < columns.
// T: double, std::int32_t, std::uint8_t.
template <class T>
void columns_to_rows(const T* from, const Dim* offsets, Dim rows, Dim columns, float* to,
                     Dim stride);
// to[offsets[k] + i] = from[i * stride + k]
void rows_to_columns(const float* from, Dim stride, Dim rows, Dim columns, double* to,
                     const Dim* offsets);
// to[i] = from[i]
template <class T>
void to_floats(const T* from, Dim count, float* to);

}  // namespace hornet
