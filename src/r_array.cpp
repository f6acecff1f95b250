#include "r_array.h"

#include <limits>

namespace hornet {
namespace {

// Calls fn(row_major, column_major) for the flat indices of every element of `dims`.
template <class Fn>
void each_element(const std::vector<Dim>& dims, Fn&& fn) {
  const std::size_t rank = dims.size();
  Dim total = 1;
  std::vector<Dim> stride(rank);  // column-major
  for (std::size_t axis = 0; axis < rank; ++axis) {
    stride[axis] = total;
    total *= dims[axis];
  }
  if (rank <= 1) {
    for (Dim i = 0; i < total; ++i) fn(i, i);
    return;
  }
  std::vector<Dim> at(rank, 0);
  const Dim last = dims[rank - 1];
  for (Dim row = 0; row < total; row += last) {
    Dim start = 0;
    for (std::size_t axis = 0; axis + 1 < rank; ++axis) start += at[axis] * stride[axis];
    for (Dim i = 0; i < last; ++i) fn(row + i, start + i * stride[rank - 1]);
    for (std::size_t axis = rank - 1; axis-- > 0;) {
      if (++at[axis] < dims[axis]) break;
      at[axis] = 0;
    }
  }
}

template <class T>
void fill(const RArray& from, const Tensor& to) {
  T* data = to.as<T>();
  if (from.is_number()) {
    const T value = static_cast<T>(from[0]);
    for (Dim i = 0; i < to.numel(); ++i) data[i] = value;
    return;
  }
  each_element(to.spec.shape.dims(), [&](Dim row_major, Dim column_major) {
    data[row_major] = static_cast<T>(from[column_major]);
  });
}

}  // namespace

double RArray::as_double(int x) {
  return x == NA_INTEGER ? std::numeric_limits<double>::quiet_NaN() : x;
}

RArray::RArray(SEXP array, const std::string& what) {
  assert_r_thread("RArray");
  switch (TYPEOF(array)) {
    case REALSXP:
      reals = REAL(array);
      break;
    case INTSXP:
      integers = INTEGER(array);
      break;
    case LGLSXP:
      integers = LOGICAL(array);
      break;
    default:
      throw Error(what + ": expected numbers, got an object of type \"" +
                      Rf_type2char(TYPEOF(array)) + "\"",
                  "value");
  }
  size = Rf_xlength(array);
  SEXP dim = Rf_getAttrib(array, R_DimSymbol);
  has_dims = TYPEOF(dim) == INTSXP;
  if (has_dims) dims.assign(INTEGER(dim), INTEGER(dim) + Rf_xlength(dim));
  else dims = {size};
}

void to_tensor(const RArray& from, const Tensor& to) {
  switch (to.spec.dtype) {
    case DType::f32:
      fill<float>(from, to);
      break;
    case DType::f64:
      fill<double>(from, to);
      break;
    case DType::i32:
      fill<std::int32_t>(from, to);
      break;
  }
}

SEXP to_r(const Tensor& from) {
  const std::vector<Dim>& dims = from.spec.shape.dims();
  const bool whole = from.spec.dtype == DType::i32;
  const R_xlen_t size = from.numel();
  SEXP array = r_protect([&]() -> SEXP {
    SEXP made = PROTECT(Rf_allocVector(whole ? INTSXP : REALSXP, size));
    if (!dims.empty()) {
      SEXP dim = PROTECT(Rf_allocVector(INTSXP, static_cast<R_xlen_t>(dims.size())));
      for (std::size_t i = 0; i < dims.size(); ++i) INTEGER(dim)[i] = static_cast<int>(dims[i]);
      Rf_setAttrib(made, R_DimSymbol, dim);
      UNPROTECT(1);
    }
    UNPROTECT(1);
    return made;
  });
  each_element(dims, [&](Dim row_major, Dim column_major) {
    switch (from.spec.dtype) {
      case DType::f32:
        REAL(array)[column_major] = from.as<float>()[row_major];
        break;
      case DType::f64:
        REAL(array)[column_major] = from.as<double>()[row_major];
        break;
      case DType::i32:
        INTEGER(array)[column_major] = from.as<std::int32_t>()[row_major];
        break;
    }
  });
  return array;
}

}  // namespace hornet
