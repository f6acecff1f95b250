// The static arguments of a node: axes, strides, rates.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace hornet {

// Few and small: a sorted list of names and values.
using Attr =
    std::variant<std::int64_t, double, std::vector<std::int64_t>, std::vector<double>, std::string>;

class Attrs {
 public:
  Attrs() = default;
  Attrs(std::initializer_list<std::pair<std::string, Attr>> items) {
    for (auto& item : items) set(item.first, item.second);
  }
  void set(const std::string& name, Attr value);
  bool has(const std::string& name) const { return find(name) != nullptr; }

  // Typed access. Without a default, a missing attribute is an Error that names it.
  std::int64_t integer(const std::string& name) const;
  std::int64_t integer(const std::string& name, std::int64_t otherwise) const;
  double real(const std::string& name) const;  // an integer is accepted
  double real(const std::string& name, double otherwise) const;
  std::vector<std::int64_t> integers(const std::string& name) const;  // a scalar is accepted
  std::vector<std::int64_t> integers(const std::string& name,
                                     std::vector<std::int64_t> otherwise) const;
  std::vector<double> reals(const std::string& name) const;  // a scalar is accepted
  std::string text(const std::string& name, const std::string& otherwise = "") const;
  bool flag(const std::string& name, bool otherwise = false) const;

  bool operator==(const Attrs& o) const { return items_ == o.items_; }
  const std::vector<std::pair<std::string, Attr>>& items() const { return items_; }

 private:
  const Attr* find(const std::string& name) const;
  std::vector<std::pair<std::string, Attr>> items_;
};

// "{axes: [0, 1], keepdims: 1}"
std::string to_string(const Attrs& attrs);

}  // namespace hornet
