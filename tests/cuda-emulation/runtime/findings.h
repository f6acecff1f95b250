// What the emulation noticed: one line each, on stderr or in the file CUDA_EMULATION_REPORT.
#pragma once
#include <mutex>
#include <string>

namespace cuda_emulation {

// `kind` is a word a test can look for ("race"), `what` says who did what to whom.
void report(const char* kind, const std::string& what);

// Guards the whole emulation: every entry point of every library holds it, kernels run under it.
std::recursive_mutex& runtime_mutex();
using Lock = std::lock_guard<std::recursive_mutex>;

std::string hex(unsigned long long number);

}  // namespace cuda_emulation
