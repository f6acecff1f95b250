#include "files/pickle.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"

namespace hornet {
namespace {

using Kind = PickleValue::Kind;

Error pickle_error(const std::string& reason) {
  return Error("not a readable pickle: " + reason, "data");
}

PickleValue value_of(Kind kind, PickleNode* node) {
  PickleValue value;
  value.kind = kind;
  value.node = node;
  return value;
}

PickleValue integer_value(std::int64_t number, Kind kind = Kind::integer) {
  PickleValue value;
  value.kind = kind;
  value.integer = number;
  return value;
}

PickleValue real_value(double number) {
  PickleValue value;
  value.kind = Kind::real;
  value.real = number;
  return value;
}

void append(PickleNode& list, const PickleValue& value) {
  if (list.items.empty() && value.kind == Kind::integer) {
    list.integers.push_back(value.integer);
    return;
  }
  for (std::int64_t number : list.integers) list.items.push_back(integer_value(number));
  list.integers.clear();
  list.items.push_back(value);
}

std::uint32_t hex_number(const std::string& digits) {
  char* end;
  const unsigned long value = std::strtoul(digits.c_str(), &end, 16);
  if (digits.empty() || *end) throw pickle_error("it has a bad escape");
  return static_cast<std::uint32_t>(value);
}

// Bytes in Python's quotes and escapes.
std::string unquoted(const std::string& text) {
  if (text.size() < 2) throw pickle_error("it has a bad text");
  static const char escaped[] = "ntr0", meant[] = "\n\t\r";
  std::string bytes;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
    } else if (text[++i] == 'x') {
      bytes += static_cast<char>(hex_number(text.substr(i + 1, 2)));
      i += 2;
    } else {
      const char* known = std::strchr(escaped, text[i]);
      bytes += known && text[i] ? meant[known - escaped] : text[i];
    }
  }
  return bytes;
}

// Latin 1 with \u1234 and \U00012345 for the rest of Unicode -> UTF-8.
std::string unescaped(const std::string& text) {
  std::string utf8;
  const auto append = [&](std::uint32_t point) {
    char bytes[4];
    utf8.append(bytes, utf8_put(point, bytes));
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char kind = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : 0;
    if (kind == 'u' || kind == 'U') {
      const std::size_t digits = kind == 'u' ? 4 : 8;
      append(hex_number(text.substr(i + 2, digits)) & 0x1fffff);
      i += 1 + digits;
    } else {
      append(static_cast<unsigned char>(text[i]));
    }
  }
  return utf8;
}

// The stack machine that a pickle is a program for.
class Machine {
 public:
  Machine(const std::uint8_t* bytes, std::size_t size) : at_(bytes), end_(bytes + size) {}

  Pickle run() {
    while (step(take(1)[0])) {}
    result_.root = pop();
    return std::move(result_);
  }

 private:
  // --- the file ---
  const std::uint8_t* take(std::uint64_t n) {
    if (n > static_cast<std::uint64_t>(end_ - at_)) throw pickle_error("it is truncated");
    const std::uint8_t* from = at_;
    at_ += n;
    return from;
  }
  std::uint64_t number(int bytes) {
    const std::uint8_t* from = take(bytes);
    std::uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; --i) value = value << 8 | from[i];
    return value;
  }
  std::string line() {
    const void* newline = std::memchr(at_, '\n', static_cast<std::size_t>(end_ - at_));
    if (!newline) throw pickle_error("it is truncated");
    const auto* stop = static_cast<const std::uint8_t*>(newline);
    std::string text(at_, stop);
    at_ = stop + 1;
    return text;
  }

  // --- the stack ---
  void push(const PickleValue& value) { stack_.push_back(value); }
  PickleValue pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
      throw pickle_error("its stack is empty");
    const PickleValue value = stack_.back();
    stack_.pop_back();
    return value;
  }
  PickleValue& top() {
    if (stack_.empty()) throw pickle_error("its stack is empty");
    return stack_.back();
  }
  // What was pushed since the last mark.
  std::vector<PickleValue> pop_to_mark() {
    if (marks_.empty()) throw pickle_error("a mark is missing");
    const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleValue> values(from, stack_.end());
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return values;
  }
  PickleNode* node() {
    result_.nodes.push_back(std::make_unique<PickleNode>());
    return result_.nodes.back().get();
  }
  void push_node(Kind kind, std::vector<PickleValue> items = {}) {
    PickleNode* made = node();
    for (const PickleValue& item : items) {
      if (kind == Kind::dict) made->items.push_back(item);
      else append(*made, item);
    }
    push(value_of(kind, made));
  }
  void push_text(std::string text, Kind kind = Kind::text) {
    PickleNode* made = node();
    made->text = std::move(text);
    push(value_of(kind, made));
  }
  void push_bytes(std::uint64_t size) {
    const std::uint8_t* from = take(size);
    push_text(std::string(from, from + size));
  }
  PickleNode& top_of(Kind kind) {
    if (top().kind != kind) throw pickle_error("a list or dictionary is missing");
    return *top().node;
  }
  void set_items(const std::vector<PickleValue>& pairs) {
    if (pairs.size() % 2 != 0) throw pickle_error("a key has no value");
    auto& items = top_of(Kind::dict).items;
    items.insert(items.end(), pairs.begin(), pairs.end());
  }
  void append_items(const std::vector<PickleValue>& values) {
    for (const PickleValue& value : values) append(top_of(Kind::list), value);
  }
  void remember(std::uint64_t key) { memo_[key] = top(); }
  void recall(std::uint64_t key) {
    const auto known = memo_.find(key);
    if (known == memo_.end()) throw pickle_error("it refers to what is not there");
    push(known->second);
  }

  // --- numbers ---
  void push_long(std::uint64_t bytes) {
    const std::uint8_t* from = take(bytes);
    if (bytes > 8) throw Error("whole numbers of more than 64 bits can't be read", "data");
    std::uint64_t value = bytes > 0 && from[bytes - 1] & 0x80 ? ~std::uint64_t{0} : 0;
    for (std::uint64_t i = bytes; i-- > 0;) value = value << 8 | from[i];
    push(integer_value(static_cast<std::int64_t>(value)));
  }
  void push_number_line() {  // "12", "12L", and Python 2's "00" and "01" for booleans
    const std::string text = line();
    if (text == "00" || text == "01") return push(integer_value(text == "01", Kind::boolean));
    char* end;
    const long long value = std::strtoll(text.c_str(), &end, 10);
    if (end == text.c_str() || (*end && *end != 'L')) throw pickle_error("it has a bad number");
    push(integer_value(value));
  }
  void push_real() {
    std::uint64_t bits = 0;
    const std::uint8_t* from = take(8);
    for (int i = 0; i < 8; ++i) bits = bits << 8 | from[i];
    double value;
    std::memcpy(&value, &bits, sizeof value);
    push(real_value(value));
  }

  // --- objects ---
  void push_global(const std::string& module, const std::string& name) {
    // What numpy's arrays are made of.
    static const char* known[] = {"numpy.core.multiarray._reconstruct",
                                  "numpy._core.multiarray._reconstruct",
                                  "numpy.core.multiarray.scalar",
                                  "numpy._core.multiarray.scalar",
                                  "numpy.ndarray",
                                  "numpy.dtype",
                                  "_codecs.encode"};
    const std::string object = module + "." + name;
    for (const char* allowed : known) {
      if (object == allowed) return push_text(object, Kind::other);
    }
    throw Error("it contains the Python object \"" + object +
                    "\"; only numbers, texts, lists, dictionaries and numpy's arrays are read",
                "data");
  }
  static bool ends_with(const std::string& text, const char* ending) {
    const std::size_t n = std::strlen(ending);
    return text.size() >= n && text.compare(text.size() - n, n, ending) == 0;
  }
  PickleValue argument(const PickleValue& tuple, std::size_t i, Kind kind) {
    if (tuple.kind != Kind::list || i >= tuple.node->size() || tuple.node->at(i).kind != kind) {
      throw pickle_error("one of numpy's objects is not made as usual");
    }
    return tuple.node->at(i);
  }
  void call() {
    const PickleValue arguments = pop(), function = pop();
    if (function.kind != Kind::other) throw pickle_error("it calls what can't be called");
    const std::string& name = function.node->text;
    if (ends_with(name, "._reconstruct")) return push_node(Kind::array);
    if (name == "numpy.dtype") {
      push_text(argument(arguments, 0, Kind::text).node->text, Kind::other);
    } else if (ends_with(name, ".scalar")) {
      NumpyArray one;
      one.type = numpy_type(argument(arguments, 0, Kind::other).node->text);
      const std::string& bytes = argument(arguments, 1, Kind::text).node->text;
      one.data = reinterpret_cast<const std::uint8_t*>(bytes.data());
      one.size = bytes.size();
      if (one.type.kind == 'O') throw pickle_error("a number is missing");
      check_size(one);
      const double value = one.value(0);
      const bool whole = one.type.kind != 'f' && std::fabs(value) < 9e18;
      push(whole ? integer_value(static_cast<std::int64_t>(value)) : real_value(value));
    } else if (name == "_codecs.encode") {  // bytes that went through latin1 text
      const std::string& text = argument(arguments, 0, Kind::text).node->text;
      std::string bytes;
      for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        const bool pair = (c & 0xfe) == 0xc2 && i + 1 < text.size();
        bytes += pair ? static_cast<char>((c & 3) << 6 | (text[++i] & 0x3f)) : text[i];
      }
      push_text(std::move(bytes));
    } else {
      throw pickle_error("it calls " + name);
    }
  }
  // numpy's own state: of a type its byte order, of an array (version, shape, type, column-major?,
  // bytes or a list of objects).
  void build() {
    const PickleValue state = pop();
    if (top().kind == Kind::other) {
      std::string& type = top().node->text;
      const std::string order = argument(state, 1, Kind::text).node->text;
      if (order == ">" && type[0] != '>') type = order + type;
      return;
    }
    PickleNode& made = top_of(Kind::array);
    made = PickleNode();
    const PickleValue shape = argument(state, 1, Kind::list);
    for (std::size_t i = 0; i < shape.node->size(); ++i) {
      made.array.shape.push_back(argument(shape, i, Kind::integer).integer);
      if (made.array.shape.back() < 0) throw pickle_error("a size is negative");
    }
    made.array.type = numpy_type(argument(state, 2, Kind::other).node->text);
    made.array.column_major = argument(state, 3, Kind::boolean).integer != 0;
    if (made.array.type.kind == 'O') {
      const PickleNode& objects = *argument(state, 4, Kind::list).node;
      if (static_cast<std::int64_t>(objects.size()) != made.array.length()) {
        throw pickle_error("an array does not have as many objects as it says");
      }
      for (std::size_t i = 0; i < objects.size(); ++i) made.items.push_back(objects.at(i));
    } else {
      const std::string& bytes = argument(state, 4, Kind::text).node->text;
      made.array.data = reinterpret_cast<const std::uint8_t*>(bytes.data());
      made.array.size = bytes.size();
      check_size(made.array);
    }
  }

  // False at the end.
  bool step(std::uint8_t code) {
    switch (code) {
      case 0x80:  // protocol
        if (take(1)[0] > 5) throw pickle_error("its protocol is newer than 5");
        break;
      case 0x95:  // frame
        take(8);
        break;
      case '.':
        return false;
      case '(':
        marks_.push_back(stack_.size());
        break;
      case '0':
        pop();
        break;
      case '1':
        pop_to_mark();
        break;
      case '2':
        push(PickleValue(top()));
        break;
      case 'N':
        push(PickleValue());
        break;
      case 0x88:
      case 0x89:
        push(integer_value(code == 0x88, Kind::boolean));
        break;
      case 'J':
        push(integer_value(static_cast<std::int32_t>(number(4))));
        break;
      case 'K':
        push(integer_value(static_cast<std::int64_t>(number(1))));
        break;
      case 'M':
        push(integer_value(static_cast<std::int64_t>(number(2))));
        break;
      case 'I':
      case 'L':
        push_number_line();
        break;
      case 0x8a:
        push_long(number(1));
        break;
      case 0x8b:
        push_long(number(4));
        break;
      case 'G':
        push_real();
        break;
      case 'F':
        push(real_value(std::strtod(line().c_str(), nullptr)));
        break;
      case 'C':
      case 'U':
      case 0x8c:
        push_bytes(number(1));
        break;
      case 'B':
      case 'T':
      case 'X':
        push_bytes(number(4));
        break;
      case 0x8d:
      case 0x8e:
      case 0x96:
        push_bytes(number(8));
        break;
      case 'S':
        push_text(unquoted(line()));
        break;
      case 'V':
        push_text(unescaped(line()));
        break;
      case ']':
      case ')':
        push_node(Kind::list);
        break;
      case '}':
        push_node(Kind::dict);
        break;
      case 'l':
      case 't':
        push_node(Kind::list, pop_to_mark());
        break;
      case 'd':
        push_node(Kind::dict, pop_to_mark());
        break;
      case 0x85:
      case 0x86:
      case 0x87: {
        std::vector<PickleValue> items(code - 0x84);
        for (std::size_t i = items.size(); i-- > 0;) items[i] = pop();
        push_node(Kind::list, std::move(items));
        break;
      }
      case 'a': {
        const PickleValue value = pop();
        append(top_of(Kind::list), value);
        break;
      }
      case 'e':
        append_items(pop_to_mark());
        break;
      case 's': {
        const PickleValue value = pop(), key = pop();
        set_items({key, value});
        break;
      }
      case 'u':
        set_items(pop_to_mark());
        break;
      case 'p':
        remember(std::strtoull(line().c_str(), nullptr, 10));
        break;
      case 'q':
        remember(number(1));
        break;
      case 'r':
        remember(number(4));
        break;
      case 0x94:
        remember(memo_.size());
        break;
      case 'g':
        recall(std::strtoull(line().c_str(), nullptr, 10));
        break;
      case 'h':
        recall(number(1));
        break;
      case 'j':
        recall(number(4));
        break;
      case 'c': {
        const std::string module = line();
        push_global(module, line());
        break;
      }
      case 0x93: {
        const PickleValue name = pop(), module = pop();
        if (name.kind != Kind::text || module.kind != Kind::text)
          throw pickle_error("a name is missing");
        push_global(module.node->text, name.node->text);
        break;
      }
      case 'R':
        call();
        break;
      case 'b':
        build();
        break;
      default:
        throw Error("it asks Python for something that only Python could do (code " +
                        std::to_string(code) + ")",
                    "data");
    }
    return true;
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  std::vector<PickleValue> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleValue> memo_;
  Pickle result_;
};

}  // namespace

PickleValue PickleNode::at(std::size_t i) const {
  return items.empty() ? integer_value(integers[i]) : items[i];
}

Pickle read_pickle(const std::uint8_t* bytes, std::size_t size) {
  return Machine(bytes, size).run();
}

}  // namespace hornet
