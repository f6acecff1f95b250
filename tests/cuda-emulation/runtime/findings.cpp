#include "runtime/findings.h"

#include <cstdio>

#include "runtime/counters.h"
#include "runtime/settings.h"

namespace cuda_emulation {

void report(const char* kind, const std::string& what) {
  Lock lock(runtime_mutex());
  ++counters().findings;
  const std::string line = "[cuda emulation] " + std::string(kind) + ": " + what + "\n";
  std::FILE* file = settings().report.empty() ? stderr : std::fopen(settings().report.c_str(), "a");
  if (!file) file = stderr;
  std::fputs(line.c_str(), file);
  if (file != stderr) std::fclose(file);
  else std::fflush(file);
}

std::recursive_mutex& runtime_mutex() {
  static std::recursive_mutex& mutex = *new std::recursive_mutex;
  return mutex;
}

std::string hex(unsigned long long number) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", number);
  return text;
}

}  // namespace cuda_emulation
