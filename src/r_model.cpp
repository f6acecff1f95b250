// Variables and compiled functions in R's hands.
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/devices.h"
#include "exec/executable.h"
#include "r_array.h"
#include "r_graph.h"
#include "r_serve.h"

using namespace hornet;

namespace {

std::shared_ptr<Variables> variables_of(SEXP handle) {
  return get_handle<Variables>(handle, kVariablesHandle);
}

void check_id(const Variables& variables, int id) {
  if (id < 0 || id >= variables.size())
    throw Error("there is no variable " + std::to_string(id), "value");
}

// The R array (or number) as bytes of that spec.
AlignedBuffer buffer_from_r(SEXP value, const TensorSpec& spec, const std::string& what) {
  const RArray array(value, what);
  if (!array.is_number() && Shape(array.dims) != spec.shape)
    throw shape_error(what + ": expected shape " + spec.shape.to_string() + ", got " +
                      Shape(array.dims).to_string());
  Tensor tensor{nullptr, spec};
  AlignedBuffer buffer(tensor.bytes());
  tensor.data = buffer.data();
  to_tensor(array, tensor);
  return buffer;
}

// A tensor with memory of its own.
struct OwnTensor {
  AlignedBuffer buffer;
  TensorSpec spec;

  explicit OwnTensor(TensorSpec s) : buffer(Tensor{nullptr, s}.bytes()), spec(std::move(s)) {}
  Tensor view() const { return {buffer.data(), spec}; }
};

// What the worker reads of one feed.
struct Feed {
  RArray array;
  TensorSpec spec;  // concrete
};

// A plain vector is fed as its length; a number also where a scalar is expected.
std::vector<Feed> feeds_from_r(const Rcpp::List& arrays, const std::vector<TensorSpec>& specs,
                               bool f64) {
  std::vector<Feed> feeds;
  for (R_xlen_t i = 0; i < arrays.size(); ++i) {
    Feed feed{RArray(arrays[i], "input " + std::to_string(i + 1)), {}};
    const bool known = i < static_cast<R_xlen_t>(specs.size());
    const bool scalar = known && specs[i].shape.rank() == 0 && feed.array.is_number();
    feed.spec.shape = scalar ? Shape() : Shape(feed.array.dims);
    feed.spec.dtype = known ? specs[i].dtype : DType::f32;
    if (f64 && feed.spec.dtype == DType::f32) feed.spec.dtype = DType::f64;
    feeds.push_back(std::move(feed));
  }
  return feeds;
}

// Converts the feeds, runs once, copies the results. Worker thread.
std::vector<OwnTensor> run_once(Function& function, const std::vector<Feed>& feeds,
                                PlanOptions options, const StopFlag& stop) {
  std::vector<OwnTensor> converted;
  std::vector<Tensor> views;
  for (const Feed& feed : feeds) {
    converted.emplace_back(feed.spec);
    to_tensor(feed.array, converted.back().view());
    views.push_back(converted.back().view());
  }
  options.batch = function.batch_of(views);
  std::vector<OwnTensor> results;
  const auto executable = function.executable(options);
  const auto copy = [&](const std::vector<Tensor>& fetched) {
    for (const Tensor& tensor : fetched) {
      results.emplace_back(tensor.spec);
      if (tensor.bytes() > 0)
        std::memcpy(results.back().buffer.data(), tensor.data, tensor.bytes());
    }
  };
  try {
    executable->run(views, copy, &stop);
  } catch (const RunStopped&) { throw Stopped(); }
  return results;
}

}  // namespace

// [[Rcpp::export(rng = false)]]
SEXP cpp_variables() {
  return glue_entry("cpp_variables", [&]() -> SEXP {
    return make_handle(std::make_shared<Variables>(), kVariablesHandle);
  });
}

// `value`: an array of that shape, or one number to fill it with. Returns the id.
// [[Rcpp::export(rng = false)]]
SEXP cpp_variable_add(SEXP variables, std::string name, SEXP dim, std::string dtype, SEXP value) {
  return glue_entry("cpp_variable_add", [&]() -> SEXP {
    const auto v = variables_of(variables);
    const TensorSpec spec{dtype_from_r(dtype), shape_from_r(dim)};
    if (spec.shape.is_symbolic())
      throw shape_error(name + ": the shape of a variable must be known, it is " +
                        spec.shape.to_string());
    const AlignedBuffer buffer = buffer_from_r(value, spec, name);
    const int id = v->add(name, spec);
    v->write(id, buffer.data(), buffer.bytes());
    return Rcpp::wrap(id);
  });
}

// Lets `variables` refer to a variable of `owner`. Returns the id it has there.
// [[Rcpp::export(rng = false)]]
SEXP cpp_variable_share(SEXP variables, SEXP owner, int id) {
  return glue_entry("cpp_variable_share", [&]() -> SEXP {
    return Rcpp::wrap(variables_of(variables)->share(variables_of(owner), id));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_variable_get(SEXP variables, int id) {
  return glue_entry("cpp_variable_get", [&]() -> SEXP {
    const auto v = variables_of(variables);
    check_id(*v, id);
    const OwnTensor copy(v->spec(id));
    v->read(id, copy.buffer.data(), copy.buffer.bytes());
    return to_r(copy.view());
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_variable_set(SEXP variables, int id, SEXP value) {
  return glue_entry("cpp_variable_set", [&]() -> SEXP {
    const auto v = variables_of(variables);
    check_id(*v, id);
    const AlignedBuffer buffer = buffer_from_r(value, v->spec(id), v->name(id));
    v->write(id, buffer.data(), buffer.bytes());
    return R_NilValue;
  });
}

// [[Rcpp::export(rng = false)]]
SEXP cpp_variable_info(SEXP variables) {
  return glue_entry("cpp_variable_info", [&]() -> SEXP {
    const auto v = variables_of(variables);
    Rcpp::CharacterVector names(v->size()), dtypes(v->size());
    Rcpp::List dims(v->size());
    for (int id = 0; id < v->size(); ++id) {
      names[id] = v->name(id);
      dtypes[id] = name_of(v->spec(id).dtype);
      dims[id] = dim_to_r(v->spec(id).shape);
    }
    return Rcpp::List::create(Rcpp::Named("name") = names, Rcpp::Named("dim") = dims,
                              Rcpp::Named("dtype") = dtypes);
  });
}

// `fetches`: values to compute; `updates`: results of stateful operations.
// [[Rcpp::export(rng = false)]]
SEXP cpp_function(SEXP graph, SEXP variables, SEXP fetches, SEXP updates) {
  return glue_entry("cpp_function", [&]() -> SEXP {
    const auto g = get_handle<Graph>(graph, kGraphHandle);
    const Targets targets{values_from_r(fetches), values_from_r(updates)};
    for (const auto& values : {targets.fetches, targets.updates})
      for (Value value : values)
        if (value.node < 0 || value.node >= g->size() || value.output < 0 ||
            value.output >= static_cast<int>(g->node(value).outputs.size()))
          throw Error("a value to compute is not one of this graph", "value");
    return make_handle(std::make_shared<Function>(*g, targets, variables_of(variables)),
                       kFunctionHandle);
  });
}

// `feeds`: arrays in the order of the inputs' indices. `reference`: node by node on the reference
// back end, nothing fused; `f64`: in double precision; `device`: number of a GPU, -1 for the host.
// [[Rcpp::export(rng = false)]]
SEXP cpp_function_run(SEXP fn, Rcpp::List feeds, bool f64 = false, bool reference = false,
                      int device = -1) {
  return glue_entry("cpp_function_run", [&]() -> SEXP {
    const auto function = get_handle<Function>(fn, kFunctionHandle);
    PlanOptions options;
    options.f64 = f64;
    options.reference_only = reference;
    if (device >= 0) options.device = open_device(device);
    const std::vector<Feed> arrays = feeds_from_r(feeds, function->feeds(), f64);
    std::vector<OwnTensor> results;
    RunLoop loop;
    serve_while(
        loop, [] {}, [&] { results = run_once(*function, arrays, options, loop.stop_flag()); });
    Rcpp::List arrays_out(results.size());
    for (std::size_t i = 0; i < results.size(); ++i) arrays_out[i] = to_r(results[i].view());
    return arrays_out;
  });
}

// The plan for a batch size: steps, places, back ends, memory.
// [[Rcpp::export(rng = false)]]
SEXP cpp_function_text(SEXP fn, double batch, bool f64 = false, bool reference = false,
                       int device = -1) {
  return glue_entry("cpp_function_text", [&]() -> SEXP {
    const auto function = get_handle<Function>(fn, kFunctionHandle);
    PlanOptions options;
    options.batch = static_cast<Dim>(batch);
    options.f64 = f64;
    options.reference_only = reference;
    if (device >= 0) options.device = open_device(device);
    const auto executable = function->executable(options);
    return Rcpp::wrap(to_string(executable->plan(), function->program(reference).graph));
  });
}
