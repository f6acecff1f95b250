// Data files of Python -> R: numpy's arrays and pickles.
#include <Rcpp.h>

#include <climits>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "files/npy.h"
#include "files/pickle.h"
#include "image/random.h"
#include "r_places.h"
#include "r_serve.h"

using namespace hornet;

namespace {

// Calls put(place in R's order, place in the file's order) for every value.
template <class Put>
void reorder(const NumpyArray& array, Put put) {
  const std::int64_t n = array.length();
  if (array.column_major || array.shape.size() < 2 || n == 0) {
    for (std::int64_t i = 0; i < n; ++i) put(i, i);
    return;
  }
  std::vector<std::size_t> axes(array.shape.size());
  std::iota(axes.begin(), axes.end(), std::size_t{0});
  visit_places(column_major_offsets(array.shape, axes, 1), array.shape[0], put);
}

bool fits_integer(double value) { return std::fabs(value) <= INT_MAX; }

bool all_fit_integer(const NumpyArray& array) {
  if (array.type.bytes < 4) return true;
  const std::int64_t n = array.length();
  for (std::int64_t i = 0; i < n; ++i) {
    if (!fits_integer(array.value(i))) return false;
  }
  return true;
}

template <int Type, class Number>
Rcpp::RObject numbers(const NumpyArray& array) {
  Rcpp::Vector<Type> result(static_cast<R_xlen_t>(array.length()));
  Number* out = result.begin();
  if (array.type.bytes == 1 && array.type.kind != 'i') {
    reorder(array, [&](R_xlen_t to, std::int64_t from) {
      out[to] = static_cast<Number>(array.data[from]);
    });
  } else {
    reorder(array, [&](R_xlen_t to, std::int64_t from) {
      out[to] = static_cast<Number>(array.value(from));
    });
  }
  return result;
}

// Values become R objects; how many is bounded, since a file can name one list many times.
class Converter {
 public:
  explicit Converter(std::size_t file_bytes) : left_(8 * file_bytes + 1000) {}

  Rcpp::RObject convert(const PickleValue& value, int depth = 0) {
    if (depth > 100) throw Error("its lists are nested too deeply, or contain themselves", "data");
    spend(1);
    switch (value.kind) {
      case PickleValue::Kind::none:
        return R_NilValue;
      case PickleValue::Kind::boolean:
        return Rcpp::wrap(value.integer != 0);
      case PickleValue::Kind::integer:
        return integers({value.integer});
      case PickleValue::Kind::real:
        return Rcpp::wrap(value.real);
      case PickleValue::Kind::text:
        return text(value.node->text);
      case PickleValue::Kind::list:
        if (!value.node->integers.empty()) return integers(value.node->integers);
        return list(value.node->items, depth);
      case PickleValue::Kind::dict:
        return dictionary(value.node->items, depth);
      case PickleValue::Kind::array:
        return array(*value.node, depth);
      case PickleValue::Kind::other:
        break;
    }
    throw Error("it contains an unfinished object of Python", "data");
  }

  Rcpp::RObject array(const PickleNode& node, int depth) {
    const NumpyArray& array = node.array;
    spend(static_cast<std::size_t>(array.length()));
    Rcpp::RObject result;
    if (array.type.kind == 'O') {
      Rcpp::List objects(static_cast<R_xlen_t>(array.length()));
      reorder(array, [&](R_xlen_t to, std::int64_t from) {
        objects[to] = convert(node.items[static_cast<std::size_t>(from)], depth + 1);
      });
      result = objects;
      if (array.shape.size() < 2) return result;
    } else if (array.type.kind == 'b') {
      result = numbers<LGLSXP, int>(array);
    } else if (array.type.kind == 'f' || !all_fit_integer(array)) {
      result = numbers<REALSXP, double>(array);
    } else {
      result = numbers<INTSXP, int>(array);
    }
    if (!array.shape.empty())
      result.attr("dim") = Rcpp::IntegerVector(array.shape.begin(), array.shape.end());
    return result;
  }

 private:
  void spend(std::size_t values) {
    if (values > left_) throw Error("it repeats its contents too often to be data", "data");
    left_ -= values;
  }
  Rcpp::RObject integers(const std::vector<std::int64_t>& from) {
    spend(from.size());
    for (std::int64_t value : from) {
      if (!fits_integer(static_cast<double>(value)))
        return Rcpp::NumericVector(from.begin(), from.end());
    }
    return Rcpp::IntegerVector(from.begin(), from.end());
  }
  // Bytes that are no text are raw.
  Rcpp::RObject text(const std::string& bytes) {
    spend(bytes.size());
    if (bytes.find('\0') != std::string::npos) return Rcpp::RawVector(bytes.begin(), bytes.end());
    return Rcpp::CharacterVector(1, Rcpp::String(bytes, CE_UTF8));
  }
  Rcpp::RObject list(const std::vector<PickleValue>& items, int depth) {
    Rcpp::List result(static_cast<R_xlen_t>(items.size()));
    for (std::size_t i = 0; i < items.size(); ++i)
      result[static_cast<R_xlen_t>(i)] = convert(items[i], depth + 1);
    return result;
  }
  Rcpp::RObject dictionary(const std::vector<PickleValue>& pairs, int depth) {
    const auto n = static_cast<R_xlen_t>(pairs.size() / 2);
    Rcpp::List result(n);
    Rcpp::CharacterVector names(n);
    for (R_xlen_t i = 0; i < n; ++i) {
      const PickleValue& key = pairs[static_cast<std::size_t>(2 * i)];
      if (key.kind == PickleValue::Kind::text) {
        names[i] = Rcpp::String(key.node->text.c_str(), CE_UTF8);
      } else if (key.kind == PickleValue::Kind::integer) {
        names[i] = std::to_string(key.integer);
      } else {
        throw Error("a dictionary has keys that are neither texts nor whole numbers", "data");
      }
      result[i] = convert(pairs[static_cast<std::size_t>(2 * i + 1)], depth + 1);
    }
    result.attr("names") = names;
    return result;
  }

  std::size_t left_;
};

}  // namespace

// bytes: a .npy file. An array of numbers, or of a list of objects.
// [[Rcpp::export(rng = false)]]
SEXP cpp_read_npy(SEXP bytes) {
  return glue_entry("cpp_read_npy", [&]() -> SEXP {
    const auto size = static_cast<std::size_t>(Rf_xlength(bytes));
    PickleNode node;
    node.array = read_npy(RAW(bytes), size);
    Converter converter(size);
    if (node.array.type.kind != 'O') return converter.array(node, 0);
    const Pickle pickle = read_pickle(node.array.data, node.array.size);
    return converter.convert(pickle.root);
  });
}

// bytes: a pickle. Lists of integers come as vectors, dictionaries as named lists.
// [[Rcpp::export(rng = false)]]
SEXP cpp_read_pickle(SEXP bytes) {
  return glue_entry("cpp_read_pickle", [&]() -> SEXP {
    const auto size = static_cast<std::size_t>(Rf_xlength(bytes));
    const Pickle pickle = read_pickle(RAW(bytes), size);
    return Converter(size).convert(pickle.root);
  });
}

// Values of an array as files of numpy's kinds have them: type as in "<i4", last axis fastest.
// [[Rcpp::export(rng = false)]]
SEXP cpp_read_values(SEXP bytes, SEXP type, SEXP dim) {
  return glue_entry("cpp_read_values", [&]() -> SEXP {
    PickleNode node;
    node.array.type = numpy_type(Rcpp::as<std::string>(type));
    for (double size : Rcpp::as<std::vector<double>>(dim))
      node.array.shape.push_back(static_cast<std::int64_t>(size));
    node.array.data = RAW(bytes);
    node.array.size = static_cast<std::size_t>(Rf_xlength(bytes));
    if (node.array.type.kind == 'O') throw Error("values must be numbers", "value");
    check_size(node.array);
    return Converter(node.array.size).array(node, 0);
  });
}

// One permutation of 1..n for each `n` of sizes, from one stream of numpy's legacy generator.
// [[Rcpp::export(rng = false)]]
SEXP cpp_numpy_permutations(double seed, SEXP sizes) {
  return glue_entry("cpp_numpy_permutations", [&]() -> SEXP {
    NumpyRandom random(static_cast<std::uint32_t>(static_cast<std::uint64_t>(seed)));
    Rcpp::List result;
    std::vector<int> order;
    for (int n : Rcpp::as<std::vector<int>>(sizes)) {
      random.permutation(n, order);
      Rcpp::IntegerVector from_one(order.begin(), order.end());
      for (int& i : from_one) ++i;
      result.push_back(from_one);
    }
    return result;
  });
}
