// What the back ends agree on for rows by number.
#pragma once
#include "backend/functors/functor.h"

namespace hornet {

// The row an index means, -1 if there is none.
template <class Index>
HORNET_FUNCTOR Dim row_of(Index index, Dim rows) {
  return index >= 0 && index < static_cast<double>(rows) ? static_cast<Dim>(index) : -1;
}

}  // namespace hornet
