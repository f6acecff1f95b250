// Sequences for R: windows over series, padding, skip-grams.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "data/skipgrams.h"
#include "data/window_source.h"
#include "r_convert.h"
#include "r_feeder.h"
#include "r_handle.h"

using namespace hornet;

namespace {

double number_of(SEXP list, const char* name) { return Rcpp::as<double>(element_of(list, name)); }
Dim whole_of(SEXP list, const char* name) { return static_cast<Dim>(number_of(list, name)); }
bool flag_of(SEXP list, const char* name) { return Rcpp::as<bool>(element_of(list, name)); }

Windows windows_from_r(SEXP list) {
  Windows windows;
  windows.length = whole_of(list, "length");
  windows.sampling_rate = whole_of(list, "sampling_rate");
  windows.stride = whole_of(list, "stride");
  windows.first = whole_of(list, "first");
  windows.last = whole_of(list, "last");
  windows.batch_size = whole_of(list, "batch_size");
  windows.reverse = flag_of(list, "reverse");
  windows.random = flag_of(list, "random");
  return windows;
}

std::shared_ptr<WindowSource> window_source(SEXP series, SEXP windows,
                                            WindowSource::Options options) {
  return std::make_shared<WindowSource>(get_handle<Dataset>(series, kDatasetHandle),
                                        windows_from_r(windows), options);
}

// A sequence on its way to a row.
struct PaddedRow {
  const double* reals = nullptr;  // one of these
  const int* integers = nullptr;
  R_xlen_t steps = 0;
  R_xlen_t start = 0;  // where its first step is put, which may be before the row

  PaddedRow() = default;
  PaddedRow(SEXP sequence, R_xlen_t features, R_xlen_t maxlen, bool pad_before, bool cut_before)
      : steps(Rf_xlength(sequence) / features) {
    if (TYPEOF(sequence) == REALSXP) reals = REAL(sequence);
    if (TYPEOF(sequence) == INTSXP) integers = INTEGER(sequence);
    if (TYPEOF(sequence) == LGLSXP) integers = LOGICAL(sequence);
    if (steps < maxlen ? pad_before : cut_before) start = maxlen - steps;
  }
  double operator[](R_xlen_t i) const {
    if (reals) return reals[i];
    return integers[i] == NA_INTEGER ? NA_REAL : integers[i];
  }
};

// Whole numbers as R's as.integer() makes them: cut off, NA where they are too large.
void put(double value, R_xlen_t i, double* to) { to[i] = value; }
void put(double value, R_xlen_t i, int* to) {
  to[i] = value > -2147483648.0 && value < 2147483648.0 ? static_cast<int>(value) : NA_INTEGER;
}

// Column-major [sequences, maxlen, features]. Sequences are taken in blocks, because their values
// at one step lie side by side in the result.
template <class T>
void pad(SEXP sequences, R_xlen_t maxlen, R_xlen_t features, bool pad_before, bool cut_before,
         double value, T* to) {
  constexpr R_xlen_t kBlock = 32;
  const R_xlen_t n = Rf_xlength(sequences);
  PaddedRow rows[kBlock];
  for (R_xlen_t first = 0; first < n; first += kBlock) {
    const R_xlen_t count = std::min(kBlock, n - first);
    for (R_xlen_t i = 0; i < count; ++i) {
      rows[i] =
          PaddedRow(VECTOR_ELT(sequences, first + i), features, maxlen, pad_before, cut_before);
    }
    for (R_xlen_t feature = 0; feature < features; ++feature) {
      for (R_xlen_t place = 0; place < maxlen; ++place) {
        const R_xlen_t column = (feature * maxlen + place) * n + first;
        for (R_xlen_t i = 0; i < count; ++i) {
          const R_xlen_t step = place - rows[i].start;
          const bool inside = step >= 0 && step < rows[i].steps;
          put(inside ? rows[i][step + feature * rows[i].steps] : value, column + i, to);
        }
      }
    }
  }
}

}  // namespace

// A vector of [sequences, maxlen, features] values: integers or doubles. `sequences` is a list of
// numeric or logical vectors and arrays (NULL: none) with `features` values a step.
// [[Rcpp::export(rng = false)]]
SEXP cpp_pad_sequences(SEXP sequences, double maxlen, double features, bool pad_before,
                       bool cut_before, double value, bool whole) {
  return glue_entry("cpp_pad_sequences", [&]() -> SEXP {
    materialise(sequences);
    const auto length = static_cast<R_xlen_t>(maxlen), width = static_cast<R_xlen_t>(features);
    const R_xlen_t size = Rf_xlength(sequences) * length * width;
    const int type = whole ? INTSXP : REALSXP;
    SEXP padded = r_protect([=]() -> SEXP { return Rf_allocVector(type, size); });
    if (whole) pad(sequences, length, width, pad_before, cut_before, value, INTEGER(padded));
    else pad(sequences, length, width, pad_before, cut_before, value, REAL(padded));
    return padded;
  });
}

// list(couples, labels): a list of pairs of words, and 1 or 0 for each.
// [[Rcpp::export(rng = false)]]
SEXP cpp_skipgrams(SEXP sequence, int vocabulary_size, int window_size, double negative_samples,
                   bool shuffle, SEXP sampling, double seed) {
  return glue_entry("cpp_skipgrams", [&]() -> SEXP {
    SkipgramOptions options;
    options.vocabulary_size = vocabulary_size;
    options.window_size = window_size;
    options.negative_samples = negative_samples;
    options.shuffle = shuffle;
    if (!Rf_isNull(sampling)) options.sampling = Rcpp::as<std::vector<double>>(sampling);
    options.seed = static_cast<std::uint64_t>(seed);
    const Skipgrams pairs = make_skipgrams(Rcpp::as<std::vector<int>>(sequence), options);
    const auto n = static_cast<R_xlen_t>(pairs.words.size());
    const int *words = pairs.words.data(), *contexts = pairs.contexts.data();
    const unsigned char* labels = pairs.labels.data();
    return r_protect([=]() -> SEXP {
      SEXP couples = PROTECT(Rf_allocVector(VECSXP, n));
      SEXP marks = PROTECT(Rf_allocVector(INTSXP, n));
      for (R_xlen_t i = 0; i < n; ++i) {
        SEXP couple = Rf_allocVector(INTSXP, 2);
        INTEGER(couple)[0] = words[i];
        INTEGER(couple)[1] = contexts[i];
        SET_VECTOR_ELT(couples, i, couple);
        INTEGER(marks)[i] = labels[i];
      }
      const char* names[] = {"couples", "labels", ""};
      SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
      SET_VECTOR_ELT(result, 0, couples);
      SET_VECTOR_ELT(result, 1, marks);
      UNPROTECT(3);
      return result;
    });
  });
}

// `windows`: list(length, sampling_rate, stride, first, last, batch_size, reverse, random).
// [[Rcpp::export(rng = false)]]
SEXP cpp_window_source(SEXP series, SEXP windows, bool shuffle_batches, double seed, bool targets) {
  return glue_entry("cpp_window_source", [&]() -> SEXP {
    WindowSource::Options options;
    options.shuffle_batches = shuffle_batches;
    options.seed = static_cast<std::uint64_t>(seed);
    options.targets = targets;
    return make_handle<Source>(window_source(series, windows, options), kSourceHandle);
  });
}

// Batch `number` (0-based, over all passes) as list(x, y).
// [[Rcpp::export(rng = false)]]
SEXP cpp_window_batch(SEXP series, SEXP windows, double seed, double number) {
  return glue_entry("cpp_window_batch", [&]() -> SEXP {
    WindowSource::Options options;
    options.seed = static_cast<std::uint64_t>(seed);
    options.start = static_cast<std::int64_t>(number);
    Batch batch;
    window_source(series, windows, options)->next(batch);
    Rcpp::List list(2);
    list[0] = array_to_r(batch.inputs[0].data(), batch.inputs[0].shape);
    list[1] = array_to_r(batch.targets[0].data(), batch.targets[0].shape);
    return list;
  });
}
