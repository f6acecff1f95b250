// The threads of one block, the shared memory between them, and when each may go on.
#pragma once
#include <vector_types.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "ptx/races.h"
#include "ptx/thread.h"

namespace cuda_emulation::ptx {

// A kernel launch, as the device sees it.
struct Launch {
  const Function* entry = nullptr;
  dim3 grid, block;
  std::vector<std::uint8_t> arguments;
  std::size_t dynamic_shared = 0;
  int device = 0;
};

// What the blocks of a launch have in common.
struct Grid {
  const Launch& launch;
  std::unique_ptr<Races> races;                                      // only in race mode
  std::vector<std::pair<std::string, const Instruction*>> reported;  // once per instruction
  std::mt19937 random;
};

class Block {
 public:
  explicit Block(Grid& grid);
  void run(dim3 coordinates, unsigned number);

  dim3 size() const { return grid_.launch.block; }
  dim3 coordinates() const { return coordinates_; }
  const std::string& kernel_name() const { return grid_.launch.entry->name; }
  int device() const { return grid_.launch.device; }
  const std::vector<std::uint8_t>& kernel_arguments() const { return grid_.launch.arguments; }

  // Memory for an access of a thread. What is wrong is reported; what hardware would not survive
  // throws KernelFault.
  std::uint8_t* memory(Thread& thread, const Instruction& i, Space space, std::uint64_t address,
                       std::size_t n, Access access);

  // A finding about a thread at an instruction; once per launch and instruction.
  void report_at(const char* kind, const std::string& what, const Thread& thread,
                 const Instruction& i);

 private:
  std::uint8_t* global(Thread& thread, const Instruction& i, Address address, std::size_t n,
                       Access access);
  std::uint8_t* shared(Thread& thread, const Instruction& i, std::uint64_t offset, std::size_t n,
                       Access access);
  void watch(Thread& thread, const Instruction& i, bool is_shared, Address address, std::size_t n,
             Access access);
  std::vector<unsigned> thread_order();

  // Each lets threads go on that wait, and says if there were any.
  bool resolve_warps();
  bool resolve_barriers();
  bool resolve_warp(unsigned first, unsigned leader);
  void release_barrier(const std::vector<Thread*>& waiting, bool all);
  [[noreturn]] void fail_deadlocked();

  Grid& grid_;
  dim3 coordinates_;
  unsigned number_ = 0;
  std::vector<Thread> threads_;
  std::vector<std::uint8_t> shared_, shared_written_;
  std::uint64_t values_[static_cast<int>(BlockValue::count)] = {};
};

// Instruction::mode of what waits for other threads. The mask of lanes is in operand e, the number
// of a barrier in a, of the threads it waits for in b (0: all), the vote in c.
enum WarpOperation : std::uint8_t {
  kShuffleUp,
  kShuffleDown,
  kShuffleButterfly,
  kShuffleIndex,
  kVoteAll,
  kVoteAny,
  kVoteUniform,
  kVoteBallot,
  kMatchAny,
  kMatchAll,
  kActiveMask,
  kWarpBarrier,
};
enum BarrierVote : std::uint8_t { kBarrierPlain, kBarrierCount, kBarrierAnd, kBarrierOr };

// warp.cpp: what shfl, vote, match and bar.warp.sync give the lanes that take part.
void run_warp_operation(const Instruction& i, const std::vector<Thread*>& lanes);

std::uint64_t& instruction_clock();  // PTX instructions so far

// Runs the whole grid on the calling thread; returns a cudaError_t.
int run_grid(const Launch& launch);

}  // namespace cuda_emulation::ptx
