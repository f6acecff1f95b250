// The CUDA_EMULATION_* environment variables, read once, at first use.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace cuda_emulation {

enum class Eager { none, all, even, odd };
enum class Order { forward, reverse, random };
enum class Driver { good, none, old };
enum class CudnnFault { none, unsupported, alloc };

struct Settings {
  int devices = 1;                            // DEVICES
  std::size_t memory = std::size_t{8} << 30;  // MEMORY: bytes of each device
  Eager eager = Eager::none;                  // EAGER: whose streams' work runs when it is queued
  Order order = Order::forward;               // ORDER of the threads and blocks of a kernel
  unsigned seed = 1;                          // SEED of the random order
  unsigned blocks = 0;                        // BLOCKS that a launch has at most, along x
  bool races = false;                         // RACES: watch every access of a kernel
  std::uint64_t hang = 2000000000;            // HANG: PTX instructions one thread may take
  long fail_alloc_after = -1;                 // FAIL_ALLOC_AFTER
  long fail_launch_after = -1;                // FAIL_LAUNCH_AFTER
  CudnnFault fail_cudnn = CudnnFault::none;   // FAIL_CUDNN
  Driver driver = Driver::good;               // DRIVER
  std::string report;                         // REPORT: a file instead of stderr
  bool leaks = true;                          // LEAKS=0 keeps silent about them
  bool stats = false;                         // STATS: a summary line at exit
};

const Settings& settings();

}  // namespace cuda_emulation
