// Files of Python that are damaged or hostile: numpy's arrays and pickles, truncated at every
// length and with random bytes changed. Each is read or refused by an Error; the sanitizers watch.
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "files/npy.h"
#include "files/pickle.h"

using namespace hornet;

namespace {

using Bytes = std::vector<std::uint8_t>;
std::mt19937 generator(20241128);

Bytes bytes_of(const std::string& text) { return Bytes(text.begin(), text.end()); }

Bytes npy_file(const std::string& type, const std::string& shape, std::size_t values) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.resize(118, ' ');
  Bytes file = bytes_of("\x93NUMPY\x01");
  file.push_back(0);
  file.push_back(static_cast<std::uint8_t>(header.size()));
  file.push_back(0);
  file.insert(file.end(), header.begin(), header.end());
  for (std::size_t i = 0; i < values; ++i) file.push_back(static_cast<std::uint8_t>(i));
  return file;
}

// A text with zeros in it.
template <std::size_t N>
std::string literal(const char (&text)[N]) {
  return std::string(text, N - 1);
}

// {'x': array([[0, 1, 2], [3, 4, 5]], '<i2'), 'y': [1, 2.5, 'text']}, protocol 2.
Bytes pickle_file() {
  return bytes_of(literal("\x80\x02}q\0(X\x01\0\0\0x") +
                  literal("cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01"
                          "b\x87R") +
                  literal("(K\x01K\x02K\x03\x86"
                          "cnumpy\ndtype\nU\x02i2\x89\x88\x87R") +
                  literal("(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89") +
                  literal("U\x0c\0\0\x01\0\x02\0\x03\0\x04\0\x05\0tb") +
                  literal("X\x01\0\0\0y](K\x01G\x40\x04\0\0\0\0\0\0U\x04texteu."));
}

// What a walk over everything adds up to; ends although lists may contain themselves.
double total(const PickleValue& value, int depth, int& left) {
  if (depth > 20 || --left < 0) return 0;
  switch (value.kind) {
    case PickleValue::Kind::integer:
    case PickleValue::Kind::boolean:
      return static_cast<double>(value.integer);
    case PickleValue::Kind::real:
      return value.real;
    case PickleValue::Kind::none:
      return 0;
    default:
      break;
  }
  double sum = static_cast<double>(value.node->text.size());
  for (std::size_t i = 0; i < value.node->size(); ++i)
    sum += total(value.node->at(i), depth + 1, left);
  const NumpyArray& array = value.node->array;
  if (array.data) {
    for (std::int64_t i = 0; i < array.length(); ++i) sum += array.value(i);
  }
  return sum;
}

// 1 if the bytes are read.
int read_as_pickle(const Bytes& bytes) {
  try {
    const Pickle pickle = read_pickle(bytes.data(), bytes.size());
    int left = 10000;
    volatile double sum = total(pickle.root, 0, left);
    (void)sum;
  } catch (const Error&) { return 0; }
  return 1;
}

int read_as_npy(const Bytes& bytes) {
  try {
    const NumpyArray array = read_npy(bytes.data(), bytes.size());
    volatile double sum = 0;
    if (array.type.kind != 'O')
      for (std::int64_t i = 0; i < array.length(); ++i) sum = sum + array.value(i);
  } catch (const Error&) { return 0; }
  return 1;
}

template <class Read>
void damage(const Bytes& whole, Read read) {
  CHECK(read(whole) == 1);
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(read(Bytes(whole.begin(), whole.begin() + size)) == 0);
  for (int round = 0; round < 20000; ++round) {
    Bytes bytes = whole;
    for (unsigned changes = 1 + generator() % 6; changes > 0; --changes)
      bytes[generator() % bytes.size()] = static_cast<std::uint8_t>(generator());
    read(bytes);
  }
}

}  // namespace

int main() {
  test("an array in a pickle", [] {
    const Bytes bytes = pickle_file();
    const Pickle pickle = read_pickle(bytes.data(), bytes.size());
    CHECK(pickle.root.kind == PickleValue::Kind::dict && pickle.root.node->size() == 4);
    const PickleNode& array = *pickle.root.node->at(1).node;
    CHECK((array.array.shape == std::vector<std::int64_t>{2, 3}));
    CHECK(array.array.value(5) == 5);
    CHECK(pickle.root.node->at(3).node->at(1).real == 2.5);
  });
  test("pickles, damaged", [] { damage(pickle_file(), read_as_pickle); });
  test("numpy's arrays, damaged", [] {
    damage(npy_file("<f4", "(2, 3)", 24), read_as_npy);
    damage(npy_file("|u1", "(24,)", 24), read_as_npy);
  });
  test("arrays that claim too much", [] {
    const Bytes huge = npy_file("<f8", "(281474976710656, 281474976710656)", 8);
    CHECK_THROWS(read_npy(huge.data(), huge.size()), "more values than can be");
    const Bytes wide = npy_file("<f8", "(99999999999999999999, 1)", 8);
    CHECK_THROWS(read_npy(wide.data(), wide.size()), "too large");
    const Bytes record = npy_file("<c16", "(1,)", 16);
    CHECK_THROWS(read_npy(record.data(), record.size()), "<c16");
  });
  test("objects that Python would have to make", [] {
    for (const char* text : {"cos\nsystem\n(S'true'\ntR.", "c__builtin__\neval\n.",
                             "ios\nsystem\n.", "(S'x'\nios\nsystem\n.",
                             "\x80\x02"
                             "cbuiltins\nexec\n."}) {
      const Bytes bytes = bytes_of(text);
      CHECK(read_as_pickle(bytes) == 0);
    }
  });
  return check_result();
}
