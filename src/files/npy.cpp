#include "files/npy.h"

#include <cstring>

#include "base/error.h"

namespace hornet {
namespace {

Error npy_error(const std::string& reason) { return Error("not a numpy file: " + reason, "data"); }

// What stands behind 'key': in the header, which is a dictionary in Python's notation.
std::string entry(const std::string& header, const std::string& key) {
  const std::size_t at = header.find("'" + key + "'");
  const std::size_t colon = at == std::string::npos ? at : header.find(':', at);
  if (colon == std::string::npos) throw npy_error("its header has no \"" + key + "\"");
  const std::size_t begin = header.find_first_not_of(' ', colon + 1);
  return begin == std::string::npos ? std::string() : header.substr(begin);
}

// "(3, 4)", "(3,)", "()".
std::vector<std::int64_t> shape_of(const std::string& text) {
  const std::size_t end = text.find(')');
  if (text.empty() || text[0] != '(' || end == std::string::npos) {
    throw npy_error("its header has no shape");
  }
  std::vector<std::int64_t> shape;
  std::int64_t number = -1;
  for (std::size_t i = 1; i <= end; ++i) {
    const char c = text[i];
    if (c >= '0' && c <= '9') {
      number = (number < 0 ? 0 : number) * 10 + (c - '0');
      if (number > std::int64_t{1} << 48) throw npy_error("its shape is too large");
    } else if (c == ',' || c == ')') {
      if (number >= 0) shape.push_back(number);
      number = -1;
    } else if (c != ' ' && c != 'L') {  // Python 2's long numbers end in L
      throw npy_error("its header has no shape");
    }
  }
  return shape;
}

template <class T>
double number(const std::uint8_t* bytes, bool big_endian) {
  std::uint8_t own[sizeof(T)];
  for (std::size_t i = 0; i < sizeof(T); ++i)
    own[i] = bytes[big_endian ? sizeof(T) - 1 - i : i];  // little end first, as all our machines
  T value;
  std::memcpy(&value, own, sizeof value);
  return static_cast<double>(value);
}

}  // namespace

NumpyType numpy_type(const std::string& code) {
  NumpyType type;
  std::size_t at = 0;
  if (!code.empty() && std::strchr("<>|=", code[0])) type.big_endian = code[at++] == '>';
  if (at < code.size()) type.kind = code[at++];
  const std::string bytes = code.substr(at);
  type.bytes = bytes.size() == 1 ? bytes[0] - '0' : 0;
  bool known = false;
  switch (type.kind) {
    case 'b':
      known = type.bytes == 1;
      break;
    case 'i':
    case 'u':
      known = type.bytes == 1 || type.bytes == 2 || type.bytes == 4 || type.bytes == 8;
      break;
    case 'f':
      known = type.bytes == 4 || type.bytes == 8;
      break;
    case 'O':
      known = true;
      break;
    default:
      break;
  }
  if (!known) throw Error("arrays of numpy's type \"" + code + "\" can't be read", "data");
  return type;
}

std::int64_t NumpyArray::length() const {
  std::int64_t n = 1;
  for (std::int64_t size : shape) {
    if (size > 0 && n > (std::int64_t{1} << 48) / size) {
      throw Error("the array claims more values than can be", "data");
    }
    n *= size;
  }
  return n;
}

double NumpyArray::value(std::int64_t i) const {
  const std::uint8_t* at = data + i * type.bytes;
  const bool big = type.big_endian;
  switch (type.kind) {
    case 'f':
      return type.bytes == 4 ? number<float>(at, big) : number<double>(at, big);
    case 'u':
    case 'b':
      return type.bytes == 1   ? *at
             : type.bytes == 2 ? number<std::uint16_t>(at, big)
             : type.bytes == 4 ? number<std::uint32_t>(at, big)
                               : number<std::uint64_t>(at, big);
    default:
      return type.bytes == 1   ? static_cast<std::int8_t>(*at)
             : type.bytes == 2 ? number<std::int16_t>(at, big)
             : type.bytes == 4 ? number<std::int32_t>(at, big)
                               : number<std::int64_t>(at, big);
  }
}

void check_size(const NumpyArray& array) {
  if (array.type.kind == 'O') return;
  const std::int64_t claimed = array.length() * array.type.bytes;
  if (static_cast<std::uint64_t>(claimed) != array.size) {
    throw Error("the array claims " + std::to_string(claimed) + " bytes, but there are " +
                    std::to_string(array.size),
                "data");
  }
}

NumpyArray read_npy(const std::uint8_t* bytes, std::size_t size) {
  static const char magic[] = "\x93NUMPY";
  if (size < 10 || std::memcmp(bytes, magic, 6) != 0) throw npy_error("it starts otherwise");
  const bool wide = bytes[6] >= 2;  // version 2 has longer headers
  const std::size_t start = wide ? 12 : 10;
  if (size < start) throw npy_error("it is truncated");
  std::size_t length = bytes[8] | bytes[9] << 8;
  if (wide) length |= std::size_t{bytes[10]} << 16 | std::size_t{bytes[11]} << 24;
  if (length > size - start) throw npy_error("it is truncated");

  const std::string header(reinterpret_cast<const char*>(bytes + start), length);
  const std::string type = entry(header, "descr");
  const std::size_t quote =
      type.empty() || type[0] != '\'' ? std::string::npos : type.find('\'', 1);
  if (quote == std::string::npos) throw Error("arrays of records can't be read", "data");
  NumpyArray array;
  array.type = numpy_type(type.substr(1, quote - 1));
  array.shape = shape_of(entry(header, "shape"));
  array.column_major = entry(header, "fortran_order").compare(0, 4, "True") == 0;
  array.data = bytes + start + length;
  array.size = size - start - length;
  check_size(array);
  return array;
}

}  // namespace hornet
