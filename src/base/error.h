// The one exception type of the core. Becomes an R condition in the glue.
#pragma once
#include <exception>
#include <string>
#include <utility>

namespace hornet {

// An error a user can act on: what was expected, what came, where. `kind` becomes the class
// of the R condition ("hornet_<kind>_error"); `hint` says what to do and is shown on its own line.
class Error : public std::exception {
 public:
  explicit Error(std::string message, std::string kind = "")
      : message_(std::move(message)), kind_(std::move(kind)) {}

  Error&& hint(const std::string& text) && {
    message_ += "\n" + text;
    return std::move(*this);
  }
  // Prefixes who was at work: a layer, a generator, a file.
  Error&& where(const std::string& actor) && {
    if (!actor.empty()) message_ = actor + ": " + message_;
    return std::move(*this);
  }

  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& kind() const { return kind_; }

 private:
  std::string message_;
  std::string kind_;
};

inline Error shape_error(std::string message) { return Error(std::move(message), "shape"); }

}  // namespace hornet
