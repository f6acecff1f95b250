// Python's pickles read as data: nothing that a file asks for is ever executed. Numbers, texts,
// lists, tuples, dictionaries and numpy's arrays of them come through; any other object is refused.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "files/npy.h"

namespace hornet {

struct PickleNode;

struct PickleValue {
  enum class Kind : std::uint8_t { none, boolean, integer, real, text, list, dict, array, other };
  Kind kind = Kind::none;
  union {
    std::int64_t integer = 0;  // booleans, too
    double real;
    PickleNode* node;  // of the rest; belongs to the Pickle
  };
};

struct PickleNode {
  std::string text;                // texts and bytes; what an `other` is
  std::vector<PickleValue> items;  // lists and tuples; keys and values in turns; an array's objects
  std::vector<std::int64_t> integers;  // a list of nothing but integers, instead of items
  NumpyArray array;

  std::size_t size() const { return items.size() + integers.size(); }
  PickleValue at(std::size_t i) const;
};

// The values of a file. A node may be met more than once, and may contain itself.
struct Pickle {
  PickleValue root;
  std::vector<std::unique_ptr<PickleNode>> nodes;
};

// Arrays borrow from `bytes`. Throws Error saying what is wrong, or which object was refused.
Pickle read_pickle(const std::uint8_t* bytes, std::size_t size);

}  // namespace hornet
