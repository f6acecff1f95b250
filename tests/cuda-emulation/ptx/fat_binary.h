// What nvcc embeds in a program: code of several kinds for several architectures.
#pragma once
#include <string>

namespace cuda_emulation {

// The PTX of compute capability 7.5 in the fat binary behind nvcc's wrapper; throws
// std::runtime_error if it has none. Text compressed with zstd, nvcc's default, is unpacked.
std::string read_ptx(const void* wrapper);

}  // namespace cuda_emulation
