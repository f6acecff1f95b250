// Feeders in R's hands: over generators, data in memory and native sources.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/array_source.h"
#include "data/feeder.h"
#include "r_convert.h"
#include "r_feeder.h"
#include "r_handle.h"
#include "r_serve.h"
#include "r_source.h"

using namespace hornet;

namespace {

Feeder::Options options_of(int queue_size, double total) {
  if (queue_size < 0) throw Error("the queue size must not be negative", "value");
  Feeder::Options options;
  options.queue_size = queue_size;
  options.total = total < 0 ? -1 : static_cast<std::int64_t>(total);
  return options;
}

// Converts a list of R arrays. Reads R's memory on a worker: R holds the arguments meanwhile.
void convert_all(SEXP arrays, const char* name, RunLoop& loop, std::vector<HostTensor>& tensors) {
  if (Rf_isNull(arrays)) return;
  materialise(arrays);
  std::vector<ColumnMajor> views;
  const R_xlen_t count = Rf_xlength(arrays);
  for (R_xlen_t i = 0; i < count; ++i) {
    SEXP array = VECTOR_ELT(arrays, i);
    const std::string who =
        count > 1 ? name + ("[[" + std::to_string(i + 1) + "]]") : std::string(name);
    views.push_back(Rf_isNull(array) ? ColumnMajor() : view_array(array, who));
  }
  tensors.resize(views.size());
  serve_while(
      loop, [] {},
      [&] {
        for (std::size_t i = 0; i < views.size(); ++i) {
          if (loop.stopped()) throw Stopped();
          if (views[i].shape.rank() == 0) continue;
          to_row_major_parallel(views[i], tensors[i].resize(views[i].shape));
        }
      });
}

Shuffle shuffle_of(const std::string& name) {
  if (name == "none") return Shuffle::none;
  if (name == "rows") return Shuffle::rows;
  if (name == "batch") return Shuffle::batches;
  throw Error("shuffle must be \"none\", \"rows\" or \"batch\", not \"" + name + "\"", "value");
}

std::vector<std::int64_t> rows_from_r(SEXP rows) {
  std::vector<std::int64_t> from_zero;
  if (Rf_isNull(rows)) return from_zero;
  for (double row : Rcpp::as<std::vector<double>>(rows)) {
    from_zero.push_back(static_cast<std::int64_t>(row) - 1);
  }
  return from_zero;
}

}  // namespace

// `generator`: an R function without arguments. `total`: batches to ask for; -1: without end.
// `follower`: NULL, or the handle of one.
// [[Rcpp::export(rng = false)]]
SEXP cpp_feeder_generator(SEXP generator, SEXP spec, int queue_size, double total,
                          SEXP follower = R_NilValue) {
  return glue_entry("cpp_feeder_generator", [&]() -> SEXP {
    if (!Rf_isFunction(generator)) {
      throw Error("expected a function, got " + description(generator), "value");
    }
    const FeedSpec feed = spec_from_r(spec);
    auto source = std::make_shared<RSource>(generator, feed);
    if (!Rf_isNull(follower)) source->set_follower(get_handle<Follower>(follower, kFollowerHandle));
    auto feeder = make_feeder(source, feed, queue_size, total);
    return feeder_handle(std::move(feeder));
  });
}

// Row-major float32 copies, made once. `targets` and `weights` may be NULL, and so may elements of
// `weights`.
// [[Rcpp::export(rng = false)]]
SEXP cpp_dataset(SEXP inputs, SEXP targets, SEXP weights) {
  return glue_entry("cpp_dataset", [&]() -> SEXP {
    auto dataset = std::make_shared<Dataset>();
    RunLoop loop;
    convert_all(inputs, "inputs", loop, dataset->all.inputs);
    convert_all(targets, "targets", loop, dataset->all.targets);
    convert_all(weights, "sample_weights", loop, dataset->all.weights);
    if (!dataset->all.inputs.empty()) dataset->all.rows = dataset->all.inputs[0].shape[0];
    return make_handle<Dataset>(std::move(dataset), kDatasetHandle);
  });
}

// `rows`: NULL or row numbers from 1; `shuffle`: "none", "rows" or "batch", anew each pass.
// [[Rcpp::export(rng = false)]]
SEXP cpp_feeder_dataset(SEXP dataset, SEXP rows, SEXP spec, double batch_size, std::string shuffle,
                        double seed, int queue_size, double total) {
  return glue_entry("cpp_feeder_dataset", [&]() -> SEXP {
    const auto data = get_handle<Dataset>(dataset, kDatasetHandle);
    const FeedSpec feed = spec_from_r(spec);
    if (!(batch_size >= 1)) throw Error("the batch size must be at least 1", "value");
    check(data->all, feed, /* batch_number = */ 0);
    ArraySource::Options options;
    options.batch_size = static_cast<Dim>(batch_size);
    options.shuffle = shuffle_of(shuffle);
    options.seed = static_cast<std::uint64_t>(seed);
    auto source = std::make_shared<ArraySource>(data, rows_from_r(rows), options);
    return feeder_handle(make_feeder(std::move(source), feed, queue_size, total));
  });
}

// A native source feeds one feeder.
// [[Rcpp::export(rng = false)]]
SEXP cpp_feeder_source(SEXP source, SEXP spec, int queue_size, double total) {
  return glue_entry("cpp_feeder_source", [&]() -> SEXP {
    auto native = get_handle<Source>(source, kSourceHandle);
    return feeder_handle(make_feeder(std::move(native), spec_from_r(spec), queue_size, total));
  });
}

// The next batch as list(inputs, targets, weights), or NULL at the end.
// [[Rcpp::export(rng = false)]]
SEXP cpp_feeder_next(SEXP feeder) {
  return glue_entry("cpp_feeder_next", [&]() -> SEXP {
    const auto f = live_feeder(feeder);
    BatchPool::Lease batch;
    serve_while(
        f->loop(), [&] { f->close(); },
        [&] {
          batch = f->pop();
          if (batch) f->taken();
        });
    if (!batch) return R_NilValue;
    Rcpp::List list(3);
    list[0] = arrays_to_r(batch->inputs);
    list[1] = arrays_to_r(batch->targets);
    list[2] = arrays_to_r(batch->weights);
    list.names() = Rcpp::CharacterVector::create("inputs", "targets", "weights");
    return list;
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_feeder_stop(SEXP feeder) {
  return glue_entry("cpp_feeder_stop", [&]() -> SEXP {
    get_handle<Feeder>(feeder, kFeederHandle)->stop();
    return R_NilValue;
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_feeder_timing(SEXP feeder) {
  return glue_entry("cpp_feeder_timing", [&]() -> SEXP {
    const FeederTiming timing = get_handle<Feeder>(feeder, kFeederHandle)->timing();
    return Rcpp::List::create(Rcpp::Named("source_seconds") = timing.source_seconds,
                              Rcpp::Named("blocked_seconds") = timing.blocked_seconds,
                              Rcpp::Named("batches") = static_cast<double>(timing.batches));
  });
}

// For finish_batches(): an error is about to leave the generator that is being asked. TRUE if its
// batch is needed now.
// [[Rcpp::export(rng = false)]]
SEXP cpp_finish_batches() {
  return glue_entry("cpp_finish_batches",
                    [&]() -> SEXP { return Rf_ScalarLogical(RSource::finish_earlier_batches()); });
}

namespace hornet {

std::shared_ptr<Feeder> make_feeder(std::shared_ptr<Source> source, const FeedSpec& spec,
                                    int queue_size, double total) {
  return std::make_shared<Feeder>(std::move(source), spec, options_of(queue_size, total));
}

SEXP feeder_handle(std::shared_ptr<Feeder> feeder) {
  return make_handle<Feeder>(std::move(feeder), kFeederHandle, /* at_exit = */ true);
}

std::shared_ptr<Feeder> live_feeder(SEXP handle) {
  auto feeder = get_handle<Feeder>(handle, kFeederHandle);
  if (!feeder->in_its_process()) {
    throw Error("a forked child cannot use a feeder of its parent: its thread is not there",
                "fork");
  }
  if (feeder->loop().stopped()) throw Error("this feeder was stopped", "value");
  return feeder;
}

}  // namespace hornet
