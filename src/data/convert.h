// R's arrays and the core's: column-major in R's types on one side, row-major float32 on the other.
#pragma once
#include <string>
#include <vector>

#include "base/shape.h"

namespace hornet {

// R's logicals are integers; NA_integer_ becomes NaN.
enum class ColumnType : unsigned char { real, integer, byte };

// An array of R, or the columns of a data frame, whose memory somebody keeps alive.
struct ColumnMajor {
  struct Column {
    ColumnType type;
    const void* data;
  };
  ColumnType type = ColumnType::real;
  const void* data = nullptr;   // null: a data frame
  Shape shape;                  // R's dimensions; a plain vector has one
  std::vector<Column> columns;  // data frame: shape[1] of them
  bool from_one = false;        // factor codes: 1 is subtracted
};

// Rows [first, first + rows) of `from`, row-major. Any thread; no allocation in steady state.
void to_row_major(const ColumnMajor& from, float* to, Dim first, Dim rows);
void to_row_major(const ColumnMajor& from, float* to);
// The same on the kernels' threads, for data that are converted once.
void to_row_major_parallel(const ColumnMajor& from, float* to);

// And back.
void to_column_major(const float* from, const Shape& shape, double* to);

}  // namespace hornet
