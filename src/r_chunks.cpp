// Tables for R: batches cut out of chunks that an R function reads, and the records of text files.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "data/chunk_source.h"
#include "data/csv_records.h"
#include "r_convert.h"
#include "r_feeder.h"
#include "r_handle.h"
#include "r_source.h"

using namespace hornet;

namespace {

constexpr const char* kReaderHandle = "table reader";

// What one caller on R's thread reads from.
struct ChunkReader {
  RunLoop loop;
  std::shared_ptr<ChunkSource> source;
  ~ChunkReader() {
    loop.stop();
    source->finished();
    loop.drain_posts();
  }
};

// list(batch_size, buffer, seed, loop)
ChunkSource::Options chunk_options(SEXP list, bool ahead, double total) {
  ChunkSource::Options options;
  options.batch_size = static_cast<Dim>(Rcpp::as<double>(element_of(list, "batch_size")));
  options.buffer = static_cast<Dim>(Rcpp::as<double>(element_of(list, "buffer")));
  options.seed = static_cast<std::uint64_t>(Rcpp::as<double>(element_of(list, "seed")));
  options.loop = Rcpp::as<bool>(element_of(list, "loop"));
  options.ahead = ahead;
  options.total = total < 0 ? -1 : static_cast<std::int64_t>(total);
  if (options.batch_size < 1) throw Error("the batch size must be at least 1", "value");
  return options;
}

char character_of(SEXP text) {
  const auto string = Rcpp::as<std::string>(text);
  return string.empty() ? '\0' : string[0];
}

}  // namespace

// `read`: an R function that returns the next chunk, as a generator does a batch, or NULL at the
// end of each pass.
// [[Rcpp::export(rng = false)]]
SEXP cpp_feeder_chunks(SEXP read, SEXP spec, SEXP options, int queue_size, double total) {
  return glue_entry("cpp_feeder_chunks", [&]() -> SEXP {
    const FeedSpec feed = spec_from_r(spec);
    auto source = std::make_shared<ChunkSource>(std::make_shared<RSource>(read, feed),
                                                chunk_options(options, queue_size > 0, total));
    return feeder_handle(make_feeder(std::move(source), feed, queue_size, total));
  });
}

// For cpp_reader_next(): no thread reads ahead.
// [[Rcpp::export(rng = false)]]
SEXP cpp_chunk_reader(SEXP read, SEXP spec, SEXP options) {
  return glue_entry("cpp_chunk_reader", [&]() -> SEXP {
    auto reader = std::make_shared<ChunkReader>();
    reader->source = std::make_shared<ChunkSource>(
        std::make_shared<RSource>(read, spec_from_r(spec)),
        chunk_options(options, /* ahead = */ false, /* total = */ -1));
    reader->source->attach(reader->loop);
    return make_handle<ChunkReader>(std::move(reader), kReaderHandle);
  });
}

// list(inputs, targets, weights, place), or NULL at the end. The first `skip` batches are left out.
// [[Rcpp::export(rng = false)]]
SEXP cpp_reader_next(SEXP reader, double skip) {
  return glue_entry("cpp_reader_next", [&]() -> SEXP {
    const auto from = get_handle<ChunkReader>(reader, kReaderHandle);
    Batch batch;
    bool more = true;
    for (auto left = static_cast<std::int64_t>(skip); more && left >= 0; --left) {
      more = from->source->next(batch);
    }
    from->loop.drain_posts();
    if (!more) return R_NilValue;
    Rcpp::List list(4);
    list[0] = arrays_to_r(batch.inputs);
    list[1] = arrays_to_r(batch.targets);
    list[2] = arrays_to_r(batch.weights);
    list[3] = static_cast<double>(from->source->place());
    list.names() = Rcpp::CharacterVector::create("inputs", "targets", "weights", "place");
    return list;
  });
}

// Of raw bytes that begin with a record: c(bytes, records) of the complete ones, at most so many.
// [[Rcpp::export(rng = false)]]
SEXP cpp_csv_records(SEXP bytes, SEXP separator, SEXP quote, double at_most) {
  return glue_entry("cpp_csv_records", [&]() -> SEXP {
    const CsvRecords done = complete_records(
        reinterpret_cast<const char*>(RAW(bytes)), static_cast<std::size_t>(Rf_xlength(bytes)),
        character_of(separator), character_of(quote), static_cast<std::int64_t>(at_most));
    return Rcpp::NumericVector::create(static_cast<double>(done.bytes),
                                       static_cast<double>(done.records));
  });
}

// `count` of raw bytes, from `first` (0-based).
// [[Rcpp::export(rng = false)]]
SEXP cpp_bytes(SEXP bytes, double first, double count) {
  return glue_entry("cpp_bytes", [&]() -> SEXP {
    const auto from = static_cast<R_xlen_t>(first), n = static_cast<R_xlen_t>(count);
    if (from < 0 || n < 0 || from + n > Rf_xlength(bytes)) throw Error("no such bytes", "value");
    SEXP part = r_protect([=]() -> SEXP { return Rf_allocVector(RAWSXP, n); });
    std::copy_n(RAW(bytes) + from, n, RAW(part));
    return part;
  });
}

// list(bytes, joined): a copy whose records are one line each, and how many line ends were changed.
// [[Rcpp::export(rng = false)]]
SEXP cpp_csv_join_lines(SEXP bytes, SEXP separator, SEXP quote) {
  return glue_entry("cpp_csv_join_lines", [&]() -> SEXP {
    Rcpp::Shield<SEXP> copy(r_protect([=]() -> SEXP { return Rf_duplicate(bytes); }));
    const std::int64_t joined =
        join_lines(reinterpret_cast<char*>(RAW(copy)), static_cast<std::size_t>(Rf_xlength(copy)),
                   character_of(separator), character_of(quote));
    return Rcpp::List::create(Rcpp::Named("bytes") = static_cast<SEXP>(copy),
                              Rcpp::Named("joined") = static_cast<double>(joined));
  });
}
