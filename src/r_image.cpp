// Image iterators for R: listing folders, flows over files and arrays, sources for feeders.
#include "r_image.h"

#include <cmath>
#include <utility>

#include "image/formats.h"
#include "image/image_source.h"
#include "image/listing.h"
#include "r_feeder.h"

using namespace hornet;

namespace {

constexpr const char* kFlowHandle = "image iterator";

RowTable table_from_r(SEXP x) {
  RowTable table;
  const auto dims = dims_of(x);
  std::vector<Dim> shape(dims.begin(), dims.end());
  shape[0] = -1;
  table.shape = Shape(std::move(shape));
  table.values.resize(static_cast<std::size_t>(Rf_xlength(x)));
  if (dims.size() == 3) {  // rows of matrices, not a picture
    Rcpp::RObject rows = Rf_shallow_duplicate(x);
    rows.attr("dim") = Rcpp::IntegerVector::create(dims[0], dims[1], dims[2], 1);
    floats_from_r(rows, /* channels_first = */ false, table.values.data());
  } else {
    floats_from_r(x, /* channels_first = */ false, table.values.data());
  }
  return table;
}

std::vector<RowTable> tables_from_r(SEXP list) {
  std::vector<RowTable> tables;
  for (R_xlen_t i = 0; i < Rf_xlength(list); ++i)
    tables.push_back(table_from_r(VECTOR_ELT(list, i)));
  return tables;
}

// list(kind, classes, codes = list of 0-based integers, targets, inputs, weights)
FlowData data_from_r(SEXP list) {
  FlowData data;
  const auto kind = list_value<std::string>(list, "kind");
  if (kind == "pictures") data.kind = FlowData::Targets::pictures;
  if (kind == "classes") {
    data.kind = FlowData::Targets::classes;
    data.classes = list_value<int>(list, "classes");
    data.codes = list_value<std::vector<int>>(list, "codes");
    data.first_code = list_value<std::vector<int>>(list, "first_code");
  }
  if (kind == "tables") data.kind = FlowData::Targets::tables;
  data.targets = tables_from_r(list_field(list, "targets"));
  data.inputs = tables_from_r(list_field(list, "inputs"));
  data.weights = tables_from_r(list_field(list, "weights"));
  return data;
}

// Any number is a seed, modulo 2^32.
std::uint32_t seed_from_r(SEXP seed) {
  const double number = std::fmod(std::floor(Rcpp::as<double>(seed)), 4294967296.0);
  return static_cast<std::uint32_t>(static_cast<std::int64_t>(number));
}

// list(batch_size, shuffle, seed = NULL or number, start, marks)
ImageFlow::Options options_from_r(SEXP list) {
  ImageFlow::Options o;
  o.batch_size = list_value<int>(list, "batch_size");
  o.shuffle = list_value<bool>(list, "shuffle");
  o.has_seed = !Rf_isNull(list_field(list, "seed"));
  o.seed = seed_from_r(list_field(list, o.has_seed ? "seed" : "start"));
  o.marks = static_cast<std::uint32_t>(list_value<double>(list, "marks"));
  return o;
}

SEXP flow_handle(std::shared_ptr<const ImageSet> set, SEXP data, SEXP options) {
  return make_handle<ImageFlow>(
      std::make_shared<ImageFlow>(std::move(set), data_from_r(data), options_from_r(options)),
      kFlowHandle);
}

std::shared_ptr<ImageFlow> flow_of(SEXP handle) {
  return get_handle<ImageFlow>(handle, kFlowHandle);
}

// A run that keeps the flow's place; NULL: one of its own.
std::shared_ptr<FlowRun> run_from_r(SEXP run, const std::shared_ptr<ImageFlow>& flow) {
  if (Rf_isNull(run)) return std::make_shared<FlowRun>(flow, BatchOrder::iterate);
  return std::dynamic_pointer_cast<FlowRun>(get_handle<Follower>(run, kFollowerHandle));
}

Rcpp::RObject order_to_r(const FlowPosition::Order& order) {
  if (!order) return R_NilValue;
  return Rcpp::IntegerVector(order->begin(), order->end());
}

FlowPosition::Order order_from_r(SEXP order) {
  if (Rf_isNull(order)) return nullptr;
  return std::make_shared<const std::vector<int>>(Rcpp::as<std::vector<int>>(order));
}

Rcpp::IntegerVector one_based(const std::vector<int>& index) {
  Rcpp::IntegerVector result(index.begin(), index.end());
  for (int& i : result) ++i;
  return result;
}

}  // namespace

// list(filenames, classes, class_names, has_tiff); classes = NULL: the sub-directories.
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_list(SEXP directory, SEXP classes, bool follow_links, double from, double to) {
  return glue_entry("cpp_image_list", [&]() -> SEXP {
    std::vector<std::string> names;
    if (!Rf_isNull(classes)) names = Rcpp::as<std::vector<std::string>>(classes);
    const ImageListing listing =
        list_images(Rcpp::as<std::string>(directory), std::move(names), follow_links, from, to);
    return Rcpp::List::create(Rcpp::Named("filenames") = listing.filenames,
                              Rcpp::Named("classes") = listing.classes,
                              Rcpp::Named("class_names") = listing.class_names,
                              Rcpp::Named("has_tiff") = listing.has_tiff);
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_image_has_extension(SEXP names) {
  return glue_entry("cpp_image_has_extension", [&]() -> SEXP {
    const auto files = Rcpp::as<std::vector<std::string>>(names);
    Rcpp::LogicalVector result(static_cast<R_xlen_t>(files.size()));
    for (std::size_t i = 0; i < files.size(); ++i)
      result[static_cast<R_xlen_t>(i)] = has_image_extension(files[i]);
    return result;
  });
}

// [[Rcpp::export(rng = false)]]
bool cpp_image_reads_tiff() { return reads_tiff(); }

// files: list(height, width, color_mode, interpolation, max_pixels, cache = NULL or bytes,
// cache_folder = NULL or name)
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_flow_files(SEXP paths, SEXP files, SEXP data, SEXP options) {
  return glue_entry("cpp_image_flow_files", [&]() -> SEXP {
    FileSet::Options o;
    o.height = list_value<int>(files, "height");
    o.width = list_value<int>(files, "width");
    o.mode = color_mode_from_r(list_field(files, "color_mode"));
    o.kernel = resize_kernel_from_r(list_field(files, "interpolation"));
    o.limits = decode_limits_from_r(list_field(files, "max_pixels"));
    SEXP cache = list_field(files, "cache");
    o.cache_bytes = Rf_isNull(cache) ? default_cache_bytes()
                                     : static_cast<std::size_t>(Rcpp::as<double>(cache));
    SEXP folder = list_field(files, "cache_folder");
    if (!Rf_isNull(folder)) o.cache_folder = Rcpp::as<std::string>(folder);
    return flow_handle(std::make_shared<FileSet>(Rcpp::as<std::vector<std::string>>(paths), o),
                       data, options);
  });
}

// x: rows x pictures. The floats are a copy.
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_flow_array(SEXP x, bool channels_first, SEXP data, SEXP options) {
  return glue_entry("cpp_image_flow_array", [&]() -> SEXP {
    const auto n = static_cast<std::size_t>(Rf_xlength(x));
    AlignedBuffer values(n * sizeof(float) + kPixelPadding);
    floats_from_r(x, channels_first, static_cast<float*>(values.data()));
    auto set = std::make_shared<ArraySet>(static_cast<int>(dims_of(x)[0]),
                                          picture_shape(x, channels_first), std::move(values));
    return flow_handle(std::move(set), data, options);
  });
}

// Reads what comes next, while R stays interruptible: list(x, index, marks), index 1-based. With a
// `run` it is a batch read ahead, else it counts as used, even if it can't be made.
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_flow_batch(SEXP flow, SEXP pipeline, SEXP workers, SEXP run = R_NilValue) {
  return glue_entry("cpp_image_flow_batch", [&]() -> SEXP {
    const auto images = flow_of(flow);
    ImageSource::Options options;
    options.workers = std::min(
        list_value<int>(workers, "workers") + list_value<int>(workers, "helpers"), images->size());
    options.total = 1;
    const Pipeline what = pipeline_from_r(pipeline);
    ImageSource source(run_from_r(run, images), what, options);
    Batch batch;
    RunLoop loop;
    struct Use {
      ImageSource* source;
      ~Use() {
        if (source) source->taken();
      }
    } use{Rf_isNull(run) ? &source : nullptr};
    serve_while(
        loop, [&] { source.stop(); },
        [&] {
          if (!source.next(batch)) throw image_error("no picture of this batch can be read");
        });
    const Tensor x = batch.inputs[0].view();
    PixelShape s = images->set().shape();
    std::vector<std::int64_t> dims{batch.rows, s.height, s.width, s.channels};
    if (what.channels_first) dims = {batch.rows, s.channels, s.height, s.width};
    return Rcpp::List::create(
        Rcpp::Named("x") = floats_to_r(x.as<float>(), dims, /* channels_first = */ false),
        Rcpp::Named("index") = one_based(source.delivered().index),
        Rcpp::Named("marks") =
            Rcpp::NumericVector(source.delivered().marks.begin(), source.delivered().marks.end()));
  });
}

// The follower for a generator that reads the flow by cpp_image_flow_batch().
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_flow_run(SEXP flow) {
  return glue_entry("cpp_image_flow_run", [&]() -> SEXP {
    return make_handle<Follower>(std::make_shared<FlowRun>(flow_of(flow), BatchOrder::iterate),
                                 kFollowerHandle);
  });
}

// What the user should be warned of; NULL: nothing.
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_flow_problem(SEXP flow) {
  return glue_entry("cpp_image_flow_problem", [&]() -> SEXP {
    const std::string problem = flow_of(flow)->set().problem();
    if (problem.empty()) return R_NilValue;
    return Rcpp::wrap(problem);
  });
}

// Where the flow is after the last batch used, as plain R values; index_array and batch_order
// 0-based or NULL.
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_flow_position(SEXP flow) {
  return glue_entry("cpp_image_flow_position", [&]() -> SEXP {
    const FlowPosition p = flow_of(flow)->used();
    Rcpp::RObject seed;
    if (p.has_seed) seed = Rcpp::wrap(static_cast<double>(p.seed));
    const MersenneTwister& stream = p.random.engine();
    return Rcpp::List::create(
        Rcpp::Named("seed") = seed, Rcpp::Named("batch_index") = static_cast<double>(p.batch_index),
        Rcpp::Named("total_batches_seen") = static_cast<double>(p.batches_seen),
        Rcpp::Named("index_array") = order_to_r(p.index),
        Rcpp::Named("batch_order") = order_to_r(p.batches),
        Rcpp::Named("batch_place") = static_cast<double>(p.place),
        Rcpp::Named("stream") = Rcpp::NumericVector(stream.words.begin(), stream.words.end()),
        Rcpp::Named("stream_position") = stream.position);
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_image_flow_move(SEXP flow, SEXP position) {
  return glue_entry("cpp_image_flow_move", [&]() -> SEXP {
    const auto images = flow_of(flow);
    FlowPosition p;
    SEXP seed = list_field(position, "seed");
    p.has_seed = !Rf_isNull(seed);
    if (p.has_seed) p.seed = seed_from_r(seed);
    p.batch_index = list_value<int>(position, "batch_index");
    const auto seen = list_value<double>(position, "total_batches_seen");
    if (!(std::fabs(seen) < 9e15)) throw Error("nobody has seen that many batches", "value");
    p.batches_seen = static_cast<std::int64_t>(seen);
    p.index = order_from_r(list_field(position, "index_array"));
    p.batches = order_from_r(list_field(position, "batch_order"));
    p.place = list_value<int>(position, "batch_place");
    MersenneTwister stream(0);
    const auto words = list_value<std::vector<double>>(position, "stream");
    if (words.size() != stream.words.size()) throw Error("the random stream is damaged", "value");
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (!(words[i] >= 0 && words[i] <= 4294967295.0))
        throw Error("the random stream is damaged", "value");
      stream.words[i] = static_cast<std::uint32_t>(words[i]);
    }
    stream.position = list_value<int>(position, "stream_position");
    p.random = NumpyRandom(stream);
    images->check(p);
    images->move_to(p);
    return R_NilValue;
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_image_flow_reset(SEXP flow) {
  return glue_entry("cpp_image_flow_reset", [&]() -> SEXP {
    const auto images = flow_of(flow);
    images->reset();
    images->use(images->drawn());
    return R_NilValue;
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_image_flow_end_pass(SEXP flow) {
  return glue_entry("cpp_image_flow_end_pass", [&]() -> SEXP {
    const auto images = flow_of(flow);
    images->end_pass();
    images->use(images->drawn());
    return R_NilValue;
  });
}

// The pictures that were left out because they can't be read: list(index, why), index 1-based.
// `newly`: since this was asked last.
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_flow_skipped(SEXP flow, bool newly) {
  return glue_entry("cpp_image_flow_skipped", [&]() -> SEXP {
    const auto images = flow_of(flow);
    std::vector<int> index;
    std::vector<std::string> why;
    for (const auto& [picture, reason] : newly ? images->take_skipped() : images->skipped()) {
      index.push_back(picture);
      why.push_back(reason);
    }
    return Rcpp::List::create(Rcpp::Named("index") = one_based(index), Rcpp::Named("why") = why);
  });
}

// A source for one feeder: the batches of whole passes, in order or shuffled. `workers`:
// list(workers, helpers).
// [[Rcpp::export(rng = false)]]
SEXP cpp_image_source(SEXP flow, SEXP pipeline, SEXP workers, double total, bool shuffle_batches) {
  return glue_entry("cpp_image_source", [&]() -> SEXP {
    ImageSource::Options options;
    options.workers = list_value<int>(workers, "workers");
    options.helpers = list_value<int>(workers, "helpers");
    options.total = static_cast<std::int64_t>(total);
    auto run = std::make_shared<FlowRun>(
        flow_of(flow), shuffle_batches ? BatchOrder::shuffled : BatchOrder::sequential);
    return make_handle<Source>(
        std::make_shared<ImageSource>(std::move(run), pipeline_from_r(pipeline), options),
        kSourceHandle);
  });
}

// [[Rcpp::export(rng = false)]]
double cpp_image_cached_bytes() { return static_cast<double>(cached_bytes()); }

// Cores this process may use.
// [[Rcpp::export(rng = false)]]
int cpp_image_cores() {
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}
