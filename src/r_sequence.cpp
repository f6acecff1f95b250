// Sequences for R: windows over series.
#include <memory>
#include <string>
#include <vector>

#include "data/window_source.h"
#include "r_convert.h"
#include "r_handle.h"

using namespace hornet;

namespace {

constexpr const char* kDatasetHandle = "dataset";
constexpr const char* kSourceHandle = "source";

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

}  // namespace

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
