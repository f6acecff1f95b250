// What a batch must look like, and the words for one that does not.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "base/error.h"
#include "data/source.h"

namespace hornet {
namespace {

const Shape kVector{1};

// "generator, batch 7"
std::string actor_of(const FeedSpec& spec, std::int64_t batch_number) {
  if (batch_number <= 0) return spec.actor;
  return spec.actor + ", batch " + std::to_string(batch_number);
}

// "inputs", or "inputs[[2]]" where there are several
std::string element(const char* group, std::size_t index, std::size_t count) {
  std::string text = group;
  if (count > 1) text += "[[" + std::to_string(index + 1) + "]]";
  return text;
}

std::string count_of(std::size_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string number(double x) {
  if (std::isnan(x)) return "NA";
  char text[32];
  std::snprintf(text, sizeof text, "%g", x);
  return text;
}

bool fits(const Shape& shape, const Shape& expected) {
  if (shape.rank() != expected.rank()) return false;
  for (int axis = 1; axis < shape.rank(); ++axis) {
    if (expected[axis] >= 0 && shape[axis] != expected[axis]) return false;
  }
  return true;
}

// A vector of n is n rows of one column, and the other way round.
void match_column(HostTensor& tensor, const Shape& expected) {
  Shape& shape = tensor.shape;
  if (shape.rank() == 1 && expected.rank() == 2 && expected[1] == 1) shape = {shape[0], 1};
  if (shape.rank() == 2 && shape[1] == 1 && expected.rank() == 1) shape = {shape[0]};
}

// What usually lies behind a shape that does not fit; may be empty.
std::string shape_hint(const Shape& got, const Shape& expected, bool is_target) {
  const Dim columns = expected.rank() == 2 ? expected[1] : -1;
  const bool column = got.rank() == 1 || (got.rank() == 2 && got[1] == 1);
  if (is_target && column && columns > 1) {
    return "Class labels need to_categorical(), or the loss \"sparse_categorical_crossentropy\".";
  }
  if (!is_target && column && columns > 1 && got[0] == columns) {
    return "One row of a matrix is a plain vector in R: use x[i, , drop = FALSE].";
  }
  if (got.rank() + 1 == expected.rank()) {
    bool one_image = true, no_channels = expected[expected.rank() - 1] == 1;
    for (int axis = 0; axis < got.rank(); ++axis) {
      if (expected[axis + 1] >= 0 && got[axis] != expected[axis + 1]) one_image = false;
      if (axis && expected[axis] >= 0 && got[axis] != expected[axis]) no_channels = false;
    }
    if (no_channels) return "The last dimension is missing: dim(x) <- c(dim(x), 1).";
    if (one_image) return "The dimension of the rows is missing: keep it with drop = FALSE.";
  }
  return "";
}

struct Checker {
  const FeedSpec& spec;
  std::int64_t batch_number;

  [[noreturn]] void fail(const std::string& message, const std::string& hint = "",
                         const char* kind = "value") const {
    Error error = Error(message, kind).where(actor_of(spec, batch_number));
    if (!hint.empty()) throw std::move(error).hint(hint);
    throw error;
  }

  void group(std::vector<HostTensor>& tensors, const std::vector<Port>& ports, const char* name,
             const char* singular) const {
    if (tensors.size() != ports.size()) {
      fail("expected " + count_of(ports.size(), singular) + ", got " +
               count_of(tensors.size(), "array"),
           "", "shape");
    }
    const bool is_target = &ports == &spec.targets;
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const std::string who = element(name, i, ports.size());
      HostTensor& tensor = tensors[i];
      match_column(tensor, ports[i].shape);
      if (!fits(tensor.shape, ports[i].shape)) {
        fail(who + ": expected shape " + ports[i].shape.to_string() + " for " + singular + " \"" +
                 ports[i].name + "\", got " + tensor.shape.to_string(),
             shape_hint(tensor.shape, ports[i].shape, is_target), "shape");
      }
      if (tensor.shape[0] == 0) fail(who + ": expected at least one row, got none", "", "shape");
      if (ports[i].classes > 0) whole_numbers(tensor, ports[i], who, is_target);
    }
  }

  // Labels of a sparse loss, or ids for an embedding.
  void whole_numbers(const HostTensor& tensor, const Port& port, const std::string& who,
                     bool is_target) const {
    const Dim n = tensor.shape.numel(), per_row = n / tensor.shape[0];
    const float* values = tensor.data();
    const float classes = static_cast<float>(port.classes);
    for (Dim i = 0; i < n; ++i) {
      const float value = values[i];
      if (value >= 0 && value < classes && value == std::floor(value)) continue;
      const bool from_one = *std::min_element(values, values + n) >= 1 &&
                            *std::max_element(values, values + n) == classes;
      const std::string last = std::to_string(port.classes - 1);
      const std::string expected = is_target
                                       ? "labels 0 to " + last + " for target \"" + port.name +
                                             "\" (" + std::to_string(port.classes) + " classes)"
                                       : "ids 0 to " + last + " for input \"" + port.name +
                                             "\" (`input_dim` of its embedding is " +
                                             std::to_string(port.classes) + ")";
      const char* hint = is_target ? "Labels start at 0: subtract 1 from labels that start at 1."
                                   : "Ids count from 0: `input_dim` is one more than the largest.";
      fail(who + ": expected " + expected + ", got " + number(value) + " in row " +
               std::to_string(i / per_row + 1),
           from_one ? hint : "");
    }
  }

  void rows(const std::vector<HostTensor>& tensors, const char* name, Dim expected) const {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i].shape.rank() == 0 || tensors[i].shape[0] == expected) continue;
      fail(element(name, i, tensors.size()) + ": expected " + std::to_string(expected) +
               " rows, as in the first input, got " + std::to_string(tensors[i].shape[0]),
           "", "shape");
    }
  }

  void weights(const Batch& batch) const {
    if (batch.weights.size() > spec.targets.size()) {
      fail("expected sample weights for " + count_of(spec.targets.size(), "target") + ", got " +
               count_of(batch.weights.size(), "vector"),
           "", "shape");
    }
    for (std::size_t i = 0; i < batch.weights.size(); ++i) {
      if (batch.weights[i].shape.rank() <= 1) continue;
      fail(element("sample_weights", i, spec.targets.size()) +
               ": expected a vector with one weight a row, got shape " +
               batch.weights[i].shape.to_string(),
           "", "shape");
    }
    rows(batch.weights, "sample_weights", batch.rows);
  }
};

// The class of each row: the column with the largest value, or the value of the only column.
void class_weights(const Checker& checker, const HostTensor& target, const Port& port,
                   const std::vector<double>& by_class, float* weights) {
  if (target.shape.rank() > 2) {
    checker.fail("class weights need targets with one class a row; target \"" + port.name +
                 "\" has shape " + target.shape.to_string());
  }
  const Dim rows = target.shape[0], columns = target.shape.numel() / rows;
  const float* row = target.data();
  for (Dim i = 0; i < rows; ++i, row += columns) {
    const double value =
        columns == 1 ? row[0] : static_cast<double>(std::max_element(row, row + columns) - row);
    const bool known = value >= 0 && value < static_cast<double>(by_class.size()) &&
                       value == std::floor(value) &&
                       !std::isnan(by_class[static_cast<std::size_t>(value)]);
    if (!known) {
      checker.fail("class_weight has no weight for class " + number(value) + " of target \"" +
                       port.name + "\" (row " + std::to_string(i + 1) + ")",
                   "Every class that occurs in the data needs an entry.");
    }
    weights[i] = static_cast<float>(by_class[static_cast<std::size_t>(value)]);
  }
}

}  // namespace

void check(Batch& batch, const FeedSpec& spec, std::int64_t batch_number) {
  const Checker checker{spec, batch_number};
  checker.group(batch.inputs, spec.inputs, "inputs", "input");
  batch.rows = batch.inputs.empty() ? 0 : batch.inputs[0].shape[0];
  checker.rows(batch.inputs, "inputs", batch.rows);
  if (!spec.needs_targets) return;
  checker.group(batch.targets, spec.targets, "targets", "target");
  checker.rows(batch.targets, "targets", batch.rows);
  if (spec.weighted) checker.weights(batch);
}

void weigh(Batch& batch, const FeedSpec& spec, std::int64_t batch_number) {
  if (!spec.needs_targets || !spec.weighted) return;
  batch.weights.resize(spec.targets.size());
  for (std::size_t i = 0; i < spec.targets.size(); ++i) {
    HostTensor& weights = batch.weights[i];
    if (weights.shape.rank() == 1) continue;  // given; they win over class weights
    float* values = weights.resize(kVector, batch.rows);
    if (i < spec.class_weights.size() && !spec.class_weights[i].empty()) {
      class_weights({spec, batch_number}, batch.targets[i], spec.targets[i], spec.class_weights[i],
                    values);
    } else {
      std::fill(values, values + batch.rows, 1.0f);
    }
  }
}

void check_and_weigh(Batch& batch, const FeedSpec& spec, std::int64_t batch_number) {
  check(batch, spec, batch_number);
  weigh(batch, spec, batch_number);
}

}  // namespace hornet
