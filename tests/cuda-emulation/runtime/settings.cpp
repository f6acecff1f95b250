#include "runtime/settings.h"

#include <cstdio>
#include <cstdlib>
#include <map>

namespace cuda_emulation {
namespace {

std::string text_of(const char* name) {
  const char* value = std::getenv((std::string("CUDA_EMULATION_") + name).c_str());
  return value ? value : "";
}

[[noreturn]] void refuse(const char* name, const std::string& value, const std::string& expected) {
  std::fprintf(stderr, "CUDA_EMULATION_%s is \"%s\"; expected %s\n", name, value.c_str(),
               expected.c_str());
  std::abort();
}

template <class Number>
void read_number(const char* name, Number& into) {
  const std::string value = text_of(name);
  if (value.empty()) return;
  char* end = nullptr;
  const long long number = std::strtoll(value.c_str(), &end, 0);
  if (*end || number < 0) refuse(name, value, "a number that is not negative");
  into = static_cast<Number>(number);
}

template <class Choice>
void read_choice(const char* name, const std::map<std::string, Choice>& choices, Choice& into) {
  const std::string value = text_of(name);
  if (value.empty()) return;
  const auto found = choices.find(value);
  std::string expected = "one of";
  for (const auto& choice : choices) expected += " " + choice.first;
  if (found == choices.end()) refuse(name, value, expected);
  into = found->second;
}

Settings read_settings() {
  Settings s;
  read_number("DEVICES", s.devices);
  if (s.devices > 16) refuse("DEVICES", std::to_string(s.devices), "at most 16");
  read_number("MEMORY", s.memory);
  read_choice<Eager>(
      "EAGER", {{"0", Eager::none}, {"1", Eager::all}, {"even", Eager::even}, {"odd", Eager::odd}},
      s.eager);
  read_choice<Order>(
      "ORDER",
      {{"forward", Order::forward}, {"reverse", Order::reverse}, {"random", Order::random}},
      s.order);
  read_number("SEED", s.seed);
  read_number("BLOCKS", s.blocks);
  read_number("RACES", s.races);
  read_number("HANG", s.hang);
  read_number("FAIL_ALLOC_AFTER", s.fail_alloc_after);
  read_number("FAIL_LAUNCH_AFTER", s.fail_launch_after);
  read_choice<CudnnFault>("FAIL_CUDNN",
                          {{"none", CudnnFault::none},
                           {"unsupported", CudnnFault::unsupported},
                           {"alloc", CudnnFault::alloc}},
                          s.fail_cudnn);
  read_choice<Driver>(
      "DRIVER", {{"good", Driver::good}, {"none", Driver::none}, {"old", Driver::old}}, s.driver);
  s.report = text_of("REPORT");
  read_number("LEAKS", s.leaks);
  read_number("STATS", s.stats);
  return s;
}

}  // namespace

const Settings& settings() {
  static const Settings& read = *new Settings(read_settings());  // outlives every destructor
  return read;
}

}  // namespace cuda_emulation
