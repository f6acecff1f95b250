// The native tests' whole framework. CHECK says what failed and goes on; main() ends with
// `return check_result();`, which prints a summary and is 0 if all went well.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

inline int& checks_done() {
  static int n = 0;
  return n;
}
inline int& checks_failed() {
  static int n = 0;
  return n;
}

inline bool check(bool ok, const char* what, const char* file, int line) {
  ++checks_done();
  if (!ok) {
    ++checks_failed();
    std::printf("%s:%d: FAILED: %s\n", file, line, what);
  }
  return ok;
}

#define CHECK(condition) check(static_cast<bool>(condition), #condition, __FILE__, __LINE__)

// `expression` must throw an exception whose message contains `text`.
#define CHECK_THROWS(expression, text)                                                  \
  do {                                                                                  \
    std::string got = "(nothing was thrown)";                                           \
    try {                                                                               \
      expression;                                                                       \
    } catch (const std::exception& e) { got = e.what(); }                               \
    if (!check(got.find(text) != std::string::npos, #expression, __FILE__, __LINE__))   \
      std::printf("  expected a message with \"%s\", got \"%s\"\n", text, got.c_str()); \
  } while (0)

// Runs a test function under its name, a sentence; an exception is a failure. HORNET_TESTS=text
// leaves out those without the text in their names.
template <class Test>
void test(const std::string& name, Test&& run) {
  const char* wanted = std::getenv("HORNET_TESTS");
  if (wanted && name.find(wanted) == std::string::npos) return;
  const int failed_before = checks_failed();
  try {
    run();
  } catch (const std::exception& e) {
    ++checks_failed();
    std::printf("an exception ended the test: %s\n", e.what());
  }
  std::printf("%s: %s\n", checks_failed() == failed_before ? "ok" : "FAILED", name.c_str());
}

inline int check_result() {
  std::printf("%d checks, %d failed\n", checks_done(), checks_failed());
  return checks_failed() == 0 ? 0 : 1;
}
