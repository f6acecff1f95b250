// Arrays as numpy writes them: the .npy format, and the parts of it that pickles contain.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hornet {

// "<i8": kind 'i', 8 bytes, little end first. Kinds: b(oolean), i(nteger), u(nsigned), f(loat) and
// O(bject: a pickle has the values).
struct NumpyType {
  char kind = 'f';
  int bytes = 8;
  bool big_endian = false;
};

// Throws Error for types that are none of these.
NumpyType numpy_type(const std::string& code);

// Borrows its values from the file's bytes.
struct NumpyArray {
  NumpyType type;
  std::vector<std::int64_t> shape;  // empty: one number
  bool column_major = false;
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;  // bytes at `data`; of numbers, as many as the shape says

  std::int64_t length() const;
  // Value `i` in the order of the file; whole numbers beyond 2^53 are rounded.
  double value(std::int64_t i) const;
};

// Throws Error if the shape says more, or less, than `size` bytes hold.
void check_size(const NumpyArray& array);

// A whole .npy file. Throws Error saying what is wrong with it.
NumpyArray read_npy(const std::uint8_t* bytes, std::size_t size);

}  // namespace hornet
