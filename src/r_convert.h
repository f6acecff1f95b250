// What R code hands over as batches, and arrays on their way back. R's thread, if not said
// otherwise.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/convert.h"
#include "data/source.h"
#include "r_serve.h"

namespace hornet {

// Where the arrays of one batch are. Valid while R keeps the object they were found in.
struct BatchView {
  std::vector<ColumnMajor> inputs, targets, weights;  // weights of rank 0: none given
  std::vector<std::string> notes;                     // for the user: how factors were read

  void fill(Batch& batch) const;  // any thread: converts
};

// Finds the arrays in what a generator returned: list(inputs, targets) or list(inputs, targets,
// sample_weights), each an array or a list of arrays, by position or by name; where no targets are
// needed, also inputs alone. Throws Error with the actor, the batch number (1-based) and the
// element. Shapes are left to check().
BatchView view_batch(SEXP value, const FeedSpec& spec, std::int64_t batch_number);

// One array, vector, factor or data frame of numbers. `who` names it in errors.
ColumnMajor view_array(SEXP x, const std::string& who);

// Makes the data of every array in `value` addressable: R may allocate and jump in here, and
// nowhere in the functions above.
void materialise(SEXP value);

// "a data.frame of 32 x 5", "a character vector of length 3"
std::string description(SEXP x);

// A double array with these dimensions.
SEXP array_to_r(const float* data, const Shape& shape);
// A list of arrays.
SEXP arrays_to_r(const std::vector<HostTensor>& tensors);

FeedSpec spec_from_r(SEXP spec);

// The element of a list by name; R_NilValue if there is none.
SEXP element_of(SEXP list, const char* name);

}  // namespace hornet
