// What the back ends agree on for rows by number.
#pragma once
#include "backend/functors/functor.h"

namespace hornet {

// The row an index means, -1 if there is none.
template <class Index>
HORNET_FUNCTOR Dim row_of(Index index, Dim rows) {
  return index >= 0 && index < static_cast<double>(rows) ? static_cast<Dim>(index) : -1;
}

// Elements in a row of `table`; its rows may be none, so this isn't a division.
inline Dim row_elements(const Shape& table) {
  Dim elements = 1;
  for (int axis = 1; axis < table.rank(); ++axis) elements *= table[axis];
  return elements;
}

}  // namespace hornet
