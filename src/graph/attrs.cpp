#include "graph/attrs.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "base/error.h"

namespace hornet {

void Attrs::set(const std::string& name, Attr value) {
  auto at = std::lower_bound(items_.begin(), items_.end(), name,
                             [](const auto& item, const std::string& n) { return item.first < n; });
  if (at != items_.end() && at->first == name) at->second = std::move(value);
  else items_.insert(at, {name, std::move(value)});
}

const Attr* Attrs::find(const std::string& name) const {
  for (const auto& item : items_)
    if (item.first == name) return &item.second;
  return nullptr;
}

namespace {

template <class T>
void write_list(std::ostream& out, const std::vector<T>& values) {
  out << "[";
  for (std::size_t i = 0; i < values.size(); ++i) out << (i ? ", " : "") << values[i];
  out << "]";
}

void write_attr(std::ostream& out, const Attr& attr) {
  if (auto i = std::get_if<std::int64_t>(&attr)) out << *i;
  else if (auto d = std::get_if<double>(&attr)) out << *d;
  else if (auto v = std::get_if<std::vector<std::int64_t>>(&attr)) write_list(out, *v);
  else if (auto w = std::get_if<std::vector<double>>(&attr)) write_list(out, *w);
  else out << '"' << std::get<std::string>(attr) << '"';
}

[[noreturn]] void missing(const std::string& name) {
  throw Error("argument \"" + name + "\" is missing");
}

[[noreturn]] void wrong_type(const std::string& name, const char* expected) {
  throw Error("argument \"" + name + "\" must be " + expected);
}

std::int64_t whole(double x, const std::string& name) {
  if (std::floor(x) != x || std::abs(x) > 9e15) wrong_type(name, "a whole number");
  return static_cast<std::int64_t>(x);
}

}  // namespace

std::int64_t Attrs::integer(const std::string& name) const {
  const Attr* attr = find(name);
  if (!attr) missing(name);
  if (auto i = std::get_if<std::int64_t>(attr)) return *i;
  if (auto d = std::get_if<double>(attr)) return whole(*d, name);
  wrong_type(name, "a whole number");
}

std::int64_t Attrs::integer(const std::string& name, std::int64_t otherwise) const {
  return has(name) ? integer(name) : otherwise;
}

double Attrs::real(const std::string& name) const {
  const Attr* attr = find(name);
  if (!attr) missing(name);
  if (auto d = std::get_if<double>(attr)) return *d;
  if (auto i = std::get_if<std::int64_t>(attr)) return static_cast<double>(*i);
  wrong_type(name, "a number");
}

double Attrs::real(const std::string& name, double otherwise) const {
  return has(name) ? real(name) : otherwise;
}

std::vector<std::int64_t> Attrs::integers(const std::string& name) const {
  const Attr* attr = find(name);
  if (!attr) missing(name);
  if (auto v = std::get_if<std::vector<std::int64_t>>(attr)) return *v;
  if (auto d = std::get_if<std::vector<double>>(attr)) {
    std::vector<std::int64_t> whole_numbers;
    for (double x : *d) whole_numbers.push_back(whole(x, name));
    return whole_numbers;
  }
  return {integer(name)};
}

std::vector<std::int64_t> Attrs::integers(const std::string& name,
                                          std::vector<std::int64_t> otherwise) const {
  return has(name) ? integers(name) : std::move(otherwise);
}

std::vector<double> Attrs::reals(const std::string& name) const {
  const Attr* attr = find(name);
  if (!attr) missing(name);
  if (auto d = std::get_if<std::vector<double>>(attr)) return *d;
  if (auto v = std::get_if<std::vector<std::int64_t>>(attr)) return {v->begin(), v->end()};
  return {real(name)};
}

std::string Attrs::text(const std::string& name, const std::string& otherwise) const {
  const Attr* attr = find(name);
  if (!attr) return otherwise;
  if (auto s = std::get_if<std::string>(attr)) return *s;
  wrong_type(name, "a string");
}

bool Attrs::flag(const std::string& name, bool otherwise) const {
  return has(name) ? integer(name) != 0 : otherwise;
}

std::string to_string(const Attrs& attrs) {
  std::ostringstream out;
  out << "{";
  const char* separator = "";
  for (const auto& item : attrs.items()) {
    out << separator << item.first << ": ";
    write_attr(out, item.second);
    separator = ", ";
  }
  out << "}";
  return out.str();
}

}  // namespace hornet
