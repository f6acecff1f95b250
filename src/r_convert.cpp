#include "r_convert.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace hornet {
namespace {

bool has_class(SEXP x, const char* name) { return OBJECT(x) && Rf_inherits(x, name); }
bool is_list(SEXP x) { return TYPEOF(x) == VECSXP && !Rf_isFrame(x); }
bool is_array(SEXP x) {
  switch (TYPEOF(x)) {
    case REALSXP:
    case INTSXP:
    case LGLSXP:
    case RAWSXP:
      return true;
    default:
      return Rf_isFrame(x);
  }
}

const char* text_at(SEXP strings, R_xlen_t i) { return CHAR(STRING_ELT(strings, i)); }

std::string quote(const std::string& text) { return "\"" + text + "\""; }

std::string names_of(const std::vector<Port>& ports) {
  std::string text;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (i) text += i + 1 == ports.size() ? " and " : ", ";
    text += quote(ports[i].name);
  }
  return text;
}

std::string by_position(const char* group, std::size_t index, std::size_t count) {
  return count > 1 ? group + ("[[" + std::to_string(index + 1) + "]]") : group;
}

Dim frame_rows(SEXP frame) { return Rf_xlength(frame) ? Rf_xlength(VECTOR_ELT(frame, 0)) : 0; }

std::string joined(const Dim* dims, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    if (i) text += " x ";
    text += std::to_string(dims[i]);
  }
  return text;
}

std::vector<Dim> dims_of(SEXP x) {
  SEXP dim = Rf_getAttrib(x, R_DimSymbol);
  if (TYPEOF(dim) != INTSXP) return {static_cast<Dim>(Rf_xlength(x))};
  return std::vector<Dim>(INTEGER(dim), INTEGER(dim) + Rf_xlength(dim));
}

// The word for an atomic vector's type; none for plain numbers.
std::string type_word(SEXP x) {
  if (has_class(x, "integer64")) return "integer64 ";
  switch (TYPEOF(x)) {
    case STRSXP:
      return "character ";
    case CPLXSXP:
      return "complex ";
    case LGLSXP:
      return "logical ";
    case RAWSXP:
      return "raw ";
    default:
      return "";
  }
}

ColumnType column_type(SEXP x) {
  switch (TYPEOF(x)) {
    case REALSXP:
      return ColumnType::real;
    case RAWSXP:
      return ColumnType::byte;
    default:
      return ColumnType::integer;
  }
}

const void* data_of(SEXP x) {
  switch (TYPEOF(x)) {
    case REALSXP:
      return REAL(x);
    case INTSXP:
      return INTEGER(x);
    case LGLSXP:
      return LOGICAL(x);
    default:
      return RAW(x);
  }
}

ColumnMajor view_frame(SEXP frame, const std::string& who) {
  ColumnMajor view;
  const R_xlen_t count = Rf_xlength(frame);
  view.shape = {frame_rows(frame), static_cast<Dim>(count)};
  SEXP names = Rf_getAttrib(frame, R_NamesSymbol);
  for (R_xlen_t i = 0; i < count; ++i) {
    SEXP column = VECTOR_ELT(frame, i);
    const bool numbers =
        TYPEOF(column) == REALSXP || TYPEOF(column) == INTSXP || TYPEOF(column) == LGLSXP;
    if (!numbers || has_class(column, "factor") || has_class(column, "integer64") ||
        TYPEOF(Rf_getAttrib(column, R_DimSymbol)) == INTSXP) {
      const std::string name = TYPEOF(names) == STRSXP ? text_at(names, i) : std::to_string(i + 1);
      throw Error(who + ": expected a data.frame with numeric columns, column " + quote(name) +
                      " is " + description(column),
                  "value");
    }
    view.columns.push_back({column_type(column), data_of(column)});
  }
  return view;
}

// "a factor: 0 = cat, 1 = dog"
std::string class_order(SEXP factor) {
  SEXP levels = Rf_getAttrib(factor, R_LevelsSymbol);
  std::string text = "a factor, taken as classes ";
  const R_xlen_t count = TYPEOF(levels) == STRSXP ? Rf_xlength(levels) : 0;
  const R_xlen_t shown = std::min<R_xlen_t>(count, 10);
  for (R_xlen_t i = 0; i < shown; ++i) {
    if (i) text += ", ";
    text += std::to_string(i) + " = " + text_at(levels, i);
  }
  if (shown < count) text += ", ... (" + std::to_string(count) + " levels)";
  return text;
}

// Reads one batch; carries what every error names.
struct Reader {
  const FeedSpec& spec;
  std::int64_t batch_number;
  BatchView view;

  [[noreturn]] void fail(const std::string& message, const std::string& hint = "") const {
    Error error =
        Error(message, "value").where(spec.actor + ", batch " + std::to_string(batch_number));
    if (!hint.empty()) throw std::move(error).hint(hint);
    throw error;
  }

  ColumnMajor array(SEXP x, const std::string& who) {
    if (has_class(x, "factor")) view.notes.push_back(who + " is " + class_order(x) + ".");
    try {
      return view_array(x, who);
    } catch (Error& error) {
      throw std::move(error).where(spec.actor + ", batch " + std::to_string(batch_number));
    }
  }

  // The arrays of one group in the order of its ports.
  std::vector<ColumnMajor> group(SEXP x, const std::vector<Port>& ports, const char* name,
                                 const char* singular) {
    std::vector<ColumnMajor> arrays;
    if (!is_list(x)) {
      if (ports.size() > 1 && (is_array(x) || Rf_isNull(x))) {
        fail(std::string(name) + ": expected a list of " + std::to_string(ports.size()) +
             " arrays, for " + names_of(ports) + ", got " + description(x));
      }
      arrays.push_back(array(x, name));
      return arrays;
    }
    SEXP names = Rf_getAttrib(x, R_NamesSymbol);
    if (TYPEOF(names) == STRSXP) {
      for (std::size_t i = 0; i < ports.size(); ++i) {
        const R_xlen_t at = find(names, ports[i].name);
        if (at < 0) {
          fail(std::string(name) + ": no data for " + singular + " " + quote(ports[i].name) +
                   "; the model's are " + names_of(ports) + ", got " + description(x),
               "An unnamed list is taken in the model's order.");
        }
        arrays.push_back(array(VECTOR_ELT(x, at), by_position(name, i, ports.size())));
      }
      return arrays;
    }
    if (Rf_xlength(x) != static_cast<R_xlen_t>(ports.size())) {
      fail(std::string(name) + ": expected " + std::to_string(ports.size()) +
           (ports.size() == 1 ? " array" : " arrays") + ", for " + names_of(ports) + ", got " +
           description(x));
    }
    for (std::size_t i = 0; i < ports.size(); ++i) {
      arrays.push_back(
          array(VECTOR_ELT(x, static_cast<R_xlen_t>(i)), by_position(name, i, ports.size())));
    }
    return arrays;
  }

  static R_xlen_t find(SEXP names, const std::string& name) {
    for (R_xlen_t i = 0; i < Rf_xlength(names); ++i) {
      if (name == text_at(names, i)) return i;
    }
    return -1;
  }

  // One vector a target; NULL, alone or in the list, stands for none.
  void weights(SEXP x) {
    if (Rf_isNull(x)) return;
    const std::size_t count = spec.targets.size();
    const char* name = "sample_weights";
    view.weights.resize(count);
    if (!is_list(x)) {
      if (count > 1) {
        fail(std::string(name) + ": expected a list of " + std::to_string(count) +
             " vectors, for " + names_of(spec.targets) + ", got " + description(x));
      }
      view.weights[0] = array(x, name);
      return;
    }
    SEXP names = Rf_getAttrib(x, R_NamesSymbol);
    const bool named = TYPEOF(names) == STRSXP;
    if (!named && Rf_xlength(x) != static_cast<R_xlen_t>(count)) {
      fail(std::string(name) + ": expected " + std::to_string(count) +
           (count == 1 ? " vector" : " vectors") + ", got " + description(x));
    }
    if (named) {
      for (R_xlen_t i = 0; i < Rf_xlength(names); ++i) {
        const std::string given = text_at(names, i);
        const bool known = std::any_of(spec.targets.begin(), spec.targets.end(),
                                       [&](const Port& port) { return port.name == given; });
        if (!known) {
          fail(std::string(name) + ": there is no target " + quote(given) + "; the model's are " +
               names_of(spec.targets));
        }
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      const R_xlen_t at = named ? find(names, spec.targets[i].name) : static_cast<R_xlen_t>(i);
      if (at < 0 || Rf_isNull(VECTOR_ELT(x, at))) continue;
      view.weights[i] = array(VECTOR_ELT(x, at), by_position(name, i, count));
    }
  }

  // Positions of inputs, targets and weights in the outer list; -1: not there. False: unreadable.
  static bool roles(SEXP value, R_xlen_t at[3]) {
    const R_xlen_t count = Rf_xlength(value);
    SEXP names = Rf_getAttrib(value, R_NamesSymbol);
    bool named = false;
    if (TYPEOF(names) == STRSXP) {
      for (R_xlen_t i = 0; i < count; ++i) named = named || *text_at(names, i);
    }
    for (int role = 0; role < 3; ++role) at[role] = !named && role < count ? role : -1;
    if (!named) return true;
    static const char* const words[3][6] = {
        {"x", "inputs", "input", "features", nullptr, nullptr},
        {"y", "targets", "target", "labels", nullptr, nullptr},
        {"w", "weights", "sample_weight", "sample_weights", "weight", nullptr}};
    for (R_xlen_t i = 0; i < count; ++i) {
      int found = -1;
      for (int role = 0; role < 3; ++role) {
        for (const char* const* word = words[role]; *word; ++word) {
          if (!std::strcmp(*word, text_at(names, i))) found = role;
        }
      }
      if (found < 0 || at[found] >= 0) return false;
      at[found] = i;
    }
    return at[0] >= 0;
  }

  void pair(SEXP value) {
    R_xlen_t at[3];
    const R_xlen_t count = is_list(value) ? Rf_xlength(value) : 0;
    if (count < 2 || count > 3 || !roles(value, at) || at[1] < 0) {
      fail("expected list(inputs, targets) or list(inputs, targets, sample_weights), got " +
           description(value));
    }
    view.inputs = group(VECTOR_ELT(value, at[0]), spec.inputs, "inputs", "input");
    view.targets = group(VECTOR_ELT(value, at[1]), spec.targets, "targets", "target");
    if (spec.weighted && at[2] >= 0) weights(VECTOR_ELT(value, at[2]));
  }

  // Where targets are not needed: inputs alone, or what training would take.
  void inputs_only(SEXP value) {
    const std::size_t wanted = spec.inputs.size();
    SEXP inputs = value;
    if (is_list(value) && !names_inputs(value)) {
      const auto count = static_cast<std::size_t>(Rf_xlength(value));
      R_xlen_t at[3];
      const bool readable = count >= 1 && count <= 3 && roles(value, at);
      bool all_arrays = true;
      for (std::size_t i = 0; i < count; ++i) {
        all_arrays = all_arrays && is_array(VECTOR_ELT(value, static_cast<R_xlen_t>(i)));
      }
      const bool are_inputs = wanted > 1 && count == wanted && all_arrays;
      if (readable && !are_inputs) inputs = VECTOR_ELT(value, at[0]);
      if (!readable && !are_inputs) {
        fail("expected an array, list(inputs) or list(inputs, targets), got " + description(value));
      }
    } else if (!is_list(value) && !is_array(value)) {
      fail("expected an array, list(inputs) or list(inputs, targets), got " + description(value));
    }
    view.inputs = group(inputs, spec.inputs, "inputs", "input");
  }

  bool names_inputs(SEXP value) const {
    SEXP names = Rf_getAttrib(value, R_NamesSymbol);
    if (TYPEOF(names) != STRSXP) return false;
    return std::all_of(spec.inputs.begin(), spec.inputs.end(),
                       [&](const Port& port) { return find(names, port.name) >= 0; });
  }
};

void fill_group(const std::vector<ColumnMajor>& views, std::vector<HostTensor>& tensors) {
  tensors.resize(views.size());
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (views[i].shape.rank() == 0) continue;
    to_row_major(views[i], tensors[i].resize(views[i].shape));
  }
}

std::vector<Port> ports_from_r(SEXP list) {
  std::vector<Port> ports;
  if (Rf_isNull(list)) return ports;
  for (SEXP item : Rcpp::List(list)) {
    Port port;
    port.name = Rcpp::as<std::string>(element_of(item, "name"));
    const auto dims = Rcpp::as<std::vector<double>>(element_of(item, "dim"));
    port.shape = Shape(std::vector<Dim>(dims.begin(), dims.end()));
    SEXP classes = element_of(item, "classes");
    if (!Rf_isNull(classes)) port.classes = static_cast<std::int64_t>(Rcpp::as<double>(classes));
    ports.push_back(std::move(port));
  }
  return ports;
}

bool flag_of(SEXP list, const char* name, bool otherwise) {
  SEXP value = element_of(list, name);
  return Rf_isNull(value) ? otherwise : Rcpp::as<bool>(value);
}

void touch(SEXP value, int depth) {
  switch (TYPEOF(value)) {
    case REALSXP:
    case INTSXP:
    case LGLSXP:
    case RAWSXP:
      DATAPTR_RO(value);
      MARK_NOT_MUTABLE(value);
      break;
    case VECSXP:
      MARK_NOT_MUTABLE(value);
      for (R_xlen_t i = 0; depth && i < Rf_xlength(value); ++i) {
        touch(VECTOR_ELT(value, i), depth - 1);
      }
      break;
    default:
      break;
  }
}

}  // namespace

void materialise(SEXP value) {
  assert_r_thread("materialise()");
  r_protect([=]() -> SEXP {
    touch(value, 3);  // outer list, inner list, columns of a data frame
    return R_NilValue;
  });
}

std::string description(SEXP x) {
  if (Rf_isNull(x)) return "NULL";
  if (Rf_isFrame(x)) {
    return "a data.frame of " + std::to_string(frame_rows(x)) + " x " +
           std::to_string(Rf_xlength(x));
  }
  if (has_class(x, "factor")) return "a factor of length " + std::to_string(Rf_xlength(x));
  if (IS_S4_OBJECT(x) || (OBJECT(x) && !Rf_isVectorAtomic(x))) {
    SEXP cls = Rf_getAttrib(x, R_ClassSymbol);
    if (TYPEOF(cls) == STRSXP && Rf_xlength(cls)) {
      return std::string("an object of class ") + quote(text_at(cls, 0));
    }
  }
  if (TYPEOF(x) == VECSXP) {
    std::string text = "a list of " + std::to_string(Rf_xlength(x));
    SEXP names = Rf_getAttrib(x, R_NamesSymbol);
    if (TYPEOF(names) == STRSXP && Rf_xlength(names) <= 6) {
      text += " with names";
      for (R_xlen_t i = 0; i < Rf_xlength(names); ++i) {
        text += (i ? ", " : " ") + quote(text_at(names, i));
      }
    }
    return text;
  }
  if (Rf_isVectorAtomic(x)) {
    const std::string type = type_word(x);
    const char* article = type == "integer64 " ? "an " : "a ";
    SEXP dim = Rf_getAttrib(x, R_DimSymbol);
    if (TYPEOF(dim) != INTSXP) {
      return article + type + "vector of length " + std::to_string(Rf_xlength(x));
    }
    const std::vector<Dim> dims = dims_of(x);
    if (dims.size() == 2) return article + type + "matrix of " + joined(dims.data(), 2);
    return (type.empty() ? "an " : article + type) + "array of " + joined(dims.data(), dims.size());
  }
  if (Rf_isFunction(x)) return "a function";
  return std::string("an object of type ") + quote(Rf_type2char(TYPEOF(x)));
}

ColumnMajor view_array(SEXP x, const std::string& who) {
  if (Rf_isFrame(x)) return view_frame(x, who);
  if (has_class(x, "integer64")) {
    throw Error(who + ": expected numbers, got " + description(x), "value")
        .hint("Convert it with as.integer() or as.double().");
  }
  if (!is_array(x)) throw Error(who + ": expected numbers, got " + description(x), "value");
  ColumnMajor view;
  view.type = column_type(x);
  view.data = data_of(x);
  view.shape = Shape(dims_of(x));
  view.from_one = has_class(x, "factor");
  return view;
}

BatchView view_batch(SEXP value, const FeedSpec& spec, std::int64_t batch_number) {
  assert_r_thread("view_batch()");
  Reader reader{spec, batch_number, {}};
  if (spec.needs_targets) {
    reader.pair(value);
  } else {
    reader.inputs_only(value);
  }
  return std::move(reader.view);
}

void BatchView::fill(Batch& batch) const {
  fill_group(inputs, batch.inputs);
  fill_group(targets, batch.targets);
  if (!weights.empty()) fill_group(weights, batch.weights);
}

SEXP array_to_r(const float* data, const Shape& shape) {
  const auto size = static_cast<R_xlen_t>(shape.numel());
  const int rank = shape.rank();
  const Dim* dims = shape.dims().data();
  SEXP array = r_protect([=]() -> SEXP {
    SEXP made = PROTECT(Rf_allocVector(REALSXP, size));
    SEXP dim = PROTECT(Rf_allocVector(INTSXP, rank));
    for (int i = 0; i < rank; ++i) INTEGER(dim)[i] = static_cast<int>(dims[i]);
    Rf_setAttrib(made, R_DimSymbol, dim);
    UNPROTECT(2);
    return made;
  });
  to_column_major(data, shape, REAL(array));
  return array;
}

SEXP arrays_to_r(const std::vector<HostTensor>& tensors) {
  Rcpp::List list(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    list[static_cast<R_xlen_t>(i)] = array_to_r(tensors[i].data(), tensors[i].shape);
  }
  return list;
}

SEXP element_of(SEXP list, const char* name) {
  SEXP names = Rf_getAttrib(list, R_NamesSymbol);
  if (TYPEOF(list) != VECSXP || TYPEOF(names) != STRSXP) return R_NilValue;
  const R_xlen_t at = Reader::find(names, name);
  return at < 0 ? R_NilValue : VECTOR_ELT(list, at);
}

FeedSpec spec_from_r(SEXP list) {
  FeedSpec spec;
  SEXP actor = element_of(list, "actor");
  if (!Rf_isNull(actor)) spec.actor = Rcpp::as<std::string>(actor);
  spec.inputs = ports_from_r(element_of(list, "inputs"));
  spec.targets = ports_from_r(element_of(list, "targets"));
  spec.needs_targets = flag_of(list, "needs_targets", true);
  spec.weighted = flag_of(list, "weighted", true);
  SEXP weights = element_of(list, "class_weights");
  if (!Rf_isNull(weights)) {
    for (SEXP by_class : Rcpp::List(weights)) {
      spec.class_weights.push_back(Rf_isNull(by_class) ? std::vector<double>()
                                                       : Rcpp::as<std::vector<double>>(by_class));
    }
  }
  return spec;
}

}  // namespace hornet
